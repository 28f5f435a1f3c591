"""Plans and curves as SVG, PDF or PNG; importing this needs the extra ``report`` (matplotlib).

It knows finished plans, and computes nothing.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from netsim.errors import ConfigError, Fault, writing
from netsim.plan.allocation import Allocation
from netsim.plan.planner import Plan
from netsim.plan.plot_large import X_LABEL, draw_large
from netsim.plan.report import headline, plan_json
from netsim.report.figure import COLOURS
from netsim.report.plan import growth_figure, sum_name, tradeoff_figure
from netsim.report.svg import STYLE, draw
from netsim.topology.processes import unusable_labels

SUFFIXES = (".svg", ".pdf", ".png")
ARC_POINTS = 60
MOST_CHANNELS, MOST_SPAN = 60, 80
"""With more, single lanes cannot be told apart."""
LEAST_WIDTH = 8.0
"""Of a drawing in inches."""
POSITION_INCH, ROW_INCH, ARCS_INCH = 0.28, 0.28, 3.0


def plot_plan(plan: Plan, path: Path) -> None:
    """Draw the comb with its lanes as arcs, and below it the channels of every user.

    Where the arcs would cover each other, with more channels than `MOST_CHANNELS` or a span above
    `MOST_SPAN`, `draw_large` draws the plan.

    Raises
    ------
    ConfigError
        If the suffix of ``path`` is none of `SUFFIXES`.
    """
    _check(path)
    found = plan.allocation
    with rc_context(STYLE):
        is_large = found.channels > MOST_CHANNELS or found.span > MOST_SPAN
        canvas = draw_large(plan) if is_large else _draw_lanes(plan)
        canvas.suptitle(headline(plan), x=0.01, ha="left", fontweight="bold")
        metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
        with writing(path):
            canvas.savefig(path, metadata=metadata, dpi=120, bbox_inches="tight", pad_inches=0.08)


def _draw_lanes(plan: Plan) -> Canvas:
    allocation, users = plan.allocation, plan.request.users
    width = max(LEAST_WIDTH, POSITION_INCH * allocation.span)
    heights = ARCS_INCH, 0.8 + ROW_INCH * len(users)
    canvas = Canvas(figsize=(width, 0.6 + sum(heights)), layout="constrained")
    arcs, rows = canvas.subplots(2, 1, sharex=True, height_ratios=heights)
    _draw_arcs(arcs, allocation)
    _draw_users(rows, plan)
    return canvas


def plot_tradeoff(plans: Sequence[Plan], path: Path, *, is_partial: bool = False) -> None:
    """Draw the smallest key rate against the number of channels; raises as `plot_plan`."""
    _check(path)
    draw(tradeoff_figure([plan_json(plan) for plan in plans], is_partial=is_partial), path)


def plot_growth(plans: Sequence[Plan], path: Path, *, is_partial: bool = False) -> None:
    """Draw channels and span against the number of users; raises as `plot_plan`."""
    _check(path)
    draw(growth_figure([plan_json(plan) for plan in plans], is_partial=is_partial), path)


def suffix_faults(path: Path) -> Iterator[Fault]:
    """What keeps a drawing from being written to ``path``, before it is made."""
    if path.suffix not in SUFFIXES:
        yield Fault("--plot", f"{path} ends with none of {', '.join(SUFFIXES)}")


def _check(path: Path) -> None:
    faults = tuple(suffix_faults(path))
    if faults:
        raise ConfigError(faults)


def _draw_arcs(axes: Axes, allocation: Allocation) -> None:
    """Lanes as half ellipses over the comb, coloured by the sum of their labels."""
    comb, named = allocation.comb, set[int]()
    lanes = [sorted(lane.labels) for lane in allocation.lanes()]
    reach = max((high - low for low, high in lanes), default=1)
    angles = [k * math.pi / ARC_POINTS for k in range(ARC_POINTS + 1)]
    for low, high in lanes:
        centre, radius, total = (low + high) / 2, (high - low) / 2, low + high
        axes.plot(
            [centre - radius * math.cos(angle) for angle in angles],
            [2 * radius / reach * math.sin(angle) for angle in angles],
            color=COLOURS[comb.sums.index(total) % len(COLOURS)],
            linewidth=0.9,
            label=None if total in named else sum_name(comb.pumps, total),
        )
        named.add(total)
    _draw_pumps(axes, allocation)
    handles, names = axes.get_legend_handles_labels()
    order = [names.index(name) for t in comb.sums if (name := sum_name(comb.pumps, t)) in names]
    axes.legend([handles[k] for k in order], [names[k] for k in order], loc=2, fontsize=8)
    axes.set_yticks([])
    axes.set_ylim(bottom=0.0)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def _draw_pumps(axes: Axes, allocation: Allocation) -> None:
    """Pumps as named arrows, stimulated lines as short grey ones."""
    comb = allocation.comb
    labels = [*allocation.used.tolist(), *comb.pumps]
    low, high = min(labels), max(labels)
    for label in unusable_labels(comb.pumps):
        is_pump = label in comb.pumps
        if low <= label <= high:
            tip = label, 0.16 if is_pump else 0.09
            arrow = {"arrowstyle": "<-", "color": "black" if is_pump else "0.6"}
            axes.annotate("", (label, 0.0), tip, arrowprops=arrow)
    paper = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    for pump in comb.pumps:
        side = _alignment(pump, comb.pumps)
        axes.text(pump, 0.18, f"C{pump}", ha=side, bbox=paper, fontsize=7, zorder=3)
    axes.set_xlim(low - comb.spacing_labels, high + comb.spacing_labels)


def _alignment(pump: int, pumps: Sequence[int]) -> str:
    """Names of neighbouring pumps make room for each other."""
    if len(pumps) == 1 or pumps[0] < pump < pumps[-1]:
        return "center"
    return "right" if pump == pumps[0] else "left"


def _draw_users(axes: Axes, plan: Plan) -> None:
    """One row a user, one box a channel."""
    allocation, users = plan.allocation, plan.request.users
    width, palette = 0.8 * allocation.comb.spacing_labels, colormaps["tab20"]
    for k in range(len(users)):
        labels = allocation.labels_of(k)
        starts = [label - width / 2 for label in labels]
        colour = palette(k % 20)
        axes.barh([k] * len(labels), width, left=starts, color=colour)
        ink = ink_on(colour)
        for label in labels:
            axes.text(label, k, str(label), ha="center", va="center", fontsize=6, color=ink)
    axes.set_yticks(range(len(users)), users)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(X_LABEL)


def ink_on(colour: tuple[float, float, float, float]) -> str:
    """White or black, whichever has more contrast [1]_ to a colour given in sRGB.

    References
    ----------
    .. [1] W3C, Web Content Accessibility Guidelines 2.1, "relative luminance", "contrast ratio".
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "white" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "black"
