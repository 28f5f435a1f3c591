"""Optimisation: against a fine grid of the twin, the same again, failures, and what is kept."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netsim
from netsim.cli import run_command
from netsim.errors import ConfigError
from netsim.studies import engines, optimise
from netsim.studies.engines import Crew
from netsim.studies.goal import Goal, parse_goal
from netsim.studies.grid import axis_of, points_of
from netsim.studies.kept import load_optimum
from netsim.studies.measures import ALL_LINKS, MEASURES
from netsim.studies.optimise import OptimiseRequest, run_optimise
from netsim.studies.ranges import Range, parse_range
from netsim.studies.replicas import Replica, ReplicaResult
from netsim.studies.scan import Expected
from netsim.topology.schema import is_whole_number
from netsim.watch import Watch
from protocols.keylength.keyrate import skr_asymptotic_bps

pytest.importorskip("optuna")

POWER = "qnsp.source.pumps.*.power_mw"
WINDOW = "protocol.window_ps"
CLOSE = 0.01
"""Of the best value of a fine grid."""


def key_bps(power_mw: float, window_ps: float = 2000) -> float:
    """Key by the twin, out of the rates and error rates of its lanes."""
    changes = {POWER: float(power_mw), WINDOW: int(window_ps)}
    lanes = netsim.predict("two_user", overrides=changes).lanes
    return sum(skr_asymptotic_bps(lane.sifted_hz, lane.qber) for lane in lanes)


@pytest.mark.slow
def test_it_finds_what_a_fine_grid_finds() -> None:
    """One number: key within 1 % of the best of 81 powers, whose power is 4 % from the next."""
    powers = np.geomspace(0.05, 1.2, 81)
    keys = [key_bps(power) for power in powers]
    found = netsim.optimise("two_user", "skr_bps", {POWER: "log:0.05:1.2"}, trials=40)
    assert found.best is not None
    assert found.best.value is not None
    assert found.best.value > (1 - CLOSE) * max(keys)
    assert found.best.value == key_bps(float(found.best.settings[POWER]))
    assert np.log(found.best.settings[POWER] / powers[np.argmax(keys)]) == pytest.approx(0, abs=0.1)
    assert found.as_it_is is not None
    assert found.as_it_is.settings[POWER] == 0.4
    assert found.as_it_is.value == key_bps(0.4)


@pytest.mark.slow
def test_two_numbers_come_near_a_fine_grid() -> None:
    """Key within 1 % of the best of 25 powers by 29 windows, with each of three seeds."""
    powers, windows = np.geomspace(0.3, 1.2, 25), np.arange(200, 3001, 100)
    best = max(key_bps(power, float(window)) for power in powers for window in windows)
    over = {POWER: "log:0.05:1.2", WINDOW: "200:3000"}
    for seed in (1, 2, 3):
        found = netsim.optimise("two_user", "skr_bps", over, seed=seed)
        assert found.best is not None
        assert float(found.best.value or 0) > (1 - CLOSE) * best


class MadeUpTwin:
    """Stands for `expect_at`: a hill at a window of 1200; windows above 2500 cannot be."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, _topology: object, point: Any, *_: object) -> Expected:
        """Key of two links, one of which is always worse."""
        self.asked.append(point.label)
        window = float(dict(point.settings)[WINDOW])
        if window > 2500:
            return Expected(point, {}, "far too wide")
        value = 1000.0 - abs(window - 1200)
        values = {"alice & bob": value, "bob & carol": value / 2, ALL_LINKS: 1.5 * value}
        return Expected(
            point, {link: dict.fromkeys(NAMES, value) for link, value in values.items()}
        )


NAMES = [measure.name for measure in MEASURES]
OVER = {WINDOW: "100:3000"}


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> MadeUpTwin:
    """A twin that takes no time."""
    fake = MadeUpTwin()
    monkeypatch.setattr(optimise, "expect_at", fake)
    return fake


def test_trials_follow_from_the_seed(made_up: MadeUpTwin) -> None:
    """The same again, another with another seed; more trials begin with the same ones."""
    first = netsim.optimise("two_user", "net_key_bps", OVER, trials=20, seed=4)
    assert netsim.optimise("two_user", "net_key_bps", OVER, trials=20, seed=4) == first
    assert netsim.optimise("two_user", "net_key_bps", OVER, trials=20, seed=5) != first
    more = netsim.optimise("two_user", "net_key_bps", OVER, trials=30, seed=4)
    assert more.rows[: len(first.rows)] == first.rows
    assert first.best is not None
    assert abs(int(first.best.settings[WINDOW]) - 1200) < 250


def test_failures_are_rows_with_reasons(made_up: MadeUpTwin) -> None:
    """They have no value, are counted by reason, and are never the best."""
    found = netsim.optimise("two_user", "skr_bps", OVER, trials=30, seed=2)
    failed = [trial for trial in found.trials if int(trial.settings[WINDOW]) > 2500]
    assert failed
    assert all(trial.value is None and trial.reason == "far too wide" for trial in failed)
    assert found.failures == {"far too wide": len(failed)}
    assert len(found.ranked) == 30 - len(failed)
    assert list(found.ranked) == sorted(found.ranked, key=lambda one: -(one.value or 0))


def test_goals_choose_links_and_directions() -> None:
    """All together, one, the worst off; error rates are to be low; blanks do not matter."""
    rows: list[Any] = [
        {"link": "a & b", "qber": 0.02, "skr_bps": 5.0},
        {"link": "a & c", "qber": 0.05, "skr_bps": None},
        {"link": ALL_LINKS, "qber": 0.03, "skr_bps": 9.0},
    ]
    assert parse_goal("skr_bps").value(rows) == 9.0
    assert parse_goal("skr_bps@a&b").value(rows) == 5.0
    assert parse_goal("skr_bps@poorest").value(rows) is None
    assert parse_goal("qber@poorest").value(rows) == 0.05
    assert parse_goal("qber").is_minimum
    for text in ("key", "skr_bps@", "@poorest"):
        with pytest.raises(ValueError, match="none of sifted_hz"):
            parse_goal(text)


def test_ranges_read_as_they_are_written() -> None:
    """Numbers, factors, whole numbers where the schema has them, choices."""
    assert parse_range("users.alice.fibre.length_m=0:50e3") == Range(
        axis_of("users.alice.fibre.length_m", ["0", "50000"])
    )
    assert parse_range("window_ps=100:3000").is_whole
    assert parse_range(f"{POWER}=log:0.1:10").axis.is_log
    assert parse_range("protocol.security=asymptotic,finite").is_choice
    for text in (f"{POWER}=log:0.1:10", "protocol.security=asymptotic,finite", f"{WINDOW}=1:9"):
        assert parse_range(text).text == text
    for text in ("x", "x=1:2:3", "x=2:1", "x=log:0:1", "x=a:b", f"{WINDOW}=0.5:3", "x=0:inf"):
        with pytest.raises(ValueError, match=r"no |not|counts|whole"):
            parse_range(text)
    assert is_whole_number("qnsp.channels.*.patch_delay_ps")
    assert not is_whole_number("users.alice.fibre.length_m")
    assert not is_whole_number("no.such.path")


def test_what_does_not_fit_is_refused_at_once(made_up: MadeUpTwin, tmp_path: Path) -> None:
    """Unknown links, a path twice, a folder of something else."""
    with pytest.raises(ConfigError, match="alice & bob"):
        netsim.optimise("two_user", "skr_bps@alice & eve", OVER)
    request = OptimiseRequest("two_user", Goal(MEASURES[0]), [parse_range("window_ps=1:9")] * 2)
    with pytest.raises(ConfigError, match="comes twice"):
        run_optimise(request, Crew())
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="holds no optimisation"):
        netsim.optimise("two_user", "skr_bps", OVER, out=tmp_path)
    assert made_up.asked == []


def test_what_is_kept_is_not_done_again(made_up: MadeUpTwin, tmp_path: Path) -> None:
    """A stop loses nothing, and what comes after it is as if there had been none."""
    ranges = [parse_range("window_ps=1:2000")]
    request = OptimiseRequest("two_user", parse_goal("skr_bps"), ranges, trials=20)
    over: dict[str, Any] = {"over": {WINDOW: "1:2000"}, "trials": 20}
    watch = Watch(should_stop=lambda: len(made_up.asked) >= 7)
    part = run_optimise(request, Crew(), out=tmp_path / "out", watch=watch)
    assert (len(part.trials), part.is_partial) == (7, True)
    whole = netsim.optimise("two_user", "skr_bps", out=tmp_path / "out", **over)
    assert len(made_up.asked) == len(set(made_up.asked)) <= 20
    assert whole == netsim.optimise("two_user", "skr_bps", **over)
    kept = load_optimum(tmp_path / "out")
    assert (kept.rows, kept.trials, kept.best) == (whole.rows, whole.trials, whole.best)
    assert kept.ranges == whole.ranges


def test_simulated_trials_do_not_depend_on_the_workers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Eight are chosen at a time; seeds differ between trials; the mean over seeds counts."""
    seeds: list[int] = []

    def simulate(replica: Replica, _stop: object = None) -> ReplicaResult:
        seeds.append(replica.seed)
        value = float(replica.topology.protocol.window_ps + replica.number)
        return ReplicaResult({ALL_LINKS: dict.fromkeys(NAMES, value)})

    monkeypatch.setattr(engines, "run_replica", simulate)
    common: dict[str, Any] = {"trials": 12, "duration_s": 1, "seeds": 3}
    over = {WINDOW: "1500:2500"}
    found = netsim.optimise("two_user", "sifted_hz", over, out=tmp_path / "o", **common)
    assert len(set(seeds)) == 36
    assert [trial.value for trial in found.trials] == [
        trial.settings[WINDOW] + 1 for trial in found.trials
    ]
    seeds.clear()
    again = netsim.optimise("two_user", "sifted_hz", over, out=tmp_path / "o", **common)
    assert seeds == []
    assert again == found
    axes = (axis_of(WINDOW, [2000]),)
    assert found.trials[0].settings == dict(points_of(axes)[0].settings) | {WINDOW: 2000}


def test_the_command_says_what_it_found(
    made_up: MadeUpTwin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best, what there is, why trials failed, and where the best lies; exit codes."""
    out = tmp_path / "out"
    command = ["sweep", "two_user", "--optimise", "skr_bps", "--trials", "15"]
    assert run_command([*command, "--over", "window_ps=100:3000", "--out", str(out)]) == 0
    told = json.loads((out / "optimise.json").read_text())
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Best: {WINDOW}={told['best'][WINDOW]}" in shown
    assert f"As it is, {WINDOW}=2000: skr_bps = 300.0 bit/s." in shown
    assert "trials failed: far too wide" in shown
    assert run_command([*command, "--over", "window_ps=1300:2000"]) == 0
    assert "lies at an end of its range" in " ".join(capsys.readouterr().out.split())
    assert run_command([*command, "--over", "window_ps=2600:3000"]) == 1
    assert "No trial has a value." in capsys.readouterr().out
    assert run_command([*command, "--over", "window_ps=1:3:2"]) == 2
    assert run_command([*command]) == 2
