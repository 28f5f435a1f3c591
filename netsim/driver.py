"""Joins protocol endpoints to the simulated world; the only module that knows SimPy and endpoints.

A driver moves bytes between one endpoint and its channel and hands it the user's tags. It tells the
endpoint the time of the user's own clock, never the true one.
"""

from collections import deque
from collections.abc import Callable, Generator

from simpy.events import Event as SimEvent

from netsim.kernel.simulator import Simulator
from netsim.physics.clock import Clock
from protocols.endpoint import Endpoint
from protocols.events import Event
from protocols.tags import TagFrame

MIN_WAIT_PS = 1_000_000
"""A deadline that stays due never stops simulated time."""


class EndpointDriver:
    """Runs one endpoint as a SimPy process.

    Parameters
    ----------
    sim : Simulator
        Simulated time.
    endpoint : Endpoint
        One end of one link.
    clock : Clock
        The user's clock.
    on_event : callable
        Takes each event and the simulated time.
    """

    def __init__(
        self,
        sim: Simulator,
        endpoint: Endpoint,
        clock: Clock,
        *,
        on_event: Callable[[Event, int], None],
    ) -> None:
        self.endpoint = endpoint
        self._sim = sim
        self._clock = clock
        self._wire: Callable[[bytes], None] | None = None
        self._on_event = on_event
        self._inbox: deque[bytes | TagFrame | None] = deque()
        self._wake: SimEvent = sim.event()
        self._timer_ps: int | None = None
        sim.process(self._run())

    def connect(self, send: Callable[[bytes], None]) -> None:
        """Give the driver its wire: ``send`` takes a datagram to the other end."""
        self._wire = send

    @property
    def is_done(self) -> bool:
        """Whether the link is closed (or stopped) here and nothing waits to be acknowledged."""
        endpoint = self.endpoint
        return (endpoint.is_closed or endpoint.is_stopped) and endpoint.is_idle

    def deliver(self, datagram: bytes) -> None:
        """Take a datagram off the wire."""
        self._put(datagram)

    def add_tags(self, frame: TagFrame) -> None:
        """Take the user's next frame."""
        self._put(frame)

    def end_light(self) -> None:
        """No more frames will come."""
        self._put(None)

    def _put(self, item: bytes | TagFrame | None) -> None:
        self._inbox.append(item)
        self._wake_up()

    def _wake_up(self, _: SimEvent | None = None) -> None:
        if not self._wake.triggered:
            self._wake.succeed()

    def _run(self) -> Generator[SimEvent, None, None]:
        endpoint = self.endpoint
        while True:
            self._take_inbox()
            due_ps = endpoint.next_deadline_ps()
            if due_ps is not None and due_ps <= self._local_ps():
                endpoint.handle_deadline(self._local_ps())
            self._flush()
            self._set_timer()
            yield self._wake
            self._wake = self._sim.event()

    def _local_ps(self) -> int:
        return self._clock.local_ps(self._sim.now_ps)

    def _take_inbox(self) -> None:
        now_ps = self._local_ps()
        while self._inbox:
            item = self._inbox.popleft()
            if item is None:
                self.endpoint.end_light(now_ps)
            elif isinstance(item, TagFrame):
                self.endpoint.add_tags(item, now_ps)
            else:
                self.endpoint.receive_message(item, now_ps)

    def _flush(self) -> None:
        """Events first: what an endpoint has said must be on record before the peer hears of it."""
        while (event := self.endpoint.next_event()) is not None:
            self._on_event(event, self._sim.now_ps)
        for datagram in self.endpoint.messages_to_send(self._local_ps()):
            if self._wire is not None:
                self._wire(datagram)

    def _set_timer(self) -> None:
        """Wake at the deadline; timers that are set already and come too early do no harm."""
        local_ps = self.endpoint.next_deadline_ps()
        if local_ps is None:
            return
        due_ps = max(self._clock.true_ps(local_ps) + 1, self._sim.now_ps + MIN_WAIT_PS)
        if self._timer_ps is None or not self._sim.now_ps < self._timer_ps <= due_ps:
            self._timer_ps = due_ps
            timer = self._sim.wait_until(due_ps)
            timer.callbacks.append(self._wake_up)
