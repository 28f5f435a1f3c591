"""Runs shots in worker processes: results as they come, work done so far, an end when asked.

It knows nothing of what is made of the results.
"""

import math
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import ClassVar

from netsim.children import ctrl_c_withheld
from netsim.studies.shots import Shot, ShotResult, measure
from netsim.units import s_from_ps

POLL_S = 0.2
"""How often progress is told while no shot ends."""


class Stopped(Exception):  # noqa: N818  # not an error: what was asked for
    """A shot was given up because the run is to stop."""


@dataclass(frozen=True, slots=True)
class Work:
    """A shot and its size.

    Attributes
    ----------
    shot : Shot
    tags : float
        How many time tags it should make.
    """

    shot: Shot
    tags: float


def run_shots(
    works: Sequence[Work],
    *,
    workers: int,
    on_progress: Callable[[float], None],
    should_stop: Callable[[], bool],
) -> Iterator[tuple[Shot, ShotResult]]:
    """Yield every shot with its result as it ends, until all are done or the run is to stop.

    Parameters
    ----------
    works : sequence of Work
        Started in this order.
    workers : int
        Processes; with 1 the shots run in this one.
    on_progress : callable
        Takes the number of tags made so far.
    should_stop : callable
        Asked at least once a frame; shots that are not finished then are given up.
    """
    run = _run_here if workers == 1 else _run_in_pool
    yield from run(works, workers, on_progress, should_stop)


def _run_here(
    works: Sequence[Work],
    _workers: int,
    on_progress: Callable[[float], None],
    should_stop: Callable[[], bool],
) -> Iterator[tuple[Shot, ShotResult]]:
    before = 0.0
    for work in works:

        def tell(done_ps: int, work: Work = work, before: float = before) -> None:
            if should_stop():
                raise Stopped
            on_progress(before + work.tags * s_from_ps(done_ps) / work.shot.light_s)

        if should_stop():
            return
        try:
            result = measure(work.shot, progress=tell)
        except Stopped:
            return
        before += work.tags
        on_progress(before)
        yield work.shot, result


def _run_in_pool(
    works: Sequence[Work],
    workers: int,
    on_progress: Callable[[float], None],
    should_stop: Callable[[], bool],
) -> Iterator[tuple[Shot, ShotResult]]:
    # Fresh interpreters: a fork would copy whatever threads and locks this process has.
    context = multiprocessing.get_context("spawn")
    stop, tags = context.Event(), context.Value("d", 0.0)
    with ProcessPoolExecutor(workers, context, _Worker.start, (stop, tags)) as pool:
        with ctrl_c_withheld():
            waiting = {pool.submit(_Worker.measure, work): work.shot for work in works}
        try:
            while waiting and not should_stop():
                done, _ = wait(waiting, timeout=POLL_S, return_when=FIRST_COMPLETED)
                on_progress(tags.value)
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
        yield from _ended(waiting)


def _ended(waiting: dict["Future[ShotResult]", Shot]) -> Iterator[tuple[Shot, ShotResult]]:
    """Shots that came to their end though the run was told to stop."""
    for future, shot in waiting.items():
        if not future.cancelled() and future.done() and future.exception() is None:
            yield shot, future.result()


class _Worker:
    """What a worker process shares with the one that started it."""

    stop: ClassVar[Event]
    tags: ClassVar["Synchronized[float]"]

    @classmethod
    def start(cls, stop: Event, tags: "Synchronized[float]") -> None:
        """Set up this process. Ctrl-C goes to all processes; the first one passes it on."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cls.stop, cls.tags = stop, tags

    @classmethod
    def measure(cls, work: Work) -> ShotResult:
        """Run a shot and count its tags as they come."""
        told = 0.0

        def tell(done_ps: int) -> None:
            nonlocal told
            if cls.stop.is_set():
                raise Stopped
            done = work.tags * s_from_ps(done_ps) / work.shot.light_s
            cls._add(done - told)
            told = done

        result = measure(work.shot, progress=tell)
        cls._add(work.tags - told)
        return result

    @classmethod
    def _add(cls, tags: float) -> None:
        with cls.tags.get_lock():
            cls.tags.value += tags


def in_order(groups: Sequence[Sequence[Work]]) -> list[Work]:
    """All works of all groups, the group with the longest work first, and so within the groups.

    Groups stay together, so that figures end one after the other; what takes longest begins first,
    so that no worker is left with it alone.
    """

    def longest(group: Sequence[Work]) -> float:
        return max((work.tags for work in group), default=-math.inf)

    ordered = sorted(groups, key=longest, reverse=True)
    return [
        work
        for group in ordered
        for work in sorted(group, key=lambda work: work.tags, reverse=True)
    ]
