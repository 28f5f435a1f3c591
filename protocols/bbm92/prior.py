"""How far two clocks may have run apart: the bounds of a search, before and after a lock.

Errors of offset and rate are independent at one moment, ``zero_ps`` by the announcer's clock; from
there on the rate's error adds to the offset's, and white frequency noise to both. Before the first
lock that moment is the common zero of both local clocks (`LinkConfig.clock_zero_ps`), where the
topology's bounds hold; after a lock was lost it is the moment of the last good alignment.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment
from protocols.link import PS_PER_S, LinkConfig

BOUND_SIGMAS = 8.0
SPARE_PS = 20_000.0
"""Beyond all that the tracker knows of its error: a clock that has been shaken."""
SPARE_RATE = 1e-9
HOLD_S = 4.0
"""For so long a clock that is not seen is taken to change its rate as before."""
OFFSET_MARGIN_PS = 1_000_000.0
"""Delays of the lanes are known to less than this."""
FREE_PS = math.inf
JUMP_PENALTY = 15.0
"""-ln of the probability that a clock is anywhere within its bounds rather than near its course."""


@dataclass(frozen=True, slots=True)
class ClockPrior:
    """Where the responder's clock may stand in the announcer's.

    Attributes
    ----------
    course : Alignment
        In the middle of what is possible.
    zero_ps : int
        Where errors of offset and rate are independent.
    offset_bound_ps, rate_bound : float
        How far they may be off there.
    walk_ps : float
        White frequency noise: standard deviation of the offset after 1 s.
    offset_sigma_ps, rate_sigma : float
        Standard deviations there; infinite where every offset within the bound is as likely.
    shifts_ps : tuple of float
        The course may be off by one of these as well: which lanes were lit was not certain.
    """

    course: Alignment
    zero_ps: int
    offset_bound_ps: float
    rate_bound: float
    walk_ps: float
    offset_sigma_ps: float = FREE_PS
    rate_sigma: float = 0.0
    shifts_ps: tuple[float, ...] = (0.0,)

    def half_width_ps(self, time_ps: int, *, rate_step: float | None = None) -> float:
        """How far from the course the offset may be at announcer time ``time_ps``.

        Parameters
        ----------
        rate_step : float, optional
            If the rate is known as well as this; as well as its bound by default.
        """
        elapsed_ps = abs(time_ps - self.zero_ps)
        rate = self.rate_bound if rate_step is None else min(self.rate_bound, rate_step)
        walk_ps = BOUND_SIGMAS * self.walk_ps * math.sqrt(elapsed_ps / PS_PER_S)
        return self.offset_bound_ps + rate * elapsed_ps + walk_ps

    def penalty(self, offsets_ps: NDArray[np.float64], time_ps: int) -> NDArray[np.float64]:
        """-ln of how likely each offset (N,) at ``time_ps`` is before anything was seen, to a sum.

        The offset nearest to a possible course has 0.
        """
        if math.isinf(self.offset_sigma_ps):
            return np.zeros(offsets_ps.shape)
        elapsed_ps = abs(time_ps - self.zero_ps)
        variance = (
            self.offset_sigma_ps**2
            + (self.rate_sigma * elapsed_ps) ** 2
            + self.walk_ps**2 * elapsed_ps / PS_PER_S
        )
        middle_ps = self.course.predict_one(time_ps) - time_ps
        away_ps = np.abs(offsets_ps[:, None] - middle_ps - np.array(self.shifts_ps))
        nearest: NDArray[np.float64] = away_ps.min(axis=1)
        return np.minimum(nearest**2 / (2 * variance), JUMP_PENALTY)

    def window_ps(self, time_ps: int) -> tuple[int, int]:
        """Least and greatest offset that is possible at ``time_ps``."""
        middle_ps = self.course.predict_one(time_ps) - time_ps
        half_ps = self.half_width_ps(time_ps)
        low_ps = middle_ps + min(self.shifts_ps) - half_ps
        return math.floor(low_ps), math.ceil(middle_ps + max(self.shifts_ps) + half_ps)


def wide_prior(config: LinkConfig) -> ClockPrior:
    """What the topology says of the two clocks, before anything was seen of them."""
    return ClockPrior(
        course=Alignment(config.clock_zero_ps, 0.0, 0.0),
        zero_ps=config.clock_zero_ps,
        offset_bound_ps=config.offset_bound_ps,
        rate_bound=config.rate_bound_ppm * 1e-6,
        walk_ps=config.allan_deviation_1s * PS_PER_S,
    )


def is_possible(bounds: ClockPrior, alignment: Alignment, covariance: NDArray[np.float64]) -> bool:
    """Whether an alignment, as well as it is known, lies within the bounds of a prior.

    Parameters
    ----------
    bounds : ClockPrior
        Where the clock can be, `wide_prior`.
    alignment : Alignment
        Where it seems to be.
    covariance : (2, 2) float64
        Of offset (ps) and rate.
    """
    low_ps, high_ps = bounds.window_ps(alignment.reference_ps)
    offset_sigma_ps, rate_sigma = math.sqrt(covariance[0, 0]), math.sqrt(covariance[1, 1])
    spare_ps = OFFSET_MARGIN_PS + BOUND_SIGMAS * offset_sigma_ps
    most = bounds.rate_bound + SPARE_RATE + BOUND_SIGMAS * rate_sigma
    is_near = low_ps - spare_ps <= alignment.offset_ps <= high_ps + spare_ps
    return is_near and abs(alignment.rate - bounds.course.rate) <= most


def narrow_prior(
    config: LinkConfig,
    alignment: Alignment,
    covariance: NDArray[np.float64],
    shifts_ps: tuple[float, ...],
    *,
    drift_per_s: float = 0.0,
) -> ClockPrior:
    """What follows from an alignment and its (2, 2) covariance of offset (ps) and rate.

    Where the rate has been changing by ``drift_per_s`` a second, it may go on so for some seconds.
    """
    offset_sigma_ps, rate_sigma = math.sqrt(covariance[0, 0]), math.sqrt(covariance[1, 1])
    rate_sigma = math.hypot(rate_sigma, drift_per_s * HOLD_S)
    return ClockPrior(
        course=alignment,
        zero_ps=alignment.reference_ps,
        offset_bound_ps=BOUND_SIGMAS * offset_sigma_ps + SPARE_PS,
        rate_bound=BOUND_SIGMAS * rate_sigma + SPARE_RATE,
        walk_ps=config.allan_deviation_1s * PS_PER_S,
        offset_sigma_ps=offset_sigma_ps + 500.0,
        rate_sigma=rate_sigma,
        shifts_ps=(0.0, *shifts_ps),
    )
