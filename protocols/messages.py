"""The messages of a link, one frozen type each. Their bytes are made in `protocols.codec`.

Seeds, hashes and array payloads are bytes.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, NamedTuple, get_args

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
MAX_TIMES_BYTES = MAX_MESSAGE_BYTES - 4096
"""Clicks whose times take more (some 8 MHz) are not announced: their round is dropped."""
MAX_LANES = 64
MAX_ROUND = 2**40
MAX_LINK_CHARACTERS = 160
TAG_BYTES = 16


class Role(IntEnum):
    """Which end of a link sent a message; fixed by the topology."""

    ANNOUNCER = 0
    RESPONDER = 1

    @property
    def peer(self) -> "Role":
        """The other end."""
        return Role.ANNOUNCER if self is Role.RESPONDER else Role.RESPONDER


class AbortReason(IntEnum):
    """Why a round ended without key."""

    NO_LOCK = 1
    TOO_FEW_BITS = 2
    QBER_TOO_HIGH = 3
    VERIFICATION_FAILED = 4
    NO_KEY = 5
    PROTOCOL_VIOLATION = 6
    AUTHENTICATION_FAILED = 7
    TIMED_OUT = 8
    PEER_ABORTED = 9
    RESERVE_EMPTY = 10
    CONNECTION_RESET = 11
    LEAK_TOO_HIGH = 12
    """Error correction disclosed more than the budget that was fixed before the round, or so much
    that no key could be left, or asks more often than a peer allows."""
    TOO_MANY_BITS = 13
    """The round is longer than one message can carry seeds for."""
    BIASED = 14
    """So many more zeros than ones, or the other way round, that no key is left or covered."""
    NO_VIOLATION = 15
    """S does not lie above what is local: nothing says that the pairs are entangled."""


@dataclass(frozen=True, slots=True)
class Announce:
    """The announcer's click times (never bases) of some frames."""

    TAG: ClassVar[int] = 1
    last: bool
    """No further announcement belongs to this round."""
    start_ticks: int
    """Times count from here, in ticks of the announcer's clock."""
    stop_ticks: int
    """Watermark: no later announcement holds an earlier time."""
    count: int
    deltas: bytes
    """Ascending times (`protocols.ascending`), less ``start_ticks``."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The responder's coincidences in one announcement, their lanes and its bases."""

    TAG: ClassVar[int] = 2
    last: bool
    announcement: int
    """Sequence number of the announcement."""
    count: int
    positions: bytes
    """Ascending positions in the announcement, counted from 1."""
    lanes: bytes
    """One byte a match."""
    bases: bytes
    """One bit a match, 1 = X; with Bell tests as many behind these, 1 = analysers turned."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Which matches the announcer keeps: same basis, and its tag not used by another link."""

    TAG: ClassVar[int] = 3
    announcement: int
    mask: bytes
    """One bit a match; with Bell tests as many behind these, 1 = tested."""


@dataclass(frozen=True, slots=True)
class ReconciliationSetup:
    """Shuffle seed and, per lane, the estimated error rate that sets the block sizes."""

    TAG: ClassVar[int] = 4
    seed: bytes
    error_rates_ppm: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ParityQuery:
    """One query per lane, empty for a lane that is done."""

    TAG: ClassVar[int] = 5
    queries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ParityReply:
    """The parities asked for, per lane."""

    TAG: ClassVar[int] = 6
    replies: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The responder has no more questions; its data are fixed."""

    TAG: ClassVar[int] = 7


@dataclass(frozen=True, slots=True)
class VerificationHash:
    """Toeplitz hash of the announcer's whole round under a fresh seed."""

    TAG: ClassVar[int] = 8
    seed: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """Whether the hashes agree and, if so, the errors corrected: (Z, X) per lane."""

    TAG: ClassVar[int] = 9
    equal: bool
    errors: tuple[int, ...]
    """Z and X errors of lane 0, of lane 1, ...; empty if not equal."""


@dataclass(frozen=True, slots=True)
class Amplify:
    """Fresh seed and length of the final key."""

    TAG: ClassVar[int] = 10
    key_bits: int
    seed: bytes


@dataclass(frozen=True, slots=True)
class Vote:
    """The responder is prepared: its tag over both transcripts (none for a closing vote)."""

    TAG: ClassVar[int] = 11
    closing: bool
    pad: int
    """Index of the responder's pad that has signed it."""
    tag: bytes
    mac: bytes
    """That the responder has sent it, whatever the announcer makes of the tag; computational."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The announcer's one signed decision on a vote.

    An abort is bound to the vote's pad alone: it aborts whatever that pad has signed or will sign.
    """

    TAG: ClassVar[int] = 12
    commit: bool
    pad: int
    """Of the vote, and the index of the announcer's pad that has signed this."""
    tag: bytes


@dataclass(frozen=True, slots=True)
class Abort:
    """The sender has dropped a round that it had not yet voted for or decided on.

    No pad signs it: see `protocols.bbm92.reports` for what makes it authentic.
    """

    TAG: ClassVar[int] = 13
    reason: int
    arrived: int
    """Messages of the receiver, in this round, that have arrived at the sender."""
    arrived_digest: bytes
    sent: int
    """Messages of the sender in this round: all, as it has dropped it."""
    sent_digest: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Unsigned: the announcer has nothing left to do and asks for the one closing vote."""

    TAG: ClassVar[int] = 14


@dataclass(frozen=True, slots=True)
class Sample:
    """A random part of the announcer's sifted bits, to be thrown away at both ends."""

    TAG: ClassVar[int] = 15
    mask: bytes
    """One bit a sifted bit, 1 = published."""
    bits: bytes
    """The announcer's bits there."""


@dataclass(frozen=True, slots=True)
class SampleReply:
    """The responder's bits at the same places."""

    TAG: ClassVar[int] = 16
    bits: bytes


@dataclass(frozen=True, slots=True)
class Beacon:
    """Unsigned: the announcer's click times while no round is open, for light to be found by.

    Nothing is sifted from them. Fields as in `Announce`.
    """

    TAG: ClassVar[int] = 17
    start_ticks: int
    stop_ticks: int
    count: int
    deltas: bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """Unsigned: the responder sees light in the beacons, so rounds may begin again.

    Or its light is over, and it has not been asked to close.
    """

    TAG: ClassVar[int] = 18


@dataclass(frozen=True, slots=True)
class Seal:
    """What the announcer has sent and got in a round up to its last message, as a MAC.

    A responder that has got and sent the same may vote: its pad signs nothing that the announcer
    would have to refuse. Computational, see `protocols.bbm92.macs`.
    """

    TAG: ClassVar[int] = 19
    mac: bytes


@dataclass(frozen=True, slots=True)
class Settled:
    """The responder has taken the decisions on all its votes up to that of ``pad``.

    Computational, see `protocols.bbm92.macs`: the decision itself was signed with a pad.
    """

    TAG: ClassVar[int] = 20
    pad: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the announcer has measured where one of the two users had turned its analysers."""

    TAG: ClassVar[int] = 21
    bases: bytes
    """One bit a tested match."""
    ports: bytes
    """The same."""


@dataclass(frozen=True, slots=True)
class OutcomesReply:
    """What the responder has measured there; its bases are known."""

    TAG: ClassVar[int] = 22
    ports: bytes


Message = (
    Announce
    | Matches
    | Keep
    | ReconciliationSetup
    | ParityQuery
    | ParityReply
    | Reconciled
    | VerificationHash
    | VerificationResult
    | Amplify
    | Vote
    | Decision
    | Abort
    | Close
    | Sample
    | SampleReply
    | Beacon
    | Ready
    | Seal
    | Settled
    | Outcomes
    | OutcomesReply
)


Outside = Vote | Decision | Close | Seal | Settled | Abort | Beacon | Ready
"""Messages outside of the transcripts: they may be repeated, and have no number."""
OUTSIDE = frozenset(get_args(Outside))
QUESTIONS = frozenset((ParityQuery, ParityReply))
"""Most messages: in the midst of a round, so that by them nothing else changes unless it ends."""


class Envelope(NamedTuple):
    """A message with its address."""

    link: str
    sender: Role
    round: int
    sequence: int
    """Counts the messages of one sender in one round, from 0."""
    body: Message
