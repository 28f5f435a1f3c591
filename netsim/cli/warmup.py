"""`netsim warmup`: the kernels, compiled ahead."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import typer

from netsim.cli.shared import EXIT_FAILED, EXIT_INTERRUPTED, progress_console, say

Task = Callable[[], object]

EXAMPLES = ("netsim warmup", "NUMBA_CACHE_DIR=/var/cache/netsim netsim warmup")

RUNS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("two_user", "5s", "photon", ("protocol.round_s=1",)),
    ("fan2025_four_user", "1s", "photon", ("protocol.announcement_s=0.05",)),
    (
        "wengerowsky2018",
        "1s",
        "photon",
        (
            "protocol.reconciliation=ldpc",
            "protocol.amplification=toeplitz-clmul",
            "protocol.round_s=0.5",
        ),
    ),
    (
        "two_user",
        "2s",
        "photon",
        (
            "protocol.round_s=1",
            "protocol.protocol=e91",
            "receivers.bench.bell.share=0.5",
            'observers=[{kind="intercept-resend", user="bob", share=0.01}]',
        ),
    ),
    (
        "two_user",
        "0.1s",
        "photon",
        ("qnsp.source.statistics=thermal", "qnsp.source.filter_shape=gaussian"),
    ),
    ("honjo2008", "0.1s", "photon", ()),
    ("two_user", "2s", "coincidence", ("protocol.round_s=1",)),
    ("two_user", "2s", "rate", ("protocol.round_s=1",)),
)
"""Topology, light, level and overrides of short runs that use what other runs use.

Names of lanes are checked every eighth announcement, so that one run has many.
"""


def warmup() -> None:
    """Compile all kernels ahead, a minute or two, so that later commands start at once.

    Short runs are simulated, and a network is planned beside them. Kernels are kept beside the
    packages or in your cache folder, or where NUMBA_CACHE_DIR says; they are compiled anew after
    an update.
    """
    from concurrent.futures.process import BrokenProcessPool

    from netsim.cli.interrupt import StopOnInterrupt
    from netsim.report.progress import count_bar
    from protocols.bits import mix64
    from protocols.compiled import say_if_uncached

    say_if_uncached(mix64)
    started_s, count = time.perf_counter(), 0
    work = chains()
    with (
        StopOnInterrupt() as interrupt,
        count_bar(sum(map(len, work)), "tasks", progress_console()) as progress,
    ):
        try:
            for done, kernels in enumerate(_side_by_side(work, interrupt.should_stop), start=1):
                count += kernels
                progress(done)
        except BrokenProcessPool:
            say("a process that compiled was ended: out of memory?")
            raise typer.Exit(EXIT_FAILED) from None
    if interrupt.should_stop():
        say("interrupted before all kernels were compiled")
        raise typer.Exit(EXIT_INTERRUPTED)
    typer.echo(
        f"{count} kernels compiled in {time.perf_counter() - started_s:.0f} s"
        if count
        else "all kernels are there already"
    )


def chains() -> tuple[list[Task], ...]:
    """What together uses the kernels; tasks of different chains have next to none in common."""
    runs: list[Task] = [partial(_simulate, *run) for run in RUNS]
    return [*runs, _count_differences, _find_bend], [_plan, _grow_code]


def _side_by_side(work: Sequence[list[Task]], should_stop: Callable[[], bool]) -> Iterator[int]:
    """Kernels compiled by each task as it ends: each chain in a process, its tasks in order.

    Where it is to stop processes are ended as they are: each kernel is kept once it is compiled.
    """
    from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
    from contextlib import ExitStack
    from multiprocessing import get_context

    from netsim.children import children_started, ctrl_c_withheld

    context = get_context("spawn")
    waiting: set[Future[int]] = set()
    with ExitStack() as stack:
        pools = [stack.enter_context(ProcessPoolExecutor(1, context, _hush)) for _ in work]
        with ctrl_c_withheld(), children_started() as compilers:
            for pool, chain in zip(pools, work, strict=True):
                waiting |= {pool.submit(_count_kernels, task) for task in chain}
        for compiler in compilers:
            stack.callback(compiler.terminate)
        while waiting and not should_stop():
            done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def _hush() -> None:
    """Ctrl-C is the command's, and so is to say that kernels cannot be kept."""
    from protocols.compiled import UncachedWarning

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore", UncachedWarning)


def _count_kernels(task: Task) -> int:
    from netsim.cli.compiling import compiled_kernels

    with compiled_kernels() as kernels:
        task()
    return kernels.count


def _simulate(topology: str, duration_s: str, fidelity: str, overrides: tuple[str, ...]) -> None:
    from netsim.simulation.run import simulate
    from netsim.topology.load import load_topology

    simulate(
        load_topology(topology, overrides=overrides),
        duration_s=duration_s,
        seed=1,
        fidelity=fidelity,
    )


def _count_differences() -> None:
    """What figures of arrival differences use."""
    from netsim.simulation.photons import count_photons
    from netsim.simulation.scoring import DifferenceHistogram
    from netsim.topology.load import load_topology

    topology = load_topology("two_user")
    users = (topology.users[0].name, topology.users[1].name)
    histogram = DifferenceHistogram(users, low_ps=0, bin_ps=1, bins=1)
    count_photons(topology, duration_s=0.1, seed=1, histograms=[histogram])


def _grow_code() -> None:
    """A small code: those of the runs may be on disk already."""
    from protocols.reconciliation.ldpc_codes import Shape, grow_code
    from protocols.reconciliation.ldpc_degrees import ROWS

    grow_code(Shape(ROWS + 1, 1))


def _find_bend() -> None:
    """What is tried where no clock is found."""
    import numpy as np

    from protocols.bbm92.bend import LEAST_PAIRS, find_bend
    from protocols.bbm92.coincidence import Alignment

    times_ps = np.arange(2 * LEAST_PAIRS, dtype=np.int64)
    find_bend(Alignment(0, 0.0, 0.0), times_ps, times_ps)


def _plan() -> None:
    from netsim.plan.asked import PlanOptions
    from netsim.plan.fewest import Effort
    from netsim.plan.options import read_options
    from netsim.plan.planner import make_plan

    for objective in ("channels", "poorest"):
        request, hardware = read_options(PlanOptions(users="4", objective=objective))
        make_plan(request, hardware, Effort(request.seed, 0.01))
