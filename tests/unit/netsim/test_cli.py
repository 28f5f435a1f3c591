"""The command line, with a made-up simulation behind it: arguments in, code and streams out."""

import inspect
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from netsim.cli import app, main, run_command
from netsim.durations import parse_duration_ps
from netsim.pools.ledgerfile import LedgerFile
from netsim.results.directory import load_run, save_run
from netsim.results.run import Run
from netsim.topology.load import load_topology
from protocols.security import ONE_WAY_COUNT
from tests.unit.netsim.runs import made_up_movements, made_up_run
from tests.unit.netsim.sample import TWO_USERS


class FakeSimulation(ModuleType):
    """Stands for `netsim.simulation.run`: keeps what it was called with, returns a made-up run."""

    def __init__(self) -> None:
        super().__init__("netsim.simulation.run")
        self.calls: list[SimpleNamespace] = []
        self.partial = False
        self.interrupted = False

    def simulate(self, topology: Any, **arguments: Any) -> Run:
        """Write a made-up run where it belongs, as the real one does."""
        self.calls.append(SimpleNamespace(topology=topology, **arguments))
        if self.interrupted:
            raise KeyboardInterrupt
        run = replace(made_up_run(partial=self.partial), topology=topology.name)
        arguments["progress"](10**12)
        if arguments["out"] is not None:
            save_run(run, arguments["out"])
        return run


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> FakeSimulation:
    """The made-up simulation, in the place of the real one."""
    fake = FakeSimulation()
    monkeypatch.setitem(sys.modules, "netsim.simulation.run", fake)
    return fake


@pytest.fixture
def topology(tmp_path: Path) -> str:
    """Path of a valid topology."""
    path = tmp_path / "sample.toml"
    path.write_text(TWO_USERS)
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Lines on stderr of a command that must end with code 2 and nothing on stdout."""
    code = run_command(arguments)
    streams = capsys.readouterr()
    assert code == 2
    assert streams.out == ""
    assert "Traceback" not in streams.err
    lines = streams.err.splitlines()
    assert lines
    assert all(line.startswith("netsim: ") for line in lines)
    return lines


def test_run_prints_tables_and_keeps_results(
    simulation: FakeSimulation, topology: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables go to stdout, where the results are to stderr, files into the directory."""
    out = tmp_path / "new" / "results"
    assert (
        run_command(["run", topology, "--duration", "60s", "--seed", "3", "--out", str(out)]) == 0
    )
    streams = capsys.readouterr()
    assert "C50&C30" in streams.out
    assert str(out) in streams.err
    assert load_run(out).topology == "sample"
    (call,) = simulation.calls
    assert (call.seed, call.out, call.save_tags) == (3, out, False)
    assert parse_duration_ps(call.duration_s) == 60 * 10**12
    assert call.should_stop() is False


def test_without_out_nothing_is_kept_and_that_is_said(
    simulation: FakeSimulation, topology: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No --out: the tables are all there is, and stderr says so."""
    assert run_command(["run", topology]) == 0
    assert "not kept" in capsys.readouterr().err
    assert simulation.calls[0].out is None


def test_json_prints_the_summary_and_nothing_else(
    simulation: FakeSimulation, topology: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json stdout is summary.json, byte by byte."""
    assert run_command(["run", topology, "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["topology"] == "sample"
    assert out == replace(made_up_run(), topology="sample").summary_json()


def test_overrides_reach_the_topology(simulation: FakeSimulation, topology: str) -> None:
    """Each --set changes one number."""
    overrides = ["--set", "users.Alice.fibre.length_m=5000.0", "--set", "protocol.round_s=0.5"]
    assert run_command(["run", topology, *overrides]) == 0
    spec = simulation.calls[0].topology
    assert spec.user("Alice").fibre.length_m == 5000.0
    assert spec.protocol.round_s == 0.5


def test_a_stopped_run_exits_with_130(
    simulation: FakeSimulation, topology: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A partial run is printed, marked as such, and the exit code says that it was stopped."""
    simulation.partial = True
    assert run_command(["run", topology, "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["partial"] is True


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_an_interrupted_command_says_so(
    simulation: FakeSimulation,
    topology: str,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
) -> None:
    """Ctrl-C that ends a command at once: one line on stderr, nothing on stdout, code 130."""
    simulation.interrupted = True
    assert run_command(["run", topology, *options]) == 130
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", "netsim: interrupted\n")


def test_ctrl_c_before_the_first_frame_is_a_wish(
    simulation: FakeSimulation,
    topology: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once there is a directory for results, Ctrl-C stops the run in order and says so."""

    def press(out: Path | None, *, force: bool, users: list[str]) -> None:
        assert (force, len(users)) == (False, 2)
        assert out is not None
        out.mkdir()
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("netsim.cli.run.prepare", press)
    assert run_command(["run", topology, "--out", str(tmp_path / "out")]) == 0
    assert simulation.calls[0].should_stop() is True
    assert "stopping as soon as it can" in capsys.readouterr().err


def test_a_closed_stdout_is_no_error(topology: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shell closes with >&- takes nothing, and costs no traceback."""
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        closed.setattr(sys, "argv", ["netsim", "validate", topology])
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.close()
    assert ended.value.code == 0


def test_a_very_narrow_terminal_loses_no_column(
    simulation: FakeSimulation,
    topology: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Below 80 columns tables are those of 80, and the terminal breaks their lines."""
    printed = []
    for columns in ("40", "80"):
        monkeypatch.setenv("COLUMNS", columns)
        assert run_command(["run", topology]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Alice & Bob" in printed[0]


def test_less_light_than_a_frame(
    simulation: FakeSimulation, topology: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A nanosecond of light has no rates: refused, naming the option and the frame."""
    for command in ("run", "compare"):
        (line,) = refused(capsys, command, topology, "--duration", "1ns")
        assert "--duration" in line
        assert "frame_s" in line
    assert simulation.calls == []
    assert run_command(["run", topology, "--duration", "50ms"]) == 0


def test_a_full_directory_needs_force(
    simulation: FakeSimulation, topology: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory that is not empty is refused without --force, before anything is simulated."""
    out = tmp_path / "results"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    (line,) = refused(capsys, "run", topology, "--out", str(out))
    assert "--force" in line
    assert simulation.calls == []
    assert run_command(["run", topology, "--out", str(out), "--force"]) == 0
    assert (out / "mine.txt").read_text() == "keep"


def test_out_that_cannot_be_written(
    simulation: FakeSimulation, topology: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file, or a place below a file, is no directory for results."""
    (line,) = refused(capsys, "run", topology, "--out", topology)
    assert "is a file" in line
    (line,) = refused(capsys, "run", topology, "--out", topology + "/below", "--force")
    assert "cannot be written" in line
    assert simulation.calls == []


@pytest.mark.parametrize("duration", ["0", "-1s", "0s", "nan", "1 parsec", "", "1e9h"])
def test_bad_durations(
    simulation: FakeSimulation, topology: str, capsys: pytest.CaptureFixture[str], duration: str
) -> None:
    """Zero, below zero, too long and nonsense are refused, each in one line."""
    (line,) = refused(capsys, "run", topology, "--duration", duration)
    assert "--duration" in line
    assert simulation.calls == []


def test_all_faults_at_once(simulation: FakeSimulation, capsys: pytest.CaptureFixture[str]) -> None:
    """Faults of arguments and of the topology come together, one line each."""
    lines = refused(capsys, "run", "no_such.toml", "--duration", "0", "--save-tags")
    assert len(lines) == 3
    assert [
        word in line
        for word, line in zip(("--save-tags", "--duration", "no_such"), lines, strict=True)
    ]
    assert simulation.calls == []


def test_faults_of_the_file_come_with_their_key_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two faults in a file: two lines, each with the path of its key."""
    path = tmp_path / "bad.toml"
    path.write_text(
        TWO_USERS.replace("efficiency = 0.8", "efficiency = 1.2").replace(
            "pump_rejection_loss_db = 1.0", "pump_rejection_loss_db = -1.0"
        )
    )
    for command in ("run", "validate"):
        lines = refused(capsys, command, str(path))
        assert len(lines) == 2
        assert any("qnsp.pump_rejection_loss_db" in line for line in lines)
        assert any("efficiency" in line for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "x", "--seed", "abc"),
        ("run", "x", "--seed", "-1"),
        ("run", "x", "--no-such-option"),
        ("run", "x", "y"),
        ("run", "x", "--set"),
        ("nonsense",),
        ("validate",),
        ("pools",),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    """Missing, unknown and unparsable arguments: one line each."""
    assert len(refused(capsys, *arguments)) == 1


def test_odd_file_names_stay_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A line break or an escape code in a name does not break the line."""
    assert len(refused(capsys, "validate", "a\nb\x1b[31m.toml")) == 1


def test_validate_counts(topology: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A valid topology is summed up in one line, what its keys rest on in another."""
    assert run_command(["validate", topology]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "sample: valid; 2 users, 2 channels, 1 link, 1 lane"
    assert second.startswith("Assumed: asymptotic: no secrecy epsilon; trusted devices;")


def test_validate_judges_the_last_state(capsys: pytest.CaptureFixture[str]) -> None:
    """It lasts a round at least, so that key which comes with the last event is seen."""
    bright = (f"qnsp.source.pumps.{pump}.power_mw=2.0" for pump in (0, 1))
    event = 'events=[{time_s=30, kind="power", power_mw=0.4}]'
    terms = ("protocol.security=finite", "protocol.estimation=sample", "protocol.round_s=10")
    words = [word for each in (*bright, event, *terms) for word in ("--set", each)]
    assert run_command(["validate", "two_user", *words]) == 0
    said = capsys.readouterr().out
    assert "key is expected in 25 % of the light only" in said
    assert "no division of an hour" not in said
    assert "90 % of the best hour takes rounds" in said


def test_validate_says_what_no_proof_covers(capsys: pytest.CaptureFixture[str]) -> None:
    """The label stands there before a run, and goes with a covered counting."""
    finite = ("--set", "protocol.security=finite", "--set", "protocol.estimation=sample")
    assert run_command(["validate", "two_user", *finite]) == 0
    assert f"alice & bob: {ONE_WAY_COUNT}" in capsys.readouterr().out
    covered = ("--set", "protocol.error_correction_charge=both-directions")
    assert run_command(["validate", "two_user", *finite, *covered]) == 0
    assert ONE_WAY_COUNT not in capsys.readouterr().out


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The schema is JSON and describes the keys of a topology."""
    assert run_command(["schema"]) == 0
    assert "qnsp" in json.loads(capsys.readouterr().out)["properties"]


def test_pools_of_a_finished_and_of_a_killed_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Levels are shown for a whole run, and for one that left half a ledger and nothing else."""
    with LedgerFile(tmp_path / "ledger.csv") as rows:
        for movement in made_up_movements():
            rows.append(movement)
    assert run_command(["pools", str(tmp_path)]) == 0
    assert "27872" in capsys.readouterr().out
    killed = tmp_path / "killed"
    killed.mkdir()
    (killed / "ledger.csv").write_bytes((tmp_path / "ledger.csv").read_bytes()[:-3])
    assert run_command(["pools", str(killed)]) == 0
    assert "27872" in capsys.readouterr().out


def test_pools_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A directory without a ledger, or none at all, is refused in one line."""
    assert len(refused(capsys, "pools", str(tmp_path))) == 1
    assert len(refused(capsys, "pools", str(tmp_path / "nowhere"))) == 1


def test_help_teaches() -> None:
    """Every command has help; that of `run` has examples and the word on Ctrl-C."""
    runner = CliRunner()
    for command in ([], ["run"], ["validate"], ["schema"], ["pools"], ["compare"], ["distil"]):
        result = runner.invoke(app, [*command, "--help"])
        assert result.exit_code == 0
        assert "netsim " in result.output
    text = runner.invoke(app, ["run", "--help"]).output
    assert "Examples" in text
    assert "Ctrl-C" in text
    new = runner.invoke(app, ["new", "--help"]).output
    assert "Replace FILE" in new


def test_no_arguments_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`netsim` alone shows what there is."""
    assert run_command([]) == 0
    assert "validate" in capsys.readouterr().out


def test_the_real_simulation_takes_these_arguments() -> None:
    """What the command line passes on is what `simulate` accepts."""
    from netsim.simulation.run import simulate  # noqa: PLC0415  # heavy

    names = {"duration_s", "seed", "out", "save_tags", "histograms", "progress", "should_stop"}
    inspect.signature(simulate).bind(None, **dict.fromkeys(names))


def test_many_warnings_become_ten_and_a_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty users in channels that make no pairs: ten lines and how many more."""
    spec = load_topology("two_user").model_dump(mode="json", exclude_none=True)
    user, channel = spec["users"][0], spec["qnsp"]["channels"][0]
    spec["users"] = [user | {"name": f"u{k}"} for k in range(30)]
    spec["qnsp"]["channels"] = [
        channel | {"channel": f"C{60 + 2 * k}", "user": f"u{k}"} for k in range(30)
    ]
    path = tmp_path / "many.json"
    path.write_text(json.dumps(spec))
    assert run_command(["validate", str(path)]) == 0
    streams = capsys.readouterr()
    lines = streams.err.splitlines()
    assert len(lines) == 11
    assert all("has no link" in line for line in lines[:10])
    assert lines[10] == "netsim: warning: users: 20 more, 30 in all"
    assert "30 users, 30 channels, 0 links, 0 lanes" in streams.out


def test_one_user_is_no_network(capsys: pytest.CaptureFixture[str]) -> None:
    """Refused, with every other fault."""
    alone = "users=[{name='alice', receiver='bench', fibre={length_m=1.0}}]"
    assert run_command(["validate", "two_user", "--set", alone]) == 2
    assert "netsim: users: one user alone has nobody to share key with" in capsys.readouterr().err
