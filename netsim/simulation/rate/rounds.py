"""Rounds of links with one profile, drawn: their counts, their leak, their key lengths.

A published sample is drawn without putting back; whether a round goes on and how long its key is
decide the estimation and security variants themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.simulation.rate.leak import LeakTable
from netsim.simulation.rate.light import Counts, Numbers
from protocols.bbm92.manyrounds import are_leaks_too_high, plan_keys
from protocols.keylength.arrays import shannon_bits_of
from protocols.messages import AbortReason
from protocols.profile import Profile
from protocols.security.many import ManyRounds
from protocols.variants import ESTIMATIONS, is_two_way, round_epsilons

Mask = NDArray[np.bool_]


class Chance(NamedTuple):
    """What one round of each link draws beside its light.

    Attributes
    ----------
    leaks : (links, lanes) float64
        Standard normal.
    checks : (links,) float64
        Uniform from 0 to 1.
    sampling : callable
        The stream of a link, by its index.
    """

    leaks: Numbers
    checks: Numbers
    sampling: Callable[[int], np.random.Generator]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How a round of each of N links went; arrays (N,), as `RoundBooks` has them.

    Attributes
    ----------
    reasons : uint8
        An `AbortReason`, 0 of a round with key.
    is_verified : bool
    """

    sifted_bits: Counts
    sampled_bits: Counts
    parity_bits: Counts
    verification_bits: Counts
    count_bits: Counts
    charge_bits: Counts
    bias_bits: Counts
    key_bits: Counts
    errors: Counts
    round_trips: Counts
    shannon_bits: Numbers
    correctness_epsilon: Numbers
    secrecy_epsilon: Numbers
    reasons: NDArray[np.uint8]
    is_verified: Mask


class Judge:
    """Judges the rounds of links with one profile, one round of all links at a time.

    Parameters
    ----------
    profile : Profile
    leaks : LeakTable
        Of its reconciliation.
    links : int
        How many.
    """

    def __init__(self, profile: Profile, leaks: LeakTable, links: int) -> None:
        self._profile = profile
        self._leaks = leaks
        self._is_guessed = np.ones(links, dtype=np.bool_)
        """Until a verified round has told the error rate that correction begins with."""

    def judge(self, links: Counts, matched: Counts, ones: Counts, chance: Chance) -> Judged:
        """Sample, correct, verify and plan the key.

        Parameters
        ----------
        links : (N,) int64
            Which have a round, each with at least one bit.
        matched : (N, lanes, 4) int64
            Right and wrong bits of Z, then of X.
        ones : (N, lanes, 2) int64
            Ones among the bits of either basis.
        chance : Chance
            Of all links.
        """
        round_ = _blank(self._profile, matched.sum(axis=(1, 2)))
        kept, kept_ones, sample_errors = self._sample(round_, links, matched, ones, chance)
        parities = self._correct(round_, links, kept, chance)
        verified = np.flatnonzero(round_.is_verified)
        self._is_guessed[links[verified]] = False
        if verified.size:
            many = ManyRounds(
                sifted_bits=round_.sifted_bits[verified],
                sampled_bits=round_.sampled_bits[verified],
                sample_errors=sample_errors[verified],
                count_bits=round_.count_bits[verified],
                lanes=kept[verified],
                lane_parity_bits=parities[verified],
                is_two_way=is_two_way(self._profile.reconciliation),
            )
            self._plan(round_, verified, many, kept_ones[verified])
        return round_

    def _sample(
        self, round_: Judged, links: Counts, matched: Counts, ones: Counts, chance: Chance
    ) -> tuple[Counts, Counts, Counts]:
        """What is left of bits (as `ManyRounds.lanes`) and ones; errors among what is published."""
        terms, estimation = self._profile.terms, ESTIMATIONS.get(self._profile.estimation)
        sizes = [estimation.sample_bits(terms, bits) for bits in round_.sifted_bits.tolist()]
        round_.sampled_bits[:] = sizes
        kept, kept_ones = matched.copy(), ones.copy()
        for index in np.flatnonzero(round_.sampled_bits).tolist():
            rng = chance.sampling(int(links[index]))
            kept[index] -= rng.multivariate_hypergeometric(
                matched[index].ravel(), sizes[index]
            ).reshape(kept[index].shape)
            bits, left_bits = (each[index].reshape(-1, 2, 2).sum(-1) for each in (matched, kept))
            kept_ones[index] = rng.hypergeometric(ones[index], bits - ones[index], left_bits)
        errors: Counts = (matched - kept)[..., 1::2].sum(axis=(1, 2))
        for index, (size, wrong) in enumerate(zip(sizes, errors.tolist(), strict=True)):
            if not estimation.accepts(terms, sampled_bits=size, errors=wrong):
                round_.reasons[index] = AbortReason.QBER_TOO_HIGH
        lanes = kept.copy()
        lanes[..., ::2] += kept[..., 1::2]
        return lanes, kept_ones, errors

    def _correct(self, round_: Judged, links: Counts, lanes: Counts, chance: Chance) -> Counts:
        """Book what correcting and verifying discloses; the parities of each lane."""
        bits, errors = (lanes[..., start::2].sum(axis=-1) for start in (0, 1))
        is_guessed = np.broadcast_to(self._is_guessed[links, None], bits.shape)
        guess = self._profile.initial_qber
        cost = self._leaks.corrections(bits, errors, guess=guess, is_guessed=is_guessed)
        drawn = bits * cost.leak_per_bit * (1.0 + cost.spread * chance.leaks[links])
        parities: Counts = np.clip(np.rint(drawn).astype(np.int64), 0, bits)
        goes_on = round_.reasons == 0
        round_.parity_bits[:] = np.where(goes_on, parities.sum(axis=1), 0)
        # Sub-blocks are corrected side by side: the slowest sets the number of questions.
        round_.round_trips[:] = np.where(goes_on, np.ceil(cost.round_trips.max(axis=1)), 0)
        raw_bits = round_.sifted_bits - round_.sampled_bits
        is_high = goes_on & are_leaks_too_high(self._profile, round_.parity_bits, raw_bits)
        round_.reasons[is_high] = AbortReason.LEAK_TOO_HIGH
        goes_on &= ~is_high
        round_.verification_bits[goes_on] = self._profile.terms.verification_bits
        works = np.prod(1.0 - cost.failure_probability, axis=1)
        has_failed = goes_on & (chance.checks[links] >= works)
        round_.reasons[has_failed] = AbortReason.VERIFICATION_FAILED
        round_.is_verified[:] = goes_on & ~has_failed
        return parities

    def _plan(self, round_: Judged, verified: Counts, many: ManyRounds, ones: Counts) -> None:
        plans = plan_keys(self._profile, many, ones)
        for field in fields(plans):
            getattr(round_, field.name)[verified] = getattr(plans, field.name)
        round_.errors[verified] = many.errors
        round_.shannon_bits[verified] = shannon_bits_of(many.lanes).sum(axis=1)


def _blank(profile: Profile, sifted_bits: Counts) -> Judged:
    """Rounds of which no more is known than their bits."""
    correctness, secrecy = round_epsilons(profile)
    size = len(sifted_bits)
    zeros = {field.name: np.zeros(size, dtype=np.int64) for field in fields(Judged)}
    return Judged(
        **zeros  # type: ignore[arg-type]  # those of other types are named below
        | {
            "sifted_bits": sifted_bits,
            "shannon_bits": np.zeros(size),
            "correctness_epsilon": np.full(size, correctness),
            "secrecy_epsilon": np.full(size, np.nan if secrecy is None else secrecy),
            "reasons": np.zeros(size, dtype=np.uint8),
            "is_verified": np.zeros(size, dtype=np.bool_),
        }
    )
