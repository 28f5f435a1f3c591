"""Attacks on single datagrams: flip, drop, delay, replay, reflect, splice.

Each strikes a random share of the datagrams that it sees. Where a plain attack would be stopped by
the header's checksum or the sequence numbers, half of the strikes are dressed up: an attacker can
compute both.
"""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

from netsim.taps.tap import Forward, TapContext
from netsim.taps.view import Sighting, with_body
from netsim.units import PS_PER_S
from protocols.messages import Envelope, Message
from protocols.wire.datagrams import HEADER_BYTES, encode_datagram

DEFAULT_PROBABILITY = 0.05
DEFAULT_DELAY_PS = PS_PER_S
CHECKSUM_BYTES = 4


class Attack(ABC):
    """A tap that strikes now and then.

    Parameters
    ----------
    context : TapContext
        The wires and the attacker's randomness.
    probability : float
        Share of the datagrams that are struck.
    """

    def __init__(self, context: TapContext, *, probability: float = DEFAULT_PROBABILITY) -> None:
        self._context = context
        self._rng = context.rng
        self._probability = probability

    def see(self, datagram: bytes, now_ps: int) -> Sequence[Forward]:
        """Strike, or let it pass."""
        _ = now_ps
        if self._rng.random() >= self._probability:
            return ((0, datagram),)
        return self.strike(datagram)

    @abstractmethod
    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Decide what goes on instead of ``datagram``."""

    def _toss(self) -> bool:
        return bool(self._rng.random() < 0.5)

    def _below(self, count: int) -> int:
        return int(self._rng.integers(count))


class FlipOne:
    """Flips one bit of one datagram of this direction.

    Parameters
    ----------
    context : TapContext
        Not used: there is nothing to draw.
    datagram : int
        Which one, counted from 0.
    byte, bit : int
        Where; a byte beyond its end changes nothing.
    """

    def __init__(self, context: TapContext, *, datagram: int, byte: int, bit: int) -> None:
        _ = context
        self._left = datagram
        self._byte, self._bit = byte, bit

    def see(self, datagram: bytes, now_ps: int) -> Sequence[Forward]:
        """Flip it if it is the one."""
        _ = now_ps
        self._left -= 1
        is_the_one = self._left == -1 and self._byte < len(datagram)
        return ((0, flipped(datagram, self._byte, self._bit) if is_the_one else datagram),)


class Flip(Attack):
    """Flips a random bit; half of the time with the header's checksum put right."""

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward it damaged."""
        damaged = flipped(datagram, self._below(len(datagram)), self._below(8))
        return ((0, resealed(damaged) if self._toss() else damaged),)


class Drop(Attack):
    """Drops datagrams."""

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward nothing."""
        _ = datagram
        return ()


class Delay(Attack):
    """Holds datagrams up for a random time."""

    def __init__(
        self,
        context: TapContext,
        *,
        probability: float = DEFAULT_PROBABILITY,
        delay_ps: int = DEFAULT_DELAY_PS,
    ) -> None:
        super().__init__(context, probability=probability)
        self._longest_ps = delay_ps

    def _delay_ps(self) -> int:
        return int(self._rng.random() * self._longest_ps)

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward it later."""
        return ((self._delay_ps(), datagram),)


class Replay(Delay):
    """Sends something earlier once more, after a random time, also in later rounds.

    Either the recorded datagram as it was, or the body of an earlier message of the same type in
    the place of the present one: right round, right number, old content.
    """

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward it, or an old body in its place, and something old later."""
        recorded = self._context.wire.view.datagrams
        old = recorded[self._below(len(recorded))] if recorded else datagram
        present = self._with_old_body(datagram) if self._toss() else datagram
        return ((0, present), (self._delay_ps(), old))

    def _with_old_body(self, datagram: bytes) -> bytes:
        sighting = self._context.wire.view.latest
        if sighting is None or sighting.envelope is None:
            return datagram
        known = self._context.wire.view.messages[type(sighting.envelope.body)]
        return substituted(datagram, sighting, self._one_of(list(known)))

    def _one_of(self, messages: list[Envelope]) -> Message | None:
        return messages[self._below(len(messages))].body if messages else None


class Reflect(Attack):
    """Sends a datagram back to where it came from, half of the time addressed as if from the peer.

    The present datagram goes on as well.
    """

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward it, and throw it back."""
        back = self._readdressed(datagram) if self._toss() else datagram
        self._context.reverse.inject(back, 0)
        return ((0, datagram),)

    def _readdressed(self, datagram: bytes) -> bytes:
        sighting = self._context.wire.view.latest
        view = self._context.reverse.view
        payload = b"" if sighting is None else sighting.datagram.payload
        return (view.forged(payload) or datagram) if payload else datagram


class Splice(Attack):
    """Mixes two sessions: content of another link of the network takes the place of the right one.

    Half of the time the other link's datagram as it is, else the body of its message of the same
    type, readdressed to the present link, round and number.
    """

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward a mixture."""
        if not self._context.others:
            return ((0, datagram),)
        other = self._context.others[self._below(len(self._context.others))].view
        if self._toss():
            foreign = list(other.datagrams)
            extra = [(0, foreign[self._below(len(foreign))])] if foreign else []
            return (*extra, (0, datagram))
        sighting = self._context.wire.view.latest
        if sighting is None or sighting.envelope is None:
            return ((0, datagram),)
        bodies = list(other.messages[type(sighting.envelope.body)])
        body = bodies[self._below(len(bodies))].body if bodies else None
        return ((0, substituted(datagram, sighting, body)),)


def flipped(datagram: bytes, byte: int, bit: int) -> bytes:
    """``datagram`` with bit ``bit`` (0 is the lowest) of byte ``byte`` flipped."""
    changed = bytearray(datagram)
    changed[byte] ^= 1 << bit
    return bytes(changed)


def substituted(datagram: bytes, sighting: Sighting, body: Message | None) -> bytes:
    """``datagram`` with another body; as it was if it is not one whole message."""
    if body is None or sighting.envelope is None or not sighting.is_whole_message:
        return datagram
    payload = with_body(sighting.envelope, body)
    return encode_datagram(sighting.datagram._replace(payload=payload))


def resealed(datagram: bytes) -> bytes:
    """``datagram`` with a checksum that fits its header; as it was if it is too short for one."""
    if len(datagram) < HEADER_BYTES:
        return datagram
    head = datagram[: HEADER_BYTES - CHECKSUM_BYTES]
    checksum = zlib.crc32(head + bytes(CHECKSUM_BYTES)).to_bytes(CHECKSUM_BYTES, "big")
    return head + checksum + datagram[HEADER_BYTES:]
