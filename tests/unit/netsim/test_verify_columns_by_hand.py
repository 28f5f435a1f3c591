"""The recheck of columns that were written by hand: on either side of each limit, link by link."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from netsim.errors import ConfigError
from netsim.pools.rounds import Rounds, no_rounds
from netsim.results.books import Books
from netsim.verify.columns import Columns, LinkColumns, column_faults, read_columns

ENDS = ("alice", "bob")
LINK = "alice-bob"
RUN_PS = 20


def two_rounds(**changes: int) -> Rounds:
    """Two rounds of 10 ps, the second one with ``changes``.

    Of 1000 bits each 100 are sampled, 274 told and 500 key; two pads are refilled and spent.
    """
    rounds = no_rounds(2)
    same = {"sifted_bits": 1000, "sampled_bits": 100, "errors": 20, "parity_bits": 200}
    same |= {"verification_bits": 64, "count_bits": 10, "key_bits": 500, "reserve_bits": 256}
    for name, value in (same | {"spent_bits": 256, "epsilon": np.nan}).items():
        rounds[name] = value
    rounds["block"], rounds["pool_bits"] = (0, 1), (244, 488)
    rounds["start_ps"], rounds["stop_ps"] = (0, 10), (10, 20)
    for name, value in changes.items():
        rounds[name][1] = value
    return rounds


def faults_of(
    rounds: Rounds, end_ps: int | None = RUN_PS, *, reserved_bits: int = 0, is_taken: bool = False
) -> list[str]:
    """What is said of the rounds of one link."""
    links = {LINK: LinkColumns(ENDS, rounds)}
    columns = Columns(taken=links) if is_taken else Columns(links)
    reserved = {LINK: reserved_bits} if reserved_bits else {}
    return [fault.message for fault in column_faults(columns, reserved, end_ps)]


ALL_KEY = {"sampled_bits": 0, "errors": 0, "parity_bits": 0, "verification_bits": 0}
ALL_KEY |= {"count_bits": 0, "key_bits": 1000, "pool_bits": 244 + 1000 - 256}
MORE_TOLD = "more bits disclosed than taken from its key"
NO_BITS = "less than no bits"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"errors": 900}, None),
        ({"errors": 901}, "more errors than bits"),
        (ALL_KEY, None),
        (ALL_KEY | {"key_bits": 1001, "pool_bits": 989}, "more bits published or of key than"),
        (ALL_KEY | {"sampled_bits": 1}, "more bits published or of key than sifted"),
        ({"parity_bits": 326}, None),
        ({"parity_bits": 327}, MORE_TOLD),
        ({"verification_bits": 191}, MORE_TOLD),
        ({"count_bits": 137}, MORE_TOLD),
        ({"reserve_bits": 128, "pool_bits": 616}, "refills no whole pads"),
        ({"reserve_bits": 512, "pool_bits": 232}, "refills no whole pads"),
        ({"spent_bits": 384}, "spends more pads than were there"),
        ({"pool_bits": 489}, "the level is another one"),
        *(({name: -1}, NO_BITS) for name in ("sifted_bits", "sampled_bits", "errors")),
        *(({name: -1}, NO_BITS) for name in ("parity_bits", "key_bits", "pool_bits")),
    ],
)
def test_limits_are_where_they_are_said(changes: dict[str, int], fault: str | None) -> None:
    """What is just allowed is no fault; one bit more is."""
    found = faults_of(two_rounds(**changes))
    assert any(fault in text for text in found) if fault else found == []


def test_pads_that_were_there_before() -> None:
    """They may be spent, all of them, and no more."""
    assert faults_of(two_rounds(spent_bits=512), reserved_bits=256) == []
    assert faults_of(two_rounds(spent_bits=640), reserved_bits=256) == [
        "spends more pads than were there"
    ]


def test_levels_of_links_whose_key_is_taken_are_left_alone() -> None:
    """All else is looked at."""
    assert faults_of(two_rounds(pool_bits=5), is_taken=True) == []
    assert faults_of(two_rounds(errors=901), is_taken=True) == ["more errors than bits"]


def test_the_end_of_a_run_cuts_its_last_round() -> None:
    """Only there a round may be shorter than the others, and none goes on."""
    other = "lasts another time than the first"
    assert faults_of(two_rounds(stop_ps=15), 15) == []
    assert faults_of(two_rounds(stop_ps=15), RUN_PS) == [other]
    assert faults_of(two_rounds(stop_ps=15), None) == [other]
    assert faults_of(two_rounds(), 19) == ["ends behind the run"]
    assert faults_of(two_rounds(), None) == []


def test_a_round_lasts_some_time() -> None:
    """A picosecond is some, none is not."""
    rounds = two_rounds()
    rounds["start_ps"], rounds["stop_ps"] = (0, 1), (1, 2)
    assert faults_of(rounds) == []
    rounds["start_ps"] = (1, 2)
    assert faults_of(rounds) == ["ends before it begins"] * 2


def test_no_more_than_a_hundred_of_a_kind() -> None:
    """However many rounds are wrong."""
    rounds = np.repeat(two_rounds()[:1], 150)
    assert faults_of(rounds).count("is not the next one of its link") == 100


@dataclass
class Kept:
    """Rounds in memory, and numbered users."""

    batches: list[Rounds]
    count: int
    rounds: Path = Path("rounds.npy")

    def round_batches(self) -> list[Rounds]:
        """In so many parts as they were given."""
        return self.batches

    def users(self) -> tuple[str, ...]:
        """u0, u1, ..."""
        return tuple(f"u{number}" for number in range(self.count))


def rounds_between(*pairs: tuple[int, int]) -> Rounds:
    """A round of each pair of numbers, which tells its place by the bits it has."""
    rounds = no_rounds(len(pairs))
    rounds["announcer"], rounds["responder"] = np.transpose(pairs)
    rounds["sifted_bits"] = range(len(pairs))
    return rounds


def test_rounds_are_put_by_link() -> None:
    """Each link has its own, in the order in which they were written, however many users."""
    first = rounds_between((1, 0), (0, 18), (1, 0), (0, 17), (0, 18))
    books = cast("Books", Kept([first, rounds_between((1, 0))], 19))
    found = read_columns(books, frozenset({"u0-u18"}))
    assert found.links.keys() == {"u1-u0", "u0-u17"}
    assert found.taken.keys() == {"u0-u18"}
    of = {
        link: [*map(int, its.rounds["sifted_bits"])]
        for link, its in (*found.links.items(), *found.taken.items())
    }
    assert of == {"u1-u0": [0, 2, 0], "u0-u18": [1, 4], "u0-u17": [3]}
    assert found.taken["u0-u18"].ends == ("u0", "u18")


def test_many_rounds_stay_in_order() -> None:
    """Of three links that take turns."""
    books = cast("Books", Kept([rounds_between(*[(0, 1), (2, 1), (0, 2)] * 500)], 3))
    found = read_columns(books, frozenset())
    for first, link in enumerate(("u0-u1", "u2-u1", "u0-u2")):
        assert np.array_equal(found.links[link].rounds["sifted_bits"], np.arange(first, 1500, 3))


@pytest.mark.parametrize("pair", [(2, 0), (0, 2)])
def test_numbers_without_a_name(pair: tuple[int, int]) -> None:
    """The first one behind the last user, at either end."""
    with pytest.raises(ConfigError, match="users that are not in the topology"):
        read_columns(cast("Books", Kept([rounds_between((0, 1), pair)], 2)), frozenset())
