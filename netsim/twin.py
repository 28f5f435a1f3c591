"""The analytic twin: what a network should measure, from the same topology, without a photon.

It knows device inputs only (`netsim.topology.network`) and is printed beside every simulated value.

Every pair of detectors of two users is treated on its own, so unequal detectors need no special
case: the rate of true coincidences is R eta_a eta_b times the probability of those two ports, times
the share of the arrival-time differences that falls into the window, times both dead-time
survivals; the accidentals are S_i S_j W. A lane's window also holds what leaks in from its own side
peaks and from the other lanes of the link. Left out, all below 0.1 % at 2 ns and 200 kHz: clicks of
one user merging within the window, tags used by another link or lane first, imperfect clocks.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.physics.rates import (
    accidentals_hz,
    arrival_rate_hz,
    dead_time_survival,
    mismatch_contrast,
    window_share,
)
from netsim.topology.network import Lane, Network
from netsim.topology.specs import DetectorSpec, InterferometerSpec
from netsim.units import FWHM_PER_SIGMA
from protocols.keyrate import skr_asymptotic_bps

Rates = NDArray[np.float64]

DETECTORS = range(4)
"""Z+, Z-, X+, X-: index = 2 * basis + port."""

SAME_BASIS = np.array([[i // 2 == j // 2 for j in DETECTORS] for i in DETECTORS])
"""(4, 4) bool: kept by sifting."""

IN_Z = np.array([[i < 2 and j < 2 for j in DETECTORS] for i in DETECTORS])
"""(4, 4) bool: both users in basis Z."""

ERRORS = np.array(
    [[(i, j) in {(0, 1), (1, 0), (2, 2), (3, 3)} for j in DETECTORS] for i in DETECTORS]
)
"""(4, 4) bool: different ports in Z; equal ports in X, where outcomes anticorrelate."""


@dataclass(frozen=True, slots=True)
class LanePrediction:
    """What one lane should show; rates per second of light.

    Attributes
    ----------
    coincidences_hz : float
        All in the central window, whatever the bases.
    sifted_hz : float
        Those of equal bases: ``true_hz + accidental_hz``.
    qber : float
        Error rate of the sifted bits; NaN if there are none. ``visibility`` = 1 - 2 ``qber``.
    skr_bps : float
        Asymptotic secret key rate with f = 1.2.
    """

    users: tuple[str, str]
    channels: tuple[str, str]
    coincidences_hz: float
    sifted_hz: float
    qber: float
    visibility: float
    skr_bps: float
    true_hz: float
    accidental_hz: float
    z_hz: float
    """Sifted in basis Z; ``x_hz`` in basis X."""
    z_qber: float
    """Error rate in basis Z, ``x_qber`` in basis X; NaN if nothing is sifted there."""
    x_hz: float
    x_qber: float


@dataclass(frozen=True, slots=True)
class UserPrediction:
    """All clicks of a user, after dead time."""

    name: str
    singles_hz: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The whole network; lanes in the order of `Network.lanes`, users in that of the file."""

    lanes: tuple[LanePrediction, ...]
    users: tuple[UserPrediction, ...]

    @property
    def total_skr_bps(self) -> float:
        """Sum over all lanes."""
        return math.fsum(lane.skr_bps for lane in self.lanes)

    def lane(self, channels: tuple[str, str]) -> LanePrediction:
        """Find the lane of two channels, in any order; KeyError if there is none."""
        for lane in self.lanes:
            if set(lane.channels) == set(channels):
                return lane
        raise KeyError(channels)

    def singles_hz(self, user: str) -> float:
        """All clicks per second of ``user``; KeyError for an unknown one."""
        for prediction in self.users:
            if prediction.name == user:
                return prediction.singles_hz
        raise KeyError(user)


@dataclass(frozen=True, slots=True)
class _Detector:
    """One of a user's four detectors at work."""

    interferometer: InterferometerSpec
    jitter_ps: float
    """Standard deviation."""
    clicks_hz: float
    """Registered clicks."""
    sign: int
    """+1 or -1: the output port."""
    photon_share: float
    """Probability that a photon, which the best detector would see, is registered here."""


_Detectors = tuple[_Detector, ...]


@dataclass(frozen=True, slots=True)
class _Peaks:
    """The pairs of one lane as seen in the window of a lane (the same or another) of the link."""

    pairs_hz: float
    contrast: float
    phase_rad: float
    offset_ps: float
    """Centre of the middle peak less centre of the window."""
    window_ps: float
    linewidth_hz: float
    broadening_ps: float

    def rate_hz(self, one: _Detector, other: _Detector) -> float:
        """True coincidences of two detectors.

        Relative to independent ports, equal paths weigh 1 + s t V0 cos(phi_u + phi_v + phi_0) with
        V0 lowered by both interferometers and their mismatch; unequal paths weigh 1.
        """
        own, its = one.interferometer, other.interferometer
        mismatch_ps = its.delay_ps - own.delay_ps
        spread_ps = math.hypot(self.broadening_ps, one.jitter_ps, other.jitter_ps)
        short_short, long_long, short_long, long_short = (
            window_share(
                window_ps=self.window_ps,
                offset_ps=self.offset_ps + path_ps,
                linewidth_hz=self.linewidth_hz,
                spread_ps=spread_ps,
            )
            for path_ps in (0.0, mismatch_ps, its.delay_ps, -own.delay_ps)
        )
        contrast = self.contrast * own.contrast * its.contrast
        contrast *= mismatch_contrast(mismatch_ps, linewidth_hz=self.linewidth_hz)
        fringe = contrast * math.cos(own.phase_rad + its.phase_rad + self.phase_rad)
        fringe *= one.sign * other.sign
        shares = (short_short + long_long) * (1.0 + fringe), short_long + long_short
        return self.pairs_hz * one.photon_share * other.photon_share * sum(shares) / 4.0


def predict(network: Network) -> Prediction:
    """Work out the rates of all users and lanes of ``network``."""
    stations = {user.name: _detectors(network, user.name) for user in network.topology.users}
    return Prediction(
        lanes=tuple(_lane(network, lane, stations) for lane in network.lanes),
        users=tuple(
            UserPrediction(name, math.fsum(detector.clicks_hz for detector in detectors))
            for name, detectors in stations.items()
        ),
    )


def _detectors(network: Network, user: str) -> _Detectors:
    receiver = network.topology.receiver_of(network.topology.user(user))
    specs, light_hz = receiver.four_detectors, _light_hz(network, user)
    best = max(spec.efficiency for spec in specs) or 1.0
    z, x = receiver.z_probability / 2.0 / best, (1.0 - receiver.z_probability) / 2.0 / best
    return (
        _detector(specs[0], receiver.z, +1, z * specs[0].efficiency, light_hz),
        _detector(specs[1], receiver.z, -1, z * specs[1].efficiency, light_hz),
        _detector(specs[2], receiver.x, +1, x * specs[2].efficiency, light_hz),
        _detector(specs[3], receiver.x, -1, x * specs[3].efficiency, light_hz),
    )


def _detector(
    spec: DetectorSpec,
    interferometer: InterferometerSpec,
    sign: int,
    share: float,
    light_hz: float,
) -> _Detector:
    arrivals_hz = arrival_rate_hz(
        light_hz * share + spec.dark_rate_hz,
        dead_time_ps=spec.dead_time_ps,
        afterpulse_probability=spec.afterpulse_probability,
        afterpulse_decay_ps=spec.afterpulse_decay_ps,
    )
    survival = dead_time_survival(arrivals_hz, dead_time_ps=spec.dead_time_ps)
    return _Detector(
        interferometer=interferometer,
        jitter_ps=spec.jitter_fwhm_ps / FWHM_PER_SIGMA,
        clicks_hz=arrivals_hz * survival,
        sign=sign,
        photon_share=share * survival,
    )


def _light_hz(network: Network, user: str) -> float:
    """Photons per second that the best detector would register if all of them went there."""
    return math.fsum(
        channel.transmittance
        * math.fsum(
            [channel.noise_hz]
            + [pairs.rate_hz for pairs in network.processes if channel.channel in pairs.channels]
        )
        for channel in network.channels_of(user)
    )


def _lane(network: Network, lane: Lane, stations: dict[str, _Detectors]) -> LanePrediction:
    first, second = (stations[user] for user in lane.users)
    peaks = [_peaks(network, lane, source) for source in network.lanes_of(lane.users)]
    true_hz = np.array(
        [[math.fsum(peak.rate_hz(i, j) for peak in peaks) for j in second] for i in first]
    )
    accidental_hz = accidentals_hz(
        np.array([detector.clicks_hz for detector in first]),
        np.array([detector.clicks_hz for detector in second]),
        window_ps=network.topology.protocol.window_ps,
    )
    return _summed(lane, true_hz, accidental_hz)


def _peaks(network: Network, window: Lane, source: Lane) -> _Peaks:
    one, other = (network.channel(name) for name in source.channels)
    if one is None or other is None:
        raise KeyError(source.channels)
    return _Peaks(
        pairs_hz=source.process.rate_hz * one.transmittance * other.transmittance,
        contrast=source.process.contrast,
        phase_rad=source.process.phase_rad,
        offset_ps=source.delay_ps - window.delay_ps,
        window_ps=network.topology.protocol.window_ps,
        linewidth_hz=network.topology.qnsp.source.linewidth_hz,
        broadening_ps=math.hypot(one.broadening_ps, other.broadening_ps),
    )


def _summed(lane: Lane, true_hz: Rates, accidental_hz: Rates) -> LanePrediction:
    """Sift (4, 4) rates of detector pairs and count errors."""
    all_hz = true_hz + accidental_hz
    sifted_hz, qber = _rate_and_qber(all_hz, SAME_BASIS)
    z_hz, z_qber = _rate_and_qber(all_hz, SAME_BASIS & IN_Z)
    x_hz, x_qber = _rate_and_qber(all_hz, SAME_BASIS & ~IN_Z)
    return LanePrediction(
        users=lane.users,
        channels=lane.channels,
        coincidences_hz=float(all_hz.sum()),
        sifted_hz=sifted_hz,
        qber=qber,
        visibility=1.0 - 2.0 * qber,
        skr_bps=skr_asymptotic_bps(sifted_hz, qber) if sifted_hz > 0.0 else 0.0,
        true_hz=float(true_hz[SAME_BASIS].sum()),
        accidental_hz=float(accidental_hz[SAME_BASIS].sum()),
        z_hz=z_hz,
        z_qber=z_qber,
        x_hz=x_hz,
        x_qber=x_qber,
    )


def _rate_and_qber(all_hz: Rates, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """Rate of the ``chosen`` pairs of detectors, and the share of errors among them."""
    rate_hz = float(all_hz[chosen].sum())
    return rate_hz, float(all_hz[chosen & ERRORS].sum()) / rate_hz if rate_hz > 0.0 else math.nan
