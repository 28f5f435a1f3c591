"""Runs experiments: each is a task of shots; the board is written again as each one ends."""

from collections.abc import Sequence
from pathlib import Path

from netsim.board.experiment import BoardRow, Experiment
from netsim.board.outputs import write_board
from netsim.studies.records import Records
from netsim.studies.tasks import Task, check_names, run_tasks
from netsim.studies.watch import SILENT, TaskWatch

Found = list[tuple[Experiment, Sequence[BoardRow]]]


def run_board(
    experiments: Sequence[Experiment],
    out: Path,
    *,
    scale: float = 1.0,
    workers: int = 1,
    force: bool = False,
    watch: TaskWatch = SILENT,
) -> Found:
    """Make the board of some experiments in the directory ``out``.

    Parameters
    ----------
    experiments : sequence of Experiment
    scale : float
        Multiplies the light of every shot, > 0.
    workers : int
        Processes that simulate.
    force : bool
        Do again what is finished.

    Returns
    -------
    list of (Experiment, rows)
        In the given order; less than all if it was stopped.

    Raises
    ------
    ConfigError
        If ``out`` holds other things, and ``force`` is not given.
    """
    by_name = {experiment.name: experiment for experiment in experiments}
    tasks = [Task.of(experiment.name, experiment.shots(), scale) for experiment in experiments]
    check_names(tasks)
    rows: dict[str, Sequence[BoardRow]] = {}
    with Records(out, force=force, kind="board") as records:
        for task in run_tasks(tasks, records, workers=workers, watch=watch):
            rows[task.name] = by_name[task.name].rows(task.measured(records))
            watch.on_ended(f"{task.name}: {_line(rows[task.name])}")
            write_board(_found(experiments, rows), out)
    found = _found(experiments, rows)
    write_board(found, out)
    return found


def _found(experiments: Sequence[Experiment], rows: dict[str, Sequence[BoardRow]]) -> Found:
    return [(each, rows[each.name]) for each in experiments if each.name in rows]


def _line(rows: Sequence[BoardRow]) -> str:
    marks = [row.within for row in rows]
    return f"{marks.count(True)} agree, {marks.count(False)} miss, {marks.count(None)} fitted"
