"""All states of the vote and decision exchange that any wire and any crash can lead to."""

from collections import deque
from dataclasses import replace

import pytest

from tests.model import exchange
from tests.model.exchange import (
    Announcer,
    Model,
    Responder,
    State,
    heal,
    is_settled,
    violations,
)


def reachable(model: Model) -> dict[State, tuple[State, str] | None]:
    """Every reachable state and how it was first reached; stops at the first violation."""
    origin = model.origin
    paths: dict[State, tuple[State, str] | None] = {origin: None}
    queue = deque([origin])
    while queue:
        state = queue.popleft()
        for name, following in model.steps(state):
            if following not in paths:
                paths[following] = (state, name)
                assert not violations(following), (violations(following), story(paths, following))
                queue.append(following)
    return paths


def story(paths: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    """The steps that lead to ``state``."""
    names: list[str] = []
    while (step := paths[state]) is not None:
        state, name = step
        names.append(name)
    return names[::-1]


def check(model: Model) -> int:
    """Explore; every state must also settle once the channel heals. Returns their number."""
    paths = reachable(model)
    for state in paths:
        healed = heal(state)
        assert not violations(healed), (violations(healed), story(paths, state), healed)
        assert is_settled(healed), (story(paths, state), healed)
    return len(paths)


@pytest.mark.parametrize(("first_pads", "least"), [(1, 50), (2, 500), (3, 1000)])
def test_one_round_never_disagrees(first_pads: int, least: int) -> None:
    """One round, everything lost, repeated, reordered, forged, any crashes: no violation."""
    assert check(Model(rounds=1, first_pads=first_pads)) > least


@pytest.mark.slow
@pytest.mark.parametrize(("first_pads", "least"), [(2, 5000), (3, 10_000)])
def test_two_rounds_never_disagree(first_pads: int, least: int) -> None:
    """The same with two rounds in flight; the second may have the pads that the first refilled."""
    assert check(Model(rounds=2, first_pads=first_pads)) > least


def _forgets_what_it_holds(end: Announcer) -> Announcer:
    return replace(end, last=end.durable_last, open=frozenset(), held=frozenset())


def _forgets_which_pads_have_signed(end: Announcer) -> Announcer:
    return replace(end, last=end.durable_last, open=frozenset(), next_pad=0)


def _forgets_its_vote(end: Responder) -> Responder:
    return replace(end, open=frozenset(), prepared=None)


def _forgets_its_closing_vote(end: Responder) -> Responder:
    return replace(end, open=frozenset(), is_closing=False)


def _votes_with_any_pad(end: Responder) -> bool:
    return end.prepared is None and end.next_pad < end.pads


def _votes_twice(end: Responder) -> bool:
    return end.next_pad + 1 < end.pads


def _heeds_nothing(end: Announcer, _pad: int) -> Announcer:
    return end


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("crashed_announcer", _forgets_what_it_holds),
        ("crashed_announcer", _forgets_which_pads_have_signed),
        ("crashed_responder", _forgets_its_vote),
        ("crashed_responder", _forgets_its_closing_vote),
        ("may_vote", _votes_with_any_pad),
        ("may_vote", _votes_twice),
        ("heed", _heeds_nothing),
    ],
)
def test_the_search_finds_what_is_broken(
    part: str, broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end that forgets what must be durable, or signs with what it must not, is caught."""
    monkeypatch.setattr(exchange, part, broken)
    with pytest.raises(AssertionError):
        check(Model(rounds=1))
