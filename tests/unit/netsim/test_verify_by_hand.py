"""The recheck of books that were written by hand: one round with key, and each of its faults."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from netsim.pools.ledger import Account
from netsim.pools.ledgerfile import HEADER
from netsim.verify import verify_run

Row = tuple[int, str, int, Account, Account, int]
"""Time, end, block, from, to, bits."""
Event = Mapping[str, object]
LINK = "alice-bob"


def rows_of(end: str) -> list[Row]:
    """1000 bits: 100 sampled, 264 disclosed and 400 given up; two new pads, 244 bits of key."""
    return [
        (0, end, -1, Account.PRESHARED, Account.RESERVE, 1024),
        (10, end, 0, Account.LIGHT, Account.OPEN, 1000),
        (20, end, 0, Account.OPEN, Account.SAMPLED, 100),
        (30, end, 0, Account.PARITIES, Account.WIRE, 200),
        (30, end, 0, Account.VERIFICATION, Account.WIRE, 64),
        (30, end, 0, Account.OPEN, Account.AMPLIFIED, 400),
        (30, end, 0, Account.OPEN, Account.DOUBT, 500),
        (40, end, 0, Account.DOUBT, Account.RESERVE, 256),
        (40, end, 0, Account.DOUBT, Account.POOL, 244),
        (50, end, -1, Account.RESERVE, Account.SPENT, 256),
    ]


def events_of(end: str) -> list[Event]:
    """The clocks are found, the round goes its way, its key is usable, the link closes."""
    booked = {"deposited_bits": 244, "reserve_bits": 256, "parity_bits": 200, "pool_bits": 244}
    lines: list[tuple[int, str, dict[str, object]]] = [
        (0, "round_started", {}),
        (10, "round_sifted", {"sifted_bits": 1000}),
        (20, "round_sampled", {"sampled_bits": 100}),
        (30, "block_held" if end == "alice" else "block_prepared", {"key_bits": 500}),
        (40, "block_usable", {**booked, "qber": 0.01, "epsilon": None}),
    ]
    place = {"link": LINK, "end": end}
    told = [{"time_ps": at, **place, "event": name, "block": 0} | its for at, name, its in lines]
    locked = [{"time_ps": 0, **place, "event": "link_locked"}] if end == "bob" else []
    return [*locked, *told, {"time_ps": 50, **place, "event": "link_closed"}]


def faults_of(place: Path, rows: list[Row], events: list[Event]) -> list[str]:
    """What is found in a run without a summary, as of one that was killed."""
    lines = [",".join(HEADER)]
    for time_ps, end, *rest in sorted(rows, key=lambda row: row[0]):
        lines.append(",".join(map(str, (time_ps, LINK, end, *rest))))
    (place / "ledger.csv").write_text("\n".join(lines) + "\n")
    told = sorted(events, key=lambda event: str(event.get("time_ps", 0)))
    (place / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in told))
    return [str(fault) for fault in verify_run(place)]


def both() -> tuple[list[Row], list[Event]]:
    """Of both ends, and sound."""
    return rows_of("alice") + rows_of("bob"), events_of("alice") + events_of("bob")


def test_sound_books(tmp_path: Path) -> None:
    """No fault, so what follows is due to the change."""
    assert faults_of(tmp_path, *both()) == []


def at_bob(debit: Account, credit: Account, bits: int) -> Callable[[Row], Row | None]:
    """Other bits in bob's row of that kind; none for 0."""

    def change(row: Row) -> Row | None:
        if (row[1], row[3], row[4]) != ("bob", debit, credit):
            return row
        return (*row[:5], bits) if bits else None

    return change


@pytest.mark.parametrize(
    ("debit", "credit", "bits", "fault"),
    [
        (Account.LIGHT, Account.OPEN, 1001, "1000 bits sifted at alice, 1001 at bob"),
        (
            Account.LIGHT,
            Account.OPEN,
            1001,
            "block 0: 1 bits are still open at bob, which has closed",
        ),
        (
            Account.PARITIES,
            Account.WIRE,
            199,
            "200 bits disclosed as parities at alice, 199 at bob",
        ),
        (
            Account.VERIFICATION,
            Account.WIRE,
            63,
            "64 bits disclosed for verification at alice, 63 at bob",
        ),
        (Account.OPEN, Account.SAMPLED, 99, "100 bits sampled at alice, 99 at bob"),
        (Account.OPEN, Account.AMPLIFIED, 399, "400 bits amplified away at alice, 399 at bob"),
        (Account.DOUBT, Account.RESERVE, 128, "256 bits put into the reserve at alice, 128 at bob"),
        (
            Account.DOUBT,
            Account.RESERVE,
            128,
            "block 0: 128 bits are still doubt at bob, which has closed",
        ),
        (
            Account.DOUBT,
            Account.RESERVE,
            128,
            "ledger.csv:18: 128 bits are no whole pads for the reserve",
        ),
        (Account.DOUBT, Account.POOL, 243, "244 bits deposited at alice, 243 at bob"),
        (Account.OPEN, Account.AMPLIFIED, 263, "264 bits disclosed, 263 taken from its key at bob"),
        (Account.RESERVE, Account.SPENT, 255, "ledger.csv:21: 255 bits are no whole pads"),
        (Account.RESERVE, Account.SPENT, 1408, "bob has spent 1408 bits of pads, 1280 were there"),
    ],
)
def test_rows_of_one_end(
    debit: Account, credit: Account, bits: int, fault: str, tmp_path: Path
) -> None:
    """Other bits in one row are found with the row, or with the block and both ends."""
    rows, events = both()
    changed = [new for row in rows if (new := at_bob(debit, credit, bits)(row)) is not None]
    found = faults_of(tmp_path, changed, events)
    assert any(fault in line for line in found), found


def test_all_pads_may_be_spent(tmp_path: Path) -> None:
    """The last of them too; not one more, see above."""
    rows, events = both()
    spent = [(*row[:5], 1280) if row[4] is Account.SPENT else row for row in rows]
    assert faults_of(tmp_path, spent, events) == []


@pytest.mark.parametrize("taken", [264, 500])
def test_as_much_as_was_disclosed_is_enough(taken: int, tmp_path: Path) -> None:
    """At both ends alike; one bit less is a fault, see above."""
    rows, events = both()
    bits = {Account.AMPLIFIED: taken, Account.DOUBT: 900 - taken}
    rows = [(*row[:5], bits.get(row[4], row[5])) for row in rows]
    found = faults_of(tmp_path, rows, events)
    assert not any("disclosed" in line for line in found)


def test_nothing_is_not_booked(tmp_path: Path) -> None:
    """A block that refills no pads says so, and has no row of it; none may say one bit."""
    rows, events = both()
    refills = (Account.DOUBT, Account.RESERVE)
    kept = [row for row in rows if row[3:5] != refills]
    kept = [(*row[:5], 500) if row[4] is Account.POOL else row for row in kept]
    for reserve_bits, faults in ((0, 0), (1, 2)):
        booked = {"deposited_bits": 500, "reserve_bits": reserve_bits, "pool_bits": 500}
        told = [{**event, **booked} if "pool_bits" in event else event for event in events]
        assert len(faults_of(tmp_path, kept, told)) == faults


def test_a_round_that_one_end_knows_alone(tmp_path: Path) -> None:
    """Usable at one end it must be usable or in doubt at the other."""
    rows, events = both()
    usable = (Account.POOL, Account.RESERVE)
    doubted = [row for row in rows if row[1] == "alice" or row[2] < 0 or row[4] not in usable]
    told = [event for event in events if event["end"] == "alice" or event["time_ps"] == 0]
    assert faults_of(tmp_path, doubted, told) == []
    alone = [row for row in doubted if row[1] == "alice" or row[4] is not Account.DOUBT]
    found = faults_of(tmp_path, alone, told)
    assert (
        f"ledger.csv, {LINK} block 0: usable at alice, neither usable nor in doubt at bob" in found
    )


def test_a_link_has_two_ends(tmp_path: Path) -> None:
    """One that is missing, and a third."""
    found = faults_of(tmp_path, rows_of("alice"), events_of("alice"))
    assert f"ledger.csv: {LINK} has 1 ends: alice" in found
    rows, events = both()
    found = faults_of(tmp_path, rows + rows_of("carol"), events)
    assert f"ledger.csv: {LINK} has 3 ends: alice, bob, carol" in found


def test_what_refills_a_reserve(tmp_path: Path) -> None:
    """Pads that nobody shared before belong to a block, the others to none."""
    rows, events = both()
    for place, block in ((0, 0), (7, -1)):
        changed = list(rows)
        changed[place] = (*rows[place][:2], block, *rows[place][3:])
        found = faults_of(tmp_path, changed, events)
        assert any("a block refills the reserve, or nothing but" in line for line in found), found


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("block_usable", {"deposited_bits": 245}, "alice: deposited_bits 245, not booked at that"),
        ("block_usable", {"deposited_bits": "244"}, "deposited_bits 244, not booked at that time"),
        ("block_usable", {"reserve_bits": 0}, "alice: reserve_bits 0, not booked at that time"),
        ("block_usable", {"parity_bits": 199}, "block 0 at alice: parity_bits 199, booked 200"),
        ("block_usable", {"pool_bits": 0}, "block 0 at alice: pool_bits 0, booked 244"),
        ("block_usable", {"block": 1}, "block 1 at alice: deposited_bits 244, not booked at that"),
        ("block_usable", {"block": None}, "events.jsonl:10: names no block"),
        ("block_usable", {"time_ps": None}, "has no time"),
        ("block_usable", {"time_ps": 41}, "deposited_bits 244, not booked at that time"),
        ("block_usable", {"qber": 0.0105}, "qber 0.0105 of 900 bits is no number of errors"),
        ("block_usable", {"qber": 1.01}, "qber 1.01 of 900 bits is no number of errors"),
        ("block_usable", {"qber": 0.02}, "qber 0.01, at the other end 0.02"),
        ("block_usable", {"epsilon": 1e-10}, "epsilon None, at the other end 1e-10"),
        ("round_started", {"block": 1}, "is sifted without having begun"),
        ("round_started", {"event": "round_sifted"}, "sifted_bits None, not booked at that time"),
        ("round_sifted", {"event": "round_started"}, "begins a second time"),
        ("round_sifted", {"sifted_bits": 999}, "block 0 at alice: sifted_bits 999, not booked"),
        ("round_sampled", {"sampled_bits": 99}, "block 0 at alice: sampled_bits 99, not booked"),
        ("block_held", {"key_bits": 499}, "block 0 at alice: key_bits 499, not booked at that"),
        ("block_held", {"event": "round_aborted", "sifted_bits": 9}, "sifted_bits 9, not those"),
    ],
)
def test_lines_of_a_round(name: str, change: Event, fault: str, tmp_path: Path) -> None:
    """What an event says of a round is what the ledger has, and the other end."""
    rows, events = both()
    place = next(k for k, event in enumerate(events) if event["event"] == name)
    changed = {**events[place], **change}
    events[place] = {key: value for key, value in changed.items() if value is not None}
    found = faults_of(tmp_path, rows, events)
    assert any(fault in line for line in found), found


@pytest.mark.parametrize(
    ("debit", "time_ps", "line"),
    [(Account.PARITIES, 31, 15), (Account.VERIFICATION, 31, 15), (Account.PRESHARED, 1, 3)],
)
def test_what_is_booked_at_once(debit: Account, time_ps: int, line: int, tmp_path: Path) -> None:
    """All that ends a block has one time, and pre-shared key is there at the beginning."""
    rows, events = both()
    late = [(time_ps, *row[1:]) if row[1:4:2] == ("bob", debit) else row for row in rows]
    found = faults_of(tmp_path, late, events)
    assert f"ledger.csv:{line}: is booked at another time than what goes with it" in found


def test_a_block_becomes_usable_once(tmp_path: Path) -> None:
    """A second line is one too many; older ones may not follow."""
    rows, events = both()
    usable = next(event for event in events if event["event"] == "block_usable")
    found = faults_of(tmp_path, rows, [usable, *events])
    assert any("becomes usable at alice a second time" in line for line in found)
    (tmp_path / "events.jsonl").write_text(
        "".join(json.dumps(event) + "\n" for event in reversed(events))
    )
    assert any("is older than the line before" in str(fault) for fault in verify_run(tmp_path))


def test_a_round_that_was_given_up_begins_again(tmp_path: Path) -> None:
    """As where its user has left, and come back."""
    rows, events = both()
    at = next(k for k, event in enumerate(events) if event["event"] == "round_started")
    given_up: Event = {
        **events[at], "event": "round_aborted", "reason": "process_stopped", "sifted_bits": 0,
        "epsilon": None, "forgery_probability": 0.0,
    }  # fmt: skip
    assert faults_of(tmp_path, rows, [*events[: at + 1], given_up, *events[at:]]) == []
    again = faults_of(tmp_path, rows, [*events[: at + 1], *events[at:]])
    assert any("begins a second time" in line for line in again)


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (("process_stopped", "process_started"), None),
        (("process_stopped", "process_stopped"), "process_stopped a second time"),
        (("process_started",), "process_started a second time"),
    ],
)
def test_a_process_stops_and_starts(
    names: tuple[str, ...], line: str | None, tmp_path: Path
) -> None:
    """In turn."""
    rows, events = both()
    told = [{"time_ps": 15, "link": None, "end": "bob", "event": name} for name in names]
    found = faults_of(tmp_path, rows, [*events, *told])
    assert [fault.split(": ")[-1] for fault in found] == ([] if line is None else [line])


def at_bob_too(name: str, time_ps: int) -> Event:
    """One line more."""
    return {"time_ps": time_ps, "link": LINK, "end": "bob", "event": name}


def test_clocks_are_found_before_anything_is_sifted(tmp_path: Path) -> None:
    """By one of both ends; one line for the link."""
    rows, events = both()
    dark = [event for event in events if event["event"] != "link_locked"]
    fault = f"events.jsonl:3: has sifted bits, and {LINK} has not locked before"
    assert faults_of(tmp_path, rows, dark) == [fault]
    assert faults_of(tmp_path, rows, [*dark, at_bob_too("link_locked", 11)]) == [fault]


def test_who_sifts_nothing_need_not_have_locked(tmp_path: Path) -> None:
    """Of a link without light."""
    rows, events = both()
    dark: list[Event] = [
        {**event, "sifted_bits": 0} if event["event"] == "round_sifted" else event
        for event in events
        if event["event"] in {"round_started", "round_sifted", "link_closed"}
    ]
    assert faults_of(tmp_path, [row for row in rows if row[2] < 0], dark) == []


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (("lock_lost",), None),
        (("lock_lost", "link_locked", "lock_lost"), None),
        (("lock_lost", "lock_lost"), "events.jsonl:9: loses a lock that it has not"),
        (("link_closed",), f"events.jsonl: {LINK} closes 2 times at bob"),
    ],
)
def test_what_happens_to_a_link_in_turn(
    names: tuple[str, ...], fault: str | None, tmp_path: Path
) -> None:
    """A lock is lost once it is found, and an end closes once."""
    rows, events = both()
    found = faults_of(tmp_path, rows, [*events, *(at_bob_too(name, 25) for name in names)])
    assert found == ([] if fault is None else [fault])


def test_who_has_closed_begins_no_round(tmp_path: Path) -> None:
    """Closing comes last."""
    rows, events = both()
    late = {**at_bob_too("round_started", 60), "block": 1}
    assert faults_of(tmp_path, rows, [*events, late]) == [
        "events.jsonl:14: begins after its end has closed"
    ]


@pytest.mark.parametrize(
    ("at_bob", "tested_bits", "fault"),
    [
        ((2.8,), 50, None),
        ((2.8, 2.8), 50, "is tested a second time"),
        ((2.7,), 50, "has another Bell test at the other end"),
        ((), 50, "has another Bell test at the other end"),
        ((2.8,), 0, "has a Bell test whose outcomes are not booked"),
    ],
)
def test_bell_tests(
    at_bob: tuple[float, ...], tested_bits: int, fault: str | None, tmp_path: Path
) -> None:
    """One of each lane at either end, of outcomes that are booked."""
    rows, events = both()
    ends = [("alice", 2.8), *(("bob", s) for s in at_bob)]
    told = [
        {"time_ps": 25, "link": LINK, "end": end, "event": "bell_tested", "block": 0}
        | {"lane": 0, "s": s, "sigma": 0.1}
        for end, s in ends
    ]
    booked: list[Row] = [
        (30, end, 0, Account.TESTED, Account.WIRE, tested_bits)
        for end in ("alice", "bob")
        if tested_bits
    ]
    found = faults_of(tmp_path, [*rows, *booked], [*events, *told])
    assert any(str(fault) in line for line in found) if fault else found == [], found
