"""Keys over trusted users in a run, at every level: who could know them, who pays, who looks."""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.pools.ledger import Account
from netsim.pools.ledgerfile import read_ledger
from netsim.relay.terms import Over
from netsim.results.demand import ApplicationResult
from netsim.results.directory import EVENTS, LEDGER, SUMMARY, load_run
from netsim.results.run import Run
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.verify import verify_run

PERIODIC = {"arrivals": "periodic", "options": {"every_s": 1.0}}
TUNNEL = {"name": "tunnel", "users": ["alice", "charlie"], "key_bits": 128, **PERIODIC}
HOP_BITS = 128 + 192 + 256
CHANNELS = (("C38", "alice"), ("C42", "bob"), ("C54", "bob"), ("C26", "charlie"))
OTHERS = (("C50", "dave"), ("C30", "dave"))
CHAIN: dict[str, object] = {
    "qnsp.channels": [
        {"channel": channel, "user": user, "loss_db": 0.0} for channel, user in CHANNELS + OTHERS
    ],
    "paper": None,
    "protocol.round_s": 1,
    "protocol.security": "asymptotic",
    "classical.jitter_ps": 0,
}
"""Charlie shares pairs with bob alone."""
CUT: dict[str, object] = {
    "qnsp.source.pairs.5.factor": 1e-9,
    "protocol.round_s": 600,
    "protocol.reconciliation": "modelled",
}
"""Of the four users: no light for alice and dave."""


def run(out: Path, name: str, changes: Mapping[str, object], duration_s: float, level: str) -> Run:
    """A network with ``changes``, kept and verified."""
    topology = load_topology(name, overrides=changes)
    found = simulate(topology, duration_s=duration_s, seed=3, out=out, fidelity=level)
    assert verify_run(out) == ()
    assert load_run(out).demand == found.demand
    return found


def four_users(out: Path, relay: Mapping[str, object], duration_s: float = 7200) -> Run:
    """With a key between alice and dave every minute, at the rate level."""
    options = {"options": {"every_s": 60.0}, "users": ["alice", "dave"], "relay": dict(relay)}
    changes = CUT | {"applications": [TUNNEL | options]}
    return run(out, "fan2025_four_user", changes, duration_s, "rate")


def application(found: Run) -> ApplicationResult:
    """The only one."""
    assert found.demand is not None
    (each,) = found.demand.applications
    return each


def spent(out: Path) -> Counter[tuple[str, str]]:
    """Out of the pools, for use."""
    bits = Counter[tuple[str, str]]()
    for row in read_ledger(out / LEDGER):
        if (row.debit, row.credit) == (Account.POOL, Account.SPENT):
            bits[row.link, row.end] += row.bits
    return bits


def over_bob(out: Path, level: str, **relay: object) -> ApplicationResult:
    """Keys of alice and charlie, who share no light, in real bits."""
    changes = CHAIN | {"applications": [TUNNEL | {"relay": relay}]}
    each = application(run(out, "fan2025_four_user", changes, 2.5, level))
    keys = each.counts.served
    assert keys > 0
    assert each.relay is not None
    assert each.relay.counts.routes == {(("bob",),): keys}
    assert each.relay.counts.lost == 0
    ends = [("alice-bob", "alice"), ("alice-bob", "bob"), ("bob-charlie", "bob")]
    assert spent(out) == dict.fromkeys([*ends, ("bob-charlie", "charlie")], keys * HOP_BITS)
    return each


@pytest.mark.slow
@pytest.mark.parametrize("level", ["photon", "coincidence"])
def test_over_the_user_in_the_middle(tmp_path: Path, level: str) -> None:
    """Two keys that are the same, for which both pools of both hops have paid."""
    relay = over_bob(tmp_path / "out", level).relay
    assert relay is not None
    assert relay.counts.unequal == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / EVENTS).read_text().splitlines()]
    begun_ps = {line["relay"]: line["time_ps"] for line in lines if line["event"] == "relay_hop"}
    took_ps = [
        line["time_ps"] - begun_ps[line["relay"]]
        for line in lines
        if line["event"] == "key_relayed"
    ]
    there_and_back_ps = 2 * 1.468 * (1000 + 2000 + 2000 + 1500) / 299_792_458 * 1e12
    at_most_ps = there_and_back_ps + 4 * 200 * 8 * 1000
    """Of four messages of fewer than 200 bytes at 1 Gbit/s."""
    assert all(there_and_back_ps < each_ps < at_most_ps for each_ps in took_ps)


@pytest.mark.slow
def test_the_user_in_the_middle_has_to_be_trusted(tmp_path: Path) -> None:
    """Who is on the only path gives the ends two keys, and neither sees it."""
    each = over_bob(tmp_path / "out", "coincidence", dishonest=["bob"])
    assert each.relay is not None
    assert each.relay.counts.unequal == each.counts.served


@pytest.mark.parametrize("paths", [1, 2])
def test_light_that_is_cut(tmp_path: Path, paths: int) -> None:
    """Alice and dave get key over bob or charlie, or over both; every pool pays for its hops."""
    found = four_users(tmp_path / "out", {"paths": paths})
    each = application(found)
    assert each.relay is not None
    counts = each.relay.counts
    assert each.counts.served == each.counts.arrived == 120
    known_to: list[set[Over]] = [{(("bob",),), (("charlie",),)}, {(("bob",), ("charlie",))}]
    assert counts.routes.keys() <= known_to[paths - 1]
    hops = Counter[str]()
    for over, keys in counts.routes.items():
        for (user,) in over:
            hops[f"alice-{user}"] += keys
            hops[f"{user}-dave"] += keys
    assert sum(hops.values()) == 2 * paths * 120
    assert counts.paid_bits == {link: number * HOP_BITS for link, number in hops.items()}
    booked = spent(tmp_path / "out")
    assert {link: booked[link, end] for link, end in booked} == counts.paid_bits
    assert found.demand is not None
    paid = {"-".join(pool.users): pool.counts.taken_bits for pool in found.demand.pools}
    assert {link: bits for link, bits in paid.items() if bits} == counts.paid_bits


@pytest.mark.parametrize(("paths", "lost", "unequal"), [(1, 0, 120), (2, 120, 0)])
def test_somebody_dishonest(tmp_path: Path, paths: int, lost: int, unequal: int) -> None:
    """Over two paths all of it is thrown away and booked, and blocked; over one nobody sees it."""
    relay = {"paths": paths, "through": ["bob", "charlie"][: paths or 1], "dishonest": ["bob"]}
    each = application(four_users(tmp_path / "out", relay))
    assert each.relay is not None
    counts = each.relay.counts
    assert (counts.lost, counts.unequal) == (lost, unequal)
    assert each.counts.served + counts.lost == each.counts.arrived
    assert each.blocked_share == counts.lost / 120
    assert sum(spent(tmp_path / "out").values()) == 2 * 2 * paths * HOP_BITS * 120


def test_nothing_changes_without(tmp_path: Path) -> None:
    """The word is all that switches it on: else requests of the two wait in vain."""
    plain = TUNNEL | {"users": ["alice", "dave"]}
    cut = run(tmp_path / "cut", "fan2025_four_user", CUT | {"applications": [plain]}, 3600, "rate")
    assert application(cut).counts.served == 0
    assert "relay" not in application(cut).summary()
    relayed = four_users(tmp_path / "relayed", {}, 3600)
    assert cut.links == relayed.links
    assert cut.lanes == relayed.lanes


def test_a_user_who_is_away_hands_on_nothing(tmp_path: Path) -> None:
    """Until it comes back."""
    events = [{"kind": "leave", "time_s": 1800, "user": "bob"}]
    events.append({"kind": "join", "time_s": 5400, "user": "bob"})
    applications = [
        TUNNEL
        | {"users": ["alice", "dave"], "on_empty": "reject", "relay": {"through": ["bob"]}}
        | {"options": {"every_s": 60.0, "start_s": 650.0}}
    ]
    changes = CUT | {"applications": applications, "events": events}
    found = run(tmp_path / "out", "fan2025_four_user", changes, 7200, "rate")
    lines = [json.loads(line) for line in (tmp_path / "out" / EVENTS).read_text().splitlines()]
    times_s = [line["time_ps"] // 10**12 for line in lines if line["event"] == "key_relayed"]
    assert all(not 1800 <= time_s < 5400 for time_s in times_s)
    assert application(found).counts.rejected == sum(
        1800 <= 650 + 60 * k < 5400 for k in range(109)
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # Of two relays the one of the higher priority, though it is named and asks later.
        ({"name": "low", "priority": -1, "relay": {"through": ["charlie"]}}, {}),
        # Who waits at a link of theirs goes before who needs it for a relay, and needs less.
        ({}, {"users": ["alice", "charlie"], "key_bits": 40_000, "relay": None}),
    ],
)
def test_who_goes_first(
    tmp_path: Path, first: dict[str, object], second: dict[str, object]
) -> None:
    """Of those who wait for key of alice and charlie; a round of ten minutes is for one."""
    once = {"arrivals": "periodic", "options": {"every_s": 1e6, "start_s": 1.0}}
    large = TUNNEL | once | {"key_bits": 20_000}
    relayed = large | {"users": ["alice", "dave"], "relay": {"through": ["charlie"]}}
    later = {"name": "high", "options": {"every_s": 1e6, "start_s": 2.0}}
    changes = CUT | {"applications": [relayed | first, relayed | later | second]}
    found = run(tmp_path / "out", "fan2025_four_user", changes, 3000, "rate")
    assert found.demand is not None
    waits = [each.mean_wait_s for each in found.demand.applications]
    assert None not in waits
    assert waits[0] == 1199.0
    assert waits[1] == (598.0 if first else 1198.0)


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty minutes over two paths."""
    out = tmp_path_factory.mktemp("relayed") / "out"
    four_users(out, {"paths": 2}, 1300)
    return out


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"event":"relay_hop"', None, "booked as spent"),
        ('"nearer":"alice"', '"nearer":"bob"', "names no relay"),
        ('"link":"bob-dave","end":null,"event":"relay_hop"', None, "a path is none from alice to"),
        ('"path":1', '"path":7', "hops of no path"),
        ('"bits":576', '"bits":575', "a hop has paid something else than 576 bits"),
        ('"over":"bob + charlie"', '"over":"charlie"', "the hops go over bob + charlie"),
        ('"event":"key_relayed"', None, "have hops and no end"),
        ('"event":"key_relayed"', '"event":"key_lost"', "lost of its relays"),
        ('"is_equal":true', '"is_equal":false', "unequal of its relays"),
        ('"bits":128', '"bits":256', "has not as many bits as are asked for"),
        ('"waited_ps":600000000000000', '"waited_ps":600000000000001', "longest_wait_ps 6"),
        ('"waited_ps":540000000000000', '"waited_ps":540000000000001', "waited_ps 3"),
        ('"application":"tunnel"', '"application":"another"', "is for another application"),
    ],
)
def test_verify_sees_false_relays(
    relayed: Path, tmp_path: Path, old: str, new: str | None, fault: str
) -> None:
    """A line that is missing or tells something else."""
    out = Path(shutil.copytree(relayed, tmp_path / "out"))
    lines = (out / EVENTS).read_text().splitlines(keepends=True)
    place = next(index for index, line in enumerate(lines) if old in line)
    lines[place] = "" if new is None else lines[place].replace(old, new)
    (out / EVENTS).write_text("".join(lines))
    assert any(fault in str(found) for found in verify_run(out))


def test_verify_sees_paths_that_share_a_user(relayed: Path, tmp_path: Path) -> None:
    """The second path goes over bob as the first one does."""
    out = Path(shutil.copytree(relayed, tmp_path / "out"))
    lines = (out / EVENTS).read_text().splitlines(keepends=True)
    turned = [line.replace("charlie", "bob") if '"path":1' in line else line for line in lines]
    assert turned != lines
    (out / EVENTS).write_text("".join(turned))
    faults = " ".join(map(str, verify_run(out)))
    assert "two paths share a user" in faults
    assert "taken by an application, not booked" in faults


def test_verify_sees_relays_and_pools_that_are_left_out(relayed: Path, tmp_path: Path) -> None:
    """As if no key had gone over others, and another sum had left a pool."""
    out = Path(shutil.copytree(relayed, tmp_path / "out"))
    summary = json.loads((out / SUMMARY).read_text())
    summary["demand"]["applications"][0]["relay"] = None
    summary["demand"]["pools"][0]["taken_bits"] += 1
    (out / SUMMARY).write_text(json.dumps(summary))
    faults = " ".join(map(str, verify_run(out)))
    assert "names no relay of an application" in faults
    assert "taken_bits 12673" in faults


def test_verify_sees_false_sums(relayed: Path, tmp_path: Path) -> None:
    """What was paid, lost, known."""
    for key, value in (
        ("lost", 1),
        ("unequal", 1),
        ("routes", []),
        ("paid", [{"link": "alice-bob", "bits": 1}]),
        ("unnoticed_probability", 0.5),
    ):
        directory = Path(shutil.copytree(relayed, tmp_path / key))
        summary = json.loads((directory / SUMMARY).read_text())
        summary["demand"]["applications"][0]["relay"][key] = value
        (directory / SUMMARY).write_text(json.dumps(summary))
        assert any(f"{key} of" in str(fault) for fault in verify_run(directory)), key


@pytest.mark.parametrize(
    ("relay", "fault"),
    [
        ({"paths": 3}, "alice and dave have 2 paths without a user in common, not 3"),
        ({"paths": 2, "through": ["bob"]}, "have 1 paths"),
        ({"paths": 0}, "paths"),
        ({"through": ["eve"]}, "unknown user eve"),
        ({"dishonest": ["mallory"]}, "unknown user mallory"),
        ({"hops": 2}, "hops"),
    ],
)
def test_what_is_no_relay(tmp_path: Path, relay: dict[str, object], fault: str) -> None:
    """Every fault has its place, and too few paths are told before anything runs."""
    with pytest.raises(ConfigError, match=fault):
        four_users(tmp_path / "out", relay)
