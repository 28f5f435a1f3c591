"""Plans and curves as SVG, PDF or PNG, where matplotlib is installed (extra ``report``).

It knows finished plans, and computes nothing.
"""

import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from netsim.errors import ConfigError, Fault
from netsim.plan.allocation import Allocation
from netsim.plan.comb import classical_labels
from netsim.plan.planner import Plan
from netsim.plan.report import headline

SUM_COLOURS = ("tab:blue", "tab:red", "tab:green", "tab:purple", "tab:orange", "tab:brown")
"""Of the lanes, by which two pumps made the pair."""
ARC_POINTS = 40


def plot_plan(plan: Plan, path: Path) -> None:
    """Draw comb, lanes as arcs, and the channels of every user.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or cannot write such a file.
    """
    pyplot = _pyplot()
    allocation, users = plan.allocation, plan.request.users
    width = min(40.0, max(8.0, 0.28 * allocation.span))
    height = 4.0 + 0.28 * len(users)
    figure, (arcs, rows) = pyplot.subplots(
        2,
        1,
        sharex=True,
        figsize=(width, height),
        height_ratios=(3.0, 0.8 + 0.28 * len(users)),
        layout="constrained",
    )
    colours = [pyplot.get_cmap("tab20")(k % 20) for k in range(len(users))]
    _draw_arcs(arcs, allocation)
    _draw_users(rows, plan, colours)
    figure.suptitle(headline(plan), fontsize=11)
    _save(pyplot, figure, path)


def plot_tradeoff(plans: Sequence[Plan], path: Path) -> None:
    """Draw the smallest key rate against the number of channels; raises as `plot_plan`."""
    pyplot = _pyplot()
    figure, axis = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    axis.plot(
        [plan.allocation.channels for plan in plans],
        [min(plan.wanted_bps) for plan in plans],
        color="0.7",
        zorder=1,
    )
    for count in sorted({len(plan.allocation.comb.pumps) for plan in plans}):
        chosen = [plan for plan in plans if len(plan.allocation.comb.pumps) == count]
        axis.scatter(
            [plan.allocation.channels for plan in chosen],
            [min(plan.wanted_bps) for plan in chosen],
            label="one pump" if count == 1 else f"{count} pumps",
            zorder=2,
        )
    axis.set_xlabel("channels")
    axis.set_ylabel("smallest key rate of a pair [bit/s]")
    axis.set_yscale("log")
    axis.set_title(f"{len(plans[0].request.users)} users")
    axis.legend()
    axis.grid(visible=True, alpha=0.3)
    _save(pyplot, figure, path)


def _pyplot() -> Any:
    try:
        import_module("matplotlib").use("agg")
        return import_module("matplotlib.pyplot")
    except ImportError as error:
        fault = Fault("--plot", "needs matplotlib: pip install 'qnsp-netsim[report]'")
        raise ConfigError((fault,)) from error


def _save(pyplot: Any, figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
    except ValueError as error:
        raise ConfigError((Fault("--plot", str(error)),)) from error
    finally:
        pyplot.close(figure)


def _draw_arcs(axis: Any, allocation: Allocation) -> None:
    """Lanes as half ellipses over the comb, coloured by the sum of their labels."""
    comb = allocation.comb
    colours = dict(zip(comb.sums, SUM_COLOURS, strict=False))
    named: set[int] = set()
    reach = max((abs(b - a) for a, b in (lane.labels for lane in allocation.lanes())), default=1)
    for lane in allocation.lanes():
        low, high = sorted(lane.labels)
        total = low + high
        angles = [k * math.pi / ARC_POINTS for k in range(ARC_POINTS + 1)]
        centre, radius = total / 2, (high - low) / 2
        axis.plot(
            [centre - radius * math.cos(angle) for angle in angles],
            [radius / reach * math.sin(angle) for angle in angles],
            color=colours.get(total, "0.5"),
            linewidth=0.9,
            label=None if total in named else _sum_name(comb.pumps, total),
        )
        named.add(total)
    low, high = _reach(allocation)
    for label, reason in classical_labels(comb.pumps).items():
        is_pump = reason == "a pump"
        if not low <= label <= high:
            continue
        axis.annotate(
            f"C{label}" if is_pump else "",
            (label, 0.0),
            (label, 0.16 if is_pump else 0.09),
            arrowprops={"arrowstyle": "<-", "color": "black" if is_pump else "0.6"},
            ha="center",
            fontsize=8,
        )
    axis.legend(loc="upper left", fontsize=8)
    axis.set_yticks([])
    axis.set_ylim(bottom=0.0)
    axis.set_xlim(low - comb.spacing_labels, high + comb.spacing_labels)
    axis.spines[["left", "right", "top"]].set_visible(False)


def _reach(allocation: Allocation) -> tuple[int, int]:
    """Lowest and highest label that is used or pumped."""
    labels = [*allocation.used.tolist(), *allocation.comb.pumps]
    return min(labels), max(labels)


def _draw_users(axis: Any, plan: Plan, colours: list[Any]) -> None:
    """One row a user, one box a channel."""
    allocation, users = plan.allocation, plan.request.users
    width = 0.8 * allocation.comb.spacing_labels
    for k in range(len(users)):
        labels = allocation.labels_of(k)
        axis.barh([k] * len(labels), width, left=[a - width / 2 for a in labels], color=colours[k])
        for label in labels if allocation.channels <= 100 else []:
            axis.text(label, k, str(label), ha="center", va="center", fontsize=6)
        axis.axhline(k, color="0.9", linewidth=0.6, zorder=0)
    axis.set_yticks(range(len(users)), users)
    axis.invert_yaxis()
    axis.set_xlabel("ITU label (190 THz + 0.1 THz each)")
    axis.spines[["right", "top"]].set_visible(False)


def _sum_name(pumps: Sequence[int], total: int) -> str:
    """Which pumps make pairs with this sum."""
    ways = [
        f"2 C{p}" if p == q else f"C{p} + C{q}"
        for k, p in enumerate(pumps)
        for q in pumps[k:]
        if p + q == total
    ]
    return " or ".join(ways)
