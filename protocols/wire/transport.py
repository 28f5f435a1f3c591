"""Ordered delivery of messages over datagrams that may be lost, repeated, late or forged.

Sans-I/O: datagrams in, datagrams out, one deadline out; ``now_ps`` comes in. Law of this module:
whatever arrives, messages come out in order, each at most once in a connection, and memory stays
bounded; a forger can at worst deny service. A connection ends when either end starts over or comes
back from a crash. It knows nothing of what the messages mean.

Selective acknowledgement follows RFC 2018. A datagram is taken for lost as in RFC 8985 (RACK): when
one that was sent after it has arrived and a round trip has passed. Both are needed: the first keeps
a slow wire from filling with repeats of what still waits on it (whatever was sent later waits
behind it), the second leaves time to what is merely late. Every sending has a number that its
acknowledgement returns, so that repeats measure the round trip as well. The timer follows RFC 6298.
"""

from collections import deque
from dataclasses import dataclass

from protocols.errors import LocalProtocolError, MalformedMessageError
from protocols.messages import MAX_MESSAGE_BYTES
from protocols.wire.answerlimit import AnswerLimit
from protocols.wire.counts import TransportCounts
from protocols.wire.datagrams import (
    ACKNOWLEDGE,
    BASE,
    CHALLENGE,
    DATA,
    HEADER_BYTES,
    RESPONSE,
    Datagram,
    Kind,
    Payload,
    decode_header,
    pack_datagram,
    payload_of,
)
from protocols.wire.reassembly import SEQUENCE_LIMIT, WINDOW, Incoming, is_ahead
from protocols.wire.roundtrip import RoundTrip
from protocols.wire.strangers import Strangers

TURNS = 1 << 16
REMEMBERED_TURNS = 8 * WINDOW
"""Sendings whose answer may still come."""
MAX_QUEUED_BYTES = 256 * 1024 * 1024
PROBES = 4
"""Datagrams that the timer repeats: the acknowledgement of one shows which others are lost."""
BROKEN_AFTER_PS = 10_000_000_000_000
"""A peer that has waited this long for data that it seemed to have acknowledged never had it."""


@dataclass(slots=True)
class _Piece:
    payload: Payload
    starts_message: bool
    ends_message: bool
    sent_ps: int = 0
    turn: int = 0
    """Number of its last sending, repeats of all datagrams counted."""


_NOTHING = _Piece(b"", starts_message=False, ends_message=False)


class Transport:
    """One end of a link's classical connection.

    Parameters
    ----------
    epoch : int
        Drawn at random (1 to 2^32 - 1) whenever the endpoint starts.
    max_datagram_bytes : int
        Header included, the same at both ends: longer datagrams are refused.
    initial_timeout_ps : int
        First retransmission time-out, before a round trip was measured.

    Attributes
    ----------
    messages : deque of bytes
        Those that have arrived whole, in order; the owner takes them.
    queued_bytes : int
        Of messages that wait for a place in the window.
    was_reset : bool
        Whether the peer has started anew, or the connection was given up, since `take_reset`.
    next_deadline_ps : int or None
        When `handle_deadline` is due, if at all.
    """

    def __init__(self, *, epoch: int, max_datagram_bytes: int, initial_timeout_ps: int) -> None:
        if not 0 < epoch < SEQUENCE_LIMIT or max_datagram_bytes <= HEADER_BYTES:
            raise LocalProtocolError("epoch or datagram size out of range")
        self.counts = TransportCounts()
        self._epoch = epoch
        self._max_datagram_bytes = max_datagram_bytes
        self._piece_bytes = max_datagram_bytes - HEADER_BYTES
        self._queue: deque[_Piece] = deque()
        self._in_flight: dict[int, _Piece] = {}
        self.queued_bytes = self._next_sequence = 0
        self._base: int | None = None
        """Where the stream begins for a new life of the peer, until it has got there."""
        self._resend: list[int] = []
        self._turn = self._base_due_ps = 0
        self._sent_ps: dict[int, int] = {}
        """When each of the last sendings went out that has not been answered."""
        self._arrived_turn = 0
        """Latest sending that is known to have arrived."""
        self._round_trip = RoundTrip(initial_timeout_ps)
        self.next_deadline_ps: int | None = None
        self._acknowledge_now = False
        self._controls: deque[tuple[Kind, int, int]] = deque(maxlen=4)
        self._strangers = Strangers()
        self._repeats = AnswerLimit()
        self.messages: deque[bytes] = deque()
        self._receiving = Incoming(self.messages)
        self.was_reset = self._was_jammed = False
        self._stuck_since_ps: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether everything sent has been acknowledged."""
        return not (self._queue or self._in_flight)

    def send(self, message: bytes) -> None:
        """Queue ``message``; LocalProtocolError if it is too large or the queue is full."""
        size = len(message)
        if not 0 < size <= MAX_MESSAGE_BYTES:
            raise LocalProtocolError(f"a message of {size} bytes")
        if self.queued_bytes + size > MAX_QUEUED_BYTES:
            raise LocalProtocolError("the transport's queue is full")
        kept = bytes(message)  # another buffer may change; pieces are no copies
        whole: Payload = kept if size <= self._piece_bytes else memoryview(kept)
        for start in range(0, size, self._piece_bytes):
            stop = start + self._piece_bytes
            self._queue.append(_Piece(whole[start:stop], start == 0, stop >= size))
        self.queued_bytes += size

    def is_waiting(self, message: bytes) -> bool:
        """Whether the same message, of one datagram, waits for a place in the window."""
        return bool(self._queue) and any(
            piece.payload == message and piece.starts_message and piece.ends_message
            for piece in self._queue
        )

    def take_reset(self) -> bool:
        """Whether the peer has started anew since the last call."""
        was_reset, self.was_reset = self.was_reset, False
        return was_reset

    def take_jam(self) -> bool:
        """Whether the connection was given up since the last call because somebody forged for it.

        The peer went on waiting for data that it had acknowledged or could not have: nothing that
        happens to datagrams by themselves does that for so long.
        """
        was_jammed, self._was_jammed = self._was_jammed, False
        return was_jammed

    def datagrams_to_send(self, now_ps: int) -> list[bytes]:
        """Everything that may go out now: controls, repeats, new data, an acknowledgement."""
        out: list[bytes] = []
        if self._controls:
            out += [self._encode_control(*control) for control in self._controls]
            self._controls.clear()
        if self._resend:
            out += [
                self._repeat(sequence, now_ps)
                for sequence in dict.fromkeys(self._resend)
                if sequence in self._in_flight
            ]
            self._resend.clear()
        if self._queue:
            self._send_queued(out, now_ps)
        if self._acknowledge_now:
            out.append(self._encode(ACKNOWLEDGE))
        if self.next_deadline_ps is None and self._in_flight:
            self.next_deadline_ps = now_ps + self._round_trip.timeout_ps
        self.counts.datagrams_sent += len(out)
        self.counts.bytes_sent += sum(map(len, out))
        return out

    @property
    def _oldest(self) -> int:
        """Sequence number of the oldest datagram not acknowledged, or of the next one."""
        return next(iter(self._in_flight), self._next_sequence)

    def _send_queued(self, out: list[bytes], now_ps: int) -> None:
        """New data, as far as the window reaches."""
        queue, in_flight, sequence = self._queue, self._in_flight, self._next_sequence
        window = WINDOW if self._receiving.epoch else 1
        free = window - (sequence - self._oldest) % SEQUENCE_LIMIT
        while queue and free > 0:
            piece = queue.popleft()
            self.queued_bytes -= len(piece.payload)
            in_flight[sequence] = piece
            out.append(self._send_piece(sequence, piece, now_ps))
            sequence = (sequence + 1) % SEQUENCE_LIMIT
            free -= 1
        self._next_sequence = sequence

    def _send_piece(self, sequence: int, piece: _Piece, now_ps: int) -> bytes:
        self._turn = piece.turn = turn = self._turn + 1
        self._sent_ps[turn] = piece.sent_ps = now_ps
        self._sent_ps.pop(turn - REMEMBERED_TURNS, None)
        return self._encode(DATA, sequence, piece)

    def _repeat(self, sequence: int, now_ps: int) -> bytes:
        self.counts.retransmissions += 1
        return self._send_piece(sequence, self._in_flight[sequence], now_ps)

    def _encode(self, kind: Kind, sequence: int = 0, piece: _Piece = _NOTHING) -> bytes:
        receiving = self._receiving
        self._acknowledge_now = False
        receiving.unacknowledged = 0
        return pack_datagram(
            kind,
            piece.ends_message,
            self._epoch,
            receiving.epoch,
            sequence,
            receiving.next_sequence,
            receiving.received if receiving.early else 0,
            piece.payload,
            piece.turn % TURNS,
            receiving.latest_turn,
        )

    def _encode_control(self, kind: Kind, nonce: int, peer_epoch: int) -> bytes:
        """Say, in a response, where our stream stands and whether a message starts there."""
        at = self._oldest
        oldest = self._in_flight.get(at) or (self._queue[0] if self._queue else None)
        starts = oldest is None or oldest.starts_message
        if kind is BASE and self._base is not None:
            at, starts = self._base, True
        return pack_datagram(kind, starts, self._epoch, peer_epoch, nonce, at, 0, b"")

    def receive_datagram(self, data: bytes, now_ps: int) -> bool:
        """Take in one of this connection, drop others; False if nothing but memory has changed."""
        if len(data) > self._max_datagram_bytes:
            self.counts.datagrams_refused += 1
            return True
        try:
            datagram = decode_header(data := bytes(data))  # another buffer may be used again
        except MalformedMessageError:
            self.counts.datagrams_refused += 1
            return True
        is_ours = datagram.peer_epoch == self._epoch and datagram.epoch == self._receiving.epoch
        is_next = datagram.kind is DATA and datagram.sequence == self._receiving.next_sequence
        is_plain = is_ours and is_next and datagram.acknowledged == self._next_sequence
        is_quiet = is_plain and not self._in_flight
        take = self._take_next if is_plain else self._take_other
        take(datagram, payload_of(data), now_ps)
        return self._acknowledge_now or not is_quiet

    def _take_next(self, datagram: Datagram, payload: Payload, now_ps: int) -> None:
        """Most datagrams: the next data, and all that was sent has arrived."""
        self._take_echo(datagram.echo, now_ps)
        self._stuck_since_ps = self._base = self.next_deadline_ps = None
        self._in_flight.clear()
        self._acknowledge_now |= self._receiving.take(datagram, payload)

    def _take_other(self, datagram: Datagram, payload: Payload, now_ps: int) -> None:
        if datagram.peer_epoch not in (0, self._epoch):
            # Meant for an earlier life of this endpoint: the sender must learn of this one.
            self._acknowledge_now |= self._strangers.may_answer(ACKNOWLEDGE, now_ps)
            self.counts.datagrams_refused += 1
        elif datagram.kind is RESPONSE:
            self._accept_epoch(datagram)
        elif datagram.kind is CHALLENGE and self._receiving.epoch in (0, datagram.epoch):
            if self._strangers.may_answer(RESPONSE, now_ps):
                self._respond(datagram)
        elif datagram.epoch == self._receiving.epoch:
            self._accept(datagram, payload, now_ps)
        elif self._strangers.may_answer(CHALLENGE, now_ps):
            self._challenge_epoch(datagram.epoch)

    def _respond(self, challenge: Datagram) -> None:
        self._controls.append((RESPONSE, challenge.sequence, challenge.epoch))
        if self._strangers.is_new_question(challenge.epoch, challenge.sequence):
            # Who asks has dropped what we sent so far; the rest follows by the timer.
            self._resend = list(self._in_flight)[:1]

    def _challenge_epoch(self, epoch: int) -> None:
        """Ask who is there. Its own challenge has to wait: our stream begins anew for it."""
        self._controls.append((CHALLENGE, self._strangers.nonce_for(epoch), epoch))

    def _accept_epoch(self, datagram: Datagram) -> None:
        if not self._strangers.accept(datagram.epoch, datagram.sequence):
            self.counts.datagrams_refused += 1
            return
        if self._receiving.epoch not in (0, datagram.epoch):
            # A part of what is under way may have been taken in by the life that is gone.
            self.was_reset = True
            self._forget_stream()
            self._base = self._next_sequence
        self._receiving = Incoming(
            self.messages,
            epoch=datagram.epoch,
            next_sequence=datagram.acknowledged,
            is_skipping=not datagram.ends_message,
        )
        self._acknowledge_now = True

    def _accept(self, datagram: Datagram, payload: Payload, now_ps: int) -> None:
        if datagram.kind is BASE:
            at, starts = datagram.acknowledged, datagram.ends_message
            self._acknowledge_now |= self._receiving.skip_to(at, starts_message=starts)
            return
        if datagram.peer_epoch == self._epoch:
            self._take_acknowledgement(datagram, now_ps)
        is_data = datagram.kind is DATA
        if is_data and (self._receiving.is_new(datagram) or self._repeats.may_answer(now_ps)):
            self._acknowledge_now |= self._receiving.take(datagram, payload)

    def _watch(self, now_ps: int) -> bool:
        """Whether the peer has waited a round trip for what is gone here.

        Late datagrams look the same for a moment; the next one in time clears the suspicion. If it
        goes on for long, somebody has forged acknowledgements.
        """
        if self._stuck_since_ps is None:
            self._stuck_since_ps = now_ps
        if now_ps - self._stuck_since_ps >= BROKEN_AFTER_PS:
            self._was_jammed = True
            self.start_over()
            return False
        return now_ps - self._stuck_since_ps >= self._round_trip.timeout_ps // 2

    def start_over(self) -> None:
        """Begin a new stream, as after a crash; the owner learns that messages were lost."""
        self._epoch = self._epoch % (SEQUENCE_LIMIT - 1) + 1
        self._next_sequence, self._stuck_since_ps = 0, None
        self._forget_stream()
        self._receiving = Incoming(self.messages)  # the peer will begin anew as well
        self._acknowledge_now = self.was_reset = True

    def _forget_stream(self) -> None:
        self._base = self.next_deadline_ps = None
        self._queue.clear()
        self._in_flight.clear()
        self.queued_bytes = 0

    def _take_acknowledgement(self, datagram: Datagram, now_ps: int) -> None:
        acknowledged, is_waiting = datagram.acknowledged, False
        if acknowledged == self._next_sequence or acknowledged in self._in_flight:
            self._stuck_since_ps = None
        else:
            is_waiting = self._watch(now_ps)
            if (self._next_sequence - acknowledged) % SEQUENCE_LIMIT > SEQUENCE_LIMIT // 2:
                self.counts.datagrams_refused += 1
                return
        if self._base is not None and not is_ahead(self._base, acknowledged):
            self._base = None
        if (is_waiting or self._base is not None) and now_ps >= self._base_due_ps:
            # A peer that came back and waits for what went to its former life.
            self._base_due_ps = now_ps + self._round_trip.timeout_ps
            self._controls.append((BASE, 0, datagram.epoch))
        self._take_echo(datagram.echo, now_ps)
        before = len(self._in_flight)
        self._forget_arrived(acknowledged, datagram.received)
        if not self._in_flight:
            self.next_deadline_ps = None
            return
        if len(self._in_flight) < before:
            self.next_deadline_ps = now_ps + self._round_trip.timeout_ps
        self._find_lost(now_ps)

    def _forget_arrived(self, acknowledged: int, received: int) -> None:
        """What has arrived, behind a gap by the bitmap, is no longer in flight."""
        for sequence in tuple(self._in_flight):  # in the order of the stream
            distance = (sequence - acknowledged) % SEQUENCE_LIMIT
            if distance > SEQUENCE_LIMIT // 2 or (
                0 < distance < WINDOW and received >> (distance - 1) & 1
            ):
                del self._in_flight[sequence]
            elif not received:
                return

    def _take_echo(self, echo: int, now_ps: int) -> None:
        """The peer answers one sending: that one has arrived, and tells the round trip."""
        turn = self._turn - (self._turn - echo) % TURNS
        sent_ps = self._sent_ps.pop(turn, None)
        if sent_ps is not None:
            self._round_trip.measure(now_ps - sent_ps)
            self._arrived_turn = max(self._arrived_turn, turn)

    def _find_lost(self, now_ps: int) -> None:
        """Repeat what was sent before something that has arrived, and a round trip ago."""
        patience_ps = self._round_trip.patience_ps
        self._resend += [
            sequence
            for sequence, piece in self._in_flight.items()
            if piece.turn < self._arrived_turn and now_ps - piece.sent_ps >= patience_ps
        ]

    def handle_deadline(self, now_ps: int) -> None:
        """The retransmission timer has run out: repeat the oldest datagrams, back off."""
        if self.next_deadline_ps is None or now_ps < self.next_deadline_ps:
            return
        self._resend = list(self._in_flight)[:PROBES]
        self._round_trip.back_off()
        self.next_deadline_ps = now_ps + self._round_trip.timeout_ps if self._in_flight else None
