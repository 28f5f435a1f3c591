"""How two photons of a kind lie in time: what a window holds of them, what a mismatch leaves."""

from dataclasses import dataclass
from typing import Protocol

from netsim.physics.bunching import bunch_contrast, bunch_share
from netsim.physics.rates import kappa_per_ps, mismatch_contrast, window_share


class TimeShape(Protocol):
    """Density of the time between two photons, and its coherence."""

    def share(self, *, window_ps: float, offset_ps: float, spread_ps: float) -> float:
        """Share of one peak that a window holds, see `netsim.physics.rates.window_share`."""
        ...

    def contrast(self, mismatch_ps: float) -> float:
        """Contrast left by two interferometers whose delays differ by ``mismatch_ps``."""
        ...


@dataclass(frozen=True, slots=True)
class PairShape:
    """Both photons of a pair of a ring."""

    linewidth_hz: float

    def share(self, *, window_ps: float, offset_ps: float, spread_ps: float) -> float:
        """Of a two-sided exponential."""
        return window_share(
            window_ps=window_ps,
            offset_ps=offset_ps,
            linewidth_hz=self.linewidth_hz,
            spread_ps=spread_ps,
        )

    def contrast(self, mismatch_ps: float) -> float:
        """Overlap of the amplitude of the pair with itself, shifted."""
        return mismatch_contrast(mismatch_ps, kappa_per_ps(self.linewidth_hz))


@dataclass(frozen=True, slots=True)
class BunchShape:
    """Two photons that share a partner's vacuum: `netsim.physics.bunching`."""

    linewidth_hz: float

    def share(self, *, window_ps: float, offset_ps: float, spread_ps: float) -> float:
        """Of g^2."""
        return bunch_share(
            window_ps=window_ps,
            offset_ps=offset_ps,
            linewidth_hz=self.linewidth_hz,
            spread_ps=spread_ps,
        )

    def contrast(self, mismatch_ps: float) -> float:
        """Overlap of the coherence g with itself, shifted."""
        return bunch_contrast(mismatch_ps, kappa_per_ps(self.linewidth_hz))
