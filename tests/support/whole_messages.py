"""Two ends whose datagrams carry one whole message each: to read, change or lose messages."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from protocols.codec import decode
from protocols.events import Event
from protocols.link import LinkConfig
from protocols.messages import AbortReason, Envelope, Role
from protocols.tagbook import TagBook
from protocols.wire.datagrams import Kind, decode_datagram, encode_datagram
from tests.support.light import Tags, light
from tests.support.two_ends import TwoEnds

MESSAGE_ROOM_BYTES = 1 << 20
Tamper = Callable[[Role, Envelope, bytes], bytes | None]
"""What becomes of a message of a sender on its way; None loses the datagram."""


class WholeMessages(TwoEnds):
    """Both ends of a link, and all that they tell each other.

    Parameters
    ----------
    tags, duration_s, seed, config, books
        See `TwoEnds`.
    tamper : callable, optional
        See `Tamper`; honest by default.

    Attributes
    ----------
    sent : list of (Role, Envelope)
        Each message that an end has put on the wire, once, as it was sent.
    datagrams : list of list of int
        Sizes of all datagrams, per sender.
    tamper : callable
    """

    def __init__(
        self,
        tags: tuple[Tags, Tags],
        *,
        duration_s: float = 3.0,
        seed: int = 1,
        config: LinkConfig | None = None,
        books: Mapping[Role, tuple[TagBook, int]] | None = None,
        tamper: Tamper | None = None,
    ) -> None:
        self.sent: list[tuple[Role, Envelope]] = []
        self.datagrams: list[list[int]] = [[], []]
        self.tamper: Tamper = tamper or (lambda _sender, _envelope, data: data)
        self._seen: set[tuple[Role, int, int]] = set()
        super().__init__(
            tags,
            duration_s=duration_s,
            seed=seed,
            config=config,
            books=books,
            max_datagram_bytes=MESSAGE_ROOM_BYTES,
        )

    def _send(self, sender: Role, datagram: bytes) -> None:
        self.datagrams[sender].append(len(datagram))
        passing = self._tampered(sender, datagram)
        if passing is not None:
            super()._send(sender, passing)

    def _tampered(self, sender: Role, data: bytes) -> bytes | None:
        datagram = decode_datagram(data)
        if datagram.kind is not Kind.DATA:
            return data
        assert datagram.ends_message, "one message a datagram"
        envelope = decode(datagram.payload)
        place = (sender, datagram.epoch, datagram.sequence)
        if place not in self._seen:
            self._seen.add(place)
            self.sent.append((sender, envelope))
        payload = self.tamper(sender, envelope, datagram.payload)
        return None if payload is None else encode_datagram(datagram._replace(payload=payload))

    def messages(self, kind: type, sender: Role | None = None) -> list[Envelope]:
        """All messages of a type, in the order in which they were sent."""
        return [
            envelope
            for role, envelope in self.sent
            if isinstance(envelope.body, kind) and sender in (None, role)
        ]


@cache
def honest() -> WholeMessages:
    """Three rounds that nothing disturbs."""
    return WholeMessages(light()).run()


def reasons(ends: TwoEnds, role: Role) -> Counter[AbortReason]:
    """How often rounds ended without key at an end, by reason."""
    return Counter(event.reason for event in ends.aborted(role).values())


def kinds(events: Iterable[tuple[Role, Event]], role: Role) -> Counter[type]:
    """How many events of each type an end has told."""
    return Counter(type(event) for at, event in events if at is role)


def only(kind: type, number: int, change: Tamper) -> Tamper:
    """Apply ``change`` to messages of ``kind`` in round ``number``."""

    def tamper(sender: Role, envelope: Envelope, data: bytes) -> bytes | None:
        if isinstance(envelope.body, kind) and envelope.round == number:
            return change(sender, envelope, data)
        return data

    return tamper
