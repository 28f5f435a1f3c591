"""What an experiment of the board is, and what a row of it says."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from netsim.studies.comparison import finite
from netsim.studies.measurement import Measurement
from netsim.studies.shots import LaneTally, Shot

Measured = Mapping[str, Measurement]
"""Name of a shot to what it measured."""
Tier = Literal["theory", "experiment"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A number out of the simulation, with its standard error."""

    value: float
    sigma: float | None = None


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One quantity.

    Attributes
    ----------
    quantity : str
        With its unit.
    tier : str
        Whether it is held against theory or against an experiment.
    predicted : Prediction
    published : float
    tolerance : float
        How far from the published value still counts as agreement, beside three sigma; as the
        publication or the note says.
    fitted_parameters : int
        How many numbers of the topology were fitted to figures of this experiment.
    is_fitted : bool
        Whether this quantity is one that something was fitted to: then it says nothing.
    note : str
        What tolerance is based on, and of a miss its likely cause.
    """

    quantity: str
    tier: Tier
    predicted: Prediction
    published: float
    tolerance: float
    fitted_parameters: int = 0
    is_fitted: bool = False
    note: str = ""

    @property
    def within(self) -> bool | None:
        """Whether it agrees; None for what was fitted, or has no value."""
        if self.is_fitted or not math.isfinite(self.predicted.value):
            return None
        room = self.tolerance + 3.0 * (self.predicted.sigma or 0.0)
        return abs(self.predicted.value - self.published) <= room

    def entry(self, experiment: str) -> dict[str, Any]:
        """The entry of ``board.json``."""
        return {
            "experiment": experiment,
            "quantity": self.quantity,
            "tier": self.tier,
            "predicted": finite(self.predicted.value),
            "sigma": finite(self.predicted.sigma),
            "published": self.published,
            "fitted_parameters": self.fitted_parameters,
            "within": self.within,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Experiment:
    """A publication on the board.

    Attributes
    ----------
    name, title, source : str
        As given to the command; what it is; where it is printed.
    inputs : tuple of (str, str)
        Every number that goes in, and where it is from; ``[assumed]`` and ``[fit]`` are said.
    shots : callable
        What to simulate.
    rows : callable
        Makes rows of exactly these shots' measurements.
    lacks : tuple of str
        What the texts do not give, or the simulator has not.
    """

    name: str
    title: str
    source: str
    inputs: tuple[tuple[str, str], ...]
    shots: Callable[[], Sequence[Shot]]
    rows: Callable[[Measured], Sequence[BoardRow]]
    lacks: tuple[str, ...] = ()


def lane_of(measured: Measurement, lane: int = 0) -> LaneTally:
    """Counts of a lane of a shot."""
    return measured.result.lanes[lane]


def coincidences(tally: LaneTally) -> int:
    """All of a lane, whatever the bases."""
    return sum(map(sum, tally.matches or ()))


def rate_of(count: int, light_s: float) -> Prediction:
    """Counts per second, Poisson."""
    return Prediction(count / light_s, math.sqrt(count) / light_s)


def ratio_of(count: int, other: int) -> Prediction:
    """Quotient of two independent counts; NaN if one is zero."""
    if not (count and other):
        return Prediction(math.nan)
    ratio = count / other
    return Prediction(ratio, ratio * math.hypot(count**-0.5, other**-0.5))


def error_rate(tally: LaneTally, *, percent: bool = True) -> Prediction:
    """QBER of a lane, binomial."""
    if not tally.sifted_bits:
        return Prediction(math.nan)
    share, scale = tally.errors / tally.sifted_bits, 100.0 if percent else 1.0
    return Prediction(scale * share, scale * math.sqrt(share * (1 - share) / tally.sifted_bits))


def bell_of(tally: LaneTally) -> Prediction:
    """S of a lane."""
    if tally.chsh is None or not tally.chsh.is_measured:
        return Prediction(math.nan)
    return Prediction(tally.chsh.s, tally.chsh.sigma)


def key_of(measured: Measurement) -> float:
    """Net key per second of a shot of one link whose parties distil; NaN if they do not."""
    return next(iter((measured.result.net_key_bps or {}).values()), math.nan)
