"""What is printed by accident (a log line, a failed assertion) shows no key."""

from protocols.events import BlockHeld, BlockPrepared, BlockUsable
from protocols.link import LinkSecrets
from protocols.messages import TAG_BYTES, Role
from tests.support.links import LINK
from tests.support.two_ends import clean_ends

SHOWN_BYTES = 4
"""So many bytes of a secret in a row would be no accident."""


def shows(thing: object, secret: bytes) -> bool:
    """Whether the representation of ``thing`` holds a piece of ``secret``."""
    pieces = (secret[at : at + SHOWN_BYTES] for at in range(len(secret) - SHOWN_BYTES + 1))
    text = repr(thing)
    return any(repr(piece)[2:-1] in text or piece.hex() in text for piece in pieces)


def test_no_event_and_no_state_shows_key() -> None:
    """Neither the events of a run, nor what is durable, nor the pads show a piece of the key."""
    ends = clean_ends(duration_s=2.0)
    ends.run(until_s=2.05)
    states = [ends.stores[role].state(LINK) for role in Role]
    events = [event for _, event in ends.events]
    with_key = [e for e in events if isinstance(e, BlockPrepared | BlockHeld | BlockUsable)]
    assert {type(event) for event in with_key} == {BlockPrepared, BlockHeld, BlockUsable}
    keys = [event.key for event in with_key]
    keys += [event.reserve for event in with_key if isinstance(event, BlockUsable)]
    keys += [block.key for state in states for block in state.in_doubt]
    keys += [pad for state in states for pad in state.pads.values()]
    assert len(keys) > 2 * len(with_key)
    assert not [type(thing) for thing in (*events, *states) for key in keys if shows(thing, key)]


def test_preshared_secret_is_not_shown() -> None:
    """The secret of a link hides all of its parts."""
    secret = bytes(range(60, 60 + 6 * TAG_BYTES))
    assert not shows(LinkSecrets.from_bytes(secret), secret)
