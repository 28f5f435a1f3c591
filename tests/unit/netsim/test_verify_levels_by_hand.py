"""Levels of a pool followed by hand: what both ends have, and the thresholds that it crosses."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netsim.demand.terms import Thresholds
from netsim.pools.ledger import Account, Movement
from netsim.results.directory import DELIVERY
from netsim.verify import levels
from netsim.verify.levels import level_faults

USERS = ["alice", "bob"]
LINK = "alice-bob"
IN, OUT = (Account.DOUBT, Account.POOL), (Account.POOL, Account.SPENT)


def both(alice_ps: int, bob_ps: int, way: tuple[Account, Account], bits: int) -> list[Movement]:
    """The rows of either end."""
    times_ps = {"alice": alice_ps, "bob": bob_ps}
    return [Movement(at, LINK, end, 0, *way, bits) for end, at in times_ps.items()]


ROWS = [
    *both(10, 20, IN, 50),
    Movement(21, LINK, "alice", 0, Account.DOUBT, Account.RESERVE, 256),
    Movement(22, "alice-dave", "alice", 0, *IN, 70),
    Movement(23, LINK, "eve", 0, *IN, 70),
    *both(25, 25, IN, 150),
    *both(30, 30, OUT, 100),
    *both(40, 40, OUT, 60),
    *both(40, 40, IN, 10),
    *both(50, 65, IN, 100),
    *both(80, 80, OUT, 90),
]
"""Both have 50 from 20 on, 200 from 25, 100 from 30, at 40 first 40 and then 50, 150 from 65, 60
from 80 to the end at 100."""
COUNTS = {"offered_bits": 50 + 150 + 10 + 100, "lowest_bits": 40, "low_ps": 25 + 25 + 20}
CROSSED = [
    (20, 50, "below threshold"),
    (25, 200, "ready"),
    (40, 40, "below threshold"),
    (65, 150, "ready"),
    (80, 60, "below threshold"),
]
"""The pool is below its minimum of one bit at first; 100 bits are as many as it should have."""


def faults_of(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    crossed: list[tuple[int, int, str]] = CROSSED,
    last_ps: int | None = 100,
    **changes: int | None,
) -> list[str]:
    """What is said of a pool whose counts have ``changes``."""
    spec = SimpleNamespace(users=USERS[::-1], thresholds=Thresholds(1, 100))
    monkeypatch.setattr(levels, "load_topology", lambda _: SimpleNamespace(pools=[spec]))
    place_of = {"event": "pool_crossed", "link": LINK}
    lines = [
        place_of | {"time_ps": at, "pool_bits": bits, "state": state} for at, bits, state in crossed
    ]
    records: Any = SimpleNamespace(
        directory=place,
        told=SimpleNamespace(last_ps=last_ps),
        movements=lambda: iter(ROWS),
        events=lambda: enumerate([{"event": "link_locked"}, *lines], start=1),
    )
    demand = {"pools": [{"users": USERS, **COUNTS, **changes}]}
    return [str(fault) for fault in level_faults(records, demand)]


def test_what_is_right_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of others, and those that go past the pool, count for nothing."""
    assert faults_of(tmp_path, monkeypatch) == []


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("step", [-1, 1])
def test_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, step: int) -> None:
    """One less, and one more."""
    wrong: Any = COUNTS[name] + step
    assert faults_of(tmp_path, monkeypatch, **{name: wrong}) == [
        f"summary.json, {LINK}: {name} {wrong}, by the rows of ledger.csv it is {COUNTS[name]}"
    ]


@pytest.mark.parametrize(
    ("crossed", "faults"),
    [
        (
            CROSSED[:4],
            ["events.jsonl: the pool of alice-bob is told as ready, and is below threshold"],
        ),
        (
            [*CROSSED[:4], (70, 100, "ready"), CROSSED[4]],
            ["events.jsonl:6: ready, which the pool of alice-bob was before"],
        ),
        (
            [(20, 50, "ready"), *CROSSED[1:]],
            ["events.jsonl:2: ready, and is below threshold at that level"],
        ),
        (
            [(5, 0, "below minimum"), *CROSSED],
            ["events.jsonl:2: below minimum, which the pool of alice-bob was before"],
        ),
    ],
)
def test_crossings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    crossed: list[tuple[int, int, str]],
    faults: list[str],
) -> None:
    """Each line says what its level is, and another thing than the one before; the last is left."""
    assert faults_of(tmp_path, monkeypatch, crossed=crossed) == faults


def test_what_cannot_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that says nothing, and one whose key a manager has handed out since."""
    assert faults_of(tmp_path, monkeypatch, last_ps=None, low_ps=0) == []
    (tmp_path / DELIVERY).touch()
    assert faults_of(tmp_path, monkeypatch, low_ps=0) == []
