"""An endpoint: one end of one link, sans-I/O. Datagrams and tags in, datagrams and events out.

``now_ps`` is the user's own clock and comes in with every call; the endpoint holds no peer, no
channel, no clock, no file and no logger. The owner loops::

    take all events (and make them durable, all or none), then send every datagram, then
    wait for a datagram, a tag frame or the deadline, whichever comes first.

A tag frame goes into the user's book once; then the endpoints that wait for light are told.
"""

import numpy as np

from protocols.books import RoundBooks
from protocols.durable import DurableState
from protocols.events import Event
from protocols.interfaces import SessionStart
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import Role
from protocols.tagbook import TagBook
from protocols.timing import earlier_ps
from protocols.variants import PROTOCOLS
from protocols.wire.counts import WireCounts
from protocols.wire.transport import Transport

CONGESTED_BYTES = 32 * 1024 * 1024
"""With more than this waiting for the wire no new round begins."""
GIVEN_UP_BYTES = 128 * 1024 * 1024
"""With more than this the connection is given up, and begins anew when the peer is heard again."""


class Endpoint:
    """One end of a link.

    Parameters
    ----------
    role : Role
        Announcer or responder.
    config : LinkConfig
        Public; the same at both ends.
    secrets : LinkSecrets
        Shared by both ends, and by nobody else.
    book : TagBook
        This user's clicks; all endpoints of a user share it.
    book_index : int
        Number of this link among those of the user.
    rng : numpy.random.Generator
        This end's own randomness.
    durable : DurableState, optional
        What this end had before a crash.
    max_datagram_bytes, initial_timeout_ps : int
        See `Transport`.
    """

    def __init__(
        self,
        role: Role,
        config: LinkConfig,
        secrets: LinkSecrets,
        *,
        book: TagBook,
        book_index: int = 0,
        rng: np.random.Generator,
        max_datagram_bytes: int = 9000,
        initial_timeout_ps: int = 1_000_000_000_000,
        durable: DurableState | None = None,
    ) -> None:
        self.role = role
        self.book = book
        start = SessionStart(config, secrets, book, book_index, rng, durable)
        self._session = PROTOCOLS.get(config.profile.protocol).session(role, start)
        self._transport = Transport(
            epoch=int.from_bytes(rng.bytes(4), "big") or 1,
            max_datagram_bytes=max_datagram_bytes,
            initial_timeout_ps=initial_timeout_ps,
        )

    @property
    def is_closed(self) -> bool:
        """Whether the closing exchange is done."""
        return self._session.is_closed

    @property
    def is_stopped(self) -> bool:
        """Whether the link has stopped for lack of pads."""
        return self._session.is_stopped

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to send, and everything sent has been acknowledged."""
        return self._transport.is_idle and not self._session.has_messages

    @property
    def reserve_bits(self) -> int:
        """Pad bits that are still secret."""
        return self._session.reserve_bits

    @property
    def open_books(self) -> dict[int, RoundBooks]:
        """Of each round under way as it stands, by number: what a crash would lose."""
        return self._session.open_books

    @property
    def wire(self) -> WireCounts:
        """What this end has sent so far."""
        counts = self._transport.counts
        return WireCounts(
            self._session.messages_sent,
            counts.bytes_sent,
            counts.retransmissions,
        )

    @property
    def waits_for_light(self) -> bool:
        """Whether frames that the book has by now are of use; else `take_light` does nothing."""
        return self._session.waits_for_light

    def take_light(self, now_ps: int) -> None:
        """The user's book has taken in more frames."""
        if self._transport.queued_bytes > GIVEN_UP_BYTES:
            self._give_up(now_ps)
        self._session.is_congested = self._transport.queued_bytes > CONGESTED_BYTES
        self._session.advance(now_ps)

    def end_light(self, now_ps: int) -> None:
        """No more frames will come: finish the last round, then close."""
        self._session.end_light(now_ps)

    def receive_message(self, data: bytes, now_ps: int) -> bool:
        """Take in one datagram, whatever it holds; False if there is nothing to do because of it.

        So it is with most pieces of a long message: they bring no event, nothing to send and no
        other deadline.
        """
        transport = self._transport
        if transport.queued_bytes > GIVEN_UP_BYTES:
            self._give_up(now_ps)
        if not transport.receive_datagram(data, now_ps):
            return False
        if transport.was_reset:
            self._begin_anew(now_ps)
        while transport.messages:
            self._session.receive(transport.messages.popleft(), now_ps)
        return True

    def _begin_anew(self, now_ps: int) -> None:
        """The connection has broken."""
        if self._transport.take_jam():
            self._session.alarm("forged headers have broken the connection")
        self._transport.take_reset()
        self._session.peer_restarted(now_ps)

    def _give_up(self, now_ps: int) -> None:
        """Forget what the peer does not take: votes and decisions are repeated, rounds are lost."""
        self._transport.start_over()
        self._begin_anew(now_ps)

    def handle_deadline(self, now_ps: int) -> None:
        """Time has passed: repeat what was lost, drop what has waited too long."""
        if self._transport.queued_bytes > GIVEN_UP_BYTES:
            self._give_up(now_ps)
        self._transport.handle_deadline(now_ps)
        due_ps = self._session.next_deadline_ps()
        if due_ps is not None and now_ps >= due_ps:
            self._session.handle_deadline(now_ps)

    def next_deadline_ps(self) -> int | None:
        """When `handle_deadline` is due (own clock), if at all."""
        return earlier_ps(self._transport.next_deadline_ps, self._session.next_deadline_ps())

    def next_event(self) -> Event | None:
        """The oldest event not yet taken."""
        return self._session.next_event()

    def take_events(self) -> tuple[Event, ...]:
        """All events not yet taken: those of one step, to be made durable together."""
        events: list[Event] = []
        while (event := self._session.next_event()) is not None:
            events.append(event)
        return tuple(events)

    def messages_to_send(self, now_ps: int) -> list[bytes]:
        """Datagrams to put on the wire now; take all events first."""
        transport = self._transport
        while (message := self._session.next_message()) is not None:
            if not transport.is_waiting(message):  # what is said again, and not yet out
                transport.send(message)
        return transport.datagrams_to_send(now_ps)
