"""All light of a piece of a frame in one compiled call.

To hand a generator over, and to keep what it drew, takes longer than to draw the few pairs of a
weak stream, and a network of forty users has thousands of those.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.physics.emission import sample_bunches, sample_pairs, sample_poisson_times
from netsim.physics.generators import Generators, generator_of
from netsim.physics.rates import kappa_per_ps
from netsim.physics.shapes import TimeShape
from protocols.compiled import kernel

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

Outlet = tuple[str, str]
"""Channel and user."""

SINGLES, PAIRS, BUNCHES = range(3)
"""Kinds of streams."""


@kernel
def _emit(
    generators: NDArray[np.uint64],
    kinds: NDArray[np.int64],
    rates_hz: NDArray[np.float64],
    kappas_per_ps: NDArray[np.float64],
    processes: NDArray[np.int64],
    ends: NDArray[np.int64],
    start_ps: int,
    stop_ps: int,
    first_row: int,
    stops: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Draw stream by stream; times and ledger rows outlet by outlet, which stop at ``stops``."""
    ones = [np.empty(0, dtype=np.int64)]
    others = [np.empty(0, dtype=np.int64)]
    pairs = 0
    for k in range(kinds.size):
        rng = generator_of(generators[k])
        one_ps = sample_poisson_times(rng, rates_hz[k], start_ps, stop_ps)
        other_ps = one_ps[:0]
        if kinds[k] == PAIRS:
            one_ps, other_ps = sample_pairs(rng, one_ps, kappas_per_ps[k])
        elif kinds[k] == BUNCHES:
            one_ps, other_ps = sample_bunches(rng, one_ps, kappas_per_ps[k])
        ones.append(one_ps)
        others.append(other_ps)
        pairs += other_ps.size
        stops[ends[k, 0]] += one_ps.size
        stops[ends[k, 1]] += other_ps.size
    for outlet in range(1, stops.size):
        stops[outlet] += stops[outlet - 1]
    free = np.zeros_like(stops)
    free[1:] = stops[:-1]
    times_ps = np.empty(stops[-1], dtype=np.int64)
    rows = np.empty(stops[-1], dtype=np.int64)
    of_row = np.empty(pairs, dtype=np.int64)
    row = 0
    for k in range(kinds.size):
        one_ps, other_ps = ones[k + 1], others[k + 1]
        of_row[row : row + other_ps.size] = processes[k]
        for side, photons_ps in enumerate((one_ps, other_ps)):
            at = free[ends[k, side]]
            free[ends[k, side]] += photons_ps.size
            times_ps[at : at + photons_ps.size] = photons_ps
            if kinds[k] == SINGLES:
                rows[at : at + photons_ps.size] = -1
            else:
                for j in range(photons_ps.size):
                    rows[at + j] = first_row + row + j
        row += other_ps.size
    return times_ps, rows, of_row


class Stream(NamedTuple):
    """One Poisson process.

    Attributes
    ----------
    name : str
        Of its random stream.
    kind : int
        `SINGLES`, `PAIRS` or `BUNCHES`.
    rate_hz : float
    outlets : tuple of Outlet
        One of singles, two of pairs.
    process : int
        What the ledger stores of a pair.
    shape : TimeShape, optional
        Of pairs.
    """

    name: str
    kind: int
    rate_hz: float
    outlets: tuple[Outlet, ...]
    process: int = 0
    shape: TimeShape | None = None


class Streams:
    """Streams that are drawn together, one after the other as they stand.

    Parameters
    ----------
    streams : sequence of Stream
        With shapes in closed form, at any time.
    outlets : sequence of Outlet
        All that there are.
    rng_of : callable
        Generator of a stream's name.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        outlets: Sequence[Outlet],
        rng_of: Callable[[str], Generator],
    ) -> None:
        places = {outlet: place for place, outlet in enumerate(outlets)}
        self._generators = Generators(rng_of(stream.name) for stream in streams)
        self._outlets = len(outlets)
        self._arrays = (
            self._generators.at,
            np.array([stream.kind for stream in streams], dtype=np.int64),
            np.array([stream.rate_hz for stream in streams], dtype=np.float64),
            np.array([_kappa_per_ps(stream.shape) for stream in streams]),
            np.array([stream.process for stream in streams], dtype=np.int64),
            np.array(
                [[places[each.outlets[0]], places[each.outlets[-1]]] for each in streams],
                dtype=np.int64,
            ).reshape(-1, 2),
        )

    def emit(
        self, start_ps: int, stop_ps: int, *, first_row: int
    ) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]], NDArray[np.int64]]:
        """Photons born in ``[start_ps, stop_ps)``.

        Returns
        -------
        times_ps, rows : list of (N,) int64
            Of each outlet: when, and the row of the pair, from ``first_row`` on; -1 of singles.
        processes : (P,) int64
            Of each new row.
        """
        stops = np.zeros(self._outlets, dtype=np.int64)
        times_ps, rows, processes = _emit(*self._arrays, start_ps, stop_ps, first_row, stops)
        spans = [slice(*span) for span in pairwise([0, *stops.tolist()])]
        return [times_ps[span] for span in spans], [rows[span] for span in spans], processes


def _kappa_per_ps(shape: TimeShape | None) -> float:
    return 0.0 if shape is None else kappa_per_ps(shape.linewidth_hz)
