"""What came of a fit: numbers, data, and what the data leave open; plain values, ready for JSON."""

import json
import math
from dataclasses import dataclass

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class FittedNumber:
    """One free number.

    Attributes
    ----------
    paths : tuple of str
        Where it stands in the topology; more than one if tied together.
    start, fitted : float
        Value before and after.
    sigma : float or None
        Standard deviation of the fitted value, the prior included; None unless every datum came
        with one, and for numbers at a bound.
    prior : float or None
        Width about the start that was asked for: relative, in dB, or absolute, as the scale is.
    scale : str
        ``"logarithm"``, ``"decibel"`` or ``"plain"``.
    bound : str or None
        ``"lower"`` or ``"upper"`` if the fit ended there.
    is_open : bool
        Whether the data alone leave it undetermined: it can change with others and no datum does.
    """

    paths: tuple[str, ...]
    start: float
    fitted: float
    sigma: float | None
    prior: float | None
    scale: str
    bound: str | None
    is_open: bool

    def as_json(self) -> Json:
        """Plain values."""
        return {
            "paths": list(self.paths),
            "start": self.start,
            "fitted": self.fitted,
            "sigma": self.sigma,
            "prior": self.prior,
            "scale": self.scale,
            "bound": self.bound,
            "open": self.is_open,
        }


@dataclass(frozen=True, slots=True)
class FittedDatum:
    """One measured figure beside the fitted topology.

    Attributes
    ----------
    item, quantity : str
        ``C38&C42`` or ``alice``, and the column of the table.
    measured, fitted : float
        In the unit of the column.
    deviation : float
        Fitted less measured in standard deviations, given or assumed.
    is_used : bool
        False if it was not met by the fit, only compared.
    note : str
        Where ``measured`` is not the printed figure: what is printed, and why.
    """

    item: str
    quantity: str
    measured: float
    fitted: float
    deviation: float
    is_used: bool
    note: str

    @property
    def residual(self) -> float | None:
        """Fitted over measured less 1; None where nothing was measured but zero."""
        return self.fitted / self.measured - 1.0 if self.measured else None

    def as_json(self) -> Json:
        """Plain values."""
        return {
            "item": self.item,
            "quantity": self.quantity,
            "measured": self.measured,
            "fitted": self.fitted,
            "residual": self.residual,
            "residual_sigma": self.deviation,
            "used": self.is_used,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """How one number moves along a combination: by a factor, or by so much."""

    path: str
    factor: float | None
    plus: float | None

    def as_json(self) -> Json:
        """Plain values; the one of the two that there is."""
        change = {"factor": self.factor} if self.factor is not None else {"plus": self.plus}
        return {"path": self.path, **change}


@dataclass(frozen=True, slots=True)
class Combination:
    """Numbers that change together and alter the data by less than they can tell.

    Attributes
    ----------
    changes : tuple of Change
        The largest by one natural step: 10 %, 0.41 dB or 0.01.
    effect_sigma : float
        What the data change by then, all together; 0 for a combination that they do not see.
    """

    changes: tuple[Change, ...]
    effect_sigma: float

    def as_json(self) -> Json:
        """Plain values."""
        return {
            "changes": [change.as_json() for change in self.changes],
            "effect_sigma": self.effect_sigma,
        }


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit.

    Attributes
    ----------
    topology : str
        Name or path that was given.
    sources : tuple of str
        Tables of measurements.
    independent_data : int
        Figures that were met, less one for each table of relative ones.
    relative_error : float
        Of figures without a standard deviation.
    open_combinations, faint_combinations : tuple of Combination
        What the data do not see, and what they see by less than one sigma a natural step.
    idle : tuple of str
        Paths of numbers that no datum depends on; left as they were.
    remarks : tuple of str
        Contradictions within the tables.
    total_skr_bps : float
        Of all lanes of the fitted topology, by the twin.
    """

    topology: str
    sources: tuple[str, ...]
    numbers: tuple[FittedNumber, ...]
    data: tuple[FittedDatum, ...]
    independent_data: int
    relative_error: float
    chi2: float
    is_converged: bool
    evaluations: int
    open_combinations: tuple[Combination, ...]
    faint_combinations: tuple[Combination, ...]
    idle: tuple[str, ...]
    remarks: tuple[str, ...]
    total_skr_bps: float

    @property
    def values(self) -> dict[str, float]:
        """Fitted value of every path."""
        return {path: number.fitted for number in self.numbers for path in number.paths}

    @property
    def degrees_of_freedom(self) -> int:
        """Independent data and priors, less free numbers."""
        priors = sum(number.prior is not None for number in self.numbers)
        return self.independent_data + priors - len(self.numbers)

    def as_json(self) -> Json:
        """Plain values."""
        return {
            "topology": self.topology,
            "measured": list(self.sources),
            "converged": self.is_converged,
            "evaluations": self.evaluations,
            "chi2": self.chi2,
            "independent_data": self.independent_data,
            "degrees_of_freedom": self.degrees_of_freedom,
            "relative_error": self.relative_error,
            "total_skr_bps": self.total_skr_bps,
            "numbers": [number.as_json() for number in self.numbers],
            "data": [datum.as_json() for datum in self.data],
            "open": [combination.as_json() for combination in self.open_combinations],
            "faint": [combination.as_json() for combination in self.faint_combinations],
            "idle": list(self.idle),
            "remarks": list(self.remarks),
        }


def fit_json(fit: Fit, against: Fit | None = None) -> str:
    """JSON text of a fit and, if there is one, of the fit to other tables."""
    found = fit.as_json() | ({} if against is None else {"against": against.as_json()})
    return json.dumps(_finite(found), indent=2, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    """Replace numbers that JSON has not by null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
