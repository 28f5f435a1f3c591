"""Draws a figure with matplotlib, as SVG, PDF or PNG; importing this needs the extra ``report``.

Same figure, same bytes: no date and no random identifiers are written.
"""

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, NullLocator

from netsim.errors import writing
from netsim.report.figure import SHADE, Figure, Panel, Series

MARKERS = "osD^vP*X"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "qnsp-netsim",
    "svg.fonttype": "none",
    "font.size": 9,
    "text.parse_math": False,  # a dollar sign in a description is one
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "axes.titlesize": 10,
    "lines.markersize": 4.5,
}
PANEL_WIDTH, PANEL_HEIGHT, ROW_HEIGHT, LINE_HEIGHT = 3.0, 3.0, 0.34, 0.15
"""Inches."""


def draw(figure: Figure, path: Path) -> None:
    """Write ``figure`` to ``path``; its suffix is the format."""
    with rc_context(STYLE):
        canvas = Canvas(figsize=_size(figure), layout="constrained")
        grid = canvas.subplots(figure.grid_rows, figure.columns, squeeze=False)
        for number, axes in enumerate(grid.flat):
            if number < len(figure.panels):
                _panel(axes, figure, figure.panels[number], is_first=not number % figure.columns)
            else:
                axes.set_axis_off()
        canvas.suptitle(figure.title, x=0.01, ha="left", fontweight="bold")
        _legend(canvas, figure)
        metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
        with writing(path):
            # The canvas grows by what would be cut: a long title, the label of a last tick.
            canvas.savefig(path, metadata=metadata, dpi=150, bbox_inches="tight", pad_inches=0.08)


def _size(figure: Figure) -> tuple[float, float]:
    rows = max((len(panel.rows) for panel in figure.panels), default=0)
    labels = (
        max(len(line) for p in figure.panels for row in p.rows for line in row.split("\n"))
        if rows
        else 0
    )
    height = 1.0 + (ROW_HEIGHT + LINE_HEIGHT * figure.more_lines) * rows if rows else PANEL_HEIGHT
    width = PANEL_WIDTH * (1.0 if rows else 2.2)
    return 0.4 + 0.075 * labels + width * figure.columns, 0.9 + height * figure.grid_rows


def _panel(axes: Axes, figure: Figure, panel: Panel, *, is_first: bool) -> None:
    for series in panel.series:
        _series(axes, figure, panel, series)
    axes.set_xlabel(panel.x_label)
    if panel.title:
        axes.set_title(panel.title)
    for is_log, set_scale, axis in (
        (panel.log_x, axes.set_xscale, axes.xaxis),
        (panel.log_y, axes.set_yscale, axes.yaxis),
    ):
        if is_log:
            set_scale("log")
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
            axis.set_minor_locator(NullLocator())
    if panel.rows:
        axes.set_yticks(range(len(panel.rows)), panel.rows if is_first else [""] * len(panel.rows))
        axes.set_ylim(len(panel.rows) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        for edge in range(1, len(panel.rows)):
            axes.axhline(edge - 0.5, color="#e4e4e4", linewidth=0.7)
    else:
        axes.set_ylabel(panel.y_label)
    _marks(axes, panel)
    if panel.from_zero:
        (axes.set_xlim if panel.rows else axes.set_ylim)(*panel.extent)


def _series(axes: Axes, figure: Figure, panel: Panel, series: Series) -> None:
    axes.errorbar(
        series.x,
        series.y,
        yerr=series.y_error or None,
        xerr=series.x_error or None,
        color=figure.colour(series.name),
        linewidth=1.2,
        capsize=2.0,
        label=series.name,
        **_look(figure, series, is_joined=panel.joined),
    )


def _look(figure: Figure, series: Series, *, is_joined: bool) -> dict[str, Any]:
    """What sets the styles apart."""
    if series.style == "line":
        return {"marker": "none", "linestyle": "-"}
    if series.style == "steps":
        return {"marker": "none", "linestyle": "-", "drawstyle": "steps-mid"}
    if series.style == "hollow":
        return {"marker": "D", "linestyle": "none", "fillstyle": "none", "markersize": 6.0}
    marker = MARKERS[figure.hues.index(series.coloured_as) % len(MARKERS)]
    return {"marker": marker, "linestyle": "-" if is_joined else "none"}


def _marks(axes: Axes, panel: Panel) -> None:
    for low, high in panel.shaded:
        axes.axvspan(low, high, color=SHADE, linewidth=0, zorder=0)
    for moment in panel.moments:
        axes.axvline(moment, color="#b3261e", linewidth=0.6, alpha=0.6)
    line = axes.axvline if panel.rows else axes.axhline
    for value, word in panel.marks:
        line(value, color="#555555", linewidth=0.8, linestyle="--")
        if panel.rows:
            axes.annotate(
                word,
                (value, 1.0),
                xycoords=("data", "axes fraction"),
                color="#555555",
                ha="center",
                va="bottom",
                fontsize=7,
            )
        else:
            axes.annotate(
                f" {word}",
                (1.0, value),
                xycoords=("axes fraction", "data"),
                color="#555555",
                ha="left",
                va="center",
                fontsize=7,
            )


def _legend(canvas: Canvas, figure: Figure) -> None:
    """One legend for all panels, if there is anything to tell apart."""
    if len(figure.names) < 2:
        return
    handles: dict[str, Any] = {}
    for axes in canvas.axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    canvas.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower left",
        ncols=6,
        frameon=False,
        fontsize=8,
    )
