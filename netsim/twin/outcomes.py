"""Detectors at work, and what their clicks are read as where times tell outcomes apart.

Part of the analytic twin, see `netsim.twin.detectors`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsim.physics.encodings.interface import Encoding
from netsim.physics.pulses import Pulses

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """One of a user's detectors at work."""

    encoding: Encoding
    number: int
    jitter_ps: float
    """Standard deviation."""
    arrivals_hz: float
    """Candidate clicks, those that find it blind among them."""
    seen_share: float
    """Probability that a photon, which the best detector would see, is one of them."""
    survival: float
    """Share of them that it registers."""
    live: float
    """Share of them that count: none of the user's detectors has clicked within the dead time."""

    @property
    def clicks_hz(self) -> float:
        """Registered clicks."""
        return self.arrivals_hz * self.survival

    @property
    def live_hz(self) -> float:
        """Those of them that count."""
        return self.arrivals_hz * self.live

    @property
    def photon_share(self) -> float:
        """Probability that a photon, which the best detector would see, makes such a click."""
        return self.seen_share * self.live


def read_detectors(
    detectors: tuple[Detector, ...], pulses: Pulses, light_hz: float
) -> tuple[Detector, ...]:
    """Outcomes as detectors of their own, where several share one (`Encoding.read_shares`).

    Parameters
    ----------
    detectors : tuple of Detector
        Those that there are.
    pulses : Pulses
        Of the source.
    light_hz : float
        Photons per second, born in pulses, that the best detector would see if all came to it.
    """
    encoding = detectors[0].encoding
    shares = encoding.read_shares(pulses, tuple(each.jitter_ps for each in detectors))
    if shares is None:
        return detectors
    photons_hz = np.array([light_hz * each.seen_share for each in detectors])
    others_hz = np.array([each.arrivals_hz for each in detectors]) - photons_hz
    read_hz = shares.photons * photons_hz[:, None] + shares.others * others_hz[:, None]
    seen = shares.photons * np.array([each.seen_share for each in detectors])[:, None]
    return tuple(
        _outcome(detectors, number, read_hz[:, number], seen[:, number])
        for number in range(len(encoding.detectors))
    )


def _outcome(detectors: Sequence[Detector], number: int, read_hz: Reals, seen: Reals) -> Detector:
    """Those clicks of all detectors that are read so: sums, and means over clicks."""
    weights = read_hz if read_hz.sum() > 0.0 else np.ones(len(detectors))

    def mean(values: Sequence[float]) -> float:
        return float(np.average(values, weights=weights))

    return replace(
        detectors[0],
        number=number,
        jitter_ps=math.sqrt(mean([each.jitter_ps**2 for each in detectors])),
        arrivals_hz=float(read_hz.sum()),
        seen_share=float(seen.sum()),
        survival=mean([each.survival for each in detectors]),
        live=mean([each.live for each in detectors]),
    )
