"""Kernels that a command compiles are counted, and who waits for them is told, once."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import numba
import pytest

from netsim.cli import run_command, warmup
from netsim.cli.compiling import compiled_kernels
from protocols.compiled import kernel

USED = ("run two_user --duration 1s --set protocol.round_s=0.5", "plan --users 3")
"""What most begin with."""
NOT_KEPT = """
import importlib, pkgutil
import netsim, protocols
from numba.core.dispatcher import Dispatcher
modules = [
    importlib.import_module(found.name)
    for package in (netsim, protocols)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not found.name.endswith("__main__")
]
values = [value for module in modules for value in vars(module).values()]
kernels = {value for value in values if isinstance(value, Dispatcher)}
assert len(kernels) > 50
for kernel in kernels:
    if not kernel._cache._numbas._cache_file._load_index():
        print(kernel.__module__, kernel.__name__)
"""
"""Prints the kernels of both packages that the cache folder has not."""
COUNTED = """
import sys
from netsim.cli import run_command
from netsim.cli.compiling import compiled_kernels
with compiled_kernels() as kernels:
    code = run_command(sys.argv[1].split())
print("compiled", kernels.count)
sys.exit(code)
"""


def test_each_is_counted_and_the_first_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel and its callee are two; what has been compiled is none."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))  # that of an earlier run has both

    @kernel
    def callee(number: int) -> int:
        return number + 1

    @kernel
    def caller(number: int) -> int:
        return callee(number) * 2

    told: list[str] = []
    with compiled_kernels(lambda: told.append("compiling")) as kernels:
        assert caller(1) == 4
        assert caller(2) == 6
    assert kernels.count == 2
    assert told == ["compiling"]
    with compiled_kernels(lambda: told.append("again")) as kernels:
        assert caller(3) == 8
    assert kernels.count == 0
    assert told == ["compiling"]


def test_a_warmup_that_is_stopped_waits_for_no_task() -> None:
    """Ctrl-C, once or twice, ends its own processes as they are, and no others."""
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(3600,))
    other.start()
    try:
        started_s = time.perf_counter()
        hour: list[warmup.Task] = [partial(time.sleep, 3600)] * 3
        assert list(warmup._side_by_side([hour, hour], should_stop=lambda: True)) == []
        assert time.perf_counter() - started_s < 60
        assert multiprocessing.active_children() == [other]
    finally:
        other.terminate()
        other.join()


@pytest.mark.parametrize(
    ("said", "stop", "code"), [("all kernels are there already", False, 0), ("", True, 130)]
)
def test_a_warmup_that_is_stopped_claims_nothing(
    said: str,
    stop: bool,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What it has not tried may lack kernels."""

    def side_by_side(*_: object) -> Iterator[int]:
        yield 0
        if stop:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(warmup, "_side_by_side", side_by_side)
    assert run_command(["warmup"]) == code
    assert capsys.readouterr().out.strip() == said


def test_a_warmup_whose_process_is_ended_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a system that is out of memory, say: a line, no traceback."""

    def side_by_side(*_: object) -> Iterator[int]:
        yield 0
        raise BrokenProcessPool

    monkeypatch.setattr(warmup, "_side_by_side", side_by_side)
    assert run_command(["warmup"]) == 1
    assert "out of memory?" in capsys.readouterr().err


@pytest.mark.slow
def test_nothing_is_left_to_compile_after_a_warmup(tmp_path: Path) -> None:
    """In an empty cache folder: `netsim warmup` keeps each kernel, and commands compile none."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "kernels compiled in" in run("-m", "netsim", "warmup")
    assert run("-m", "netsim", "warmup") == "all kernels are there already\n"
    assert run("-c", NOT_KEPT) == ""
    for command in USED:
        assert run("-c", COUNTED, command).splitlines()[-1] == "compiled 0"
