"""Two detectors, one of each user: where coincidences of their pairs lie, and how they interfere.

It knows numbers of two receivers, and not what kinds they are.
"""

import cmath
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from netsim.physics.pairs import drift_contrast, shift_rad
from netsim.physics.shapes import TimeShape


class Coherence(Protocol):
    """How pure the interference of one pair process is."""

    @property
    def contrast(self) -> float:
        """V0, with perfect analysers."""
        ...

    @property
    def phase_rad(self) -> float:
        """phi_0: what is left of the phase of the two channels."""
        ...

    @property
    def frequency_noise_hz(self) -> float:
        """Rms wander of the sum of the two photons' frequencies."""
        ...

    @property
    def sum_shift_hz(self) -> float:
        """By how much that sum is off what the interferometers are set to."""
        ...


class BunchCoherence(Coherence, Protocol):
    """How pure that of the photons of two channels is that are no partners."""

    @property
    def channels(self) -> tuple[str, str]:
        """The phase is that of the first less that of the second."""
        ...


class Peak(NamedTuple):
    """Pairs that took one combination of paths."""

    offset_ps: float
    """Arrival at the second user less that at the first, beyond what the fibres make of it."""
    weight: float
    """Share of the pairs."""
    interferes: bool
    """Whether ports are correlated there; elsewhere they are independent."""


class Window(NamedTuple):
    """A coincidence window, and what blurs peaks."""

    width_ps: float
    """Full width, > 0."""
    offset_ps: float
    """Centre of the peaks less centre of the window."""
    shape: TimeShape
    """How the two photons lie in time."""
    spread_ps: float
    """Standard deviation of the Gaussian jitter of the difference of the two times, >= 0."""
    jitters_ps: tuple[float, float] = (0.0, 0.0)
    """Those of either detector, where slots are told."""

    def share(self, peak: Peak) -> float:
        """Share of all pairs that the window holds of one peak."""
        return peak.weight * self.shape.share(
            window_ps=self.width_ps,
            offset_ps=self.offset_ps + peak.offset_ps,
            spread_ps=self.spread_ps,
        )

    def overlap(self, one: Peak, other: Peak) -> float:
        """What the window holds of the product of the amplitudes of two peaks."""
        return self.shape.overlap(
            window_ps=self.width_ps,
            offsets_ps=(self.offset_ps + one.offset_ps, self.offset_ps + other.offset_ps),
            spread_ps=self.spread_ps,
        )


@dataclass(frozen=True, slots=True)
class Joint:
    """What pairs do that reach these two detectors.

    Attributes
    ----------
    peaks : tuple of Peak
        Weights add up to 1.
    contrasts : (float, float)
        That the analyser of either leaves to pairs.
    late_ps : (float, float)
        Longest path to either; 0 where a photon's paths do not interfere.
    sign : int
        +1 for equal ports, -1 for different ones.
    """

    peaks: tuple[Peak, ...]
    contrasts: tuple[float, float]
    late_ps: tuple[float, float]
    sign: int

    def visibility(self, contrast: float, *, frequency_noise_hz: float) -> float:
        """Contrast of pairs where paths overlap, of those with the ``contrast`` V0.

        Lowered by both analysers, and by a sum frequency that wanders.
        """
        left = contrast * self.contrasts[0] * self.contrasts[1]
        return left * drift_contrast(
            frequency_noise_hz=frequency_noise_hz, delay_ps=self.late_ps[1]
        )

    def shares(self, window: Window) -> tuple[float, float]:
        """Shares of the pairs that a window holds: what interferes of them, and all.

        Of peaks that interfere (two, on equally likely paths) what overlaps does.
        """
        return _shares(self.peaks, window)

    def terms(self, window: Window) -> tuple[float, ...]:
        """What interferes of them, by the analysers that turn it (`Encoding.bases_of`)."""
        return self.shares(window)[:1]

    def share(self, pairs: Coherence, phases_rad: tuple[float, float], window: Window) -> float:
        """Share of the pairs of one process that a window holds, relative to independent ports.

        Where they interfere, they weigh 1 + s t V cos(phi_u + phi_v + phi_0), s and t being the
        signs of the ports; elsewhere 1.

        Parameters
        ----------
        pairs : Coherence
        phases_rad : (float, float)
            That either photon got on its way (`Encoding.phase_rad`).
        window : Window
        """
        own_rad, its_rad = phases_rad
        fringe = self._contrast(pairs) * math.cos(self.pair_phase_rad(pairs) + (own_rad + its_rad))
        coherent, everything = self.shares(window)
        return everything + fringe * coherent

    def fringes(
        self, pairs: Coherence, phases_rad: tuple[float, float], window: Window
    ) -> list[complex]:
        """Of `share` what interferes, term by term, as the real parts.

        Where the sum of the phases is turned by delta, exp(i delta) times this interferes.
        """
        phase_rad = self.pair_phase_rad(pairs) + sum(phases_rad)
        whole = cmath.rect(self._contrast(pairs), phase_rad)
        return [term * whole for term in self.terms(window)]

    def pair_phase_rad(self, pairs: Coherence) -> float:
        """Of the pairs before either analyser turns them, as their sum frequency leaves it."""
        return pairs.phase_rad + shift_rad(pairs.sum_shift_hz, self.late_ps[1])

    def _contrast(self, pairs: Coherence) -> float:
        """With the sign of the ports."""
        return self.sign * self.visibility(
            pairs.contrast, frequency_noise_hz=pairs.frequency_noise_hz
        )


@lru_cache(maxsize=64)
def _shares(peaks: tuple[Peak, ...], window: Window) -> tuple[float, float]:
    """Of one window after the other all pairs of detectors are asked for, and many are alike."""
    together = [peak for peak in peaks if peak.interferes]
    weight = math.fsum(peak.weight for peak in together)
    coherent = weight * window.overlap(together[0], together[-1]) if together else 0.0
    return coherent, math.fsum(window.share(peak) for peak in peaks)
