"""The bound on checks: few wrong tags per time, and the right one always gets its turn."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.bbm92.tagcheck import MAX_WRONG_TAGS, CheckLimit

PERIOD_PS = 1000


def test_right_tags_are_never_too_many() -> None:
    """Only wrong ones count."""
    limit = CheckLimit(PERIOD_PS)
    for _ in range(MAX_WRONG_TAGS - 1):
        limit.count_wrong(5)
    assert not limit.is_reached(5)
    limit.count_wrong(7)
    assert limit.is_reached(7)
    assert limit.is_reached(5 + PERIOD_PS - 1)
    assert not limit.is_reached(5 + PERIOD_PS)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=200))
def test_any_period_sees_few_wrong_tags(gaps_ps: list[int]) -> None:
    """However they come, no window of the period holds more that were checked."""
    limit, now_ps, checked_ps = CheckLimit(PERIOD_PS), 0, list[int]()
    for gap_ps in gaps_ps:
        now_ps += gap_ps
        if not limit.is_reached(now_ps):
            limit.count_wrong(now_ps)
            checked_ps.append(now_ps)
    for first_ps in checked_ps:
        within = [at_ps for at_ps in checked_ps if first_ps <= at_ps < first_ps + PERIOD_PS]
        assert len(within) <= MAX_WRONG_TAGS


def test_four_guesses_a_period() -> None:
    """Of a hundred wrong tags at once four are looked at: each is one more chance of a forgery."""
    limit, checked = CheckLimit(PERIOD_PS), 0
    for _ in range(100):
        if not limit.is_reached(5):
            limit.count_wrong(5)
            checked += 1
    assert checked == 4
