"""What an endpoint tells its owner; what carries key is for the pool; its repr shows none."""

from dataclasses import dataclass, field

from protocols.books import RoundBooks
from protocols.chsh import Chsh
from protocols.messages import AbortReason


@dataclass(frozen=True, slots=True)
class LinkLocked:
    """The responder has found the announcer's clock."""

    offset_ps: float
    rate_ppm: float
    significance_sigma: float
    searched_bins: int
    lit: tuple[int, ...] = ()
    """Lanes that have light."""
    is_certain: bool = True
    """Whether the times tell which lanes these are; else they will once another one shows."""


@dataclass(frozen=True, slots=True)
class SyncFailed:
    """No lock in the light tried so far; the search goes on with more."""

    best_sigma: float
    searched_bins: int
    reason: str = ""
    """The test that failed, and its counts."""
    is_bent: bool = False
    """Whether it is a rate that changes too fast."""


@dataclass(frozen=True, slots=True)
class LockLost:
    """The clock is known no longer: a new search begins, about where it was.

    The coincidence peaks of all lanes have gone, or nothing was announced for some seconds.
    """

    round: int
    reason: str = ""
    """What is known of why."""


@dataclass(frozen=True, slots=True)
class LaneLost:
    """A lane's peaks no longer stand out of the background: it is not matched from here on."""

    round: int
    lane: int


@dataclass(frozen=True, slots=True)
class LaneFound:
    """They stand out again: it is matched from here on."""

    round: int
    lane: int


@dataclass(frozen=True, slots=True)
class RoundStarted:
    """The round has begun at this end."""

    round: int


@dataclass(frozen=True, slots=True)
class RoundSifted:
    """All sifted bits of a round are fixed at this end."""

    round: int
    sifted_bits: int


@dataclass(frozen=True, slots=True)
class RoundSampled:
    """Bits of this end at random places are public now, and no longer part of the round."""

    round: int
    sampled_bits: int


@dataclass(frozen=True, slots=True)
class BellTested:
    """The outcomes of the round's Bell tests are public at both ends; none of them is for key."""

    round: int
    lanes: tuple[Chsh, ...]
    """The test of each lane."""


@dataclass(frozen=True, slots=True)
class RoundAborted:
    """The round ends without key; its sifted bits stay in the books."""

    round: int
    reason: AbortReason
    books: RoundBooks


@dataclass(frozen=True, slots=True)
class BlockPrepared:
    """The responder has voted: until a valid decision comes the block is in doubt."""

    round: int
    pad: int
    """Index of the pad that has signed the vote."""
    key: bytes = field(repr=False)
    key_bits: int
    vote: bytes
    """Encoded vote, repeated as it is until a decision comes."""
    digests: bytes
    """Of the transcripts, against which the decision will be checked."""
    books: RoundBooks


@dataclass(frozen=True, slots=True)
class BlockHeld:
    """The announcer has decided to commit: usable once the responder acknowledges."""

    round: int
    pad: int
    """Index of the pads that have signed vote and decision."""
    key: bytes = field(repr=False)
    key_bits: int
    decision: bytes
    books: RoundBooks


@dataclass(frozen=True, slots=True)
class BlockUsable:
    """The block is settled: its front went to the pads, the rest is for the pool."""

    round: int
    key: bytes = field(repr=False)
    """What is left after the reserve took its share, packed, first bit first."""
    key_bits: int
    reserve: bytes = field(repr=False)
    """What refills the pads, 32 bytes a round."""
    books: RoundBooks


@dataclass(frozen=True, slots=True)
class BlockDropped:
    """A prepared block whose round the announcer has decided to abort."""

    round: int
    key_bits: int
    reason: AbortReason


@dataclass(frozen=True, slots=True)
class AbortSigned:
    """The announcer's pad has signed this abort, and signs nothing else."""

    round: int
    """Which the vote was for, as the message says."""
    pad: int
    message: bytes
    """Encoded decision, repeated as it is whenever the responder asks."""


@dataclass(frozen=True, slots=True)
class DecisionsTaken:
    """The responder has every decision with a pad below ``stop``: none is asked for again."""

    stop: int


@dataclass(frozen=True, slots=True)
class PadsSpent:
    """The pads of both ends with an index below ``stop`` are gone."""

    stop: int
    bits: int
    """How many have gone with this step."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something on the wire was not what an honest peer sends."""

    round: int
    what: str
    forgery_probability: float = 0.0
    """What a tag that did not verify adds to the bound: it was one more guess."""


@dataclass(frozen=True, slots=True)
class ReportLost:
    """The connection was lost before the peer's report on a round that had ended without key.

    Whether the wire has damaged that round stays unknown: a crash looks like this, and so does
    somebody who plays one.
    """

    round: int


@dataclass(frozen=True, slots=True)
class RoundsPaused:
    """Aborts have used up so much of the reserve that no round begins for a while."""

    round: int
    """The last that was aborted."""
    rounds: int
    """Length of the pause, in rounds."""


@dataclass(frozen=True, slots=True)
class ReserveEmpty:
    """No pads are left for this round: the link stops."""

    round: int


@dataclass(frozen=True, slots=True)
class ClosingVoted:
    """A pad of the responder has signed a closing vote: it begins no round any more."""

    pad: int


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """The closing exchange is done: nothing of this link is in doubt."""

    pad: int
    """Index of the pads that have signed vote and decision."""
    message: bytes
    """Closing vote (responder) or decision (announcer), for a peer that must ask again."""
    forgery_probability: float = 0.0
    """Bound on accepting a forged tag, for the check of the peer's."""


Event = (
    LinkLocked
    | SyncFailed
    | LockLost
    | LaneLost
    | LaneFound
    | RoundStarted
    | RoundSifted
    | RoundSampled
    | BellTested
    | RoundAborted
    | BlockPrepared
    | BlockHeld
    | BlockUsable
    | BlockDropped
    | AbortSigned
    | DecisionsTaken
    | PadsSpent
    | Alarm
    | ReportLost
    | RoundsPaused
    | ReserveEmpty
    | ClosingVoted
    | LinkClosed
)
