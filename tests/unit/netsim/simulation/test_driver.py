"""The driver: one endpoint in simulated time, told the time of its user's own clock only."""

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
import pytest

from netsim.kernel.simulator import Schedule, Simulator, Strand
from netsim.physics.clock import Clock
from netsim.simulation.driver import MIN_WAIT_PS, EndpointDriver
from protocols.endpoint import Endpoint
from protocols.events import Event, LinkClosed, RoundStarted
from protocols.wire.counts import WireCounts

OFFSET_PS = 500_000_000
CLOSED = LinkClosed(3, b"vote")


class _Script:
    """Stands in for an endpoint: notes what it is told, says what it was given to say."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object, int]] = []
        self.events: deque[Event] = deque()
        self.outgoing: list[bytes] = []
        self.sent_ps: list[int] = []
        self.due_ps: int | None = None
        self.asked = 0
        self.is_closed = self.is_stopped = False
        self.is_idle = self.waits_for_light = self.has_news = True
        self.wire = WireCounts(1, 2, 3)
        self.reserve_bits = 77

    def take_light(self, now_ps: int) -> None:
        self.calls.append(("light", None, now_ps))

    def end_light(self, now_ps: int) -> None:
        self.calls.append(("end", None, now_ps))

    def receive_message(self, data: bytes, now_ps: int) -> bool:
        self.calls.append(("message", data, now_ps))
        return self.has_news

    def handle_deadline(self, now_ps: int) -> None:
        self.calls.append(("deadline", None, now_ps))
        if self.due_ps is not None and now_ps >= self.due_ps:
            self.due_ps = None

    def next_deadline_ps(self) -> int | None:
        self.asked += 1
        return self.due_ps

    def take_events(self) -> tuple[Event, ...]:
        taken, self.events = tuple(self.events), deque()
        return taken

    def messages_to_send(self, now_ps: int) -> list[bytes]:
        sent, self.outgoing = self.outgoing, []
        self.sent_ps += [now_ps] * len(sent)
        return sent


class Stage:
    """A driver with a scripted endpoint, and all that it did, in order."""

    def __init__(
        self,
        *,
        rate_ppm: float = 0.0,
        sim: Simulator | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        self.sim, self.script = sim or Simulator(), _Script()
        self.schedule: Schedule = schedule or self.sim
        self.done: list[tuple[str, object, int]] = []
        clock = Clock(
            np.random.Generator(np.random.PCG64DXSM(1)),
            offset_bound_ps=0,
            rate_bound_ppm=0.0,
            allan_deviation_1s=0.0,
            offset_ps=OFFSET_PS,
            rate_ppm=rate_ppm,
        )
        self.driver = EndpointDriver(self.schedule, clock, on_events=self._note)
        self.driver.connect(lambda data: self.done.append(("sent", data, self.sim.now_ps)))
        self.driver.start(self.endpoint)

    @property
    def endpoint(self) -> Endpoint:
        """The script, as the driver sees it."""
        return cast("Endpoint", self.script)

    def _note(self, step: Sequence[Event], time_ps: int) -> None:
        self.done += [("event", event, time_ps) for event in step]

    def run_to(self, time_ps: int) -> None:
        """Go on to a simulated time, included."""
        self.sim.run(until=time_ps + 1)


def test_time_is_the_users_own() -> None:
    """The endpoint hears of its local clock, the books of simulated time."""
    stage = Stage(rate_ppm=2.0)
    stage.run_to(10**12)
    stage.script.events.append(RoundStarted(5))
    stage.script.outgoing = [b"a"]
    stage.driver.deliver(b"x")
    stage.run_to(10**12 + 5)
    local_ps = 10**12 + 1 + OFFSET_PS + 2_000_000
    assert stage.script.sent_ps == [local_ps]
    assert stage.script.calls == [("message", b"x", local_ps)]
    assert stage.done == [("event", RoundStarted(5), 10**12 + 1), ("sent", b"a", 10**12 + 1)]


def test_order_is_kept() -> None:
    """Frames, datagrams and the end of the light arrive in the order in which they were put."""
    stage = Stage()
    stage.driver.notice_light()
    stage.driver.deliver(b"1")
    stage.driver.deliver(b"2")
    stage.driver.end_light()
    stage.run_to(10)
    assert [call[:2] for call in stage.script.calls] == [
        ("light", None),
        ("message", b"1"),
        ("message", b"2"),
        ("end", None),
    ]


def test_a_datagram_is_answered_as_it_arrives() -> None:
    """No event of its own lies between; after light of the same time it waits for its turn."""
    stage = Stage()
    stage.run_to(1)
    stage.script.outgoing = [b"answer"]
    stage.driver.deliver(b"1")
    assert [call[:2] for call in stage.script.calls] == [("message", b"1")]
    assert stage.done == [("sent", b"answer", stage.sim.now_ps)]
    stage.driver.notice_light()
    stage.driver.deliver(b"2")
    assert len(stage.script.calls) == 1
    stage.run_to(10)
    assert [call[:2] for call in stage.script.calls[1:]] == [("light", None), ("message", b"2")]


def test_light_that_is_of_no_use_wakes_nobody() -> None:
    """An endpoint that waits for nothing is not asked, nor told."""
    stage = Stage()
    stage.script.waits_for_light = False
    stage.driver.notice_light()
    stage.run_to(10)
    assert stage.script.calls == []
    stage.script.waits_for_light = True
    stage.driver.notice_light()
    stage.run_to(20)
    assert [what for what, _, _ in stage.script.calls] == ["light"]


def test_events_are_on_record_before_the_peer_hears() -> None:
    """All events are handed over before the first datagram goes out."""
    stage = Stage()
    stage.script.events.extend([RoundStarted(1), RoundStarted(2)])
    stage.script.outgoing = [b"a", b"b"]
    stage.driver.deliver(b"x")
    stage.run_to(10)
    assert [what for what, _, _ in stage.done] == ["event", "event", "sent", "sent"]


@pytest.mark.parametrize("rate_ppm", [-4.0, 0.0, 4.0])
def test_deadlines_are_met_by_the_own_clock(rate_ppm: float) -> None:
    """A deadline is handled when the user's clock shows it, not earlier, and at most 1 us later."""
    stage = Stage(rate_ppm=rate_ppm)
    due_ps = 3 * 10**12
    stage.script.due_ps = due_ps
    stage.run_to(4 * 10**12)
    (call,) = stage.script.calls
    assert call[0] == "deadline"
    assert due_ps <= call[2] <= due_ps + 1_000_000


def test_an_earlier_deadline_overrides_a_later_one() -> None:
    """A deadline that moves forward is met; the timer of the old one does no harm."""
    stage = Stage()
    stage.script.due_ps = 9 * 10**12
    stage.run_to(10**12)
    stage.script.due_ps = 2 * 10**12
    stage.driver.deliver(b"x")
    stage.run_to(20 * 10**12)
    times = [now_ps for what, _, now_ps in stage.script.calls if what == "deadline"]
    assert len(times) == 1
    assert 2 * 10**12 <= times[0] <= 2 * 10**12 + 1_000_000


def test_a_timer_that_comes_too_early_makes_no_step() -> None:
    """The deadline has been put off, and is met when it has come; or there is none any more."""
    stage = Stage()
    stage.run_to(1)
    stage.script.due_ps = 2 * 10**12
    stage.driver.deliver(b"x")
    stage.script.due_ps = 5 * 10**12
    stage.driver.deliver(b"x")
    before = stage.script.asked
    stage.run_to(4 * 10**12)
    assert stage.script.asked == before
    stage.run_to(6 * 10**12)
    (late,) = [now_ps for what, _, now_ps in stage.script.calls if what == "deadline"]
    assert 0 <= late - 5 * 10**12 <= 1_000_000
    before, stage.script.due_ps = stage.script.asked, 9 * 10**12
    stage.driver.deliver(b"x")
    stage.script.due_ps = None
    stage.driver.deliver(b"x")
    stage.run_to(20 * 10**12)
    assert stage.script.asked == before + 2


def test_a_deadline_is_asked_for_once_a_step() -> None:
    """Of ten datagrams none is due when the next one comes."""
    stage = Stage()
    stage.script.due_ps = 9 * 10**12
    stage.run_to(1)
    before = stage.script.asked
    for _ in range(10):
        stage.driver.deliver(b"x")
    assert stage.script.asked - before == 10


def test_a_datagram_that_changes_nothing_ends_the_step() -> None:
    """Neither deadline nor datagrams are asked for; a deadline that has come is met as ever."""
    stage = Stage()
    stage.script.due_ps = OFFSET_PS + 2 * 10**12
    stage.run_to(10**12)
    before, stage.script.has_news = stage.script.asked, False
    stage.script.outgoing = [b"later"]
    stage.driver.deliver(b"x")
    assert stage.script.asked == before
    assert stage.done == []
    stage.schedule.call_at(2 * 10**12, partial(stage.driver.deliver, b"y"))
    stage.run_to(2 * 10**12)
    assert [what for what, _, _ in stage.script.calls] == ["message", "message", "deadline"]
    assert [what for what, _, _ in stage.done] == ["sent"]


def test_what_a_datagram_makes_due_at_once_is_handled_at_once() -> None:
    """A timer brings it up, within a microsecond."""
    stage = Stage()
    stage.script.due_ps = 9 * 10**12
    stage.run_to(10**12)
    stage.script.due_ps, came_ps = 0, stage.sim.now_ps
    stage.driver.deliver(b"x")
    stage.run_to(2 * 10**12)
    (late,) = [now_ps for what, _, now_ps in stage.script.calls if what == "deadline"]
    assert 0 < late - OFFSET_PS - came_ps <= MIN_WAIT_PS


def test_a_deadline_that_stays_due_does_not_stop_time() -> None:
    """An endpoint that never moves its deadline on is asked once a microsecond, not for ever."""
    stage = Stage()
    stage.script.due_ps = 0
    stage.script.handle_deadline = lambda now_ps: stage.script.calls.append(  # type: ignore[method-assign]
        ("deadline", None, now_ps)
    )
    stage.run_to(100 * MIN_WAIT_PS)
    assert 99 <= len(stage.script.calls) <= 102


def test_what_arrives_while_down_is_lost() -> None:
    """A stopped process hears nothing, even of what it had not looked at; it holds no reserve."""
    stage = Stage()
    stage.run_to(1)
    stage.driver.notice_light()
    stage.driver.deliver(b"before")
    stage.driver.is_done = True
    stage.driver.stop()
    stage.driver.deliver(b"while down")
    stage.driver.notice_light()
    stage.run_to(100)
    assert stage.script.calls == []
    assert stage.driver.reserve_bits == 0
    assert not stage.driver.is_done


def test_new_life_goes_on_where_the_world_is() -> None:
    """A new endpoint hears what comes from then on, and that the light is over if it is."""
    stage = Stage()
    stage.run_to(1)
    stage.driver.stop()
    stage.driver.end_light()
    old, stage.script = stage.script, _Script()
    stage.driver.start(stage.endpoint)
    stage.driver.deliver(b"x")
    stage.run_to(100)
    assert old.calls == []
    assert [what for what, _, _ in stage.script.calls] == ["end", "message"]
    assert stage.driver.reserve_bits == 77
    assert stage.driver.wire == WireCounts(2, 4, 6), "both lives count"


@pytest.mark.parametrize(
    ("closed", "stopped", "idle", "done"),
    [
        (False, False, True, False),
        (True, False, True, True),
        (False, True, True, True),
        (True, False, False, False),
    ],
)
def test_done_means_closed_or_stopped_and_idle(
    closed: bool, stopped: bool, idle: bool, done: bool
) -> None:
    """A driver is done when nothing is left to say and nothing waits for an answer."""
    stage = Stage()
    stage.script.is_closed, stage.script.is_stopped = closed, stopped
    stage.script.is_idle = idle
    stage.driver.deliver(b"x")
    stage.run_to(1)
    assert stage.driver.is_done == done
    stage.script.is_idle = False
    stage.driver.deliver(b"x")
    assert not stage.driver.is_done


def test_done_is_seen_in_the_order_of_time() -> None:
    """What goes on until the ends of all links are done stops at the last of them, all told."""
    sim = Simulator()
    stages = {idle_ps: Stage(sim=sim, schedule=Strand(sim)) for idle_ps in (90, 120, 50)}
    closed_ps = dict(zip(stages, (80, 40, 50), strict=True))
    for idle_ps, stage in stages.items():
        stage.script.is_idle = False
        stage.schedule.call_at(closed_ps[idle_ps], partial(_close, stage))
        stage.schedule.call_at(idle_ps, partial(_acknowledge, stage))
    while not all(stage.driver.is_done for stage in stages.values()):
        sim.step()
    assert sim.now_ps == 120
    for idle_ps, stage in stages.items():
        time_ps = closed_ps[idle_ps]
        assert stage.done == [("event", CLOSED, time_ps), ("sent", b"bye", time_ps)]


def test_events_wait_for_their_turn() -> None:
    """Of two strands the later in time is stepped first: the sooner is told first, then sends."""
    sim, order = Simulator(), list[tuple[str, int]]()
    stages = {time_ps: Stage(sim=sim, schedule=Strand(sim)) for time_ps in (90, 50)}
    for time_ps, stage in stages.items():
        stage.schedule.call_at(20 if time_ps == 90 else 30, lambda: None)
        stage.schedule.call_at(time_ps, partial(_close, stage))
        stage.driver.connect(lambda _: order.append(("sent", sim.now_ps)))
        stage.driver._on_events = lambda _, told_ps: order.append(("told", told_ps))
    sim.run(until=200)
    assert order == [("told", 50), ("sent", 50), ("told", 90), ("sent", 90)]


def _close(stage: Stage) -> None:
    stage.script.is_closed = True
    stage.script.events.append(CLOSED)
    stage.script.outgoing = [b"bye"]
    stage.driver.deliver(b"x")


def _acknowledge(stage: Stage) -> None:
    stage.script.is_idle = True
    stage.driver.deliver(b"x")


def test_without_a_wire_nothing_fails() -> None:
    """A driver that was never connected drops what it would send."""
    stage = Stage()
    stage.driver._wire = None
    stage.script.outgoing = [b"a"]
    stage.driver.deliver(b"x")
    stage.run_to(10)
    assert stage.done == []
