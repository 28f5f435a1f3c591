"""A round at the responder's end: what it makes of each message of the announcer.

Its states and moves are `protocols.bbm92.states.RESPONDER_ROUND`. It knows no wire, no clock, no
other round and no pad: who owns it has the times of an announcement matched, begins its
distillation when no other round is in the way, and signs its vote.
"""

from collections import deque
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.ascending import encode_ascending
from protocols.bbm92.alignment import Coincidences
from protocols.bbm92.distillation import (
    MAX_QUERIES,
    MAX_ROUND_BITS,
    final_key,
    joined_bits,
    judge_sample,
    leak_limit_bits,
    plan_key,
    sample_size,
)
from protocols.bbm92.error_rates import ErrorRates
from protocols.bbm92.rounds import (
    BASES,
    Bits,
    Claims,
    RoundCore,
    RoundDropped,
    Steps,
    balances,
    lane_counts,
    ones_by_basis,
    received_bits,
)
from protocols.bbm92.states import RESPONDER_ROUND, Cause, Machine
from protocols.bbm92.states import ResponderState as State
from protocols.bits import pack_bits
from protocols.errors import RemoteProtocolError
from protocols.events import RoundSampled
from protocols.hashing.verification import toeplitz_hash
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import (
    AbortReason,
    Amplify,
    Announce,
    Keep,
    Matches,
    Message,
    ParityQuery,
    ParityReply,
    Reconciled,
    ReconciliationSetup,
    Sample,
    SampleReply,
    Seal,
    VerificationHash,
    VerificationResult,
)
from protocols.profile import MIN_SIFTED_BITS
from protocols.reconciliation.interface import ReconcilingResponder
from protocols.tagbook import TagBook
from protocols.variants import RECONCILIATIONS


class ResponderRound(RoundCore):
    """A round at the responder's end.

    Parameters
    ----------
    number, config, secrets, now_ps
        See `RoundCore`.
    book : TagBook
        This user's clicks.
    rng : numpy.random.Generator
        For the seed of the error correction's shuffles.
    rates : ErrorRates
        Of the link: what the correction begins with, and learns from.
    """

    MOVES: ClassVar[Machine[State]] = RESPONDER_ROUND

    def __init__(
        self,
        number: int,
        config: LinkConfig,
        secrets: LinkSecrets,
        now_ps: int,
        *,
        book: TagBook,
        rng: np.random.Generator,
        rates: ErrorRates,
    ) -> None:
        super().__init__(number, config, secrets, now_ps)
        self.claims = Claims(book, config.responder_tick_ps)
        """Given back if the round ends before its last matches are sent."""
        self.state = State.LIGHT
        self.is_announced = False
        """Whether the last announcement has come."""
        self.vote = b""
        """As it is sent, and sent again."""
        self.pad = -1
        """Index of the pad that has signed it."""
        self._rng = rng
        self._rates = rates
        self._announcements = 0
        self._queries = 0
        self._unanswered: deque[tuple[int, Coincidences, bool]] = deque()
        """Sequence, matches and whether it was the last, per announcement without its keep mask."""
        self._blocks: list[tuple[Bits, Bits]] = []
        self._reconciliation = RECONCILIATIONS.using(config.profile.reconciliation)
        self._reconcilers: list[ReconcilingResponder] = []
        """This end of the error correction of each lane."""
        self._asked: list[bytes] = []
        """The outstanding query of each lane; of some, nothing is asked."""

    def _act_on(self, body: Message) -> Steps:
        """An announcement is only counted, its times are the owner's."""
        match body:
            case ParityReply():  # most of all
                steps = self._on_reply(body)
            case Announce():
                steps = self._on_announce(body)
            case Keep():
                steps = self._on_keep(body)
            case Sample():
                steps = self._on_sample(body)
            case VerificationHash():
                steps = self._on_hash(body)
            case Amplify():
                steps = self._on_amplify(body)
            case _:
                steps = super()._act_on(body)
        return steps

    # Sifting ------------------------------------------------------------------------------------

    def _on_announce(self, body: Announce) -> Steps:
        self.is_announced = body.last
        self._announcements += 1
        config = self.config
        # One more than the frames of a round fill, for an end within it.
        most = -(-config.frames_per_round // config.frames_per_announcement) + 1
        if self._announcements > most:
            raise RemoteProtocolError("more announcements than a round has")
        yield from ()

    def answer(self, announcement: int, coincidences: Coincidences, *, is_last: bool) -> Matches:
        """Return matches, lanes and bases of one announcement, all at once."""
        self._unanswered.append((announcement, coincidences, is_last))
        self.claims.add(coincidences.ids)
        if is_last:  # the announcer may publish a sample at once
            self.claims.keep()
        positions = coincidences.positions
        return Matches(
            last=is_last,
            announcement=announcement,
            count=positions.size,
            positions=encode_ascending(positions + 1, previous=0),
            lanes=coincidences.lanes.tobytes(),
            bases=pack_bits(self._published(coincidences)),
        )

    def _published(self, coincidences: Coincidences) -> Bits:
        """What is said of the own settings: the bases."""
        return coincidences.bases

    def _on_keep(self, body: Keep) -> Steps:
        if not self._unanswered or self._unanswered[0][0] != body.announcement:
            raise RemoteProtocolError("a keep mask for no open matches")
        _, matched, is_last = self._unanswered.popleft()
        self._sift(matched, body.mask)
        if is_last:
            self.count_round_trip()
            self._after_sifting()
            yield self.book_sifted()

    def _sift(self, matched: Coincidences, mask: bytes) -> None:
        self._keep(matched, received_bits(mask, matched.positions.size).astype(np.bool_))

    def _keep(self, matched: Coincidences, keep: NDArray[np.bool_]) -> None:
        """Add the own bits of the matches to ``keep``."""
        # Both X interferometers at pi/2 anticorrelate: the responder flips, by role.
        bits = matched.ports ^ matched.bases
        self.sifted.add(matched.lanes, matched.bases, bits, keep)

    def _after_sifting(self) -> None:
        self._sifted_by(Keep)

    def _sifted_by(self, cause: type[Message]) -> None:
        """The bits are fixed: a sample of them comes next, if one is taken."""
        self._move(cause, State.SAMPLING if sample_size(self) else State.QUEUED)

    def _on_sample(self, body: Sample) -> Steps:
        """Publish the same places, throw them away; the round goes on if they agree enough."""
        sampled_bits = sample_size(self)
        mask = received_bits(body.mask, self.sifted.size)
        if int(np.count_nonzero(mask)) != sampled_bits:
            raise RemoteProtocolError("a sample of the wrong size")
        theirs = received_bits(body.bits, sampled_bits)
        lanes, mine = self.sifted.remove(mask)
        yield SampleReply(pack_bits(mine))
        yield RoundSampled(self.number, sampled_bits)
        judge_sample(self, mine, theirs)
        sampled = [lanes == lane for lane in range(self.config.lanes)]
        self._rates.learn([(_ones(mine[k] != theirs[k]), _ones(k)) for k in sampled])
        self._move(Sample, State.QUEUED)

    # Reconciliation, verification, amplification --------------------------------------------------

    def begin(self, *, is_locked: bool) -> Steps:
        """Begin to distil; without the clocks no bit can have matched."""
        if self.sifted.size < MIN_SIFTED_BITS:
            has_matched = self.sifted.size or is_locked
            raise RoundDropped(AbortReason.TOO_FEW_BITS if has_matched else AbortReason.NO_LOCK)
        if self.sifted.size > MAX_ROUND_BITS:
            raise RoundDropped(AbortReason.TOO_MANY_BITS)
        seed, rates_ppm = self._rng.bytes(8), self._rates.bounded_ppm
        yield ReconciliationSetup(seed, rates_ppm)
        self._blocks = self.sifted.sub_blocks()
        self.leak_limit_bits = leak_limit_bits(self.config, self.books.raw_bits)
        with self._reconciliation as variant:
            self._reconcilers = [
                variant.responder(bits, error_rate=rate / 1e6, seed=int.from_bytes(seed, "big"))
                for (_, bits), rate in zip(self._blocks, rates_ppm, strict=True)
            ]
        yield self._next_question(Cause.TURN)

    def _next_question(self, cause: Cause | type[Message]) -> ParityQuery | Reconciled:
        with self._reconciliation:
            queries = [reconciler.next_query() or b"" for reconciler in self._reconcilers]
        self._asked = queries
        is_done = not any(queries)
        self._queries += not is_done
        if self._queries > MAX_QUERIES:  # errors far beyond the estimate: its peer would refuse
            raise RoundDropped(AbortReason.LEAK_TOO_HIGH)
        self._move(cause, State.VERIFYING if is_done else State.RECONCILING)
        return Reconciled() if is_done else ParityQuery(tuple(queries))

    def _on_reply(self, body: ParityReply) -> Steps:
        if len(body.replies) != len(self._reconcilers):
            raise RemoteProtocolError("impossible parities")
        with self._reconciliation:
            for reconciler, query, reply in zip(
                self._reconcilers, self._asked, body.replies, strict=True
            ):
                if query:
                    reconciler.handle_answer(reply)
                elif reply:
                    raise RemoteProtocolError("parities that nobody asked for")
        try:
            self.count_parities(sum([end.parities_learned for end in self._reconcilers]))
        except RoundDropped:
            self._suspect_rates()
            raise
        yield self._next_question(ParityReply)

    def _suspect_rates(self) -> None:
        """There are more errors than correction was told to expect."""
        errors, sizes = self._count_errors(), [bases.size for bases, _ in self._blocks]
        by_lane = [sum(errors[start : start + BASES]) for start in range(0, len(errors), BASES)]
        self._rates.suspect([*zip(by_lane, sizes, strict=True)])

    def _on_hash(self, body: VerificationHash) -> Steps:
        bits, size = self._bits, self.config.terms.verification_bits
        seed = received_bits(body.seed, bits.size + size - 1)
        equal = toeplitz_hash(bits, seed_bits=seed, hash_bits=size) == body.digest
        errors = tuple(self._count_errors()) if equal else ()
        yield VerificationResult(equal, errors)
        self.book(verification_bits=size)
        self.count_round_trip()
        if not equal:
            self._rates.raise_after_failure()
            raise RoundDropped(AbortReason.VERIFICATION_FAILED)
        lanes = lane_counts(self._blocks, errors)
        self._rates.learn([(counts.errors, counts.bits) for counts in lanes])
        corrected = [
            (bases, reconciler.bits)
            for (bases, _), reconciler in zip(self._blocks, self._reconcilers, strict=True)
        ]
        parities = tuple(end.parities_learned for end in self._reconcilers)
        plan_key(self, lanes, balances(corrected), parities)
        self._move(VerificationHash, State.AMPLIFYING)

    def _count_errors(self) -> list[int]:
        """Corrected errors, Z and X of each lane."""
        counts: list[int] = []
        for (bases, received), reconciler in zip(self._blocks, self._reconcilers, strict=True):
            counts += ones_by_basis(bases, received ^ reconciler.bits)
        return counts

    def _on_amplify(self, body: Amplify) -> Steps:
        if body.key_bits != self.books.key_bits:
            raise RemoteProtocolError("the ends disagree about the key length")
        self.key = final_key(self.config, self._bits, seed=body.seed, key_bits=body.key_bits)
        self.count_round_trip()
        self.finish_transcripts()
        self._move(Amplify, State.SEALING)
        yield from ()

    def prepare(self, vote: bytes, pad: int) -> None:
        """The announcer has sealed the same transcripts, and ``vote`` was signed."""
        self._move(Seal, State.PREPARED)
        self.vote, self.pad = vote, pad

    @property
    def _bits(self) -> Bits:
        """The whole round's bits as corrected so far."""
        return joined_bits([reconciler.bits for reconciler in self._reconcilers])


def _ones(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))
