"""Texts of the command line to users, labels, demands and losses; ValueError says what is wrong."""

import math
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from netsim.plan.request import MAX_LABEL, Demand, all_pairs
from netsim.topology.base import check_name
from netsim.topology.state import UserName

USUAL_NAMES = (
    *("alice", "bob", "charlie", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"),
    *("karl", "lena", "mike", "niaj", "olga", "peggy", "quinn", "rupert", "sybil", "trent"),
    *("ursula", "victor", "walter", "xenia", "yves", "zoe"),
)
"""Names where only the number of users was said; beyond these, u27 and so on."""
MOST_USERS = 500
"""Two labels each, at least."""

_NAME = TypeAdapter[str](UserName)


def parse_users(text: str) -> tuple[str, ...]:
    """``"10"`` or ``"alice,bob,charlie"``."""
    if text.strip().isdecimal():
        count = int(text) if len(text) < 10 else MOST_USERS + 1
        if not 2 <= count <= MOST_USERS:
            raise ValueError(f"{text} is not from 2 to {MOST_USERS}")
        return tuple(USUAL_NAMES[k] if k < len(USUAL_NAMES) else f"u{k + 1}" for k in range(count))
    return tuple(_name(name) for name in text.split(","))


def parse_counts(text: str) -> range | None:
    """``"2:40"``: numbers of users, both ends included; None if it is no such range."""
    first, colon, last = text.partition(":")
    if not colon:
        return None
    if not (first.isdecimal() and last.isdecimal() and 2 <= int(first) <= int(last) <= MOST_USERS):
        raise ValueError(f"{text!r} is no range of numbers of users such as 2:40")
    return range(int(first), int(last) + 1)


def _name(text: str) -> str:
    try:
        return _NAME.validate_python(text.strip())
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"{text!r} is no user: {reason}") from error


def parse_name(text: str) -> str:
    """The name of a topology: that of its file."""
    try:
        return check_name(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no name for a topology: {error}") from error


def parse_labels(text: str) -> tuple[int, ...]:
    """``"34,46"``, ``"C34,C46"`` or ``"20-25"``: labels in the order given."""
    labels: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        low = _label(first)
        labels += range(low, _label(last) + 1) if dash else [low]
    return tuple(labels)


def parse_band(text: str) -> tuple[int, int]:
    """``"12:60"``: lowest and highest label."""
    low, colon, high = text.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is no band such as 12:60")
    return _label(low), _label(high)


def _label(text: str) -> int:
    digits = text.strip().removeprefix("C")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 3):
        raise ValueError(f"{text!r} is no label from 0 to {MAX_LABEL}")
    return int(digits)


def parse_demands(text: str | None, users: Sequence[str]) -> tuple[Demand, ...]:
    """``"alice-bob,alice-dave=2"``: wanted pairs, with weights; all pairs if there is no text."""
    if text is None:
        return all_pairs(tuple(users))
    return tuple(_demand(part, users) for part in text.split(","))


def _demand(text: str, users: Sequence[str]) -> Demand:
    pair, _, weight = text.partition("=")
    names = [name.strip() for name in pair.split("-")]
    if len(names) != 2 or names[0] == names[1]:
        raise ValueError(f"{text!r} is no pair such as {users[0]}-{users[-1]}")
    for name in names:
        if name not in users:
            raise ValueError(f"{name!r} in {text!r} is no user")
    one, other = sorted(names, key=list(users).index)
    return Demand((one, other), _number(weight) if weight else 1.0)


def parse_keyed(text: str) -> tuple[dict[str, float], float | None]:
    """``"38=2.5,42=3,4.1"``: numbers by name, and that of all other names (None if not said)."""
    named: dict[str, float] = {}
    other = None
    for part in text.split(","):
        name, equals, number = part.partition("=")
        if equals:
            named[name.strip()] = _number(number, zero=True)
        else:
            other = _number(part, zero=True)
    return named, other


def _number(text: str, *, zero: bool = False) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if not math.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise ValueError(f"{text!r} is not above 0" if not zero else f"{text!r} is below 0")
    return number


def parse_losses(text: str) -> tuple[dict[int, float], float | None]:
    """``"38=2.5,4.1"``: losses in dB by label, and that of all others (None if not said)."""
    named, other = parse_keyed(text)
    return {_label(name): loss_db for name, loss_db in named.items()}, other


def parse_lengths(text: str, users: Sequence[str]) -> dict[str, float]:
    """``"alice=2.5,10"``: fibre lengths in km by user, to metres; a bare number is for the rest."""
    named, other = parse_keyed(text)
    for name in named:
        if name not in users:
            raise ValueError(f"{name!r} is no user")
    rest = {} if other is None else dict.fromkeys(users, other)
    return {name: 1e3 * length_km for name, length_km in (rest | named).items()}
