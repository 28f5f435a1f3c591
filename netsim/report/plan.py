"""Plans as figures and rows, from the JSON that `netsim plan` prints."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netsim.report.figure import Figure, Panel, Series, Style
from netsim.report.text import fixed
from netsim.topology.processes import unusable_labels

Told = Mapping[str, Any]
"""One plan as `netsim.plan.report.plan_json` gives it."""

PARTIAL = "PARTIAL: stopped before its end"
GROWTH = "Channels for everyone who wants key"
GROWTH_NUMBERS = (
    "Users",
    "Channels",
    "Bound",
    "One\npump",
    "Span",
    "Poorest\n[bit/s]",
    "Dim\npairs",
)
GROWTH_NAMES = ("Pumps",)
GROWTH_NOTE = "One pump: channels that it would need, two a wanted pair. Key by formula."
TRADEOFF = "Channels against smallest key rate, by formula"
TRADEOFF_NAMES = ("Pumps",)
TRADEOFF_NUMBERS = (
    "Channels",
    "Bound",
    "Span",
    "Power\n[mW]",
    "Poorest\n[bit/s]",
    "All\n[bit/s]",
    "Dim\npairs",
)
DIM = "too faint among their other clicks: their clocks are not sure to be found, nor any key made"
COMB = "channel label (ITU, 100 GHz apart)"
ARC_POINTS = 40


def growth_cells(plan: Told) -> tuple[list[str], list[str]]:
    """Numbers and pumps of a row of `GROWTH`."""
    numbers = [
        str(len(plan["users"])),
        str(plan["channels"]),
        str(plan["lower_bound"]),
        str(2 * len(plan["pairs"])),
        str(plan["span"]),
        fixed(min(_formula_bps(plan)), 3),
        str(plan["dim_pairs"]),
    ]
    return numbers, [_pumps(plan)]


def table_notes(plans: Sequence[Told], *, is_growth: bool) -> Iterator[str]:
    """What is to be known beside the rows of several plans."""
    if is_growth:
        yield GROWTH_NOTE
    if any(plan["dim_pairs"] for plan in plans):
        yield f"Dim pairs are {DIM}."
    for plan in plans:
        yield from plan["lacks"]


def tradeoff_cells(plan: Told) -> tuple[list[str], list[str]]:
    """Pumps and numbers of a row of `TRADEOFF`."""
    numbers = [
        str(plan["channels"]),
        str(plan["lower_bound"]),
        str(plan["span"]),
        fixed(plan["power_mw"], 3),
        fixed(min(_formula_bps(plan)), 3),
        fixed(sum(_formula_bps(plan)), 1),
        str(plan["dim_pairs"]),
    ]
    return [_pumps(plan)], numbers


def _formula_bps(plan: Told) -> list[float]:
    """What plans are compared by: key of each wanted pair, whether its clocks are found or not."""
    return [pair["formula_bps"] for pair in plan["pairs"]]


def _pumps(plan: Told) -> str:
    return " ".join(f"C{pump}" for pump in plan["pumps"])


def tradeoff_figure(plans: Sequence[Told], *, is_partial: bool = False) -> Figure:
    """The smallest key rate against the number of channels."""
    points = [(float(plan["channels"]), min(_formula_bps(plan))) for plan in plans]
    counts = [len(plan["pumps"]) for plan in plans]
    series = [_series("curve", points, style="line")]
    for count in sorted(set(counts)):
        own = [point for point, pumps in zip(points, counts, strict=True) if pumps == count]
        series.append(_series(f"pumps: {count}", own))
    panel = Panel(
        x_label="channels",
        y_label="smallest key rate of a pair [bit/s]",
        series=tuple(series),
        log_y=all(y > 0 for _, y in points),
    )
    return Figure(f"{len(plans[0]['users'])} users" + _mark(is_partial), (panel,))


def growth_figure(plans: Sequence[Told], *, is_partial: bool = False) -> Figure:
    """Channels and span against the number of users."""

    def over_users(name: str, values: list[int], style: Style = "points") -> Series:
        users = [float(len(plan["users"])) for plan in plans]
        return _series(name, list(zip(users, map(float, values), strict=True)), style)

    bound = over_users("lower bound", [plan["lower_bound"] for plan in plans], "line")
    is_span = plans[0]["objective"] == "span"
    channels = (
        over_users("one pump, channels", [2 * len(plan["pairs"]) for plan in plans]),
        over_users("channels", [plan["channels"] for plan in plans]),
    )
    spans = (over_users("span", [plan["span"] for plan in plans]),)
    panels = (
        _growth_panel("channels", channels if is_span else (*channels, bound)),
        _growth_panel("span [comb positions]", (*spans, bound) if is_span else spans),
    )
    return Figure(GROWTH + _mark(is_partial), panels)


def _growth_panel(y_label: str, series: tuple[Series, ...]) -> Panel:
    return Panel(x_label="users", y_label=y_label, series=series, log_y=True)


def _mark(is_partial: bool) -> str:  # noqa: FBT001  # the only thing it is about
    return f" ({PARTIAL})" if is_partial else ""


def _series(name: str, points: Sequence[tuple[float, float]], style: Style = "points") -> Series:
    return Series(name, tuple(x for x, _ in points), tuple(y for _, y in points), style=style)


def users_figure(plan: Told) -> Figure:
    """A row a user with its channels, between them the pumps and their stimulated lines."""
    names = tuple(plan["users"])
    points = [(label, k) for k, name in enumerate(names) for label in plan["users"][name]]
    known = [label for label, _ in points]
    low, high = min([*known, *plan["pumps"]]), max([*known, *plan["pumps"]])
    stimulated = [
        label
        for label in unusable_labels(plan["pumps"])
        if low <= label <= high and label not in plan["pumps"]
    ]
    rows = (*names, "pumps")
    series = (
        _series("channels of users", [(float(x), float(k)) for x, k in points]),
        _series("pumps", [(float(pump), float(len(names))) for pump in plan["pumps"]]),
        _series("stimulated lines", [(float(x), float(len(names))) for x in stimulated], "hollow"),
    )
    return Figure("Who has which channel", (Panel(COMB, "", series, rows=rows),))


def lanes_figure(plan: Told) -> Figure:
    """Lanes as arcs over the comb, a colour for each sum of labels, which pumps make."""
    lanes = [sorted(lane["channels"]) for lane in plan["lanes"]]
    sums = sorted({low + high for low, high in lanes})
    series = tuple(
        _arcs(sum_name(plan["pumps"], total), [lane for lane in lanes if sum(lane) == total])
        for total in sums
    )
    return Figure("Lanes", (Panel(COMB, "distance of its channels", series),))


def _arcs(name: str, lanes: Sequence[Sequence[int]]) -> Series:
    """Half ellipses with gaps between them, as high as they are wide."""
    angles = [k * math.pi / ARC_POINTS for k in range(ARC_POINTS + 1)]
    x: list[float] = []
    y: list[float] = []
    for low, high in lanes:
        radius = (high - low) / 2
        x += [(low + high) / 2 - radius * math.cos(angle) for angle in angles]
        y += [2 * radius * math.sin(angle) for angle in angles]
        x.append(math.nan)
        y.append(math.nan)
    return Series(name, tuple(x), tuple(y), style="line")


def key_figure(plan: Told) -> Figure:
    """Key of every wanted pair, the richest first."""
    rates = sorted((pair["skr_bps"] for pair in plan["pairs"]), reverse=True)
    points = [(float(rank), rate) for rank, rate in enumerate(rates, start=1)]
    is_log = bool(rates) and rates[-1] > 0
    panel = Panel(
        "rank of a pair", "asymptotic key [bit/s]", (_series("pairs", points),), log_y=is_log
    )
    return Figure("Key of every wanted pair", (panel,))


def user_rows(plan: Told) -> Iterator[tuple[list[str], list[str]]]:
    """Name and channels of each user; its singles, its poorest pair, all its key."""
    for name, labels in plan["users"].items():
        own = [pair["skr_bps"] for pair in plan["pairs"] if name in pair["users"]]
        channels = " ".join(f"C{label}" for label in labels)
        singles = fixed(plan["singles_hz"][name], 0)
        yield [name, channels], [singles, fixed(min(own), 2), fixed(sum(own), 1)]


def sum_name(pumps: Sequence[int], total: int) -> str:
    """Which pumps make pairs with this sum of labels."""
    ways = (
        f"2 C{p}" if p == q else f"C{p} + C{q}"
        for k, p in enumerate(pumps)
        for q in pumps[k:]
        if p + q == total
    )
    return " or ".join(ways)
