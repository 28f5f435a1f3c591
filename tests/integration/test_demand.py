"""Applications at the pools of a run, at either level: what they get, and that the books say so."""

import json
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from netsim.demand.arrivals import ArrivalKind, ArrivalOptions
from netsim.demand.kinds import ARRIVALS
from netsim.errors import ConfigError
from netsim.pools.ledger import Account
from netsim.pools.ledgerfile import read_ledger
from netsim.results.demand import DemandResult
from netsim.results.directory import EVENTS, LEDGER, SUMMARY, load_run
from netsim.results.run import Run
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.verify import verify_run

POISSON = {"arrivals": "poisson", "options": {"rate_hz": 0.02}}
PERIODIC = {"arrivals": "periodic", "options": {"every_s": 0.25}}
TUNNEL = {"name": "tunnel", "users": ["bob", "alice"], "key_bits": 256, **PERIODIC}
HASTY = TUNNEL | {"name": "hasty", "on_empty": "reject", "key_bits": 128, "priority": 1}
POOLS = [{"users": ["alice", "bob"], "minimum_bits": 64, "threshold_bits": 500}]
DAY_S = 86_400


def run(out: Path, duration_s: float, fidelity: str, **changes: object) -> Run:
    """The network of two users with ``changes``, kept."""
    overrides = {name.replace("__", "."): value for name, value in changes.items()}
    topology = load_topology("two_user", overrides=overrides)
    return simulate(topology, duration_s=duration_s, seed=3, out=out, fidelity=fidelity)


def demand_of(run: Run) -> DemandResult:
    assert run.demand is not None
    return run.demand


@pytest.fixture(scope="module")
def photons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds of photons with two applications."""
    out = tmp_path_factory.mktemp("demand") / "out"
    run(out, 3, "photon", protocol__round_s=1, applications=[TUNNEL, HASTY], pools=POOLS)
    return out


def test_photon_level(photons: Path) -> None:
    """Key leaves both stores under one id; verified, read back, and every request has its fate."""
    assert verify_run(photons) == ()
    demand = demand_of(load_run(photons))
    tunnel, hasty = (each.counts for each in demand.applications)
    (pool,) = demand.pools
    assert tunnel.arrived == hasty.arrived == 12
    assert tunnel.served > 2
    assert hasty.rejected > 2
    assert pool.counts.taken_bits == 256 * tunnel.served + 128 * hasty.served
    spent = {"alice": 0, "bob": 0}
    for row in read_ledger(photons / LEDGER):
        if (row.debit, row.credit) == (Account.POOL, Account.SPENT):
            spent[row.end] += row.bits
    assert set(spent.values()) == {pool.counts.taken_bits}
    assert pool.counts.lowest_bits is not None
    assert pool.counts.lowest_bits >= 64


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"event":"key_taken","application":"tunnel","bits":256', None, "taken by no application"),
        ('"application":"tunnel","bits":256', '"application":"tunnel","bits":255', "names no key"),
        ('"application":"tunnel"', '"application":"hasty"', "served"),
    ],
)
def test_verify_sees_false_keys(
    photons: Path, tmp_path: Path, old: str, new: str | None, fault: str
) -> None:
    """A line that is missing, one of another size, one of another application."""
    directory = Path(shutil.copytree(photons, tmp_path / "run"))
    lines = (directory / EVENTS).read_text().splitlines(keepends=True)
    place = next(index for index, line in enumerate(lines) if old in line)
    lines[place] = "" if new is None else lines[place].replace(old, new)
    (directory / EVENTS).write_text("".join(lines))
    assert any(fault in str(found) for found in verify_run(directory))


def test_verify_sees_false_counts(photons: Path, tmp_path: Path) -> None:
    """A request that has no fate, and waste that nobody booked."""
    directory = Path(shutil.copytree(photons, tmp_path / "run"))
    summary = json.loads((directory / SUMMARY).read_text())
    summary["demand"]["applications"][0]["arrived"] += 1
    summary["demand"]["pools"][0]["wasted_bits"] += 8
    (directory / SUMMARY).write_text(json.dumps(summary))
    faults = " ".join(map(str, verify_run(directory)))
    assert "are accounted for" in faults
    assert "wasted_bits" in faults


def changed_counts(photons: Path, place: Path, **changes: object) -> str:
    """Faults of the run with other figures of its pool in the summary."""
    directory = Path(shutil.copytree(photons, place))
    summary = json.loads((directory / SUMMARY).read_text())
    pool = summary["demand"]["pools"][0]
    assert changes.keys() <= pool.keys()
    pool |= changes
    (directory / SUMMARY).write_text(json.dumps(summary))
    return " ".join(map(str, verify_run(directory)))


@pytest.mark.parametrize("name", ["offered_bits", "lowest_bits", "low_ps"])
def test_verify_counts_levels_again(photons: Path, tmp_path: Path, name: str) -> None:
    """One bit, or one ps, more or less."""
    (pool,) = demand_of(load_run(photons)).pools
    right = getattr(pool.counts, name)
    assert right > 1
    for number, wrong in enumerate((right - 1, right + 1)):
        found = changed_counts(photons, tmp_path / str(number), **{name: wrong})
        assert f"{name} {wrong}, by the rows of {LEDGER} it is {right}" in found


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"below threshold"', '"full"', "full, and is below threshold at that level"),
        ('"below threshold"', None, "ready, which the pool of alice-bob was before"),
        ('"pool_bits":', '"full":', "names no pool and level"),
    ],
)
def test_verify_follows_crossings(
    photons: Path, tmp_path: Path, old: str, new: str | None, fault: str
) -> None:
    """A threshold that was crossed otherwise, or by a line that is gone or says no level."""
    directory = Path(shutil.copytree(photons, tmp_path / "run"))
    lines = (directory / EVENTS).read_text().splitlines(keepends=True)
    crossed = (i for i, line in enumerate(lines) if "pool_crossed" in line and old in line)
    place = next(crossed)
    lines[place] = "" if new is None else lines[place].replace(old, new)
    (directory / EVENTS).write_text("".join(lines))
    assert any(fault in str(found) for found in verify_run(directory))


def test_rate_level(tmp_path: Path) -> None:
    """A day: what is taken and wasted is booked at both ends, the level stays within its bounds."""
    found = run(
        tmp_path / "out",
        DAY_S,
        "rate",
        protocol__round_s=600,
        protocol__reconciliation="modelled",
        applications=[TUNNEL | POISSON | {"on_empty": "reject"}],
        pools=[{"users": ["bob", "alice"], "threshold_bits": 10_000, "maximum_bits": 100_000}],
    )
    assert verify_run(tmp_path / "out") == ()
    assert load_run(tmp_path / "out").demand == found.demand
    demand = demand_of(found)
    (tunnel,), (pool,) = demand.applications, demand.pools
    assert abs(tunnel.counts.arrived - 0.02 * DAY_S) < 5 * (0.02 * DAY_S) ** 0.5
    left_bits = pool.counts.offered_bits - pool.counts.taken_bits - pool.counts.wasted_bits
    assert 100_000 - 256 * 60 < left_bits <= 100_000
    assert pool.counts.taken_bits == 256 * tunnel.counts.served


@pytest.mark.parametrize("level", ["photon", "rate"])
def test_deadlines_are_kept_between_deposits(tmp_path: Path, level: str) -> None:
    """One that asks for too much stands in the way of another until its deadline, no longer."""
    once = {"arrivals": "periodic", "options": {"every_s": 1e6, "start_s": 2.2}}
    greedy = TUNNEL | once | {"name": "greedy", "key_bits": 10**6, "deadline_s": 0.45}
    out = tmp_path / "out"
    run(out, 4, level, protocol__round_s=1, applications=[greedy, TUNNEL | once])
    lines = [json.loads(line) for line in (out / EVENTS).read_text().splitlines()]
    taken = [(line["time_ps"], line["application"]) for line in lines if "waited_ps" in line]
    assert taken == [(2_650_000_000_000, "tunnel")]
    assert verify_run(out) == ()


def test_demand_changes_no_light(tmp_path: Path) -> None:
    """Streams of their own: rounds and key are those of the run without applications."""
    plain = run(
        tmp_path / "plain", 7200, "rate", protocol__round_s=600, protocol__reconciliation="modelled"
    )
    with_demand = run(
        tmp_path / "demand",
        7200,
        "rate",
        protocol__round_s=600,
        protocol__reconciliation="modelled",
        applications=[TUNNEL | POISSON],
    )
    assert plain.demand is None
    assert "demand" not in plain.summary()
    assert (plain.lanes, plain.links) == (with_demand.lanes, with_demand.links)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"applications": [TUNNEL, TUNNEL]}, "there are two called tunnel"),
        ({"applications": [TUNNEL | {"users": ["bob", "bob"]}]}, "one user, no link"),
        ({"applications": [TUNNEL | {"users": ["bob", "eve"]}]}, "unknown user eve"),
        ({"applications": [TUNNEL | {"arrivals": "weekly"}]}, "'weekly' is not one of"),
        ({"applications": [TUNNEL | {"options": {}}]}, "every_s"),
        ({"applications": [TUNNEL | {"on_empty": "cry"}]}, "wait"),
        ({"applications": [TUNNEL | {"key_bits": 0}]}, "key_bits"),
        ({"pools": [{"users": ["bob", "alice"], "minimum_bits": 1}]}, "minimum_bits <="),
        ({"pools": [*POOLS, {"users": ["bob", "alice"]}]}, "this link is given twice"),
    ],
)
def test_what_is_no_demand(change: dict[str, object], fault: str) -> None:
    """Every fault has its place."""
    with pytest.raises(ConfigError, match=fault):
        load_topology("two_user", overrides=change)


class Bursts(ArrivalKind):
    """A kind of somebody else's: three at once, every minute."""

    def make(self, options: ArrivalOptions, rng: np.random.Generator) -> Iterator[int]:
        """Without any option."""
        _ = options, rng
        return (60 * k * 10**12 for k in count() for _ in range(3))


def test_arrivals_of_ones_own(tmp_path: Path) -> None:
    """Registered under a name, a topology may ask for it."""
    ARRIVALS.register("bursts", Bursts)
    bursts = TUNNEL | {"arrivals": "bursts", "options": {}}
    found = run(tmp_path / "out", 121, "rate", protocol__round_s=60, applications=[bursts])
    assert demand_of(found).applications[0].counts.arrived == 9


def test_demand_needs_arrivals_that_can_be_made(tmp_path: Path) -> None:
    """A trace file that is not there: the place in the topology is named."""
    trace = TUNNEL | {"arrivals": "trace", "options": {"path": str(tmp_path / "none")}}
    with pytest.raises(ConfigError, match=r"applications\.0\.options"):
        run(tmp_path / "trace", 60, "rate", applications=[trace])


def test_demand_needs_a_link(tmp_path: Path) -> None:
    """Users that share no pairs are refused, at either level."""
    lonely = [TUNNEL | {"users": ["alice", "charlie"]}]
    channels = [
        {"channel": "C38", "user": "alice", "loss_db": 1.0},
        {"channel": "C42", "user": "bob", "loss_db": 1.0},
        {"channel": "C54", "user": "bob", "loss_db": 1.0},
        {"channel": "C26", "user": "charlie", "loss_db": 1.0},
        {"channel": "C50", "user": "dave", "loss_db": 1.0},
        {"channel": "C30", "user": "dave", "loss_db": 1.0},
    ]
    overrides = {"applications": lonely, "qnsp.channels": channels, "paper": None}
    topology = load_topology("fan2025_four_user", overrides=overrides)
    for fidelity in ("photon", "rate"):
        with pytest.raises(ConfigError, match="alice and charlie share no link"):
            simulate(topology, duration_s=1, seed=1, fidelity=fidelity)
