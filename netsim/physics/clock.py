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
_WHOLE = 2.0**52 + 2.0**51
"""Numbers from 2^52 to 2^53 are whole, and one more is one more of their bits."""
_WHOLE_BITS = int(np.float64(_WHOLE).view(np.int64))
_INVERSE_STEPS = 20
"""Each step shrinks the error of the inverse by the frequency error, 1 % at worst."""


@lane_kernel
def _line_of(
    cell: int, line: tuple[float, float], left_ps: float, right_ps: float
) -> tuple[int, float, float]:
    """Local time within a cell of the grid, from the walk at its edges.

    Returns
    -------
    begin_ps : int
    part_ps, gain : float
        ``begin_ps + since_ps + floor(part_ps + gain * since_ps)``, ``since_ps`` into the cell.
    """
    offset_ps, rate = line
    error_ps = offset_ps + rate * (cell * GRID_PS) + left_ps
    whole_ps = np.floor(error_ps)
    gain = rate + (right_ps - left_ps) / GRID_PS
    return cell * GRID_PS + int(whole_ps), error_ps - whole_ps + 0.5, gain


@lane_kernel
def _cut(
    clicks: NDArray[np.int64],
    origin_ps: int,
    line: tuple[int, float, float],
    tick_ps: int,
    tags: NDArray[np.int64],
) -> None:
    """Tags of clicks of one cell, which begins at ``origin_ps``, in the order of the clicks."""
    begin_ps, part_ps, gain = line
    ticks, over_ps = begin_ps // tick_ps, begin_ps % tick_ps
    per_ps = 1.0 / tick_ps
    to_bits, from_bits = _WHOLE_BITS - origin_ps, ticks - _WHOLE_BITS
    for k in range(clicks.size):
        # The bits of a number near 2^52 are those of a whole one: so converted, four at a time.
        bits = np.int64((clicks[k] >> DETECTOR_BITS) + to_bits)
        since_ps = bits.view(np.float64) - _WHOLE
        shown_ps = since_ps + over_ps + np.floor(part_ps + gain * since_ps)
        # The middle of a picosecond is half of it from the edges of its tick: the product, which
        # is that exact below 2^51, and rounded, gives the tick.
        tick = np.float64((shown_ps + 0.5) * per_ps - 0.5 + _WHOLE).view(np.int64)
        tags[k] = ((tick + from_bits) << DETECTOR_BITS) | (clicks[k] & DETECTOR_MASK)


@lane_kernel
def _put_in_order(tags: NDArray[np.int64]) -> None:
    """Order tags in place: two detectors within one tick may come in the wrong order."""
    one = np.uint64(1)
    for k in range(one, np.uint64(tags.size)):
        at, tag = np.uint64(k), tags[k]
        while at > 0 and tags[at - one] > tag:
            tags[at] = tags[at - one]
            at -= one
        tags[at] = tag


@lane_kernel
def _digitise(
    clicks: NDArray[np.int64],
    line: tuple[float, float],
    walk_ps: NDArray[np.float64],
    first: int,
    tick_ps: int,
) -> NDArray[np.int64]:
    """Tags of ascending true clicks, cut from the very times that `Clock.local_ps` shows."""
    tags = np.empty(clicks.size, dtype=np.int64)
    begin = 0
    while begin < clicks.size:
        cell = (clicks[begin] >> DETECTOR_BITS) // GRID_PS
        origin_ps = cell * GRID_PS
        left_ps, right_ps = 0.0, 0.0
        if cell >= 0:
            left_ps, right_ps = walk_ps[cell - first], walk_ps[cell - first + 1]
        of_cell = _line_of(cell, line, left_ps, right_ps)
        next_click = (origin_ps + GRID_PS) << DETECTOR_BITS
        stop = begin + int(np.searchsorted(clicks[begin:], next_click))
        _cut(clicks[begin:stop], origin_ps, of_cell, tick_ps, tags[begin:stop])
        begin = stop
    _put_in_order(tags)
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
        self._cell: int | None = None
        self._of_cell = 0, 0.0, 0.0

    def local_ps(self, true_ps: int) -> int:
        """Local time at true time ``true_ps``, which may lie in the future or before 0."""
        cell = true_ps // GRID_PS
        if cell != self._cell:
            self._enter(cell)
        begin_ps, part_ps, gain = self._of_cell
        since_ps = true_ps - cell * GRID_PS
        return begin_ps + since_ps + math.floor(part_ps + gain * since_ps)

    def true_ps(self, local_ps: int) -> int:
        """True time at which the clock shows ``local_ps``; inverse of `local_ps` within 1 ps."""
        true_ps = local_ps - round(self.offset_ps)
        for _ in range(_INVERSE_STEPS):
            previous_ps = true_ps
            true_ps += local_ps - self.local_ps(true_ps)
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

    def _enter(self, cell: int) -> None:
        left_ps, right_ps = 0.0, 0.0
        if cell >= 0:
            self._extend(cell + 2)
            at = cell - self._first
            if at < 0:
                raise LookupError(
                    f"the clock has forgotten grid point {cell}, before {self._first}"
                )
            left_ps, right_ps = self._walk_ps[at : at + 2].tolist()
        self._of_cell = _line_of(cell, (self.offset_ps, self._rate), left_ps, right_ps)
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
