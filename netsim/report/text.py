"""Numbers as short text, and the one look of all tables."""

import math

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.units import s_from_ps

FAR_SIGMA, VERY_FAR_SIGMA = 3.0, 5.0
"""Deviations that are pointed out; of hundreds a few are beyond 3 by chance."""

NOTHING = "-"
"""Shown where there is no value."""

SHORT_TITLE = 60
"""Characters that any terminal has room for."""


def fixed(value: float | None, digits: int) -> str:
    """`value` with `digits` decimals, no minus at zero; a dash for None and what is not finite."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:z.{digits}f}"


def digits_of(sigma: float | None, value: float) -> int:
    """Decimals that show two digits of the error; four digits of a value without error."""
    reference = sigma or 10.0 * value
    if not reference or not math.isfinite(reference):
        return 3
    return max(0, 1 - math.floor(math.log10(abs(reference)))) + (2 if not sigma else 0)


def percent(value: float | None) -> str:
    """A share in per cent with two decimals, without the sign; a dash as `fixed` gives it."""
    return fixed(None if value is None else 100 * value, 2)


def sigma(value: float | None) -> str:
    """A signed deviation with one decimal; with more where that hides that it is beyond 3."""
    if value is None:
        return NOTHING
    shown = f"{value:+.1f}".replace("-0.0", "0.0").replace("+0.0", "0.0")
    digits = 1
    while abs(value) > FAR_SIGMA == abs(float(shown)):
        digits += 1
        shown = f"{value:+.{digits}f}"
    return shown


def sigma_style(value: float | None) -> str:
    """Colour of a deviation: nothing up to 3, yellow up to 5, red above."""
    if value is None or abs(value) <= FAR_SIGMA:
        return ""
    return "yellow" if abs(value) <= VERY_FAR_SIGMA else "red"


def byte_count(size_bytes: int) -> str:
    """Three digits and a decimal unit: ``"512 B"``, ``"1.23 MB"``."""
    scaled, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if scaled < 999.5 or unit == "TB":
            break
        scaled /= 1000
    return f"{size_bytes} B" if unit == "B" else f"{scaled:.3g} {unit}"


def plain_table(title: str) -> Table:
    """Make an empty table: a rule under the header, nothing else, readable without colour.

    A short title stays on one line, however narrow the table is.
    """
    is_short = len(title) <= SHORT_TITLE
    return Table(
        title=Text(
            title, style="bold", no_wrap=is_short, overflow="ignore" if is_short else "fold"
        ),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
        show_edge=False,
    )


def add_numbers(table: Table, *headers: str) -> None:
    """Add right-justified columns; brackets in `headers` are no markup."""
    for header in headers:
        table.add_column(Text(header, style="bold"), justify="right", no_wrap=True)


def add_names(table: Table, *headers: str) -> None:
    """Add left-justified columns, folded where there is no room."""
    for header in headers:
        table.add_column(Text(header, style="bold"), overflow="fold")


def fits(table: Table, console: Console) -> bool:
    """Whether `console` is wide enough to show `table` without folding or cutting a cell."""
    unlimited = console.options.update(width=10_000)
    return console.measure(table, options=unlimited).maximum <= console.width


def settled_s(settle_ps: int) -> str:
    """Seconds from the end of the light until both ends had closed; a dash if they have not."""
    return fixed(s_from_ps(settle_ps), 3) if settle_ps else "-"
