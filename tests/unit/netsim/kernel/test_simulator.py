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
