"""Rounds in columns: on disk at once, readable when killed, and the rows that two ends write."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from netsim.errors import ConfigError
from netsim.kernel.trace import MemorySink, Trace
from netsim.pools.audit import check_balance
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.ledger import Account, Ledger, Movement
from netsim.pools.levels import StockLevels
from netsim.pools.roundrows import all_events, all_movements
from netsim.pools.rounds import ROUND, RoundFile, Rounds, no_rounds, read_rounds
from protocols import events
from protocols.books import RoundBooks
from protocols.keylength.keyrate import LaneCounts
from protocols.messages import AbortReason

USERS = ("alice", "bob")
PADS = 64
CORRECTNESS, SECRECY = 2.0**-64, 2.0**-40


def two_rounds() -> Rounds:
    """One with key, of which a sample was published; one that verification ended."""
    rounds = no_rounds(2)
    rounds["responder"] = 1
    rounds["block"] = 0, 1
    rounds["start_ps"], rounds["stop_ps"] = (0, 1000), (1000, 2000)
    rounds["sifted_bits"], rounds["sampled_bits"] = (9000, 7000), (800, 0)
    rounds["parity_bits"], rounds["verification_bits"] = (1500, 1400), 64
    rounds["errors"] = 246, 0
    rounds["count_bits"] = 26, 0
    rounds["key_bits"], rounds["reserve_bits"], rounds["spent_bits"] = (4000, 0), (256, 0), (256, 0)
    rounds["pool_bits"] = 3744, 0
    rounds["reason"] = 0, AbortReason.VERIFICATION_FAILED
    rounds["forgery_probability"] = 1e-20, 2e-20
    rounds["epsilon"] = CORRECTNESS + SECRECY
    return rounds


def booked() -> tuple[list[Movement], list[dict[str, object]]]:
    """What the bookkeepers of two ends write of these rounds, told of them event by event."""
    rows: list[Movement] = []
    lines, ledger = MemorySink(), Ledger(rows)
    trace = Trace(lines)
    ends = [
        Bookkeeper(
            "alice-bob", end, ledger=ledger, trace=trace, store=StockLevels(), pads=bytes(32 * PADS)
        )
        for end in USERS
    ]
    first = RoundBooks(
        sifted_bits=9000,
        sampled_bits=800,
        parity_bits=1500,
        verification_bits=64,
        count_bits=26,
        key_bits=4000,
        lanes=(LaneCounts(4100, 120, 4100, 126),),
        forgery_probability=1e-20,
        correctness_epsilon=CORRECTNESS,
        secrecy_epsilon=SECRECY,
    )
    second = RoundBooks(
        sifted_bits=7000,
        parity_bits=1400,
        verification_bits=64,
        forgery_probability=2e-20,
        correctness_epsilon=CORRECTNESS,
        secrecy_epsilon=SECRECY,
    )
    blocks: tuple[events.Event, ...] = (
        events.BlockHeld(0, 0, b"", 4000, b"", first),
        events.BlockPrepared(0, 0, b"", 4000, b"", b"", first),
    )
    usable = events.BlockUsable(0, b"", 3744, bytes(32), first)
    for end in ends:
        end.record((events.RoundStarted(0),), 0)
    for end, block in zip(ends, blocks, strict=True):
        end.record((events.RoundSifted(0, 9000), events.RoundSampled(0, 800)), 1000)
        end.record((block, usable, events.PadsSpent(1, 256)), 1000)
    for end in ends:
        end.record((events.RoundStarted(1),), 1000)
    for end in ends:
        aborted = events.RoundAborted(1, AbortReason.VERIFICATION_FAILED, second)
        end.record((events.RoundSifted(1, 7000), aborted), 2000)
    return rows, lines.events


def test_rows_are_those_of_two_bookkeepers() -> None:
    """Each row of the ledger once, in order of time, and the books balance."""
    expected, _ = booked()
    preshared = [row for row in expected if row.debit is Account.PRESHARED]
    found = list(all_movements(preshared, [two_rounds()], USERS))
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert all(one.time_ps <= other.time_ps for one, other in pairwise(found))
    assert check_balance(found) == []


def test_events_are_those_of_two_bookkeepers() -> None:
    """Each line, value by value and in the same order."""
    _, expected = booked()
    found = list(all_events((), [two_rounds()], USERS))
    assert list(map(json.dumps, found)) == list(map(json.dumps, expected))


def test_others_are_put_in_their_places() -> None:
    """A change of the network before the rounds of its time, what is taken behind them."""
    changed = {"time_ps": 1000, "event": "network_changed"}
    taken = {"time_ps": 1000, "event": "key_taken"}
    names = [event["event"] for event in all_events((changed, taken), [two_rounds()], USERS)]
    assert names[:3] == ["round_started", "round_started", "network_changed"]
    assert names.index("key_taken") == len(names) - 5  # two ends sift and abort after it
    way = (Account.POOL, Account.SPENT)
    spent = Movement(1000, "alice-bob", "bob", 0, *way, 8)
    rows = list(all_movements((spent,), [two_rounds()], USERS))
    behind = [row.time_ps for row in rows[rows.index(spent) :]]
    assert behind[1:] == [2000] * 8


def test_records_are_on_disk_before_the_file_is_closed(tmp_path: Path) -> None:
    """NumPy reads them as columns, and a cut in the midst of a batch leaves those before."""
    path = tmp_path / "rounds.npy"
    with RoundFile(path) as file:
        file.append(two_rounds()[:1])
        assert np.load(path)["key_bits"].tolist() == [4000]
        file.append(two_rounds()[1:])
        with path.open("ab") as more:
            more.write(b"half a rec")
        (found,) = read_rounds(path)
    assert found.tobytes() == two_rounds().tobytes()


def test_what_is_no_file_of_rounds_is_refused(tmp_path: Path) -> None:
    """By name: another array, none at all, one shorter than it says, and one of less than none."""
    path = tmp_path / "rounds.npy"
    np.save(path, np.arange(3))
    with pytest.raises(ConfigError, match="records of another kind"):
        list(read_rounds(path))
    path.write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="holds no rounds"):
        list(read_rounds(path))
    np.save(path, two_rounds())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ConfigError, match="ends before"):
        list(read_rounds(path))
    with path.open("wb") as file:
        head = {"descr": ROUND.descr, "fortran_order": False, "shape": (-1,)}
        npy.write_array_header_1_0(file, head)
    with pytest.raises(ConfigError, match="fewer records than none"):
        list(read_rounds(path))
