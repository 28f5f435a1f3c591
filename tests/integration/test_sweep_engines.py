"""Forty points with five seeds each, by every engine, from the command line; workers are killed."""

import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from netsim.studies.points import LOG
from netsim.studies.sweep import TABLE
from tests.support.pages import PAGES, blocks

POINTS, SEEDS = 40, 5
SWEEP = (
    *("sweep", "two_user", "--over", "qnsp.source.pumps.*.power_mw=0.2:1:8"),
    *("--over", "users.*.fibre.length_m=0:8000:5", "--seeds", str(SEEDS), "--fidelity", "rate"),
    *("--duration", "20s", "--set", "protocol.round_s=5"),
    *("--set", "protocol.reconciliation=modelled", "--set", "error_correction_charge=paper"),
)
MIDDLE = POINTS * SEEDS // 3
"""Runs that are done when a worker is killed."""
LONGEST_S = 3600
DASK_PAUSE_S = 2.0
PORT_OF_PAGE = "8786"

Program = subprocess.Popen[bytes]


@contextmanager
def started(*words: str, place: Path) -> Iterator[Program]:
    """A program of this interpreter, which is stopped in the end."""
    with subprocess.Popen(  # this interpreter, packages that are installed
        [sys.executable, "-m", *words], cwd=place, stderr=subprocess.DEVNULL
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def done(out: Path) -> int:
    """Runs that a sweep has kept so far."""
    path = out / LOG
    return path.read_bytes().count(b"\n") if path.exists() else 0


def swept(out: Path, *options: str, kill: Callable[[Program], None] | None = None) -> bytes:
    """Table of the sweep; in the middle of it ``kill`` is called with its program."""
    with started("netsim", *SWEEP, *options, "--out", str(out), place=out.parent) as program:
        if kill is not None:
            wait_until(lambda: done(out) >= MIDDLE)
            kill(program)
            assert done(out) < POINTS * SEEDS - SEEDS
        assert program.wait(LONGEST_S) == 0
    assert done(out) == POINTS * SEEDS
    table = out / TABLE
    return table.read_bytes()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look now and then."""
    end_s = time.monotonic() + LONGEST_S
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.1)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What one process finds."""
    table = swept(tmp_path_factory.mktemp("alone") / "out", "--workers", "1")
    rows = table.decode().splitlines()
    assert len(rows) == 1 + 2 * POINTS
    assert all(row.endswith(",") for row in rows[1:]), "a reason"
    return table


@pytest.mark.slow
def test_a_pool_that_loses_a_worker(alone: bytes, tmp_path: Path) -> None:
    """The same bytes, and every run is there once."""
    psutil: Any = pytest.importorskip("psutil")

    def kill(program: Program) -> None:
        workers = [
            child
            for child in psutil.Process(program.pid).children()
            if any("spawn_main" in word for word in child.cmdline())
        ]
        assert len(workers) == 2
        workers[0].kill()

    assert swept(tmp_path / "out", "--workers", "2", kill=kill) == alone


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker(alone: bytes, tmp_path: Path) -> None:
    """A Dask scheduler and two workers, processes of their own on loopback, as the page says."""
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    (page,) = blocks("console", PAGES["docs/sweeps.md"])
    lines = page.replace(PORT_OF_PAGE, port).splitlines()
    scheduler, worker, sweep = (shlex.split(line.removesuffix(" &")) for line in lines)
    options = sweep[sweep.index("--engine") : sweep.index("--out")]
    with ExitStack() as stack:
        stack.enter_context(started(*scheduler, place=tmp_path))
        time.sleep(DASK_PAUSE_S)
        workers = [stack.enter_context(started(*worker, place=tmp_path)) for _ in range(2)]
        assert swept(tmp_path / "out", *options, kill=lambda _: workers[0].kill()) == alone
        assert workers[1].poll() is None
