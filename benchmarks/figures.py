"""What benches find: rows of figures, their goals beside them, as a table and as JSON.

Every table says what the limit kernel (`limit.py`) does on this core in the same process, before
and after: on a busy or a slower machine both are lower.
"""

import json
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from limit import Limit, tags_per_cpu_s

import netsim

LIMIT_LIGHT_S, LIMIT_REPEATS = 0.5, 3
NAME_WIDTH = 38
JSON_OPTION = "--json"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of one figure, and on which side of it is good."""

    figure: str
    bound: float
    is_most: bool = False

    def is_met(self, figures: Mapping[str, float]) -> bool:
        """Whether the figure is as good as that."""
        value = figures[self.figure]
        return value <= self.bound if self.is_most else value >= self.bound

    def text(self, figures: Mapping[str, float]) -> str:
        """As the last column says it."""
        side = "<=" if self.is_most else ">="
        return f"{self.figure} {side} {self.bound:g}" + ("" if self.is_met(figures) else " MISSED")


def at_least(figure: str, bound: float) -> Goal:
    """The more the better."""
    return Goal(figure, bound)


def at_most(figure: str, bound: float) -> Goal:
    """The less the better."""
    return Goal(figure, bound, is_most=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One case, what was measured of it (each with its unit in its name), and what should be."""

    name: str
    figures: Mapping[str, float]
    goals: tuple[Goal, ...] = ()

    @property
    def text(self) -> str:
        """Its line of the table."""
        values = "".join(
            f"  {number(value):>{len(figure)}}" for figure, value in self.figures.items()
        )
        goals = "; ".join(goal.text(self.figures) for goal in self.goals)
        return f"{self.name:{NAME_WIDTH}}{values}  {goals or '-'}"

    @property
    def record(self) -> dict[str, object]:
        """The same for JSON."""
        goals = [asdict(goal) | {"is_met": goal.is_met(self.figures)} for goal in self.goals]
        return {"name": self.name, "figures": dict(self.figures), "goals": goals}


def number(value: float) -> str:
    """Four digits, or all of a whole number."""
    if isinstance(value, int) or abs(value) >= 1000.0:
        return f"{value:.0f}"
    return f"{value:.4g}"


def limit_mtag_per_s() -> float:
    """What the limit kernel does on this core now: the best of some."""
    limit = Limit.of(netsim.load_topology("fan2025_four_user"))
    limit.run(0.1)
    return max(tags_per_cpu_s(limit.run, LIMIT_LIGHT_S) for _ in range(LIMIT_REPEATS)) / 1e6


def show(title: str, rows: Iterable[Row]) -> list[Row]:
    """Print rows as they come; with ``--json FILE`` on the command line, write them as well."""
    path = json_path()
    before = limit_mtag_per_s()
    print(f"{title} (limit kernel: {before:.1f} Mtag/s)")
    shown = list(_printed(rows))
    after = limit_mtag_per_s()
    print(f"(limit kernel then: {after:.1f} Mtag/s)\n", flush=True)
    if path is not None:
        record = {
            "title": title,
            "python": platform.python_version(),
            "processor": platform.processor() or platform.machine(),
            "limit_mtag_per_s": [before, after],
            "rows": [row.record for row in shown],
        }
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return shown


def _printed(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows as they come, each figure that is new with a header."""
    header: list[str] = []
    for row in rows:
        if list(row.figures) != header:
            header = list(row.figures)
            print(" " * NAME_WIDTH + "".join(f"  {figure}" for figure in header) + "  goal")
        print(row.text, flush=True)
        yield row


def json_path() -> Path | None:
    """The file of ``--json``, if there is one."""
    return Path(sys.argv[sys.argv.index(JSON_OPTION) + 1]) if JSON_OPTION in sys.argv else None


def named(cases: Iterable[str]) -> list[str]:
    """Cases that the command line names, or all of them."""
    options = {JSON_OPTION, str(json_path())}
    return [word for word in sys.argv[1:] if word not in options] or list(cases)
