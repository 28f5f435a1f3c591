"""Phases that move in steps: each step once, the past as it was, and no further back than kept."""

import numpy as np
import pytest

from netsim.physics.encodings.stepped import STEP_PS, SteppedPhase, spans


class Stairs(SteppedPhase):
    """One radian more at every step."""

    def __init__(self, *, longest_ps: int = 0) -> None:
        super().__init__(longest_ps=longest_ps)
        self.taken: list[int] = []

    def _steps(self, first: int, last: int, before_rad: float) -> np.ndarray:
        steps = range(first, last + 1)
        self.taken += steps
        return before_rad + 1.0 + np.arange(len(steps))


def test_steps_are_taken_once_and_remembered() -> None:
    """Later times first, then earlier ones, which find what was there."""
    stairs = Stairs()
    asked = [5 * STEP_PS, 2 * STEP_PS + 1, 0, 3 * STEP_PS - 1, 6 * STEP_PS]
    assert [stairs(time_ps) for time_ps in asked] == [5.0, 2.0, 0.0, 2.0, 6.0]
    assert stairs.taken == list(range(1, 7))
    assert stairs.between(STEP_PS, 4 * STEP_PS).tolist() == [1.0, 2.0, 3.0]
    assert stairs.between(STEP_PS, 4 * STEP_PS + 1).tolist() == [1.0, 2.0, 3.0, 4.0]


def test_what_is_too_long_ago_is_forgotten() -> None:
    """After 100 s the last second is known, and the first one is not."""
    stairs = Stairs()
    assert stairs(100 * 100 * STEP_PS) == 10_000.0
    assert stairs(99 * 100 * STEP_PS) == 9_900.0
    with pytest.raises(LookupError, match="forgotten"):
        stairs(100 * STEP_PS)


def test_a_long_time_at_once() -> None:
    """As long as was said beforehand, though others have gone on by as much."""
    stairs = Stairs()
    long = Stairs(longest_ps=200 * 100 * STEP_PS)
    assert long(200 * 100 * STEP_PS) == 20_000.0
    assert long.between(0, 200 * 100 * STEP_PS).tolist() == [float(n) for n in range(20_000)]
    assert stairs(10**6 * STEP_PS) == 1e6  # further than is kept


def test_which_steps_see_which_state() -> None:
    """A state is in force for the steps that begin in it; of two between steps the later one."""
    found = [(0, "a"), (2 * STEP_PS, "b"), (3 * STEP_PS + 1, "c"), (3 * STEP_PS + 2, "d")]
    assert list(spans(lambda _start, _stop: found, 1, 6)) == [(1, "a"), (2, "b"), (3, "d")]
