"""ARCHITECTURE.md is true: its paths exist, its layers and diagrams are those of the code.

The dotted names of all pages exist too, and modules and functions are short.
"""

import ast
import re
from pkgutil import resolve_name
from statistics import median

import pytest

from protocols.bbm92.states import (
    ANNOUNCER_LIFE,
    ANNOUNCER_ROUND,
    RESPONDER_LIFE,
    RESPONDER_ROUND,
    mermaid,
)
from tests.support.pages import ROOT, TEXT
from tests.unit.test_dependency_direction import LAYERS, PROTOCOL_LAYERS

PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:netsim|protocols|tests|topologies|examples)/[^`]*)`", PAGE)))

NAMES = sorted(
    {
        name
        for text in (TEXT, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), PAGE)
        for name in re.findall(r"`((?:netsim|protocols)(?:\.\w+)+)`", text)
    }
)
SOURCES = sorted(
    path for part in ("netsim", "protocols", "examples") for path in (ROOT / part).rglob("*.py")
)
MOST_LINES, MOST_LINES_OF_A_BODY, MEDIAN_LINES = 400, 50, 5


def blocks(kind: str) -> list[str]:
    """Fenced blocks of one kind, in the order of the page."""
    return re.findall(rf"```{kind}\n(.*?)\n```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("path", PATHS)
def test_paths_exist(path: str) -> None:
    """Every file and folder that the page names is there."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_names_exist(name: str) -> None:
    """Every module, class and function that a page names can be imported."""
    assert resolve_name(name) is not None


def test_layers_are_those_of_the_test() -> None:
    """The pictures show each layer as a row, the highest first."""
    assert len(PATHS) > 30
    for picture, layers in zip(blocks("text"), (LAYERS, PROTOCOL_LAYERS), strict=True):
        assert [set(row.split()) for row in picture.splitlines()] == list(reversed(layers))


def test_diagrams_are_drawn_from_the_tables() -> None:
    """In the order of the page."""
    lives = [mermaid(machine) for machine in (ANNOUNCER_LIFE, RESPONDER_LIFE)]
    assert blocks("mermaid") == [*lives, mermaid(ANNOUNCER_ROUND), mermaid(RESPONDER_ROUND)]


def test_modules_and_functions_are_short() -> None:
    """No module above 400 lines, no body above 50 without its docstring, half of them below 6."""
    lengths: list[int] = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= MOST_LINES, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[ast.get_docstring(node) is not None :]
                last_line = (body[-1].end_lineno or 0) if body else 0
                lengths.append(last_line - body[0].lineno + 1 if body else 0)
                assert lengths[-1] <= MOST_LINES_OF_A_BODY, (path, node.name)
    assert median(lengths) <= MEDIAN_LINES
