"""A plan with more channels than a drawing of single lanes can show: who has which, and the key.

It knows finished plans, and computes nothing.
"""

import math
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter
from numpy.typing import NDArray

from netsim.plan.planner import Plan

ROW_INCH, WIDTH_INCH, MARGIN_INCH = 0.17, 10.0, 1.1
FONT = 7
X_LABEL = "ITU label (190 THz + 0.1 THz each)"
DARK, UNWANTED = "black", "0.93"
"""Cells of wanted pairs without key, and of those who want none."""


def draw_large(plan: Plan) -> Canvas:
    """Rows of users with a tick for every channel; below them the key rate of every pair."""
    users = len(plan.request.users)
    side = max(4.0, ROW_INCH * users) + MARGIN_INCH
    canvas = Canvas(figsize=(max(WIDTH_INCH, side), 2 * side), layout="constrained")
    rows, matrix = canvas.subplots(2, 1)
    _draw_rows(rows, plan)
    _draw_matrix(canvas, matrix, plan)
    return canvas


def _draw_rows(axes: Axes, plan: Plan) -> None:
    allocation, users = plan.allocation, plan.request.users
    palette = colormaps["tab10"]
    for k in range(len(users)):
        axes.eventplot(
            allocation.labels_of(k), lineoffsets=k, linelengths=0.8, color=palette(k % 10)
        )
    for pump in allocation.comb.pumps:
        axes.axvline(pump, color="0.5", linewidth=0.6, zorder=0)
    axes.set_title(f"Channels; grey: {allocation.comb.pumps_text}", loc="left")
    _name(axes.yaxis, users)
    axes.set_ylim(len(users) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(X_LABEL)


def _draw_matrix(canvas: Canvas, axes: Axes, plan: Plan) -> None:
    users, rates_bps = plan.request.users, _rates_bps(plan)
    colours = colormaps["viridis"].with_extremes(bad=UNWANTED, under=DARK)
    some_bps = rates_bps[rates_bps > 0]
    low, high = (some_bps.min(), some_bps.max()) if some_bps.size else (1.0, 1.0)
    # A little room on both sides: a scale needs two ends, and the poorest pair is not dark.
    norm = LogNorm(0.99 * low, 1.01 * high)
    image = axes.imshow(np.maximum(rates_bps, 0.5 * low), cmap=colours, norm=norm, aspect="auto")
    bar = canvas.colorbar(image, ax=axes, label="asymptotic key of a pair [bit/s]")
    bar.locator, bar.formatter = LogLocator(subs=(1.0, 2.0, 5.0)), StrMethodFormatter("{x:g}")
    bar.minorlocator = NullLocator()
    dark = "; black: no key" if (rates_bps == 0).any() else ""
    axes.set_title(f"Key by the analytic twin; light grey: not wanted{dark}", loc="left")
    _name(axes.yaxis, users)
    _name(axes.xaxis, users)
    axes.tick_params(axis="x", rotation=90)
    axes.grid(visible=False)


def _rates_bps(plan: Plan) -> NDArray[np.float64]:
    """Key rates, symmetric, (users, users); NaN where nobody wants any."""
    place = {name: k for k, name in enumerate(plan.request.users)}
    rates_bps = np.full((len(place), len(place)), math.nan)
    for demand, bps in zip(plan.request.demands, plan.promised_bps, strict=True):
        row, column = (place[name] for name in demand.users)
        rates_bps[row, column] = rates_bps[column, row] = bps
    return rates_bps


def _name(axis: Any, users: tuple[str, ...]) -> None:
    axis.set_ticks(range(len(users)), users, fontsize=FONT)
