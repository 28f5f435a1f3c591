"""What needs a process of its own: Ctrl-C, closed pipes, start-up time, import weight."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.slow import slow_but
from tests.unit.netsim.sample import TWO_USERS

ROOT = Path(__file__).parents[2]

COMMAND = """
import sys, time, types
from dataclasses import replace
from netsim.cli import run_command
from tests.unit.netsim.runs import made_up_run
from tests.support.slow import slow_but

def simulate(topology, *, should_stop, **_):
    print("started", file=sys.stderr, flush=True)
    while not {stop}:
        time.sleep(0.01)
    return made_up_run(partial=True)

fake = types.ModuleType("netsim.simulation.run")
fake.simulate = simulate
sys.modules["netsim.simulation.run"] = fake
sys.exit(run_command(["run", sys.argv[1], "--json"]))
"""


def start(topology: Path, *, stop: str) -> subprocess.Popen[str]:
    """Start a run that never ends by itself and wait until it is under way."""
    process = subprocess.Popen(  # this interpreter, a script of ours
        [sys.executable, "-c", COMMAND.format(stop=stop), str(topology)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    return process


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    """A valid topology."""
    path = tmp_path / "sample.toml"
    path.write_text(TWO_USERS)
    return path


@pytest.mark.parametrize("how", slow_but((signal.SIGINT,), (signal.SIGINT, signal.SIGTERM)))
def test_ctrl_c_stops_at_a_frame_end(topology: Path, how: signal.Signals) -> None:
    """The first Ctrl-C is passed to the run, whose partial result is printed; exit code 130.

    So is the wish of a scheduler that the process end.
    """
    process = start(topology, stop="should_stop()")
    process.send_signal(how)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(out)["partial"] is True
    assert "Traceback" not in err


@pytest.mark.slow
def test_second_ctrl_c_stops_at_once(topology: Path) -> None:
    """A run that does not stop by itself is stopped by the second Ctrl-C; no traceback."""
    process = start(topology, stop="False")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Ctrl-C again" not in process.stderr.readline():
        pass
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_closed_pipe_is_no_traceback() -> None:
    """`netsim schema | head -c 1` ends quietly."""
    process = subprocess.Popen(  # this interpreter, this package
        [sys.executable, "-m", "netsim", "schema"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=20) == 1
    assert errors == b""


def test_help_is_quick() -> None:
    """`netsim --help` and `--version` load neither NumPy, Numba, SimPy, pydantic nor a command."""
    script = (
        "import sys; from netsim.cli import run_command; run_command(sys.argv[1:]);"
        "heavy = {'numpy', 'numba', 'simpy', 'pydantic', *(f'netsim.cli.{name}' for name in"
        " sys.modules['netsim.cli.app'].COMMANDS)}; assert 'netsim.cli.run' in heavy;"
        "print(sorted(heavy & set(sys.modules)))"
    )
    for option in ("--help", "--version"):
        assert last_line(script, option) == "[]"


def last_line(script: str, *arguments: str) -> str:
    """What a script prints at last, in a process of its own."""
    output = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return output.splitlines()[-1]


@pytest.mark.parametrize(
    ("level", "others"),
    [
        ("rate", ["netsim.simulation.simulation"]),
        ("coincidence", ["netsim.simulation.rate.run", "structlog"]),
    ],
)
def test_a_run_loads_what_its_level_needs(level: str, others: list[str]) -> None:
    """Not the other level, and of one whose trace goes nowhere not what writes it."""
    script = (
        "import sys; from netsim.cli import run_command\n"
        "words = ['run', 'two_user', '--duration', '1s', '--fidelity', sys.argv[1]]\n"
        "assert run_command([*words, '--set', 'protocol.round_s=1']) == 0\n"
        "assert f'netsim.simulation.{sys.argv[1]}' in ' '.join(sys.modules)\n"
        "print(sorted({*sys.argv[2:]} & set(sys.modules)))"
    )
    assert last_line(script, level, *others) == "[]"


def test_a_run_loads_what_its_topology_names() -> None:
    """No relays, eavesdroppers and applications where there are none, no other level or receiver.

    Nor files without a folder. An earlier run may have compiled kernels.
    """
    script = (
        "import sys; from netsim.cli import run_command\n"
        "assert run_command(['run', 'two_user', '--duration', '1s']) == 0\n"
        "print(sorted({*sys.argv[1:]} & set(sys.modules)))"
    )
    absent = ["coincidence.depth", "rate.run", "eavesdropper"]
    absent = [f"netsim.simulation.{name}" for name in absent]
    absent += ["netsim.relay.relay", "netsim.demand.processes", "netsim.taps.kinds"]
    absent += ["netsim.physics.encodings.timebin", "netsim.results.directory"]
    last_line(script)
    assert last_line(script, *absent, "numpy.ma.core", "rich.progress") == "[]"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="nobody tells of threads")
def test_a_run_is_one_thread() -> None:
    """Of a library that starts one for each core, all but one would wait by being busy."""
    script = (
        "import atexit, os, sys; from netsim.cli import main\n"
        "atexit.register(lambda: print(len(os.listdir('/proc/self/task'))))\n"
        "sys.argv[1:] = ['run', 'two_user', '--duration', '1s']; main()"
    )
    assert last_line(script) == "1"


def test_a_start_is_not_searched_for_cycles() -> None:
    """However much imports make; two runs of a second, the first of which may compile kernels."""
    script = (
        "import atexit, gc, sys; from netsim.cli import main\n"
        "searches = lambda: sum(each['collections'] for each in gc.get_stats())\n"
        "before = searches(); atexit.register(lambda: print(searches() - before))\n"
        "sys.argv[1:] = ['run', 'two_user', '--duration', '1s']; main()"
    )
    last_line(script)
    assert last_line(script) == "0"


def test_a_process_that_ends_does_not_look_for_cycles() -> None:
    """Modules are most of what there is then: half a second after a run."""
    script = (
        "import atexit, gc, sys; from netsim.cli import main\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > len(gc.get_objects())))\n"
        "sys.argv[1:] = ['--version']; main()"
    )
    assert last_line(script) == "True"


@pytest.mark.slow
def test_a_run_needs_no_extra(tmp_path: Path) -> None:
    """What `make demo` installs is enough: packages of extras are hidden."""
    script = (
        "import sys, tomllib\n"
        "extras = tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']\n"
        "hidden = {one.split('>=')[0] for name in extras for one in extras[name] if '>=' in one}\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in hidden:\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "assert 'scipy' in hidden\n"
        "sys.meta_path.insert(0, Hide())\n"
        "from netsim.cli import run_command\n"
        "sys.exit(run_command(['run', 'two_user', '--duration', '3s', '--out', sys.argv[1]]))\n"
    )
    subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", script, str(tmp_path / "run")], cwd=ROOT, check=True
    )


@pytest.mark.slow
def test_a_container_without_a_folder_to_write_to() -> None:
    """Kernels cannot be kept anywhere: who compiles them ahead is told so in one line."""
    script = (
        "import sys; from numba.core import caching; caching.CacheImpl._locator_classes = [];"
        "from netsim.cli import main, warmup; warmup._side_by_side = lambda *_: iter([3]);"
        "sys.argv = ['netsim', 'warmup']; main()"
    )
    done = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert "3 kernels compiled" in done.stdout
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("netsim: warning: compiled kernels cannot be kept")
    assert "NUMBA_CACHE_DIR" in warning


def test_kernels_are_not_interpreted() -> None:
    """Numba told not to compile: help comes as ever, a command is refused in one line."""

    def ended(*words: str) -> tuple[int, list[str]]:
        done = subprocess.run(  # this interpreter, the command itself
            [sys.executable, "-m", "netsim", *words],
            cwd=ROOT,
            env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
            capture_output=True,
            check=False,
            text=True,
        )
        return done.returncode, done.stderr.splitlines()

    assert ended("--help") == (0, [])
    code, (refusal,) = ended("run", "two_user", "--duration", "0.2s")
    assert code == 1
    assert refusal.startswith("netsim: NUMBA_DISABLE_JIT is set")


@pytest.mark.parametrize("name", ["protocols/__init__.py", "protocols.py"])
def test_another_package_called_protocols_is_named(tmp_path: Path, name: str) -> None:
    """A script's own folder comes first on the path; the import says what is in the way."""
    other = tmp_path / name
    other.parent.mkdir(exist_ok=True)
    other.write_text("")
    script = tmp_path / "script.py"
    script.write_text("import netsim\nnetsim.load_topology('two_user')\n")
    done = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {other} hides the package protocols")


@pytest.mark.slow
def test_an_empty_folder_called_protocols_is_in_nobodys_way(tmp_path: Path) -> None:
    """Without an ``__init__.py`` it comes behind every package."""
    (tmp_path / "protocols").mkdir()
    done = subprocess.run(  # this interpreter, a script of ours
        [sys.executable, "-c", "import netsim; netsim.load_topology('two_user'); print('fine')"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == "fine\n"
