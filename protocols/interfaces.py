"""What a variant of each kind must be able to do; a third party writes subclasses of these.

All variants are stateless: one instance serves every link. What they get is public or is this end's
own; none of them sees the peer, the channel or the simulated world.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import index
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.books import RoundBooks
from protocols.durable import DurableState
from protocols.events import Event
from protocols.expectation import Expectation, Plan
from protocols.keylength.keyrate import (
    ChargePolicy,
    LaneCounts,
    error_correction_charge_bits,
)
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import AbortReason, Role
from protocols.profile import Profile, Terms

if TYPE_CHECKING:  # what compiles when it is imported
    from protocols.tagbook import TagBook

USUAL_SAMPLE_SHARE = 0.1
"""Without a proof to maximise under: a tenth, as is customary."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a link runs, and what is known of it; for `Security.refusals`.

    Attributes
    ----------
    profile : Profile
        Variants by name, and terms as far as they are known.
    is_two_way : bool
        Whether reconciliation sends questions that depend on the responder's bits.
    is_measurable : bool
        Whether what reconciliation discloses is its cost.
    is_random_sample : bool
        Whether the estimate comes from a published random sample.
    is_symmetric : bool
        Whether both bases are chosen with probability 1/2.
    keeps_bases_alike : bool
        Whether sifting keeps as much of one basis as of the other.
    """

    profile: Profile
    is_two_way: bool
    is_measurable: bool
    is_random_sample: bool
    is_symmetric: bool
    keeps_bases_alike: bool = True

    def uneven_bases(self, otherwise: str) -> Iterator[tuple[str, str]]:
        """What a security has to refuse whose proof needs both bases alike.

        Parameters
        ----------
        otherwise : str
            What to say in place of a basis that is not symmetric.
        """
        if not self.is_symmetric:
            yield "basis", f"{self.profile.basis} {otherwise}"
        if not self.keeps_bases_alike:
            reason = "does not keep both bases alike, which the proof of this security needs"
            yield "protocol", f"{self.profile.protocol} {reason}"


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
    lane_parity_bits : tuple of int
        ``parity_bits`` of each lane: every parity is of bits of one lane. Empty if not told.

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
    lane_parity_bits: tuple[int, ...] = ()

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

    def lane(self, number: int) -> "RoundFacts":
        """What is known of one lane alone, of which the parities are told."""
        counts, parity_bits = self.lanes[number], self.lane_parity_bits[number]
        return replace(
            self,
            sifted_bits=counts.bits,
            sampled_bits=0,
            sample_errors=0,
            lanes=(counts,),
            parity_bits=parity_bits,
            returned_bits=parity_bits if self.returned_bits else 0,
            lane_parity_bits=(parity_bits,),
        )

    def charge_bits(self, policy: ChargePolicy) -> int:
        """What error correction takes from the key, see `error_correction_charge_bits`."""
        return error_correction_charge_bits(
            self.parity_bits, self.lanes, policy, returned_bits=self.returned_bits
        )


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


def checked_decision(decision: object) -> KeyDecision:
    """What a variant has answered; TypeError if that is no decision of whole bits."""
    if not isinstance(decision, KeyDecision):
        raise TypeError(f"{type(decision).__name__} is no KeyDecision")
    return replace(decision, key_bits=index(decision.key_bits))


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


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What one end of a link begins with.

    Attributes
    ----------
    config : LinkConfig
        The same at both ends.
    secrets : LinkSecrets
        The same at both ends, and nowhere else.
    book : TagBook
        This user's clicks, shared with its other links.
    book_index : int
        Number of this link among those of the user.
    rng : numpy.random.Generator
        This end's own randomness.
    durable : DurableState or None
        What this end had before a crash; None for a new link.
    """

    config: LinkConfig
    secrets: LinkSecrets
    book: "TagBook"
    book_index: int
    rng: np.random.Generator
    durable: DurableState | None = None


class Session(Protocol):
    """One end of a link: messages, tags and times in, messages and events out.

    It knows no datagrams, no peer object and no clock: ``now_ps`` is the user's own clock and comes
    in with every call. The events of a call are made durable by the owner before the messages that
    it leaves are sent. Whatever the wire brings, nothing is raised.

    Attributes
    ----------
    messages_sent : int
        So far.
    is_congested : bool
        Set by the owner: so much waits for the wire that no new round should begin.
    """

    messages_sent: int
    is_congested: bool

    @property
    def is_closed(self) -> bool:
        """Whether the closing exchange is done: nothing of this link is in doubt."""
        ...

    @property
    def is_stopped(self) -> bool:
        """Whether the link has stopped for lack of pads."""
        ...

    @property
    def reserve_bits(self) -> int:
        """Pad bits that are still secret."""
        ...

    @property
    def open_books(self) -> dict[int, RoundBooks]:
        """Of each round under way as it stands, by number: what a crash would lose."""
        ...

    @property
    def has_messages(self) -> bool:
        """Whether a message has not been taken yet."""
        ...

    @property
    def waits_for_light(self) -> bool:
        """Whether `advance` has something to do with the frames that the book has by now."""
        ...

    def next_event(self) -> Event | None:
        """The oldest event not yet taken."""
        ...

    def next_message(self) -> bytes | None:
        """The oldest message not yet taken."""
        ...

    def advance(self, now_ps: int) -> None:
        """Do what can be done now, with the tags that the book holds."""
        ...

    def receive(self, data: bytes, now_ps: int) -> None:
        """Take in one message, whatever it holds."""
        ...

    def alarm(self, what: str) -> None:
        """Tell of something on the wire that no honest peer sends."""
        ...

    def peer_restarted(self, now_ps: int) -> None:
        """The peer has forgotten what was under way."""
        ...

    def end_light(self, now_ps: int) -> None:
        """No more tags will come: finish what is open, then close."""
        ...

    def next_deadline_ps(self) -> int | None:
        """When `handle_deadline` is due, if at all."""
        ...

    def handle_deadline(self, now_ps: int) -> None:
        """Time has passed."""
        ...


class LinkProtocol(ABC):
    """A protocol between the two ends of a link."""

    tests_bell: ClassVar[bool] = False
    """Whether clicks that came while a user had turned its analysers are of use to it."""
    keeps_bases_alike: ClassVar[bool] = True
    """Whether sifting keeps both bases alike; proofs that need it refuse one that does not."""

    @abstractmethod
    def session(self, role: Role, start: SessionStart) -> Session:
        """The end that plays ``role``."""


class Security(ABC):
    """How long a key may be: one class a security statement.

    `plan` and `refusals` are asked before a round, `key` at both ends after verification.
    """

    has_secrecy_epsilon: ClassVar[bool] = False
    """Whether `key` claims a probability with which its key is secret."""
    counts_bases: ClassVar[bool] = False
    """Whether `key` needs the errors of each basis by itself."""
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
