"""What is finished in an output directory: one log, a line a shot or task, appended as it ends.

A finished thing counts only if everything that it depends on is as it was; hashes say so.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from netsim.studies.log import Log
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
        self._log = Log(directory / RECORDS, force=force, kind=kind)
        self._shots: dict[str, ShotResult] = {}
        self._tasks: dict[str, str] = {}
        for entry in self._log.entries():
            with suppress(KeyError, TypeError):  # A line that is none of ours is done again.
                self._take(entry)

    def __enter__(self) -> "Records":
        self._log.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._log.__exit__()

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
        self._log.append(entry)
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
