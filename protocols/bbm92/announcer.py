"""The announcer's end of a link: publishes its click times round by round, decides, closes.

What happens within a round is told in `protocols.bbm92.announcer_round`.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.announcer_round import AnnouncerRound
from protocols.bbm92.schedule import Batch, RoundSchedule
from protocols.bbm92.session import LinkSession
from protocols.bbm92.states import ANNOUNCER_LIFE, Cause, Life, Machine
from protocols.bbm92.states import AnnouncerState as State
from protocols.bits import pack_bits, unpack_bits
from protocols.books import RoundBooks
from protocols.errors import RemoteProtocolError
from protocols.events import (
    AbortSigned,
    Alarm,
    BlockHeld,
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
    Vote,
)
from protocols.tagbook import Announcement

MAX_UNANSWERED = 64
"""Announcements waiting for their matches before the round is given up."""
MAX_FUTURE_DECISIONS = 4
"""Aborts signed for rounds to come while there is light: one responder is led through one such
round at a time, and a flood of forged votes must not use up the pads."""


@dataclass(slots=True)
class HeldBlock:
    """A committed block that the responder has not acknowledged yet."""

    number: int
    key: NDArray[np.uint8] = field(repr=False)
    books: RoundBooks


class AnnouncerSession(LinkSession[AnnouncerRound]):
    """The announcer's end of a link."""

    ROLE: ClassVar[Role] = Role.ANNOUNCER
    LIFE: ClassVar[Machine[Life]] = ANNOUNCER_LIFE

    def __init__(self, start: SessionStart) -> None:
        super().__init__(start)
        durable = start.durable
        self._schedule = RoundSchedule(self.config, self._last_round)
        self._is_reserve_empty = False
        self._spoilt = 0
        """Rounds without key since the last commit."""
        self._held: dict[int, HeldBlock] = {}
        self._decisions: dict[int, bytes] = {}
        for block in durable.in_doubt if durable is not None else ():
            key = unpack_bits(block.key, block.key_bits)
            self._held[block.round] = HeldBlock(block.round, key, block.books)
            self._decisions[block.round] = block.message
        self._decisions.update(durable.aborted if durable is not None else ())
        self._closed_round: int | None = None
        if durable is not None and durable.closed is not None:
            self._closed_round, message = durable.closed
            self._decisions[self._closed_round] = message

    # Light --------------------------------------------------------------------------------------

    def advance(self, now_ps: int) -> None:
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
        """Open the round, unless its pad has signed something or the light is to be lost.

        The newest pads are kept: a link that stops for lack of pads still closes, nothing in doubt.
        """
        if not self._pads.is_for_round(number):
            self._stop_for_lack_of_pads(number)
            return
        self._last_round = number
        if number in self._decisions or self.is_congested:
            # The pad has signed the abort of a round made up on the wire; or the light is lost.
            self._count_spoilt(number)
            return
        self._rounds[number] = AnnouncerRound(
            number, self.config, self._secrets, now_ps, book=self._book, rng=self._rng
        )
        self._reporter.begin(number)
        self._events.append(RoundStarted(number))

    def _release(self) -> None:
        """Let the book forget clicks that no open announcement needs."""
        self._told_frames = self._book.frames
        waiting = [entry[1] for round_ in self._rounds.values() for entry in round_.unanswered]
        if self._book.frames:
            announced = min(self._schedule.next_frame, self._book.frames)
            if self._begins_no_more:
                announced = self._book.frames
            waiting.append(self._book.stop_id(announced - 1))
            self._book.release(self._book_index, min(waiting), stop_frame=announced)

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
        if isinstance(body, Matches) and round_.sifted.size:
            self._schedule.is_dormant = False

    # Darkness -----------------------------------------------------------------------------------

    def _drop(self, round_: AnnouncerRound, reason: AbortReason) -> None:
        """A whole round without a sifted bit: the next ones would only use up numbers and pads."""
        if round_.state is State.SIFTED and not round_.books.sifted_bits:
            self._schedule.is_dormant = True
        super()._drop(round_, reason)
        self._count_spoilt(round_.number)

    def _count_spoilt(self, number: int) -> None:
        """A round has used up its pads for nothing.

        Somebody who spoils every round must not use up the reserve: behind half of it each further
        round waits twice as long, so that the rest outlasts him whoever he is.
        """
        self._spoilt += 1
        beyond = self._spoilt - self.config.initial_pads // 2
        if self.config.initial_pads and beyond > 0:
            rounds = 2 ** (beyond - 1)
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

    def _on_final(self, number: int, body: Vote | Decision | Close, now_ps: int) -> None:
        if not isinstance(body, Vote):
            raise RemoteProtocolError(f"{type(body).__name__} from the responder")
        decision = self._decisions.get(number)
        if decision is not None:
            self._post(decision)  # the same bytes, however often it asks
        elif not self._pads.has(number):
            self._events.append(Alarm(number, "vote for a round without pads"))
        elif self.is_closed:
            self._events.append(Alarm(number, "vote after the closing"))
            self._close_again()
        elif body.closing:
            self._on_closing_vote(number, body, now_ps)
        elif number > self._last_round:
            self._refuse_to_come(number)
        else:
            self._decide(number, body, now_ps)

    def _decide(self, number: int, vote: Vote, now_ps: int) -> None:
        """Sign exactly one decision on the round: commit if the vote proves equal transcripts."""
        round_ = self._rounds.get(number)
        if round_ is None:
            self._sign_abort(number, AbortReason.PROTOCOL_VIOLATION)
        elif round_.state is not State.VOTING:
            self._events.append(Alarm(number, "vote before the end of the round"))
            self._sign_abort(number, AbortReason.PROTOCOL_VIOLATION)
        elif not self._may_check(number, now_ps):
            pass  # the responder will ask again
        elif self._is_signed(vote.tag, b"vote", number, now_ps, round_.digests):
            self._commit(round_)
        else:
            self._sign_abort(number, AbortReason.AUTHENTICATION_FAILED)

    def _refuse_to_come(self, number: int) -> None:
        """Answer a responder that has been led through a round that is not ours.

        It votes for none with the newest pads, and those are kept for the closing.
        """
        ahead = sum(decided > self._last_round for decided in self._decisions)
        if not self._pads.is_for_round(number):
            self._events.append(Alarm(number, "vote with the pads of the closing"))
        elif ahead >= MAX_FUTURE_DECISIONS and not self._is_light_over:
            self._events.append(Alarm(number, "too many votes for rounds to come"))
        else:
            self._events.append(Alarm(number, "vote for a round to come"))
            self._sign_abort(number, AbortReason.PROTOCOL_VIOLATION)

    def _commit(self, round_: AnnouncerRound) -> None:
        number = round_.number
        self._spoilt = 0
        self._settle_before(number)
        round_.count_round_trip()
        self._book_check(round_)
        tag = self._sign(b"commit", number, round_.digests)
        decision = self._final(number, Decision(commit=True, tag=tag))
        key = round_.key
        self._held[number] = HeldBlock(number, key, round_.books)
        del self._rounds[number]
        self._reporter.end(number)
        self._events.append(BlockHeld(number, pack_bits(key), key.size, decision, round_.books))
        self._publish(number, decision)

    def _sign_abort(self, number: int, reason: AbortReason) -> None:
        """Not bound to transcripts: the responder's may differ, and it must believe this."""
        if (round_ := self._rounds.get(number)) is not None:
            self._drop(round_, reason)
        tag = self._sign(b"abort", number)
        decision = self._final(number, Decision(commit=False, tag=tag))
        self._events.append(AbortSigned(number, decision))
        self._publish(number, decision)

    def _publish(self, number: int, decision: bytes) -> None:
        self._decisions[number] = decision
        self._post(decision)

    def _settle_before(self, number: int) -> None:
        """A valid vote for ``number`` proves that the responder has settled all earlier rounds."""
        for held in [self._held[key] for key in sorted(self._held) if key < number]:
            del self._held[held.number]
            self._settle(held.number, held.key, held.books)
            self._miss_reports(held.number)
        self._decisions = {key: kept for key, kept in self._decisions.items() if key >= number}
        self._spend_pads_before(number)

    # Closing ------------------------------------------------------------------------------------

    def _ask_to_close(self, now_ps: int) -> None:
        number = self._closing_round()
        if not self._pads.has(number):
            self._stop_for_lack_of_pads(number)
            return
        self._post(self._final(number, Close()))
        self._repetition.start(now_ps)
        self._move(Close, Life.CLOSING)

    def _ask_anew(self, cause: Cause) -> None:
        """The closing vote does not come: ask again, as soon as no round is open."""
        if self._life is Life.CLOSING:
            self._repetition.stop()
            self._move(cause, Life.ENDING)

    def _close_again(self) -> None:
        """The responder is not closed: what it knew of the closing was lost, or never came."""
        self._post(self._final(self._closing_round(), Close()))

    def _closing_round(self) -> int:
        """The first after all rounds whose pads have signed nothing else; once closed, that."""
        if self._closed_round is not None:
            return self._closed_round
        number = self._last_round + 1
        while number in self._decisions:
            number += 1
        return number

    def _on_closing_vote(self, number: int, vote: Vote, now_ps: int) -> None:
        if self._life is not Life.CLOSING or number != self._closing_round():
            raise RemoteProtocolError("closing vote while the link is open")
        if not self._may_check(number, now_ps):
            return
        if not self._is_signed(vote.tag, b"close", number, now_ps):
            return
        self._settle_before(number)
        self._miss_reports()
        tag = self._sign(b"closed", number)
        decision = self._final(number, Decision(commit=True, tag=tag))
        self._publish(number, decision)
        self._spend_pads_before(number + 1)
        self._repetition.stop()
        self._move(Vote, Life.CLOSED)
        self._closed_round = number
        self._events.append(LinkClosed(number, decision, self._signer.forgery_probability()))

    def peer_restarted(self, now_ps: int) -> None:
        """Drop what was under way; a responder that was asked to close is asked again."""
        self._ask_anew(Cause.PEER_RESTARTED)
        super().peer_restarted(now_ps)

    def handle_deadline(self, now_ps: int) -> None:
        """Drop rounds that have waited too long; ask again to close."""
        if self._repetition.is_due(now_ps):
            self._ask_anew(Cause.NO_ANSWER)
        super().handle_deadline(now_ps)
