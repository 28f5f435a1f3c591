"""Phases that move in steps: each step once, the past as it was, and no further back than kept."""

import pytest

from netsim.physics.encodings.stepped import STEP_PS, SteppedPhase


class Stairs(SteppedPhase):
    """One radian more at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.times_ps: list[int] = []

    def _step(self, time_ps: int, last_rad: float) -> float:
        self.times_ps.append(time_ps)
        return last_rad + 1.0


def test_steps_are_taken_once_and_remembered() -> None:
    """Later times first, then earlier ones, which find what was there."""
    stairs = Stairs()
    asked = [5 * STEP_PS, 2 * STEP_PS + 1, 0, 3 * STEP_PS - 1, 6 * STEP_PS]
    assert [stairs(time_ps) for time_ps in asked] == [5.0, 2.0, 0.0, 2.0, 6.0]
    assert stairs.times_ps == [number * STEP_PS for number in range(1, 7)]


def test_what_is_too_long_ago_is_forgotten() -> None:
    """After 100 s the last second is known, and the first one is not."""
    stairs = Stairs()
    assert stairs(100 * 100 * STEP_PS) == 10_000.0
    assert stairs(99 * 100 * STEP_PS) == 9_900.0
    with pytest.raises(LookupError, match="forgotten"):
        stairs(100 * STEP_PS)
