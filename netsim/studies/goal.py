"""What an optimisation looks for: the best value of one measure, of one link, all or the poorest.

A goal reads ``MEASURE`` or ``MEASURE@LINK``: ``net_key_bps``, ``qber@alice & bob``,
``skr_bps@poorest``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from netsim.studies.estimates import Row
from netsim.studies.measures import ALL_LINKS, MEASURES, Measure

POOREST = "poorest"
"""Stands for the link that is worst off."""
LOWER_IS_BETTER = frozenset({"qber"})


@dataclass(frozen=True, slots=True)
class Goal:
    """One measure, and of which link.

    Attributes
    ----------
    measure : Measure
    link : str
        A link, `ALL_LINKS` or `POOREST`.
    """

    measure: Measure
    link: str = ALL_LINKS

    @property
    def is_minimum(self) -> bool:
        """Whether lower values are better."""
        return self.measure.name in LOWER_IS_BETTER

    @property
    def label(self) -> str:
        """As it was asked for."""
        return self.measure.name + ("" if self.link == ALL_LINKS else f"@{self.link}")

    @property
    def words(self) -> str:
        """For an axis."""
        of = "the poorest link" if self.link == POOREST else self.link
        return f"{self.measure.label}, {of}"

    def best(self, values: Sequence[float]) -> float:
        """Of at least one."""
        return min(values) if self.is_minimum else max(values)

    def value(self, rows: Sequence[Row]) -> float | None:
        """What the rows of one point say; None where a value that counts is missing."""
        wanted = [row[self.measure.name] for row in rows if self._counts(str(row["link"]))]
        numbers = [float(cell) for cell in wanted if isinstance(cell, int | float)]
        if not numbers or len(numbers) < len(wanted):
            return None
        return max(numbers) if self.is_minimum else min(numbers)

    def _counts(self, link: str) -> bool:
        if self.link == POOREST:
            return bool(link) and link != ALL_LINKS
        return link == self.link


def parse_goal(text: str) -> Goal:
    """Read ``MEASURE`` or ``MEASURE@LINK``.

    Raises
    ------
    ValueError
        There is no such measure. Whether there is such a link is seen by `check_link`.
    """
    name, at, link = (piece.strip() for piece in text.partition("@"))
    measure = next((one for one in MEASURES if one.name == name), None)
    if measure is None or bool(at) != bool(link):
        known = ", ".join(one.name for one in MEASURES)
        raise ValueError(f"{text!a} is none of {known}, or one of them @ a link or @{POOREST}")
    return Goal(measure, _tidy(link) if link else ALL_LINKS)


def _tidy(link: str) -> str:
    """A link as tables name it, whatever blanks stand beside its ``&``."""
    return " & ".join(name.strip() for name in link.split("&"))
