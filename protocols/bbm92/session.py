"""What the announcer's and the responder's sessions have in common: rounds, messages, pads, events.

A session turns messages, tags and times into messages and events. It knows no datagrams, no peer
object and no clock. Rules that hold for both ends:

1. A message of a round is taken only in the state that allows it and with the next sequence number;
   anything else raises `RemoteProtocolError`, which costs rounds and never more.
2. Before it has voted (responder) or decided (announcer) an end may drop a round at any time.
3. The events of a step (whatever the owner calls) are to be made durable by the owner, all or none,
   before the messages that follow them are sent.
4. A round's number belongs to nobody before its block is settled: a round that has ended before may
   begin again.
5. A pad is taken when something is first signed, the lowest that is left, and its index is durable
   together with what it has signed. A round that nobody has signed costs none.
6. An end that drops a round reports it (`protocols.bbm92.reports`); both then know whether the wire
   or the light has spoilt it.
"""

from collections import deque
from typing import ClassVar, Generic, TypeVar, assert_never, cast

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.macs import Macs
from protocols.bbm92.repetition import Repetition
from protocols.bbm92.reports import Reporter
from protocols.bbm92.rounds import RoundCore, RoundDropped, Steps
from protocols.bbm92.signing import Bound, Signer, reserve_type
from protocols.bbm92.states import Cause, Life, Machine
from protocols.bbm92.tagcheck import CheckLimit
from protocols.bits import pack_bits
from protocols.books import RoundBooks
from protocols.codec import decode, pack_message
from protocols.errors import MalformedMessageError, RemoteProtocolError
from protocols.events import Alarm, BlockUsable, Event, PadsSpent, ReportLost, RoundAborted
from protocols.interfaces import SessionStart
from protocols.messages import (
    OUTSIDE,
    QUESTIONS,
    Abort,
    AbortReason,
    Beacon,
    Close,
    Decision,
    Envelope,
    Message,
    Outside,
    Ready,
    Role,
    Seal,
    Settled,
    Vote,
)

Final = Vote | Decision | Close | Seal | Settled
MAX_OPEN_ROUNDS = 4
"""Rounds whose light or messages are under way; an older one is dropped."""

RoundT = TypeVar("RoundT", bound=RoundCore)


class LinkSession(Generic[RoundT]):
    """One end of a link; see `AnnouncerSession` and `ResponderSession`.

    It is a `protocols.interfaces.Session`.
    """

    ROLE: ClassVar[Role]
    LIFE: ClassVar[Machine[Life]]

    def __init__(self, start: SessionStart) -> None:
        self.config = config = start.config
        self._peer = self.ROLE.peer
        self.messages_sent = 0
        self.is_congested = False
        """Set by the owner: so much waits for the wire that no new round should begin."""
        self._secrets = secrets = start.secrets
        self._signer = Signer(config, secrets)
        self._check_limit = CheckLimit(config.resend_ps)
        reserve = reserve_type(config.profile.authentication)
        self._pads = reserve(secrets.pads)
        self._last_round = self._settled_round = -1
        self._life = Life.LIT
        self._repetition = Repetition(config.resend_ps)
        if (durable := start.durable) is not None:
            self._pads = reserve.restored(durable.pads, durable.next_pad, durable.provisioned_pads)
            self._last_round = durable.last_round
            self._settled_round = durable.settled_round
            self._life = Life.LIT if durable.closed is None else Life.CLOSED
        self._macs = Macs(config, secrets.report_key, self.ROLE)
        self._reporter = Reporter(config, secrets.report_key, self.ROLE, self._last_round)
        self._book = start.book
        self._book_index = start.book_index
        self._rng = start.rng
        self._told_frames = 0
        """Frames in the book when this end last said what it needs of it."""
        self._rounds: dict[int, RoundT] = {}
        self._due_ps: int | None = None
        self._is_due_known = False
        """Whether nothing is due before `_due_ps`: questions and answers only put it off."""
        self._events: deque[Event] = deque()
        self._outbox: deque[bytes] = deque()

    # What the owner calls -----------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Whether the closing exchange is done."""
        return self._life is Life.CLOSED

    @property
    def is_stopped(self) -> bool:
        """Whether the link has stopped for lack of pads; the announcer finds that out."""
        return False

    @property
    def reserve_bits(self) -> int:
        """Pad bits that are still secret."""
        return self._pads.level_bits

    @property
    def open_books(self) -> dict[int, RoundBooks]:
        """Of each round under way as it stands, by number: what a crash would lose."""
        return {
            number: round_.books._replace(
                sifted_bits=round_.books.sifted_bits or round_.sifted.size
            )
            for number, round_ in self._rounds.items()
        }

    def next_event(self) -> Event | None:
        """The oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    @property
    def has_messages(self) -> bool:
        """Whether a message has not been taken yet."""
        return bool(self._outbox)

    def next_message(self) -> bytes | None:
        """The oldest message not yet taken."""
        return self._outbox.popleft() if self._outbox else None

    def end_light(self, now_ps: int) -> None:
        """No more tags will come: close the last round, then the link."""
        if self._life is Life.LIT:
            self._move(Cause.LIGHT_OVER, Life.ENDING)
        self.advance(now_ps)

    def receive(self, data: bytes, now_ps: int) -> None:
        """Take in one message; whatever it is, the worst that follows is a dropped round."""
        rounds = len(self._rounds)
        try:
            envelope = self._open(data)
            kind = type(envelope.body)
            if kind in OUTSIDE:
                self._on_outside(envelope, now_ps)
            else:
                self._on_sequenced(envelope, data, now_ps)
                if kind in QUESTIONS and len(self._rounds) == rounds:
                    return  # nothing else can be done now
        except RemoteProtocolError as error:
            self._distrust(str(error))
        self.advance(now_ps)

    def peer_restarted(self, now_ps: int) -> None:
        """Drop what was under way: the peer has forgotten its open rounds."""
        self._outbox.clear()  # of the old connection; votes and decisions are repeated
        lost = self._reporter.forget_awaited()
        self._events.extend(ReportLost(number) for number in lost)
        self._drop_all(AbortReason.CONNECTION_RESET)
        self._reporter.forget_awaited()
        self.advance(now_ps)

    def alarm(self, what: str) -> None:
        """Tell of something on the wire that no honest peer sends."""
        self._events.append(Alarm(self._last_round, what))

    def advance(self, now_ps: int) -> None:
        """Do what can be done now."""
        self._is_due_known = False
        self._go_on(now_ps)

    def _go_on(self, now_ps: int) -> None:
        raise NotImplementedError

    @property
    def waits_for_light(self) -> bool:
        """Whether `advance` has something to do with the frames that the book has by now."""
        raise NotImplementedError

    @property
    def _may_release(self) -> bool:
        """Whether an announcement's worth of frames has come since the book was told."""
        return self._book.frames - self._told_frames >= self.config.frames_per_announcement

    def next_deadline_ps(self) -> int | None:
        """When `handle_deadline` is due, or earlier, if at all; own clock."""
        if self._is_due_known:
            return self._due_ps
        due_ps, patience_ps = self._repetition.due_ps, self.config.timeout_ps
        for round_ in self._rounds.values():
            late_ps = round_.active_ps + patience_ps
            if (due_ps is None or late_ps < due_ps) and self._may_drop(round_):
                due_ps = late_ps
        self._due_ps, self._is_due_known = due_ps, True
        return due_ps

    def handle_deadline(self, now_ps: int) -> None:
        """Drop rounds that have waited too long."""
        for round_ in list(self._rounds.values()):
            if self._may_drop(round_) and now_ps >= round_.active_ps + self.config.timeout_ps:
                self._drop(round_, AbortReason.TIMED_OUT)
        self.advance(now_ps)

    @property
    def _is_light_over(self) -> bool:
        return self._life is not Life.LIT

    def _move(self, cause: Cause | type[Message], life: Life) -> None:
        self._life = self.LIFE.move(self._life, cause, life)

    # Incoming -----------------------------------------------------------------------------------

    def _open(self, data: bytes) -> Envelope:
        envelope = decode(data)
        if envelope.link != self.config.link or envelope.sender is not self._peer:
            raise MalformedMessageError("address", len(data))
        return envelope

    def _on_outside(self, envelope: Envelope, now_ps: int) -> None:
        if envelope.sequence:
            raise RemoteProtocolError(f"a numbered {type(envelope.body).__name__}")
        match body := cast("Outside", envelope.body):
            case Abort():
                self._on_abort(envelope.round, body)
            case Beacon() | Ready():
                self._on_idle(body)
            case Vote() | Decision() | Close() | Seal() | Settled():
                self._on_final(envelope.round, body, now_ps)
            case _:
                assert_never(body)

    def _on_sequenced(self, envelope: Envelope, data: bytes, now_ps: int) -> None:
        _, peer, number, sequence, body = envelope
        round_ = self._rounds.get(number) or self._start_for(envelope, now_ps)
        if round_ is None:
            self._reporter.note_arrived(number, data)
            return
        round_.streams[peer].absorb(data)  # whatever this end makes of it
        if sequence != round_.sequences[peer]:
            raise RemoteProtocolError(f"message {sequence} of round {number} out of order")
        if round_.digests:
            raise RemoteProtocolError("a message after the end of the transcript")
        round_.sequences[peer] = sequence + 1
        round_.active_ps = now_ps
        self._take(round_, body, now_ps)

    def _start_for(self, envelope: Envelope, now_ps: int) -> RoundT | None:
        """Round that a message for an unknown round begins, if it may; None: ignore the message."""
        raise NotImplementedError

    def _take(self, round_: RoundT, body: Message, now_ps: int) -> None:
        """Have the round act on a message in sequence."""
        raise NotImplementedError

    def _run(self, round_: RoundT, steps: Steps) -> None:
        """Send and tell what a round makes; drop it if it says so."""
        try:
            for made in steps:
                if isinstance(made, Message):
                    self._send(round_, made)
                else:
                    self._events.append(made)
        except RoundDropped as drop:
            self._drop(round_, drop.reason)

    def _on_final(self, number: int, body: Final, now_ps: int) -> None:
        """Act on a message that follows the transcripts."""
        raise NotImplementedError

    def _on_idle(self, body: Beacon | Ready) -> None:
        """Act on a message about light outside of rounds."""
        raise NotImplementedError

    def _on_abort(self, number: int, report: Abort) -> None:
        """The peer has given up the round, if it is true; it is lost here as well."""
        round_ = self._rounds.get(number)
        if round_ is not None and (
            self._may_be_spoilt(round_)
            or (self._may_drop(round_) and self._reporter.is_proven(number, report))
        ):
            self._drop(round_, AbortReason.PEER_ABORTED)
        is_ignored = self._takes_no_notice_of(number)
        if complaint := self._reporter.judge(number, report, is_ignored=is_ignored):
            self._events.append(Alarm(number, complaint))

    def _takes_no_notice_of(self, number: int) -> bool:
        """Whether the peer may be in a round of that number that this end does not begin."""
        raise NotImplementedError

    def _miss_reports(self, stop: int | None = None) -> None:
        """A commit proves that the peer has reported all earlier rounds, the closing that all."""
        for number in self._reporter.missing(stop):
            self._events.append(Alarm(number, "the peer's report on the round was suppressed"))

    def _distrust(self, what: str) -> None:
        """The wire has brought something that no honest peer sends: open rounds are lost."""
        self.alarm(what)
        for round_ in filter(self._may_be_spoilt, list(self._rounds.values())):
            self._drop(round_, AbortReason.PROTOCOL_VIOLATION)

    # Outgoing -----------------------------------------------------------------------------------

    def _send(self, round_: RoundT, body: Message) -> None:
        """Send a message of the round's transcript."""
        sequence = round_.sequences[self.ROLE]
        round_.sequences[self.ROLE] = sequence + 1
        data = pack_message(self.config.link, self.ROLE, round_.number, sequence, body)
        round_.streams[self.ROLE].absorb(data)
        self._post(data)

    def _final(self, number: int, body: Outside) -> bytes:
        """Encode a message that stands outside the transcripts."""
        return pack_message(self.config.link, self.ROLE, number, 0, body)

    def _post(self, data: bytes) -> None:
        self.messages_sent += 1
        self._outbox.append(data)

    # Rounds -------------------------------------------------------------------------------------

    def _may_drop(self, round_: RoundT) -> bool:
        """Whether this end is still free to drop the round."""
        raise NotImplementedError

    def _may_be_spoilt(self, round_: RoundT) -> bool:
        """Whether words that nobody has proven end it: not once the peer's pad may have signed."""
        return self._may_drop(round_)

    def _drop(self, round_: RoundT, reason: AbortReason) -> None:
        del self._rounds[round_.number]
        round_.claims.give_back()
        if round_.sifted.size and not round_.books.sifted_bits:
            # Dropped in its light: what it has given so far counts.
            self._events.append(round_.book_sifted())
        self._events.append(RoundAborted(round_.number, reason, round_.books))
        report = self._reporter.report(round_.number, reason)
        self._post(self._final(round_.number, report))

    def _drop_all(self, reason: AbortReason) -> None:
        for round_ in filter(self._may_drop, list(self._rounds.values())):
            self._drop(round_, reason)

    # Tags and pads ------------------------------------------------------------------------------

    def _sign(self, bound: Bound, pad: int) -> bytes:
        return self._signer.sign(self._pads.pad_to_sign(pad, self.ROLE), self.ROLE, bound)

    def _may_check(self, now_ps: int) -> bool:
        """Whether a tag can be checked now; an alarm if not."""
        is_reached = self._check_limit.is_reached(now_ps)
        if is_reached:
            self.alarm("a tag that comes after too many bad ones")
        return not is_reached

    def _is_signed(self, signature: bytes, bound: Bound, pad: int, now_ps: int) -> bool:
        """Check a tag of the peer that may be checked; an alarm, which books it, if it is wrong."""
        secret = self._pads.pad_to_check(pad, self._peer)
        valid = secret is not None and self._signer.check(signature, secret, self._peer, bound)
        if not valid:
            self._check_limit.count_wrong(now_ps)
            chance = self._signer.forgery_probability()
            what = f"bad {bound.purpose.decode()} tag"
            self._events.append(Alarm(max(bound.number, 0), what, chance))
        return valid

    def _book_check(self, round_: RoundT) -> None:
        """A tag of the round has verified: the bound on that being a forgery is the round's."""
        bound = round_.books.forgery_probability + self._signer.forgery_probability()
        round_.book(forgery_probability=bound)

    def _drop_before(self, number: int) -> None:
        """A later round is decided: earlier ones still open, held up by an attacker, end here."""
        for round_ in list(self._rounds.values()):
            if round_.number < number and self._may_drop(round_):
                self._drop(round_, AbortReason.TIMED_OUT)

    def _spend_pad(self, pad: int) -> None:
        """The pads of that index have signed, and were checked, for the last time."""
        spent_bits = self._pads.spend_before(pad + 1)
        self._events.append(PadsSpent(pad + 1, spent_bits))

    def _settle(self, number: int, pad: int, key: NDArray[np.uint8], books: RoundBooks) -> None:
        """Make a block usable: its front refills the reserve, the rest is the pool's."""
        taken = self._pads.refill(key, signed_pad=pad, ahead=self.config.initial_pads)
        self._settled_round = max(self._settled_round, number)
        rest, reserve = key[taken:], pack_bits(key[:taken])
        self._events.append(BlockUsable(number, pack_bits(rest), rest.size, reserve, books))
