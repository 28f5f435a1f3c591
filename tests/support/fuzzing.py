"""An attacker without a plan: mutates what real endpoints say, in all the ways that a codec allows.

Everything is drawn from one generator, so that a seed repeats an attack. Forged headers have sound
checksums, forged messages sound encodings (mostly): what is refused at the first look is no attack.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import msgpack

from netsim.taps.tap import Forward, TapContext
from protocols.codec import encode
from protocols.errors import MalformedMessageError
from protocols.messages import Abort, Envelope, Message, Role
from protocols.wire.datagrams import Datagram, Kind, decode_datagram, encode_datagram

INTEGERS = (0, 1, 2, 3, 7, 63, 64, 127, 128, 255, 256, 2**16, 2**31, 2**32, 2**40, 2**60, 2**62)
BOMBS = (
    b"\x91" * 2000,
    b"\xdd\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\x9a\x01\x01",
    msgpack.packb([1, 1, "alice-bob", 0, 0, 0, False, 0, 2**40, 2**31, b"\x80" * 50]),
    msgpack.packb([1, 1, "alice-bob", 0, 0, 0, False, -(2**60), 2**60, 5, b"\xff" * 9 + b"\1" * 4]),
)
"""Deep nesting, announced lengths that are not there, counts that do not fit."""


def other_integer(rng: random.Random, value: int) -> int:
    """A number near ``value``, or one that often goes wrong."""
    near = [value + 1, value - 1, value * 2, value ^ 1, value + 2 ** rng.randrange(40)]
    return int(rng.choice([*near, *INTEGERS, -rng.choice(INTEGERS)]))


def other_bytes(rng: random.Random, value: bytes) -> bytes:
    """Bytes cut, doubled, flipped or replaced."""
    at = rng.randrange(len(value) + 1)
    damaged = bytearray(value)
    for _ in range(min(len(damaged), rng.choice([1, 1, 2, 8]))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    choices = [value[:at], value + value[:at], bytes(damaged), b"", rng.randbytes(len(value))]
    return rng.choice(choices)


def other_value(rng: random.Random, value: Any) -> Any:
    """Another value of the same type, mostly."""
    match value:
        case bool():
            return not value
        case int():
            return other_integer(rng, value)
        case bytes():
            return other_bytes(rng, value)
        case tuple():
            return other_tuple(rng, value)
        case _:
            return value


def other_tuple(rng: random.Random, value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Items changed, dropped, repeated."""
    items = list(value)
    if not items or rng.random() < 0.2:
        return (*items, *items[:1], *([b""] if not items else []))
    at = rng.randrange(len(items))
    if rng.random() < 0.2:
        del items[at]
    else:
        items[at] = other_value(rng, items[at])
    return tuple(items)


def other_envelope(rng: random.Random, envelope: Envelope, known: Sequence[Envelope]) -> bytes:
    """A message made of a true one and of others that were seen."""
    other = rng.choice(known) if known else envelope
    made: list[Callable[[], bytes]] = [
        lambda: encode(envelope._replace(round=max(0, other_integer(rng, envelope.round)))),
        lambda: encode(envelope._replace(sequence=max(0, other_integer(rng, envelope.sequence)))),
        lambda: encode(envelope._replace(sender=Role(1 - envelope.sender))),
        lambda: encode(other._replace(round=envelope.round)),
        lambda: encode(envelope._replace(body=other.body)),
        lambda: rng.choice(BOMBS),
        lambda: encode(envelope._replace(body=any_abort(rng), sequence=0)),
        lambda: encode(envelope._replace(body=other_body(rng, envelope.body))),
        lambda: encode(envelope._replace(body=other_body(rng, envelope.body))),
        lambda: other_bytes(rng, encode(envelope)),
    ]
    return rng.choice(made)()


def any_abort(rng: random.Random) -> Abort:
    """An abort for any reason, after any number of messages."""
    counts, digests = (rng.randrange(9), rng.randrange(9)), (rng.randbytes(32), rng.randbytes(32))
    return Abort(rng.randrange(20), counts[0], digests[0], counts[1], digests[1], rng.randbytes(32))


def other_body(rng: random.Random, body: Message) -> Message:
    """The body with one of its fields changed, if it has any."""
    names = [field.name for field in fields(body)]
    if not names:
        return body
    name = rng.choice(names)
    return replace(body, **{name: other_value(rng, getattr(body, name))})


def other_header(rng: random.Random, datagram: Datagram) -> bytes:
    """A datagram with one field of its header changed."""
    name = rng.choice(["kind", "ends_message", "epoch", "peer_epoch", "sequence", "acknowledged",
                       "received", "turn", "echo", "payload"])  # fmt: skip
    match name:
        case "kind":
            value: Any = rng.choice(list(Kind))
        case "ends_message" | "payload":
            value = other_value(rng, getattr(datagram, name))
        case "received":
            value = rng.getrandbits(128) & rng.getrandbits(128)
        case "turn" | "echo":
            value = rng.randrange(2**16)
        case "epoch":
            value = max(1, other_integer(rng, datagram.epoch) % 2**32)
        case _:
            value = other_integer(rng, getattr(datagram, name)) % 2**32
    return encode_datagram(datagram._replace(**{name: value}))


class Fuzzer:
    """A tap that mutates a share of what it sees, from messages it has read in both directions.

    Parameters
    ----------
    context : TapContext
        Wires and randomness.
    probability : float
        Of a strike, per datagram.
    """

    def __init__(self, context: TapContext, *, probability: float) -> None:
        self._context = context
        self._probability = probability
        self._rng = random.Random(int(context.rng.integers(2**62)))

    def see(self, datagram: bytes, now_ps: int) -> Sequence[Forward]:
        """Forward it, and perhaps something else before, after or instead."""
        _ = now_ps
        if self._rng.random() >= self._probability:
            return ((0, datagram),)
        made = self._made(datagram)
        late_ps = int(10 ** self._rng.uniform(8, 12.5))
        match self._rng.randrange(5):
            case 0:
                return ((0, made), (0, datagram))
            case 1:
                return ((0, datagram), (late_ps, made))
            case 2:
                self._context.reverse.inject(made, late_ps)
                return ((0, datagram),)
            case _:
                return ((0, made),)

    def _made(self, datagram: bytes) -> bytes:
        rng, view = self._rng, self._context.wire.view
        sighting = view.latest
        if sighting is None or rng.random() < 0.3:
            return self._raw(datagram)
        envelope = sighting.envelope
        if envelope is None:
            return self._raw(datagram)
        both = (view, self._context.reverse.view)
        known = [found for seen in both for kind in seen.messages.values() for found in kind]
        message = other_envelope(rng, envelope, known)
        place = sighting.datagram.sequence + rng.choice([0, 0, 0, 1, -1, 2])
        forged = view.forged(message, sequence=place % 2**32)
        return datagram if forged is None else forged

    def _raw(self, datagram: bytes) -> bytes:
        rng = self._rng
        if rng.random() < 0.2:
            return other_bytes(rng, datagram)
        seen = self._context.wire.view.datagrams
        picked = rng.choice(seen) if rng.random() < 0.3 else datagram
        try:
            return other_header(rng, decode_datagram(picked))
        except MalformedMessageError:
            return picked
