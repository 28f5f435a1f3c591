"""A user's detectors at work, worked out: what each registers, and of which photons.

Part of the analytic twin, see `netsim.twin.prediction`.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import Encoding
from netsim.physics.rates import arrival_rate_hz, dead_time_survival, silence
from netsim.physics.recovery import registered_share, silent_share
from netsim.topology.network import Network
from netsim.topology.receiver import DetectorSpec
from netsim.twin.outcomes import Detector, read_detectors
from netsim.units import FWHM_PER_SIGMA

Rates = NDArray[np.float64]


class Station:
    """All detectors of a user, and what they are as arrays: (4,) float64, by number.

    Parameters
    ----------
    detectors : tuple of Detector
    dead_time_ps : float
        How long after a click none of the user counts.

    Attributes
    ----------
    arrivals_hz, live_hz, seen_shares, survivals : (4,) float64
        As of `Detector`; 0 for numbers that there is no detector for.
    jitters_ps : tuple of float
    """

    def __init__(self, detectors: tuple[Detector, ...], dead_time_ps: float) -> None:
        self.detectors = detectors
        self.dead_time_ps = dead_time_ps
        self.arrivals_hz = by_number([each.arrivals_hz for each in detectors])
        self.live_hz = by_number([each.live_hz for each in detectors])
        self.seen_shares = by_number([each.seen_share for each in detectors])
        self.survivals = by_number([each.survival for each in detectors])
        self.jitters_ps = tuple(each.jitter_ps for each in detectors)

    @property
    def live(self) -> float:
        """Share of the candidate clicks that count, of each detector alike."""
        return self.detectors[0].live

    @property
    def encoding(self) -> Encoding:
        """Of the receiver."""
        return self.detectors[0].encoding


def station_of(
    network: Network,
    user: str,
    *,
    variances_rad2: tuple[float, float] = (0.0, 0.0),
    is_tagger: bool = False,
) -> Station:
    """That of ``user``, its phases (of Z, of X) having wandered so far.

    For a time tagger every click counts, however soon it comes after another one.
    """
    spec_of_user = network.topology.user(user)
    receiver = network.topology.receiver_of(spec_of_user)
    specs, light_hz = receiver.each_detector, _light_hz(network, user)
    if not spec_of_user.is_detecting:
        specs = tuple(spec.model_copy(update={"dark_rate_hz": 0.0}) for spec in specs)
    encoding = receiver.free_encoding(variances_rad2)
    best = max(spec.efficiency for spec in specs) or 1.0
    shares = [
        encoding.port_share(number) / best * spec.efficiency for number, spec in enumerate(specs)
    ]
    arrivals_hz = [
        _arrivals_hz(spec, light_hz * share) for spec, share in zip(specs, shares, strict=True)
    ]
    survivals = [_survival(spec, rate_hz) for spec, rate_hz in zip(specs, arrivals_hz, strict=True)]
    silences = [
        _silence(spec, rate_hz, receiver.dead_time_ps)
        for spec, rate_hz in zip(specs, arrivals_hz, strict=True)
    ]
    live = math.prod(silences)
    detectors = tuple(
        Detector(
            encoding=encoding,
            number=number,
            jitter_ps=spec.jitter_fwhm_ps / FWHM_PER_SIGMA,
            arrivals_hz=rate_hz,
            seen_share=share,
            survival=survival,
            live=survival
            if is_tagger
            else live * _own_share(spec, rate_hz, silent, receiver.dead_time_ps),
        )
        for number, (spec, share, rate_hz, survival, silent) in enumerate(
            zip(specs, shares, arrivals_hz, survivals, silences, strict=True)
        )
    )
    pulses = network.topology.qnsp.source.pump_pulses
    if pulses is not None:
        detectors = read_detectors(detectors, pulses, light_hz - _noise_hz(network, user))
    return Station(detectors, 0.0 if is_tagger else receiver.dead_time_ps)


def _survival(spec: DetectorSpec, rate_hz: float) -> float:
    if not spec.recovery_ps:
        return dead_time_survival(rate_hz, dead_time_ps=spec.dead_time_ps)
    return registered_share(
        rate_hz,
        dead_time_ps=spec.dead_time_ps,
        recovery_ps=spec.recovery_ps,
        silent_ps=spec.dead_time_ps,
    )


def _silence(spec: DetectorSpec, rate_hz: float, silent_ps: float) -> float:
    """Share of the time in which there was no click of this detector for so long."""
    if not spec.recovery_ps:
        return silence(rate_hz, dead_time_ps=spec.dead_time_ps, silent_ps=silent_ps)
    return silent_share(
        rate_hz,
        dead_time_ps=spec.dead_time_ps,
        recovery_ps=spec.recovery_ps,
        silent_ps=silent_ps,
    )


def _own_share(spec: DetectorSpec, rate_hz: float, silent: float, silent_ps: float) -> float:
    """What is registered of the candidates that come after the detector's own silence."""
    if not spec.recovery_ps or not silent:
        return 1.0
    registered = registered_share(
        rate_hz,
        dead_time_ps=spec.dead_time_ps,
        recovery_ps=spec.recovery_ps,
        silent_ps=silent_ps,
    )
    return registered / silent


def _arrivals_hz(spec: DetectorSpec, photons_hz: float) -> float:
    return arrival_rate_hz(
        photons_hz + spec.dark_rate_hz,
        dead_time_ps=spec.dead_time_ps,
        afterpulse_probability=spec.afterpulse_probability,
        afterpulse_decay_ps=spec.afterpulse_decay_ps,
    )


def _light_hz(network: Network, user: str) -> float:
    """Photons per second that the best detector would register if all of them went there."""
    return math.fsum(
        channel.transmittance * (channel.noise_hz + network.emitted_hz(channel.channel))
        for channel in network.channels_of(user)
    )


def _noise_hz(network: Network, user: str) -> float:
    """The part of it that comes at any time, pulses or not."""
    return math.fsum(
        channel.transmittance * channel.noise_hz for channel in network.channels_of(user)
    )


def clicks_hz(network: Network, user: str) -> Rates:
    """(4,) float64: clicks per second of each detector of ``user``, dark counts included."""
    return by_number([each.clicks_hz for each in station_of(network, user).detectors])


def by_number(detectors_hz: Sequence[float]) -> Rates:
    """(4,) float64: rates; 0 for numbers that the receiver has no detector for."""
    rates_hz = np.zeros(DETECTORS)
    rates_hz[: len(detectors_hz)] = detectors_hz
    return rates_hz
