"""``netsim plan``: options in, plan, files and exit code out."""

import json
import signal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from netsim.cli import run_command
from netsim.cli.interrupt import StopOnInterrupt
from netsim.plan.check import plan_faults
from netsim.plan.climb import climb
from netsim.topology.load import load_topology
from netsim.topology.source import RingSourceSpec
from netsim.twin.forecast import predict as forecast
from netsim.twin.prediction import predict


def answered(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What ``netsim plan`` prints on stdout when all is well."""
    code = run_command(["plan", *options])
    streams = capsys.readouterr()
    assert code == 0, streams.err
    return streams.out


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """What it prints on stderr with code 2 and nothing on stdout."""
    code = run_command(["plan", *options])
    streams = capsys.readouterr()
    assert (code, streams.out) == (2, "")
    return [line.removeprefix("netsim: ") for line in streams.err.splitlines()]


def test_the_command_of_the_issue(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Four users with the paper's pumps and band: JSON without faults, a topology that loads."""
    out = tmp_path / "four.toml"
    options = ("--users", "ann,ben,cleo,dan", "--pumps", "34,46", "--band", "12:60")
    plan = json.loads(
        answered(capsys, *options, "--objective", "channels", "-o", str(out), "--json")
    )
    assert plan_faults(plan) == []
    assert (plan["pumps"], plan["channels"], plan["proven"]) == ([34, 46], 6, True)
    topology = load_topology(out)
    assert [user.name for user in topology.users] == ["ann", "ben", "cleo", "dan"]
    assert len(topology.qnsp.channels) == 6


@pytest.mark.slow
def test_the_same_seed_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Text and JSON are functions of the options."""
    for options in (("--users", "6"), ("--users", "9", "--json", "--seed", "5")):
        assert answered(capsys, *options) == answered(capsys, *options)


def test_a_topology_lends_users_pumps_comb_and_losses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With --topology nothing else is needed; options replace what it says."""
    out = tmp_path / "again.toml"
    plan = json.loads(
        answered(capsys, "--topology", "fan2025_structured", "--json", "-o", str(out))
    )
    assert plan["pumps"] == [34, 46]
    assert list(plan["users"]) == ["alice", "bob", "charlie", "dave"]
    assert all(label % 2 == 0 for labels in plan["users"].values() for label in labels)
    known = {c.channel: c.loss_db for c in load_topology("fan2025_structured").qnsp.channels}
    for channel in load_topology(out).qnsp.channels:
        assert channel.loss_db == pytest.approx(known.get(channel.channel, 3.986))
    changed = json.loads(
        answered(
            capsys,
            "--topology",
            "fan2025_structured",
            "--pump-count",
            "1",
            "--users",
            "3",
            "--json",
        )
    )
    assert (len(changed["pumps"]), changed["channels"]) == (1, 6)


def test_all_options_of_hardware_and_demand(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Demand, losses, lengths, power, spacing, avoided labels and overrides take effect."""
    out = tmp_path / "star.toml"
    options: tuple[str, ...] = (
        "--users",
        "a,b,c,d",
        "--demand",
        "a-b,a-c=2,a-d",
        "--channel-loss",
        "1.5",
    )
    options += ("--fibre", "a=3,7", "--power", "0.21", "--spacing", "3", "--avoid", "49")
    options += ("--set", "receivers.bench.excess_loss_db=2.5", "--json", "-o", str(out))
    plan = json.loads(answered(capsys, *options))
    assert plan_faults(plan, [("a", "b"), ("a", "c"), ("a", "d")]) == []
    assert plan["channels"] == 4
    topology = load_topology(out)
    assert isinstance(topology.qnsp.source, RingSourceSpec)
    assert topology.qnsp.source.comb_spacing_labels == 3
    assert {pump.power_mw for pump in topology.qnsp.source.pumps} == {0.21}
    assert [user.fibre.length_m for user in topology.users] == [3e3, 7e3, 7e3, 7e3]
    assert topology.receivers["bench"].excess_loss_db == 2.5
    assert {channel.loss_db for channel in topology.qnsp.channels} == {1.5}


def test_faults_are_told_together(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a fault, each with its option, and code 2."""
    lines = refused(
        capsys,
        *("--users", "4", "--pumps", "34,x", "--pump-count", "2", "--band", "9", "--power", "0"),
        *("--objective", "most", "--fibre", "alice=-1", "--spacing", "2000"),
    )
    assert sorted(line.split(":")[0] for line in lines) == [
        *("--band", "--fibre", "--objective", "--power", "--pump-count", "--pumps", "--spacing"),
    ]
    assert refused(capsys) == [
        "--users: say how many users, or their names (or give --topology)",
    ]


def test_an_impossible_plan_says_why_and_what_works(capsys: pytest.CaptureFixture[str]) -> None:
    """One pump and six channels for four users."""
    lines = refused(capsys, "--users", "4", "--pumps", "40", "--max-channels", "6")
    assert lines[0].startswith("--max-channels: 4 users with 6 wanted pairs need at least 12")
    assert "nearest plan: --max-channels 12 works" in lines


def test_a_range_of_users_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """One row, or one JSON plan, for every number of users."""
    rows = answered(capsys, "--users", "2:4").splitlines()
    assert [line.split()[:2] for line in rows if "C40 C41" in line] == [
        *(["2", "2"], ["3", "4"], ["4", "6"]),
    ]
    plans = json.loads(answered(capsys, "--users", "2:3", "--json"))
    assert [len(plan["users"]) for plan in plans] == [2, 3]
    assert plans[1] == json.loads(answered(capsys, "--users", "3", "--json"))


def test_a_table_ends_where_the_band_is_full(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows up to there are printed, then why there are no more, with code 2."""
    assert run_command(["plan", "--users", "4:9", "--band", "34:47"]) == 2
    streams = capsys.readouterr()
    users = [line.split()[0] for line in streams.out.splitlines() if "C40 C41" in line]
    assert users == ["4", "5"]
    assert "--band: 6 users with 15 wanted pairs need at least 12 channels" in streams.err


def test_a_range_is_no_single_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no topology and no curve, and must make sense."""
    assert "--out" in refused(capsys, "--users", "2:3", "-o", "a.toml")[0]
    assert "--tradeoff" in refused(capsys, "--users", "2:3", "--tradeoff")[0]
    assert "no range" in refused(capsys, "--users", "3:2")[0]


def test_a_file_is_not_replaced_unless_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An existing topology stays; with --force it goes."""
    out = tmp_path / "two.toml"
    out.write_text("mine")
    assert "is there already" in refused(capsys, "--users", "2", "-o", str(out))[0]
    assert out.read_text() == "mine"
    answered(capsys, "--users", "2", "-o", str(out), "--force")
    assert load_topology(out).name == "two"
    assert "no name" in refused(capsys, "--users", "2", "-o", str(tmp_path / "a b.toml"))[0]
    nowhere = str(tmp_path / "nowhere" / "a.toml")
    assert "does not exist" in refused(capsys, "--users", "2", "-o", nowhere)[0]
    assert "is one plan" in refused(capsys, "--users", "2", "--tradeoff", "-o", nowhere)[0]


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that is interrupted ends with code 130 and prints its best plan, marked."""
    asked = count()
    monkeypatch.setattr(StopOnInterrupt, "should_stop", lambda _self: next(asked) > 20)
    options = ("plan", "--users", "5", "--objective", "poorest", "--effort", "1000")
    assert run_command(options) == 130
    out = capsys.readouterr().out
    assert "5 users, 10 channels" in out
    assert "PARTIAL" in out


def test_ctrl_c_before_there_is_a_plan(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped with nothing to keep, it says so and prints no plan."""
    monkeypatch.setattr(StopOnInterrupt, "should_stop", lambda _self: True)
    for options in (("--users", "8"), ("--users", "8", "--tradeoff")):
        assert run_command(["plan", *options]) == 130
        streams = capsys.readouterr()
        assert (streams.out, streams.err) == ("", "netsim: stopped before there was any plan\n")


def stop_at_the_first_climb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C, once a climb for key rates has begun."""
    stopped: list[bool] = []

    def climbed(*arguments: Any) -> Any:
        stopped.append(True)
        return climb(*arguments)

    monkeypatch.setattr("netsim.plan.keyplan.climb", climbed)
    monkeypatch.setattr(StopOnInterrupt, "should_stop", lambda _self: bool(stopped))


@pytest.mark.parametrize("as_json", [True, False])
def test_ctrl_c_keeps_the_points_of_a_curve(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    """What was found of a curve is printed, marked in text and JSON, with code 130."""
    stop_at_the_first_climb(monkeypatch)
    options = ["plan", "--users", "3", "--tradeoff", *(["--json"] if as_json else [])]
    assert run_command(options) == 130
    out = capsys.readouterr().out
    if as_json:
        assert [plan["partial"] for plan in json.loads(out)] == [True]
    else:
        assert "PARTIAL" in out


@pytest.mark.parametrize("as_json", [True, False])
def test_ctrl_c_ends_a_range_of_users(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    """Ctrl-C while a plan is being finished keeps it, whole, and begins no other."""
    finishing = count(1)

    def finished(*arguments: Any) -> Any:
        if next(finishing) == 2:
            signal.raise_signal(signal.SIGINT)
        return predict(*arguments)

    monkeypatch.setattr("netsim.plan.topology.predict", finished)
    assert run_command(["plan", "--users", "2:6", *(["--json"] if as_json else [])]) == 130
    assert next(finishing) == 3
    out = capsys.readouterr().out
    if as_json:
        plans = json.loads(out)
        assert [len(plan["users"]) for plan in plans] == [2, 3]
        assert not any("partial" in plan for plan in plans)
    else:
        assert "PARTIAL" in out


@pytest.mark.slow
def test_links_without_key_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A plan that serves nobody says so: in the text, and on stderr beside the JSON."""
    dark = ("--users", "3", "--channel-loss", "300")
    told = "3 users, 4 channels: no key on 3 of 3 links, by the analytic twin"
    assert told in answered(capsys, *dark)
    assert run_command(["plan", *dark, "--json"]) == 0
    streams = capsys.readouterr()
    assert json.loads(streams.out)["total_skr_bps"] == 0
    assert told in streams.err
    assert "no key" not in answered(capsys, "--users", "3")
    curve = ("--tradeoff", "--pumps", "40,41", "--effort", "0.01")
    assert told in answered(capsys, *dark, *curve)


def test_only_files_of_the_right_kind_are_begun(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A wrong suffix, and a place that cannot be written to, are faults of their option."""
    pytest.importorskip("matplotlib", reason="needs the extra `report`")
    out, plot = str(tmp_path / "noext"), str(tmp_path / "plan.bla")
    lines = refused(capsys, "--users", "2", "-o", out, "--plot", plot)
    assert [line.split(":")[0] for line in lines] == ["--out", "--plot"]
    folder = tmp_path / "folder.svg"
    folder.mkdir()
    options = ("plan", "--users", "2", "--force", "--plot", str(folder))
    assert run_command(options) == 2
    streams = capsys.readouterr()
    assert "2 users, 2 channels" in streams.out
    assert "--plot: " in streams.err


APPLICATIONS = (
    'applications=[{name="voice", users=["dave","bob"], key_bits=256, arrivals="periodic", '
    'options={every_s=4.0}}, {name="tunnel", users=["alice","charlie"], key_bits=256, '
    'arrivals="poisson", options={rate_hz=0.05}, relay={}}]'
)
FOUR = ("--topology", "fan2025_four_user", "--power", "0.27", "--set", APPLICATIONS)


def test_applications_are_told_of_and_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What the twin says of the planned topology, which has them, relay terms and all."""
    out = tmp_path / "four.toml"
    told = json.loads(answered(capsys, *FOUR, "-o", str(out), "--json"))
    topology = load_topology(out)
    voice, tunnel = topology.applications
    assert (voice.users, voice.options["every_s"], voice.relay) == (("dave", "bob"), 4.0, None)
    assert tunnel.relay is not None
    net_bps = {link.users: link.net_key_bps for link in forecast(topology).links}
    found = {each["name"]: each for each in told["demand"]["applications"]}
    assert found["voice"]["wanted_bps"] == 64.0
    assert found["voice"]["share"] == pytest.approx((net_bps["bob", "dave"] or 0.0) / 64.0)
    assert found["voice"]["share"] < 1 == found["tunnel"]["share"]
    remedies = " ".join(told["demand"]["remedies"])
    assert "voice: relay = {paths = 1} would bring" in remedies
    assert "pump power" in remedies
    assert "--demand bob-dave=5,alice-charlie=1 --objective poorest" in remedies
    assert any("1 of 2 applications fall short of key, voice gets" in x for x in told["lacks"])


def test_a_plan_for_applications(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Their pairs alone, weighted by the key they want: both get all; the page says so."""
    page = tmp_path / "four.html"
    options = ("--demand", "applications", "--objective", "poorest", "--effort", "0.05")
    told = answered(capsys, *FOUR, *options, "--report", str(page))
    assert "2 wanted pairs" in told
    rows = {line.split()[0]: line.split() for line in told.splitlines() if "100.0" in line}
    assert rows.keys() == {"voice", "tunnel"}
    assert "would" not in told
    assert "<h2>Applications" in page.read_text()


def test_applications_of_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Of users that the plan does not have, or none where they are what is wanted."""
    faults = refused(capsys, *FOUR, "--users", "alice,bob")
    assert faults == [
        "applications.0: dave is no user of the plan",
        "applications.1: charlie is no user of the plan",
    ]
    assert refused(capsys, "--users", "3", "--demand", "applications") == [
        "--demand: the topology has no applications"
    ]


def test_applications_that_ask_for_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By a recording without requests."""
    (tmp_path / "none.txt").write_text("")
    silent = (
        'applications=[{name="a", users=["bob","dave"], key_bits=256, arrivals="trace", '
        f'options={{path="{tmp_path / "none.txt"}"}}}}]'
    )
    asked = ("--topology", "fan2025_four_user", "--set", silent, "--demand", "applications")
    assert refused(capsys, *asked) == ["--demand: its applications ask for no key"]
