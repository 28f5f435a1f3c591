"""Texts of the command line."""

from collections.abc import Callable

import pytest

from netsim.plan.parse import (
    parse_band,
    parse_counts,
    parse_demands,
    parse_labels,
    parse_lengths,
    parse_losses,
    parse_users,
)
from netsim.plan.request import Demand

USERS = ("ann", "ben", "cleo")


def test_texts_that_are_understood() -> None:
    """Every form that the help shows."""
    assert parse_users("3") == ("alice", "bob", "charlie")
    assert parse_users("28")[-2:] == ("u27", "u28")
    assert parse_counts("2:40") == range(2, 41)
    assert parse_counts("ann,ben") is None
    assert parse_users("ann, ben") == ("ann", "ben")
    assert parse_labels("34,C46") == (34, 46)
    assert parse_labels("17,20-23") == (17, 20, 21, 22, 23)
    assert parse_band("C12:60") == (12, 60)
    assert parse_demands("cleo-ann=2,ann-ben", USERS) == (
        Demand(("ann", "cleo"), 2.0),
        Demand(("ann", "ben")),
    )
    assert len(parse_demands(None, USERS)) == 3
    assert parse_losses("38=2.5,4.1") == ({38: 2.5}, 4.1)
    assert parse_losses("C38=0") == ({38: 0.0}, None)
    assert parse_lengths("ben=2.5,10", USERS) == {"ann": 1e4, "ben": 2500.0, "cleo": 1e4}
    assert parse_lengths("ben=2.5", USERS) == {"ben": 2500.0}


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        (parse_users, "1", "not from 2"),
        (parse_users, "9" * 30, "not from 2"),
        (parse_users, "ann,b-n", "no '-'"),
        (parse_users, "ann,", "no user"),
        (parse_labels, "34,x", "no label"),
        (parse_labels, "1234", "no label"),
        (parse_labels, "", "no label"),
        (parse_band, "12-60", "no band"),
        (parse_band, "12:", "no label"),
        (lambda text: parse_demands(text, USERS), "ann-bob", "'bob' in 'ann-bob' is no user"),
        (lambda text: parse_demands(text, USERS), "ann-ann", "no pair"),
        (lambda text: parse_demands(text, USERS), "ann-ben=0", "not above 0"),
        (lambda text: parse_demands(text, USERS), "ann-ben=nan", "not above 0"),
        (parse_losses, "38=-1", "below 0"),
        (parse_losses, "x=1", "no label"),
        (parse_losses, "38=a", "no number"),
        (lambda text: parse_lengths(text, USERS), "bob=1", "'bob' is no user"),
    ],
)
def test_texts_that_are_refused(parse: Callable[[str], object], text: str, reason: str) -> None:
    """What is wrong is said, as a ValueError."""
    with pytest.raises(ValueError, match=reason):
        parse(text)
