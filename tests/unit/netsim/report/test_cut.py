"""Nothing of a plot is cut: titles, ticks, error bars, points on an end, words beside lines."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from netsim.report import html, svg
from netsim.report.figure import Figure, Panel, Series
from netsim.report.page.skeleton import document

ROWS = ("one", "two", "three")
LONG = "A title that is a good deal longer than the one narrow panel below it is wide, by far"


def figure(
    *, x: tuple[float, ...] = (0.0, 5.0, 16_999.0), x_error: tuple[float, ...] = ()
) -> Figure:
    """A narrow panel of rows, with a point at zero and a long title."""
    series = Series("s", x, (0.0, 1.0, 2.0), x_error=x_error)
    return Figure(LONG, (Panel("x", "", (series,), rows=ROWS, from_zero=True),))


def assert_nothing_touches_the_border(path: Path) -> None:
    """The outermost pixels of the image are white."""
    image = imread(path)[..., :3]
    border = (image[0], image[-1], image[:, 0], image[:, -1])
    assert all(np.all(edge == 1.0) for edge in border)


def test_a_long_title_and_the_last_tick_are_whole(tmp_path: Path) -> None:
    """The canvas grows by what would be cut."""
    svg.draw(figure(), tmp_path / "plot.png")
    assert_nothing_touches_the_border(tmp_path / "plot.png")


def test_words_stand_beside_their_lines(tmp_path: Path) -> None:
    """Right of the axes: nothing is drawn there."""
    panel = Panel("x", "y", (Series("s", (0.0, 1.0), (1.0, 2.0)),), marks=((1.5, "budget"),))
    svg.draw(Figure("t", (panel,)), tmp_path / "plot.png")
    assert_nothing_touches_the_border(tmp_path / "plot.png")
    svg.draw(Figure("t", (panel,)), tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    (word_x,) = re.findall(r'translate\(([\d.]+) [\d.]+\)">\s*budget', text) or re.findall(
        r'x="([\d.]+)"[^>]*>\s*budget', text
    )
    (right,) = {max(map(float, re.findall(r"M ([\d.]+) ", text)))}
    assert float(word_x) >= right - 1.0


@pytest.mark.parametrize(
    ("x", "x_error", "low", "high"),
    [
        ((0.0, 5.0, 10.0), (), -0.4, 10.4),
        ((0.0, 5.0, 10.0), (1.0, 1.0, 4.0), -1 - 0.6, 14 + 0.6),
        ((0.0, 0.0, 0.0), (), -0.04, 1.04),
        ((-3.0, -2.0, -1.0), (), -3.12, 0.12),
        ((0.0, float("nan"), 10.0), (), -0.4, 10.4),
    ],
)
def test_an_axis_holds_zero_and_every_error_bar(
    x: tuple[float, ...], x_error: tuple[float, ...], low: float, high: float
) -> None:
    """With 4 % of room on either side."""
    (panel,) = figure(x=x, x_error=x_error).panels
    assert panel.extent == pytest.approx((low, high))


def test_html_leaves_room_beside_points_at_zero(tmp_path: Path) -> None:
    """The same ends as in the SVG."""
    html.draw(figure(x=(0.0, 5.0, 10.0)), tmp_path / "plot.html")
    text = (tmp_path / "plot.html").read_text()
    (ends,) = re.findall(r'"xaxis":\{[^{}]*(?:\{[^{}]*\}[^{}]*)*"range":(\[[^\]]*\])', text)
    assert json.loads(ends) == pytest.approx([-0.4, 10.4])
    assert '<meta name="viewport" content="width=device-width' in text


def test_plots_of_a_page_move_sideways_on_a_phone() -> None:
    """A box that scrolls, and in it a figure of at least 20 rem a panel; words break."""
    part = html.fragment(figure(), "plot-a")
    assert part.startswith('<div style="min-width:20rem">')
    page = document("t", [part])
    assert re.search(r"\.plot \{[^}]*overflow-x: auto", page)
    assert re.search(r"body \{[^}]*overflow-wrap: anywhere", page)
