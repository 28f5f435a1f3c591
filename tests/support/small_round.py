"""One small round on the fake wire, and what one flipped bit does to it."""

from dataclasses import dataclass
from functools import cache

from netsim.taps.kinds import tap_maker
from netsim.taps.tap import TapPlan
from protocols.codec import encode
from protocols.events import RoundAborted
from protocols.messages import AbortReason, Announce, Close, Decision, Envelope, Role, Settled
from protocols.wire.datagrams import HEADER_BYTES
from tests.support.links import link_config
from tests.support.tapped import TappedEnds
from tests.support.two_ends import TwoEnds, clean_ends

SENDERS = ("alice", "bob")
UNNUMBERED = (Decision, Close, Settled)
"""Of pads, whatever round stands on them; a commit is signed together with its round."""


def small_round() -> TwoEnds:
    """A second of weak light: one round of 23 kB on the wire, with key in it."""
    config = link_config(offset_bound_ps=50_000_000, frames_per_announcement=10)
    return clean_ends(1, duration_s=1.0, config=config, pairs_hz=1500.0, error=0.01)


@dataclass(frozen=True, slots=True)
class Place:
    """A byte on the wire: datagram ``number`` of a sender, counted from 0."""

    role: Role
    number: int
    byte: int
    is_announcement: bool
    is_taken: bool
    """Whether the receiver takes it in: it drops repeats, and what comes from a stranger."""
    is_unread: bool
    """Whether it is a round number of which nothing follows."""

    @property
    def is_header(self) -> bool:
        """Whether it lies in the header."""
        return self.byte < HEADER_BYTES


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a damaged round."""

    faults: tuple[str, ...]
    alarms: int
    reasons: frozenset[AbortReason]
    """Why rounds ended without key."""
    is_as_without: bool
    """Same blocks, bit for bit, as without the damage."""
    end_s: float


def unread_places(envelope: Envelope | None, datagram: bytes) -> set[int]:
    """Where the number of a round stands in a message that is of none."""
    if envelope is None or not isinstance(envelope.body, UNNUMBERED):
        return set()
    other = datagram[:HEADER_BYTES] + encode(envelope._replace(round=envelope.round + 1))
    places = {k for k, (one, two) in enumerate(zip(datagram, other, strict=True)) if one != two}
    assert len(places) == 1
    return places


@cache
def undisturbed() -> tuple[tuple[Place, ...], dict[int, tuple[bytes, int]]]:
    """All bytes that an undisturbed round puts on the wire, and its blocks."""
    ends = small_round()
    tapped = TappedEnds(ends, [])
    seen: list[tuple[Role, bytes, bool, set[int]]] = []
    taken: set[int] = set()
    plain, deliver = ends.fault, ends._deliver

    def note(receiver: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        passing = plain(receiver, datagram)
        sighting = tapped.chains[receiver.peer].wire.view.latest
        envelope = None if sighting is None else sighting.envelope
        is_announcement = envelope is not None and isinstance(envelope.body, Announce)
        unread = unread_places(envelope, datagram)
        seen.append((receiver.peer, datagram, is_announcement, unread))
        return passing

    def arrive(receiver: Role, datagram: bytes) -> None:
        receiving = ends.ends[receiver]._transport._receiving
        before = receiving.next_sequence, len(receiving.early)
        deliver(receiver, datagram)
        if (receiving.next_sequence, len(receiving.early)) != before:
            taken.add(id(datagram))

    ends.fault, ends._deliver = note, arrive  # type: ignore[method-assign]
    ends.run()
    assert not tapped.faults()
    assert ends.usable[0]
    counts = [0, 0]
    places: list[Place] = []
    for role, datagram, is_announcement, unread in seen:
        for k in range(len(datagram)):
            is_taken = id(datagram) in taken
            place = Place(role, counts[role], k, is_announcement, is_taken, k in unread)
            places.append(place)
        counts[role] += 1
    return tuple(places), ends.usable[0]


def flip(place: Place) -> Outcome:
    """Flip one bit of one byte, and let the channel be sound otherwise."""
    ends = small_round()
    make = tap_maker("flip", datagram=place.number, byte=place.byte, bit=place.byte % 8)
    tapped = TappedEnds(ends, [TapPlan(make, sender=SENDERS[place.role])])
    ends.run()
    return Outcome(
        faults=tuple(tapped.faults()),
        alarms=len(ends.alarms()),
        reasons=frozenset(e.reason for _, e in ends.events if isinstance(e, RoundAborted)),
        is_as_without=ends.usable[0] == undisturbed()[1],
        end_s=ends.now_ps / 1e12,
    )
