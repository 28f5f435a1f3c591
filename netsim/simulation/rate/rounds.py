"""One round of a link, drawn: its counts, its leak, its key length, by the classes of the protocol.

A published sample is drawn without putting back; whether the round goes on and how long its key is
decide the estimation and security variants themselves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netsim.simulation import scoring
from netsim.simulation.rate.leak import NO_COST, Correction, LeakTable
from netsim.simulation.rate.light import Counts, LightSource, SiftedCounts, bits_of
from netsim.simulation.stretches import Stretches
from netsim.topology.network import Lane
from netsim.units import s_from_ps
from protocols.bbm92.distillation import judge_leak, plan_key
from protocols.bbm92.rounds import RoundDropped
from protocols.books import RoundBooks
from protocols.keylength.balance import Balance
from protocols.keylength.keyrate import LaneCounts
from protocols.link import LinkConfig
from protocols.messages import AbortReason
from protocols.variants import AUTHENTICATIONS, ESTIMATIONS, round_epsilons

BYTES_PER_CLICK = 8
"""At most, in an announcement: for the bound on forgeries, which grows with what is tagged."""


@dataclass(slots=True, eq=False)
class RoundUnderWay:
    """What the judges of `protocols.bbm92.distillation` look at and write into."""

    config: LinkConfig
    books: RoundBooks

    def book(self, **changes: object) -> None:
        """Replace counts in the books."""
        self.books = self.books._replace(**changes)  # type: ignore[arg-type]  # as in RoundCore


@dataclass(frozen=True, slots=True)
class DrawnRound:
    """How a round went.

    Attributes
    ----------
    scored : tuple of LaneCounts
        What the simulator knows of each lane, sampled bits included.
    books : RoundBooks
        As both ends book it.
    reason : AbortReason or None
        Why there is no key.
    """

    scored: tuple[scoring.LaneCounts, ...]
    books: RoundBooks
    reason: AbortReason | None


class RoundSource:
    """Draws the rounds of one link.

    Parameters
    ----------
    config : LinkConfig
    lanes : tuple of Lane
        Of the link, in the order of the counts.
    stretches : Stretches
        What the twin expects, when.
    leaks : LeakTable
        Of the link's reconciliation.
    rng : numpy.random.Generator
        Of this link alone.
    """

    def __init__(
        self,
        config: LinkConfig,
        lanes: Sequence[Lane],
        stretches: Stretches,
        leaks: LeakTable,
        rng: np.random.Generator,
    ) -> None:
        self._config = config
        self._light = LightSource(lanes, stretches, rng)
        self._stretches = stretches
        self._leaks = leaks
        self._rng = rng
        self._guess: float | None = config.profile.initial_qber
        """Error rate that correction begins with; None once a verified round has told it."""

    def draw(self, start_ps: int, stop_ps: int) -> DrawnRound:
        """The round whose light is [``start_ps``, ``stop_ps``)."""
        light = self._light.draw(start_ps, stop_ps)
        books = self._opened(light.matched.total, self._clicks(start_ps, stop_ps))
        round_ = RoundUnderWay(self._config, books)
        reason = None
        try:
            self._distil(round_, light.matched)
        except RoundDropped as dropped:
            reason = dropped.reason
        return DrawnRound(light.lane_counts, round_.books, reason)

    def _opened(self, sifted_bits: int, clicks: float) -> RoundBooks:
        profile = self._config.profile
        correctness, secrecy = round_epsilons(profile)
        authentication = AUTHENTICATIONS.get(profile.authentication)
        tagged_bytes = math.ceil(BYTES_PER_CLICK * clicks)
        return RoundBooks(
            sifted_bits=sifted_bits,
            forgery_probability=authentication.forgery_probability(tagged_bytes),
            correctness_epsilon=correctness,
            secrecy_epsilon=secrecy,
        )

    def _clicks(self, start_ps: int, stop_ps: int) -> float:
        """What the announcer would publish."""
        return math.fsum(
            s_from_ps(length_ps) * found.singles_hz(self._config.announcer)
            for length_ps, found in self._stretches.between(start_ps, stop_ps)
        )

    def _distil(self, round_: RoundUnderWay, sifted: SiftedCounts) -> None:
        """Sample, correct, verify and plan the key; RoundDropped where that ends the round."""
        if not round_.books.sifted_bits:
            raise RoundDropped(AbortReason.NO_LOCK)
        kept = sifted.counts - self._sampled(round_, sifted.counts)
        lanes = tuple(_lane_counts(row) for row in kept)
        leaks = self._correct(round_, lanes)
        bits, kept_bits = bits_of(sifted.counts), bits_of(kept)
        kept_ones = self._rng.hypergeometric(sifted.ones, bits - sifted.ones, kept_bits)
        pairs = zip(kept_bits.ravel().tolist(), kept_ones.ravel().tolist(), strict=True)
        plan_key(round_, lanes, [Balance(*pair) for pair in pairs], leaks)

    def _sampled(self, round_: RoundUnderWay, counts: Counts) -> Counts:
        """What of ``counts`` is published, judged."""
        profile = self._config.profile
        estimation = ESTIMATIONS.get(profile.estimation)
        size = estimation.sample_bits(profile.terms, round_.books.sifted_bits)
        drawn = self._rng.multivariate_hypergeometric(counts.ravel(), size).reshape(counts.shape)
        errors = int(drawn[:, 1::2].sum())
        round_.book(sampled_bits=size, sample_errors=errors)
        if not estimation.accepts(profile.terms, sampled_bits=size, errors=errors):
            raise RoundDropped(AbortReason.QBER_TOO_HIGH)
        return drawn

    def _correct(self, round_: RoundUnderWay, lanes: Sequence[LaneCounts]) -> tuple[int, ...]:
        """Book what correcting and verifying discloses; the parities of each lane."""
        costs = [
            self._leaks.correction(lane.bits, lane.errors / lane.bits, guess=self._guess)
            if lane.bits
            else NO_COST
            for lane in lanes
        ]
        leaks = tuple(
            self._leak_bits(lane.bits, cost) for lane, cost in zip(lanes, costs, strict=True)
        )
        # Sub-blocks are corrected side by side: the slowest sets the number of questions.
        trips = math.ceil(max(cost.round_trips for cost in costs))
        round_.book(parity_bits=sum(leaks), round_trips=trips)
        judge_leak(round_)
        round_.book(verification_bits=self._config.terms.verification_bits)
        works = math.prod(1.0 - cost.failure_probability for cost in costs)
        if self._rng.random() >= works:
            raise RoundDropped(AbortReason.VERIFICATION_FAILED)
        self._guess = None
        return leaks

    def _leak_bits(self, bits: int, cost: Correction) -> int:
        drawn = bits * cost.leak_per_bit * (1.0 + cost.spread * self._rng.standard_normal())
        return min(bits, max(0, round(drawn)))


def _lane_counts(row: Counts) -> LaneCounts:
    z_right, z_wrong, x_right, x_wrong = row.tolist()
    return LaneCounts(z_right + z_wrong, z_wrong, x_right + x_wrong, x_wrong)
