"""The announcer's end of a link: publishes its click times round by round, decides, closes.

What happens within a round is told in `protocols.bbm92.announcer_round`.
"""

from typing import ClassVar

from protocols.bbm92.announcer_round import AnnouncerRound
from protocols.bbm92.decided import Decided, HeldBlock
from protocols.bbm92.macs import is_proven
from protocols.bbm92.schedule import Batch, RoundSchedule
from protocols.bbm92.session import Final, LinkSession
from protocols.bbm92.signing import ABORT, CLOSE, CLOSED, Bound
from protocols.bbm92.states import ANNOUNCER_LIFE, Cause, Life, Machine
from protocols.bbm92.states import AnnouncerState as State
from protocols.bits import pack_bits
from protocols.errors import RemoteProtocolError
from protocols.events import (
    AbortSigned,
    Alarm,
    BlockHeld,
    DecisionsTaken,
    LinkClosed,
    ReserveEmpty,
    RoundsPaused,
    RoundStarted,
)
from protocols.interfaces import SessionStart
from protocols.messages import (
    MAX_TIMES_BYTES,
    AbortReason,
    Beacon,
    Close,
    Decision,
    Envelope,
    Matches,
    Message,
    Ready,
    Role,
    Settled,
    Vote,
)
from protocols.tagbook import Announcement

MAX_UNANSWERED = 64
"""Announcements waiting for their matches before the round is given up."""


class AnnouncerSession(LinkSession[AnnouncerRound]):
    """The announcer's end of a link."""

    ROLE: ClassVar[Role] = Role.ANNOUNCER
    LIFE: ClassVar[Machine[Life]] = ANNOUNCER_LIFE
    ROUND: ClassVar[type[AnnouncerRound]] = AnnouncerRound

    def __init__(self, start: SessionStart) -> None:
        super().__init__(start)
        self._schedule = RoundSchedule(self.config, self._last_round)
        self._is_reserve_empty = False
        self._has_refused = False
        """Whether an abort was signed since the last round has begun."""
        self._decided = Decided(start.durable)
        self._told: tuple[int, int, bool, list[int]] | None = None
        """What the book was told of last: frames, the next one, whether no round begins, clicks."""
        self._repeat_decisions()

    def _repeat_decisions(self) -> None:
        """Ask whether what is held is settled by now."""
        for decision in self._decided.unacknowledged():
            self._post(decision)

    # Light --------------------------------------------------------------------------------------

    def _go_on(self, now_ps: int) -> None:
        """Announce every batch of frames that is complete; ask to close when all is done."""
        while not self._begins_no_more and (batch := self._next_batch()) is not None:
            self._announce(batch, now_ps)
        if self._is_light_over:
            self._end_open_round()
        self._release()
        if self._life is Life.ENDING and not self._rounds:
            self._ask_to_close(now_ps)

    @property
    def is_stopped(self) -> bool:
        """Whether a round, or the closing, has found no pads: no round begins any more."""
        return self._is_reserve_empty

    def _stop_for_lack_of_pads(self, number: int) -> None:
        if not self._is_reserve_empty:
            self._is_reserve_empty = True
            self._events.append(ReserveEmpty(number))

    @property
    def waits_for_light(self) -> bool:
        """Whether an announcement is complete, or, where none follow, the book grows."""
        if self._begins_no_more:
            return self._may_release
        return self._schedule.has_batch(self._book.first_frame, self._book.frames)

    @property
    def _begins_no_more(self) -> bool:
        return self.is_stopped or self.is_closed

    def _next_batch(self) -> Batch | None:
        book = self._book
        return self._schedule.next_batch(
            book.first_frame, book.frames, is_light_over=self._is_light_over
        )

    def _announce(self, batch: Batch, now_ps: int) -> None:
        announcement = self._book.announcement(batch.start, batch.stop)
        if batch.round is None:
            self._send_beacon(announcement)
            return
        if batch.is_first:
            self._start(batch.round, now_ps)
        round_ = self._rounds.get(batch.round)
        if round_ is None or round_.state is not State.LIGHT:
            return
        if len(announcement.deltas) > MAX_TIMES_BYTES:
            self._drop(round_, AbortReason.TOO_MANY_BITS)
            return
        self._send_times(round_, announcement, is_last=batch.is_last)
        if len(round_.unanswered) > MAX_UNANSWERED:
            self._drop(round_, AbortReason.TIMED_OUT)

    def _send_beacon(self, announcement: Announcement) -> None:
        """Publish times outside of rounds, for the responder to find light by."""
        if self.is_congested or len(announcement.deltas) > MAX_TIMES_BYTES:
            return
        body = Beacon(
            start_ticks=announcement.start_ticks,
            stop_ticks=announcement.stop_ticks,
            count=announcement.count,
            deltas=announcement.deltas,
        )
        self._post(self._final(self._schedule.next_round, body))

    def _send_times(
        self, round_: AnnouncerRound, announcement: Announcement, *, is_last: bool
    ) -> None:
        self._send(round_, round_.announce(announcement, is_last=is_last))

    def _end_open_round(self) -> None:
        """The light is over within a round: an empty announcement says so."""
        for round_ in self._rounds.values():
            if round_.state is State.LIGHT and not round_.is_announced:
                stop_ticks = self._book.stop_ticks
                nothing = Announcement(
                    self._book.stop_id(self._book.frames - 1), 0, stop_ticks, 0, b""
                )
                self._send_times(round_, nothing, is_last=True)

    def _start(self, number: int, now_ps: int) -> None:
        """Open the round, unless there are no pads for it or the light is to be lost.

        The newest pads are kept: a link that stops for lack of pads still closes, nothing in doubt.
        """
        undecided = len(self._rounds)
        if not self._pads.is_for_round(self._pads.next_pad + undecided):
            if not (undecided or self._decided.holds_any):  # nothing will refill the reserve
                self._stop_for_lack_of_pads(number)
            return
        self._last_round = number
        self._has_refused = False
        if self.is_congested:
            return
        round_ = self._rounds[number] = self.ROUND(
            number, self.config, self._secrets, now_ps, book=self._book, rng=self._rng
        )
        round_.streams = self._reporter.begin(number, round_.transcripts)
        self._events.append(RoundStarted(number))

    def _release(self) -> None:
        """Let the book forget clicks that no open announcement needs."""
        waiting = [entry[1] for round_ in self._rounds.values() for entry in round_.unanswered]
        needs = (self._book.frames, self._schedule.next_frame, self._begins_no_more, waiting)
        if needs == self._told:  # most messages are of rounds whose light is over
            return
        self._told, self._told_frames = needs, self._book.frames
        if frames := self._book.frames:
            announced = frames if self._begins_no_more else min(self._schedule.next_frame, frames)
            oldest = min([*waiting, self._book.stop_id(announced - 1)])
            self._book.release(self._book_index, oldest, stop_frame=announced)

    # Messages of a round ------------------------------------------------------------------------

    def _start_for(self, envelope: Envelope, now_ps: int) -> AnnouncerRound | None:
        """Only the announcer starts rounds: anything for an unknown one is late or foreign."""
        _ = now_ps
        if envelope.round > self._last_round:
            raise RemoteProtocolError(f"a message for round {envelope.round}, which is not open")
        return None

    def _takes_no_notice_of(self, number: int) -> bool:
        _ = number
        return False  # only the announcer begins rounds

    def _take(self, round_: AnnouncerRound, body: Message, now_ps: int) -> None:
        _ = now_ps
        self._run(round_, round_.take(body))
        if round_.state is State.VOTING:
            self._post(self._final(round_.number, self._reporter.seal(round_.number)))
        if isinstance(body, Matches) and round_.sifted.size:
            self._schedule.is_dormant = False

    # Darkness -----------------------------------------------------------------------------------

    def _drop(self, round_: AnnouncerRound, reason: AbortReason) -> None:
        """A whole round without a sifted bit: the next ones would only use up numbers."""
        if round_.state is State.SIFTED and not round_.books.sifted_bits:
            self._schedule.is_dormant = True
        super()._drop(round_, reason)

    def _spare_pads(self, number: int) -> None:
        """An abort has used up pads for nothing.

        Somebody who spoils every round must not use up the reserve: behind half of it each further
        abort is followed by a pause of twice the length, so that the rest outlasts him whoever he
        is.
        """
        missing = self.config.initial_pads // 2 - self._pads.left_pads
        if missing > 0:
            rounds = 2 ** (missing - 1)
            self._schedule.pause(rounds)
            self._events.append(RoundsPaused(number, rounds))

    def _on_idle(self, body: Beacon | Ready) -> None:
        """The responder has found light: go on with rounds. Without any it wants to close."""
        if not isinstance(body, Ready):
            raise RemoteProtocolError("a beacon from the responder")
        self._schedule.is_dormant = False
        if self.is_closed:
            self._close_again()

    # Votes and decisions ------------------------------------------------------------------------

    def _may_drop(self, round_: AnnouncerRound) -> bool:
        _ = round_
        return True  # a round that is decided is no longer among the open ones

    def _may_be_spoilt(self, round_: AnnouncerRound) -> bool:
        return round_.state is not State.VOTING

    def _on_final(self, number: int, body: Final, now_ps: int) -> None:
        match body:
            case Vote():
                self._on_vote(number, body, now_ps)
            case Settled():
                self._on_settled(body)
            case _:
                raise RemoteProtocolError(f"{type(body).__name__} from the responder")

    def _on_vote(self, number: int, vote: Vote, now_ps: int) -> None:
        """Sign exactly one decision on what the responder's lowest pad has signed."""
        decision = self._decided.messages.get(vote.pad)
        if not is_proven(self._macs, number, vote):
            self.alarm("a vote that the peer has not sent")
        elif decision is not None:
            self._post(decision)  # the same bytes, however often it asks
        elif vote.pad != self._pads.next_pad or not self._pads.has(vote.pad):
            self.alarm("a vote with pads that are spent, or to come")
        else:
            self._answer(number, vote, now_ps)

    def _answer(self, number: int, vote: Vote, now_ps: int) -> None:
        """What a proven vote asks for; it says as an acknowledgement does what is settled."""
        self._settle_held_before(vote.pad)
        if self.is_closed:
            self.alarm("a vote after the closing")
            self._close_again()
        elif vote.closing:
            self._on_closing_vote(vote, now_ps)
        else:
            self._decide(number, vote, now_ps)

    def _decide(self, number: int, vote: Vote, now_ps: int) -> None:
        """Commit if the vote proves equal transcripts."""
        round_ = self._rounds.get(number)
        if round_ is None or round_.state is not State.VOTING:
            self._refuse(number, vote.pad, AbortReason.PROTOCOL_VIOLATION)
        elif not self._may_check(now_ps):
            pass  # the responder will ask again
        elif self._is_signed(vote.tag, Bound(b"vote", number, round_.digests), vote.pad, now_ps):
            self._commit(round_, vote.pad)
        else:
            self._refuse(number, vote.pad, AbortReason.AUTHENTICATION_FAILED)

    def _refuse(self, number: int, pad: int, reason: AbortReason) -> None:
        """Abort what the responder has voted for: a crash has lost it here, or it never was.

        Whoever can make up votes (`macs`) has one a round answered while light comes, and never
        with the newest pads: the responder votes for no round with those.
        """
        if number > self._last_round or number in self._rounds:
            self._events.append(Alarm(number, "a vote for a round that is not complete here"))
        if not self._pads.is_for_round(pad):
            self.alarm("a vote with the pads of the closing")
        elif self._has_refused and not self._is_light_over:
            self.alarm("too many votes that cannot be committed")
        else:
            self._has_refused = True
            self._sign_abort(number, pad, reason)

    def _commit(self, round_: AnnouncerRound, pad: int) -> None:
        number, key = round_.number, round_.key
        self._settle_before(pad)
        round_.count_round_trip()
        self._book_check(round_)
        tag = self._sign(Bound(b"commit", number, round_.digests), pad)
        decision = self._final(number, Decision(commit=True, pad=pad, tag=tag))
        self._decided.hold(HeldBlock(number, pad, key, round_.books))
        del self._rounds[number]
        self._reporter.settle(number)
        self._events.append(
            BlockHeld(number, pad, pack_bits(key), key.size, decision, round_.books)
        )
        self._drop_before(number)
        self._publish(pad, decision)

    def _sign_abort(self, number: int, pad: int, reason: AbortReason) -> None:
        """Not bound to transcripts: the responder's may differ, and it must believe this."""
        if (round_ := self._rounds.get(number)) is not None:
            self._drop(round_, reason)
        decision = self._final(number, Decision(commit=False, pad=pad, tag=self._sign(ABORT, pad)))
        self._events.append(AbortSigned(number, pad, decision))
        self._publish(pad, decision)
        self._spare_pads(number)

    def _publish(self, pad: int, decision: bytes) -> None:
        """What a pad has signed goes out, as often as it is asked for; it signs nothing else."""
        self._decided.messages[pad] = decision
        self._spend_pad(pad)
        self._post(decision)

    def _on_settled(self, settled: Settled) -> None:
        """The responder has its part of the block. The decision is kept: this is not signed."""
        if self._macs.is_peers(settled.mac, b"settled", settled.pad, b""):
            self._settle_held_before(settled.pad + 1)
        else:
            self.alarm("an acknowledgement that the peer has not sent")

    def _settle_before(self, pad: int) -> None:
        """A valid vote with ``pad`` proves that the responder has all decisions before it."""
        self._settle_held_before(pad)
        self._decided.forget_before(pad)
        self._events.append(DecisionsTaken(pad))

    def _settle_held_before(self, pad: int) -> None:
        for held in self._decided.release_before(pad):
            self._settle(held.number, held.pad, held.key, held.books)
            self._miss_reports(held.number)

    # Closing ------------------------------------------------------------------------------------

    def _ask_to_close(self, now_ps: int) -> None:
        if not self._pads.has(self._pads.next_pad):
            self._stop_for_lack_of_pads(self._last_round + 1)
            return
        self._close_again()
        self._repetition.start(now_ps)
        self._move(Close, Life.CLOSING)

    def _ask_anew(self, cause: Cause) -> None:
        """The closing vote does not come: ask again, as soon as no round is open."""
        if self._life is Life.CLOSING:
            self._repetition.stop()
            self._move(cause, Life.ENDING)

    def _close_again(self) -> None:
        """The responder is not closed: what it knew of the closing was lost, or never came."""
        self._post(self._final(self._last_round + 1, Close()))

    def _on_closing_vote(self, vote: Vote, now_ps: int) -> None:
        pad = vote.pad
        if self._life is not Life.CLOSING:
            raise RemoteProtocolError("closing vote while the link is open")
        if not self._may_check(now_ps) or not self._is_signed(vote.tag, CLOSE, pad, now_ps):
            return
        self._settle_before(pad)
        self._miss_reports()
        closed = Decision(commit=True, pad=pad, tag=self._sign(CLOSED, pad))
        decision = self._final(self._last_round + 1, closed)
        self._publish(pad, decision)
        self._repetition.stop()
        self._move(Vote, Life.CLOSED)
        self._events.append(LinkClosed(pad, decision, self._signer.forgery_probability()))

    def peer_restarted(self, now_ps: int) -> None:
        """Drop what was under way; ask again whether what is held is settled, and to close."""
        self._ask_anew(Cause.PEER_RESTARTED)
        super().peer_restarted(now_ps)
        self._repeat_decisions()

    def handle_deadline(self, now_ps: int) -> None:
        """Drop rounds that have waited too long; ask again to close."""
        if self._repetition.is_due(now_ps):
            self._ask_anew(Cause.NO_ANSWER)
        super().handle_deadline(now_ps)
