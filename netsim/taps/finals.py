"""Attacks on the end of a round: forged aborts, and final messages that never arrive."""

from collections.abc import Sequence

from netsim.taps.attacks import Attack
from netsim.taps.tap import Forward, TapContext
from protocols.codec import encode
from protocols.messages import MAX_ROUND, TAG_BYTES, Abort, AbortReason, Decision, Envelope, Vote
from protocols.wire.datagrams import encode_datagram


class ForgeAbort(Attack):
    """Slips in forged aborts of the present round, with sound headers and numbers.

    The forged message takes the sequence number of a true one, which the receiver then takes for a
    repeat: it is an abort and a deletion at once.
    """

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward the forgery before the datagram."""
        forgery = self._forgery()
        return ((0, datagram),) if forgery is None else ((0, forgery), (0, datagram))

    def _forgery(self) -> bytes | None:
        view, sighting = self._context.wire.view, self._context.wire.view.latest
        rounds = (view.round, self._context.reverse.view.round)
        number = max(0, rounds[self._below(2)])
        message = abort_message(self._context, number)
        if sighting is not None and sighting.starts_message:
            return view.forged(message, sequence=sighting.datagram.sequence)
        return view.forged(message)


class DropLast(Attack):
    """Suppresses the final messages of rounds: every vote and every decision.

    It reads the stream, and puts something harmless in the place of a final message, so that the
    transport goes on as if it had arrived. Both ends are left with blocks in doubt for as long as
    the attack lasts.
    """

    def __init__(self, context: TapContext, *, probability: float = 1.0) -> None:
        super().__init__(context, probability=probability)
        self._harmless = abort_message(context, MAX_ROUND)

    def strike(self, datagram: bytes) -> Sequence[Forward]:
        """Forward an abort of no round instead of a vote or decision."""
        sighting = self._context.wire.view.latest
        if sighting is None or sighting.envelope is None:
            return ((0, datagram),)
        if not isinstance(sighting.envelope.body, Vote | Decision):
            return ((0, datagram),)
        payload = self._harmless if sighting.is_whole_message else b""
        return ((0, encode_datagram(sighting.datagram._replace(payload=payload))),)


def abort_message(context: TapContext, number: int) -> bytes:
    """An abort of round ``number``, as if from the sender of the wire; it bears no true mac."""
    wire = context.wire
    nothing = bytes(TAG_BYTES)
    body = Abort(int(AbortReason.TIMED_OUT), 0, nothing, 0, nothing, mac=nothing)
    return encode(Envelope(wire.link, wire.role, number, 0, body))
