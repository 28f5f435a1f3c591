"""Keys of applications rechecked by hand: rows, lines and counts, each of them one off."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netsim.pools.ledger import Account, Movement
from netsim.results.directory import DELIVERY
from netsim.verify import demand
from netsim.verify.demand import demand_faults

DIRECT, FAR = ("alice", "bob"), ("alice", "dave")
WAY = (Account.POOL, Account.SPENT)
ROWS = [
    Movement(at, "-".join(users), end, block, *WAY, bits)
    for users, at, block, bits in (
        (DIRECT, 5, 0, 100),
        (DIRECT, 9, 0, 50),
        (DIRECT, 9, 1, 50),
        (FAR, 12, 3, 130),
    )
    for end in users
]
TAKEN = {"event": "key_taken", "application": "near", "bits": 100, "link": "alice-bob"}
EVENTS: list[dict[str, Any]] = [
    TAKEN | {"time_ps": 5, "key": "0.0.100", "waited_ps": 2},
    {"event": "block_usable", "bits": 7, "time_ps": 6},
    TAKEN | {"time_ps": 9, "key": "0.100.50-1.0.50", "waited_ps": 4},
    {"event": "relay_hop", "time_ps": 12, "link": "alice-dave", "key": "3.0.130", "bits": 130},
    {"event": "key_relayed", "time_ps": 12, "application": "far", "bits": 70, "waited_ps": 8},
]
"""Two keys of 100 bits near, and one of 70 bits that goes far and costs a hop of 130."""
FATES = {"rejected": 1, "given_up": 2, "expired": 3, "waiting": 4}
NEAR = FATES | {"served": 2, "arrived": 12, "waited_ps": 6, "longest_wait_ps": 4}
RELAYED = FATES | {"served": 1, "arrived": 16, "waited_ps": 8, "longest_wait_ps": 8}


def summary() -> dict[str, Any]:
    """Of a run with three links: one that is asked, one on a path, and one of nobody's."""
    near = {"name": "near", "users": [*DIRECT], "key_bits": 100, **NEAR}
    far = {"name": "far", "users": ["bob", "dave"], "key_bits": 70, **RELAYED}
    pools = [
        {"users": [*DIRECT], "taken_bits": 200, "wasted_bits": 8},
        {"users": [*FAR], "taken_bits": 130, "wasted_bits": 0},
    ]
    applications = [near, far | {"relay": {"lost": 5}}]
    links = [{"users": [*users]} for users in (DIRECT, FAR, ("bob", "carol"))]
    return {"links": links, "demand": {"applications": applications, "pools": pools}}


class Told:
    """What there is of a run, to be changed before it is looked at."""

    def __init__(self, place: Path) -> None:
        self.summary = summary()
        self.lines, self.rows = copy.deepcopy(EVENTS), [*ROWS]
        self.ends = {"alice-bob": DIRECT, "alice-dave": FAR}
        self.directory = place
        self.wasted_bits = dict.fromkeys(DIRECT, 5)

    @property
    def near(self) -> dict[str, Any]:
        """The application that takes keys of a link."""
        return self.summary["demand"]["applications"][0]  # type: ignore[no-any-return]

    @property
    def pools(self) -> list[dict[str, Any]]:
        """Entries of the summary."""
        return self.summary["demand"]["pools"]  # type: ignore[no-any-return]

    def faults(self) -> list[str]:
        """What is said of it."""
        records: Any = SimpleNamespace(
            **vars(self),
            events=lambda: enumerate(self.lines, start=1),
            movements=lambda: iter(self.rows),
            blocks=lambda link, _: (0, 1) if link == "alice-bob" else (3,),
            flow=self._flow,
        )
        return [str(fault) for fault in demand_faults(records)]

    def _flow(self, link: str, end: str, block: int, *way: Account) -> int:
        assert way == (Account.POOL, Account.WASTED)
        return (self.wasted_bits[end], 3)[block] if link == "alice-bob" else 0


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """A sound run; levels and the ways of relays are looked at elsewhere."""
    for name in ("level_faults", "relay_faults"):
        monkeypatch.setattr(demand, name, lambda *_: ())
    return Told(tmp_path)


def test_what_is_right_passes(told: Told) -> None:
    """Also with a pool that nobody asks, told of once, and in a run without applications."""
    assert told.faults() == []
    told.ends["bob-carol"] = ("bob", "carol")
    told.pools.append({"users": ["bob", "carol"], "taken_bits": 0, "wasted_bits": 0})
    assert told.faults() == []
    del told.summary["demand"]
    assert told.faults() == []


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_each_row_is_of_a_key(told: Told, row: int) -> None:
    """One that is missing, one that is twice there, one that went elsewhere."""
    gone = told.rows.pop(row)
    where = f"ledger.csv: {gone.link} block {gone.block} at {gone.end}"
    text = f"{where}: {gone.bits} bits at {gone.time_ps} ps are "
    assert told.faults() == [text + "taken by an application, not booked"]
    told.rows += [gone, gone]
    assert told.faults() == [text + "booked as spent, taken by no application"]
    (told.directory / DELIVERY).touch()
    assert told.faults() == []


@pytest.mark.parametrize(
    ("line", "changes", "fault"),
    [
        (0, {"bits": 99}, "events.jsonl:1: names no key and application"),
        (0, {"key": "0.0.99"}, "events.jsonl:1: names no key and application"),
        (0, {"bits": 99, "key": "0.0.99"}, "events.jsonl:1: the key has not as many bits"),
        (4, {"bits": 71}, "events.jsonl:5: the key has not as many bits"),
        (4, {"event": "key_lost", "bits": 71}, "events.jsonl:5: the key has not as many bits"),
        (0, {"application": "other"}, "events.jsonl:1: names no key and application"),
        (0, {"waited_ps": 2.5}, "events.jsonl:1: names no key and application"),
        (3, {"link": "bob-carol"}, "events.jsonl:4: names no key and application"),
        (3, {"key": "3.0.131"}, "events.jsonl:4: names no key and application"),
    ],
)
def test_each_line_is_looked_at(
    told: Told, line: int, changes: dict[str, object], fault: str
) -> None:
    """Bits, pieces, application and link of a key."""
    told.lines[line] |= changes
    assert any(found.startswith(fault) for found in told.faults())


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize("name", NEAR)
def test_counts(told: Told, name: str, step: int) -> None:
    """Each is one off, by the trace or by the sum of all fates."""
    told.near[name] += step
    by_trace = f"{name} {told.near[name]}, events.jsonl tells of {NEAR[name]}"
    total = 12 + step * (name in {*FATES, "served"})
    by_sum = f"arrived {told.near['arrived']}, of which {total} are accounted for"
    expected = [by_trace] * (name in {"served", "waited_ps", "longest_wait_ps"})
    expected += [by_sum] * (name in {*FATES, "served", "arrived"})
    assert told.faults() == [f"summary.json, application near: {text}" for text in expected]


def test_keys_that_were_lost_are_counted(told: Told) -> None:
    """Those of relays."""
    told.summary["demand"]["applications"][1]["relay"]["lost"] -= 1
    assert told.faults() == [
        "summary.json, application far: arrived 16, of which 15 are accounted for"
    ]


@pytest.mark.parametrize("place", [0, 1])
def test_pools_are_told_once(told: Told, place: int) -> None:
    """That which is asked, and that which was drawn from; not twice."""
    entry = told.pools.pop(place)
    link = "-".join(entry["users"])
    assert told.faults() == [f"summary.json: tells 0 times of the pool of {link}"]
    told.pools.extend([entry, entry])
    assert told.faults() == [f"summary.json: tells 2 times of the pool of {link}"]


def test_a_pool_that_is_asked_in_vain_is_told(told: Told) -> None:
    """Whichever user is named first."""
    told.near["users"] = ["carol", "bob"]
    assert told.faults() == ["summary.json: tells 0 times of the pool of bob-carol"]


@pytest.mark.parametrize("step", [-1, 1])
def test_bits_of_pools(told: Told, step: int) -> None:
    """Taken from the trace, and wasted at each end."""
    told.pools[0]["taken_bits"] += step
    where = "summary.json, alice-bob"
    assert told.faults() == [f"{where}: taken_bits {200 + step}, events.jsonl tells of 200"]
    told.pools[0]["taken_bits"] = 200
    told.wasted_bits["bob"] += step
    assert told.faults() == [f"{where}: wasted_bits 8, the ledger of bob has {8 + step}"]
