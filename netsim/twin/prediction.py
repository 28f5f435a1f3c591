"""The analytic twin: what a network should measure, from the same topology, without a photon.

It knows device inputs only (`netsim.topology.network`) and is printed beside every simulated value.

Every pair of detectors of two users is treated on its own, so unequal detectors need no special
case: the rate of true coincidences is R eta_a eta_b times the probability of those two ports, times
the share of the arrival-time differences that falls into the window, times the probabilities that
no detector of either user has clicked within a dead time before; the accidentals are C_i C_j W, C
the clicks that follow no other so closely. A lane's window also holds what leaks in from its own
side peaks and from the other lanes of the link. Left out, all below 0.1 % at 2 ns and 200 kHz:
clicks of one user merging within the window, tags used by another link or lane first, imperfect
clocks.
"""

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import Encoding, joints_of
from netsim.physics.encodings.joint import Joint, Window
from netsim.physics.encodings.sifting import Mask, Sifting
from netsim.physics.rates import (
    accidentals_hz,
    arrival_rate_hz,
    dead_time_survival,
    silence,
)
from netsim.topology.labels import label_of
from netsim.topology.network import Lane, LanePart, Network
from netsim.topology.processes import PairProcess
from netsim.topology.receiver import DetectorSpec
from netsim.topology.timeline import Epoch
from netsim.units import FWHM_PER_SIGMA
from protocols.keylength.balance import known_share
from protocols.keylength.keyrate import skr_asymptotic_bps

Rates = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LanePrediction:
    """What one lane should show; rates per second of light.

    Attributes
    ----------
    coincidences_hz : float
        All in the central window, whatever the bases.
    most_coincidences_hz : float
        The same in the state of the network that has most.
    sifted_hz : float
        Those of equal bases: ``true_hz + accidental_hz``.
    qber : float
        Error rate of the sifted bits; NaN if there are none. ``visibility`` = 1 - 2 ``qber``.
    skr_bps : float
        Asymptotic secret key rate with f = 1.2, less what is known of unequal detectors' bits.
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
    most_coincidences_hz: float
    z_ones: float
    """Share of ones among the first user's bits in basis Z, ``x_ones`` in basis X; 1/2 without."""
    x_ones: float


@dataclass(frozen=True, slots=True)
class UserPrediction:
    """All clicks of a user, after dead time, and those of them that count."""

    name: str
    singles_hz: float
    live_hz: float
    """Clicks that follow no other within the dead time, whatever its detector."""


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
        return self.user(user).singles_hz

    def user(self, name: str) -> UserPrediction:
        """Find a user by name; KeyError for an unknown one."""
        for prediction in self.users:
            if prediction.name == name:
                return prediction
        raise KeyError(name)


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
    live_hz: float
    """Those of them that count: none of the user's detectors has clicked within the dead time."""
    photon_share: float
    """Probability that a photon, which the best detector would see, makes a click that counts."""


_Detectors = tuple[_Detector, ...]


@dataclass(frozen=True, slots=True)
class _Peaks:
    """The pairs of one process as seen in the window of a lane (its own or another) of the link."""

    pairs_hz: float
    process: PairProcess
    phases_rad: tuple[list[float], list[float]]
    """That a photon gets on its way to each detector of the first and of the second user."""
    offset_ps: float
    """Centre of the middle peak less centre of the window."""
    window_ps: float
    linewidth_hz: float
    broadening_ps: float

    def rate_hz(self, one: _Detector, other: _Detector, joint: Joint) -> float:
        """True coincidences of two detectors."""
        phases_rad = self.phases_rad[0][one.number], self.phases_rad[1][other.number]
        window = Window(
            width_ps=self.window_ps,
            offset_ps=self.offset_ps,
            linewidth_hz=self.linewidth_hz,
            spread_ps=math.hypot(self.broadening_ps, one.jitter_ps, other.jitter_ps),
        )
        share = joint.share(self.process, phases_rad, window)
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
    siftings = {users: epochs[0].network.sifting_of(users) for users in epochs[0].network.links}
    users = [user.name for user in epochs[0].network.topology.users]
    total_ps = sum(epoch.length_ps for epoch in epochs)
    true_hz = [np.zeros((DETECTORS, DETECTORS)) for _ in lanes]
    accidental_hz = [np.zeros((DETECTORS, DETECTORS)) for _ in lanes]
    most_hz = [0.0] * len(lanes)
    singles_hz, live_hz = dict.fromkeys(users, 0.0), dict.fromkeys(users, 0.0)
    for state, length_ps in _states(epochs):
        network = state.network
        weight = length_ps / total_ps if total_ps else 1.0 / len(epochs)
        stations = {user: _detectors(network, user) for user in users}
        for user, detectors in stations.items():
            singles_hz[user] += weight * math.fsum(detector.clicks_hz for detector in detectors)
            live_hz[user] += weight * math.fsum(detector.live_hz for detector in detectors)
        for k, lane in enumerate(network.lanes):
            first, second = (stations[user] for user in lane.users)
            true_now_hz = _true_hz(state, lane, first, second)
            accidental_now_hz = _accidental_hz(network, first, second)
            true_hz[k] += weight * true_now_hz
            accidental_hz[k] += weight * accidental_now_hz
            most_hz[k] = max(most_hz[k], float((true_now_hz + accidental_now_hz).sum()))
    return Prediction(
        lanes=tuple(
            _summed(lanes[k], siftings[lanes[k].users], true_hz[k], accidental_hz[k], most_hz[k])
            for k in range(len(lanes))
        ),
        users=tuple(UserPrediction(user, singles_hz[user], live_hz[user]) for user in users),
    )


def _states(epochs: Sequence[Epoch]) -> Iterator[tuple[_State, int]]:
    """Each distinct state and how long it lasts in all."""
    encodings = [spec.encoding for spec in epochs[0].network.topology.receivers.values()]
    lengths_ps: dict[Hashable, int] = {}
    states: dict[Hashable, _State] = {}
    for epoch in epochs:
        middle_ps = (epoch.start_ps + epoch.stop_ps) // 2
        settings = tuple(encoding.settings_at(middle_ps) for encoding in encodings)
        key: Hashable = (id(epoch.network), settings)
        states.setdefault(key, _State(epoch.network, middle_ps))
        lengths_ps[key] = lengths_ps.get(key, 0) + epoch.length_ps
    for key, state in states.items():
        yield state, lengths_ps[key]


def _detectors(network: Network, user: str) -> _Detectors:
    receiver = network.topology.receiver_of(network.topology.user(user))
    encoding, specs, light_hz = receiver.encoding, receiver.each_detector, _light_hz(network, user)
    best = max(spec.efficiency for spec in specs) or 1.0
    shares = [encoding.share(number) / best * spec.efficiency for number, spec in enumerate(specs)]
    arrivals_hz = [
        _arrivals_hz(spec, light_hz * share) for spec, share in zip(specs, shares, strict=True)
    ]
    live = math.prod(
        silence(rate_hz, dead_time_ps=spec.dead_time_ps, silent_ps=receiver.dead_time_ps)
        for spec, rate_hz in zip(specs, arrivals_hz, strict=True)
    )
    return tuple(
        _Detector(
            encoding=encoding,
            number=number,
            jitter_ps=spec.jitter_fwhm_ps / FWHM_PER_SIGMA,
            clicks_hz=rate_hz * dead_time_survival(rate_hz, dead_time_ps=spec.dead_time_ps),
            live_hz=rate_hz * live,
            photon_share=share * live,
        )
        for number, (spec, share, rate_hz) in enumerate(
            zip(specs, shares, arrivals_hz, strict=True)
        )
    )


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


def detector_rates_hz(network: Network, lane: Lane, *, time_ps: int = 0) -> tuple[Rates, Rates]:
    """Coincidences of one lane by detector of either user: (4, 4) true and accidental ones.

    Settings that depend on time are those of ``time_ps``.
    """
    first, second = (_detectors(network, user) for user in lane.users)
    true_hz = _true_hz(_State(network, time_ps), lane, first, second)
    return true_hz, _accidental_hz(network, first, second)


def clicks_hz(network: Network, user: str) -> Rates:
    """(4,) float64: clicks per second of each detector of ``user``, dark counts included."""
    return _by_number([detector.clicks_hz for detector in _detectors(network, user)])


def _by_number(detectors_hz: Sequence[float]) -> Rates:
    """(4,) float64: rates; 0 for numbers that the receiver has no detector for."""
    rates_hz = np.zeros(DETECTORS)
    rates_hz[: len(detectors_hz)] = detectors_hz
    return rates_hz


def _true_hz(state: _State, lane: Lane, first: _Detectors, second: _Detectors) -> Rates:
    """(4, 4) float64: pairs of any lane of the link that fall into the window of ``lane``."""
    peaks = [
        _peaks(state, lane, part, (first, second))
        for source in state.network.lanes_of(lane.users)
        for part in source.parts
        if part.process.rate_hz > 0.0
    ]
    rates_hz = np.zeros((DETECTORS, DETECTORS))
    for one, other in product(first, second):
        joint = joints_of(one.encoding, other.encoding)[one.number][other.number]
        rates_hz[one.number, other.number] = math.fsum(
            peak.rate_hz(one, other, joint) for peak in peaks
        )
    return rates_hz


def _accidental_hz(network: Network, first: _Detectors, second: _Detectors) -> Rates:
    return accidentals_hz(
        _by_number([detector.live_hz for detector in first]),
        _by_number([detector.live_hz for detector in second]),
        window_ps=network.topology.protocol.window_ps,
    )


def _peaks(
    state: _State, window: Lane, part: LanePart, stations: tuple[_Detectors, _Detectors]
) -> _Peaks:
    network = state.network
    ways = [network.channel(*outlet) for outlet in zip(part.channels, window.users, strict=True)]
    transmittances = [0.0 if way is None else way.transmittance for way in ways]
    broadenings_ps = [0.0 if way is None else way.broadening_ps for way in ways]
    # Two photons in one channel: either may be the first user's.
    multiplicity = 2.0 if part.channels[0] == part.channels[1] else 1.0
    return _Peaks(
        pairs_hz=multiplicity * part.process.rate_hz * math.prod(transmittances),
        process=part.process,
        phases_rad=(
            _phases_rad(stations[0], part.channels[0], state.time_ps),
            _phases_rad(stations[1], part.channels[1], state.time_ps),
        ),
        offset_ps=part.delay_ps - window.delay_ps,
        window_ps=network.topology.protocol.window_ps,
        linewidth_hz=network.topology.qnsp.source.bandwidth_hz,
        broadening_ps=math.hypot(*broadenings_ps),
    )


def _phases_rad(detectors: _Detectors, channel: str, time_ps: int) -> list[float]:
    label = label_of(channel)
    return [each.encoding.phase_rad(each.number, label, time_ps) for each in detectors]


def _summed(
    lane: Lane, sifting: Sifting, true_hz: Rates, accidental_hz: Rates, most_hz: float
) -> LanePrediction:
    """Sift (4, 4) rates of detector pairs and count errors."""
    all_hz = true_hz + accidental_hz
    sifted_hz, qber = _rate_and_share(all_hz, sifting.kept, sifting.errors)
    z_hz, z_qber = _rate_and_share(all_hz, sifting.in_z, sifting.errors)
    x_hz, x_qber = _rate_and_share(all_hz, sifting.in_x, sifting.errors)
    z_ones, x_ones = (
        _rate_and_share(all_hz, chosen, sifting.ones)[1] if rate_hz > 0.0 else 0.5
        for chosen, rate_hz in ((sifting.in_z, z_hz), (sifting.in_x, x_hz))
    )
    known_hz = z_hz * known_share(z_ones) + x_hz * known_share(x_ones)
    return LanePrediction(
        users=lane.users,
        channels=lane.channels,
        coincidences_hz=float(all_hz.sum()),
        sifted_hz=sifted_hz,
        qber=qber,
        visibility=1.0 - 2.0 * qber,
        skr_bps=max(0.0, skr_asymptotic_bps(sifted_hz, qber) - known_hz) if sifted_hz else 0.0,
        true_hz=float(true_hz[sifting.kept].sum()),
        accidental_hz=float(accidental_hz[sifting.kept].sum()),
        z_hz=z_hz,
        z_qber=z_qber,
        x_hz=x_hz,
        x_qber=x_qber,
        most_coincidences_hz=most_hz,
        z_ones=z_ones,
        x_ones=x_ones,
    )


def _rate_and_share(all_hz: Rates, chosen: Mask, counted: Mask) -> tuple[float, float]:
    """Rate of the ``chosen`` pairs of detectors, and the share of ``counted`` among them."""
    rate_hz = float(all_hz[chosen].sum())
    return rate_hz, float(all_hz[chosen & counted].sum()) / rate_hz if rate_hz > 0.0 else math.nan
