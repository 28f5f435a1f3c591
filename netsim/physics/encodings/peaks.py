"""Where coincidences of pairs lie in arrival-time difference, and how many a window holds.

It knows peaks as a list and not what makes them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from netsim.physics.rates import window_share


@dataclass(frozen=True, slots=True)
class Peak:
    """Pairs that took one combination of paths.

    Attributes
    ----------
    offset_ps : float
        Arrival at the second user less that at the first, beyond what the fibres make of it.
    weight : float
        Share of the pairs.
    interferes : bool
        Whether ports are correlated there; elsewhere they are independent.
    """

    offset_ps: float
    weight: float
    interferes: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A coincidence window and what blurs peaks.

    Attributes
    ----------
    width_ps : float
        Full width, > 0.
    offset_ps : float
        Centre of the peak without paths less centre of the window.
    linewidth_hz : float
        Of the ring.
    spread_ps : float
        Standard deviation of the Gaussian jitter of the difference of the two times, >= 0.
    """

    width_ps: float
    offset_ps: float
    linewidth_hz: float
    spread_ps: float

    def shares(self, peaks: Iterable[Peak]) -> tuple[float, float]:
        """Shares of all pairs that the window holds: those that interfere, and the others."""
        known = list(peaks)
        interfering = math.fsum(self._share(peak) for peak in known if peak.interferes)
        return interfering, math.fsum(self._share(peak) for peak in known if not peak.interferes)

    def _share(self, peak: Peak) -> float:
        return peak.weight * window_share(
            window_ps=self.width_ps,
            offset_ps=self.offset_ps + peak.offset_ps,
            linewidth_hz=self.linewidth_hz,
            spread_ps=self.spread_ps,
        )
