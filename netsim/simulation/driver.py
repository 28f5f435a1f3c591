"""Joins protocol endpoints to the simulated world; the only module that knows SimPy and endpoints.

A driver moves bytes between one endpoint and its channel and hands it the user's tags. It tells the
endpoint the time of the user's own clock, never the true one.
"""

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial

from netsim.kernel.simulator import Schedule
from netsim.physics.clock import Clock
from protocols.books import RoundBooks
from protocols.endpoint import Endpoint
from protocols.events import Event as LinkEvent
from protocols.link import EARLIEST_PS
from protocols.wire.counts import WireCounts

MIN_WAIT_PS = 1_000_000
"""A deadline that stays due never stops simulated time."""


class Light(Enum):
    """What an endpoint is told of its user's light."""

    CAME = auto()
    """The book has taken in frames."""
    OVER = auto()
    """No more frames will come."""


class EndpointDriver:
    """Runs one endpoint after the other, one a life, whenever there is something for it to do.

    Parameters
    ----------
    sim : Schedule
        Simulated time.
    clock : Clock
        The user's clock.
    on_events : callable
        Takes the events of each step, at least one, and the simulated time.

    Attributes
    ----------
    is_done : bool
        Whether the link is closed (or stopped) here and nothing waits to be acknowledged; others
        see it, and when all are done the run ends.
    """

    def __init__(
        self,
        sim: Schedule,
        clock: Clock,
        *,
        on_events: Callable[[Sequence[LinkEvent], int], None],
    ) -> None:
        self.is_done = False
        self._endpoint: Endpoint | None = None
        self._is_light_over = False
        self._past = WireCounts()
        self._sim = sim
        self._clock = clock
        self._wire: Callable[[bytes], None] | None = None
        self._on_events = on_events
        self._inbox: deque[bytes | Light] = deque()
        self._is_waking = False
        """Whether a step is due at the present time."""
        self._due_ps: int | None = EARLIEST_PS
        """Deadline of the endpoint as of the last step, by its own clock."""
        self._timer_ps = -1
        self._timed_local_ps = 0
        """Deadline that the timer was set for; a later one has a timer that comes too early."""

    def connect(self, send: Callable[[bytes], None]) -> None:
        """Give the driver its wire: ``send`` takes a datagram to the other end."""
        self._wire = send

    @property
    def wire(self) -> WireCounts:
        """What this end has sent in all its lives."""
        return self._past if self._endpoint is None else self._past + self._endpoint.wire

    @property
    def reserve_bits(self) -> int:
        """Pad bits that are still secret; 0 while the process is down."""
        return 0 if self._endpoint is None else self._endpoint.reserve_bits

    @property
    def open_books(self) -> dict[int, RoundBooks]:
        """Of each round under way as it stands, by number: what a crash would lose."""
        return {} if self._endpoint is None else self._endpoint.open_books

    def stop(self) -> None:
        """Crash: the endpoint and all it had in memory are gone; what arrives is lost."""
        self._past = self.wire
        self._endpoint = None
        self.is_done = False
        self._inbox.clear()

    def start(self, endpoint: Endpoint) -> None:
        """Begin a life with a new endpoint, made from what was durable of the one before."""
        self._endpoint, self._due_ps = endpoint, EARLIEST_PS
        if self._is_light_over:
            self._inbox.append(Light.OVER)
        self._wake_up()

    def deliver(self, datagram: bytes) -> None:
        """Take a datagram off the wire, and answer at once, unless a step is due now anyway."""
        if self._endpoint is None:
            return
        if self._is_waking:
            self._inbox.append(datagram)
        else:
            self._step(self._endpoint, datagram)

    def notice_light(self) -> None:
        """The user's book has taken in a frame: wake the endpoint if that is of use to it."""
        if self._endpoint is not None and self._endpoint.waits_for_light:
            self._notice(Light.CAME)

    def end_light(self) -> None:
        """No more frames will come."""
        self._is_light_over = True
        self._notice(Light.OVER)

    def _notice(self, light: Light) -> None:
        if self._endpoint is not None:
            self._inbox.append(light)
            self._wake_up()

    def _wake_up(self) -> None:
        """Have a step made behind all that is due by now: the books of all users take in light."""
        if not self._is_waking:
            self._is_waking = True
            self._sim.call_at(self._sim.now_ps, self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        self._act()

    def _act(self) -> None:
        """Make a step, unless one is due at the present time anyway."""
        if self._endpoint is not None and not self._is_waking:
            self._step(self._endpoint)

    def _ring(self) -> None:
        """A timer has run out: if that is too early, set another one, if any is needed still."""
        if self._endpoint is None or self._due_ps is None:
            return
        now_ps = self._clock.local_ps(self._sim.now_ps)
        if self._due_ps <= now_ps:
            self._act()
        else:
            self._set_timer(self._due_ps, now_ps)

    def _step(self, endpoint: Endpoint, datagram: bytes | None = None) -> None:
        """Go on with what has come; with a datagram, nothing else has."""
        now_ps = self._clock.local_ps(self._sim.now_ps)
        if datagram is None:
            self._take_inbox(endpoint, now_ps)
            has_news = True
        else:
            has_news = endpoint.receive_message(datagram, now_ps)
        # Nothing that has come in is due at once: if so, a timer brings it up.
        is_due = self._due_ps is not None and self._due_ps <= now_ps
        if not (has_news or is_due):
            return
        if is_due:
            due_ps = endpoint.next_deadline_ps()
            if due_ps is not None and due_ps <= now_ps:
                endpoint.handle_deadline(now_ps)
        # What the endpoint has said is on record before the peer hears of it.
        if events := endpoint.take_events():
            self._sim.call_in_turn(partial(self._tell, endpoint, events, now_ps))
        else:
            self._send(endpoint, now_ps)

    def _tell(self, endpoint: Endpoint, events: Sequence[LinkEvent], now_ps: int) -> None:
        self._on_events(events, self._sim.now_ps)
        if self._endpoint is endpoint:  # else its process has been stopped because of what it told
            self._send(endpoint, now_ps)

    def _send(self, endpoint: Endpoint, now_ps: int) -> None:
        """Send what there is, and wake up when there will be more to do."""
        true_ps = self._sim.now_ps
        if self._wire is not None:
            for answer in endpoint.messages_to_send(now_ps):
                self._wire(answer)
        self._note_whether_done(endpoint)
        self._due_ps = due_ps = endpoint.next_deadline_ps()
        if due_ps is None or (true_ps < self._timer_ps and self._timed_local_ps <= due_ps):
            return  # a timer that is set already and comes too early does no harm
        self._set_timer(due_ps, now_ps)

    def _note_whether_done(self, endpoint: Endpoint) -> None:
        if not (endpoint.is_idle and (endpoint.is_closed or endpoint.is_stopped)):
            self.is_done = False
        elif not self.is_done:
            self._sim.call_in_turn(self._be_done)

    def _be_done(self) -> None:
        self.is_done = True

    def _take_inbox(self, endpoint: Endpoint, now_ps: int) -> None:
        while self._inbox:
            match self._inbox.popleft():
                case bytes() as datagram:
                    endpoint.receive_message(datagram, now_ps)
                case Light.CAME:
                    endpoint.take_light(now_ps)
                case Light.OVER:
                    endpoint.end_light(now_ps)

    def _set_timer(self, local_ps: int, now_ps: int) -> None:
        """Wake at the deadline, unless a timer that is set already comes before it."""
        present_ps = self._sim.now_ps
        true_ps = self._clock.true_ps(max(local_ps, now_ps))
        due_ps = max(true_ps + 1, present_ps + MIN_WAIT_PS)
        if not present_ps < self._timer_ps <= due_ps:
            self._timer_ps, self._timed_local_ps = due_ps, local_ps
            self._sim.call_at(due_ps, self._ring)
