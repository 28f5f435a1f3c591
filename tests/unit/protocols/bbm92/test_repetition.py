"""When something is said again: never, at once, or after a while."""

from protocols.bbm92.repetition import Repetition
from protocols.link import EARLIEST_PS


def test_nothing_to_say_is_never_due() -> None:
    """At first, and once it is answered."""
    repetition = Repetition(10)
    for _ in range(2):
        assert not repetition.is_waiting
        assert repetition.due_ps is None
        assert not repetition.is_due(10**18)
        repetition.start(5)
        repetition.stop()


def test_due_a_period_after_it_was_said() -> None:
    """At the end of the period, and again from when it is said again."""
    repetition = Repetition(10)
    repetition.start(-3)
    assert (repetition.is_waiting, repetition.due_ps) == (True, 7)
    assert not repetition.is_due(6)
    assert repetition.is_due(7)
    repetition.start(7)
    assert repetition.due_ps == 17


def test_what_an_earlier_life_has_said_is_due_at_once() -> None:
    """Whatever the clock says, until it is said again."""
    repetition = Repetition(10)
    repetition.hurry()
    assert (repetition.is_waiting, repetition.due_ps) == (True, EARLIEST_PS)
    assert repetition.is_due(-(10**18))
    repetition.start(0)
    assert not repetition.is_due(9)
