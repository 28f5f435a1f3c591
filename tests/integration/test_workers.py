"""A run whose light is made in a process of its own is the run of one process, byte for byte."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import netsim
from netsim.cli.app import run_command
from netsim.devices.world import Stage, World, build_world
from netsim.errors import ConfigError, WorkerError
from netsim.kernel.trace import MemorySink
from netsim.pools.ledger import Movement
from netsim.results.directory import load_run
from netsim.results.fidelity import Fidelity
from netsim.results.run import Run
from netsim.simulation import remote
from netsim.simulation.control import PowerBalance
from netsim.simulation.lightwords import Ask
from netsim.simulation.request import RunRequest
from netsim.simulation.simulation import Simulation
from netsim.units import PS_PER_S, ps_from_s
from protocols.tags import TagFrame

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
LONG_WAY = ("users.*.fibre.length_m=1e6", "users.*.fibre.attenuation_db_per_km=0")
"""Five milliseconds."""
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
    duration_s: float | str,
    fidelity: str = "photon",
    histograms: bool = False,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[int], None] | None = None,
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
        progress=progress,
        workers=workers,
    )
    assert not multiprocessing.active_children()
    # How long it took is another matter.
    run = replace(run, performance=replace(run.performance, wall_s=1.0))
    return Books(run, sink.lines, movements)


def one_and_two(
    overrides: Sequence[str],
    *,
    duration_s: float | str,
    fidelity: str,
    looks: int | None = None,
) -> tuple[Books, Books]:
    """The same run of two users in one process and in two, stopped after so many looks."""
    one, two = (
        books_of(
            workers,
            "two_user",
            overrides,
            duration_s=duration_s,
            fidelity=fidelity,
            histograms=fidelity == "photon",
            should_stop=None if looks is None else stop_after(looks),
        )
        for workers in (1, 2)
    )
    return one, two


def stop_after(looks: int) -> Callable[[], bool]:
    """Wants to stop when it has been asked so often."""
    left = iter(range(looks))
    return lambda: next(left, None) is None


@pytest.mark.parametrize(
    ("fidelity", "overrides", "duration_s"),
    [
        ("photon", ("protocol.round_s=1", "frame_s=0.05"), 2.0),
        ("photon", CHANGES, 5.0),
        ("photon", (*BELL, "users.*.fibre.length_m=20000"), 22.0),
        ("coincidence", CHANGES, 5.0),
        ("coincidence", ("protocol.round_s=60",), 240.0),
        # A last frame that stops before the one ahead of it has come over the fibre.
        ("coincidence", (*LONG_WAY, "protocol.round_s=10"), "60.000000000001s"),
    ],
)
def test_two_processes_are_as_one(
    fidelity: str, overrides: Sequence[str], duration_s: float | str
) -> None:
    """Counts, pools, events and ledger; with changes of the network, crashes and Bell tests."""
    one, two = one_and_two(overrides, duration_s=duration_s, fidelity=fidelity)
    assert one == two
    assert one.run.links[0].counts.blocks > 0


def test_frames_that_are_ahead_are_in_no_monitor() -> None:
    """S is told of the frames that have been handed out, however many are made."""
    asked = (*BELL, "frame_s=0.5")
    fast = books_of(2, "two_user", asked, duration_s=22.0)
    slow = books_of(
        2, "two_user", asked, duration_s=22.0, progress=lambda _done_ps: time.sleep(0.05)
    )
    assert fast == slow
    assert sum("bell_tested" in line for line in slow.events) == 2


@pytest.mark.parametrize(
    ("fidelity", "overrides", "duration_s"),
    [
        ("photon", ("protocol.round_s=0.5", "frame_s=0.05"), 10.0),
        ("photon", (*LONG_WAY, "protocol.round_s=0.5", "frame_s=0.002"), 0.5),
        ("coincidence", ("protocol.round_s=10", "frame_s=0.5"), 600.0),
    ],
)
def test_stopped_runs_are_the_same(
    fidelity: str, overrides: Sequence[str], duration_s: float
) -> None:
    """What was made ahead is in no count; nor is anything else of it."""
    one, two = one_and_two(overrides, duration_s=duration_s, fidelity=fidelity, looks=23)
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


def test_faults_of_the_light_are_those_of_one_process() -> None:
    """What goes wrong over there is raised here, be it found here as well or there alone."""
    bright = netsim.load_topology("two_user", overrides=("qnsp.source.pumps.*.power_mw=100",))
    with pytest.raises(ConfigError) as one:
        netsim.simulate(bright, duration_s=1.0)
    with pytest.raises(ConfigError) as two:
        netsim.simulate(bright, duration_s=1.0, workers=2)
    assert str(one.value) == str(two.value)
    request = RunRequest(topology=bright, duration_ps=PS_PER_S, seed=1)
    with remote.LightProcess(request) as maker:
        with pytest.raises(ConfigError) as three:
            maker.take_frame()
        assert str(three.value) == str(one.value)
        assert "in make_light" in "".join(three.value.__notes__)


BROKEN = 6
"""The frame that cannot be made."""


def broken_world(stage: Stage) -> World:
    """Light that ends by a fault."""

    def take(user: str, tags: TagFrame) -> None:
        if tags.index == BROKEN:
            raise MemoryError("no more light")
        stage.on_tags(user, tags)

    return build_world(replace(stage, on_tags=take))


def test_a_fault_comes_when_its_frame_would() -> None:
    """It is none of the frames ahead of it, nor of a run that ends before."""
    topology = netsim.load_topology("two_user", overrides=("frame_s=0.05", "protocol.round_s=1"))
    request = RunRequest(topology=topology, duration_ps=PS_PER_S, seed=1, build=broken_world)
    with remote.LightProcess(request) as maker:
        for _ in range(BROKEN):
            maker.take_frame()
            maker.note_handed()
            time.sleep(0.05)
        assert sum(lane.counts.coincidences for lane in maker.tally(Ask.COUNT).counted.lanes)
        with pytest.raises(MemoryError, match="no more light") as found:
            maker.take_frame()
        assert "in broken_world" not in "".join(found.value.__notes__)
        assert "in take" in "".join(found.value.__notes__)
    with remote.LightProcess(request) as maker:
        maker.take_frame()
        time.sleep(0.3)
        assert set(maker.tally(Ask.FINISH).clicks) == {"alice", "bob"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_stopped_with_all_of_its_group_keeps_results(
    number: signal.Signals, tmp_path: Path
) -> None:
    """A terminal's Ctrl-C and `timeout` tell both processes; the second one waits for the first."""
    out = tmp_path / "out"
    asked = ["--duration", "1h", "--set", "protocol.round_s=1", "--workers", "2"]
    command = [sys.executable, "-m", "netsim", "run", "two_user", *asked, "--out", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as run:
        while not (out / "ledger.csv").exists() or (out / "ledger.csv").stat().st_size < 5000:
            assert run.poll() is None
            time.sleep(0.01)
        os.killpg(run.pid, number)
        printed, _ = run.communicate()
    assert run.returncode == 130, printed
    assert b"Traceback" not in printed
    assert load_run(out).partial


def test_only_light_that_nobody_acts_upon_is_made_elsewhere() -> None:
    """Not under a controller, with an observer, or as somebody else makes it."""
    topology = netsim.load_topology("two_user")
    asked = RunRequest(topology=topology, duration_ps=PS_PER_S, seed=1, workers=2)
    watched = netsim.load_topology(
        "two_user", overrides=('observers=[{user="bob", kind="intercept-resend", share=0.1}]',)
    )
    assert asked.has_light_elsewhere
    assert not replace(asked, workers=1).has_light_elsewhere
    controller = PowerBalance(topology, [("alice", "bob")], step=1.1, rounds=1)
    assert not replace(asked, controller=controller).has_light_elsewhere
    assert not replace(asked, build=broken_world).has_light_elsewhere
    assert not replace(asked, topology=watched).has_light_elsewhere


def test_a_daemonic_process_does_it_all_itself() -> None:
    """It may start none."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run_with_two, daemon=True)
    process.start()
    process.join()
    assert process.exitcode == 0


def _run_with_two() -> None:
    netsim.simulate("two_user", duration_s=0.5, workers=2)


def test_no_worker_is_refused() -> None:
    """Somebody has to work."""
    with pytest.raises(ValueError, match="one worker at least, not 0"):
        netsim.simulate("two_user", duration_s=1.0, workers=0)


def descriptors() -> int:
    """How many this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_nothing_of_a_process_is_left() -> None:
    """Descriptors and memory are given back with its end, not when cycles are searched."""
    gc.collect()
    gc.disable()
    try:
        netsim.simulate("two_user", duration_s=0.2, workers=2)  # starts multiprocessing's own
        before = descriptors()
        for _ in range(3):
            netsim.simulate("two_user", duration_s=0.2, workers=2)
        assert descriptors() <= before
    finally:
        gc.enable()


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


def test_the_command_keeps_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--workers 2`; three are refused."""
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


def test_the_command_says_that_a_process_is_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a line; `simulate` has been asked for two."""

    def lose(*_: object, workers: int, **__: object) -> None:
        assert workers == 2
        raise WorkerError("makes the light", -9)

    monkeypatch.setattr("netsim.simulation.run.simulate", lose)
    assert run_command(["run", "two_user", "--duration", "1s", "--workers", "2"]) == 1
    told = capsys.readouterr().err
    assert "the process that makes the light has ended by itself (exit code -9)" in told
    assert "Traceback" not in told
