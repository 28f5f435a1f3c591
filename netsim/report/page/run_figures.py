"""Figures of a run: pools and rounds over time, clicks of each detector."""

from collections.abc import Callable, Iterable, Sequence

from netsim.pools.history import BOTH, PoolHistory
from netsim.report.figure import Figure, Panel, Series
from netsim.report.tables import DETECTOR_NAMES
from netsim.results.run import Run
from netsim.results.trace import RoundRecord
from netsim.units import s_from_ps

MOST_LINKS = 8
"""As many as there are colours: those with the most key."""
MOST_LINES = 60
"""Of alarms and changes in a plot."""
TIME = "time [s]"

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
    series = tuple(_level(history, end_s) for history in richest)
    more = (
        f"{len(richest)} of {len(both)} links, those with most" if len(richest) < len(both) else ""
    )
    panel = Panel(TIME, "usable key [bit]", series, title=more, moments=_few(moments))
    return Figure("Pools", (panel,))


def round_figure(rounds: Iterable[RoundRecord], moments: Moments) -> Figure:
    """A panel a quantity, a point a round."""
    by_link: dict[str, list[RoundRecord]] = {}
    for one in rounds:
        by_link.setdefault(one.link, []).append(one)
    keys = {link: sum(one.key_bits or 0 for one in found) for link, found in by_link.items()}
    shown = sorted(by_link, key=lambda link: -keys[link])[:MOST_LINKS]
    panels = tuple(
        Panel(
            TIME,
            label,
            tuple(_points(link, by_link[link], value) for link in sorted(shown)),
            from_zero=not label.startswith("f"),
            moments=_few(moments),
        )
        for label, value in _ROUND_PANELS
    )
    return Figure("Rounds", panels, columns=2)


def singles_figure(run: Run) -> Figure:
    """A row a user, a point a detector."""
    names = tuple(user.name for user in run.users)
    rates_hz = [user.detectors_hz for user in run.users]
    series = tuple(
        Series(name, tuple(rates[k] for rates in rates_hz), tuple(map(float, range(len(names)))))
        for k, name in enumerate(DETECTOR_NAMES)
    )
    return Figure("Singles", (Panel("clicks [1/s]", "", series, rows=names),))


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


def _few(moments: Moments) -> Moments:
    """The first of them: hundreds of lines are a red area."""
    return tuple(dict.fromkeys(moments))[:MOST_LINES]
