"""How a page says that a study can be repeated: by a shipped name, or from the kept topology."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from netsim.results.directory import TOPOLOGY


def topology_word(asked: Mapping[str, Any]) -> str:
    """What stands for the topology in a command."""
    return str(asked["topology"]) if asked.get("is_shipped", True) else TOPOLOGY


def from_here(asked: Mapping[str, Any]) -> Iterator[str]:
    """Where the command is to be given, if not anywhere."""
    if not asked.get("is_shipped", True):
        yield "<p>From the directory of this page, which holds the topology:</p>"


def made_with(versions: Mapping[str, Any]) -> Iterator[str]:
    """What the numbers depend on."""
    made = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield f'<p class="faint">Made with {escape(made)}.</p>'
