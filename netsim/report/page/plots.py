"""Figures on a page; without the extra ``report`` there are none, and the page says so."""

from collections.abc import Iterator
from html import escape
from importlib import import_module
from typing import Any

from netsim.report.figure import EXTRA_HINT, Figure

FOR_PRINTERS = """
const eachPlot = (change) => document.querySelectorAll(".js-plotly-plot").forEach(
  (plot) => Plotly.relayout(plot, change(plot)));
addEventListener("beforeprint", () => eachPlot((plot) => {
  plot.dataset.height ??= plot.layout.height;
  return {width: 680, height: 0.8 * plot.dataset.height};
}));
addEventListener("afterprint", () => eachPlot(
  (plot) => ({width: null, autosize: true, height: Number(plot.dataset.height)})));
"""
"""Plots as wide as a sheet of A4 while they are printed, and low enough for text ahead of them."""


class Plots:
    """Draws figures into a page that holds `script` in its head."""

    def __init__(self) -> None:
        self._drawing = _drawing()

    @property
    def are_there(self) -> bool:
        """Whether plotly is installed."""
        return self._drawing is not None

    @property
    def script(self) -> str:
        """Source of plotly.js, once for all figures; empty without it."""
        if self._drawing is None:
            return ""
        return f"<script>{self._drawing.script()}</script>\n<script>{FOR_PRINTERS}</script>"

    def hint(self) -> Iterator[str]:
        """What to install where there are no plots."""
        if self._drawing is None:
            yield f"<p><strong>{escape(EXTRA_HINT)}</strong></p>"

    def plot(self, figure: Figure, identifier: str) -> Iterator[str]:
        """HTML of ``figure`` with an ``identifier`` of its own; nothing without plotly."""
        if self._drawing is not None:
            yield f'<div class="plot">{self._drawing.fragment(figure, identifier)}</div>'


def _drawing() -> Any:
    """The module that draws with plotly; None where plotly is not installed."""
    try:
        return import_module("netsim.report.html")
    except ImportError:
        return None
