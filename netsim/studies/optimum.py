"""What an optimisation found: its trials as rows, the best of them, and what is kept of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from netsim.results.files import write_whole
from netsim.results.frames import Tabular
from netsim.results.provenance import versions
from netsim.studies.estimates import Row
from netsim.studies.goal import Goal
from netsim.studies.grid import value_text
from netsim.studies.ranges import Range

OPTIMUM = "optimise.json"
"""What was asked, and the best that was found."""
TRIALS_TABLE = "optimise.csv"
NEAR_END = 0.02
"""Of a range: a best value that is nearer to an end is told of."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice and what came of it.

    Attributes
    ----------
    number : int
        From 0 on.
    settings : mapping
        Path to value, as `netsim.load_topology` takes overrides.
    value : float or None
        Of the goal; None of a trial that failed.
    reason : str
        Why it failed; empty where it did not.
    rows : tuple of mapping
        Of its links.
    """

    number: int
    settings: Mapping[str, Any]
    value: float | None
    reason: str
    rows: tuple[Row, ...]

    @property
    def overrides(self) -> tuple[str, ...]:
        """Of the topology, as ``--set`` has them."""
        return tuple(f"{path}={value_text(value)}" for path, value in self.settings.items())


@dataclass(frozen=True)
class Optimum(Tabular):
    """What an optimisation found.

    Attributes
    ----------
    goal : Goal
    ranges : tuple of Range
    rows : tuple of mapping
        One a trial and link: ``trial``, ``value`` of the goal, settings, ``link``, measures and
        ``reason``.
    total : int
        Trials asked for.
    asked : mapping
        What ``optimise.json`` keeps of the request.
    """

    goal: Goal
    ranges: tuple[Range, ...]
    rows: tuple[Row, ...]
    total: int
    asked: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """All of them, in their order."""
        grouped = groupby(self.rows, key=lambda row: row["trial"])
        return tuple(self._trial(tuple(rows)) for _, rows in grouped)

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """Those with a value, the best first; of equals the earliest."""
        known = [one for one in self.trials if one.value is not None]
        sign = 1.0 if self.goal.is_minimum else -1.0
        return tuple(sorted(known, key=lambda one: sign * (one.value or 0.0)))

    @property
    def best(self) -> Trial | None:
        """The first with the best value; None if all failed."""
        return next(iter(self.ranked), None)

    @property
    def as_it_is(self) -> Trial | None:
        """What the topology has without any change; None where it was not among the trials."""
        return self.trials[0] if self.trials and self.asked.get("begins_as_it_is") else None

    @property
    def failures(self) -> Mapping[str, int]:
        """Reason to the number of trials that failed for it."""
        reasons = [one.reason for one in self.trials if one.value is None]
        return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}

    @property
    def is_partial(self) -> bool:
        """Whether it was stopped before its end."""
        return len(self.trials) < self.total

    def at_ends(self) -> tuple[str, ...]:
        """Paths whose best value lies at an end of its range."""
        if self.best is None:
            return ()
        settings = self.best.settings
        places = ((one.path, one.position(value_text(settings[one.path]))) for one in self.ranges)
        return tuple(
            path
            for path, place in places
            if place is not None and not NEAR_END < place < 1.0 - NEAR_END
        )

    def save(self, directory: Path) -> None:
        """Write ``optimise.json`` and ``optimise.csv``."""
        best = None if self.best is None else {**self.best.settings, "value": self.best.value}
        told = {**self.asked, "total": self.total, "done": len(self.trials), "best": best}
        text = json.dumps({**told, "versions": dict(versions())}, indent=2)
        write_whole(directory / OPTIMUM, text + "\n")
        write_whole(directory / TRIALS_TABLE, self.csv())

    def _trial(self, rows: tuple[Row, ...]) -> Trial:
        first = rows[0]
        value = first["value"]
        return Trial(
            number=int(first["trial"] or 0),
            settings={one.path: one.typed(first[one.path]) for one in self.ranges},
            value=None if value is None else float(value),
            reason=str(first["reason"]),
            rows=rows,
        )
