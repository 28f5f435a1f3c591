"""A round at the announcer's end: what it makes of each message of the responder.

Its states and moves are `protocols.bbm92.states.ANNOUNCER_ROUND`. It knows no wire, no other round,
no pad and no vote.
"""

from collections import deque
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.ascending import decode_ascending
from protocols.bbm92.distillation import (
    MAX_QUERIES,
    MAX_ROUND_BITS,
    final_key,
    joined_bits,
    judge_sample,
    leak_limit_bits,
    plan_key,
    sample_size,
    seed_size,
)
from protocols.bbm92.rounds import (
    Bits,
    Claims,
    RoundCore,
    RoundDropped,
    Steps,
    balances,
    lane_counts,
    received_bits,
)
from protocols.bbm92.states import ANNOUNCER_ROUND, Machine
from protocols.bbm92.states import AnnouncerState as State
from protocols.bits import pack_bits
from protocols.errors import RemoteProtocolError
from protocols.estimation import random_mask
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
    Role,
    Sample,
    SampleReply,
    VerificationHash,
    VerificationResult,
)
from protocols.reconciliation.interface import MAX_ESTIMATE, ReconcilingAnnouncer
from protocols.tagbook import Announcement, TagBook
from protocols.variants import RECONCILIATIONS


class AnnouncerRound(RoundCore):
    """A round at the announcer's end.

    Parameters
    ----------
    number, config, secrets, now_ps
        See `RoundCore`.
    book : TagBook
        This user's clicks.
    rng : numpy.random.Generator
        For samples and seeds.
    """

    MOVES: ClassVar[Machine[State]] = ANNOUNCER_ROUND

    def __init__(
        self,
        number: int,
        config: LinkConfig,
        secrets: LinkSecrets,
        now_ps: int,
        *,
        book: TagBook,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(number, config, secrets, now_ps)
        self.state = State.LIGHT
        self.unanswered: deque[tuple[int, int, int, bool]] = deque()
        """Sequence, first click, clicks and whether it was the last, per announcement."""
        self.is_announced = False
        """Whether the last announcement of the round has been sent."""
        self.claims = Claims(book, config.announcer_tick_ps)
        """Given back if the round ends in its light."""
        self._book = book
        self._rng = rng
        self._blocks: list[tuple[Bits, Bits]] = []
        self._reconciliation = RECONCILIATIONS.using(config.profile.reconciliation)
        self._reconcilers: list[ReconcilingAnnouncer] = []
        """This end of the error correction of each lane."""
        self._published = np.empty(0, dtype=np.uint8)
        """Bits of the sample, until the responder's come."""
        self._queries = 0

    def announce(self, announcement: Announcement, *, is_last: bool) -> Announce:
        """Publish times; the answer will be for these."""
        self.is_announced = is_last
        self.unanswered.append(
            (self.sequences[Role.ANNOUNCER], announcement.first_id, announcement.count, is_last)
        )
        return Announce(
            last=is_last,
            start_ticks=announcement.start_ticks,
            stop_ticks=announcement.stop_ticks,
            count=announcement.count,
            deltas=announcement.deltas,
        )

    def _act_on(self, body: Message) -> Steps:
        match body:
            case ParityQuery():  # most of all
                steps = self._on_query(body)
            case Matches():
                steps = self._on_matches(body)
            case SampleReply():
                steps = self._on_sample(body)
            case ReconciliationSetup():
                steps = self._on_setup(body)
            case Reconciled():
                steps = self._send_hash()
            case VerificationResult():
                steps = self._on_result(body)
            case _:
                steps = super()._act_on(body)
        return steps

    # Sifting ------------------------------------------------------------------------------------

    def _on_matches(self, body: Matches) -> Steps:
        if not self.unanswered or self.unanswered[0][0] != body.announcement:
            raise RemoteProtocolError("matches for no open announcement")
        _, first_id, clicks, is_last = self.unanswered.popleft()
        if body.last != is_last:
            raise RemoteProtocolError("matches that do not end where the light ends")
        if self.config.is_beyond_light(body.count):
            raise RemoteProtocolError("far more matches than the light has")
        if body.count > clicks:
            raise RemoteProtocolError("more matches than clicks")
        positions = decode_ascending(body.positions, count=body.count, previous=0) - 1
        lanes = np.frombuffer(bytearray(body.lanes), dtype=np.uint8)
        if not _are_valid(positions, clicks, lanes, self.config.lanes):
            raise RemoteProtocolError("impossible matches")
        mask = self._sift(first_id + positions, lanes, body.bases)
        yield Keep(body.announcement, pack_bits(mask))
        if is_last:
            self.claims.keep()
            self.count_round_trip()
            yield self.book_sifted()
            yield from self._after_sifting()

    def _sift(self, ids: NDArray[np.int64], lanes: NDArray[np.uint8], bases: bytes) -> Bits:
        """Keep equal bases whose click no other link of this user has; mask of those kept.

        All clicks are claimed: the answer tells the bases of those that are not kept, too.
        """
        theirs = received_bits(bases, ids.size)
        detectors, claimed = self._claim(ids)
        keep = claimed & self.wanted(lanes, detectors >> np.uint8(1), theirs)
        self._keep(lanes, detectors, keep)
        mask: Bits = keep.astype(np.uint8)
        return mask

    def wanted(self, lanes: Bits, own: Bits, theirs: Bits) -> NDArray[np.bool_]:
        """Which matches are to make key: those of equal bases.

        A protocol of one's own may want fewer of them, by what is public: a choice by outcomes
        would tell of them.

        Parameters
        ----------
        lanes : (N,) uint8
        own, theirs : (N,) uint8
            Bases of the announcer and of the responder: 0 = Z, 1 = X.

        Returns
        -------
        (N,) bool
        """
        _ = lanes
        are_equal: NDArray[np.bool_] = own == theirs
        return are_equal

    def _claim(self, ids: NDArray[np.int64]) -> tuple[Bits, NDArray[np.bool_]]:
        """Detectors of own clicks, and which of them are this round's from now on."""
        detectors = self._book.detectors_of(ids)
        claimed = self._book.claim(ids)
        self.claims.add(ids if claimed.all() else ids[claimed])
        return detectors, claimed

    def _keep(self, lanes: NDArray[np.uint8], detectors: Bits, keep: NDArray[np.bool_]) -> None:
        """Add the own bits of the matches to ``keep``."""
        bases, bits = detectors >> np.uint8(1), detectors & np.uint8(1)
        self.sifted.add(lanes, bases, bits, keep)

    def _after_sifting(self) -> Steps:
        """Both ends' bits are fixed now."""
        yield from self._publish_sample(Matches)

    def _publish_sample(self, cause: type[Message]) -> Steps:
        """Draw and publish a sample, if the estimate takes one."""
        sampled_bits = sample_size(self)
        if sampled_bits and self.sifted.size + sampled_bits > MAX_ROUND_BITS:
            raise RoundDropped(AbortReason.TOO_MANY_BITS)
        self._move(cause, State.SAMPLING if sampled_bits else State.SIFTED)
        if sampled_bits:
            mask = random_mask(self._rng, self.sifted.size, sampled_bits)
            _, self._published = self.sifted.remove(mask)
            self.book(sampled_bits=sampled_bits)
            yield Sample(pack_bits(mask), pack_bits(self._published))
            yield RoundSampled(self.number, sampled_bits)

    def _on_sample(self, body: SampleReply) -> Steps:
        judge_sample(self, self._published, received_bits(body.bits, self._published.size))
        self._move(SampleReply, State.SIFTED)
        yield from ()

    # Reconciliation, verification, amplification --------------------------------------------------

    def _on_setup(self, body: ReconciliationSetup) -> Steps:
        if len(body.seed) != 8 or len(body.error_rates_ppm) != self.config.lanes:
            raise RemoteProtocolError("impossible set-up")
        if max(body.error_rates_ppm) > MAX_ESTIMATE * 1e6:
            raise RemoteProtocolError("impossible error rate")
        self._blocks = self.sifted.sub_blocks()
        seed = int.from_bytes(body.seed, "big")
        with self._reconciliation as variant:
            self._reconcilers = [
                variant.announcer(bits, error_rate=rate / 1e6, seed=seed)
                for (_, bits), rate in zip(self._blocks, body.error_rates_ppm, strict=True)
            ]
        self.leak_limit_bits = leak_limit_bits(self.config, self.books.raw_bits)
        self._move(ReconciliationSetup, State.RECONCILING)
        yield from ()

    def _on_query(self, body: ParityQuery) -> Steps:
        self._queries += 1
        if len(body.queries) != len(self._reconcilers) or self._queries > MAX_QUERIES:
            raise RemoteProtocolError("impossible query")
        with self._reconciliation:
            replies = tuple(map(_answer, self._reconcilers, body.queries))
        yield ParityReply(replies)
        self.count_parities(sum([end.parities_disclosed for end in self._reconcilers]))

    def _send_hash(self) -> Steps:
        bits, size = self._bits, self.config.terms.verification_bits
        seed = _random_bits(self._rng, bits.size + size - 1)
        digest = toeplitz_hash(bits, seed_bits=seed, hash_bits=size)
        yield VerificationHash(pack_bits(seed), digest)
        self.book(verification_bits=size)
        self.count_round_trip()
        self._move(Reconciled, State.VERIFYING)

    def _on_result(self, body: VerificationResult) -> Steps:
        if not body.equal:
            raise RoundDropped(AbortReason.VERIFICATION_FAILED)
        if len(body.errors) != 2 * self.config.lanes:
            raise RemoteProtocolError("impossible error counts")
        parities = tuple(end.parities_disclosed for end in self._reconcilers)
        counts = lane_counts(self._blocks, body.errors)
        plan_key(self, counts, balances(self._blocks), parities)
        yield from self._amplify()

    def _amplify(self) -> Steps:
        bits, key_bits = self._bits, self.books.key_bits
        seed = pack_bits(_random_bits(self._rng, seed_size(self.config, bits.size, key_bits)))
        yield Amplify(key_bits, seed)
        self.count_round_trip()
        self.finish_transcripts()
        self.key = final_key(self.config, bits, seed=seed, key_bits=key_bits)
        self._move(VerificationResult, State.VOTING)

    @property
    def _bits(self) -> Bits:
        """The whole round's bits."""
        return joined_bits([bits for _, bits in self._blocks])


def _answer(reconciler: ReconcilingAnnouncer, query: bytes) -> bytes:
    """What a lane's query asks for; of some lanes nothing is asked."""
    return reconciler.answer(query) if query else b""


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


def _random_bits(rng: np.random.Generator, size_bits: int) -> Bits:
    """(size_bits,) uint8 fair bits."""
    packed = np.frombuffer(rng.bytes(-(-size_bits // 8)), dtype=np.uint8)
    return np.unpackbits(packed)[:size_bits]
