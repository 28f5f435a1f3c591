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


def test_one_round_never_disagrees() -> None:
    """One round, everything lost, repeated, reordered, forged, any crashes: no violation."""
    assert check(Model(rounds=1)) > 1000


@pytest.mark.slow
def test_two_rounds_never_disagree() -> None:
    """The same with two rounds in flight."""
    assert check(Model(rounds=2)) > 10_000


def _forgets_what_it_holds(end: Announcer) -> Announcer:
    return Announcer(durable_last=end.durable_last, last=end.durable_last, light=end.light)


def _forgets_its_vote(end: Responder) -> Responder:
    return Responder(is_closing=end.is_closing, light=end.light, usable=end.usable)


def _forgets_its_aborts(end: Announcer) -> Announcer:
    return replace(end, last=end.durable_last, open=frozenset(), aborted=frozenset())


def _forgets_its_closing_vote(end: Responder) -> Responder:
    return replace(end, open=frozenset(), closing=frozenset(), is_closing=False)


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("crashed_announcer", _forgets_what_it_holds),
        ("crashed_announcer", _forgets_its_aborts),
        ("crashed_responder", _forgets_its_vote),
        ("crashed_responder", _forgets_its_closing_vote),
    ],
)
def test_the_search_finds_what_is_broken(
    part: str, broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end that forgets what must be durable is caught."""
    monkeypatch.setattr(exchange, part, broken)
    with pytest.raises(AssertionError):
        check(Model(rounds=1))


def _begins_with_any_pads(end: Responder, number: int) -> Responder:
    is_over = end.closed >= 0 or end.is_closing or end.prepared is not None
    return end if is_over or not end.has_pads(number) else replace(end, open=end.open | {number})


def test_the_search_finds_a_round_with_the_pads_of_the_closing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A responder that votes with the newest pads is left in doubt, and that is caught."""
    monkeypatch.setattr(exchange, "begin", _begins_with_any_pads)
    with pytest.raises(AssertionError):
        check(Model(rounds=1))
