"""A protocol of a third party: its sessions need only do what `Session` says."""

import numpy as np

from protocols.books import RoundBooks
from protocols.endpoint import Endpoint
from protocols.events import Event, LinkClosed
from protocols.interfaces import LinkProtocol, Session, SessionStart
from protocols.link import LinkSecrets
from protocols.messages import Role
from protocols.tagbook import TagBook
from tests.support.links import link_config
from tests.support.third_party import registered

SECRETS = LinkSecrets.from_bytes(bytes(64))


class _Greeting:
    """Makes no key: each end says its link's name, and is closed when it has heard the other."""

    def __init__(self, start: SessionStart) -> None:
        self.messages_sent = 0
        self.is_congested = False
        self.is_closed = False
        self.is_stopped = False
        self.waits_for_light = False
        self.reserve_bits = 0
        self.open_books: dict[int, RoundBooks] = {}
        self._name = start.config.link.encode()
        self._outbox: list[bytes] = []
        self._events: list[Event] = []

    @property
    def has_messages(self) -> bool:
        return bool(self._outbox)

    def next_event(self) -> Event | None:
        return self._events.pop() if self._events else None

    def next_message(self) -> bytes | None:
        return self._outbox.pop() if self._outbox else None

    def advance(self, now_ps: int) -> None:
        _ = now_ps

    def receive(self, data: bytes, now_ps: int) -> None:
        _ = now_ps
        if data == self._name and not self.is_closed:
            self.is_closed = True
            self._events.append(LinkClosed(0, data))

    def alarm(self, what: str) -> None:
        raise AssertionError(what)

    def peer_restarted(self, now_ps: int) -> None:
        _ = now_ps

    def end_light(self, now_ps: int) -> None:
        _ = now_ps
        self._outbox.append(self._name)
        self.messages_sent += 1

    def next_deadline_ps(self) -> int | None:
        return None

    def handle_deadline(self, now_ps: int) -> None:
        _ = now_ps


class _Greetings(LinkProtocol):
    """The protocol of these sessions."""

    def session(self, role: Role, start: SessionStart) -> Session:
        _ = role
        return _Greeting(start)


def endpoint(role: Role) -> Endpoint:
    """An end of a link that runs it."""
    rng = np.random.default_rng(role)
    book = TagBook(rng, window_ticks=1)
    return Endpoint(role, link_config(protocol="greetings"), SECRETS, book=book, rng=rng)


def test_a_protocol_that_knows_nothing_of_bbm92() -> None:
    """Two endpoints run it by its name alone: bytes, events and the end are its own."""
    with registered("protocol", "greetings", _Greetings):
        ends = [endpoint(role) for role in Role]
    for end in ends:
        end.end_light(0)
    for now_ps in range(3):
        for end, other in (ends, ends[::-1]):
            for datagram in end.messages_to_send(now_ps):
                other.receive_message(datagram, now_ps)
    assert all(end.is_closed and end.is_idle for end in ends)
    assert [end.take_events() for end in ends] == [(LinkClosed(0, b"alice-bob"),)] * 2
    assert [end.wire.messages for end in ends] == [1, 1]
