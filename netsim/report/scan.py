"""Estimates against a setting, for several names: their table, their curves, their comparisons."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netsim.report.curves import points, twin_curve, twin_points
from netsim.report.figure import Series
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate, Row


@dataclass(frozen=True)
class Scan:
    """One quantity, measured at several settings and for several names.

    Attributes
    ----------
    setting : str
        Column of the settings, such as ``power_mw``.
    settings : sequence of float
    kind : str
        Column of the names, such as ``channel``.
    quantity : str
        Column of the values, such as ``singles_hz``.
    found : mapping
        Name to an estimate at each setting.
    """

    setting: str
    settings: Sequence[float]
    kind: str
    quantity: str
    found: Mapping[str, Sequence[Estimate]]

    def rows(self) -> list[Row]:
        """One a setting and name."""
        return [
            {self.setting: x, self.kind: name, **estimates[k].columns(self.quantity)}
            for k, x in enumerate(self.settings)
            for name, estimates in self.found.items()
        ]

    def series(
        self, twin: Callable[[str, float], float] | None = None, *, scale: float = 1.0
    ) -> tuple[Series, ...]:
        """Points with errors, and what the twin expects as a line.

        Parameters
        ----------
        twin : callable, optional
            Of a name and any setting; without it the twin's values are joined by straight lines.
        scale : float
            Multiplies all values, for another unit.
        """
        series: list[Series] = []
        for name, estimates in self.found.items():
            series.append(points(name, self.settings, estimates, scale))
            if twin is None:
                series.append(twin_points(name, self.settings, estimates, scale))
            else:
                at = _at(twin, name)
                series.append(twin_curve(name, self.settings, at, scale))
        return tuple(series)

    def compared(self, describe: Callable[[str, float], str], note: str) -> list[Comparison]:
        """All of it, without printed values; ``describe`` names each from name and setting."""
        return [
            Comparison(describe(name, x), estimates[k], note=note)
            for name, estimates in self.found.items()
            for k, x in enumerate(self.settings)
        ]


def _at(twin: Callable[[str, float], float], name: str) -> Callable[[float], float]:
    return lambda x: twin(name, x)
