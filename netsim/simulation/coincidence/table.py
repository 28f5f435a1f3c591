"""What coincides, and how often: rates of all lanes by time difference and detectors.

All rates are those of the devices as they stand, `netsim.twin.coincidences`, integrated over narrow
bins of the time difference. Dead time is in them: what follows another click too closely is not
drawn. Clicks that have to do with none of their user's lanes are not there, and so are no chance
coincidences among them: these are drawn as coincidences of their own.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.topology.network import Lane, Network
from netsim.twin.clocks import Clocks
from netsim.twin.coincidences import Coincidences
from netsim.twin.detectors import Rates
from netsim.twin.peaks import Gate

BINS = 16
"""Of the window; within one of them all time differences are equally likely."""
MARGIN_SHARE = 8
"""The window, divided by this, is drawn on either side of it: clocks, ticks and published times cut
to a sixteenth of the window move coincidences in over its edges as they move others out."""
PAIRS = DETECTORS * DETECTORS


@dataclass(frozen=True, slots=True, eq=False)
class CoincidenceTable:
    """Rates of coincidences of all lanes of a network in one state.

    Attributes
    ----------
    edges_ps : (lanes, bins + 1) int64
        Of the bins of each lane: arrival at the second user less that at the first.
    rates_hz : (lanes, bins * 16) float64
        By bin, then by detector of the first and of the second user.
    is_seen : (lanes,) bool
        Lanes that the parties can match: with pairs, on a link that finds its clocks.
    """

    edges_ps: NDArray[np.int64]
    rates_hz: Rates
    is_seen: NDArray[np.bool_]

    @classmethod
    def of(cls, network: Network, time_ps: int) -> Self:
        """Work out ``network`` with the settings of ``time_ps``."""
        return cls.found(network, Coincidences(network, time_ps))

    @classmethod
    def found(cls, network: Network, found: Coincidences) -> Self:
        """Work out ``network`` with coincidences as they were ``found``."""
        edges_ps = lane_edges_ps(network)
        rates = [
            _BinRates.of(found, lane, edges)
            for lane, edges in zip(network.lanes, edges_ps, strict=True)
        ]
        taken_hz = _taken_hz(network.lanes, rates)
        return cls(
            edges_ps,
            np.array(
                [each.less(taken_hz[each.users[0]], taken_hz[each.users[1]]) for each in rates]
            ),
            _seen(network, found, rates),
        )


def lane_edges_ps(network: Network) -> NDArray[np.int64]:
    """(lanes, bins + 1) int64: those of the window, and one bin on either side of it.

    Windows of the scoring begin at these very picoseconds. Where another window of the link is
    near, the bins outside are narrower.
    """
    window_ps = network.topology.protocol.window_ps
    rows = []
    for lane in network.lanes:
        middle_ps = round(lane.delay_ps)
        inside_ps = middle_ps - window_ps // 2 + np.arange(BINS + 1) * window_ps // BINS
        margin_ps = _margin_ps(network, lane)
        rows.append([inside_ps[0] - margin_ps, *inside_ps, inside_ps[-1] + margin_ps])
    return np.array(rows, dtype=np.int64).reshape(len(rows), BINS + 3)


def _margin_ps(network: Network, lane: Lane) -> int:
    window_ps = network.topology.protocol.window_ps
    others = [other for other in network.lanes_of(lane.users) if other is not lane]
    gaps_ps = [abs(other.delay_ps - lane.delay_ps) - window_ps for other in others]
    nearest_ps = int(min(gaps_ps, default=window_ps)) // 2
    return max(1, min(window_ps // MARGIN_SHARE, nearest_ps))


@dataclass(frozen=True, slots=True, eq=False)
class _BinRates:
    """One lane."""

    users: tuple[str, str]
    related_hz: Rates
    """(bins, 4, 4)."""
    accidental_hz: Rates
    """(bins, 4, 4)."""
    widths_s: Rates
    """(bins,)."""

    @classmethod
    def of(cls, found: Coincidences, lane: Lane, edges_ps: NDArray[np.int64]) -> Self:
        gates = [
            Gate(lane.users, 0.5 * (low + high), float(high - low))
            for low, high in zip(edges_ps[:-1].tolist(), edges_ps[1:].tolist(), strict=True)
        ]
        related_hz = np.array([found.true_hz(gate) + found.bunched_hz(gate) for gate in gates])
        accidental_hz = np.array([found.accidental_hz(gate) for gate in gates])
        return cls(lane.users, related_hz, accidental_hz, np.diff(edges_ps) * 1e-12)

    def less(self, first_hz: Rates, second_hz: Rates) -> Rates:
        """(bins * 16,): all, less the chance coincidences that clicks which are drawn make."""
        made_hz = self.widths_s[:, None, None] * np.outer(first_hz, second_hz)
        all_hz: Rates = self.related_hz + np.maximum(self.accidental_hz - made_hz, 0.0)
        return all_hz.ravel()


def _taken_hz(lanes: tuple[Lane, ...], rates: list[_BinRates]) -> dict[str, Rates]:
    """(4,) of each user: clicks that are drawn, all lanes together."""
    found: dict[str, Rates] = {}
    for lane, each in zip(lanes, rates, strict=True):
        total_hz = (each.related_hz + each.accidental_hz).sum(axis=0)
        for user, axis in zip(lane.users, (1, 0), strict=True):
            found[user] = found.get(user, np.zeros(DETECTORS)) + total_hz.sum(axis=axis)
    return found


def _seen(network: Network, found: Coincidences, rates: list[_BinRates]) -> NDArray[np.bool_]:
    """Which lanes have enough pairs, on links with enough light to find their clocks by."""
    clocks = Clocks(network, found)
    lights = [
        clocks.light(
            lane,
            float(each.related_hz[1:-1].sum()),
            float(each.accidental_hz[1:-1].sum()),
        )
        for lane, each in zip(network.lanes, rates, strict=True)
    ]
    locked = {
        lane.users for lane, light in zip(network.lanes, lights, strict=True) if light.finds_clocks
    }
    return np.array(
        [
            light.stays_lit and lane.users in locked
            for lane, light in zip(network.lanes, lights, strict=True)
        ],
        dtype=np.bool_,
    )
