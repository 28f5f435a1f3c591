"""Tasks made of shots: what is missing is simulated, a task ends as soon as its shots are there.

It knows shots and records, not what is made of the counts: a figure, a point of a sweep or a row
of a board.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netsim.studies.measurement import Measurement
from netsim.studies.records import Records, simulator_sources_sha256, task_inputs
from netsim.studies.shots import Shot, expected_tags
from netsim.studies.watch import TaskWatch
from netsim.studies.workers import Work, in_order, run_shots


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be made of shots.

    Attributes
    ----------
    name : str
    shots : tuple of Shot
        Tasks may share shots.
    keys : tuple of str
        Hash of all that each shot's result depends on.
    """

    name: str
    shots: tuple[Shot, ...]
    keys: tuple[str, ...]

    @classmethod
    def of(cls, name: str, shots: Sequence[Shot], scale: float = 1.0) -> "Task":
        """A task of these shots with ``scale`` times their light."""
        scaled = tuple(shot.scaled(scale) for shot in shots)
        sources = simulator_sources_sha256()
        return cls(name, scaled, tuple(shot.key(sources) for shot in scaled))

    @property
    def inputs(self) -> str:
        """Hash of all that its result depends on."""
        return task_inputs(self.name, self.keys)

    def missing(self, records: Records) -> list[Shot]:
        """Shots that ``records`` have no result of."""
        return [shot for shot, key in self.keyed() if records.shot(key) is None]

    def measured(self, records: Records) -> Mapping[str, Measurement]:
        """Name of each shot to what it measured; KeyError if one is missing."""
        found = {}
        for shot, key in self.keyed():
            result = records.shot(key)
            if result is None:
                raise KeyError(shot.name)
            found[shot.name] = Measurement(shot, result)
        return found

    def keyed(self) -> Iterator[tuple[Shot, str]]:
        """Each shot with its key."""
        return zip(self.shots, self.keys, strict=True)


def run_tasks(
    tasks: Sequence[Task], records: Records, *, workers: int, watch: TaskWatch
) -> Iterator[Task]:
    """Simulate what ``records`` miss, and yield each task as soon as all its shots are there.

    Parameters
    ----------
    tasks : sequence of Task
        See `check_names`.
    records : Records
        Entered; takes every shot as it ends.
    workers : int
        Processes that simulate; with 1 this one does.
    watch : TaskWatch
        ``on_ended`` is left to the caller, who knows what came of the task.
    """
    keys = {shot.name: key for task in tasks for shot, key in task.keyed()}
    works = in_order(_distinct([task.missing(records) for task in tasks]))
    watch.on_start(sum(work.tags for work in works), len(tasks))
    waiting = list(tasks)
    yield from _ended(waiting, records)
    for shot, result in run_shots(
        works, workers=workers, on_progress=watch.on_progress, should_stop=watch.should_stop
    ):
        records.add_shot(keys[shot.name], shot.name, result)
        yield from _ended(waiting, records)


def check_names(tasks: Sequence[Task]) -> None:
    """Raise ValueError if two different shots have one name."""
    known: dict[str, str] = {}
    for task in tasks:
        for shot, key in task.keyed():
            if known.setdefault(shot.name, key) != key:
                raise ValueError(f"two different shots are called {shot.name}")


def _ended(waiting: list[Task], records: Records) -> Iterator[Task]:
    """Take the tasks out of ``waiting`` that miss nothing."""
    for task in [task for task in waiting if not task.missing(records)]:
        waiting.remove(task)
        yield task


def _distinct(groups: Sequence[Sequence[Shot]]) -> list[list[Work]]:
    """Every shot once, in the first group that wants it."""
    seen: set[str] = set()
    works = []
    for group in groups:
        new = [shot for shot in group if shot.name not in seen]
        seen |= {shot.name for shot in new}
        works.append([Work(shot, expected_tags(shot)) for shot in new])
    return works
