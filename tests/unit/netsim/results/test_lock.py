"""One run at a time in a directory."""

import errno
import fcntl
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

import netsim
from netsim.cli import run_command
from netsim.errors import OutputError
from netsim.results.directory import prepare_run_directory
from netsim.results.lock import locked
from netsim.studies.records import Records

SPAWN = multiprocessing.get_context("spawn")


def hold(directory: Path, is_held: Event, may_go: Event) -> None:
    """Another run, as far as the directory is concerned."""
    with locked(directory):
        is_held.set()
        may_go.wait(60)


@contextmanager
def other_run(directory: Path) -> Iterator[None]:
    """Another process writes into ``directory`` meanwhile."""
    is_held, may_go = SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=hold, args=(directory, is_held, may_go))
    process.start()
    assert is_held.wait(60)
    try:
        yield
    finally:
        may_go.set()
        process.join()


@pytest.mark.slow
def test_a_second_run_is_refused_and_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the command, with --force, nor the Python API; both say why. Then it is free."""
    (tmp_path / "ledger.csv").write_text("of the run that goes on\n")
    with other_run(tmp_path):
        code = run_command(["run", "two_user", "--duration=1s", "--out", str(tmp_path), "--force"])
        assert code == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"netsim: {tmp_path}: another run is writing into it")
        with pytest.raises(OutputError, match="another run"):
            netsim.simulate(netsim.load_topology("two_user"), duration_s=1, seed=1, out=tmp_path)
        with pytest.raises(OutputError, match="another run"), Records(tmp_path, force=True):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["ledger.csv"]
    prepare_run_directory(tmp_path, force=True)
    assert not list(tmp_path.iterdir())


def test_a_lock_goes_with_an_error(tmp_path: Path) -> None:
    """What ends badly does not keep the next run out."""
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        _ = 1 / 0
    with locked(tmp_path):
        pass
    with locked(None):
        pass


def test_a_file_system_without_locks_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run there is not refused."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with locked(tmp_path):
        pass
