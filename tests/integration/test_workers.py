"""A run whose light is made in a process of its own is the run of one process, byte for byte."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import netsim
from netsim.cli.app import run_command
from netsim.errors import ConfigError, WorkerError
from netsim.kernel.trace import MemorySink
from netsim.pools.ledger import Movement
from netsim.results.fidelity import Fidelity
from netsim.results.run import Run
from netsim.simulation import remote
from netsim.simulation.request import RunRequest
from netsim.simulation.simulation import Simulation
from netsim.units import PS_PER_S, ps_from_s

EVENTS = (
    '{time_s=0.5, kind="cut", user="bob"}',
    '{time_s=1.2, kind="repair", user="bob"}',
    '{time_s=3.0, kind="leave", user="alice"}',
    '{time_s=3.5, kind="join", user="alice"}',
)
"""At edges of frames and within them."""
CHANGES = (
    "protocol.round_s=1",
    f"events=[{', '.join(EVENTS)}]",
    'crashes=[{user="bob", stop_s=2.0, start_s=2.5}]',
)
BELL = ("receivers.bench.bell={share=0.5}", "protocol.round_s=2")


@dataclass(frozen=True)
class Books:
    """All that a run leaves."""

    run: Run
    events: list[str]
    movements: list[Movement]


def books_of(
    workers: int,
    name: str,
    overrides: Sequence[str],
    *,
    duration_s: float,
    fidelity: str = "photon",
    histograms: bool = False,
    should_stop: Callable[[], bool] | None = None,
) -> Books:
    """Run ``name``, and end with as many processes as before."""
    sink, movements = MemorySink(), list[Movement]()
    run = netsim.simulate(
        netsim.load_topology(name, overrides=overrides),
        duration_s=duration_s,
        seed=4,
        sink=sink,
        movements=movements,
        histograms=histograms,
        fidelity=fidelity,
        should_stop=should_stop,
        workers=workers,
    )
    assert not multiprocessing.active_children()
    # How long it took is another matter.
    run = replace(run, performance=replace(run.performance, wall_s=1.0))
    return Books(run, sink.lines, movements)


def stop_after(looks: int) -> Callable[[], bool]:
    """Wants to stop when it has been asked so often."""
    left = iter(range(looks))
    return lambda: next(left, None) is None


@pytest.mark.parametrize(
    ("fidelity", "overrides", "duration_s"),
    [
        ("photon", ("protocol.round_s=1", "frame_s=0.05"), 2.0),
        ("photon", CHANGES, 5.0),
        ("photon", BELL, 12.0),
        ("coincidence", CHANGES, 5.0),
        ("coincidence", ("protocol.round_s=60",), 240.0),
    ],
)
def test_two_processes_are_as_one(
    fidelity: str, overrides: Sequence[str], duration_s: float
) -> None:
    """Counts, pools, events and ledger; with changes of the network, crashes and Bell tests."""
    one, two = (
        books_of(
            workers,
            "two_user",
            overrides,
            duration_s=duration_s,
            fidelity=fidelity,
            histograms=fidelity == "photon",
        )
        for workers in (1, 2)
    )
    assert one == two
    assert one.run.links[0].counts.blocks > 0


@pytest.mark.parametrize(
    ("fidelity", "overrides", "duration_s"),
    [
        ("photon", ("protocol.round_s=0.5", "frame_s=0.05"), 10.0),
        ("coincidence", ("protocol.round_s=10", "frame_s=0.5"), 600.0),
    ],
)
def test_stopped_runs_are_the_same(
    fidelity: str, overrides: Sequence[str], duration_s: float
) -> None:
    """What was made ahead is in no count; nor is anything else of it."""
    one, two = (
        books_of(
            workers,
            "two_user",
            overrides,
            duration_s=duration_s,
            fidelity=fidelity,
            should_stop=stop_after(23),
        )
        for workers in (1, 2)
    )
    assert one.run.partial
    assert one.run.lanes[0].coincidences > 0
    assert one.run.duration_ps < ps_from_s(duration_s)
    assert one == two


def test_frames_that_do_not_fit_come_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame of two users has some 37,000 tags here."""
    asked = ("protocol.round_s=1", "frame_s=0.05")
    one = books_of(1, "two_user", asked, duration_s=2.0)
    for tags in (1000, 50_000):
        monkeypatch.setattr(remote, "RING_TAGS", tags)
        assert books_of(2, "two_user", asked, duration_s=2.0) == one


def test_a_process_that_is_killed_is_named() -> None:
    """The run ends with an error that says which, and leaves no process behind."""

    def kill(done_ps: int) -> None:
        if done_ps >= PS_PER_S:
            (process,) = multiprocessing.active_children()
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()

    with pytest.raises(WorkerError, match=r"makes the light.*exit code -9"):
        netsim.simulate("two_user", duration_s=60.0, workers=2, progress=kill)
    assert not multiprocessing.active_children()


def test_faults_of_the_light_are_those_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong over there is raised here: too much light, found there alone."""
    bright = netsim.load_topology("two_user", overrides=("qnsp.source.pumps.*.power_mw=100",))
    with pytest.raises(ConfigError) as one:
        netsim.simulate(bright, duration_s=1.0)
    with pytest.raises(ConfigError) as two:
        netsim.simulate(bright, duration_s=1.0, workers=2)
    assert str(one.value) == str(two.value)
    usual = netsim.load_topology("two_user")
    request = RunRequest(topology=usual, duration_ps=PS_PER_S, seed=1)
    with remote.LightProcess(replace(request, topology=bright)) as maker:
        with pytest.raises(ConfigError) as three:
            maker.take_frame()
        assert str(three.value) == str(one.value)
        assert "in make_light" in "".join(three.value.__notes__)


def test_clocks_forget() -> None:
    """Memory does not grow with the light: the users' clocks are not read by receivers here."""
    request = RunRequest(
        topology=netsim.load_topology("two_user", overrides=("protocol.round_s=600",)),
        duration_ps=ps_from_s(7200.0),
        seed=1,
        fidelity=Fidelity.COINCIDENCE,
        workers=2,
    )
    with Simulation(request) as simulation:
        simulation.run()
        sizes = [clock.memory_bytes for clock in simulation.world.clocks.values()]
    assert max(sizes) < 200_000  # two hours are more than a megabyte


def test_the_command_prints_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--workers 2`; three are refused."""
    command = ["run", "two_user", "--duration", "1s", "--set", "protocol.round_s=1"]
    printed = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert run_command([*command, "--workers", workers, "--out", str(out)]) == 0
        printed.append([(out / name).read_bytes() for name in ("events.jsonl", "ledger.csv")])
    assert printed[0] == printed[1]
    capsys.readouterr()
    assert run_command([*command, "--workers", "3"]) == 2
    assert "--workers" in capsys.readouterr().err
