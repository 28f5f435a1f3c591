"""Asymptotic key: how many bits a round is worth, and what error correction is booked at.

Knows nothing of messages or pools. These lengths carry no secrecy epsilon; finite ones are in
`protocols.keylength.finite`.

References
----------
.. [1] M. Koashi, J. Preskill, Phys. Rev. Lett. 90, 057902 (2003), quant-ph/0208155: an untrusted
   source; the phase error of one basis is the bit error of the other.
.. [2] Y.-R. Fan et al., Light Sci. Appl. 14 (2025), doi 10.1038/s41377-025-01805-1: key rate
   N [1 - f h(Q) - h(Q)] with f = 1.2.
.. [3] D. Tupkary, N. Luetkenhaus, Using Cascade in quantum key distribution, Phys. Rev. Applied
   20, 064040 (2023), arXiv:2307.00576.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

PAPER_EFFICIENCY = 1.2
"""f of [2]_."""

ChargePolicy = Literal["paper", "measured", "both-directions"]


@dataclass(frozen=True, slots=True)
class LaneCounts:
    """Sifted bits of one lane in one round, and the errors that were corrected, per basis.

    Attributes
    ----------
    z_bits, x_bits : int
        Bits sifted in either basis, >= 0.
    z_errors, x_errors : int
        Errors among them.
    """

    z_bits: int
    z_errors: int
    x_bits: int
    x_errors: int

    def __post_init__(self) -> None:
        if not (0 <= self.z_errors <= self.z_bits and 0 <= self.x_errors <= self.x_bits):
            raise ValueError(f"impossible counts: {self}")

    @property
    def bits(self) -> int:
        """Bits of both bases: one block of error correction."""
        return self.z_bits + self.x_bits

    @property
    def errors(self) -> int:
        """Errors of both bases."""
        return self.z_errors + self.x_errors


def binary_entropy(probability: float) -> float:
    """Entropy in bits of a yes with ``probability`` (0 to 1)."""
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"{probability} is no probability")
    if probability in {0.0, 1.0}:
        return 0.0
    other = 1.0 - probability
    return -probability * math.log2(probability) - other * math.log2(other)


def phase_entropy(bits: int, errors: int) -> float:
    """Entropy of the error rate seen in ``bits`` of the other basis, never underestimated.

    1 if there are no bits, or if half of them or more are wrong: nothing is known then.
    """
    return binary_entropy(min(0.5, errors / bits)) if bits else 1.0


def secret_bits_by_basis(lanes: Iterable[LaneCounts]) -> float:
    """Sum n_b [1 - h(Q of the other basis)] [1]_: each lane and basis counts by itself.

    Pooling bases whose error rates differ is unsafe where one of them comes more often.
    """
    return math.fsum(
        lane.z_bits * (1.0 - phase_entropy(lane.x_bits, lane.x_errors))
        + lane.x_bits * (1.0 - phase_entropy(lane.z_bits, lane.z_errors))
        for lane in lanes
    )


def secret_bits_of_both(lanes: Iterable[LaneCounts]) -> float:
    """Sum n [1 - h(Q)], Q the mean error rate of two bases that come equally often.

    Never above `secret_bits_by_basis` of them: the entropy is concave.
    """
    return math.fsum(lane.bits * (1.0 - phase_entropy(lane.bits, lane.errors)) for lane in lanes)


def asymptotic_key_bits(
    lanes: Iterable[LaneCounts],
    *,
    charge_bits: float,
    verification_bits: int,
    secret_bits: Callable[[Iterable[LaneCounts]], float] = secret_bits_by_basis,
) -> int:
    """Key length of a round: floor(what is secret - charge - t) [1]_, [2]_.

    Parameters
    ----------
    lanes : iterable of LaneCounts
    charge_bits : float
        From `error_correction_charge_bits`.
    verification_bits : int
        Disclosed by the verification hash.
    secret_bits : callable
        What is secret of all lanes before anything is disclosed.

    Returns
    -------
    int
        Never below 0.
    """
    return max(0, math.floor(secret_bits(lanes) - charge_bits - verification_bits))


def error_correction_charge_bits(
    disclosed_bits: int,
    lanes: Iterable[LaneCounts],
    policy: ChargePolicy,
    *,
    returned_bits: int = 0,
) -> int:
    """What error correction takes from the key.

    Parameters
    ----------
    disclosed_bits : int
        Parity bits of the announcer's data on the wire, all lanes.
    lanes : iterable of LaneCounts
        Exact corrected errors.
    policy : str
        ``measured``: the bits disclosed. ``paper``: at least the budget of [2]_, the sum over
        lanes of 1.2 n h(Q), rounded up. ``both-directions``: ``returned_bits`` as well, since a
        question that depends on the responder's bits tells where the errors are [3]_.
    returned_bits : int
        Parities of the responder's data that its questions disclose: as many as the announcer's
        where it asks for them one after the other, none where error correction is one message.

    Raises
    ------
    ValueError
        If there is no such policy.
    """
    if policy == "measured":
        return disclosed_bits
    if policy == "both-directions":
        return disclosed_bits + returned_bits
    if policy != "paper":
        raise ValueError(f"no error correction charge is called {policy!r}")
    budget_bits = PAPER_EFFICIENCY * shannon_bits(lanes)
    return max(disclosed_bits, math.ceil(budget_bits))


def shannon_bits(lanes: Iterable[LaneCounts]) -> float:
    """Sum over lanes of n h(Q), Q the corrected error rate of both bases."""
    return math.fsum(
        lane.bits * binary_entropy(lane.errors / lane.bits) for lane in lanes if lane.bits
    )


def skr_asymptotic_bps(
    sifted_hz: float, qber: float, efficiency: float = PAPER_EFFICIENCY
) -> float:
    """Key rate N [1 - (1 + f) h(Q)] of [2]_, zero where that is negative or Q above 1/2."""
    return max(0.0, sifted_hz * (1.0 - (1.0 + efficiency) * binary_entropy(min(qber, 0.5))))


def skr_error_bps(
    sifted_hz: float, qber: float, seconds: float, efficiency: float = PAPER_EFFICIENCY
) -> float:
    """Standard error of N [1 - (1 + f) h(Q)] to first order, by the scatter of count and errors.

    With g = 1 - (1 + f) h(Q) and h'(Q) = log2((1 - Q) / Q), the variance is
    g^2 N / T + ((1 + f) N h'(Q))^2 Q (1 - Q) / (N T), N Poissonian and the errors binomial; without
    any error the first term alone. As if the rate were not cut off at zero.

    Parameters
    ----------
    sifted_hz : float
        N > 0.
    qber : float
        0 <= Q < 1.
    seconds : float
        T > 0.
    efficiency : float
        f.
    """
    share = 1.0 - (1.0 + efficiency) * binary_entropy(qber)
    by_count = share**2 * sifted_hz / seconds
    if qber == 0.0:
        return math.sqrt(by_count)
    slope = (1.0 + efficiency) * sifted_hz * math.log2((1.0 - qber) / qber)
    by_qber = slope**2 * qber * (1.0 - qber) / (sifted_hz * seconds)
    return math.sqrt(by_count + by_qber)


def qber_limit(efficiency: float = PAPER_EFFICIENCY) -> float:
    """Error rate at which `skr_asymptotic_bps` becomes zero (0.0955 for f = 1.2 [2]_); f >= 0."""
    low, high = 0.0, 0.5
    while (middle := (low + high) / 2.0) not in {low, high}:
        if (1.0 + efficiency) * binary_entropy(middle) < 1.0:
            low = middle
        else:
            high = middle
    return low
