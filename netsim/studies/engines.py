"""Who runs the replicas of a sweep: this process, a pool of processes, or a Dask cluster.

All give the same results, in any order, and go on where a worker is lost. Another engine is a
function like `run_here` and an entry of `ENGINES`.
"""

import logging
import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any, ClassVar

from netsim.children import ctrl_c_withheld
from netsim.errors import ConfigError
from netsim.studies.replicas import Replica, ReplicaResult, run_replica

POLL_S = 0.2
MAX_LOSSES = 3
"""A replica whose process was ended so often is given up."""
EXTRA_HINT = "needs the extra sweep, pip install 'qnsp-netsim[sweep]'"

Done = tuple[Replica, ReplicaResult]


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works.

    Attributes
    ----------
    engine : str
        One of `ENGINES`.
    workers : int
        Processes at the same time; with 1 and ``process`` this one does it all.
    scheduler : str or None
        Address of a Dask scheduler, whose workers are then used.
    """

    engine: str = "process"
    workers: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ConfigError.of("--engine", f"{self.engine!a} is none of {', '.join(ENGINES)}")
        if self.scheduler is not None and self.engine != "dask":
            raise ConfigError.of("--scheduler", "goes with --engine dask")


def run_replicas(
    replicas: Sequence[Replica], crew: Crew, should_stop: Callable[[], bool]
) -> Iterator[Done]:
    """Yield every replica with its result as it ends, until all are done or are to stop."""
    yield from ENGINES[crew.engine](replicas, crew, should_stop)


def _run_with_processes(
    replicas: Sequence[Replica], crew: Crew, should_stop: Callable[[], bool]
) -> Iterator[Done]:
    run = _run_here if crew.workers == 1 else _run_in_pools
    yield from run(replicas, crew, should_stop)


def _run_here(
    replicas: Sequence[Replica], _crew: Crew, should_stop: Callable[[], bool]
) -> Iterator[Done]:
    for replica in replicas:
        if should_stop() or (result := run_replica(replica, should_stop)) is None:
            return
        yield replica, result


def _run_in_pools(
    replicas: Sequence[Replica], crew: Crew, should_stop: Callable[[], bool]
) -> Iterator[Done]:
    """One pool after the other: a worker that dies takes its pool with it."""
    queue, losses = deque(replicas), Counter[tuple[int, int]]()
    while queue and not should_stop():
        lost: list[Replica] = []
        yield from _run_in_pool(queue, lost, crew.workers, should_stop)
        for replica in lost:
            losses[replica.place] += 1
            if losses[replica.place] < MAX_LOSSES:
                queue.append(replica)
            else:
                reason = f"its process was ended {MAX_LOSSES} times: out of memory?"
                yield replica, ReplicaResult({}, reason)


def _run_in_pool(
    queue: "deque[Replica]",
    lost: list[Replica],
    workers: int,
    should_stop: Callable[[], bool],
) -> Iterator[Done]:
    """Work off ``queue``; what ran when a worker died is ``lost``."""
    # Fresh interpreters: a fork would copy whatever threads and locks this process has.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    running: dict[Future[ReplicaResult | None], Replica] = {}
    with ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(workers, context, _Worker.start, (stop,)))
        stack.callback(stop.set)
        try:
            while (queue or running) and not should_stop():
                # No more than run at once: whoever waits is not lost with a worker.
                while queue and len(running) < workers:
                    with ctrl_c_withheld():
                        running[pool.submit(_Worker.run, queue[0])] = queue[0]
                    queue.popleft()
                yield from _ended(running, timeout_s=POLL_S)
        except BrokenProcessPool:
            lost += running.values()


def _ended(
    running: "dict[Future[ReplicaResult | None], Replica]", timeout_s: float
) -> Iterator[Done]:
    done, _ = wait(running, timeout=timeout_s, return_when=FIRST_COMPLETED)
    for future in done:
        result = future.result()
        replica = running.pop(future)
        if result is not None:
            yield replica, result


class _Worker:
    """What a worker process shares with the one that started it."""

    stop: ClassVar[Event]

    @classmethod
    def start(cls, stop: Event) -> None:
        """Set up this process. Ctrl-C goes to all processes; the first one passes it on."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cls.stop = stop

    @classmethod
    def run(cls, replica: Replica) -> ReplicaResult | None:
        """Run one, and stop when told to."""
        return run_replica(replica, cls.stop.is_set)


def _run_with_dask(
    replicas: Sequence[Replica], crew: Crew, should_stop: Callable[[], bool]
) -> Iterator[Done]:
    try:
        import distributed  # noqa: PLC0415  # of an extra
    except ImportError as error:
        raise ConfigError.of("--engine dask", EXTRA_HINT) from error
    with ExitStack() as stack:
        client = stack.enter_context(_client(distributed, crew, stack))
        futures = client.map(run_replica, replicas, pure=False, retries=MAX_LOSSES)
        waiting = dict(zip(futures, replicas, strict=True))
        while waiting and not should_stop():
            for future in _finished(distributed, list(waiting)):
                yield waiting.pop(future), _result_of(future)
        client.cancel(list(waiting))


def _client(distributed: Any, crew: Crew, stack: ExitStack) -> Any:
    """Of the scheduler that is named, or of workers of our own."""
    if crew.scheduler is None:
        cluster = distributed.LocalCluster(
            n_workers=crew.workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.ERROR,
        )
        return distributed.Client(stack.enter_context(cluster))
    try:
        return distributed.Client(crew.scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise ConfigError.of("--scheduler", f"{crew.scheduler}: {error}") from error


def _finished(distributed: Any, futures: list[Any]) -> list[Any]:
    """Those that have ended, of which there may be none yet."""
    try:
        distributed.wait(futures, timeout=POLL_S, return_when="FIRST_COMPLETED")
    except TimeoutError:
        return []
    return [future for future in futures if future.done()]


def _result_of(future: Any) -> ReplicaResult:
    """Of a Dask future that has ended; a worker that was lost too often is a failure."""
    error = future.exception()
    if error is not None:
        return ReplicaResult.failed(error)
    result: ReplicaResult = future.result()
    return result


def usual_workers() -> int:
    """Processors of this machine."""
    return os.cpu_count() or 1


ENGINES: dict[str, Callable[[Sequence[Replica], Crew, Callable[[], bool]], Iterator[Done]]] = {
    "process": _run_with_processes,
    "dask": _run_with_dask,
}
