"""The responder: finds the announcer's clock, matches clicks, corrects its bits, votes.

States of a round::

    LIGHT -> (SAMPLING ->) QUEUED -> RECONCILING -> VERIFYING -> AMPLIFYING -> PREPARED -> settled

One round at a time is distilled; the next waits in QUEUED.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.alignment import Announced, Coincidences, LinkAligner, announced_times_ps
from protocols.bbm92.config import LinkConfig
from protocols.bbm92.distillation import (
    MAX_ROUND_BITS,
    final_key,
    joined_bits,
    judge_leak,
    judge_sample,
    plan_key,
    sample_size,
)
from protocols.bbm92.rounds import LinkSecrets, RoundCore, lane_counts, received_bits
from protocols.bbm92.session import MAX_OPEN_ROUNDS, LinkSession, RoundDropped
from protocols.bits import pack_bits, unpack_bits
from protocols.durable import BlockInDoubt, DurableState
from protocols.errors import RemoteProtocolError
from protocols.events import (
    Alarm,
    BlockDropped,
    BlockPrepared,
    ClosingVoted,
    LinkClosed,
    PadsSpent,
    RoundSampled,
    RoundStarted,
)
from protocols.interfaces import MIN_SIFTED_BITS
from protocols.messages import (
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
from protocols.reconciliation.interface import ReconcilingResponder, bounded_estimate
from protocols.tagbook import TagBook
from protocols.variants import RECONCILIATIONS
from protocols.varint import encode_ascending
from protocols.verification import toeplitz_hash

MIN_SAMPLE_BITS = 100
"""A lane with fewer bits says nothing of the error rate: that of an earlier round stands."""
MAX_SUSPECTED_RATE = 0.15
"""What nobody has verified may be forged: with blocks for this rate a round of any lower one still
leaves key, or is given up for what it disclosed, and the rate falls again."""


class State(Enum):
    """Where a round stands."""

    LIGHT = auto()
    SAMPLING = auto()
    QUEUED = auto()
    RECONCILING = auto()
    VERIFYING = auto()
    AMPLIFYING = auto()
    PREPARED = auto()


@dataclass(slots=True)
class ResponderRound(RoundCore):
    """A round at the responder's end."""

    state: State = State.LIGHT
    unanswered: deque[tuple[int, Coincidences, bool]] = field(default_factory=deque)
    """Announcements whose matches wait for the keep mask: sequence, matches, was it the last."""
    blocks: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = field(
        default_factory=list, repr=False
    )
    reconcilers: list[ReconcilingResponder] = field(default_factory=list)
    """This end of the error correction of each lane."""
    announcements: int = 0
    is_announced: bool = False
    """Whether the last announcement has come."""
    is_asked: tuple[bool, ...] = ()
    """Per lane, whether the outstanding query asks something of it."""
    key: NDArray[np.uint8] | None = field(default=None, repr=False)
    vote: bytes = b""

    @property
    def bits(self) -> NDArray[np.uint8]:
        """The whole round's bits as corrected so far."""
        return joined_bits([reconciler.bits for reconciler in self.reconcilers])


class ResponderSession(LinkSession[ResponderRound]):
    """The responder's end of a link."""

    ROLE: ClassVar[Role] = Role.RESPONDER

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
        self._aligner = LinkAligner(config, book, book_index)
        self._reconciliation = RECONCILIATIONS.get(config.reconciliation)
        self._error_rates = [config.initial_qber] * config.lanes
        self._resend_due_ps: int | None = None
        self._closing: dict[int, bytes] = {}
        """Closing votes by round: somebody else may have asked for the wrong ones."""
        self._is_closing = durable is not None and durable.is_closing
        """Whether a pad has ever signed a closing vote: no round begins any more."""
        if durable is not None and durable.closed is not None:
            self._closing[durable.closed[0]] = durable.closed[1]
        for block in durable.in_doubt if durable is not None else ():
            self._restore(block)

    def _restore(self, block: BlockInDoubt) -> None:
        """Take up a prepared block where the crash left it: ask for the decision again."""
        round_ = ResponderRound.start(block.round, self.config, self._secrets, 0)
        round_.state = State.PREPARED
        round_.key = unpack_bits(block.key, block.key_bits)
        round_.vote = block.message
        round_.books = block.books
        round_.digests = block.digests
        self._rounds[block.round] = round_
        self._post(block.message)
        self._resend_due_ps = -(2**62)

    # Light --------------------------------------------------------------------------------------

    def advance(self, now_ps: int) -> None:
        """Match what can be matched; start to distil the next round if none is under way."""
        for announced, coincidences in self._aligner.advance(is_light_over=self._is_light_over):
            self._answer(announced, coincidences)
        self._events.extend(self._aligner.take_events())
        busy = any(
            round_.state not in (State.LIGHT, State.SAMPLING, State.QUEUED)
            for round_ in self._rounds.values()
        )
        queued = [round_ for round_ in self._rounds.values() if round_.state is State.QUEUED]
        if queued and not busy and not self.is_stopped:
            self._begin_distillation(min(queued, key=lambda round_: round_.number), now_ps)
        if self._is_light_over and not self.is_closed and self._resend_due_ps is None:
            self._resend_due_ps = now_ps + self.config.resend_ps

    def _answer(self, announced: Announced, coincidences: Coincidences) -> None:
        """Return matches, lanes and bases of one announcement, all at once."""
        if announced.round is None:
            self._say_if_ready()
            return
        round_ = self._rounds.get(announced.round)
        if round_ is None or round_.state is not State.LIGHT:
            return
        round_.unanswered.append((announced.sequence, coincidences, announced.last))
        positions = coincidences.positions
        self._send(
            round_,
            Matches(
                last=announced.last,
                announcement=announced.sequence,
                count=positions.size,
                positions=encode_ascending(positions + 1, previous=0),
                lanes=coincidences.lanes.tobytes(),
                bases=pack_bits(coincidences.bases),
            ),
        )

    def _say_if_ready(self) -> None:
        """Ask for rounds once the beacons show light, up to the newest of them."""
        if self._aligner.is_locked and not self._aligner.has_pending:
            self._post(self._final(max(self._last_round, 0), Ready()))

    # Messages of a round ------------------------------------------------------------------------

    def _start_for(self, envelope: Envelope, now_ps: int) -> ResponderRound | None:
        """Open a round for its first announcement; anything else for an unknown round is late.

        Anybody may have named the number, so this takes nothing from a round that has it by right.
        """
        number = envelope.round
        is_first = isinstance(envelope.body, Announce) and envelope.sequence == 0
        if not is_first and number > self._last_round:
            raise RemoteProtocolError(f"a message in the midst of round {number}, which is unknown")
        is_over = self.is_stopped or self._is_closing
        if not is_first or is_over or self._pads.is_gone(number):
            return None
        if not self._pads.is_common(number):
            # The announcer could not answer our vote, or could not close the link after it.
            raise RemoteProtocolError(f"round {number}, which has no pads")
        self._last_round = max(self._last_round, number)
        round_ = ResponderRound.start(number, self.config, self._secrets, now_ps)
        self._rounds[number] = round_
        self._reporter.begin(number)
        self._aligner.forget_beacons()
        self._events.append(RoundStarted(number))
        droppable = [old for old in self._rounds.values() if self._may_drop(old)]
        if len(droppable) > MAX_OPEN_ROUNDS:
            self._drop(droppable[0], AbortReason.TIMED_OUT)
        return round_

    def _drop(self, round_: ResponderRound, reason: AbortReason) -> None:
        self._aligner.forget_round(round_.number)
        super()._drop(round_, reason)

    def _take(self, round_: ResponderRound, body: Message, now_ps: int) -> None:
        match round_.state, body:
            case State.LIGHT, Announce():
                self._on_announce(round_, body)
            case State.LIGHT, Keep():
                self._on_keep(round_, body)
            case State.SAMPLING, Sample():
                self._on_sample(round_, body)
            case State.RECONCILING, ParityReply():
                self._on_reply(round_, body)
            case State.VERIFYING, VerificationHash():
                self._on_hash(round_, body)
            case State.AMPLIFYING, Amplify():
                self._on_amplify(round_, body, now_ps)
            case state, _:
                raise RemoteProtocolError(f"{type(body).__name__} in state {state.name}")

    def _on_announce(self, round_: ResponderRound, body: Announce) -> None:
        round_.is_announced = body.last
        round_.announcements += 1
        if round_.announcements > self._most_announcements():
            raise RemoteProtocolError("more announcements than a round has")
        self._aligner.add(
            Announced(
                round=round_.number,
                sequence=round_.sequences[Role.ANNOUNCER] - 1,
                last=body.last,
                stop_ps=body.stop_ticks * self.config.announcer_tick_ps,
                times_ps=announced_times_ps(self.config, body),
            )
        )

    def _most_announcements(self) -> int:
        """Of one round: one more than its frames fill, for an end within it."""
        config = self.config
        return -(-config.frames_per_round // config.frames_per_announcement) + 1

    def _on_idle(self, body: Beacon | Ready) -> None:
        """Look for light in times that belong to no round; a round that gets some comes first."""
        if not isinstance(body, Beacon):
            raise RemoteProtocolError("a word of being ready from the announcer")
        stop_ps = body.stop_ticks * self.config.announcer_tick_ps
        is_lit = any(
            round_.state is State.LIGHT and not round_.is_announced
            for round_ in self._rounds.values()
        )
        if is_lit or self._is_light_over or not self._aligner.is_plausible(stop_ps):
            return
        times_ps = announced_times_ps(self.config, body)
        self._aligner.add(Announced(None, 0, last=True, stop_ps=stop_ps, times_ps=times_ps))

    def _on_keep(self, round_: ResponderRound, body: Keep) -> None:
        if not round_.unanswered or round_.unanswered[0][0] != body.announcement:
            raise RemoteProtocolError("a keep mask for no open matches")
        _, matched, is_last = round_.unanswered.popleft()
        keep = received_bits(body.mask, matched.positions.size).astype(np.bool_)
        # Both X interferometers at pi/2 anticorrelate: the responder flips, by role.
        bits = matched.ports ^ matched.bases
        round_.sifted.add(matched.lanes[keep], matched.bases[keep], bits[keep])
        if is_last:
            round_.count_round_trip()
            round_.state = State.SAMPLING if sample_size(self.config, round_) else State.QUEUED
            self._book_sifted(round_)

    def _on_sample(self, round_: ResponderRound, body: Sample) -> None:
        """Publish the same places, throw them away; the round goes on if they agree enough."""
        sampled_bits = sample_size(self.config, round_)
        mask = received_bits(body.mask, round_.sifted.size)
        if int(np.count_nonzero(mask)) != sampled_bits:
            raise RemoteProtocolError("a sample of the wrong size")
        theirs = received_bits(body.bits, sampled_bits)
        lanes, mine = round_.sifted.remove(mask)
        self._send(round_, SampleReply(pack_bits(mine)))
        self._events.append(RoundSampled(round_.number, sampled_bits))
        reason = judge_sample(self.config, round_, mine, theirs)
        if reason is not None:
            raise RoundDropped(reason)
        self._learn_rates(lanes, mine != theirs)
        round_.state = State.QUEUED

    def _learn_rates(self, lanes: NDArray[np.uint8], wrong: NDArray[np.bool_]) -> None:
        """Error correction starts from the sample where it is large enough."""
        for lane in range(self.config.lanes):
            found = wrong[lanes == lane]
            if found.size >= MIN_SAMPLE_BITS:
                self._error_rates[lane] = self._reconciliation.estimate(
                    errors=int(np.count_nonzero(found)), bits=found.size
                )

    # Reconciliation, verification, amplification --------------------------------------------------

    def _begin_distillation(self, round_: ResponderRound, now_ps: int) -> None:
        round_.active_ps = now_ps
        if round_.sifted.size < MIN_SIFTED_BITS:
            has_matched = round_.sifted.size or self._aligner.is_locked
            reason = AbortReason.TOO_FEW_BITS if has_matched else AbortReason.NO_LOCK
            self._drop(round_, reason)
            return
        if round_.sifted.size > MAX_ROUND_BITS:
            self._drop(round_, AbortReason.TOO_MANY_BITS)
            return
        seed = self._rng.bytes(8)
        rates_ppm = tuple(round(bounded_estimate(rate) * 1e6) for rate in self._error_rates)
        self._send(round_, ReconciliationSetup(seed, rates_ppm))
        round_.blocks = round_.sifted.sub_blocks()
        round_.reconcilers = [
            self._reconciliation.responder(
                bits, error_rate=rate / 1e6, seed=int.from_bytes(seed, "big")
            )
            for (_, bits), rate in zip(round_.blocks, rates_ppm, strict=True)
        ]
        round_.state = State.RECONCILING
        self._ask_parities(round_)

    def _ask_parities(self, round_: ResponderRound) -> None:
        queries = tuple(reconciler.next_query() or b"" for reconciler in round_.reconcilers)
        round_.is_asked = tuple(bool(query) for query in queries)
        if any(queries):
            self._send(round_, ParityQuery(queries))
        else:
            self._send(round_, Reconciled())
            round_.state = State.VERIFYING

    def _on_reply(self, round_: ResponderRound, body: ParityReply) -> None:
        if len(body.replies) != self.config.lanes:
            raise RemoteProtocolError("impossible parities")
        for reconciler, asked, reply in zip(
            round_.reconcilers, round_.is_asked, body.replies, strict=True
        ):
            if asked:
                reconciler.handle_answer(reply)
            elif reply:
                raise RemoteProtocolError("parities that nobody asked for")
        round_.count_round_trip()
        round_.book(parity_bits=sum(end.parities_learned for end in round_.reconcilers))
        if (reason := judge_leak(self.config, round_)) is not None:
            self._suspect_rates(round_)
            raise RoundDropped(reason)
        self._ask_parities(round_)

    def _suspect_rates(self, round_: ResponderRound) -> None:
        """Begin the next round with the errors of one that was given up, unverified as they are.

        Fewer than it began with: its blocks were too small, and asking too much ended it. Not all
        errors need have been found then, so the next one begins half-way.
        """
        errors = self._count_errors(round_)
        for lane, (bases, _) in enumerate(round_.blocks):
            found = self._reconciliation.estimate(
                errors=errors[2 * lane] + errors[2 * lane + 1], bits=bases.size
            )
            known = bounded_estimate(self._error_rates[lane])
            suspected = min(found, MAX_SUSPECTED_RATE)
            self._error_rates[lane] = max(suspected, (known + suspected) / 2)

    def _on_hash(self, round_: ResponderRound, body: VerificationHash) -> None:
        bits, size = round_.bits, self.config.verification_bits
        seed = received_bits(body.seed, bits.size + size - 1)
        equal = toeplitz_hash(bits, seed_bits=seed, hash_bits=size) == body.digest
        errors = tuple(self._count_errors(round_)) if equal else ()
        self._send(round_, VerificationResult(equal, errors))
        round_.count_round_trip()
        round_.book(verification_bits=size)
        if not equal:
            self._error_rates = [*map(self._after_failure, self._error_rates)]
            raise RoundDropped(AbortReason.VERIFICATION_FAILED)
        lanes = lane_counts(round_.blocks, errors)
        for lane, counts in enumerate(lanes):
            if counts.bits >= MIN_SAMPLE_BITS:
                self._error_rates[lane] = self._reconciliation.estimate(
                    errors=counts.errors, bits=counts.bits
                )
        reason = plan_key(self.config, round_, lanes)
        if reason is not None:
            raise RoundDropped(reason)
        round_.state = State.AMPLIFYING

    def _after_failure(self, error_rate: float) -> float:
        """Begin the next round with more; the hash may have been damaged, so not without bound."""
        sent = bounded_estimate(error_rate)
        raised = self._reconciliation.estimate_after_failure(sent)
        return max(sent, min(raised, MAX_SUSPECTED_RATE))

    def _count_errors(self, round_: ResponderRound) -> list[int]:
        """Corrected errors, Z and X of each lane."""
        counts: list[int] = []
        for (bases, received), reconciler in zip(round_.blocks, round_.reconcilers, strict=True):
            wrong = received != reconciler.bits
            counts += [int(np.count_nonzero(wrong & (bases == basis))) for basis in (0, 1)]
        return counts

    def _on_amplify(self, round_: ResponderRound, body: Amplify, now_ps: int) -> None:
        if body.key_bits != round_.books.key_bits:
            raise RemoteProtocolError("the ends disagree about the key length")
        round_.key = final_key(self.config, round_.bits, seed=body.seed, key_bits=body.key_bits)
        round_.count_round_trip()
        round_.finish_transcripts()
        tag = self._sign(b"vote", round_.number, round_.digests)
        round_.vote = self._final(round_.number, Vote(closing=False, tag=tag))
        round_.state = State.PREPARED
        self._events.append(
            BlockPrepared(
                round_.number,
                pack_bits(round_.key),
                round_.key.size,
                round_.vote,
                round_.digests,
                round_.books,
            )
        )
        self._post(round_.vote)
        self._resend_due_ps = now_ps + self.config.resend_ps

    # Decisions ----------------------------------------------------------------------------------

    def _may_drop(self, round_: ResponderRound) -> bool:
        return round_.state is not State.PREPARED

    def _on_final(self, number: int, body: Vote | Decision | Close, now_ps: int) -> None:
        match body:
            case Decision() if number in self._closing:
                self._on_closed(number, body, now_ps)
            case Decision(commit=True) if self._may_be_closing(number):
                self._on_closed(number, body, now_ps)
            case Decision():
                self._on_decision(number, body, now_ps)
            case Close():
                self._on_close(number, now_ps)
            case _:
                raise RemoteProtocolError("a vote from the announcer")

    def _on_decision(self, number: int, decision: Decision, now_ps: int) -> None:
        round_ = self._rounds.get(number)
        if round_ is None:
            if not self._pads.is_gone(number):  # else a repeat: the round is settled
                self._events.append(Alarm(number, "a decision on a round that is not open"))
            return
        if round_.state is not State.PREPARED and decision.commit:
            raise RemoteProtocolError("a commit without a vote")
        purpose, digests = (b"commit", round_.digests) if decision.commit else (b"abort", b"")
        if not self._may_check(number, now_ps):
            return
        if not self._is_signed(decision.tag, purpose, number, now_ps, digests):
            return
        self._book_check(round_)
        if decision.commit:
            self._commit(round_)
        else:
            self._obey_abort(round_)

    def _commit(self, round_: ResponderRound) -> None:
        key = round_.key if round_.key is not None else np.empty(0, dtype=np.uint8)
        del self._rounds[round_.number]
        self._resend_due_ps = None
        round_.count_round_trip()
        self._settle(round_.number, key, round_.books)
        self._miss_reports(round_.number)
        self._spend_pads_before(round_.number + 1)

    def _obey_abort(self, round_: ResponderRound) -> None:
        if round_.state is State.PREPARED:
            key_bits = round_.key.size if round_.key is not None else 0
            self._events.append(
                BlockDropped(round_.number, key_bits, AbortReason.AUTHENTICATION_FAILED)
            )
            self._resend_due_ps = None
        self._drop(round_, AbortReason.PEER_ABORTED)
        self._reporter.note_reported(round_.number)  # by something signed
        # Its own pads only: the round may be far ahead of the true ones, made up on the wire.
        spent_bits = self._pads.spend(round_.number)
        self._events.append(PadsSpent(round_.number + 1, spent_bits, first=round_.number))

    # Closing ------------------------------------------------------------------------------------

    def _on_close(self, number: int, now_ps: int) -> None:
        """Answer with the closing vote once nothing is open here either."""
        if number in self._closing:
            self._post(self._closing[number])
        elif not self.is_closed and self._is_light_over and not self.is_stopped:
            self._vote_to_close(number, now_ps)

    def _vote_to_close(self, number: int, now_ps: int) -> None:
        if any(not self._may_drop(round_) for round_ in self._rounds.values()):
            return
        if not self._pads.has(number):
            raise RemoteProtocolError(f"closing round {number}")
        self._drop_all(AbortReason.PEER_ABORTED)
        # From here on this end's pads sign closing votes alone, in later lives too.
        self._is_closing = True
        self._events.append(ClosingVoted(number))
        self._sign_closing_vote(number)
        self._post(self._closing[number])
        self._resend_due_ps = now_ps + self.config.resend_ps

    def _sign_closing_vote(self, number: int) -> None:
        tag = self._sign(b"close", number)
        self._closing[number] = self._final(number, Vote(closing=True, tag=tag))

    def _may_be_closing(self, number: int) -> bool:
        """Whether a decision may answer the closing vote of a life before a crash."""
        return self._is_closing and number not in self._rounds and self._pads.has(number)

    def _on_closed(self, number: int, decision: Decision, now_ps: int) -> None:
        if self.is_closed or not self._may_check(number, now_ps):
            return
        if not self._is_signed(decision.tag, b"closed", number, now_ps):
            return
        if number not in self._closing:
            self._sign_closing_vote(number)  # the same that an earlier life has sent
        self._spend_pads_before(number + 1)
        self._miss_reports(number)
        self.is_closed = True
        self._resend_due_ps = None
        bound = self._signer.forgery_probability()
        self._events.append(LinkClosed(number, self._closing[number], bound))

    # Deadlines ----------------------------------------------------------------------------------

    def next_deadline_ps(self) -> int | None:
        """Earliest of the rounds' time-outs and the next repeat of a vote."""
        due = [super().next_deadline_ps(), self._resend_due_ps]
        return min((time for time in due if time is not None), default=None)

    def handle_deadline(self, now_ps: int) -> None:
        """Repeat the vote in doubt, or the wish to close; drop rounds that have waited too long."""
        if self._resend_due_ps is not None and now_ps >= self._resend_due_ps:
            self._resend_due_ps = now_ps + self.config.resend_ps
            self._repeat_vote()
        super().handle_deadline(now_ps)

    def _repeat_vote(self) -> None:
        prepared = [round_ for round_ in self._rounds.values() if round_.state is State.PREPARED]
        if prepared:
            self._post(prepared[0].vote)
        elif self._closing:
            for vote in self._closing.values():
                self._post(vote)
        elif self._is_light_over and not self._rounds and not self.is_closed:
            self._post(self._final(max(self._last_round, 0), Ready()))

    def peer_restarted(self, now_ps: int) -> None:
        """Drop what was under way, and ask again for the decision on what is in doubt."""
        super().peer_restarted(now_ps)
        self._repeat_vote()
