"""The light of a link in a stretch of time, drawn: what the simulator scores, what the ends match.

Bits of a lane and basis are Poisson, errors and ones among them binomial (and independent of each
other).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Self

import numpy as np
from numpy.typing import NDArray

from netsim.simulation import scoring
from netsim.simulation.stretches import Stretches
from netsim.topology.network import Lane
from netsim.twin.prediction import LanePrediction, Prediction
from netsim.twin.promise import is_lockable
from netsim.units import s_from_ps

Counts = NDArray[np.int64]
COUNTS = 4
"""Of a lane: right and wrong bits of Z, then of X."""


@dataclass(frozen=True, slots=True, eq=False)
class SiftedCounts:
    """Bits of all lanes of a link.

    Attributes
    ----------
    counts : (lanes, 4) int64
        Right and wrong bits of Z, then of X.
    ones : (lanes, 2) int64
        Ones among the bits of either basis.
    """

    counts: Counts
    ones: Counts

    def __add__(self, other: "SiftedCounts") -> "SiftedCounts":
        return SiftedCounts(self.counts + other.counts, self.ones + other.ones)

    def of(self, lanes: NDArray[np.bool_]) -> "SiftedCounts":
        """The same of some ``lanes`` ((lanes,) bool) alone."""
        return SiftedCounts(self.counts * lanes[:, None], self.ones * lanes[:, None])

    @property
    def total(self) -> int:
        """All bits."""
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """What came in a stretch of time.

    Attributes
    ----------
    scored : SiftedCounts
        As the simulator sees it.
    matched : SiftedCounts
        As the ends see it: nothing of lanes without pairs, which have no peak to be matched by, nor
        of a link with too little light to find its clocks.
    coincidences : (lanes,) int64
        Scored, whatever the bases.
    """

    scored: SiftedCounts
    matched: SiftedCounts
    coincidences: Counts

    def __add__(self, other: "Light") -> "Light":
        return Light(
            self.scored + other.scored,
            self.matched + other.matched,
            self.coincidences + other.coincidences,
        )

    @property
    def lane_counts(self) -> tuple[scoring.LaneCounts, ...]:
        """As scored, lane by lane."""
        rows = zip(self.scored.counts, self.scored.ones, self.coincidences, strict=True)
        return tuple(_lane_counts(*row) for row in rows)


class LightSource:
    """Draws the light of one link.

    Parameters
    ----------
    lanes : tuple of Lane
        Of the link, in the order of all counts.
    stretches : Stretches
        What the twin expects, when.
    rng : numpy.random.Generator
        Of this link alone.
    """

    def __init__(
        self, lanes: Sequence[Lane], stretches: Stretches, rng: np.random.Generator
    ) -> None:
        self._lanes = lanes
        self._stretches = stretches
        self._rng = rng
        self._known: tuple[Prediction, _Rates] | None = None
        """Of the last part: most parts of a run have the same."""

    def draw(self, start_ps: int, stop_ps: int) -> Light:
        """Light of [``start_ps``, ``stop_ps``), which is not empty."""
        parts = (
            self._part(self._rates(found), s_from_ps(length_ps))
            for length_ps, found in self._stretches.between(start_ps, stop_ps)
        )
        return reduce(add, parts)

    def _rates(self, found: Prediction) -> "_Rates":
        if self._known is None or self._known[0] is not found:
            lanes = [found.lane(lane.channels, lane.users) for lane in self._lanes]
            self._known = (found, _Rates.of(lanes))
        return self._known[1]

    def _part(self, rates: "_Rates", length_s: float) -> Light:
        """Light of a time without changes."""
        # Right and wrong ones of a Poisson process are two independent Poisson processes.
        counts = self._rng.poisson(length_s * rates.sifted_hz)
        scored = SiftedCounts(counts, self._rng.binomial(bits_of(counts), rates.ones))
        others = self._rng.poisson(length_s * rates.others_hz)
        return Light(scored, scored.of(rates.is_lit), counts.sum(axis=1) + others)


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """What is drawn from, of all lanes of a link in order."""

    sifted_hz: NDArray[np.float64]
    """(lanes, 4): right and wrong bits in Z, then in X."""
    ones: NDArray[np.float64]
    """(lanes, 2): shares of ones in Z and X."""
    others_hz: NDArray[np.float64]
    """(lanes,): coincidences of unequal bases."""
    is_lit: NDArray[np.bool_]
    """(lanes,): which the parties match."""

    @classmethod
    def of(cls, lanes: Sequence[LanePrediction]) -> Self:
        return cls(
            np.array([_rates_hz(lane) for lane in lanes]).reshape(len(lanes), COUNTS),
            np.array([(lane.z_ones, lane.x_ones) for lane in lanes]),
            np.array([max(0.0, lane.coincidences_hz - lane.sifted_hz) for lane in lanes]),
            np.array([lane.true_hz > 0.0 for lane in lanes]) & is_lockable(lanes),
        )


def bits_of(counts: Counts) -> Counts:
    """(lanes, 2) int64: bits of either basis, right or wrong."""
    bits: Counts = counts.reshape(-1, 2, 2).sum(axis=2)
    return bits


def _rates_hz(lane: LanePrediction) -> tuple[float, ...]:
    z_qber, x_qber = (0.0 if math.isnan(qber) else qber for qber in (lane.z_qber, lane.x_qber))
    return (
        lane.z_hz * (1.0 - z_qber),
        lane.z_hz * z_qber,
        lane.x_hz * (1.0 - x_qber),
        lane.x_hz * x_qber,
    )


def _lane_counts(row: Counts, ones: Counts, coincidences: int) -> scoring.LaneCounts:
    z_right, z_wrong, x_right, x_wrong = row.tolist()
    ones_z, ones_x = ones.tolist()
    return scoring.LaneCounts(
        coincidences=int(coincidences),
        sifted_z=z_right + z_wrong,
        sifted_x=x_right + x_wrong,
        errors_z=z_wrong,
        errors_x=x_wrong,
        ones_z=ones_z,
        ones_x=ones_x,
    )
