"""Figures of a run: pools and rounds over time, clicks of each detector, arrival differences."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from netsim.demand.terms import Thresholds
from netsim.pools.history import BOTH, PoolHistory
from netsim.report.figure import Figure, Panel, Series
from netsim.report.tables import DETECTOR_NAMES
from netsim.results.demand import DemandResult
from netsim.results.histograms import LaneHistogram
from netsim.results.run import Run
from netsim.results.trace import RoundRecord
from netsim.units import PS_PER_NS, s_from_ps

MOST_LINKS = 8
"""As many as there are colours: those with the most key."""
APART = 0.16
"""Of detectors of one row, in rows."""
MOST_LINES = 60
"""Of alarms and changes in a plot."""
MOST_LANES = 12
"""Of which arrival differences are drawn: those with the most."""
IN_A_ROW = 3
"""Panels of lanes."""
MOST_POINTS = 2000
"""Of a curve of keys."""
UNITS_S = {"d": 86_400.0, "h": 3600.0}
LEAST = 3.0
"""So many units of a run put its time into them; shorter runs have seconds."""

Moments = tuple[float, ...]

_ROUND_PANELS: tuple[tuple[str, Callable[[RoundRecord], float | None]], ...] = (
    ("QBER [%]", lambda one: None if one.qber is None else 100.0 * one.qber),
    ("sifted [bit]", lambda one: one.sifted_bits),
    ("f: parity bits / n h(QBER)", lambda one: one.efficiency),
    ("key to the pool [bit]", lambda one: one.key_bits if one.key_bits is not None else 0),
)


def pool_figure(histories: Sequence[PoolHistory], end_s: float, moments: Moments) -> Figure:
    """What both ends of each link have in common, over time."""
    both = [history for history in histories if history.end == BOTH]
    richest = sorted(both, key=lambda history: -_last(history))[:MOST_LINKS]
    shown = sorted(richest, key=lambda history: history.link)  # with the colours of their rounds
    series = tuple(_level(history, end_s) for history in shown)
    more = (
        f"{len(richest)} of {len(both)} links, those with most" if len(richest) < len(both) else ""
    )
    panel = Panel("", "usable key [bit]", series, title=more, moments=_few(moments))
    return Figure("Pools", (_over_time(panel, end_s),))


def demand_figure(
    demand: DemandResult,
    *,
    histories: Sequence[PoolHistory],
    thresholds: Mapping[frozenset[str], Thresholds],
    keys_s: Mapping[str, Sequence[float]],
    end_s: float,
    moments: Moments,
) -> Figure:
    """Pools that applications draw from, with their thresholds, and the keys that were given.

    Of many the first ones are drawn, as many as there are colours.
    """
    both = {history.link: history for history in histories if history.end == BOTH}
    drawn = [each.users for each in demand.pools if "-".join(each.users) in both][:MOST_LINKS]
    levels = tuple(_level(both["-".join(users)], end_s) for users in drawn)
    marks = tuple(
        (float(bits), f"{'-'.join(users)} {name}")
        for users in drawn
        for name, bits in _levels_of(thresholds.get(frozenset(users), Thresholds()))
    )
    given = tuple(
        _given(name, times_s, end_s) for name, times_s in list(keys_s.items())[:MOST_LINKS]
    )
    panels = (
        Panel("", "usable key [bit]", levels, marks=marks, from_zero=True, moments=_few(moments)),
        Panel("", "keys given", given, from_zero=True, moments=_few(moments)),
    )
    return Figure("Demand", tuple(_over_time(panel, end_s) for panel in panels), columns=2)


def _levels_of(levels: Thresholds) -> Iterator[tuple[str, int]]:
    """Those that tie something."""
    known = {"minimum": levels.minimum_bits, "threshold": levels.threshold_bits}
    yield from ((name, bits) for name, bits in known.items() if bits)
    if levels.maximum_bits is not None:
        yield "maximum", levels.maximum_bits


def _given(name: str, times_s: Sequence[float], end_s: float) -> Series:
    """Their number grows by one at each; of very many some are drawn."""
    step = 1 + len(times_s) // MOST_POINTS
    drawn = range(0, len(times_s), step)
    times = (0.0, *(times_s[k] for k in drawn), end_s)
    counts = (0.0, *(float(k + 1) for k in drawn), float(len(times_s)))
    return Series(name, times, counts, style="line")


def round_figure(rounds: Iterable[RoundRecord], end_s: float, moments: Moments) -> Figure:
    """A panel a quantity, a point a round."""
    by_link: dict[str, list[RoundRecord]] = {}
    for one in rounds:
        by_link.setdefault(one.link, []).append(one)
    keys = {link: sum(one.key_bits or 0 for one in found) for link, found in by_link.items()}
    shown = sorted(by_link, key=lambda link: -keys[link])[:MOST_LINKS]
    panels = tuple(
        Panel(
            "",
            label,
            tuple(_points(link, by_link[link], value) for link in sorted(shown)),
            from_zero=not label.startswith("f"),
            moments=_few(moments),
        )
        for label, value in _ROUND_PANELS
    )
    return Figure("Rounds", tuple(_over_time(panel, end_s) for panel in panels), columns=2)


def singles_figure(run: Run) -> Figure:
    """A row a user, a point a detector; those of equal rates stand below each other."""
    names = tuple(user.name for user in run.users)
    rates_hz = [user.detectors_hz for user in run.users]
    middle = (len(DETECTOR_NAMES) - 1) / 2
    series = tuple(
        Series(
            name,
            tuple(rates[k] for rates in rates_hz),
            tuple(row + APART * (k - middle) for row in range(len(names))),
        )
        for k, name in enumerate(DETECTOR_NAMES)
    )
    return Figure("Singles", (Panel("clicks [1/s]", "", series, rows=names, from_zero=True),))


def histogram_figure(histograms: Sequence[LaneHistogram]) -> Figure:
    """A panel a lane, its window shaded."""
    most = sorted(histograms, key=lambda one: -sum(one.counts))[:MOST_LANES]
    shown = [one for one in histograms if one in most]
    return Figure(
        "Arrival differences", tuple(map(_differences, shown)), columns=min(IN_A_ROW, len(shown))
    )


def _differences(one: LaneHistogram) -> Panel:
    middles = ((low_ps + high_ps) / 2 for low_ps, high_ps in one.edges_ps)
    x_ns = tuple((middle_ps - one.delay_ps) / PS_PER_NS for middle_ps in middles)
    low_ns, high_ns = ((edge_ps - one.delay_ps) / PS_PER_NS for edge_ps in one.window_edges_ps)
    lane = f"{' & '.join(one.users)}, {' & '.join(one.channels)}"
    return Panel(
        "from the middle of the window [ns]",
        f"pairs of clicks in {one.bin_ps} ps",
        (Series("pairs of clicks", x_ns, tuple(map(float, one.counts)), style="steps"),),
        title=lane,
        from_zero=True,
        shaded=((low_ns, high_ns),),
    )


def _last(history: PoolHistory) -> int:
    return history.levels_bits[-1] if history.levels_bits else 0


def _level(history: PoolHistory, end_s: float) -> Series:
    """A level stays until it changes."""
    times: list[float] = [0.0]
    levels: list[float] = [0.0]
    for time_ps, level_bits in zip(history.times_ps, history.levels_bits, strict=True):
        times += [s_from_ps(time_ps)] * 2
        levels += [levels[-1], float(level_bits)]
    times.append(max(end_s, times[-1]))
    levels.append(levels[-1])
    return Series(history.link, tuple(times), tuple(levels), style="line")


def _points(
    link: str, rounds: Sequence[RoundRecord], value: Callable[[RoundRecord], float | None]
) -> Series:
    known = [(one.end_s, found) for one in rounds if (found := value(one)) is not None]
    xs, ys = zip(*known, strict=True) if known else ((), ())
    return Series(link, xs, tuple(map(float, ys)))


def _over_time(panel: Panel, end_s: float) -> Panel:
    """A panel of seconds with its time in the unit that suits so long a run."""
    fitting = ((unit, unit_s) for unit, unit_s in UNITS_S.items() if end_s >= LEAST * unit_s)
    unit, unit_s = next(fitting, ("s", 1.0))
    return replace(
        panel,
        x_label=f"time [{unit}]",
        series=tuple(replace(one, x=_divided(one.x, unit_s)) for one in panel.series),
        moments=_divided(panel.moments, unit_s),
    )


def _divided(values: Moments, unit: float) -> Moments:
    return tuple(value / unit for value in values)


def _few(moments: Moments) -> Moments:
    """The first of them: hundreds of lines are a red area."""
    return tuple(dict.fromkeys(moments))[:MOST_LINES]
