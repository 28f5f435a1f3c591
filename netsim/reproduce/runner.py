"""Runs a paper's items: what is finished is kept, what is missing is simulated, figures follow.

It knows the interface of items, not what is in them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netsim.report.figure import SHARING_FORMATS
from netsim.reproduce.item import Findings, Item, Paper
from netsim.reproduce.measurement import Measurement
from netsim.reproduce.outputs import write_comparison, write_index, write_item
from netsim.reproduce.pool import Work, in_order, run_shots
from netsim.reproduce.records import Records, figure_inputs, simulator_sources_sha256
from netsim.reproduce.shots import Shot, expected_tags


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


@dataclass(frozen=True, slots=True)
class Watch:
    """Whom a run tells what it does, and who may stop it.

    Attributes
    ----------
    on_start : callable
        Takes the number of tags to make and the number of figures to finish.
    on_progress : callable
        Takes the number of tags made so far.
    on_finished : callable
        Takes each item as it ends.
    should_stop : callable
    """

    on_start: Callable[[float, int], None]
    on_progress: Callable[[float], None]
    on_finished: Callable[[Finished], None]
    should_stop: Callable[[], bool]


SILENT = Watch(
    on_start=lambda _tags, _figures: None,
    on_progress=lambda _tags: None,
    on_finished=lambda _finished: None,
    should_stop=lambda: False,
)


@dataclass(frozen=True, slots=True)
class _Planned:
    """An item with its shots, all scaled and hashed."""

    item: Item
    shots: tuple[Shot, ...]
    keys: tuple[str, ...]

    @property
    def inputs(self) -> str:
        return figure_inputs(self.item.name, self.keys)


def reproduce(
    paper: Paper,
    out: Path,
    *,
    only: Sequence[str] = (),
    scale: float = 1.0,
    workers: int = 1,
    force: bool = False,
    watch: Watch = SILENT,
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
    with Records(out, force=force) as records:
        plans = [_plan(item, scale) for item in paper.items]
        _check_names(plans)
        asked = [plan for plan in plans if not only or plan.item.name in only]
        finished = dict(_run(asked, records, out, workers, watch))
        for plan in plans:
            if plan.item.name not in finished and records.has_figure(plan.item.name, plan.inputs):
                finished[plan.item.name] = _finish(plan, records, out)
    outcome = Outcome(
        paper,
        scale,
        tuple(finished[item.name] for item in paper.items if item.name in finished),
        is_partial=any(plan.item.name not in finished for plan in asked),
    )
    found = [(entry.item, entry.findings) for entry in outcome.finished]
    write_comparison(found, out)
    write_index(paper, found, out, scale=scale)
    return outcome


def _run(
    asked: Sequence[_Planned], records: Records, out: Path, workers: int, watch: Watch
) -> Iterator[tuple[str, Finished]]:
    """Finish items as soon as all their shots are there."""
    groups = [[shot for shot, _ in _missing(plan, records)] for plan in asked]
    keys = {
        shot.name: key for plan in asked for shot, key in zip(plan.shots, plan.keys, strict=True)
    }
    works = in_order(_distinct(groups))
    watch.on_start(sum(work.tags for work in works), len(asked))
    waiting = list(asked)

    def ended() -> Iterator[tuple[str, Finished]]:
        for plan in [plan for plan in waiting if not list(_missing(plan, records))]:
            waiting.remove(plan)
            finished = _finish(plan, records, out)
            watch.on_finished(finished)
            yield plan.item.name, finished

    yield from ended()
    for shot, result in run_shots(
        works, workers=workers, on_progress=watch.on_progress, should_stop=watch.should_stop
    ):
        records.add_shot(keys[shot.name], shot.name, result)
        yield from ended()


def _plan(item: Item, scale: float) -> _Planned:
    shots = tuple(shot.scaled(scale) for shot in item.shots())
    sources = simulator_sources_sha256()
    return _Planned(item, shots, tuple(shot.key(sources) for shot in shots))


def _check_names(plans: Sequence[_Planned]) -> None:
    known: dict[str, str] = {}
    for plan in plans:
        for shot, key in zip(plan.shots, plan.keys, strict=True):
            if known.setdefault(shot.name, key) != key:
                raise ValueError(f"two different shots are called {shot.name}")


def _missing(plan: _Planned, records: Records) -> Iterator[tuple[Shot, str]]:
    for shot, key in zip(plan.shots, plan.keys, strict=True):
        if records.shot(key) is None:
            yield shot, key


def _distinct(groups: Sequence[Sequence[Shot]]) -> list[list[Work]]:
    """Every shot once, in the first group that wants it."""
    seen: set[str] = set()
    works = []
    for group in groups:
        new = [shot for shot in group if shot.name not in seen]
        seen |= {shot.name for shot in new}
        works.append([Work(shot, expected_tags(shot)) for shot in new])
    return works


def _finish(plan: _Planned, records: Records, out: Path) -> Finished:
    """Work out an item; its files are written unless they are there and of the same inputs."""
    findings = plan.item.analyse(_measured(plan, records))
    inputs, name = plan.inputs, plan.item.name
    paths = [out / f"{name}{suffix}" for suffix in SHARING_FORMATS]
    is_new = not (
        records.has_figure(name, inputs)
        and (out / f"{name}.csv").exists()
        and all(path.exists() for path in paths)
    )
    if is_new:
        write_item(name, findings, out)
        records.add_figure(name, inputs)
    return Finished(plan.item, findings, is_new, all(path.exists() for path in paths))


def _measured(plan: _Planned, records: Records) -> Mapping[str, Measurement]:
    measured = {}
    for shot, key in zip(plan.shots, plan.keys, strict=True):
        result = records.shot(key)
        if result is None:
            raise KeyError(shot.name)
        measured[shot.name] = Measurement(shot, result)
    return measured
