"""The states of a round: at each end every message that its state does not allow is refused."""

from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from protocols.bbm92.error_rates import ErrorRates
from protocols.bbm92.rounds import RoundCore
from protocols.bbm92.states import AnnouncerState, ResponderState
from protocols.e91.announcer import E91AnnouncerRound
from protocols.e91.responder import E91ResponderRound
from protocols.errors import RemoteProtocolError
from protocols.link import LinkSecrets
from protocols.messages import (
    Amplify,
    Announce,
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
)
from protocols.tagbook import TagBook
from tests.support.links import link_config

CONFIG = link_config()
SECRETS = LinkSecrets.from_bytes(bytes(LinkSecrets.size_bytes(0)))
ANNOUNCER, RESPONDER = AnnouncerState, ResponderState
ALLOWED: dict[object, tuple[type, ...]] = {
    ANNOUNCER.LIGHT: (Matches,),
    ANNOUNCER.TESTING: (OutcomesReply,),
    ANNOUNCER.SAMPLING: (SampleReply,),
    ANNOUNCER.SIFTED: (ReconciliationSetup,),
    ANNOUNCER.RECONCILING: (ParityQuery, Reconciled),
    ANNOUNCER.VERIFYING: (VerificationResult,),
    ANNOUNCER.VOTING: (),
    RESPONDER.LIGHT: (Announce, Keep),
    RESPONDER.TESTING: (Outcomes,),
    RESPONDER.SAMPLING: (Sample,),
    RESPONDER.QUEUED: (),
    RESPONDER.RECONCILING: (ParityReply,),
    RESPONDER.VERIFYING: (VerificationHash,),
    RESPONDER.AMPLIFYING: (Amplify,),
    RESPONDER.SEALING: (Seal,),
    RESPONDER.PREPARED: (),
}


def a_round(state: object) -> RoundCore:
    """A round that stands in ``state``, of the protocol that has them all."""
    rng = np.random.default_rng(1)
    book = TagBook(rng, window_ticks=1)
    if isinstance(state, ANNOUNCER):
        one = E91AnnouncerRound(0, CONFIG, SECRETS, 0, book=book, rng=rng)
        one.state = state
        return one
    other = E91ResponderRound(0, CONFIG, SECRETS, 0, book=book, rng=rng, rates=ErrorRates(CONFIG))
    assert isinstance(state, RESPONDER)
    other.state = state
    return other


def a_message(kind: type[Message]) -> Message:
    """With nothing in it."""
    hints: dict[str, Any] = get_type_hints(kind)
    types = {field.name: hints[field.name] for field in fields(kind)}
    empty = {name: (get_origin(hint) or hint)() for name, hint in types.items()}
    return kind(**empty)


def test_table_is_whole() -> None:
    """Each state of each end is in it."""
    assert set(ALLOWED) == {*ANNOUNCER, *RESPONDER}


@pytest.mark.parametrize("state", ALLOWED, ids=str)
def test_other_messages_are_refused(state: object) -> None:
    """By the name of message and state, whatever else they hold; what is allowed is taken."""
    for kind in get_args(Message):
        found = a_round(state)
        assert found.MOVES.allows(state, kind) is (kind in ALLOWED[state])
        if kind is Seal and kind in ALLOWED[state]:
            continue  # for the session that owns the round
        if kind in ALLOWED[state]:
            found.take(a_message(kind))  # what it holds is looked at later
        else:
            with pytest.raises(RemoteProtocolError, match=f"{kind.__name__} in state"):
                found.take(a_message(kind))
