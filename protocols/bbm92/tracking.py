"""Follow the other clock, the lanes that have light and their names, announcement by announcement.

It sees times, never bases or bits.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import Alignment, NearPairs
from protocols.bbm92.fitting import CERTAIN, explain
from protocols.bbm92.lanes import (
    pair_density_per_ps,
    pairs_at_lanes,
    peak_residuals,
    signal_share,
)
from protocols.bbm92.lanewatch import LaneWatch
from protocols.bbm92.prior import ClockPrior, is_possible, narrow_prior
from protocols.bbm92.synchronise import Lock, sigma_of
from protocols.link import PS_PER_S, LinkConfig

HALF_PS = 2_500
"""Residuals within this of a peak correct the clock."""
LEAST_SIGMA, LEAST_RESIDUALS = 4.0, 4
DOUBT = 4.0
"""The variance of a fit is taken to be so much larger than what its residuals say."""
RATE_WALK = 1e-12
"""Random walk of the rate in 1 s."""
CHECK_EVERY = 8
"""Announcements from one look at the middle peak to the next."""
MARGIN_PS = 1_000_000
"""The error of an alignment is far below this."""


class Tracker:
    """Follows offset and rate from one announcement to the next (two-state Kalman filter).

    The state moves by the clocks' white frequency noise; each announcement gives one measurement,
    the mean residual about the expected peaks of the lanes that have light.

    Parameters
    ----------
    config : LinkConfig
        Lanes and clocks.
    lock : Lock
        Where to begin.
    lit_ps : int
        Announcer's time from which on the lock has seen light; announcements before it may lie in
        the dark, and that is no news.

    Attributes
    ----------
    alignment : Alignment
        Of the last announcement.
    is_settled : bool
        Whether an announcement from ``lit_ps`` on has come.
    """

    def __init__(self, config: LinkConfig, lock: Lock, *, lit_ps: int) -> None:
        self._config = config
        self._lit_ps = lit_ps
        self.is_settled = False
        self.alignment = lock.alignment
        self._covariance = DOUBT * lock.covariance
        self._turns = 0
        self._watch = LaneWatch(config)
        self._names = _LaneNames(config, lock.shifts_ps)

    @property
    def lit(self) -> NDArray[np.bool_]:
        """(lanes,) which lanes have light."""
        return self._watch.lit

    @property
    def is_lost(self) -> bool:
        """Whether no lane has light any more: nothing tells where the clock is."""
        return self.is_settled and not self._watch.lit.any()

    @property
    def reach_ps(self) -> int:
        """How far from the predicted time of equal arrival the pairs of any lane may be."""
        delays_ps, shifts_ps = self._config.lane_delays_ps, self._names.shifts_ps
        furthest_ps = max(abs(delay_ps) for delay_ps in delays_ps)
        furthest_ps += math.ceil(max(map(abs, shifts_ps), default=0.0))
        return furthest_ps + self._config.umi_delay_ps + MARGIN_PS

    def is_within(self, bounds: ClockPrior) -> bool:
        """Whether the clock is where the topology says that it can be.

        One that is led out of its bounds, little by little, is no clock but somebody's delay.
        """
        return is_possible(bounds, self.alignment, self._covariance)

    def prior(self) -> ClockPrior:
        """Where the clock may be from here on, if nothing more is seen of it."""
        return narrow_prior(self._config, self.alignment, self._covariance, self._names.shifts_ps)

    def follow(
        self,
        announced_ps: NDArray[np.int64],
        own_ps: NDArray[np.int64],
        *,
        stop_ps: int,
        light_ps: int,
    ) -> NearPairs | None:
        """Update with one announcement and the own times around it (both ascending int64, ps).

        Parameters
        ----------
        stop_ps, light_ps : int
            Where the announcement ends, and how much light it covers.

        Returns
        -------
        NearPairs or None
            Pairs near the peaks, with differences by the updated alignment; None without light.
        """
        if not self.is_settled and stop_ps > self._lit_ps:
            self.is_settled = True
            self._watch = LaneWatch(self._config)
        if announced_ps.size == 0 or own_ps.size < 2:
            nothing = np.empty(0, dtype=np.int64)
            self._watch.look(nothing, density_per_ps=0.0, light_ps=light_ps)
            return None
        self._advance(int(announced_ps[0] + announced_ps[-1]) // 2)
        self._name_lanes(announced_ps, own_ps)
        self._check_middle(announced_ps, own_ps)
        pairs = pairs_at_lanes(self._config, self.alignment, announced_ps, own_ps)
        density = pair_density_per_ps(self.alignment, announced_ps, own_ps)
        self._watch.look(pairs.differences_ps, density_per_ps=density, light_ps=light_ps)
        self._take(pairs.differences_ps, density)
        predicted_ps = self.alignment.predict(announced_ps[pairs.announced])
        return replace(pairs, differences_ps=own_ps[pairs.own] - predicted_ps)

    def _check_middle(self, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]) -> None:
        """Whether the middle peak is in the middle still: one peak off all is well but the errors.

        A clock that has been led or pushed there would be followed for good.
        """
        self._turns += 1
        delay_ps = float(self._config.umi_delay_ps)
        if delay_ps == 0 or self._turns % CHECK_EVERY:
            return
        names = _LaneNames(self._config, (-delay_ps, delay_ps))
        shift_ps = names.judge(self.alignment, announced_ps, own_ps)
        self.alignment = replace(self.alignment, offset_ps=self.alignment.offset_ps + shift_ps)

    def _name_lanes(self, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]) -> None:
        """While it is not certain which lanes are lit: let the peaks of this announcement tell."""
        if self._names.shifts_ps:
            shift_ps = self._names.judge(self.alignment, announced_ps, own_ps)
            moved_ps = self.alignment.offset_ps + shift_ps
            self.alignment = replace(self.alignment, offset_ps=moved_ps)
            if shift_ps:
                self._watch = LaneWatch(self._config)

    def _take(self, differences_ps: NDArray[np.int64], density_per_ps: float) -> None:
        """Use the residuals of one announcement, if there is a significant peak in it."""
        lanes = [int(lane) for lane in np.flatnonzero(self._watch.lit)]
        if not lanes:
            return
        _, values_ps = peak_residuals(self._config, differences_ps, HALF_PS, lanes)
        count, peaks = values_ps.size, len(lanes) * len(self._config.peaks)
        mean = density_per_ps * 2 * HALF_PS * peaks
        if sigma_of(count, mean) < LEAST_SIGMA or count < LEAST_RESIDUALS:
            return
        share = signal_share(count, mean)
        self._correct(float(values_ps.mean()) / share, float(values_ps.var()) / count / share**2)

    def _advance(self, middle_ps: int) -> None:
        step_ps = middle_ps - self.alignment.reference_ps
        self.alignment = self.alignment.moved(middle_ps)
        move = np.array([[1.0, float(step_ps)], [0.0, 1.0]])
        step_s = abs(step_ps) / PS_PER_S
        noise = np.diag(
            [(self._config.allan_deviation_1s * PS_PER_S) ** 2 * step_s, RATE_WALK**2 * step_s]
        )
        self._covariance = move @ self._covariance @ move.T + noise

    def _correct(self, value_ps: float, variance: float) -> None:
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + variance)
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
        self.alignment = Alignment(
            self.alignment.reference_ps,
            self.alignment.offset_ps + float(gain[0]) * value_ps,
            self.alignment.rate + float(gain[1]) * value_ps,
        )


class _LaneNames:
    """Offsets that are still possible where the lanes that were lit looked like others.

    Two lanes of which one has light look like each other. As soon as the other one shows, one of
    the offsets explains what is seen and the others do not.
    """

    def __init__(self, config: LinkConfig, shifts_ps: tuple[float, ...]) -> None:
        self._config = config
        self.shifts_ps = shifts_ps
        """Of the others against the one in use; empty when it is certain."""
        self._scores = np.zeros(1 + len(shifts_ps))

    def judge(
        self, alignment: Alignment, announced_ps: NDArray[np.int64], own_ps: NDArray[np.int64]
    ) -> float:
        """Drop what the pairs of an announcement rule out; by how much the offset moves (ps)."""
        shifts_ps = np.array((0.0, *self.shifts_ps))
        explained = explain(
            self._config, alignment, alignment.offset_ps + shifts_ps, announced_ps, own_ps
        )
        self._scores += explained.log_likelihoods
        self._scores -= self._scores.max()
        first = 0 if self._scores[0] > -CERTAIN else int(self._scores.argmax())
        kept = [int(k) for k in np.flatnonzero(self._scores > -CERTAIN) if k != first]
        self._scores = self._scores[[first, *kept]]
        self.shifts_ps = tuple(float(shifts_ps[k] - shifts_ps[first]) for k in kept)
        return float(shifts_ps[first])
