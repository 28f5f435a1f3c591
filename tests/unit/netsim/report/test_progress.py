"""Progress of a study, as a terminal shows it and as a log file does."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from netsim.report.progress import task_bar
from netsim.reproduce.runner import reproduce
from tests.unit.netsim.reproduce.papers import PAPER


def shown(directory: Path, *, is_terminal: bool) -> str:
    """What stderr gets of a run."""
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=100, highlight=False)
    with task_bar("figures", console, lambda: False) as watch:
        reproduce(PAPER, directory, watch=watch)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_terminal_sees_a_bar_with_tags_rate_and_figures(tmp_path: Path) -> None:
    """From the first moment to the last figure."""
    text = shown(tmp_path, is_terminal=True)
    assert "of 2 figures" in text
    assert "Mtag/s" in text
    assert "1/2 one: 2 quantities" in text


@pytest.mark.slow
def test_a_log_sees_a_line_a_figure(tmp_path: Path) -> None:
    """No bar, no escape sequences."""
    lines = shown(tmp_path, is_terminal=False).splitlines()
    assert [line.split(":")[1] for line in lines] == [" 1/2 one", " 2/2 two"]
