"""Runs a paper's items: each is a task of shots; what it finds is written as soon as it ends.

It knows the interface of items, not what is in them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netsim.report.figure import SHARING_FORMATS
from netsim.report.text import sigma
from netsim.reproduce.item import Findings, Item, Paper
from netsim.reproduce.outputs import write_comparison, write_index, write_item
from netsim.studies.comparison import worst_deviation
from netsim.studies.records import Records
from netsim.studies.tasks import Task, check_names, run_tasks
from netsim.studies.watch import SILENT, TaskWatch


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished item.

    Attributes
    ----------
    is_new : bool
        Whether its files were written in this run.
    has_plots : bool
        Whether both plots are there.
    """

    item: Item
    findings: Findings
    is_new: bool
    has_plots: bool

    @property
    def line(self) -> str:
        """What is said of it as it ends."""
        compared = self.findings.compared
        state = "" if self.is_new else ", was finished"
        worst = sigma(worst_deviation(compared))
        return f"{self.item.name}: {len(compared)} quantities, worst {worst} sigma{state}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reproduction came to.

    Attributes
    ----------
    finished : tuple of Finished
        In the order of the paper: those asked for, and those that the directory holds already.
    is_partial : bool
        Whether it was stopped before all that was asked for had ended.
    """

    paper: Paper
    scale: float
    finished: tuple[Finished, ...]
    is_partial: bool


def reproduce(
    paper: Paper,
    out: Path,
    *,
    only: Sequence[str] = (),
    scale: float = 1.0,
    workers: int = 1,
    force: bool = False,
    watch: TaskWatch = SILENT,
) -> Outcome:
    """Make the figures and tables of ``paper`` in the directory ``out``.

    Parameters
    ----------
    only : sequence of str
        Names of the items wanted; all if empty.
    scale : float
        Multiplies the light of every shot, > 0: below 1 for a quick look with larger errors.
    workers : int
        Processes that simulate; with 1 this one does.
    force : bool
        Do again what is finished.

    Raises
    ------
    ConfigError
        If ``out`` holds other things, and ``force`` is not given.
    ValueError
        If two different shots have one name.
    """
    with Records(out, force=force, kind="reproduction") as records:
        desk = _Desk(paper, scale, records, out)
        wanted = {name for name in desk.tasks if not only or name in only}
        finished = {
            entry.item.name: entry
            for entries in (desk.run(wanted, workers, watch), desk.finished_before(wanted))
            for entry in entries
        }
    outcome = Outcome(
        paper,
        scale,
        tuple(finished[item.name] for item in paper.items if item.name in finished),
        is_partial=not wanted <= finished.keys(),
    )
    found = [(entry.item, entry.findings) for entry in outcome.finished]
    write_comparison(found, out)
    write_index(paper, found, out, scale=scale)
    return outcome


class _Desk:
    """Makes items of shots in one directory."""

    def __init__(self, paper: Paper, scale: float, records: Records, out: Path) -> None:
        self.tasks = {item.name: Task.of(item.name, item.shots(), scale) for item in paper.items}
        check_names(list(self.tasks.values()))
        self._items = {item.name: item for item in paper.items}
        self._records, self._out = records, out

    def run(self, wanted: set[str], workers: int, watch: TaskWatch) -> Iterator[Finished]:
        """Finish items as soon as all their shots are there."""
        tasks = [task for name, task in self.tasks.items() if name in wanted]
        for task in run_tasks(tasks, self._records, workers=workers, watch=watch):
            finished = self._finish(task)
            watch.on_ended(finished.line)
            yield finished

    def finished_before(self, wanted: set[str]) -> Iterator[Finished]:
        """Items beside the wanted ones that the directory holds already."""
        for name, task in self.tasks.items():
            if name not in wanted and self._records.has_task(name, task.inputs):
                yield self._finish(task)

    def _finish(self, task: Task) -> Finished:
        """Work out an item; its files are written unless they are there and of the same inputs."""
        item = self._items[task.name]
        findings = item.analyse(task.measured(self._records))
        paths = [self._out / f"{task.name}{suffix}" for suffix in SHARING_FORMATS]
        is_new = not (
            self._records.has_task(task.name, task.inputs)
            and (self._out / f"{task.name}.csv").exists()
            and all(path.exists() for path in paths)
        )
        if is_new:
            write_item(task.name, findings, self._out)
            self._records.add_task(task.name, task.inputs)
        return Finished(item, findings, is_new, all(path.exists() for path in paths))
