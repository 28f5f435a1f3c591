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

from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.peaks import Window
from netsim.physics.encodings.sifting import Mask, Sifting
from netsim.physics.rates import (
    accidentals_hz,
    arrival_rate_hz,
    dead_time_survival,
)
from netsim.topology.labels import label_of
from netsim.topology.network import Lane, LanePart, Network
from netsim.topology.processes import PairProcess
from netsim.topology.receiver import DetectorSpec, ReceiverSpec
from netsim.topology.timeline import Epoch
from netsim.units import FWHM_PER_SIGMA
from protocols.keylength.keyrate import skr_asymptotic_bps

Rates = NDArray[np.float64]


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


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A network, and when settings that depend on time are looked at."""

    network: Network
    time_ps: int


@dataclass(frozen=True, slots=True, eq=False)
class _Detector:
    """One of a user's detectors at work."""

    encoding: Encoding
    number: int
    jitter_ps: float
    """Standard deviation."""
    clicks_hz: float
    """Registered clicks."""
    photon_share: float
    """Probability that a photon, which the best detector would see, is registered here."""


_Detectors = tuple[_Detector, ...]


@dataclass(frozen=True, slots=True)
class _Peaks:
    """The pairs of one process as seen in the window of a lane (its own or another) of the link."""

    pairs_hz: float
    process: PairProcess
    labels: tuple[int, int]
    """Of the two channels."""
    offset_ps: float
    """Centre of the middle peak less centre of the window."""
    window_ps: float
    linewidth_hz: float
    broadening_ps: float
    time_ps: int

    def rate_hz(self, one: _Detector, other: _Detector) -> float:
        """True coincidences of two detectors."""
        share = one.encoding.pair_share(
            one.number,
            other.encoding,
            other.number,
            pairs=self.process,
            labels=self.labels,
            window=Window(
                width_ps=self.window_ps,
                offset_ps=self.offset_ps,
                linewidth_hz=self.linewidth_hz,
                spread_ps=math.hypot(self.broadening_ps, one.jitter_ps, other.jitter_ps),
            ),
            time_ps=self.time_ps,
        )
        return self.pairs_hz * one.photon_share * other.photon_share * share


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
    true_hz = [np.zeros((DETECTORS, DETECTORS)) for _ in lanes]
    accidental_hz = [np.zeros((DETECTORS, DETECTORS)) for _ in lanes]
    siftings = [_sifting(epochs[0].network, lane) for lane in lanes]
    singles_hz = dict.fromkeys(users, 0.0)
    for state, length_ps in _states(epochs):
        network = state.network
        weight = length_ps / total_ps if total_ps else 1.0 / len(epochs)
        stations = {user: _detectors(network, user) for user in users}
        for user, detectors in stations.items():
            singles_hz[user] += weight * math.fsum(detector.clicks_hz for detector in detectors)
        for k, lane in enumerate(network.lanes):
            first, second = (stations[user] for user in lane.users)
            true_hz[k] += weight * _true_hz(state, lane, first, second)
            accidental_hz[k] += weight * _accidental_hz(network, first, second)
    return Prediction(
        lanes=tuple(map(_summed, lanes, siftings, true_hz, accidental_hz)),
        users=tuple(UserPrediction(user, rate_hz) for user, rate_hz in singles_hz.items()),
    )


def _states(epochs: Sequence[Epoch]) -> Iterator[tuple[_State, int]]:
    """Each distinct state and how long it lasts in all."""
    encodings = [spec.encoding for spec in epochs[0].network.topology.receivers.values()]
    lengths_ps: dict[tuple[float, ...], int] = {}
    states: dict[tuple[float, ...], _State] = {}
    for epoch in epochs:
        middle_ps = (epoch.start_ps + epoch.stop_ps) // 2
        phases_rad = (
            encoding.phase_rad(number, 0, middle_ps)
            for encoding in encodings
            for number in range(len(encoding.detectors))
        )
        key = (id(epoch.network), *phases_rad)
        states.setdefault(key, _State(epoch.network, middle_ps))
        lengths_ps[key] = lengths_ps.get(key, 0) + epoch.length_ps
    for key, state in states.items():
        yield state, lengths_ps[key]


def _detectors(network: Network, user: str) -> _Detectors:
    receiver, light_hz = _receiver(network, user), _light_hz(network, user)
    best = max(spec.efficiency for spec in receiver.each_detector) or 1.0
    return tuple(
        _detector(receiver.encoding, number, spec, best, light_hz)
        for number, spec in enumerate(receiver.each_detector)
    )


def _detector(
    encoding: Encoding, number: int, spec: DetectorSpec, best: float, light_hz: float
) -> _Detector:
    share = encoding.share(number) / best * spec.efficiency
    arrivals_hz = arrival_rate_hz(
        light_hz * share + spec.dark_rate_hz,
        dead_time_ps=spec.dead_time_ps,
        afterpulse_probability=spec.afterpulse_probability,
        afterpulse_decay_ps=spec.afterpulse_decay_ps,
    )
    survival = dead_time_survival(arrivals_hz, dead_time_ps=spec.dead_time_ps)
    return _Detector(
        encoding=encoding,
        number=number,
        jitter_ps=spec.jitter_fwhm_ps / FWHM_PER_SIGMA,
        clicks_hz=arrivals_hz * survival,
        photon_share=share * survival,
    )


def _receiver(network: Network, user: str) -> ReceiverSpec:
    return network.topology.receiver_of(network.topology.user(user))


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


def detector_rates_hz(network: Network, lane: Lane, *, time_ps: int = 0) -> tuple[Rates, Rates]:
    """Coincidences of one lane by detector of either user: (4, 4) true and accidental ones.

    Settings that depend on time are those of ``time_ps``.
    """
    first, second = (_detectors(network, user) for user in lane.users)
    true_hz = _true_hz(_State(network, time_ps), lane, first, second)
    return true_hz, _accidental_hz(network, first, second)


def clicks_hz(network: Network, user: str) -> Rates:
    """(4,) float64: clicks per second of each detector of ``user``, dark counts included."""
    return _by_number(_detectors(network, user))


def _by_number(detectors: _Detectors) -> Rates:
    """(4,) float64: clicks per second; 0 for numbers that the receiver has no detector for."""
    rates_hz = np.zeros(DETECTORS)
    rates_hz[: len(detectors)] = [detector.clicks_hz for detector in detectors]
    return rates_hz


def _true_hz(state: _State, lane: Lane, first: _Detectors, second: _Detectors) -> Rates:
    """(4, 4) float64: pairs of any lane of the link that fall into the window of ``lane``."""
    peaks = [
        _peaks(state, lane, part)
        for source in state.network.lanes_of(lane.users)
        for part in source.parts
        if part.process.rate_hz > 0.0
    ]
    rates_hz = np.zeros((DETECTORS, DETECTORS))
    rates_hz[: len(first), : len(second)] = [
        [math.fsum(peak.rate_hz(i, j) for peak in peaks) for j in second] for i in first
    ]
    return rates_hz


def _accidental_hz(network: Network, first: _Detectors, second: _Detectors) -> Rates:
    return accidentals_hz(
        _by_number(first),
        _by_number(second),
        window_ps=network.topology.protocol.window_ps,
    )


def _peaks(state: _State, window: Lane, part: LanePart) -> _Peaks:
    network = state.network
    ways = [network.channel(*outlet) for outlet in zip(part.channels, window.users, strict=True)]
    transmittances = [0.0 if way is None else way.transmittance for way in ways]
    broadenings_ps = [0.0 if way is None else way.broadening_ps for way in ways]
    # Two photons in one channel: either may be the first user's.
    multiplicity = 2.0 if part.channels[0] == part.channels[1] else 1.0
    return _Peaks(
        pairs_hz=multiplicity * part.process.rate_hz * math.prod(transmittances),
        process=part.process,
        labels=(label_of(part.channels[0]), label_of(part.channels[1])),
        offset_ps=part.delay_ps - window.delay_ps,
        window_ps=network.topology.protocol.window_ps,
        linewidth_hz=network.topology.qnsp.source.bandwidth_hz,
        broadening_ps=math.hypot(*broadenings_ps),
        time_ps=state.time_ps,
    )


def _sifting(network: Network, lane: Lane) -> Sifting:
    return Sifting.of(*(_receiver(network, user).encoding.detectors for user in lane.users))


def _summed(lane: Lane, sifting: Sifting, true_hz: Rates, accidental_hz: Rates) -> LanePrediction:
    """Sift (4, 4) rates of detector pairs and count errors."""
    all_hz = true_hz + accidental_hz
    sifted_hz, qber = _rate_and_qber(all_hz, sifting.kept, sifting.errors)
    z_hz, z_qber = _rate_and_qber(all_hz, sifting.in_z, sifting.errors)
    x_hz, x_qber = _rate_and_qber(all_hz, sifting.in_x, sifting.errors)
    return LanePrediction(
        users=lane.users,
        channels=lane.channels,
        coincidences_hz=float(all_hz.sum()),
        sifted_hz=sifted_hz,
        qber=qber,
        visibility=1.0 - 2.0 * qber,
        skr_bps=skr_asymptotic_bps(sifted_hz, qber) if sifted_hz > 0.0 else 0.0,
        true_hz=float(true_hz[sifting.kept].sum()),
        accidental_hz=float(accidental_hz[sifting.kept].sum()),
        z_hz=z_hz,
        z_qber=z_qber,
        x_hz=x_hz,
        x_qber=x_qber,
    )


def _rate_and_qber(all_hz: Rates, chosen: Mask, errors: Mask) -> tuple[float, float]:
    """Rate of the ``chosen`` pairs of detectors, and the share of ``errors`` among them."""
    rate_hz = float(all_hz[chosen].sum())
    return rate_hz, float(all_hz[chosen & errors].sum()) / rate_hz if rate_hz > 0.0 else math.nan
