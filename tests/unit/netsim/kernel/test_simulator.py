"""Simulated time is an integer number of picoseconds."""

from collections.abc import Callable, Generator
from functools import partial

import numpy as np
import pytest
from simpy.events import Event

from netsim.kernel.simulator import Schedule, Simulator, Strand


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


def test_strands_go_on_one_after_the_other_up_to_the_next_event() -> None:
    """Each in the order of its own time; an event that is due at once comes first."""
    sim, told = Simulator(), list[tuple[str, int]]()
    one, other = Strand(sim), Strand(sim)

    def tell(what: str) -> None:
        told.append((what, sim.now_ps))

    def begin() -> None:
        tell("begin")
        other.call_at(sim.now_ps + 5, lambda: tell("other"))
        one.call_at(sim.now_ps, lambda: one.call_at(one.now_ps + 3, lambda: tell("one")))
        one.call_at(sim.now_ps + 9, lambda: tell("one"))
        one.call_at(sim.now_ps + 10, lambda: tell("one"))

    sim.call_at(10, begin)
    sim.call_at(20, lambda: tell("event"))
    sim.run()
    assert told == [
        ("begin", 10), ("one", 13), ("one", 19), ("other", 15), ("event", 20), ("one", 20),
    ]  # fmt: skip


def test_what_others_see_has_its_turn_in_the_order_of_time() -> None:
    """A strand waits for its turn, others go on; what an event puts there is not forgotten."""
    sim, told = Simulator(), list[tuple[str, int]]()
    strands = {name: Strand(sim) for name in ("a", "b", "c")}

    def tell(what: str) -> None:
        told.append((what, sim.now_ps))

    def speak(name: str) -> None:
        strands[name].call_in_turn(lambda: tell(name))

    for name, times_ps in (("a", (7, 8, 30)), ("b", (3, 9)), ("c", (1, 8, 12))):
        for time_ps in times_ps:
            strands[name].call_at(time_ps, partial(speak, name))
    sim.call_at(10, lambda: strands["b"].call_at(11, partial(speak, "b")))
    sim.run(until=20)
    assert told == [
        ("c", 1), ("b", 3), ("a", 7), ("c", 8), ("a", 8), ("b", 9), ("b", 11), ("c", 12),
    ]  # fmt: skip
    assert sim.now_ps == 20
    sim.run()
    assert told[-1] == ("a", 30)


@pytest.mark.parametrize("seed", range(20))
def test_strands_are_the_same_run(seed: int) -> None:
    """Processes that talk to themselves tell the same at the same times, in the same order."""
    told = [_wandering(seed, as_strands=as_strands) for as_strands in (False, True)]
    assert told[0] == told[1]
    assert len(told[0]) > 150


def _wandering(seed: int, *, as_strands: bool) -> list[tuple[int, int, int]]:
    """What twelve of them tell: time, who, and how many calls it has had."""
    sim, told = Simulator(), list[tuple[int, int, int]]()

    def process(number: int) -> Callable[[], None]:
        rng = np.random.Generator(np.random.PCG64DXSM((seed, number)))
        own: Schedule = Strand(sim) if as_strands else sim
        calls = 0

        def tell() -> None:
            told.append((sim.now_ps, number, calls))
            own.call_at(own.now_ps + 100 * int(rng.integers(1, 300)), go_on)

        def go_on() -> None:
            nonlocal calls
            calls += 1
            for _ in range(rng.poisson(0.6)):
                own.call_at(own.now_ps + 100 * int(rng.integers(1, 100)), go_on)
            if rng.random() < 0.3:
                own.call_in_turn(tell)

        def wake() -> None:  # an event: no two calls of different processes are due at once
            own.call_at(sim.now_ps + 1 + number, go_on)
            if sim.now_ps < 100_000:
                sim.call_at(sim.now_ps + 100 * int(rng.integers(1, 200)), wake)

        return wake

    for number in range(12):
        sim.call_at(0, process(number))
    sim.run(until=200_000)
    return told


def test_strands_take_the_same_times_as_events() -> None:
    """No floats, and not the past."""
    sim = Simulator()
    sim.run(until=10)
    with pytest.raises(TypeError):
        Strand(sim).call_at(11.0, print)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="9 ps has passed: it is 10 ps"):
        Strand(sim).call_at(9, print)
