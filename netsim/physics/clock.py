"""A user's clock: offset, frequency error, random walk of the phase; and the digitiser's ticks.

local = true + offset + rate * true + walk(true). The walk is that of white frequency noise: its
increments over a time T are Gaussian with variance (sigma_y(1 s))^2 * T * 1 s [1]_. It is drawn on
a fixed grid of true time and is linear between: a function of the seed alone, not of frames nor of
who asks first.

References
----------
.. [1] W. J. Riley, Handbook of Frequency Stability Analysis, NIST SP 1065 (2008), section 7.1:
   white FM has sigma_y(tau) = sigma_y(1 s) (tau / 1 s)^(-1/2).
"""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import DETECTOR_MASK
from netsim.units import PS_PER_S
from protocols.compiled import lane_kernel
from protocols.tags import DETECTOR_BITS

GRID_PS = PS_PER_S // 20
"""Grid of the walk: 20 numbers, 160 bytes, per simulated second."""
KEPT_PS = 60 * PS_PER_S
"""Of the past, behind what was forgotten, that can still be asked for."""

_BLOCK = 256
_INVERSE_STEPS = 20
"""Each step shrinks the error of the inverse by the frequency error, 1 % at worst."""


@lane_kernel
def _digitise(
    clicks: NDArray[np.int64],
    line: tuple[float, float],
    walk_ps: NDArray[np.float64],
    first: int,
    tick_ps: int,
) -> NDArray[np.int64]:
    """Tags of ascending true clicks; the same arithmetic as `Clock._error_ps`, bit for bit."""
    offset_ps, rate = line
    tags = np.empty(clicks.size, dtype=np.int64)
    latest = -(2**63)
    origin_ps, next_origin_ps = 0, 0
    left_ps, climb_ps = 0.0, 0.0
    ticks, over_ps = 0, 0
    for k in range(clicks.size):
        time_ps = clicks[k] >> DETECTOR_BITS
        if time_ps >= next_origin_ps:
            cell = time_ps // GRID_PS
            origin_ps, next_origin_ps = cell * GRID_PS, (cell + 1) * GRID_PS
            left_ps = walk_ps[cell - first]
            climb_ps = walk_ps[cell - first + 1] - left_ps
            ticks, over_ps = origin_ps // tick_ps, origin_ps % tick_ps
        share = (time_ps - origin_ps) / GRID_PS
        error_ps = offset_ps + rate * time_ps
        error_ps += left_ps + climb_ps * share
        # Whole numbers below 2^53: quotients are cut as exactly as those of integers, and sooner.
        since_ps = float(time_ps - origin_ps + over_ps) + np.floor(error_ps + 0.5)
        tick = ticks + int(np.floor(since_ps / tick_ps))
        tag = (tick << DETECTOR_BITS) | (clicks[k] & DETECTOR_MASK)
        tags[k] = tag
        if tag >= latest:
            latest = tag
            continue
        # Two detectors within one tick may come in the wrong order: put the smaller tag first.
        at = k
        while at > 0 and tags[at - 1] > tag:
            tags[at] = tags[at - 1]
            at -= 1
        tags[at] = tag
    return tags


class Clock:
    """Converts between true time and one user's local time; both are integers in picoseconds.

    Parameters
    ----------
    rng : Generator
        Of this clock alone: the walk goes on drawing from it as far as it is asked for.
    offset_bound_ps : int
        An offset that is not given is drawn uniformly within plus or minus this.
    rate_bound_ppm : float
        The same for the frequency error.
    allan_deviation_1s : float
        White frequency noise.
    offset_ps : int, optional
    rate_ppm : float, optional

    Attributes
    ----------
    offset_ps, rate_ppm : float
        The actual ones.
    """

    def __init__(
        self,
        rng: Generator,
        *,
        offset_bound_ps: int,
        rate_bound_ppm: float,
        allan_deviation_1s: float,
        offset_ps: int | None = None,
        rate_ppm: float | None = None,
    ) -> None:
        # Both are always drawn, so that giving one of them changes nothing else.
        drawn_offset_ps = float(rng.uniform(-1.0, 1.0)) * offset_bound_ps
        drawn_rate_ppm = float(rng.uniform(-1.0, 1.0)) * rate_bound_ppm
        self.offset_ps = drawn_offset_ps if offset_ps is None else float(offset_ps)
        self.rate_ppm = drawn_rate_ppm if rate_ppm is None else rate_ppm
        self._rate = self.rate_ppm * 1e-6
        self._rng = rng
        self._step_sigma_ps = allan_deviation_1s * math.sqrt(GRID_PS * PS_PER_S)
        self._walk_ps = np.zeros(1)
        """From grid point ``first`` to before grid point ``known``, and room behind."""
        self._first, self._known = 0, 1
        self._needed = 0
        """The first grid point that may still be asked for."""
        self._cell, self._left_ps, self._climb_ps = -1, 0.0, 0.0

    def local_ps(self, true_ps: int) -> int:
        """Local time at true time ``true_ps``, which may lie in the future or before 0."""
        return true_ps + math.floor(self._error_ps(true_ps) + 0.5)

    def true_ps(self, local_ps: int) -> int:
        """True time at which the clock shows ``local_ps``; inverse of `local_ps` within 1 ps."""
        true_ps = local_ps - round(self.offset_ps)
        for _ in range(_INVERSE_STEPS):
            previous_ps = true_ps
            true_ps = local_ps - math.floor(self._error_ps(true_ps) + 0.5)
            if true_ps == previous_ps:
                break
        return true_ps

    def first_true_ps(self, local_ps: int) -> int:
        """Earliest true time at which the clock shows ``local_ps`` or more."""
        true_ps = self.true_ps(local_ps)
        while self.local_ps(true_ps) < local_ps:
            true_ps += 1
        while self.local_ps(true_ps - 1) >= local_ps:
            true_ps -= 1
        return true_ps

    def digitise(self, clicks: NDArray[np.int64], *, tick_ps: int) -> NDArray[np.int64]:
        """Time tags of clicks, in ticks of this clock.

        Parameters
        ----------
        clicks : (N,) int64, ascending
            ``true_ps << 2 | detector``.
        tick_ps : int
            Local times are cut (towards minus infinity) to whole ticks.

        Returns
        -------
        (N,) int64, ascending
            ``ticks << 2 | detector``.
        """
        if clicks.size:
            self._extend(int(clicks[-1] >> DETECTOR_BITS) // GRID_PS + 2)
        walk_ps = self._walk_ps[: self._known - self._first]
        return _digitise(clicks, (self.offset_ps, self._rate), walk_ps, self._first, tick_ps)

    def forget(self, until_ps: int) -> None:
        """Let go of the walk up to `KEPT_PS` before true time ``until_ps``.

        Only when more is drawn, and only whole halves of what is held: memory does not grow with
        the length of the run.
        """
        self._needed = max(self._needed, (until_ps - KEPT_PS) // GRID_PS)

    @property
    def memory_bytes(self) -> int:
        """What the walk takes up."""
        return self._walk_ps.nbytes

    def _error_ps(self, true_ps: int) -> float:
        cell = true_ps // GRID_PS
        if cell < 0:
            return self.offset_ps + self._rate * true_ps
        if cell != self._cell:
            self._enter(cell)
        share = (true_ps - cell * GRID_PS) / GRID_PS
        error_ps = self.offset_ps + self._rate * true_ps
        return error_ps + (self._left_ps + self._climb_ps * share)

    def _enter(self, cell: int) -> None:
        self._extend(cell + 2)
        at = cell - self._first
        if at < 0:
            raise LookupError(f"the clock has forgotten grid point {cell}, before {self._first}")
        # Plain floats are much faster than NumPy's scalars, and the same numbers.
        self._left_ps, right_ps = self._walk_ps[at : at + 2].tolist()
        self._climb_ps = right_ps - self._left_ps
        self._cell = cell

    def _extend(self, size: int) -> None:
        """Draw the walk until ``size`` grid points are known, always in whole blocks."""
        while self._known < size:
            self._make_room()
            steps_ps = self._rng.standard_normal(_BLOCK) * self._step_sigma_ps
            held = self._known - self._first
            last_ps = self._walk_ps[held - 1]
            # One running sum, whatever the blocks.
            self._walk_ps[held : held + _BLOCK] = np.cumsum(np.concatenate(([last_ps], steps_ps)))[
                1:
            ]
            self._known += _BLOCK

    def _make_room(self) -> None:
        """For one more block: in place of the half that nobody needs, else by growing."""
        held_ps = self._walk_ps[: self._known - self._first]
        if held_ps.size + _BLOCK <= self._walk_ps.size:
            return
        gone = min(self._needed, self._known - 1) - self._first
        if gone >= max(_BLOCK, held_ps.size // 2):
            held_ps = held_ps[gone:].copy()
            self._first += gone
        else:
            self._walk_ps = np.zeros(2 * self._walk_ps.size + _BLOCK)
        self._walk_ps[: held_ps.size] = held_ps
