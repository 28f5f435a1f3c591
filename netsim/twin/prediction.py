"""The analytic twin: what a network should measure, from the same topology, without a photon.

It knows device inputs only (`netsim.topology.network`) and is printed beside every simulated value.

Every pair of detectors of two users is treated on its own, so unequal detectors need no special
case: the rate of true coincidences is R eta_a eta_b times the probability of those two ports, times
the share of the arrival-time differences that falls into the window, times the probability that
no detector of either user has clicked within a dead time before; the accidentals are C_i C_j W, C
the clicks that follow no other so closely, less those that the pairs of the two users silence
(`netsim.physics.silences`). A lane's window also holds what leaks in from its own side peaks and
from the other lanes of the link, and of a Gaussian source the bunches of all channels of the two
users, |N|^2 times the integral of g^2 over the window (`netsim.physics.bunching`). Left out, all
below 0.1 % at 2 ns and 200 kHz: clicks of one user merging within the window, tags used by another
link or lane first, imperfect clocks. Of two users without dead time clicks are taken as
independent, though each is used once: 5 % more accidentals than there are, where one partner in
twenty is seen in the window.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from netsim.frames import DETECTORS
from netsim.physics.encodings.sifting import Mask, Sifting
from netsim.topology.network import Lane, Network
from netsim.topology.timeline import Epoch
from netsim.twin.clocks import Clocks, LaneLight
from netsim.twin.coincidences import Coincidences
from netsim.twin.detectors import Rates
from netsim.twin.drift import slices
from netsim.twin.peaks import Gate
from protocols.keylength.balance import known_share
from protocols.keylength.keyrate import skr_asymptotic_bps


@dataclass(frozen=True, slots=True)
class LanePrediction:
    """What one lane should show; rates per second of light, Bell tests left out.

    Attributes
    ----------
    coincidences_hz : float
        All in the central window, whatever the bases.
    light : LaneLight
        In the state of the network in which it has most coincidences.
    sifted_hz : float
        Those of equal bases: ``true_hz + bunched_hz + accidental_hz``.
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
    """Of light that has nothing in common."""
    bunched_hz: float
    """Of channels that share partners without being partners; 0 unless the source is Gaussian."""
    z_hz: float
    """Sifted in basis Z; ``x_hz`` in basis X."""
    z_qber: float
    """Error rate in basis Z, ``x_qber`` in basis X; NaN if nothing is sifted there."""
    x_hz: float
    x_qber: float
    light: LaneLight
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


def predict(network: Network) -> Prediction:
    """Work out the rates of all users and lanes of ``network``."""
    return predict_epochs((Epoch(0, 1, network),))


@dataclass(frozen=True, slots=True, eq=False)
class StateRates:
    """What a network does in one of its states; lanes and users in their orders.

    Attributes
    ----------
    lanes_hz : (lanes, 3, 4, 4) float64
        True, bunched and accidental coincidences by detectors, in frames that are for key.
    lights : tuple of LaneLight
        Of each lane.
    singles_hz, live_hz : tuple of float
        Of each user, as of `UserPrediction`.
    """

    lanes_hz: Rates
    lights: tuple[LaneLight, ...]
    singles_hz: tuple[float, ...]
    live_hz: tuple[float, ...]


Memory = dict[Hashable, StateRates]
"""States that were worked out before; their networks are kept meanwhile."""


def predict_epochs(epochs: Sequence[Epoch], memory: Memory | None = None) -> Prediction:
    """Mean rates over several states of a network, each weighted with its length.

    Parameters
    ----------
    epochs : sequence of Epoch
        At least one; the lanes are the same in all of them.
    memory : dict, optional
        Of earlier calls about the same networks; written to.
    """
    total_ps = sum(epoch.length_ps for epoch in epochs)
    states = _states(epochs, {} if memory is None else memory)
    return _mean(
        epochs[0].network,
        (
            (rates, part_ps / total_ps if total_ps else 1.0 / len(epochs))
            for rates, part_ps in states
        ),
    )


def predict_found(network: Network, found: Coincidences) -> Prediction:
    """The same while coincidences are as they were ``found``."""
    return _mean(network, [(_state_rates(found, network), 1.0)])


def _mean(network: Network, states: Iterable[tuple[StateRates, float]]) -> Prediction:
    """Over states with these weights."""
    siftings = {users: network.sifting_of(users) for users in network.links}
    names = [user.name for user in network.topology.users]
    rates_hz = np.zeros((len(network.lanes), 3, DETECTORS, DETECTORS))
    lights = [LaneLight(0.0, 0.0, stays_lit=False)] * len(network.lanes)
    singles_hz, live_hz = np.zeros(len(names)), np.zeros(len(names))
    for state, weight in states:
        rates_hz += weight * state.lanes_hz
        singles_hz += weight * np.array(state.singles_hz)
        live_hz += weight * np.array(state.live_hz)
        lights = list(map(max, lights, state.lights))
    users = zip(names, singles_hz.tolist(), live_hz.tolist(), strict=True)
    return Prediction(
        lanes=tuple(
            _summed(lane, siftings[lane.users], of_lane, light)
            for lane, of_lane, light in zip(network.lanes, rates_hz, lights, strict=True)
        ),
        users=tuple(UserPrediction(*user) for user in users),
    )


def _states(epochs: Sequence[Epoch], memory: Memory) -> Iterator[tuple[StateRates, int]]:
    """Each distinct state and how long it lasts in all."""
    encodings = [spec.encoding for spec in epochs[0].network.topology.receivers.values()]
    lengths_ps: dict[Hashable, int] = {}
    for part in slices(epochs):
        settings = tuple(encoding.settings_at(part.middle_ps) for encoding in encodings)
        key: Hashable = (id(part.network), settings, part.free)
        lengths_ps[key] = lengths_ps.get(key, 0) + part.length_ps
        if key not in memory:
            found = Coincidences(part.network, part.middle_ps, part.free)
            memory[key] = _state_rates(found, part.network)
    for key, length_ps in lengths_ps.items():
        yield memory[key], length_ps


def _state_rates(found: Coincidences, network: Network) -> StateRates:
    topology, stations = network.topology, found.stations.values()
    clocks = Clocks(network, found)
    lanes_hz = np.zeros((len(network.lanes), 3, DETECTORS, DETECTORS))
    lights = []
    for index, lane in enumerate(network.lanes):
        gate = Gate.of(network, lane)
        now_hz = np.array([found.true_hz(gate), found.bunched_hz(gate), found.accidental_hz(gate)])
        lights.append(clocks.light(lane, float(now_hz[:2].sum()), float(now_hz[2].sum())))
        lanes_hz[index] = topology.key_share_of(lane.users) * now_hz
    return StateRates(
        lanes_hz,
        tuple(lights),
        tuple(math.fsum(each.clicks_hz for each in station.detectors) for station in stations),
        tuple(math.fsum(each.live_hz for each in station.detectors) for station in stations),
    )


def _summed(lane: Lane, sifting: Sifting, of_lane: Rates, light: LaneLight) -> LanePrediction:
    """Sift (3, 4, 4) rates of detector pairs, true, bunched and accidental; count errors.

    ``light`` is that of the state in which it is brightest.
    """
    true_hz, bunched_hz, accidental_hz = of_lane
    all_hz = of_lane.sum(axis=0)
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
        bunched_hz=float(bunched_hz[sifting.kept].sum()),
        z_hz=z_hz,
        z_qber=z_qber,
        x_hz=x_hz,
        x_qber=x_qber,
        light=light,
        z_ones=z_ones,
        x_ones=x_ones,
    )


def _rate_and_share(all_hz: Rates, chosen: Mask, counted: Mask) -> tuple[float, float]:
    """Rate of the ``chosen`` pairs of detectors, and the share of ``counted`` among them."""
    rate_hz = float(all_hz[chosen].sum())
    return rate_hz, float(all_hz[chosen & counted].sum()) / rate_hz if rate_hz > 0.0 else math.nan
