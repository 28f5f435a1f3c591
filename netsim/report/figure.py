"""What a plot shows, apart from what draws it: panels of named series, as SVG and as HTML.

Drawing needs the extra ``report`` (matplotlib for SVG, plotly for HTML); nothing else does.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from netsim.errors import ConfigError

EXTRA_HINT = "no plot: install the extra report, pip install 'qnsp-netsim[report]'"

FORMATS = {".svg": "netsim.report.svg:draw", ".html": "netsim.report.html:draw"}
"""Suffix to the function that draws it."""

SHARING_FORMATS = FORMATS | {".html": "netsim.report.html:draw_sharing"}
"""The same for many figures in one directory, whose HTML files share one copy of plotly.js."""

Style = Literal["points", "hollow", "line", "steps"]

COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#000000",
    "#7f7f7f",
)
"""Told apart by colour-blind readers: M. Okabe, K. Ito, Color Universal Design, 2008; and grey."""
SHADE = "#dfe6ec"
"""Behind stretches of an axis."""


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one name.

    Attributes
    ----------
    name : str
        Equal names have equal colours in all panels.
    x, y : tuple of float
        As many each.
    y_error, x_error : tuple of float
        Half a bar each; none for points without.
    style : str
        ``points`` and ``hollow`` points, a ``line`` without points, or ``steps`` of a histogram.
    like : str
        Name of the series whose colour this one shares; its own if empty.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    y_error: tuple[float, ...] = ()
    x_error: tuple[float, ...] = ()
    style: Style = "points"
    like: str = ""

    @property
    def coloured_as(self) -> str:
        """The name that its colour goes by."""
        return self.like or self.name


ROOM = 0.04
"""Of an axis that is set, on either side."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes.

    Attributes
    ----------
    x_label, y_label : str
        With units.
    series : tuple of Series
    rows : tuple of str
        If any, names of the heights 0, 1, 2, ..., drawn downwards in place of numbers.
    joined : bool
        Whether the points of a series are joined by a line.
    marks : tuple of (float, str)
        Values on the axis without rows that get a line and a word.
    from_zero : bool
        Whether the axis without rows holds zero.
    title : str
        Above the axes.
    moments : tuple of float
        Places on the horizontal axis that get a thin line.
    shaded : tuple of (float, float)
        Stretches of the horizontal axis that are tinted.
    log_x, log_y : bool
        Whether an axis is logarithmic.
    """

    x_label: str
    y_label: str
    series: tuple[Series, ...]
    rows: tuple[str, ...] = ()
    joined: bool = False
    marks: tuple[tuple[float, str], ...] = ()
    from_zero: bool = False
    title: str = ""
    moments: tuple[float, ...] = ()
    shaded: tuple[tuple[float, float], ...] = ()
    log_x: bool = False
    log_y: bool = False

    @property
    def extent(self) -> tuple[float, float]:
        """Ends of the axis without rows that hold zero and every point with its error bar.

        There is room beside them, for what lies on an end.
        """
        ends = [0.0]
        for one in self.series:
            values, errors = (one.x, one.x_error) if self.rows else (one.y, one.y_error)
            bars = errors or (0.0,) * len(values)
            ends += [v + sign * e for v, e in zip(values, bars, strict=True) for sign in (-1, 1)]
        known = [end for end in ends if math.isfinite(end)]
        low, high = min(known), max(known)
        room = ROOM * ((high - low) or 1.0)
        return low - room, (high if high > low else 1.0) + room


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels in rows of ``columns``, with a title and a legend of all names."""

    title: str
    panels: tuple[Panel, ...]
    columns: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all series, in their order."""
        named = (series.name for panel in self.panels for series in panel.series)
        return tuple(dict.fromkeys(named))

    @property
    def hues(self) -> tuple[str, ...]:
        """Names that stand for a colour, in their order."""
        named = (series.coloured_as for panel in self.panels for series in panel.series)
        return tuple(dict.fromkeys(named))

    def colour(self, name: str) -> str:
        """Colour of a name, its own or another's."""
        hues = self.hues
        if name not in hues:
            series = (series for panel in self.panels for series in panel.series)
            name = next(one.coloured_as for one in series if one.name == name)
        return COLOURS[hues.index(name) % len(COLOURS)]

    @property
    def more_lines(self) -> int:
        """Lines of the longest name of a row, beyond the first."""
        return max((row.count("\n") for panel in self.panels for row in panel.rows), default=0)

    @property
    def grid_rows(self) -> int:
        """Rows of panels."""
        return -(-len(self.panels) // self.columns)


def draw_figure(figure: Figure, path: Path) -> None:
    """Draw ``figure`` into one file, whose suffix is one of `FORMATS`.

    Raises
    ------
    ConfigError
        The suffix is another, or the extra ``report`` is not installed.
    """
    if path.suffix not in FORMATS:
        raise ConfigError.of(path, f"ends with none of {', '.join(FORMATS)}")
    module, function = FORMATS[path.suffix].split(":")
    try:
        draw: Callable[[Figure, Path], None] = getattr(import_module(module), function)
    except ImportError as error:
        raise ConfigError.of(path, EXTRA_HINT) from error
    draw(figure, path)


def save_figure(figure: Figure, stem: Path, formats: Mapping[str, str] = FORMATS) -> list[Path]:
    """Draw ``figure`` into ``stem``.svg and ``stem``.html.

    Returns
    -------
    list of Path
        What was written: less than both if a library of the extra ``report`` is not installed.
    """
    written = []
    for suffix, place in formats.items():
        module, function = place.split(":")
        path = stem.with_name(stem.name + suffix)
        try:
            draw: Callable[[Figure, Path], None] = getattr(import_module(module), function)
        except ImportError:
            continue
        draw(figure, path)
        written.append(path)
    return written
