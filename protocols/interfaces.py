"""What a variant of each kind must be able to do; a third party writes subclasses of these.

All variants are stateless: one instance serves every link. What they get is public or is this end's
own; none of them sees the peer, the channel or the simulated world.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.keylength.keyrate import ChargePolicy, LaneCounts
from protocols.messages import AbortReason, Role

if TYPE_CHECKING:
    from protocols.bbm92.session import LinkSession

MIN_SIFTED_BITS = 64
"""A round with fewer bits than its verification hash has no key in it; none are sampled."""
USUAL_SAMPLE_SHARE = 0.1
"""Without a proof to maximise under: a tenth, as is customary."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which variants a link runs, and what is known of them; for `Security.refusals`.

    Attributes
    ----------
    is_two_way : bool
        Whether reconciliation sends questions that depend on the responder's bits.
    is_measurable : bool
        Whether what reconciliation discloses is its cost.
    is_random_sample : bool
        Whether the estimate comes from a published random sample.
    is_symmetric : bool
        Whether both bases are chosen with probability 1/2.
    """

    estimation: str
    reconciliation: str
    amplification: str
    authentication: str
    basis: str
    charge: ChargePolicy
    verification_bits: int
    epsilon: float
    is_two_way: bool
    is_measurable: bool
    is_random_sample: bool
    is_symmetric: bool


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
        t.
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
class LaneExpectation:
    """What the analytic model expects of one lane in one round.

    Attributes
    ----------
    z_bits, x_bits : float
        Sifted bits per basis, >= 0.
    z_qber, x_qber : float
        Error rates, 0 to 1/2.
    """

    z_bits: float
    z_qber: float
    x_bits: float
    x_qber: float

    @property
    def bits(self) -> float:
        """Bits of both bases."""
        return self.z_bits + self.x_bits

    @property
    def qber(self) -> float:
        """Error rate of both bases together; 0 without bits."""
        errors = self.z_bits * self.z_qber + self.x_bits * self.x_qber
        return errors / self.bits if self.bits else 0.0

    def scaled(self, factor: float) -> "LaneExpectation":
        """The same of a round that is ``factor`` times as long."""
        return LaneExpectation(self.z_bits * factor, self.z_qber, self.x_bits * factor, self.x_qber)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the analytic model expects of a round, and what is known of its error correction.

    Attributes
    ----------
    lanes : tuple of LaneExpectation
        One per lane of the link.
    efficiency : float
        f that reconciliation is given, both directions together where both are booked.
    """

    lanes: tuple[LaneExpectation, ...]
    efficiency: float

    @property
    def bits(self) -> float:
        """Bits of all lanes."""
        return math.fsum(lane.bits for lane in self.lanes)

    @property
    def qber(self) -> float:
        """Error rate of all lanes together, at most 1/2; 1/2 without bits."""
        errors = math.fsum(lane.bits * lane.qber for lane in self.lanes)
        return min(0.5, errors / self.bits) if self.bits else 0.5

    def scaled(self, factor: float) -> "Expectation":
        """The same of a round that is ``factor`` times as long."""
        return Expectation(tuple(lane.scaled(factor) for lane in self.lanes), self.efficiency)


@dataclass(frozen=True, slots=True)
class Plan:
    """Terms chosen before a round, and the key they should give.

    Attributes
    ----------
    key_bits : int or None
        Per round, if it goes as expected; 0 if no terms give any, None if nothing was worked out.
    """

    terms: Terms
    key_bits: int | None


@dataclass(frozen=True, slots=True)
class RoundFacts:
    """What both ends know of a round whose error correction has been verified.

    Attributes
    ----------
    sifted_bits, sampled_bits, sample_errors : int
        All bits; those published; errors among them.
    lanes : tuple of LaneCounts
        What was kept, per lane and basis, and the exact errors that were corrected.
    parity_bits, returned_bits : int
        Disclosed by error correction about the announcer's and about the responder's bits.
    count_bits : int
        What announcing the exact error counts discloses.

    Raises
    ------
    ValueError
        If the lanes do not hold exactly what was sifted and not published.
    """

    sifted_bits: int
    sampled_bits: int
    sample_errors: int
    lanes: tuple[LaneCounts, ...]
    parity_bits: int
    returned_bits: int
    count_bits: int

    def __post_init__(self) -> None:
        kept_bits = sum(lane.bits for lane in self.lanes)
        if kept_bits != self.raw_bits:
            raise ValueError(
                f"{kept_bits} bits in the key of {self.sifted_bits} sifted and "
                f"{self.sampled_bits} published"
            )

    @property
    def raw_bits(self) -> int:
        """Bits that become key."""
        return self.sifted_bits - self.sampled_bits


@dataclass(frozen=True, slots=True)
class KeyDecision:
    """How many bits a round gives, and on what they stand.

    Attributes
    ----------
    key_bits : int
        0 if there is a ``reason``.
    charge_bits : int
        What error correction is booked at in the length.
    correctness_epsilon : float
        Failure probability of equality.
    secrecy_epsilon : float or None
        Failure probability of secrecy; None where the length does not claim any.
    reason : AbortReason or None
        Why there is no key.
    """

    key_bits: int
    charge_bits: int
    correctness_epsilon: float
    secrecy_epsilon: float | None
    reason: AbortReason | None = None


class Estimation(ABC):
    """Where the error rate comes from."""

    is_random_sample: ClassVar[bool] = False
    """Whether a uniformly random part of the sifted bits is published and thrown away."""

    @abstractmethod
    def sample_bits(self, terms: Terms, sifted_bits: int) -> int:
        """How many of ``sifted_bits`` are published; 0 for none."""

    def accepts(self, terms: Terms, *, sampled_bits: int, errors: int) -> bool:
        """Whether a round with ``errors`` in its sample goes on."""
        return errors <= terms.tolerated_errors(sampled_bits)


class Amplification(ABC):
    """A family of hash functions that turns a corrected block into key."""

    is_universal: ClassVar[bool]
    """Whether two inputs collide with probability of at most 2^-output_bits."""

    def seed_size(self, input_bits: int, output_bits: int) -> int:
        """Number of seed bits; that of (I|T) unless said otherwise."""
        _ = output_bits
        return max(0, input_bits - 1)

    @abstractmethod
    def amplify(
        self, bits: NDArray[np.uint8], *, seed_bits: NDArray[np.uint8], output_bits: int
    ) -> NDArray[np.uint8]:
        """Hash ``bits`` ((N,) uint8) to (output_bits,) uint8 with `seed_size` fresh bits."""


class Authentication(ABC):
    """How votes and decisions are bound to both ends' transcripts."""

    uses_pads: ClassVar[bool] = True
    """Whether each tag takes a one-time pad from the reserve."""
    note: ClassVar[str] = ""
    """Printed beside the results."""

    @abstractmethod
    def tag(self, r: bytes, pad: bytes, message: bytes) -> bytes:
        """Tag of 16 bytes under the kept secret ``r`` and the one-time ``pad``."""

    @abstractmethod
    def verify(self, r: bytes, pad: bytes, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is the tag."""

    @abstractmethod
    def forgery_probability(self, message_bytes: int) -> float:
        """Bound on accepting one forged tag of a message of that size."""


class Basis(ABC):
    """How a user's hardware chooses between Z and X."""

    is_symmetric: ClassVar[bool]

    @abstractmethod
    def faults(self, z_probabilities: Mapping[str, float]) -> Iterator[tuple[str, str]]:
        """Receivers (by name) that do not choose like this, and why not."""


class LinkProtocol(ABC):
    """A protocol between the two ends of a link."""

    @abstractmethod
    def session(self, role: Role) -> "type[LinkSession[Any]]":
        """The class that plays ``role``."""


class Security(ABC):
    """How long a key may be: one class a security statement.

    `plan` and `refusals` are asked before a round, `key` at both ends after verification.
    """

    has_secrecy_epsilon: ClassVar[bool] = False
    """Whether `key` claims a probability with which its key is secret."""
    books_error_counts: ClassVar[bool] = False
    """Whether announcing exact error counts is charged like parities."""
    assumptions: ClassVar[str] = ""
    """What must hold; printed beside every number."""

    @abstractmethod
    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """Length of the key of one round."""

    def plan(self, expectation: Expectation, terms: Terms) -> Plan:
        """Choose what `terms` leave open (``sample_share`` 0, ``qber_threshold`` 1/2).

        Unless said otherwise a sample, if the estimate takes one, has the usual share, and what
        key to expect is not worked out.
        """
        _ = expectation
        share = terms.sample_share or USUAL_SAMPLE_SHARE
        return Plan(replace(terms, sample_share=share), None)

    def refusals(self, choice: Choice) -> Iterator[tuple[str, str]]:
        """Keys of the topology's ``protocol`` that do not go with this, and why not."""
        _ = choice
        yield from ()
