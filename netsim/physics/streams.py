"""All light of a piece of a frame in one compiled call.

To hand a generator over, and to keep what it drew, takes longer than to draw the few pairs of a
weak stream, and a network of forty users has thousands of those.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.physics.emission import (
    add_poisson_times,
    sample_bunches,
    sample_pairs,
    sample_poisson_times,
)
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
def _draw_pairs(
    generators: NDArray[np.uint64],
    kinds: NDArray[np.int64],
    rates_hz: NDArray[np.float64],
    kappas_per_ps: NDArray[np.float64],
    start_ps: int,
    stop_ps: int,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Times of both photons of pairs and bunches, stream by stream; none of singles."""
    nothing = np.empty(0, dtype=np.int64)
    both_ps = [(nothing, nothing) for _ in range(kinds.size)]
    for k in range(kinds.size):
        if kinds[k] != SINGLES:
            rng = generator_of(generators[k])
            born_ps = sample_poisson_times(rng, rates_hz[k], start_ps, stop_ps)
            if kinds[k] == PAIRS:
                both_ps[k] = sample_pairs(rng, born_ps, kappas_per_ps[k])
            else:
                both_ps[k] = sample_bunches(rng, born_ps, kappas_per_ps[k])
    return both_ps


@kernel
def _emit(
    generators: NDArray[np.uint64],
    kinds: NDArray[np.int64],
    rates_hz: NDArray[np.float64],
    kappas_per_ps: NDArray[np.float64],
    processes: NDArray[np.int64],
    ends: NDArray[np.int64],
    outlets: int,
    start_ps: int,
    stop_ps: int,
    first_row: int,
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]], NDArray[np.int64]]:
    """Times and ledger rows of each outlet, pairs first; and the process of each row."""
    both_ps = _draw_pairs(generators, kinds, rates_hz, kappas_per_ps, start_ps, stop_ps)
    paired = np.zeros(outlets, dtype=np.int64)
    for k in range(kinds.size):
        for side in range(2):
            paired[ends[k, side]] += both_ps[k][side].size
    times_ps = [np.empty(size, dtype=np.int64) for size in paired]
    rows = [np.empty(size, dtype=np.int64) for size in paired]
    of_row = np.empty(paired.sum() // 2, dtype=np.int64)
    free, row = np.zeros_like(paired), 0
    for k in range(kinds.size):
        for side in range(2):
            photons_ps, outlet = both_ps[k][side], ends[k, side]
            at = free[outlet]
            free[outlet] += photons_ps.size
            times_ps[outlet][at : at + photons_ps.size] = photons_ps
            for j in range(photons_ps.size):
                rows[outlet][at + j] = first_row + row + j
        of_row[row : row + both_ps[k][0].size] = processes[k]
        row += both_ps[k][0].size
    for k in range(kinds.size):
        if kinds[k] == SINGLES:
            rng, outlet = generator_of(generators[k]), ends[k, 0]
            times_ps[outlet] = add_poisson_times(
                rng, rates_hz[k], start_ps, stop_ps, times_ps[outlet]
            )
    for outlet in range(outlets):
        of_pairs = rows[outlet]
        rows[outlet] = np.full(times_ps[outlet].size, -1, dtype=np.int64)
        rows[outlet][: of_pairs.size] = of_pairs
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
        return _emit(*self._arrays, self._outlets, start_ps, stop_ps, first_row)


def _kappa_per_ps(shape: TimeShape | None) -> float:
    return 0.0 if shape is None else kappa_per_ps(shape.linewidth_hz)
