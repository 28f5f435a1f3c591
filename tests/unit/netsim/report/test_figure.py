"""Figures: what is drawn, that it is the same every time, and what is said where nothing is."""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from netsim.cli.shared import say_plots
from netsim.report.figure import EXTRA_HINT, Figure, Panel, Series, save_figure

LINES = Panel(
    "QBER [%]",
    "f",
    (
        Series("one", (1.0, 2.0), (1.05, 1.06), (0.01, 0.02)),
        Series("other", (1.0, 2.0), (1.2, 1.21)),
    ),
    joined=True,
    marks=((1.0, "Shannon"),),
)
ROWS = Panel(
    "key [bit]",
    "",
    (Series("one", (-5.0, 9.0), (0.0, 1.0)), Series("nothing", (), ())),
    rows=("first\nline", "second"),
    marks=((3.0, "goal"),),
    from_zero=True,
)


@pytest.mark.parametrize("figure", [Figure("Lines", (LINES,)), Figure("Rows", (ROWS, ROWS), 2)])
def test_figures_are_drawn_alike_every_time(figure: Figure, tmp_path: Path) -> None:
    """SVG and HTML hold title, labels and marks, and two drawings are equal byte for byte."""
    first, again = (save_figure(figure, tmp_path / name) for name in ("plot", "again"))
    assert [path.name for path in first] == ["plot.svg", "plot.html"]
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
        text = one.read_text(encoding="utf-8")
        words = (figure.title, figure.panels[0].x_label, figure.panels[0].marks[0][1])
        assert all(word in text for word in words)
    ET.fromstring(first[0].read_text(encoding="utf-8"))  # noqa: S314  # our own file


def test_html_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """The page shows its figure without a network."""
    _, page = save_figure(Figure("Lines", (LINES,)), tmp_path / "plot")
    text = page.read_text(encoding="utf-8")
    assert "<script src=" not in text
    assert "<link " not in text


def test_names_keep_their_colours() -> None:
    """A name has one colour in all panels, and the first few differ."""
    figure = Figure("Both", (LINES, ROWS))
    assert figure.names == ("one", "other", "nothing")
    assert len({figure.colour(name) for name in figure.names}) == 3


def test_without_the_extra_there_is_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without matplotlib and plotly nothing is drawn, and one line says what to install."""
    for module in ("netsim.report.svg", "netsim.report.html"):
        monkeypatch.setitem(sys.modules, module, None)
    plots = save_figure(Figure("Lines", (LINES,)), tmp_path / "plot")
    assert plots == []
    assert list(tmp_path.iterdir()) == []
    say_plots(tmp_path, plots)
    assert EXTRA_HINT in capsys.readouterr().err
    say_plots(tmp_path, [Path("a.svg"), Path("a.html")])
    assert capsys.readouterr().err == f"netsim: results are in {tmp_path}\n"


def test_dollars_are_no_formula(tmp_path: Path) -> None:
    """Whatever a title, a label or a name holds is drawn as it is."""
    text = r"costs $5, $\frac{"
    panel = Panel(
        text, text, (Series(text, (1.0,), (2.0,)), Series("b", (1.0,), (1.0,))), title=text
    )
    for path in save_figure(Figure(text, (panel,)), tmp_path / "plot"):
        assert r"\frac{" in path.read_text(encoding="utf-8")
