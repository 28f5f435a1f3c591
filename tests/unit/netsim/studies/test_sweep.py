"""Sweeps gather replicas: seeds, means, failures, what is kept, and who works.

The simulation is a made-up one in most tests; the real one is in the last.
"""

import csv
import io
import os
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netsim
from netsim.errors import ConfigError
from netsim.studies import engines
from netsim.studies.engines import Crew, run_replicas
from netsim.studies.grid import axis_of, points_of
from netsim.studies.measures import ALL_LINKS, MEASURES
from netsim.studies.points import LOG, SweepRequest
from netsim.studies.replicas import Replica, ReplicaResult, replica_seed
from netsim.studies.sweep import run_sweep, sweep
from netsim.topology.load import load_topology
from netsim.watch import Watch

OVER = {"qnsp.source.pumps.*.power_mw": [0.2, 0.4]}
LINKS = ("alice & bob", ALL_LINKS)


def measured_as(seed: int) -> ReplicaResult:
    """Values that tell the seed."""
    return ReplicaResult({link: {m.name: float(seed % 1000) for m in MEASURES} for link in LINKS})


class MadeUp:
    """Stands for `run_replica`; counts its calls."""

    def __init__(self, *, fails: Callable[[Replica], bool] = lambda _: False) -> None:
        self.seeds: list[int] = []
        self._fails = fails

    def __call__(self, replica: Replica, _stop: object = None) -> ReplicaResult:
        """A result at once, or a failure."""
        self.seeds.append(replica.seed)
        if self._fails(replica):
            return ReplicaResult.failed(MemoryError("far too large"))
        return measured_as(replica.seed)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """A simulation that takes no time."""
    fake = MadeUp()
    monkeypatch.setattr(engines, "run_replica", fake)
    return fake


def test_seeds_are_those_that_numpy_spawns() -> None:
    """A child of the sweep's sequence for the point, and of that one for the replica."""
    point = np.random.SeedSequence(7).spawn(4)[3]
    children = point.spawn(3)
    spawned = [int(child.generate_state(1, np.uint32)[0]) for child in children]
    assert [replica_seed(7, 3, number) for number in range(3)] == spawned


def test_rows_hold_means_intervals_and_the_twin(made_up: MadeUp) -> None:
    """Two points, three seeds, two rows each."""
    found = sweep("two_user", OVER, seeds=3, seed=5, duration_s=1)
    assert len(found.rows) == 4
    assert len(set(made_up.seeds)) == 6
    values = [float(replica_seed(5, 1, k) % 1000) for k in range(3)]
    row = found.rows[2]
    assert row["qnsp.source.pumps.*.power_mw"] == 0.4
    assert row["sifted_hz"] == pytest.approx(np.mean(values))
    half = 4.302652729911275 * np.std(values, ddof=1) / np.sqrt(3)  # t of 2 degrees, 97.5 %
    assert row["sifted_hz_high"] == pytest.approx(np.mean(values) + half)
    assert row["sifted_hz_low"] == pytest.approx(np.mean(values) - half)
    assert row["sifted_hz_twin"] == netsim.predict("two_user").links[0].sifted_hz
    assert not found.has_failures
    assert not found.is_partial
    assert "<table>" in found._repr_html_()


def test_points_that_fail_are_rows_with_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    """A topology that is none is not run at all; a run that fails takes only its own value away."""
    fake = MadeUp(fails=lambda replica: replica.place == (1, 0))
    monkeypatch.setattr(engines, "run_replica", fake)
    found = sweep("two_user", {"qnsp.source.pumps.*.power_mw": [-1, 0.4]}, seeds=2, duration_s=1)
    bad, link, total = found.rows
    assert (bad["link"], bad["seeds"], bad["sifted_hz"]) == ("", 0, None)
    assert "power_mw" in str(bad["reason"])
    assert link["seeds"] == total["seeds"] == 1
    assert link["reason"] == "MemoryError: far too large"
    assert link["sifted_hz"] == replica_seed(1, 1, 1) % 1000
    assert link["sifted_hz_low"] is None
    assert found.has_failures
    with pytest.raises(ConfigError, match="power_mw"):
        sweep("two_user", {"qnsp.source.pumps.*.power_mw": [-1]}, duration_s=1)


def test_what_is_kept_is_not_done_again(made_up: MadeUp, tmp_path: Path) -> None:
    """More seeds add theirs; other light is other work; a line that is cut off is done again."""
    first = sweep("two_user", OVER, seeds=2, duration_s=1, out=tmp_path)
    assert (tmp_path / "sweep.csv").read_text() == first.csv()
    made_up.seeds.clear()
    assert sweep("two_user", OVER, seeds=2, duration_s=1, out=tmp_path) == first
    assert made_up.seeds == []
    sweep("two_user", OVER, seeds=3, duration_s=1, out=tmp_path)
    assert made_up.seeds == [replica_seed(1, 0, 2), replica_seed(1, 1, 2)]
    made_up.seeds.clear()
    log = tmp_path / LOG
    log.write_text(log.read_text()[:-5])
    sweep("two_user", OVER, seeds=3, duration_s=1, out=tmp_path)
    assert len(made_up.seeds) == 1
    sweep("two_user", OVER, seeds=3, duration_s=2, out=tmp_path)
    assert len(made_up.seeds) == 7
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(ConfigError, match="holds no sweep"):
        sweep("two_user", OVER, duration_s=1, out=tmp_path / "other")


def test_failures_are_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Memory may suffice the next time."""
    monkeypatch.setattr(engines, "run_replica", MadeUp(fails=lambda _: True))
    assert sweep("two_user", OVER, duration_s=1, out=tmp_path).has_failures
    monkeypatch.setattr(engines, "run_replica", MadeUp())
    assert not sweep("two_user", OVER, duration_s=1, out=tmp_path).has_failures


def test_a_stop_ends_after_the_run(made_up: MadeUp) -> None:
    """What is done is shown, and that it is not all."""
    axes = (axis_of("qnsp.source.pumps.*.power_mw", [0.2, 0.4, 0.6]),)
    request = SweepRequest("two_user", axes, points_of(axes), duration_s="1")
    told: list[int] = []
    watch = Watch(told.append, lambda: len(made_up.seeds) >= 2)
    found = run_sweep(request, Crew(), watch=watch)
    assert (found.done, found.total, found.is_partial) == (2, 3, True)
    assert told == [0, 1, 2]
    assert [row["seeds"] for row in found.rows] == [1, 1, 1, 1, 0]


def test_unknown_crews_are_refused() -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError, match="none of process, dask"):
        Crew("threads")
    with pytest.raises(ConfigError, match="goes with --engine dask"):
        Crew("process", scheduler="tcp://127.0.0.1:1")


class DyingPool:
    """A pool whose process dies with every call but those that come later than ``after``."""

    after = 0
    calls = 0

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> "DyingPool":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, _run: object, replica: Replica) -> Any:
        """A future that is done, one way or the other."""
        DyingPool.calls += 1
        future: Future[ReplicaResult] = Future()
        if DyingPool.calls <= DyingPool.after:
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result(measured_as(replica.seed))
        return future


@pytest.mark.parametrize(("deaths", "failed"), [(0, 0), (1, 0), (4, 0), (6, 2)])
def test_lost_workers_lose_nothing(
    monkeypatch: pytest.MonkeyPatch, deaths: int, failed: int
) -> None:
    """What ran then runs again; what kills its worker three times is a failure with a reason."""
    monkeypatch.setattr(engines, "ProcessPoolExecutor", DyingPool)
    DyingPool.after, DyingPool.calls = deaths, 0
    spec = load_topology("two_user")
    replicas = [Replica(0, k, spec, "1", k, "photon") for k in range(2)]
    found = {
        replica.place: result
        for replica, result in run_replicas(replicas, Crew("process", 2), lambda: False)
    }
    assert sorted(found) == [(0, 0), (0, 1)]
    assert sum(bool(result.reason) for result in found.values()) == failed


@pytest.mark.slow
def test_all_engines_give_the_same_bytes(tmp_path: Path) -> None:
    """One process, a pool, a Dask cluster of our own and one on an address; a worker dies."""
    distributed = pytest.importorskip("distributed")
    over = {"qnsp.source.pumps.*.power_mw": "0.2:0.6:3"}
    common: dict[str, Any] = {"duration_s": 1, "seeds": 2, "overrides": ["protocol.round_s=0.5"]}
    here = sweep("two_user", over, **common)
    rows = list(csv.DictReader(io.StringIO(here.csv())))
    assert len(rows) == 6
    for crew in (Crew("process", 2), Crew("dask", 2)):
        assert sweep("two_user", over, crew=crew, **common).csv() == here.csv()
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        pids = list(distributed.Client(cluster).run(os.getpid).values())
        axes = (axis_of(*next(iter(over.items()))),)
        request = SweepRequest(
            "two_user", axes, points_of(axes), "1", 2, overrides=("protocol.round_s=0.5",)
        )

        def kill_one(done: int) -> None:
            if done == 1:
                os.kill(pids.pop(), 9)

        crew = Crew("dask", scheduler=cluster.scheduler_address)
        found = run_sweep(request, crew, watch=Watch(kill_one))
        assert len(pids) == 1
        assert found.csv() == here.csv()


def test_a_sweep_of_real_light_is_the_runs_themselves() -> None:
    """One point at the rate level: what `simulate` finds with the same seed."""
    found = sweep(
        "two_user",
        {"users.*.fibre.length_m": [1000]},
        duration_s="60s",
        seed=3,
        fidelity="rate",
    )
    run = netsim.simulate(
        load_topology("two_user", overrides={"users.*.fibre.length_m": 1000}),
        duration_s=60,
        seed=replica_seed(3, 0, 0),
        fidelity="rate",
    )
    row = found.rows[0]
    assert row["net_key_bps"] == run.links[0].net_key_bps
    assert row["sifted_hz"] == run.lanes[0].sifted_hz
    assert row["qber"] == run.lanes[0].qber


def test_rows_say_why_rounds_were_lost() -> None:
    """What both runs say of the link, each phrase once; nothing of all links."""
    loss_db = "users.alice.fibre.extra_loss_db"
    options = {"duration_s": "20s", "fidelity": "rate", "overrides": ["protocol.round_s=2"]}
    found = sweep("two_user", {loss_db: [16]}, seeds=2, **options)  # type: ignore[arg-type]
    dim = load_topology("two_user", overrides=(f"{loss_db}=16", "protocol.round_s=2"))
    runs = [
        netsim.simulate(dim, duration_s=20, seed=replica_seed(1, 0, number), fidelity="rate")
        for number in range(2)
    ]
    said = [phrase for run in runs for phrase in run.links[0].notes.split("; ")]
    assert sum(phrase.startswith("rounds without key: ") for phrase in said) == 2
    lost, total = found.rows
    assert total["notes"] == ""
    assert sorted(str(lost["notes"]).split("; ")) == sorted(set(said))
