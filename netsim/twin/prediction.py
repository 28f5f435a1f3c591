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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.physics.interferometer import REFERENCE_HZ, channel_phase_rad
from netsim.physics.pairs import drift_contrast
from netsim.physics.rates import (
    accidentals_hz,
    arrival_rate_hz,
    dead_time_survival,
    mismatch_contrast,
    window_share,
)
from netsim.topology.labels import label_of
from netsim.topology.network import Lane, LanePart, Network
from netsim.topology.processes import PairProcess
from netsim.topology.receiver import DetectorSpec, InterferometerSpec
from netsim.topology.timeline import Epoch
from netsim.units import FWHM_PER_SIGMA, frequency_hz_from_label
from protocols.keylength.keyrate import skr_asymptotic_bps

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

    def lane(
        self, channels: tuple[str, str], users: tuple[str, str] | None = None
    ) -> LanePrediction:
        """Find the lane of two channels, in any order; KeyError if there is none.

        With split channels several links have a lane of the same channels: ``users`` says which.
        """
        for lane in self.lanes:
            if set(lane.channels) == set(channels) and users in (None, lane.users):
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

    analyser: InterferometerSpec
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
    """The pairs of one process as seen in the window of a lane (its own or another) of the link."""

    pairs_hz: float
    process: PairProcess
    offsets_hz: tuple[float, float]
    """Of the two channels, from the frequency to which interferometers are locked."""
    offset_ps: float
    """Centre of the middle peak less centre of the window."""
    window_ps: float
    linewidth_hz: float
    broadening_ps: float

    def rate_hz(self, one: _Detector, other: _Detector) -> float:
        """True coincidences of two detectors.

        Relative to independent ports, equal paths weigh 1 + s t V0 cos(phi_u + phi_v + phi_0) with
        V0 lowered by both analysers and their mismatch; unequal paths weigh 1. Each of the four
        combinations of paths has probability 1/4; without paths there is only one.
        """
        own, its = one.analyser, other.analyser
        mismatch_ps = its.delay_ps - own.delay_ps
        spread_ps = math.hypot(self.broadening_ps, one.jitter_ps, other.jitter_ps)
        fringe = one.sign * other.sign * self._fringe(own, its)
        if own.delay_ps == 0.0 == its.delay_ps:
            share = self._share(0.0, spread_ps) * (1.0 + fringe)
        else:
            equal = self._share(0.0, spread_ps) + self._share(mismatch_ps, spread_ps)
            unequal = self._share(its.delay_ps, spread_ps) + self._share(-own.delay_ps, spread_ps)
            share = (equal * (1.0 + fringe) + unequal) / 4.0
        return self.pairs_hz * one.photon_share * other.photon_share * share

    def _share(self, path_ps: float, spread_ps: float) -> float:
        return window_share(
            window_ps=self.window_ps,
            offset_ps=self.offset_ps + path_ps,
            linewidth_hz=self.linewidth_hz,
            spread_ps=spread_ps,
        )

    def _fringe(self, own: InterferometerSpec, its: InterferometerSpec) -> float:
        """V cos(phase) of a pair on equal paths."""
        contrast = self.process.contrast * own.effective_contrast * its.effective_contrast
        contrast *= drift_contrast(
            frequency_noise_hz=self.process.frequency_noise_hz, delay_ps=its.delay_ps
        )
        contrast *= mismatch_contrast(its.delay_ps - own.delay_ps, linewidth_hz=self.linewidth_hz)
        phase_rad = self.process.phase_rad + math.fsum(
            umi.phase_rad + channel_phase_rad(offset_hz, umi.path_error_ps)
            for umi, offset_hz in zip((own, its), self.offsets_hz, strict=True)
        )
        return contrast * math.cos(phase_rad)


def predict(network: Network) -> Prediction:
    """Work out the rates of all users and lanes of ``network``."""
    return predict_epochs((Epoch(0, 1, network),))


def predict_epochs(epochs: Sequence[Epoch]) -> Prediction:
    """Mean rates over several states of a network, each weighted with its length.

    Parameters
    ----------
    epochs : sequence of Epoch
        At least one; the lanes are the same in all of them.
    """
    lanes = epochs[0].network.lanes
    users = [user.name for user in epochs[0].network.topology.users]
    total_ps = sum(epoch.length_ps for epoch in epochs)
    true_hz = [np.zeros((4, 4)) for _ in lanes]
    accidental_hz = [np.zeros((4, 4)) for _ in lanes]
    singles_hz = dict.fromkeys(users, 0.0)
    for network, length_ps in _lengths(epochs):
        weight = length_ps / total_ps if total_ps else 1.0 / len(epochs)
        stations = {user: _detectors(network, user) for user in users}
        for user, detectors in stations.items():
            singles_hz[user] += weight * math.fsum(detector.clicks_hz for detector in detectors)
        for k, lane in enumerate(network.lanes):
            first, second = (stations[user] for user in lane.users)
            true_hz[k] += weight * _true_hz(network, lane, first, second)
            accidental_hz[k] += weight * _accidental_hz(network, first, second)
    return Prediction(
        lanes=tuple(map(_summed, lanes, true_hz, accidental_hz)),
        users=tuple(UserPrediction(user, rate_hz) for user, rate_hz in singles_hz.items()),
    )


def _lengths(epochs: Sequence[Epoch]) -> Iterator[tuple[Network, int]]:
    """Each distinct network and how long it lasts in all."""
    lengths: dict[int, int] = {}
    for epoch in epochs:
        lengths[id(epoch.network)] = lengths.get(id(epoch.network), 0) + epoch.length_ps
    networks = {id(epoch.network): epoch.network for epoch in epochs}
    for key, length_ps in lengths.items():
        yield networks[key], length_ps


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
    analyser: InterferometerSpec,
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
        analyser=analyser,
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
            + [pairs.rate_hz * pairs.channels.count(channel.channel) for pairs in network.processes]
        )
        for channel in network.channels_of(user)
    )


def detector_rates_hz(network: Network, lane: Lane) -> tuple[Rates, Rates]:
    """Coincidences of one lane by detector of either user: (4, 4) true and accidental ones."""
    first, second = (_detectors(network, user) for user in lane.users)
    return _true_hz(network, lane, first, second), _accidental_hz(network, first, second)


def clicks_hz(network: Network, user: str) -> Rates:
    """(4,) float64: clicks per second of each detector of ``user``, dark counts included."""
    return np.array([detector.clicks_hz for detector in _detectors(network, user)])


def _true_hz(network: Network, lane: Lane, first: _Detectors, second: _Detectors) -> Rates:
    """(4, 4) float64: pairs of any lane of the link that fall into the window of ``lane``."""
    peaks = [
        _peaks(network, lane, part)
        for source in network.lanes_of(lane.users)
        for part in source.parts
        if part.process.rate_hz > 0.0
    ]
    return np.array(
        [[math.fsum(peak.rate_hz(i, j) for peak in peaks) for j in second] for i in first]
    )


def _accidental_hz(network: Network, first: _Detectors, second: _Detectors) -> Rates:
    return accidentals_hz(
        np.array([detector.clicks_hz for detector in first]),
        np.array([detector.clicks_hz for detector in second]),
        window_ps=network.topology.protocol.window_ps,
    )


def _peaks(network: Network, window: Lane, part: LanePart) -> _Peaks:
    ways = [network.channel(*outlet) for outlet in zip(part.channels, window.users, strict=True)]
    transmittances = [0.0 if way is None else way.transmittance for way in ways]
    broadenings_ps = [0.0 if way is None else way.broadening_ps for way in ways]
    # Two photons in one channel: either may be the first user's.
    multiplicity = 2.0 if part.channels[0] == part.channels[1] else 1.0
    return _Peaks(
        pairs_hz=multiplicity * part.process.rate_hz * math.prod(transmittances),
        process=part.process,
        offsets_hz=(_offset_hz(part.channels[0]), _offset_hz(part.channels[1])),
        offset_ps=part.delay_ps - window.delay_ps,
        window_ps=network.topology.protocol.window_ps,
        linewidth_hz=network.topology.qnsp.source.bandwidth_hz,
        broadening_ps=math.hypot(*broadenings_ps),
    )


def _offset_hz(channel: str) -> float:
    return frequency_hz_from_label(label_of(channel)) - REFERENCE_HZ


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
