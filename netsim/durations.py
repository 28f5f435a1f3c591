"""Durations as people write them: ``60s``, ``2min``, ``500ms``, ``1h``, or seconds as a number."""

import re
from fractions import Fraction

from netsim.units import MAX_RUN_PS, PS_PER_S, ps_from_s, s_from_ps

UNITS_PS = {
    "ps": 1,
    "ns": 10**3,
    "us": 10**6,
    "ms": 10**9,
    "s": PS_PER_S,
    "min": 60 * PS_PER_S,
    "h": 3600 * PS_PER_S,
    "d": 86_400 * PS_PER_S,
}

_FORM = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([a-z]*)", re.ASCII)


def parse_duration_ps(text: str) -> int:
    """Picoseconds in `text`, exact: a number with one of the units ps, ns, us, ms, s, min, h, d.

    A number alone is in seconds; what lies between two picoseconds is rounded.

    Raises
    ------
    ValueError
        It is no duration, it is below 1 ps, or it is above 100 days.
    """
    duration_ps = parse_bound_ps(text)
    if duration_ps == 0:
        raise ValueError(f"{text!r} is not above zero")
    return duration_ps


def parse_bound_ps(text: str) -> int:
    """As `parse_duration_ps`, of what may be nothing at all: 0 is allowed."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; write for example 60s, 2min, 500ms or 1h")
    number, unit = match.groups()
    if unit and unit not in UNITS_PS:
        raise ValueError(f"{text!r} has an unknown unit; known are {', '.join(UNITS_PS)}")
    duration_ps = round(Fraction(number) * UNITS_PS[unit or "s"])
    if duration_ps < 0:
        raise ValueError(f"{text!r} is below zero")
    if duration_ps > MAX_RUN_PS:
        raise ValueError(f"{text!r} is above 100 days, the longest time that fits")
    return duration_ps


def light_ps(duration_s: float | str) -> int:
    """Picoseconds of light, as the Python API takes it: seconds, or a text as people write it.

    Raises
    ------
    ValueError
        It is no time above zero, or too much.
    """
    if isinstance(duration_s, str):
        return parse_duration_ps(duration_s)
    if not 0 < duration_s <= s_from_ps(MAX_RUN_PS):
        raise ValueError(
            f"duration_s is {duration_s}, not a number of seconds above 0, up to 100 days"
        )
    return ps_from_s(duration_s)


def seconds_text(duration_ps: int) -> str:
    """`duration_ps` (>= 0) as an exact decimal number of seconds: ``"90"``, ``"0.5"``.

    `parse_duration_ps` and `netsim.units.ps_from_s` give the same number back.
    """
    whole, rest = divmod(duration_ps, PS_PER_S)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".")
