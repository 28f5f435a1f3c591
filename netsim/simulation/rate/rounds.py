"""One round of a link, drawn: its counts, its leak, its key length, by the classes of the protocol.

Bits of a lane and basis are Poisson, errors and ones among them binomial (and independent of each
other), a published sample is drawn without putting back; whether the round goes on and how long its
key is decide the estimation and security variants themselves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsim.simulation import scoring
from netsim.simulation.rate.leak import NO_COST, Correction, LeakTable
from netsim.simulation.rate.stretches import Stretches
from netsim.topology.network import Lane
from netsim.twin.prediction import LanePrediction
from netsim.units import s_from_ps
from protocols.bbm92.distillation import judge_leak, plan_key
from protocols.bbm92.rounds import RoundDropped
from protocols.books import RoundBooks
from protocols.keylength.balance import Balance
from protocols.keylength.keyrate import LaneCounts
from protocols.link import LinkConfig
from protocols.messages import AbortReason
from protocols.variants import AUTHENTICATIONS, ESTIMATIONS, round_epsilons

Counts = NDArray[np.int64]
COUNTS = 4
"""Of a lane: right and wrong bits of Z, then of X."""
BYTES_PER_CLICK = 8
"""At most, in an announcement: for the bound on forgeries, which grows with what is tagged."""


@dataclass(slots=True, eq=False)
class RoundUnderWay:
    """What the judges of `protocols.bbm92.distillation` look at and write into."""

    config: LinkConfig
    books: RoundBooks

    def book(self, **changes: object) -> None:
        """Replace counts in the books."""
        self.books = replace(self.books, **changes)  # type: ignore[arg-type]  # as in RoundCore


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
        self._lanes = lanes
        self._stretches = stretches
        self._leaks = leaks
        self._rng = rng

    def draw(self, start_ps: int, stop_ps: int) -> DrawnRound:
        """The round whose light is [``start_ps``, ``stop_ps``)."""
        counts, ones, coincidences = self._light(start_ps, stop_ps)
        scored = tuple(map(_scored, counts, ones, coincidences))
        books = self._opened(int(counts.sum()), self._clicks(start_ps, stop_ps))
        round_ = RoundUnderWay(self._config, books)
        reason = None
        try:
            self._distil(round_, counts, ones)
        except RoundDropped as dropped:
            reason = dropped.reason
        return DrawnRound(scored, round_.books, reason)

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

    def _light(self, start_ps: int, stop_ps: int) -> tuple[Counts, Counts, Counts]:
        """What comes of the light.

        Returns
        -------
        counts : (lanes, 4) int64
            Right and wrong bits per basis.
        ones : (lanes, 2) int64
            Of the bits of either basis.
        coincidences : (lanes,) int64
        """
        parts = [
            self._part(
                [found.lane(lane.channels, lane.users) for lane in self._lanes],
                s_from_ps(length_ps),
            )
            for length_ps, found in self._stretches.between(start_ps, stop_ps)
        ]
        counts, ones, unsifted = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
        return counts, ones, counts.sum(axis=1) + unsifted

    def _part(
        self, lanes: Sequence[LanePrediction], length_s: float
    ) -> tuple[Counts, Counts, Counts]:
        """Counts, ones, and coincidences that make no bits, of a time without changes."""
        counts = self._sifted(lanes, length_s)
        shares = np.array([(lane.z_ones, lane.x_ones) for lane in lanes])
        ones = self._rng.binomial(_bits(counts), shares)
        return counts, ones, self._unsifted(lanes, length_s)

    def _sifted(self, lanes: Sequence[LanePrediction], length_s: float) -> Counts:
        """A lane without pairs has no peak to be matched by, and no bits."""
        rows = [
            (0.0,) * COUNTS
            if not lane.true_hz
            else (
                lane.z_hz * (1.0 - _rate(lane.z_qber)),
                lane.z_hz * _rate(lane.z_qber),
                lane.x_hz * (1.0 - _rate(lane.x_qber)),
                lane.x_hz * _rate(lane.x_qber),
            )
            for lane in lanes
        ]
        # Right and wrong ones of a Poisson process are two independent Poisson processes.
        return self._rng.poisson(length_s * np.array(rows).reshape(len(lanes), COUNTS))

    def _unsifted(self, lanes: Sequence[LanePrediction], length_s: float) -> Counts:
        rates_hz = [max(0.0, lane.coincidences_hz - lane.sifted_hz) for lane in lanes]
        return self._rng.poisson(length_s * np.array(rates_hz))

    def _distil(self, round_: RoundUnderWay, counts: Counts, ones: Counts) -> None:
        """Sample, correct, verify and plan the key; RoundDropped where that ends the round."""
        if not round_.books.sifted_bits:
            raise RoundDropped(AbortReason.NO_LOCK)
        kept = counts - self._sampled(round_, counts)
        lanes = tuple(_lane_counts(row) for row in kept)
        leaks = self._correct(round_, lanes)
        bits, kept_bits = _bits(counts), _bits(kept)
        kept_ones = self._rng.hypergeometric(ones, bits - ones, kept_bits)
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
            self._leaks.correction(lane.bits, lane.errors / lane.bits) if lane.bits else NO_COST
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
        return leaks

    def _leak_bits(self, bits: int, cost: Correction) -> int:
        drawn = bits * cost.leak_per_bit * (1.0 + cost.spread * self._rng.standard_normal())
        return min(bits, max(0, round(drawn)))


def _bits(counts: Counts) -> Counts:
    """(lanes, 2) int64: bits of either basis, right or wrong."""
    bits: Counts = counts.reshape(-1, 2, 2).sum(axis=2)
    return bits


def _scored(row: Counts, ones: Counts, coincidences: int) -> scoring.LaneCounts:
    z_right, z_wrong, x_right, x_wrong = row.tolist()
    ones_z, ones_x = ones.tolist()
    return scoring.LaneCounts(
        coincidences=int(coincidences),
        sifted_z=z_right + z_wrong,
        sifted_x=x_right + x_wrong,
        errors_z=z_wrong,
        errors_x=x_wrong,
        ones_z=ones_z,
        ones_x=ones_x,
    )


def _lane_counts(row: Counts) -> LaneCounts:
    z_right, z_wrong, x_right, x_wrong = row.tolist()
    return LaneCounts(z_right + z_wrong, z_wrong, x_right + x_wrong, x_wrong)


def _rate(qber: float) -> float:
    return 0.0 if math.isnan(qber) else qber
