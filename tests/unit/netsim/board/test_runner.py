"""Runs of a board: what is told, simulated again, written and refused. Experiments of no time."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from netsim.board.bench import pair_link
from netsim.board.experiment import BoardRow, Experiment, Measured, Prediction
from netsim.board.runner import run_board
from netsim.errors import ConfigError
from netsim.studies.shots import Shot
from netsim.studies.watch import TaskWatch

PUBLISHED = 5.0


def experiment(name: str, *values: float, pairs_hz: float = 1e3, shot: str = "") -> Experiment:
    """Rows with these predictions of 5 +- 0.5; those below 0 were fitted."""

    def rows(measured: Measured) -> Sequence[BoardRow]:
        assert list(measured) == [shot or name]
        return [
            BoardRow("x", "theory", Prediction(abs(v), 0.1), PUBLISHED, 0.5, is_fitted=v < 0)
            for v in values
        ]

    topology = pair_link(shot or name, pairs_hz=pairs_hz, visibility=0.9)
    return Experiment(name, name, "nowhere", (), lambda: (Shot(shot or name, topology, 1.0),), rows)


LATE, EARLY = experiment("late", 5.0, 5.1, 9.0, -5.0, -5.0, -5.0), experiment("early", 5.0)


class Heard:
    """A watch that keeps what it is told, and stops behind so many ends."""

    def __init__(self, *, stop_behind: int = 99) -> None:
        self.tags: list[float] = []
        self.lines: list[str] = []
        self.watch = TaskWatch(
            on_start=lambda tags, _: self.tags.append(tags),
            on_progress=lambda _: None,
            on_ended=self.lines.append,
            should_stop=lambda: len(self.lines) >= stop_behind,
        )


def names_on(out: Path) -> list[str]:
    """Experiments on the board that is written."""
    return list(
        dict.fromkeys(row["experiment"] for row in json.loads((out / "board.json").read_text()))
    )


def test_each_end_is_told_and_the_order_is_that_given(tmp_path: Path) -> None:
    """A line of each experiment, with the rows that agree, miss and were fitted."""
    heard = Heard()
    found = run_board([LATE, EARLY], tmp_path / "out", watch=heard.watch)
    assert sorted(heard.lines) == [
        "early: 1 agree, 0 miss, 0 fitted",
        "late: 2 agree, 1 miss, 3 fitted",
    ]
    assert [each.name for each, _ in found] == names_on(tmp_path / "out") == ["late", "early"]


def test_what_is_finished_is_not_simulated_again(tmp_path: Path) -> None:
    """Unless that is asked for; more light is another thing."""
    heard = Heard()
    run_board([EARLY], tmp_path / "out", watch=heard.watch)
    run_board([EARLY], tmp_path / "out", watch=heard.watch)
    run_board([EARLY], tmp_path / "out", watch=heard.watch, force=True)
    run_board([EARLY], tmp_path / "out", watch=heard.watch, scale=2.0)
    first, *others = heard.tags
    assert first > 0
    assert others == pytest.approx([0, first, 2 * first])


def test_a_board_that_is_stopped_has_what_has_ended(tmp_path: Path) -> None:
    """It is written as far as it is; the rest follows with the next run."""
    heard = Heard(stop_behind=1)
    found = run_board([EARLY, LATE], tmp_path / "out", watch=heard.watch)
    assert len(found) == len(heard.lines) == 1
    assert names_on(tmp_path / "out") == [found[0][0].name]
    run_board([EARLY, LATE], tmp_path / "out")
    assert names_on(tmp_path / "out") == ["early", "late"]


def test_what_is_refused(tmp_path: Path) -> None:
    """Two shots of one name, and a directory with other things."""
    other = experiment("other", 5.0, pairs_hz=2e3, shot="early")
    with pytest.raises(ValueError, match="two different shots are called early"):
        run_board([EARLY, other], tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(ConfigError, match="board"):
        run_board([EARLY], tmp_path / "mine")
