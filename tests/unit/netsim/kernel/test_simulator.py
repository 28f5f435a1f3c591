"""Simulated time is an integer number of picoseconds."""

from collections.abc import Generator

import numpy as np
import pytest
from simpy.events import Event

from netsim.kernel.simulator import Simulator


def test_waits_for_absolute_times() -> None:
    """A process wakes at the very picosecond it asked for, also beyond 2^53 ps."""
    sim = Simulator()
    woken = []

    def sleep() -> Generator[Event, None, None]:
        for time_ps in (5, 2**53 + 1, 2**53 + 2):
            yield sim.wait_until(time_ps)
            woken.append(sim.now_ps)

    sim.process(sleep())
    sim.run()
    assert woken == [5, 2**53 + 1, 2**53 + 2]


def test_time_stays_a_python_integer() -> None:
    """NumPy integers are taken, but never become simulated time."""
    sim = Simulator()
    sim.run(until=sim.wait_until(np.int64(2**53 + 1)))
    assert type(sim.now_ps) is int
    sim.run(until=np.int64(2**53 + 3))
    assert type(sim.now_ps) is int
    assert sim.now_ps == 2**53 + 3


@pytest.mark.parametrize("time_ps", [1.0, np.float64(1), "1"])
def test_refuses_what_is_no_integer(time_ps: float) -> None:
    """Floats are refused wherever a time is given."""
    sim = Simulator()
    with pytest.raises(TypeError):
        sim.wait_until(time_ps)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        sim.run(until=time_ps)


def test_refuses_the_past() -> None:
    """The past is an error, the present is not."""
    sim = Simulator()
    sim.run(until=10)
    with pytest.raises(ValueError, match="has passed"):
        sim.wait_until(9)
    sim.run(until=sim.wait_until(10))
    assert sim.now_ps == 10


def test_run_stops_before_what_is_due_then() -> None:
    """``run(until=t)`` leaves the events of time t for the next run."""
    sim = Simulator()
    woken = []

    def sleep() -> Generator[Event, None, None]:
        yield sim.wait_until(10)
        woken.append(sim.now_ps)

    sim.process(sleep())
    sim.run(until=10)
    assert woken == []
    sim.run(until=11)
    assert woken == [10]


def test_calls_come_at_their_time_among_other_events() -> None:
    """In order of time; of one time, in the order in which they were asked for."""
    sim, told = Simulator(), list[tuple[str, int]]()

    def tell(what: str) -> None:
        told.append((what, sim.now_ps))

    sim.call_at(7, lambda: tell("late"))
    event = sim.wait_until(5)
    event.callbacks.append(lambda _: tell("event"))
    sim.call_at(np.int64(5), lambda: tell("call"))
    sim.call_at(0, lambda: sim.call_at(0, lambda: tell("now")))
    sim.run()
    assert told == [("now", 0), ("event", 5), ("call", 5), ("late", 7)]
    assert type(sim.now_ps) is int


def test_calls_take_the_same_times_as_events() -> None:
    """No floats, and not the past."""
    sim = Simulator()
    sim.run(until=10)
    with pytest.raises(TypeError):
        sim.call_at(11.0, print)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="9 ps has passed"):
        sim.call_at(9, print)


def test_what_a_call_raises_ends_the_run() -> None:
    """As it was raised."""
    sim = Simulator()

    def fail() -> None:
        raise KeyError("the original")

    sim.call_at(3, fail)
    with pytest.raises(KeyError, match="the original"):
        sim.run()
