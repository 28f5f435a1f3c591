"""Where a result comes from: which topology, which versions."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any


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
        topology_sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        versions=(
            ("python", platform.python_version()),
            *((name, _version(name)) for name in ("numpy", "numba", "qnsp-netsim")),
        ),
    )


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
