"""What an earlier run has left in its directory: files of its own names, never others; no links."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from netsim.errors import ConfigError
from netsim.pools.ledgerfile import read_ledger

TAG_SUFFIXES = (".npy", ".json", ".csv", ".dump", ".ptu")
STORE_SUFFIXES = (".sqlite", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal")


def remove_leftovers(
    directory: Path, names: Iterable[str], *, tags: str, stores: str, ledger: str, topology: str
) -> None:
    """Remove the files of the run that ``directory`` holds.

    Parameters
    ----------
    directory : Path
    names : iterable of str
        Files of any run.
    tags, stores : str
        Folders with files that are named after the users and links of the run.
    ledger, topology : str
        Files that say who these are.

    Raises
    ------
    ConfigError
        One of the folders is a link.
    """
    for folder in (tags, stores):
        if (directory / folder).is_symlink():
            raise ConfigError.of(directory / folder, "is a link, which is not followed")
    for name in sorted(_names(directory, ledger, topology)):
        for suffix in TAG_SUFFIXES:
            (directory / tags / f"{name}{suffix}").unlink(missing_ok=True)
        for suffix in STORE_SUFFIXES:
            (directory / stores / f"{name}{suffix}").unlink(missing_ok=True)
    for name in names:
        (directory / name).unlink(missing_ok=True)


def _names(directory: Path, ledger: str, topology: str) -> set[str]:
    """Users and links of the run, from what it has left, as far as they may be names of files."""
    found = {*_of_ledger(directory / ledger), *_of_topology(directory / topology)}
    return {name for name in found if name.isprintable() and Path(name).name == name}


def _of_ledger(path: Path) -> Iterator[str]:
    with suppress(ConfigError):  # no ledger, or one that ends in the midst
        for row in read_ledger(path):
            yield from (row.link, row.end)


def _of_topology(path: Path) -> list[str]:
    if not path.is_file():
        return []
    try:
        users = json.loads(path.read_text(encoding="utf-8"))["users"]
        return [str(user["name"]) for user in users]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return []
