"""Which variants a link runs and the terms of its rounds: public, and the same at both ends.

It knows no variant, only their names; what these stand for is in `protocols.variants`.
"""

import math
from dataclasses import dataclass

from protocols.keylength.keyrate import ChargePolicy

MIN_SIFTED_BITS = 64
"""A round with fewer bits than its verification hash has no key in it; none are sampled."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is fixed before a round, public, and the same at both ends.

    Thresholds are shares, so that they hold for whatever number of bits sifting leaves: that number
    is public and fixed before anything is said about the bits.

    Attributes
    ----------
    sample_share : float
        k / m: share of the sifted bits that is published at random and thrown away.
    qber_threshold : float
        delta or Q_tol: more errors than this share end the round.
    leak_share : float
        r / n: more disclosed bits per key bit than this end the round.
    epsilon : float
        Budget of a round: correctness and secrecy together.
    verification_bits : int
        t: length of the verification hash.
    charge : str
        How disclosed bits count, see `protocols.keylength.keyrate.error_correction_charge_bits`.
    """

    sample_share: float = 0.0
    qber_threshold: float = 0.5
    leak_share: float = 1.0
    epsilon: float = 1e-10
    verification_bits: int = 64
    charge: ChargePolicy = "measured"

    @property
    def correctness_epsilon(self) -> float:
        """2^-t: the keys differ although their hashes agree."""
        return 2.0**-self.verification_bits

    def sample_bits(self, sifted_bits: int) -> int:
        """Sample size k for m = ``sifted_bits``; 0 where a round is too small for any key."""
        if sifted_bits < MIN_SIFTED_BITS:
            return 0
        return min(sifted_bits - 1, round(self.sample_share * sifted_bits))

    def tolerated_errors(self, bits: int) -> int:
        """Errors among ``bits`` at which the round still goes on."""
        return math.floor(self.qber_threshold * bits + 1e-9)

    def tolerated_leak_bits(self, raw_bits: int) -> int:
        """Leak budget r for n = ``raw_bits``."""
        return math.ceil(self.leak_share * raw_bits)


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything about a link's protocol that somebody may choose.

    Attributes
    ----------
    protocol, estimation, reconciliation, amplification, security, authentication, basis : str
    matching : str
        Names of variants, see `protocols.variants`.
    initial_qber : float
        Error rate that the error correction of the first round begins with, above 0, below 1/2.
    terms : Terms
        Of each round.
    """

    protocol: str
    estimation: str
    reconciliation: str
    amplification: str
    security: str
    authentication: str
    basis: str
    initial_qber: float
    terms: Terms
    matching: str = "earliest"
