"""Draws a figure with plotly, as one HTML file; importing this needs the extra ``report``.

The file needs no network. Same figure, same bytes: the identifiers in it are fixed.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from plotly import graph_objects
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from netsim.errors import writing
from netsim.report.figure import SHADE, Figure, Panel, Series
from netsim.results.files import write_whole

PANEL_HEIGHT, ROW_HEIGHT, LINE_HEIGHT, MARGIN = 420, 30, 16, 150
TOP, TOP_WITH_TITLE, BOTTOM, LEGEND_DROP, BETWEEN_ROWS = 50, 100, 130, 75, 95
"""Pixels."""
NARROW = 10.0
"""An axis from a number to less than so many times as much has ticks in between."""
FEW = 12
"""Whole numbers on an axis that each have a tick."""
BETWEEN_ROWED, BETWEEN_COLUMNS = 0.2, 0.26
"""Between panels, in widths of one: with the names of rows shared, or room for numbers."""
PANEL_REM = 20
"""Width that a panel needs; on a smaller screen the figure is moved sideways in its box."""
VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'

MODES = {"points": "markers", "hollow": "markers", "line": "lines", "steps": "lines"}
CONFIG = {"displaylogo": False, "responsive": True}


def draw(figure: Figure, path: Path) -> None:
    """Write ``figure`` to ``path``."""
    _write(figure, path, plotlyjs=True)


def draw_sharing(figure: Figure, path: Path) -> None:
    """Write ``figure`` to ``path``; plotly.js is in ``plotly.min.js`` beside it."""
    _write(figure, path, plotlyjs="directory")


def _write(figure: Figure, path: Path, *, plotlyjs: bool | str) -> None:
    """A whole page, as wide as the screen that it is on."""
    with writing(path):
        plot(figure).write_html(path, include_plotlyjs=plotlyjs, div_id="figure", config=CONFIG)
    text = path.read_text(encoding="utf-8")
    write_whole(path, text.replace("<head>", f"<head>{VIEWPORT}", 1))


def fragment(figure: Figure, identifier: str) -> str:
    """HTML of ``figure`` for a page that holds `script` once and no other ``identifier``.

    The page says the title.
    """
    page = plot(figure)
    page.update_layout(title=None, margin={"t": TOP})
    html: str = page.to_html(
        full_html=False, include_plotlyjs=False, div_id=identifier, config=CONFIG
    )
    return f'<div style="min-width:{PANEL_REM * figure.columns}rem">{html}</div>'


def script() -> str:
    """Source of plotly.js."""
    source: str = get_plotlyjs()
    return source


def plot(figure: Figure) -> Any:
    """The figure as one of plotly."""
    rows = max((len(panel.rows) for panel in figure.panels), default=0)
    height = (
        MARGIN + (ROW_HEIGHT + LINE_HEIGHT * figure.more_lines) * rows if rows else PANEL_HEIGHT
    )
    height = height * figure.grid_rows + MARGIN
    inside = height - TOP_WITH_TITLE - BOTTOM
    page = make_subplots(
        rows=figure.grid_rows,
        cols=figure.columns,
        shared_yaxes=bool(rows),
        horizontal_spacing=(BETWEEN_ROWED if rows else BETWEEN_COLUMNS) / figure.columns,
        vertical_spacing=BETWEEN_ROWS / inside,
        subplot_titles=[_plain(panel.title) for panel in figure.panels],
    )
    shown: set[str] = set()
    for number, panel in enumerate(figure.panels):
        row, column = divmod(number, figure.columns)
        place = {"row": row + 1, "col": column + 1}
        _panel(page, figure, panel, place, shown)
    page.update_layout(
        title=figure.title,
        template="simple_white",
        height=height,
        margin={"t": TOP_WITH_TITLE, "b": BOTTOM, "l": 80, "r": 30},
        showlegend=len(figure.names) > 1,
        legend={
            "orientation": "h",
            "yanchor": "top",
            "y": -LEGEND_DROP / inside,
        },
    )
    return page


def _panel(page: Any, figure: Figure, panel: Panel, place: dict[str, int], shown: set[str]) -> None:
    for series in panel.series:
        page.add_trace(_trace(figure, panel, series, is_first=series.name not in shown), **place)
        shown.add(series.name)
    page.update_xaxes(title=panel.x_label, showgrid=True, **_whole_ticks(panel), **place)
    page.update_yaxes(title=panel.y_label, showgrid=not panel.rows, **place)
    if panel.log_x:
        page.update_xaxes(type="log", **_log_ticks(s.x for s in panel.series), **place)
    if panel.log_y:
        page.update_yaxes(type="log", **_log_ticks(s.y for s in panel.series), **place)
    if panel.rows:
        names = [row.replace("\n", "<br>") for row in panel.rows]
        page.update_yaxes(tickvals=list(range(len(names))), ticktext=names, **place)
        page.update_yaxes(range=[len(names) - 0.5, -0.5], **place)
    if panel.from_zero:
        update = page.update_xaxes if panel.rows else page.update_yaxes
        update(range=list(panel.extent), **place)
    draw_line = page.add_vline if panel.rows else page.add_hline
    # The template's lines have no width.
    line = {"color": "#555555", "dash": "dash", "width": 1}
    for value, word in panel.marks:
        draw_line(value, line=line, opacity=1, annotation_text=word, **place)
    for moment in panel.moments:
        page.add_vline(moment, line={"color": "#b3261e", "width": 0.7}, opacity=0.6, **place)
    for low, high in panel.shaded:
        page.add_vrect(low, high, fillcolor=SHADE, opacity=1, line_width=0, layer="below", **place)


def _plain(text: str) -> str:
    """Text that plotly takes for no markup."""
    return text.replace("<", "&lt;")


def _whole_ticks(panel: Panel) -> dict[str, Any]:
    """A tick at each of a few whole numbers, as of users or rounds, and none between them."""
    values = [value for one in panel.series for value in one.x]
    is_counted = values and not panel.log_x and all(float(value).is_integer() for value in values)
    return {"dtick": 1} if is_counted and 0 < max(values) - min(values) <= FEW else {}


def _log_ticks(values: Iterable[Sequence[float]]) -> dict[str, Any]:
    """Ticks at 1, 2 and 5 times powers of ten, or more, written out; plotly writes 2 for 0.2."""
    positive = [value for some in values for value in some if value > 0.0]
    if not positive:
        return {}
    low, high = min(positive), max(positive)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high > NARROW * low else (1, 1.5, 2, 3, 4, 5, 6, 8)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    return {"tickvals": ticks, "ticktext": [f"{tick:,.10g}" for tick in ticks]}


def _trace(figure: Figure, panel: Panel, series: Series, *, is_first: bool) -> Any:
    is_joined = panel.joined and series.style == "points"
    return graph_objects.Scatter(
        x=series.x,
        y=series.y,
        error_y={"array": series.y_error} if series.y_error else None,
        error_x={"array": series.x_error} if series.x_error else None,
        name=_plain(series.name),
        legendgroup=series.name,
        showlegend=is_first,
        mode="lines+markers" if is_joined else MODES[series.style],
        marker={
            "color": figure.colour(series.name),
            "symbol": "diamond-open" if series.style == "hollow" else "circle",
            "size": 9 if series.style == "hollow" else 6,
        },
        line={
            "color": figure.colour(series.name),
            "shape": "hvh" if series.style == "steps" else "linear",
            "width": 1.5,
        },
    )
