"""The board: what counts as agreement, its files, and that it goes on where it was."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from netsim.board.bench import pair_link
from netsim.board.experiment import (
    BoardRow,
    Experiment,
    Measured,
    Prediction,
    bell_of,
    coincidences,
    error_rate,
    lane_of,
    ratio_of,
)
from netsim.board.experiments import EXPERIMENTS
from netsim.board.outputs import verdict
from netsim.board.runner import run_board
from netsim.cli import run_command
from netsim.studies.shots import Shot
from netsim.topology.checks import check_topology

SHOT = Shot("test/run", pair_link("test", pairs_hz=2e4, visibility=0.9, bell_share=0.5), 4.0)


def rows(measured: Measured) -> Sequence[BoardRow]:
    """One that agrees, one that misses, one that was fitted."""
    lane = lane_of(measured[SHOT.name])
    return (
        BoardRow("S", "theory", bell_of(lane), 2 * math.sqrt(2) * 0.9, 0.02),
        BoardRow("QBER [%]", "experiment", error_rate(lane), 9.0, 0.5, 1, note="too <high>"),
        BoardRow("QBER [%]", "experiment", error_rate(lane), 5.0, 0.5, 1, is_fitted=True),
    )


SMALL = Experiment("small", "A small one", "nowhere", (("all", "chosen"),), lambda: (SHOT,), rows)


def test_what_agrees() -> None:
    """Within the tolerance and three sigma either way; nothing that was fitted or is undefined."""

    def within(value: float, *, is_fitted: bool = False) -> bool | None:
        prediction = Prediction(value, 0.1)
        return BoardRow("x", "theory", prediction, 5.0, 0.5, is_fitted=is_fitted).within

    assert [within(value) for value in (4.19, 4.21, 5.0, 5.79, 5.81)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert within(5.0, is_fitted=True) is within(math.nan) is None
    assert ratio_of(0, 5).value != ratio_of(0, 5).value
    assert ratio_of(100, 400) == Prediction(0.25, 0.25 * math.hypot(0.1, 0.05))


def test_a_board_of_one(tmp_path: Path) -> None:
    """Rows, files, and a second time that simulates nothing."""
    ((experiment, found),) = run_board([SMALL], tmp_path / "board")
    assert experiment is SMALL
    assert [row.within for row in found] == [True, False, None]
    entries = json.loads((tmp_path / "board" / "board.json").read_text())
    assert [entry["within"] for entry in entries] == [True, False, None]
    assert list(entries[0]) == [
        "experiment",
        "quantity",
        "tier",
        "predicted",
        "sigma",
        "published",
        "fitted_parameters",
        "within",
        "note",
    ]
    page = (tmp_path / "board" / "index.html").read_text()
    assert "MISS" in page
    assert "too &lt;high&gt;" in page
    assert verdict([(experiment, found)]).startswith("3 quantities of 1 experiment: 1 agree")
    size = (tmp_path / "board" / "records.jsonl").stat().st_size
    assert run_board([SMALL], tmp_path / "board") == [(experiment, found)]
    assert (tmp_path / "board" / "records.jsonl").stat().st_size == size


def test_experiments_are_sound() -> None:
    """Names of experiments and shots occur once, and every topology passes all checks."""
    names = [experiment.name for experiment in EXPERIMENTS]
    shots = [shot for experiment in EXPERIMENTS for shot in experiment.shots()]
    assert len({*names}) == len(names)
    assert len({shot.name for shot in shots}) == len(shots)
    assert all(not check_topology(shot.topology).errors for shot in shots)
    assert all(experiment.inputs for experiment in EXPERIMENTS)


def test_an_unknown_experiment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is named, with those that there are."""
    assert run_command(["board", "naik2001", "--out", str(tmp_path / "board")]) == 2
    assert "no experiment naik2001; there are theory, fan2025" in capsys.readouterr().err


def test_bench_is_what_it_says(tmp_path: Path) -> None:
    """Losses, pairs and window: coincidences of the printed numbers by hand."""

    def found(measured: Measured) -> Sequence[BoardRow]:
        tally = lane_of(measured["bench"])
        count = coincidences(tally)
        prediction = Prediction(count, math.sqrt(count))
        return (BoardRow("n", "theory", prediction, 1e6 * 0.1 * 0.5 * 2.0, 0.01 * 1e5),)

    losses_db = (10.0, -10 * math.log10(0.5))
    topology = pair_link("bench", pairs_hz=1e6, visibility=1.0, losses_db=losses_db, window_ps=1000)
    one = Experiment("bench", "b", "b", (), lambda: (Shot("bench", topology, 2.0),), found)
    (((_, (row,))),) = run_board([one], tmp_path / "bench")
    assert row.within
