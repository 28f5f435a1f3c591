"""Draws coincidences of all lanes in a stretch of time: two clicks each, in the table's bins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.simulation.coincidence.table import PAIRS, CoincidenceTable
from netsim.units import PS_PER_S
from protocols.compiled import kernel
from protocols.tags import DETECTOR_BITS

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)


@kernel
def _alias(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Shares of each lane's cells, (lanes, K), and (lanes, K, 2) each cell and its stand-in.

    See Walker, Electron. Lett. 10, 127.
    """
    lanes, cells = weights.shape
    shares = np.ones((lanes, cells))
    choices = np.empty((lanes, cells, 2), dtype=np.int32)
    small = np.empty(cells, dtype=np.int64)
    large = np.empty(cells, dtype=np.int64)
    for lane in range(lanes):
        total = weights[lane].sum()
        few, many = 0, 0
        for cell in range(cells):
            choices[lane, cell] = cell
            shares[lane, cell] = weights[lane, cell] * cells / total if total > 0.0 else 1.0
            if shares[lane, cell] < 1.0:
                small[few] = cell
                few += 1
            else:
                large[many] = cell
                many += 1
        while few > 0 and many > 0:
            few -= 1
            poor, rich = small[few], large[many - 1]
            choices[lane, poor, 1] = rich
            shares[lane, rich] -= 1.0 - shares[lane, poor]
            if shares[lane, rich] < 1.0:
                many -= 1
                small[few] = rich
                few += 1
    return shares, choices


@kernel
def _place(
    uniforms: NDArray[np.float64],
    counts: NDArray[np.int64],
    shares: NDArray[np.float64],
    choices: NDArray[np.int32],
    edges_ps: NDArray[np.int64],
    arrivals_ps: NDArray[np.int64],
    length_ps: int,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> None:
    """Write packed clicks lane by lane, in no order of time, by three uniform numbers each."""
    at = np.uint64(0)
    for lane in range(counts.size):
        share, choice, edge_ps = shares[lane], choices[lane], edges_ps[lane]
        for _ in range(counts[lane]):
            place = uniforms[at, 0] * share.size
            own = np.uint64(np.int64(place))
            # No branch: whether its stand-in is taken is as random as a coin.
            cell = np.uint64(choice[own, np.uint64(place - np.int64(own) >= share[own])])
            which, detectors = cell // np.uint64(PAIRS), np.int64(cell % np.uint64(PAIRS))
            low_ps = edge_ps[which]
            width_ps = edge_ps[which + np.uint64(1)] - low_ps
            one_ps = arrivals_ps[lane] + int(uniforms[at, 1] * length_ps)
            other_ps = one_ps + low_ps + int(uniforms[at, 2] * width_ps)
            first[at] = (one_ps << DETECTOR_BITS) | (detectors // DETECTORS)
            second[at] = (other_ps << DETECTOR_BITS) | (detectors % DETECTORS)
            at += np.uint64(1)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Coincidences of some time; clicks are ``time_ps << 2 | detector``.

    Attributes
    ----------
    stops : (lanes + 1,) int64
        Where each lane begins and ends.
    first, second : (N,) int64
        Clicks of the first and of the second user of each lane, lane by lane.
    """

    stops: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    def of(self, lane: int, side: int) -> NDArray[np.int64]:
        """Clicks that one ``side`` (0 or 1) of ``lane`` has."""
        clicks = self.second if side else self.first
        return clicks[self.stops[lane] : self.stops[lane + 1]]


class CoincidenceSource:
    """Draws from one table.

    Parameters
    ----------
    table : CoincidenceTable
    delays_ps : (lanes,) int64
        From the source to the first user of each lane.
    """

    def __init__(self, table: CoincidenceTable, delays_ps: NDArray[np.int64]) -> None:
        self.table = table
        self._delays_ps = delays_ps
        self._rates_hz = table.rates_hz.sum(axis=1)
        self._shares, self._choices = _alias(table.rates_hz)

    def draw(self, rng: np.random.Generator, start_ps: int, stop_ps: int) -> Drawn:
        """All whose light is born in [``start_ps``, ``stop_ps``)."""
        length_ps = stop_ps - start_ps
        counts = rng.poisson(self._rates_hz * (length_ps / PS_PER_S))
        stops = np.concatenate(([0], np.cumsum(counts)))
        first, second = (np.empty(stops[-1], dtype=np.int64) for _ in range(2))
        _place(
            rng.random((stops[-1], 3)),
            counts,
            self._shares,
            self._choices,
            self.table.edges_ps,
            self._delays_ps + start_ps,
            length_ps,
            first,
            second,
        )
        return Drawn(stops, first, second)
