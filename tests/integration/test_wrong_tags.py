"""Tags that are wrong, and crashes within a step: each check is booked, no pad signs twice.

The wire is not authenticated, so messages are handed to a session as an attacker would. Afterwards
the channel is sound: both ends close with equal blocks, and no pad has signed twice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import UnionType
from typing import Any

import pytest

from netsim.pools.store import UserStore
from protocols.bbm92 import rounds
from protocols.bbm92.signing import Bound, Signer
from protocols.events import (
    Alarm,
    BlockHeld,
    BlockPrepared,
    BlockUsable,
    ClosingVoted,
    Event,
    LinkClosed,
    PadsSpent,
    RoundAborted,
)
from protocols.messages import (
    Close,
    Role,
)
from tests.support.forging import BAD_COMMIT, forge, forge_commit, forge_vote, run
from tests.support.tapped import TappedEnds
from tests.support.two_ends import TwoEnds, clean_ends

# Tags that are wrong ------------------------------------------------------------------------------


def test_flood_of_decisions_leaves_nothing_in_doubt() -> None:
    """Eleven hundred wrong decisions on a prepared block, and as many closing ones."""
    tapped = TappedEnds(clean_ends(1, duration_s=4.0), [])
    ends = tapped.ends

    def flood(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, BlockPrepared | ClosingVoted):
            for _ in range(1100):
                forge_commit(ends)

    ends.on_event = flood
    assert len(run(tapped).usable[0]) == 4
    assert not any(end.is_stopped for end in ends.ends)


def test_every_check_of_a_tag_is_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bound of one a check the books of each end hold as many as it has made."""
    checks = [0, 0]
    check = Signer.check

    def counted(self: Signer, tag: bytes, pad: bytes, role: Role, bound: Bound) -> bool:
        checks[role.peer] += 1
        return check(self, tag, pad, role, bound)

    monkeypatch.setattr(Signer, "check", counted)
    monkeypatch.setattr(Signer, "forgery_probability", lambda _self: 1.0)
    monkeypatch.setattr(rounds, "forgery_probability", lambda _length: 0.0)
    tapped = TappedEnds(clean_ends(1, duration_s=4.0), [])
    ends = tapped.ends

    def guess(role: Role, event: Event) -> None:
        if role is not Role.RESPONDER:
            return
        if isinstance(event, BlockPrepared) and event.round == 1:
            forge_vote(ends, 1)
        if isinstance(event, BlockPrepared) and event.round == 2:
            forge_commit(ends)
        if isinstance(event, ClosingVoted):
            forge_commit(ends)
            forge_vote(ends, 4, closing=True)

    ends.on_event = guess
    run(tapped)
    assert [booked(ends, role) for role in Role] == checks
    assert checks == [3 + 1 + 1 + 1, 3 + 1 + 1 + 1 + 1]


def booked(ends: TwoEnds, role: Role) -> float:
    """What the events of one end add to its bound on forgeries."""
    bound = 0.0
    for at, event in ends.events:
        if at is role and isinstance(event, Alarm | LinkClosed):
            bound += event.forgery_probability
        if at is role and isinstance(event, BlockUsable | RoundAborted):
            bound += event.books.forgery_probability
    return bound


def test_transcripts_are_booked() -> None:
    """A good round adds its transcripts, not only the 56 / 2^106 of a tag."""
    ends = run(TappedEnds(clean_ends(1, duration_s=2.0), []))
    for role in Role:
        for event in ends.told(role, BlockUsable):
            assert isinstance(event, BlockUsable)
            assert event.books.forgery_probability > 100 * 56 * 2.0**-106


def test_decision_on_an_unknown_round_is_no_closing_while_there_is_light() -> None:
    """Nothing of it is checked: there is no closing vote that it could answer."""
    ends = clean_ends(1, duration_s=3.0)
    ends.at_s(1.2, partial(forge, ends, Role.RESPONDER, 9, BAD_COMMIT))
    ends.run(until_s=1.3)
    (alarm,) = ends.told(Role.RESPONDER, Alarm)
    assert alarm == Alarm(0, "a decision on no vote of this end")


# Crashes within a step ----------------------------------------------------------------------------


class Died(Exception):  # noqa: N818 - the end of a process, not an error
    """The process is gone."""


@contextmanager
def death_after(
    monkeypatch: pytest.MonkeyPatch,
    tapped: TappedEnds,
    role: Role,
    died_at: tuple[type[Event] | UnionType, int],
    provoke: Callable[[], None],
) -> Iterator[list[Event]]:
    """The process of ``role`` dies between the first such event and what follows it, once."""
    ends, (kind, number) = tapped.ends, died_at
    died: list[Event] = []
    apply, flush = UserStore._apply, ends.flush

    def apply_and_die(store: UserStore, link: str, event: Any) -> None:
        apply(store, link, event)
        is_it = store is ends.stores[role] and isinstance(event, kind)
        place = event.stop if isinstance(event, PadsSpent) else getattr(event, "round", number)
        if is_it and not died and place >= number:
            died.append(event)
            raise Died

    def flush_or_crash() -> None:
        try:
            flush()
        except Died:
            ends.crash(role)
            provoke()
            flush()

    monkeypatch.setattr(UserStore, "_apply", apply_and_die)
    monkeypatch.setattr(ends, "flush", flush_or_crash)
    yield died


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    ("kind", "number"),
    [(BlockUsable, 1), (BlockUsable, 3), (PadsSpent, 4), (BlockPrepared | BlockHeld, 2)],
)
def test_a_step_is_whole_or_undone(
    role: Role, kind: type[Event] | UnionType, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between the events of a step leaves no pad that has signed, and the link closes.

    The new life is shown all votes again, and is asked to close.
    """
    tapped = TappedEnds(clean_ends(1, duration_s=4.0), [])
    ends = tapped.ends

    def provoke() -> None:
        for message in votes:
            ends.ends[Role.ANNOUNCER]._session.receive(message, ends.now_ps)
        forge(ends, Role.RESPONDER, 4, Close())

    def note(_role: Role, event: Event) -> None:
        if isinstance(event, BlockPrepared):
            votes.append(event.vote)

    votes: list[bytes] = []
    ends.on_event = note
    with death_after(monkeypatch, tapped, role, (kind, number), provoke) as died:
        run(tapped)
    assert len(died) == 1
