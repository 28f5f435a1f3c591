"""Plans drawn in a terminal: the comb with a letter a user, and the ladders with their lanes.

It knows allocations, and no rates.
"""

from collections.abc import Iterator
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np
from rich.text import Text

from netsim.plan.allocation import Allocation
from netsim.plan.comb import NOBODY
from netsim.plan.sites import Indices, ladder_rows
from netsim.topology.processes import unusable_labels

LETTERS = ascii_lowercase + ascii_uppercase + digits
"""One a user; beyond 62 users they repeat."""
COLOURS = (
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "bright_red",
    "bright_green",
    "bright_yellow",
    "bright_blue",
    "bright_magenta",
    "bright_cyan",
)
PUMP, STIMULATED, FREE = "^", "~", "."
RULER = 10
"""Comb positions between two numbers of the ruler."""
CELL = 5
"""Characters of a row of a ladder."""


def letter_of(user: int) -> str:
    """The letter that stands for a user."""
    return LETTERS[user % len(LETTERS)]


def style_of(user: int) -> str:
    """The colour of a user."""
    return f"bold {COLOURS[user % len(COLOURS)]}"


def draw_comb(allocation: Allocation, width: int) -> Iterator[Text]:
    """The comb from the first to the last label or pump, folded to lines of ``width``."""
    comb = allocation.comb
    used, step = allocation.used, comb.spacing_labels
    low = min(int(used[0]), comb.pumps[0])
    positions = range(low, max(int(used[-1]), comb.pumps[-1]) + 1, step)
    cells = _cells(allocation)
    classical = unusable_labels(comb.pumps)
    line_size = max(RULER, width // RULER * RULER)
    for start in range(0, len(positions), line_size):
        part = positions[start : start + line_size]
        ruler = "".join(f"C{part[k]:<{RULER - 1}}" for k in range(0, len(part), RULER))
        yield Text(ruler.rstrip(), style="dim")
        line = Text()
        for label in part:
            if label in cells:
                line.append(*cells[label])
            elif label in classical:
                line.append(PUMP if label in comb.pumps else STIMULATED, style="bold")
            else:
                line.append(FREE, style="dim")
        yield line


def draw_ladders(allocation: Allocation, width: int) -> Iterator[Text]:
    """The ladders of two pumps, or the pairs of one: rungs, crossing rails, letters and labels.

    A line crosses from one row to the next where a lane of that pump is; labels of one user do not
    make a lane. Nothing for three pumps and more, whose lanes cross too often to be drawn.
    """
    comb = allocation.comb
    if len(comb.pumps) > 2:
        return
    per_line = max(1, width // CELL)
    for part in comb.components if len(comb.pumps) == 2 else _all_pairs(allocation):
        rows = [row for row in _rows(allocation, part) if _is_used(allocation, row)]
        for start in range(0, len(rows), per_line):
            yield from _ladder_lines(allocation, rows[start : start + per_line])
            yield Text()


def _all_pairs(allocation: Allocation) -> list[Indices]:
    """All pairs of one pump, as one set."""
    return [np.concatenate(allocation.comb.components)] if allocation.comb.components else []


def _rows(allocation: Allocation, part: Indices) -> list[tuple[int, int]]:
    comb = allocation.comb
    if len(comb.pumps) == 2:
        return ladder_rows(comb, part)
    upper = [int(v) for v in part if 2 * int(comb.labels[v]) > comb.twice_centre]
    return [(v, int(comb.neighbours[v, 0])) for v in sorted(upper)]


def _is_used(allocation: Allocation, row: tuple[int, int]) -> bool:
    return any(allocation.owners[v] != NOBODY for v in row)


def _ladder_lines(allocation: Allocation, rows: list[tuple[int, int]]) -> Iterator[Text]:
    cells = _cells(allocation)
    labels = allocation.comb.labels
    for side in (0, 1):
        names, letters = Text(), Text()
        for row in rows:
            label = int(labels[row[side]])
            names.append(f"C{label:<{CELL - 1}}" if label in cells else " " * CELL, style="dim")
            letter, style = cells.get(label, (FREE, "dim"))
            letters.append(f" {letter}", style=style).append(" " * (CELL - 2))
        if side == 0:
            yield names
            yield letters
            yield _lane_line(allocation, rows)
        else:
            yield letters
            yield names


def _lane_line(allocation: Allocation, rows: list[tuple[int, int]]) -> Text:
    line = Text()
    for k, (upper, lower) in enumerate(rows):
        line.append(" |" if _is_lane(allocation, upper, lower) else "  ", style="bold")
        after = rows[k + 1] if k + 1 < len(rows) else None
        down = after is not None and _is_lane(allocation, upper, after[1])
        up = after is not None and _is_lane(allocation, lower, after[0])
        crossing = {(True, True): "X", (True, False): "\\", (False, True): "/"}.get((down, up), " ")
        line.append(f" {crossing} ")
    return line


def _is_lane(allocation: Allocation, one: int, other: int) -> bool:
    owners = allocation.owners
    is_pair = other in allocation.comb.neighbours[one]
    return bool(
        is_pair and NOBODY not in (owners[one], owners[other]) and owners[one] != owners[other]
    )


def _cells(allocation: Allocation) -> dict[int, tuple[str, str]]:
    """Letter and colour of every used label."""
    owners = zip(allocation.comb.labels.tolist(), allocation.owners.tolist(), strict=True)
    return {label: (letter_of(u), style_of(u)) for label, u in owners if u != NOBODY}
