"""Styles of series: lines, steps, hollow points, shared colours, logarithmic axes, many figures."""

from pathlib import Path

import pytest

from netsim.report.figure import SHADE, SHARING_FORMATS, Figure, Panel, Series, save_figure

STYLES = Figure(
    "Styles",
    (
        Panel(
            "power [mW]",
            "singles [1/s]",
            (
                Series("points", (0.2, 1.0), (40.0, 1000.0), (2.0, 9.0)),
                Series("curve", (0.2, 1.0), (40.0, 1000.0), style="line", like="points"),
                Series("paper", (0.4,), (150.0,), style="hollow"),
            ),
            title="On the left",
            log_x=True,
            log_y=True,
        ),
        Panel(
            "delay [ns]",
            "counts",
            (Series("steps", (0.0, 1.0), (3.0, 4.0), style="steps"),),
            title="<b>",
            shaded=((0.25, 0.75),),
        ),
    ),
    columns=2,
)


def test_a_series_may_share_the_colour_of_another() -> None:
    """A curve looks like its points; the others differ."""
    colours = [STYLES.colour(name) for name in STYLES.names]
    assert colours[0] == colours[1]
    assert len(set(colours)) == 3


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_styles_are_drawn(suffix: str, tmp_path: Path) -> None:
    """Titles, labels and all ticks of a logarithmic axis are written out."""
    paths = {path.suffix: path for path in save_figure(STYLES, tmp_path / "styles")}
    text = paths[suffix].read_text(encoding="utf-8")
    for word in ("On the left", "power [mW]", "0.2", "0.5", "1,000"):
        assert word in text


def test_html_says_which_points_are_joined(tmp_path: Path) -> None:
    """Points are markers, curves and steps are lines, errors lie on either axis."""
    pytest.importorskip("plotly")
    from netsim.report.html import plot  # noqa: PLC0415  # needs the extra

    traces = {trace.name: trace for trace in plot(STYLES).data}
    modes = {name: trace.mode for name, trace in traces.items()}
    assert modes == {"points": "markers", "curve": "lines", "paper": "markers", "steps": "lines"}
    assert traces["steps"].line.shape == "hvh"
    assert tuple(traces["points"].error_y.array) == (2.0, 9.0)


def test_a_stretch_is_shaded_where_it_lies(tmp_path: Path) -> None:
    """Behind the series, in its panel only; and a title is no markup."""
    pytest.importorskip("plotly")
    from netsim.report.html import plot  # noqa: PLC0415  # needs the extra

    layout = plot(STYLES).layout
    (shape,) = layout.shapes
    assert (shape.type, shape.layer, shape.xref) == ("rect", "below", "x2")
    assert (shape.x0, shape.x1, shape.fillcolor) == (0.25, 0.75, SHADE)
    assert [title.text for title in layout.annotations] == ["On the left", "&lt;b>"]
    paths = {path.suffix: path for path in save_figure(STYLES, tmp_path / "styles")}
    assert paths[".svg"].read_text(encoding="utf-8").count(SHADE) == 1


@pytest.mark.slow
def test_many_figures_share_one_script(tmp_path: Path) -> None:
    """HTML files of one directory load plotly.js from beside them, and from nowhere else."""
    for name in ("one", "two"):
        save_figure(STYLES, tmp_path / name, SHARING_FORMATS)
    assert (tmp_path / "plotly.min.js").exists()
    for name in ("one", "two"):
        text = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert 'src="plotly.min.js"' in text
        assert 'src="http' not in text
        assert len(text) < 100_000


def test_a_limit_is_a_line_that_can_be_seen(tmp_path: Path) -> None:
    """A mark has a width in HTML, too, where the template draws shapes without one."""
    pytest.importorskip("plotly")
    from netsim.report.html import plot  # noqa: PLC0415  # needs the extra

    panel = Panel("x", "y", (Series("a", (0.0, 1.0), (0.0, 2.0)),), marks=((1.0, "limit"),))
    (shape,) = plot(Figure("Limit", (panel,))).layout.shapes
    assert shape.line.width == 1
    assert shape.opacity == 1


def test_panels_of_the_narrowest_page_leave_room_for_numbers_and_titles() -> None:
    """On a telephone: "300k" and a title between two panels are some 60 pixels wide."""
    html = pytest.importorskip("netsim.report.html")
    columns = 2
    inside = html.PANEL_REM * 16 * columns - 80 - 30
    assert inside * html.BETWEEN_COLUMNS / columns >= 60
