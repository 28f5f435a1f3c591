"""Frames into announcements and rounds: nothing twice, nothing left out, no number in the dark."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.bbm92.schedule import Batch, RoundSchedule
from tests.support.links import link_config


def schedule(per_round: int, per_batch: int, last_round: int = -1) -> RoundSchedule:
    config = link_config(frames_per_round=per_round, frames_per_announcement=per_batch)
    return RoundSchedule(config, last_round)


def drain(
    plan: RoundSchedule, frames: int, *, first: int = 0, is_light_over: bool = False
) -> list[Batch]:
    found: list[Batch] = []
    while (batch := plan.next_batch(first, frames, is_light_over=is_light_over)) is not None:
        found.append(batch)
    return found


def test_rounds_of_ten_frames() -> None:
    """Two and a half announcements a round, and what the end of the light leaves of the third."""
    plan = schedule(10, 4)
    found = drain(plan, 23) + drain(plan, 23, is_light_over=True)
    assert [(b.start, b.stop, b.round, b.is_first, b.is_last) for b in found] == [
        (0, 4, 0, True, False),
        (4, 8, 0, False, False),
        (8, 10, 0, False, True),
        (10, 14, 1, True, False),
        (14, 18, 1, False, False),
        (18, 20, 1, False, True),
        (20, 23, 2, True, True),
    ]


@pytest.mark.parametrize(("first", "start"), [(0, 0), (1, 10), (10, 10), (17, 20)])
def test_first_round_begins_at_a_boundary(first: int, start: int) -> None:
    """A user who comes late, or back, begins with the next whole round, under the next number."""
    plan = schedule(10, 5, last_round=6)
    batch = drain(plan, 60, first=first)[0]
    assert (batch.start, batch.round) == (start, 7)
    assert drain(schedule(10, 5), 0) == []
    assert drain(schedule(10, 5), 7, first=7) == []


def test_dormant_frames_take_no_number() -> None:
    """Dormancy begins when the round under way is out, and ends at the next announcement."""
    plan = schedule(10, 5)
    drain(plan, 5)
    plan.is_dormant = True
    found = drain(plan, 30)
    assert [batch.round for batch in found] == [0, None, None, None, None]
    plan.is_dormant = False
    found = drain(plan, 40)
    assert [(b.start, b.round, b.is_first, b.is_last) for b in found] == [
        (30, 1, True, False),
        (35, 1, False, True),
    ]


steps = st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=30)


@settings(derandomize=True, deadline=None)
@given(steps, st.integers(1, 12), st.integers(1, 12))
def test_batches_tile_the_light(
    steps: list[tuple[int, bool]], per_round: int, per_batch: int
) -> None:
    """Whatever comes when and whoever sleeps: every frame once, numbers in order, rounds whole."""
    plan, frames, found = schedule(per_round, per_batch), 0, []
    for more, is_dormant in steps:
        frames += more
        plan.is_dormant = is_dormant
        found += drain(plan, frames)
    found += drain(plan, frames, is_light_over=True)
    edges = [(batch.start, batch.stop) for batch in found]
    assert [start for start, _ in edges] == [0, *(stop for _, stop in edges)][: len(edges)]
    assert not edges or edges[-1][1] == frames
    numbers = [batch.round for batch in found if batch.round is not None]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(set(numbers))))
    for number in set(numbers):
        mine = [batch for batch in found if batch.round == number]
        assert [batch.is_first for batch in mine] == [True] + [False] * (len(mine) - 1)
        length = mine[-1].stop - mine[0].start
        assert length == per_round or (length < per_round and mine[-1].stop == frames)


@pytest.mark.parametrize("is_dormant", [False, True])
def test_paused_frames_take_no_number(is_dormant: bool) -> None:
    """Two rounds behind the one under way, whatever light is found meanwhile."""
    plan = schedule(10, 5)
    drain(plan, 5)
    plan.pause(2)
    plan.is_dormant = is_dormant
    assert [batch.round for batch in drain(plan, 15)] == [0, None]
    plan.is_dormant = False
    found = drain(plan, 40)
    assert [(b.start, b.round) for b in found] == [
        (15, None),
        (20, None),
        (25, None),
        (30, 1),
        (35, 1),
    ]
