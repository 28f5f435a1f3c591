"""Laws of durations."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.durations import UNITS_PS, parse_duration_ps, seconds_text
from netsim.units import MAX_RUN_PS, ps_from_s


@given(st.integers(1, MAX_RUN_PS))
def test_seconds_text_is_exact(duration_ps: int) -> None:
    """Any number of picoseconds survives as decimal seconds, here and in units."""
    text = seconds_text(duration_ps)
    assert parse_duration_ps(text) == duration_ps
    assert ps_from_s(text) == duration_ps


@given(st.integers(1, 26), st.sampled_from(sorted(UNITS_PS)))
def test_whole_numbers_of_a_unit_are_exact(number: int, unit: str) -> None:
    """A whole number of any unit is that many of it, with or without a space."""
    assert parse_duration_ps(f"{number}{unit}") == number * UNITS_PS[unit]
    assert parse_duration_ps(f" {number} {unit} ") == number * UNITS_PS[unit]


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    """Whatever is typed gives an int in range or a ValueError, and nothing else."""
    with suppress(ValueError):
        duration_ps = parse_duration_ps(text)
        assert type(duration_ps) is int
        assert 0 < duration_ps <= MAX_RUN_PS


@pytest.mark.parametrize(
    ("text", "duration_ps"),
    [
        ("60s", 60 * 10**12),
        ("2min", 120 * 10**12),
        ("500ms", 5 * 10**11),
        ("1h", 3600 * 10**12),
        ("0.1", 10**11),
        ("1e-3 s", 10**9),
        ("1.5ps", 2),
    ],
)
def test_examples(text: str, duration_ps: int) -> None:
    """The forms that the help names mean what they say."""
    assert parse_duration_ps(text) == duration_ps


@pytest.mark.parametrize(
    "text",
    ["0", "0s", "-1s", "0.1ps", "nan", "inf", "1e999", "101d", "", "s", "60 parsecs", "1 2s", "1m"],
)
def test_refused(text: str) -> None:
    """Nothing at or below zero, no unknown unit, nothing that overflows."""
    with pytest.raises(ValueError, match=r"duration|unit|zero|100 days"):
        parse_duration_ps(text)
