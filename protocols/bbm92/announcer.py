"""The announcer: publishes its click times, answers parities, decides.

States of a round::

    LIGHT -> (SAMPLING ->) SIFTED -> RECONCILING -> VERIFYING -> VOTING -> decided
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.config import LinkConfig
from protocols.bbm92.distillation import (
    MAX_ROUND_BITS,
    final_key,
    joined_bits,
    judge_leak,
    judge_sample,
    plan_key,
    sample_size,
    seed_size,
)
from protocols.bbm92.rounds import LinkSecrets, RoundCore, lane_counts, received_bits
from protocols.bbm92.schedule import Batch, RoundSchedule
from protocols.bbm92.session import LinkSession, RoundDropped
from protocols.bits import pack_bits, unpack_bits
from protocols.books import RoundBooks
from protocols.durable import DurableState
from protocols.errors import RemoteProtocolError
from protocols.estimation import random_mask
from protocols.events import (
    AbortSigned,
    Alarm,
    BlockHeld,
    LinkClosed,
    RoundSampled,
    RoundStarted,
)
from protocols.messages import (
    MAX_MESSAGE_BYTES,
    AbortReason,
    Amplify,
    Announce,
    Beacon,
    Close,
    Decision,
    Envelope,
    Keep,
    Matches,
    Message,
    ParityQuery,
    ParityReply,
    Ready,
    Reconciled,
    ReconciliationSetup,
    Role,
    Sample,
    SampleReply,
    VerificationHash,
    VerificationResult,
    Vote,
)
from protocols.reconciliation.interface import MAX_ESTIMATE, ReconcilingAnnouncer
from protocols.tagbook import Announcement, TagBook
from protocols.variants import RECONCILIATIONS
from protocols.varint import decode_ascending
from protocols.verification import toeplitz_hash

MAX_TIMES_BYTES = MAX_MESSAGE_BYTES - 4096
"""More clicks than this (some 5 MHz) are not announced: their round is dropped."""
MAX_UNANSWERED = 64
"""Announcements waiting for their matches before the round is given up."""
MAX_QUERIES = 100_000
MAX_FUTURE_DECISIONS = 4
"""Aborts signed for rounds to come while there is light: one responder is led through one such
round at a time, and a flood of forged votes must not use up the pads."""


class State(Enum):
    """Where a round stands."""

    LIGHT = auto()
    SAMPLING = auto()
    SIFTED = auto()
    RECONCILING = auto()
    VERIFYING = auto()
    VOTING = auto()


@dataclass(slots=True)
class AnnouncerRound(RoundCore):
    """A round at the announcer's end."""

    state: State = State.LIGHT
    unanswered: deque[tuple[int, int, int, bool]] = field(default_factory=deque)
    """Sequence, first click, clicks and whether it was the last, per announcement."""
    blocks: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = field(
        default_factory=list, repr=False
    )
    reconcilers: list[ReconcilingAnnouncer] = field(default_factory=list)
    """This end of the error correction of each lane."""
    published: NDArray[np.uint8] | None = None
    """Bits of the sample, until the responder's come."""
    queries: int = 0
    is_announced: bool = False
    """Whether the last announcement of the round has been sent."""
    key: NDArray[np.uint8] | None = field(default=None, repr=False)

    @property
    def bits(self) -> NDArray[np.uint8]:
        """The whole round's bits."""
        return joined_bits([bits for _, bits in self.blocks])


@dataclass(slots=True)
class HeldBlock:
    """A committed block that the responder has not acknowledged yet."""

    number: int
    key: NDArray[np.uint8] = field(repr=False)
    books: RoundBooks


class AnnouncerSession(LinkSession[AnnouncerRound]):
    """The announcer's end of a link."""

    ROLE: ClassVar[Role] = Role.ANNOUNCER

    def __init__(
        self,
        config: LinkConfig,
        secrets: LinkSecrets,
        *,
        book: TagBook,
        book_index: int,
        rng: np.random.Generator,
        durable: DurableState | None = None,
    ) -> None:
        super().__init__(
            config, secrets, book=book, book_index=book_index, rng=rng, durable=durable
        )
        self._schedule = RoundSchedule(config, self._last_round)
        self._close_due_ps: int | None = None
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
        if self._is_light_over and not self._rounds and self._close_due_ps is None:
            self._ask_to_close(now_ps)

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
        round_.is_announced = is_last
        round_.unanswered.append(
            (round_.sequences[self.ROLE], announcement.first_id, announcement.count, is_last)
        )
        body = Announce(
            last=is_last,
            start_ticks=announcement.start_ticks,
            stop_ticks=announcement.stop_ticks,
            count=announcement.count,
            deltas=announcement.deltas,
        )
        self._send(round_, body)

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
        if number in self._decisions:
            return  # its pad has signed the abort of a round made up on the wire
        if self.is_congested:
            return  # this round's light is lost, its pads are burned
        self._rounds[number] = AnnouncerRound.start(number, self.config, self._secrets, now_ps)
        self._reporter.begin(number)
        self._events.append(RoundStarted(number))

    def _release(self) -> None:
        """Let the book forget clicks that no open announcement needs."""
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

    def _take(self, round_: AnnouncerRound, body: Message, now_ps: int) -> None:
        _ = now_ps
        match round_.state, body:
            case State.LIGHT, Matches():
                self._on_matches(round_, body)
            case State.SAMPLING, SampleReply():
                self._on_sample(round_, body)
            case State.SIFTED, ReconciliationSetup():
                self._on_setup(round_, body)
            case State.RECONCILING, ParityQuery():
                self._on_query(round_, body)
            case State.RECONCILING, Reconciled():
                self._send_hash(round_)
            case State.VERIFYING, VerificationResult():
                self._on_result(round_, body)
            case state, _:
                raise RemoteProtocolError(f"{type(body).__name__} in state {state.name}")

    def _on_matches(self, round_: AnnouncerRound, body: Matches) -> None:
        if not round_.unanswered or round_.unanswered[0][0] != body.announcement:
            raise RemoteProtocolError("matches for no open announcement")
        _, first_id, clicks, is_last = round_.unanswered.popleft()
        if body.last != is_last:
            raise RemoteProtocolError("matches that do not end where the light ends")
        positions = decode_ascending(body.positions, count=body.count, previous=0) - 1
        lanes = np.frombuffer(body.lanes, dtype=np.uint8)
        bases = received_bits(body.bases, body.count)
        if not _are_valid(positions, clicks, lanes, self.config.lanes):
            raise RemoteProtocolError("impossible matches")
        self._sift(round_, body.announcement, first_id + positions, lanes, bases)
        if is_last:
            round_.count_round_trip()
            self._book_sifted(round_)
            self._publish_sample(round_)

    def _sift(
        self,
        round_: AnnouncerRound,
        announcement: int,
        ids: NDArray[np.int64],
        lanes: NDArray[np.uint8],
        bases: NDArray[np.uint8],
    ) -> None:
        """Keep equal bases whose click no other link of this user has, and say which.

        All clicks are claimed: the answer tells the bases of those that are not kept, too.
        """
        detectors = self._book.tags_of(ids) & 3
        keep = self._book.claim(ids) & (detectors >> 1 == bases)
        bits = (detectors & 1).astype(np.uint8)
        round_.sifted.add(lanes[keep], bases[keep], bits[keep])
        if round_.sifted.size:
            self._schedule.is_dormant = False
        self._send(round_, Keep(announcement, pack_bits(keep.astype(np.uint8))))

    def _publish_sample(self, round_: AnnouncerRound) -> None:
        """Draw and publish a sample, if the estimate takes one: both ends' bits are fixed now."""
        sampled_bits = sample_size(self.config, round_)
        if sampled_bits and round_.sifted.size + sampled_bits > MAX_ROUND_BITS:
            raise RoundDropped(AbortReason.TOO_MANY_BITS)
        round_.state = State.SAMPLING if sampled_bits else State.SIFTED
        if sampled_bits:
            mask = random_mask(self._rng, round_.sifted.size, sampled_bits)
            _, round_.published = round_.sifted.remove(mask)
            round_.book(sampled_bits=sampled_bits)
            self._send(round_, Sample(pack_bits(mask), pack_bits(round_.published)))
            self._events.append(RoundSampled(round_.number, sampled_bits))

    def _on_sample(self, round_: AnnouncerRound, body: SampleReply) -> None:
        mine = round_.published if round_.published is not None else np.empty(0, dtype=np.uint8)
        reason = judge_sample(self.config, round_, mine, received_bits(body.bits, mine.size))
        if reason is not None:
            raise RoundDropped(reason)
        round_.published = None
        round_.state = State.SIFTED

    def _on_setup(self, round_: AnnouncerRound, body: ReconciliationSetup) -> None:
        if len(body.seed) != 8 or len(body.error_rates_ppm) != self.config.lanes:
            raise RemoteProtocolError("impossible set-up")
        if max(body.error_rates_ppm) > MAX_ESTIMATE * 1e6:
            raise RemoteProtocolError("impossible error rate")
        round_.blocks = round_.sifted.sub_blocks()
        seed = int.from_bytes(body.seed, "big")
        variant = RECONCILIATIONS.get(self.config.reconciliation)
        round_.reconcilers = [
            variant.announcer(bits, error_rate=rate / 1e6, seed=seed)
            for (_, bits), rate in zip(round_.blocks, body.error_rates_ppm, strict=True)
        ]
        round_.state = State.RECONCILING

    def _on_query(self, round_: AnnouncerRound, body: ParityQuery) -> None:
        round_.queries += 1
        if len(body.queries) != self.config.lanes or round_.queries > MAX_QUERIES:
            raise RemoteProtocolError("impossible query")
        replies = tuple(
            reconciler.answer(query) if query else b""
            for reconciler, query in zip(round_.reconcilers, body.queries, strict=True)
        )
        self._send(round_, ParityReply(replies))
        round_.count_round_trip()
        round_.book(parity_bits=sum(end.parities_disclosed for end in round_.reconcilers))
        if (reason := judge_leak(self.config, round_)) is not None:
            raise RoundDropped(reason)

    def _send_hash(self, round_: AnnouncerRound) -> None:
        bits, size = round_.bits, self.config.verification_bits
        seed = _random_bits(self._rng, bits.size + size - 1)
        digest = toeplitz_hash(bits, seed_bits=seed, hash_bits=size)
        self._send(round_, VerificationHash(pack_bits(seed), digest))
        round_.count_round_trip()
        round_.book(verification_bits=size)
        round_.state = State.VERIFYING

    def _on_result(self, round_: AnnouncerRound, body: VerificationResult) -> None:
        if not body.equal:
            raise RoundDropped(AbortReason.VERIFICATION_FAILED)
        if len(body.errors) != 2 * self.config.lanes:
            raise RemoteProtocolError("impossible error counts")
        lanes = lane_counts(round_.blocks, body.errors)
        reason = plan_key(self.config, round_, lanes)
        if reason is not None:
            raise RoundDropped(reason)
        self._amplify(round_)

    def _amplify(self, round_: AnnouncerRound) -> None:
        bits, key_bits = round_.bits, round_.books.key_bits
        seed = pack_bits(_random_bits(self._rng, seed_size(self.config, bits.size, key_bits)))
        self._send(round_, Amplify(key_bits, seed))
        round_.count_round_trip()
        round_.finish_transcripts()
        round_.key = final_key(self.config, bits, seed=seed, key_bits=key_bits)
        round_.state = State.VOTING

    # Darkness -----------------------------------------------------------------------------------

    def _drop(self, round_: AnnouncerRound, reason: AbortReason) -> None:
        """A whole round without a sifted bit: the next ones would only use up numbers and pads."""
        if round_.state is State.SIFTED and not round_.books.sifted_bits:
            self._schedule.is_dormant = True
        super()._drop(round_, reason)

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
        self._settle_before(number)
        round_.count_round_trip()
        self._book_check(round_)
        tag = self._sign(b"commit", number, round_.digests)
        decision = self._final(number, Decision(commit=True, tag=tag))
        key = round_.key if round_.key is not None else np.empty(0, dtype=np.uint8)
        self._held[number] = HeldBlock(number, key, round_.books)
        del self._rounds[number]
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
        if self.is_closed:
            return  # a responder that is not speaks first
        number = self._closing_round()
        if not self._pads.has(number):
            self._stop_for_lack_of_pads(number)
            return
        self._post(self._final(number, Close()))
        self._close_due_ps = now_ps + self.config.resend_ps

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
        if self._rounds or not self._is_light_over or number != self._closing_round():
            raise RemoteProtocolError("closing vote while the link is open")
        if not self._may_check(number, now_ps):
            return
        if not self._is_signed(vote.tag, b"close", number, now_ps):
            return
        self._settle_before(number)
        self._miss_reports(number)
        tag = self._sign(b"closed", number)
        decision = self._final(number, Decision(commit=True, tag=tag))
        self._publish(number, decision)
        self._spend_pads_before(number + 1)
        self.is_closed = True
        self._closed_round = number
        self._close_due_ps = None
        self._events.append(LinkClosed(number, decision, self._signer.forgery_probability()))

    def peer_restarted(self, now_ps: int) -> None:
        """Drop what was under way; a responder that was asked to close is asked again."""
        self._close_due_ps = None
        super().peer_restarted(now_ps)

    def next_deadline_ps(self) -> int | None:
        """Earliest of the rounds' time-outs and the next request to close."""
        due = [super().next_deadline_ps(), self._close_due_ps]
        return min((time for time in due if time is not None), default=None)

    def handle_deadline(self, now_ps: int) -> None:
        """Drop rounds that have waited too long; ask again to close."""
        if self._close_due_ps is not None and now_ps >= self._close_due_ps:
            self._close_due_ps = None
        super().handle_deadline(now_ps)


def _are_valid(
    positions: NDArray[np.int64], clicks: int, lanes: NDArray[np.uint8], lanes_count: int
) -> bool:
    """Whether matches name distinct clicks of the announcement and known lanes."""
    if lanes.size != positions.size:
        return False
    if positions.size == 0:
        return True
    in_order = bool(np.all(np.diff(positions) > 0)) and positions[0] >= 0
    return in_order and int(positions[-1]) < clicks and int(lanes.max()) < lanes_count


def _random_bits(rng: np.random.Generator, size_bits: int) -> NDArray[np.uint8]:
    """(size_bits,) uint8 fair bits."""
    packed = np.frombuffer(rng.bytes(-(-size_bits // 8)), dtype=np.uint8)
    return np.unpackbits(packed)[:size_bits]
