"""The states of a link's ends and of its rounds as tables: from where to where, and by what.

A machine moves along its table or not at all, a round refuses the messages that its table does not
list for its state, and the diagrams of the documentation are drawn from the same tables
(`mermaid`). What is done on the way is not known here.
"""

from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Generic, TypeVar

from protocols.errors import LocalProtocolError
from protocols.messages import (
    Amplify,
    Announce,
    Close,
    Decision,
    Keep,
    Matches,
    Message,
    Outcomes,
    OutcomesReply,
    ParityQuery,
    ParityReply,
    Reconciled,
    ReconciliationSetup,
    Sample,
    SampleReply,
    Seal,
    VerificationHash,
    VerificationResult,
    Vote,
)


class Life(Enum):
    """Where an end of a link stands; after a crash it begins where the earlier life has been."""

    LIT = auto()
    """Light comes, rounds begin."""
    ENDING = auto()
    """The light is over, the last rounds end."""
    CLOSING = auto()
    """Announcer: has asked for the closing vote. Responder: its pads sign closing votes alone."""
    CLOSED = auto()
    """Nothing is in doubt."""


class AnnouncerState(Enum):
    """Where a round stands at the announcer's end."""

    LIGHT = auto()
    TESTING = auto()
    """Has published the outcomes of its Bell tests."""
    SAMPLING = auto()
    SIFTED = auto()
    RECONCILING = auto()
    VERIFYING = auto()
    VOTING = auto()
    """Has its key, and waits for the vote."""


class ResponderState(Enum):
    """Where a round stands at the responder's end."""

    LIGHT = auto()
    TESTING = auto()
    """Waits for the announcer's outcomes of Bell tests."""
    SAMPLING = auto()
    QUEUED = auto()
    """Sifted, and waits until no other round is distilled."""
    RECONCILING = auto()
    VERIFYING = auto()
    AMPLIFYING = auto()
    SEALING = auto()
    """Has its key, and has not heard yet that the announcer has seen the same transcripts."""
    PREPARED = auto()
    """Has its key and has voted: only the announcer's decision ends it."""


class Cause(Enum):
    """What moves a machine, where that is no message."""

    LIGHT_OVER = "the light is over"
    NO_ANSWER = "no answer"
    PEER_RESTARTED = "the peer has restarted"
    TURN = "its turn"


S = TypeVar("S", bound=Enum)
Move = tuple[S, Cause | type[Message], S]
"""State, what happens in it, next state."""


@dataclass(frozen=True)
class Machine(Generic[S]):
    """A table of moves; where several go with one cause, what is done on the way decides.

    Attributes
    ----------
    starts : tuple
        States that it may begin in.
    moves : tuple of Move
        All that there are.
    """

    starts: tuple[S, ...]
    moves: tuple[Move[S], ...]

    def allows(self, state: S, cause: Cause | type[Message]) -> bool:
        """Whether ``cause`` may happen in ``state``."""
        return state in self._states_before.get(cause, ())

    @cached_property
    def _moves_by(self) -> dict[Cause | type[Message], tuple[tuple[S, S], ...]]:
        """From where to where each cause leads: every message asks."""
        causes = {cause for _, cause, _ in self.moves}
        return {
            by: tuple((old, new) for old, cause, new in self.moves if cause == by) for by in causes
        }

    @cached_property
    def _states_before(self) -> dict[Cause | type[Message], tuple[S, ...]]:
        """Where each cause may happen."""
        return {by: tuple(old for old, _ in moves) for by, moves in self._moves_by.items()}

    def move(self, state: S, cause: Cause | type[Message], to: S) -> S:
        """``to``; LocalProtocolError if the table does not lead there."""
        if (state, to) not in self._moves_by.get(cause, ()):
            raise LocalProtocolError(f"{state.name} to {to.name} by {label(cause)}")
        return to


ANNOUNCER_LIFE = Machine(
    (Life.LIT, Life.CLOSED),
    (
        (Life.LIT, Cause.LIGHT_OVER, Life.ENDING),
        (Life.ENDING, Close, Life.CLOSING),
        (Life.CLOSING, Cause.NO_ANSWER, Life.ENDING),
        (Life.CLOSING, Cause.PEER_RESTARTED, Life.ENDING),
        (Life.CLOSING, Vote, Life.CLOSED),
    ),
)
RESPONDER_LIFE = Machine(
    (Life.LIT, Life.CLOSING, Life.CLOSED),
    (
        (Life.LIT, Cause.LIGHT_OVER, Life.ENDING),
        (Life.ENDING, Close, Life.CLOSING),
        (Life.CLOSING, Close, Life.CLOSING),
        (Life.CLOSING, Decision, Life.CLOSED),
    ),
)
ANNOUNCER_ROUND = Machine(
    (AnnouncerState.LIGHT,),
    (
        (AnnouncerState.LIGHT, Matches, AnnouncerState.LIGHT),
        (AnnouncerState.LIGHT, Matches, AnnouncerState.SAMPLING),
        (AnnouncerState.LIGHT, Matches, AnnouncerState.SIFTED),
        (AnnouncerState.LIGHT, Matches, AnnouncerState.TESTING),
        (AnnouncerState.TESTING, OutcomesReply, AnnouncerState.SAMPLING),
        (AnnouncerState.TESTING, OutcomesReply, AnnouncerState.SIFTED),
        (AnnouncerState.SAMPLING, SampleReply, AnnouncerState.SIFTED),
        (AnnouncerState.SIFTED, ReconciliationSetup, AnnouncerState.RECONCILING),
        (AnnouncerState.RECONCILING, ParityQuery, AnnouncerState.RECONCILING),
        (AnnouncerState.RECONCILING, Reconciled, AnnouncerState.VERIFYING),
        (AnnouncerState.VERIFYING, VerificationResult, AnnouncerState.VOTING),
    ),
)
RESPONDER_ROUND = Machine(
    (ResponderState.LIGHT, ResponderState.PREPARED),
    (
        (ResponderState.LIGHT, Announce, ResponderState.LIGHT),
        (ResponderState.LIGHT, Keep, ResponderState.LIGHT),
        (ResponderState.LIGHT, Keep, ResponderState.SAMPLING),
        (ResponderState.LIGHT, Keep, ResponderState.QUEUED),
        (ResponderState.LIGHT, Keep, ResponderState.TESTING),
        (ResponderState.TESTING, Outcomes, ResponderState.SAMPLING),
        (ResponderState.TESTING, Outcomes, ResponderState.QUEUED),
        (ResponderState.SAMPLING, Sample, ResponderState.QUEUED),
        (ResponderState.QUEUED, Cause.TURN, ResponderState.RECONCILING),
        (ResponderState.QUEUED, Cause.TURN, ResponderState.VERIFYING),
        (ResponderState.RECONCILING, ParityReply, ResponderState.RECONCILING),
        (ResponderState.RECONCILING, ParityReply, ResponderState.VERIFYING),
        (ResponderState.VERIFYING, VerificationHash, ResponderState.AMPLIFYING),
        (ResponderState.AMPLIFYING, Amplify, ResponderState.SEALING),
        (ResponderState.SEALING, Seal, ResponderState.PREPARED),
    ),
)


def label(cause: Cause | type[Message]) -> str:
    """Name of a message, or words."""
    return cause.value if isinstance(cause, Cause) else cause.__name__


def mermaid(machine: Machine[S]) -> str:
    """Draw the table: lines of a Mermaid state diagram."""
    starts = [f"    [*] --> {state.name}" for state in machine.starts]
    moves = [f"    {old.name} --> {new.name}: {label(by)}" for old, by, new in machine.moves]
    return "\n".join(("stateDiagram-v2", *starts, *moves))
