"""Where the topologies are that come with the simulator, and their names.

A wheel carries them inside the package; a checkout (and an editable install of it) has them in its
folder ``topologies``. There is one copy only.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

SUFFIX = ".toml"


def shipped_topologies() -> list[str]:
    """Names of the shipped topologies, sorted."""
    return sorted(
        entry.name.removesuffix(SUFFIX)
        for entry in _folder().iterdir()
        if entry.name.endswith(SUFFIX) and entry.is_file()
    )


def shipped_bytes(name: str) -> bytes:
    """Content of the shipped topology ``name``; FileNotFoundError if there is none."""
    return _folder().joinpath(name + SUFFIX).read_bytes()


def _folder() -> Traversable:
    package = files("netsim")
    inside = package.joinpath("topologies")
    return inside if inside.is_dir() else Path(str(package)).parent / "topologies"
