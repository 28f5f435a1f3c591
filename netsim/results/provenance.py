"""Where a result comes from: which topology, which versions."""

import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

DISTRIBUTION = "qnsp-netsim"
ROOT = Path(__file__).parents[2]
"""Of a checkout; of an installed package, where packages lie."""
GIT_S = 5.0
"""So long git may take."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from."""

    topology_sha256: str
    """Of the topology as canonical JSON: keys sorted, no spaces."""
    versions: tuple[tuple[str, str], ...]
    """Name and version of python, numpy, numba and this distribution."""


def collect_provenance(topology: Mapping[str, Any]) -> Provenance:
    """Hash of `topology` (a JSON-able mapping, such as a spec dumped in JSON mode), versions."""
    canonical = json.dumps(topology, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return Provenance(
        topology_sha256=hashlib.sha256(canonical.encode()).hexdigest(), versions=versions()
    )


def versions() -> tuple[tuple[str, str], ...]:
    """Name and version of what results depend on."""
    return (
        ("python", platform.python_version()),
        *((name, _version(name)) for name in ("numpy", "numba", DISTRIBUTION)),
    )


def circumstances() -> dict[str, Any]:
    """How, when and on what a run is made, for its manifest: no result depends on it.

    Returns
    -------
    dict
        ``command`` (words of the command line), ``date`` (UTC, ISO 8601), ``commit`` (of a
        checkout; null of an installed package), ``system``, ``processor`` and ``packages`` (name to
        version of all that this distribution needs).
    """
    return {
        "command": _command(),
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "packages": {name: _version(name) for name in _needed()},
    }


def _command() -> list[str]:
    """Words of the command line; ``python -m netsim`` is the same command."""
    name = Path(sys.argv[0]).name
    return ["netsim" if name == "__main__.py" else name, *sys.argv[1:]]


@cache
def _needed() -> tuple[str, ...]:
    """What this distribution needs at run time, without extras."""
    try:
        entries = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return ()
    return tuple(sorted(_NAME.match(entry)[0] for entry in entries if "extra ==" not in entry))  # type: ignore[index]


@cache
def _commit() -> str | None:
    """Commit of the checkout that this package lies in, with a ``+`` if it was changed since."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return None
    try:
        commit, changes = (
            subprocess.run(  # noqa: S603  # git itself, no shell
                [git, "-C", str(ROOT), *words],
                capture_output=True,
                text=True,
                check=True,
                timeout=5,
            ).stdout
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "-uno"))
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.strip() + ("+" if changes.strip() else "")


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
