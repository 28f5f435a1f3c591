"""Forgeries of everything that is not signed: messages of all types, headers of all kinds."""

from collections.abc import Callable, Sequence

from netsim.taps.attacks import Attack
from netsim.taps.tap import Forward
from protocols.codec import encode
from protocols.messages import (
    MAX_ROUND,
    TAG_BYTES,
    Abort,
    Announce,
    Close,
    Decision,
    Envelope,
    Keep,
    Matches,
    Message,
    Reconciled,
    Seal,
    Settled,
    VerificationResult,
    Vote,
)
from protocols.wire.datagrams import Kind, encode_datagram

SEQUENCE_LIMIT = 2**32
NEAR_ROUNDS = 16
NEAR_SEQUENCES = 300


class Forge(Attack):
    """Slips in messages and headers of its own making, before the datagram that it strikes."""

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward a forgery, then the datagram."""
        forgery = self._header() if self._toss() else self._message()
        return ((0, datagram),) if forgery is None else ((0, forgery), (0, datagram))

    def _message(self) -> bytes | None:
        """A message of any type, for a round near the present one, in the stream's order."""
        wire, sighting = self._context.wire, self._context.wire.view.latest
        number = min(max(0, wire.view.round + self._below(NEAR_ROUNDS) - 2), MAX_ROUND)
        body = _BODIES[self._below(len(_BODIES))](self._rng.bytes(TAG_BYTES))
        message = encode(Envelope(wire.link, wire.role, number, self._below(3), body))
        if sighting is not None and sighting.starts_message:
            return wire.view.forged(message, sequence=sighting.datagram.sequence)
        return wire.view.forged(message)

    def _header(self) -> bytes | None:
        """A header that says anything about anything near."""
        known = self._context.wire.view.last_data
        if known is None:
            return None
        forged = known._replace(
            kind=Kind(self._below(len(Kind))),
            sequence=self._near(known.sequence),
            acknowledged=self._near(known.acknowledged),
            received=int.from_bytes(self._rng.bytes(16), "big") if self._toss() else 0,
        )
        return encode_datagram(forged)

    def _near(self, sequence: int) -> int:
        off = self._below(2 * NEAR_SEQUENCES) - NEAR_SEQUENCES
        return (sequence + off) % SEQUENCE_LIMIT


_BODIES: tuple[Callable[[bytes], Message], ...] = (
    lambda _tag: Announce(last=False, start_ticks=0, stop_ticks=100, count=0, deltas=b""),
    lambda _tag: Announce(last=True, start_ticks=0, stop_ticks=2**50, count=0, deltas=b""),
    lambda _tag: Matches(last=True, announcement=0, count=0, positions=b"", lanes=b"", bases=b""),
    lambda _tag: Keep(announcement=0, mask=b""),
    lambda _tag: Reconciled(),
    lambda _tag: VerificationResult(equal=False, errors=()),
    lambda tag: Vote(closing=False, pad=0, tag=tag, mac=tag),
    lambda tag: Vote(closing=True, pad=0, tag=tag, mac=tag),
    lambda tag: Decision(commit=True, pad=0, tag=tag),
    lambda tag: Decision(commit=False, pad=0, tag=tag),
    lambda tag: Abort(1, 0, tag, 0, tag, mac=tag),
    lambda _tag: Close(),
    Seal,
    lambda tag: Settled(0, tag),
)
