"""A user's detectors at work, worked out: what each registers, and of which photons.

Part of the analytic twin, see `netsim.twin.prediction`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import Encoding
from netsim.physics.rates import arrival_rate_hz, dead_time_survival
from netsim.topology.network import Network
from netsim.topology.receiver import DetectorSpec
from netsim.units import FWHM_PER_SIGMA

Rates = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """One of a user's detectors at work."""

    encoding: Encoding
    number: int
    jitter_ps: float
    """Standard deviation."""
    clicks_hz: float
    """Registered clicks."""
    photon_share: float
    """Probability that a photon, which the best detector would see, is registered here."""


Detectors = tuple[Detector, ...]


def detectors_of(network: Network, user: str) -> Detectors:
    """All of ``user``, by number."""
    receiver = network.topology.receiver_of(network.topology.user(user))
    encoding, specs, light_hz = receiver.encoding, receiver.each_detector, _light_hz(network, user)
    best = max(spec.efficiency for spec in specs) or 1.0
    return tuple(
        _detector(encoding, number, spec, best, light_hz) for number, spec in enumerate(specs)
    )


def _detector(
    encoding: Encoding, number: int, spec: DetectorSpec, best: float, light_hz: float
) -> Detector:
    share = encoding.share(number) / best * spec.efficiency
    arrivals_hz = arrival_rate_hz(
        light_hz * share + spec.dark_rate_hz,
        dead_time_ps=spec.dead_time_ps,
        afterpulse_probability=spec.afterpulse_probability,
        afterpulse_decay_ps=spec.afterpulse_decay_ps,
    )
    survival = dead_time_survival(arrivals_hz, dead_time_ps=spec.dead_time_ps)
    return Detector(
        encoding=encoding,
        number=number,
        jitter_ps=spec.jitter_fwhm_ps / FWHM_PER_SIGMA,
        clicks_hz=arrivals_hz * survival,
        photon_share=share * survival,
    )


def _light_hz(network: Network, user: str) -> float:
    """Photons per second that the best detector would register if all of them went there."""
    return math.fsum(
        channel.transmittance
        * math.fsum(
            [channel.noise_hz]
            + [pairs.rate_hz * pairs.channels.count(channel.channel) for pairs in network.processes]
        )
        for channel in network.channels_of(user)
    )


def clicks_hz(network: Network, user: str) -> Rates:
    """(4,) float64: clicks per second of each detector of ``user``, dark counts included."""
    return by_number(detectors_of(network, user))


def by_number(detectors: Detectors) -> Rates:
    """(4,) float64: clicks per second; 0 for numbers that the receiver has no detector for."""
    rates_hz = np.zeros(DETECTORS)
    rates_hz[: len(detectors)] = [detector.clicks_hz for detector in detectors]
    return rates_hz
