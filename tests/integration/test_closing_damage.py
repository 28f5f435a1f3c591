"""The closing exchange under forged messages and crashes: it happens once, with one pad.

The wire is not authenticated, so messages are handed to a session as an attacker would. Afterwards
the channel is sound: both ends close with equal blocks, and no pad has signed twice.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from netsim.units import PS_PER_S
from protocols.events import (
    AbortSigned,
    BlockUsable,
    ClosingVoted,
    Event,
    LinkClosed,
)
from protocols.messages import (
    Close,
    Decision,
    Envelope,
    Message,
    Role,
)
from protocols.tags import TagFrame
from tests.support.forging import BAD_VOTE, NOTHING, forge, forge_vote, rewrite, run
from tests.support.links import FRAME_PS, LINK, session_of
from tests.support.tapped import TappedEnds
from tests.support.two_ends import TwoEnds, clean_ends


@pytest.mark.parametrize("role", list(Role))
def test_closed_link_stays_closed(role: Role) -> None:
    """A forged message of a round to come, then a crash: the end still knows that it has closed."""
    tapped = TappedEnds(clean_ends(1, duration_s=3.0), [])
    ends = run(tapped)
    body = BAD_VOTE if role is Role.ANNOUNCER else NOTHING
    forge(ends, role, 5, body)
    ends.flush()
    assert all(store.state(LINK).closed is not None for store in ends.stores)
    ends.crash(role)
    run(tapped)


def test_closed_announcer_begins_no_round() -> None:
    """Whatever light its next life gets: nothing is announced, and nothing of it is kept."""
    ends = run(TappedEnds(clean_ends(1, duration_s=3.0), []))
    ends._is_light_over = False
    ends.crash(Role.ANNOUNCER)
    end = ends.ends[Role.ANNOUNCER]
    for index in range(40, 80):
        ticks = index * FRAME_PS // 10
        tags = np.arange(ticks + 10, ticks + 1000, 300, dtype=np.int64) << 2
        end.book.append(TagFrame(index, ticks + FRAME_PS // 10, tags))
        end.take_light(ends.now_ps)
    assert end.take_events() == ()
    assert not end.book.holds(0)


def test_signed_abort_is_remembered() -> None:
    """A pad that has signed the abort of a round to come does not sign the closing as well."""
    tapped = TappedEnds(clean_ends(1, duration_s=3.0), [])
    ends = tapped.ends
    ends.at_s(2.95, partial(forge_vote, ends, 3))
    ends.at_s(3.0005, partial(ends.crash, Role.ANNOUNCER))
    run(tapped)
    assert [event.pad for event in ends.told(Role.ANNOUNCER, AbortSigned)] == [2]
    assert [event.pad for event in ends.told(Role.ANNOUNCER, LinkClosed)] == [3]
    assert sorted(ends.usable[0]) == [0, 1]  # the true vote on round 2 was answered by that abort


def lose_closing(tapped: TappedEnds, *, until: Callable[[], bool]) -> None:
    """All closing decisions are noise until then."""

    def spoil(envelope: Envelope) -> bytes | None:
        is_closing = isinstance(envelope.body, Decision | Close) and envelope.round >= 3
        return b"\xc0" if is_closing and not until() else None

    rewrite(tapped, Role.RESPONDER, spoil)


def test_closing_vote_that_is_aborted_is_signed_anew() -> None:
    """A forged vote has used up the pad of the closing, and a crash what was known of it."""
    tapped = TappedEnds(clean_ends(1, duration_s=3.0), [])
    ends = tapped.ends
    crashed: list[int] = []

    def spoil(envelope: Envelope) -> bytes | None:
        is_last = isinstance(envelope.body, Decision) and envelope.body.pad >= 3 and not crashed
        return b"\xc0" if is_last else None

    def crash() -> None:
        ends.crash(Role.RESPONDER)
        crashed.append(1)

    def strike(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, ClosingVoted):
            forge_vote(ends, 3)

    ends.on_event = strike
    rewrite(tapped, Role.RESPONDER, spoil)
    ends.at_s(4.5, crash)
    run(tapped)
    assert sorted(ends.usable[0]) == [0, 1, 2]
    assert [event.pad for event in ends.told(Role.ANNOUNCER, AbortSigned)] == [3]
    assert [event.pad for event in ends.told(Role.ANNOUNCER, LinkClosed)] == [4]


@pytest.mark.parametrize("body", [Close(), replace(BAD_VOTE, closing=True), BAD_VOTE])
def test_announcer_that_has_closed_asks_again_whatever_was_said_meanwhile(body: Message) -> None:
    """The responder has lost its closing vote, and its new life is not heard for a while.

    Somebody asks it to close as well, or shows the announcer a vote.
    """
    tapped = TappedEnds(clean_ends(1, duration_s=3.0), [])
    ends = tapped.ends
    is_healed: list[int] = []
    lose_closing(tapped, until=lambda: bool(is_healed))
    ends.at_s(3.0005, partial(forge, ends, Role.RESPONDER, 3, Close()))
    ends.at_s(3.9, partial(ends.crash, Role.RESPONDER))
    role = Role.RESPONDER if isinstance(body, Close) else Role.ANNOUNCER
    ends.at_s(4.5, partial(forge, ends, role, 8, body))
    ends.at_s(4.9, lambda: is_healed.append(1))
    run(tapped)
    assert [event.pad for event in ends.told(Role.ANNOUNCER, LinkClosed)] == [2]


def forge_after_last_block(ends: TwoEnds, number: int) -> None:
    """Ask the responder to close once no round is open there, before the announcer does."""

    def react(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, BlockUsable) and event.round == 2:
            ends.at_s(ends.now_ps / PS_PER_S, partial(forge, ends, role, number, Close()))

    ends.on_event = react


def test_request_to_close_while_rounds_are_open_is_refused() -> None:
    """No honest announcer sends it: an alarm, not rounds that both ends blame on each other."""
    tapped = TappedEnds(clean_ends(1, duration_s=3.0), [])
    tapped.ends.at_s(3.0002, partial(forge, tapped.ends, Role.RESPONDER, 3, Close()))
    run(tapped)
    assert [what for what in tapped.ends.alarms() if "while rounds are open" in what]


def test_request_to_close_that_comes_early_takes_one_pad() -> None:
    """Whoever asks, the responder signs one closing vote, and that is the one that closes."""
    tapped = TappedEnds(clean_ends(1, duration_s=3.0), [])
    ends = tapped.ends
    forge_after_last_block(ends, 7)
    run(tapped)
    assert [event.pad for event in ends.told(Role.RESPONDER, ClosingVoted)] == [3]
    assert [event.pad for event in ends.told(Role.ANNOUNCER, LinkClosed)] == [3]


def test_no_round_begins_after_a_closing_vote() -> None:
    """Its pad may have signed; in a later life, too, nothing but the closing is signed."""
    ends = clean_ends(1, duration_s=3.0)
    forge_after_last_block(ends, 9)
    while not ends.told(Role.RESPONDER, ClosingVoted):
        ends.run(until_s=ends.now_ps / PS_PER_S + 0.001)
    for _ in range(2):
        forge(ends, Role.RESPONDER, 11, NOTHING)
        assert 11 not in session_of(ends.ends[Role.RESPONDER])._rounds
        ends.flush()
        ends.crash(Role.RESPONDER)


@pytest.mark.parametrize("role", list(Role))
def test_closing_misses_all_reports(role: Role) -> None:
    """Also those of rounds with numbers beyond its own: they were made up, and nobody owned up."""
    tapped = TappedEnds(clean_ends(1, duration_s=3.0), [])
    session_of(tapped.ends.ends[role])._reporter._awaited[50] = None
    run(tapped)
    assert ["report" in what for what in tapped.ends.alarms()] == [True]
