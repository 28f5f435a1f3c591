"""How two photons of a kind lie in time: what a window holds of them, and of their fringe.

With an amplitude a(t) of the time between them, pairs on both short paths are found at t with the
density a(t)^2, those on both long paths with a(t - d)^2, where the delays of two interferometers
differ by d. They interfere where they overlap: a fringe of 2 a(t) a(t - d) in a(t)^2 + a(t - d)^2.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from netsim.physics.bunching import SPAN_LIFETIMES, bunch_share
from netsim.physics.pulses import Pulses
from netsim.physics.rates import kappa_per_ps, window_share
from netsim.physics.wavefunction import DelayTable, FilterShape, delay_table

Array = NDArray[np.float64]

REACH_LIFETIMES = 40.0
"""Amplitudes are nothing beyond this many photon lifetimes."""
JITTER_REACH_SIGMA = 8.0
STEPS = 4001

MAX_DELAY_PS = 40_000
"""Longer delays of two photons are left out: beyond exp(-50) at 200 MHz; frames can rely on it."""

SLIGHT_DISPERSION, SLIGHT_PS2 = 0.02, 1.0
"""Up to this beta kappa^2, or beta, the closed form of a Lorentzian is taken: photons are moved by
sqrt(beta), a seventh of a photon lifetime, or by the resolution of simulated time."""


@dataclass(frozen=True, slots=True)
class TimeShape(ABC):
    """Amplitude of the time between two photons.

    Attributes
    ----------
    linewidth_hz : float
        kappa / (2 pi) of the source: full width of its filters.
    filter_shape : str
    dispersion_ps2 : float
        What both ways together do to the amplitude.
    pulses : Pulses, optional
        In which they are born; at any time if absent.
    """

    linewidth_hz: float
    filter_shape: FilterShape = "lorentzian"
    dispersion_ps2: float = 0.0
    pulses: Pulses | None = None

    is_bunch: ClassVar[bool]

    @abstractmethod
    def behind(self, first_ps2: float, second_ps2: float) -> Self:
        """The same two photons behind ways with these second-order dispersions, b L."""

    @abstractmethod
    def amplitude(self, delay_ps: Array) -> Array:
        """Of delays (N,), of a Lorentzian without dispersion; its square is a density per ps."""

    @abstractmethod
    def closed_share(self, *, window_ps: float, offset_ps: float, spread_ps: float) -> float:
        """`share` of a Lorentzian without dispersion."""

    @property
    def is_closed(self) -> bool:
        """Whether the closed form of a Lorentzian without dispersion is good enough."""
        if self.filter_shape != "lorentzian":
            return False
        dispersion_ps2 = abs(self.dispersion_ps2)
        if dispersion_ps2 <= SLIGHT_PS2:
            return True
        return dispersion_ps2 * kappa_per_ps(self.linewidth_hz) ** 2 <= SLIGHT_DISPERSION

    @property
    def table(self) -> DelayTable:
        """Distribution of the delay, where there is no closed form."""
        kappa = kappa_per_ps(self.linewidth_hz)
        return delay_table(
            self.filter_shape,
            dispersion=abs(self.dispersion_ps2) * kappa * kappa,
            reach=kappa * MAX_DELAY_PS,
            is_bunch=self.is_bunch,
        )

    def share(self, *, window_ps: float, offset_ps: float, spread_ps: float) -> float:
        """Share of one peak that a window holds, see `netsim.physics.rates.window_share`.

        Of photons born in pulses it is all or nothing: receivers cut times to whole periods.
        """
        if self.pulses is not None:
            return float(0 in self.pulses.teeth(offset_ps, window_ps))
        if self.is_closed:
            return self.closed_share(window_ps=window_ps, offset_ps=offset_ps, spread_ps=spread_ps)
        return _tabled_share(self, window_ps, offset_ps, spread_ps)

    def overlap(
        self, *, window_ps: float, offsets_ps: tuple[float, float], spread_ps: float
    ) -> float:
        """Integral over a window of the product of the amplitudes of two peaks.

        Parameters
        ----------
        window_ps : float
            Full width, > 0.
        offsets_ps : (float, float)
            Centres of the peaks less centre of the window. If they differ, the filter is a
            Lorentzian and dispersion slight (`netsim.topology.checks`).
        spread_ps : float
            Standard deviation of the Gaussian jitter of the difference of the two times, >= 0.
        """
        one_ps, other_ps = offsets_ps
        if one_ps == other_ps:
            return self.share(window_ps=window_ps, offset_ps=one_ps, spread_ps=spread_ps)
        return _overlap(self, window_ps, one_ps, other_ps, spread_ps)

    def contrast(self, mismatch_ps: float) -> float:
        """All of the fringe that delays which differ by ``mismatch_ps`` leave."""
        everything_ps = 2.0 * abs(mismatch_ps) + 4.0 * self.reach_ps
        return self.overlap(window_ps=everything_ps, offsets_ps=(0.0, mismatch_ps), spread_ps=0.0)

    @property
    def reach_ps(self) -> float:
        """Delay beyond which there is nothing."""
        return REACH_LIFETIMES / kappa_per_ps(self.linewidth_hz)


class PairShape(TimeShape):
    """Both photons of a pair; of a ring psi(t) = sqrt(kappa / 2) exp(-kappa |t| / 2)."""

    __slots__ = ()
    is_bunch = False

    def behind(self, first_ps2: float, second_ps2: float) -> Self:
        """Dispersions add."""
        return replace(self, dispersion_ps2=first_ps2 + second_ps2)

    def amplitude(self, delay_ps: Array) -> Array:
        """Two-sided exponential."""
        kappa = kappa_per_ps(self.linewidth_hz)
        psi: Array = math.sqrt(kappa / 2.0) * np.exp(-0.5 * kappa * np.abs(delay_ps))
        return psi

    def closed_share(self, *, window_ps: float, offset_ps: float, spread_ps: float) -> float:
        """Of a two-sided exponential, in closed form."""
        return window_share(
            window_ps=window_ps,
            offset_ps=offset_ps,
            linewidth_hz=self.linewidth_hz,
            spread_ps=spread_ps,
        )


class BunchShape(TimeShape):
    """Two photons that share a partner's vacuum: g of `netsim.physics.bunching`, normalised."""

    __slots__ = ()
    is_bunch = True

    def behind(self, first_ps2: float, second_ps2: float) -> Self:
        """Dispersions are subtracted."""
        return replace(self, dispersion_ps2=first_ps2 - second_ps2)

    def amplitude(self, delay_ps: Array) -> Array:
        """sqrt(kappa / 5) g(t)."""
        kappa = kappa_per_ps(self.linewidth_hz)
        x = 0.5 * kappa * np.abs(delay_ps)
        g: Array = math.sqrt(kappa / 5.0) * (1.0 + x) * np.exp(-x)
        return g

    def closed_share(self, *, window_ps: float, offset_ps: float, spread_ps: float) -> float:
        """Of g^2, in closed form but for the jitter."""
        return bunch_share(
            window_ps=window_ps,
            offset_ps=offset_ps,
            linewidth_hz=self.linewidth_hz,
            spread_ps=spread_ps,
        )

    @property
    def span_s(self) -> float:
        """Integral of g(t)^2, g(0) = 1, in seconds, of photons that no dispersion has parted."""
        born = replace(self, dispersion_ps2=0.0)
        lifetimes = SPAN_LIFETIMES if born.is_closed else born.table.span
        return lifetimes * 1e-12 / kappa_per_ps(self.linewidth_hz)


@lru_cache(maxsize=4096)
def _tabled_share(shape: TimeShape, window_ps: float, offset_ps: float, spread_ps: float) -> float:
    """Averaged over the jitter of the edges."""
    table, kappa = shape.table, kappa_per_ps(shape.linewidth_hz)
    z = np.linspace(-JITTER_REACH_SIGMA, JITTER_REACH_SIGMA, STEPS) if spread_ps else np.zeros(1)
    weight = np.exp(-0.5 * z * z)
    low, high = (kappa * (offset_ps + side * window_ps + spread_ps * z) for side in (-0.5, 0.5))
    inside = _below(table, high) - _below(table, low)
    return float((weight * inside).sum() / weight.sum())


def _below(table: DelayTable, delays: Array) -> Array:
    """Probability of less than each delay (in units of 1 / kappa)."""
    within = np.interp(np.abs(delays), table.delays, table.cumulative)
    return 0.5 * (1.0 + np.sign(delays) * within)


@lru_cache(maxsize=4096)
def _overlap(
    shape: TimeShape, window_ps: float, one_ps: float, other_ps: float, spread_ps: float
) -> float:
    """By the trapezoidal rule, where both amplitudes and the window are."""
    blur_ps = JITTER_REACH_SIGMA * spread_ps
    low = max(-0.5 * window_ps - blur_ps, max(one_ps, other_ps) - shape.reach_ps)
    high = min(0.5 * window_ps + blur_ps, min(one_ps, other_ps) + shape.reach_ps)
    if high <= low:
        return 0.0
    times_ps = np.linspace(low, high, STEPS)
    both = shape.amplitude(times_ps - one_ps) * shape.amplitude(times_ps - other_ps)
    if spread_ps:
        both *= _inside(times_ps, window_ps, spread_ps)
    return float(np.trapezoid(both, times_ps))


def _inside(times_ps: Array, window_ps: float, spread_ps: float) -> Array:
    """Probability that jitter leaves, or brings, each time inside a window around 0."""
    scale = 1.0 / (spread_ps * math.sqrt(2.0))
    half_ps = 0.5 * window_ps
    return np.array(
        [
            0.5 * (math.erf((half_ps - t) * scale) - math.erf((-half_ps - t) * scale))
            for t in times_ps.tolist()
        ]
    )
