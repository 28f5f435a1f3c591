"""What is finished in an output directory: one log, a line a shot or task, appended as it ends.

A line is whole or ignored, so that a run may be killed at any time. A finished thing counts only
if everything that it depends on is as it was; hashes say so.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from netsim.errors import ConfigError, writing
from netsim.results.lock import locked
from netsim.studies.shots import ShotResult

RECORDS = "records.jsonl"

ROOT = Path(__file__).parents[2]
EVALUATION = ("netsim/studies/", "netsim/reproduce/", "netsim/board/", "netsim/report/")
"""Sources that make something of counts; the command line changes neither."""
COMMAND_LINE = ("netsim/cli", "netsim/__main__.py")


class Records:
    """Finished shots and tasks of a directory.

    Parameters
    ----------
    directory : Path
        Made if it does not exist.
    force : bool
        Forget everything that is finished.
    kind : str
        What the directory should hold, as users call it.

    Raises
    ------
    ConfigError
        If the directory holds other things, and ``force`` is not given.
    """

    def __init__(self, directory: Path, *, force: bool, kind: str = "study") -> None:
        self._path = directory / RECORDS
        _prepare(directory, self._path, force=force, kind=kind)
        self._shots: dict[str, ShotResult] = {}
        self._tasks: dict[str, str] = {}
        for entry in _read(self._path):
            with suppress(KeyError, TypeError):  # A line that is none of ours is done again.
                self._take(entry)
        self._file: TextIO | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "Records":
        with ExitStack() as stack:
            stack.enter_context(locked(self._path.parent))
            stack.enter_context(writing(self._path))
            self._file = stack.enter_context(self._path.open("a", encoding="utf-8"))
            if self._file.tell() and not self._path.read_bytes().endswith(b"\n"):
                self._file.write("\n")  # What a kill has cut off stays a line of its own.
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def shot(self, key: str) -> ShotResult | None:
        """Result of the shot with this key; None if it is not there."""
        return self._shots.get(key)

    def add_shot(self, key: str, name: str, result: ShotResult) -> None:
        """Keep a finished shot."""
        self._append({"shot": name, "key": key, "result": result.to_json()})

    def has_task(self, name: str, inputs: str) -> bool:
        """Whether the task was finished with just these inputs."""
        return self._tasks.get(name) == inputs

    def add_task(self, name: str, inputs: str) -> None:
        """Keep that a task is finished."""
        self._append({"task": name, "inputs": inputs})

    def _append(self, entry: dict[str, Any]) -> None:
        if self._file is None:
            raise ValueError("records are appended to while they are entered")
        with writing(self._path):
            self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
            self._file.flush()
        self._take(entry)

    def _take(self, entry: Mapping[str, Any]) -> None:
        if "shot" in entry:
            self._shots[entry["key"]] = ShotResult.from_json(entry["result"])
        elif "task" in entry:
            self._tasks[entry["task"]] = entry["inputs"]


def task_inputs(name: str, shot_keys: Iterable[str]) -> str:
    """Hash of all that a task depends on: its shots, and the sources that evaluate them."""
    parts = [name, evaluation_sources_sha256(), *shot_keys]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def simulator_sources_sha256() -> str:
    """Hash of all modules that counts depend on."""
    return _sources_sha256(is_wanted=lambda name: not name.startswith(EVALUATION + COMMAND_LINE))


@cache
def evaluation_sources_sha256() -> str:
    """Hash of all modules that only what is made of counts depends on."""
    return _sources_sha256(is_wanted=lambda name: name.startswith(EVALUATION))


def _sources_sha256(*, is_wanted: Callable[[str], bool]) -> str:
    digest = hashlib.sha256()
    for path in _sources():
        name = path.relative_to(ROOT).as_posix()
        if is_wanted(name):
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for package in ("netsim", "protocols"):
        yield from sorted((ROOT / package).rglob("*.py"))
        yield from sorted((ROOT / package).rglob("*.csv"))


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """Lines that are whole; what a kill has cut off is done again."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry


def _prepare(directory: Path, records: Path, *, force: bool, kind: str) -> None:
    if directory.exists() and not directory.is_dir():
        raise ConfigError.of("--out", f"{directory} is not a directory")
    directory.mkdir(parents=True, exist_ok=True)
    if force:
        with locked(directory):
            records.unlink(missing_ok=True)
    elif not records.exists() and any(directory.iterdir()):
        reason = f"{directory} is not empty and holds no {kind}; --force writes all the same"
        raise ConfigError.of("--out", reason)
    records.touch()
