"""Draws a figure with plotly, as one HTML file; importing this needs the extra ``report``.

The file needs no network. Same figure, same bytes: the identifiers in it are fixed.
"""

from pathlib import Path
from typing import Any

from plotly import graph_objects
from plotly.subplots import make_subplots

from netsim.report.figure import Figure, Panel

PANEL_HEIGHT, ROW_HEIGHT, MARGIN = 420, 30, 150
"""Pixels."""


def draw(figure: Figure, path: Path) -> None:
    """Write ``figure`` to ``path``."""
    rows = max((len(panel.rows) for panel in figure.panels), default=0)
    height = MARGIN + ROW_HEIGHT * rows if rows else PANEL_HEIGHT
    page = make_subplots(rows=figure.grid_rows, cols=figure.columns, shared_yaxes=bool(rows))
    shown: set[str] = set()
    for number, panel in enumerate(figure.panels):
        row, column = divmod(number, figure.columns)
        place = {"row": row + 1, "col": column + 1}
        _panel(page, figure, panel, place, shown)
    page.update_layout(
        title=figure.title,
        template="simple_white",
        height=height * figure.grid_rows + MARGIN,
        showlegend=len(figure.names) > 1,
        legend={"orientation": "h", "y": -0.15},
    )
    page.write_html(path, include_plotlyjs=True, div_id="figure")


def _panel(page: Any, figure: Figure, panel: Panel, place: dict[str, int], shown: set[str]) -> None:
    for series in panel.series:
        page.add_trace(
            graph_objects.Scatter(
                x=series.x,
                y=series.y,
                error_y={"array": series.y_error} if series.y_error else None,
                name=series.name,
                legendgroup=series.name,
                showlegend=series.name not in shown,
                mode="lines+markers" if panel.joined else "markers",
                marker={"color": figure.colour(series.name)},
            ),
            **place,
        )
        shown.add(series.name)
    page.update_xaxes(title=panel.x_label, showgrid=True, **place)
    page.update_yaxes(title=panel.y_label, showgrid=not panel.rows, **place)
    if panel.rows:
        names = [row.replace("\n", "<br>") for row in panel.rows]
        page.update_yaxes(tickvals=list(range(len(names))), ticktext=names, **place)
        page.update_yaxes(range=[len(names) - 0.5, -0.5], **place)
    if panel.from_zero:
        (page.update_xaxes if panel.rows else page.update_yaxes)(rangemode="tozero", **place)
    draw_line = page.add_vline if panel.rows else page.add_hline
    for value, word in panel.marks:
        draw_line(value, line={"color": "#555555", "dash": "dash"}, annotation_text=word, **place)
