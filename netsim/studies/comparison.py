"""A simulated value beside the analytic twin and a printed one; knows no figure and no paper."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from netsim.studies.estimates import Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """One compared quantity.

    Attributes
    ----------
    quantity : str
        What, where, and in which unit.
    estimate : Estimate
        Simulated value, its error, and what the twin expects.
    paper : float or None
        What a paper's text prints; None where it prints nothing.
    note : str
        What the paper prints instead, or what must be said of the comparison.
    """

    quantity: str
    estimate: Estimate
    paper: float | None = None
    note: str = ""

    def entry(self, item: str) -> dict[str, Any]:
        """An entry of ``comparison.json`` under the name ``item``; what is undefined is null."""
        return {
            "item": item,
            "quantity": self.quantity,
            "simulated": finite(self.estimate.value),
            "sigma": finite(self.estimate.sigma),
            "twin": finite(self.estimate.twin),
            "paper": self.paper,
            "note": self.note,
        }


def deviations(compared: Iterable[Comparison]) -> list[float]:
    """Deviations from the twin, in standard errors, of all quantities that have one."""
    found = (one.estimate.deviation for one in compared)
    return [deviation for deviation in found if deviation is not None]


def worst_deviation(compared: Iterable[Comparison]) -> float | None:
    """The largest of them either way; None if there is none."""
    return max(deviations(compared), key=abs, default=None)


def printed_count(compared: Iterable[Comparison]) -> int:
    """How many of the quantities a paper prints."""
    return sum(one.paper is not None for one in compared)


def finite(value: float | None) -> float | None:
    """``value``; None if it is NaN or infinite, which JSON has not."""
    return None if value is None or not math.isfinite(value) else float(value)
