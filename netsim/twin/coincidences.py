"""Coincidences of two users by detector of either, worked out for any window of time differences.

Part of the analytic twin, see `netsim.twin.prediction`, which asks for the windows of lanes.
"""

import math
import sys
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import joints_of
from netsim.physics.encodings.joint import Joint
from netsim.physics.rates import accidentals_hz
from netsim.physics.silences import NODES, silencing_spans
from netsim.topology.bunches import Bunching
from netsim.topology.labels import label_of
from netsim.topology.network import Lane, LanePart, Network
from netsim.topology.ways import DeliveredChannel
from netsim.twin.detectors import Rates, Station, station_of
from netsim.twin.drift import Free
from netsim.twin.outcomes import Detector
from netsim.twin.peaks import Gate, Peaks, Sight

Phasors = NDArray[np.complex128]


class Fringes(NamedTuple):
    """What interferes of the coincidences in a window, (T, 4, 4) complex128 by term and detectors.

    Its real part is in the rates. Where phases are turned it is multiplied by exp(i delta), delta
    being the sum or the difference of what both users' phases are turned by, those of the bases of
    its term (`Encoding.bases_of`).
    """

    pairs_hz: Phasors
    bunches_hz: Phasors
    """Of photons that bunch: in the difference."""
    is_sum: bool
    """Whether that of pairs is in the sum."""


class Coincidences:
    """Rates of coincidences while a network is as given, of settings at one time.

    Parameters
    ----------
    network : Network
    time_ps : int
        When settings that depend on time are looked at.
    free : sequence of (str, (float, float))
        Users whose phases wander, and the variances of their Z and X phases.
    is_tagger : bool
        Whether all clicks count, as in the histogram of a time tagger, however soon after others
        they come. That a pair's two clicks may silence detectors is left out then.
    """

    def __init__(
        self,
        network: Network,
        time_ps: int = 0,
        free: Free = (),
        *,
        is_tagger: bool = False,
    ) -> None:
        self._network = network
        self._time_ps = time_ps
        users = [user.name for user in network.topology.users]
        wandered = dict(free)
        self.stations = {
            user: station_of(
                network,
                user,
                variances_rad2=wandered.get(user, (0.0, 0.0)),
                is_tagger=is_tagger,
            )
            for user in users
        }
        """Of each user, at work."""
        self._links: dict[tuple[str, str], _Link] = {}

    def true_hz(self, gate: Gate) -> Rates:
        """(4, 4) float64: pairs of any lane of the link that fall into the window."""
        link = self._link(gate.users)
        return link.coincidences_hz(gate, link.pairs)

    def bunched_hz(self, gate: Gate) -> Rates:
        """(4, 4) float64: bunches of all channels of either user that fall into the window."""
        link = self._link(gate.users)
        return link.coincidences_hz(gate, link.bunches)

    def fringes_hz(self, gate: Gate) -> Fringes:
        """What interferes of pairs and of bunches, see `Fringes`."""
        link = self._link(gate.users)
        pairs_hz, bunches_hz = (link.fringes_hz(gate, each) for each in (link.pairs, link.bunches))
        first, _ = gate.users
        is_sum = self.stations[first].encoding.partner_sign > 0
        return Fringes(pairs_hz, bunches_hz, is_sum=is_sum)

    def accidental_hz(self, gate: Gate) -> Rates:
        """(4, 4) float64: of light that has nothing in common."""
        first_hz, second_hz = (self.live_hz(user) for user in gate.users)
        link = self._link(gate.users)
        met_hz = accidentals_hz(first_hz, second_hz, window_ps=link.chance_ps(gate))
        return met_hz * link.chance_share(gate)

    def live_hz(self, user: str) -> Rates:
        """(4,) float64: clicks of each detector of ``user`` that count."""
        return self.stations[user].live_hz

    def _link(self, users: tuple[str, str]) -> "_Link":
        if users not in self._links:
            first, second = users
            stations = self.stations[first], self.stations[second]
            self._links[users] = _Link(self._network, users, stations, self._time_ps)
        return self._links[users]


class _Link:
    """Two users, and what they have in common."""

    def __init__(
        self,
        network: Network,
        users: tuple[str, str],
        stations: tuple[Station, Station],
        time_ps: int,
    ) -> None:
        self._network = network
        self._users = users
        self._time_ps = time_ps
        self._sight = Sight(stations)

    @cached_property
    def pairs(self) -> tuple[Peaks, ...]:
        """Of all lanes."""
        return tuple(
            self._pair_peaks(part)
            for lane in self._network.lanes_of(self._users)
            for part in lane.parts
            if part.process.rate_hz > 0.0
        )

    @cached_property
    def bunches(self) -> tuple[Peaks, ...]:
        """Of all channels of either user."""
        network = self._network
        if not network.bunchings:
            return ()
        both = (network.channels_of(user) for user in self._users)
        found = (
            (way, other, bunching)
            for way, other in product(*both)
            if (bunching := network.bunching(way.channel, other.channel)) is not None
        )
        return tuple(
            self._bunch_peaks((way, other), bunching)
            for way, other, bunching in found
            if bunching.strength_hz2 > 0.0
        )

    @cached_property
    def _all(self) -> tuple[Peaks, ...]:
        return self.pairs + self.bunches

    def coincidences_hz(self, gate: Gate, peaks: tuple[Peaks, ...]) -> Rates:
        """(4, 4) float64: of some photons that belong together."""
        rates_hz = np.zeros((DETECTORS, DETECTORS))
        if not peaks:
            return rates_hz
        for one, other, joint in self._joints:
            rates_hz[one.number, other.number] = math.fsum(
                each.rate_hz(gate, one, other, joint) for each in peaks
            )
        return rates_hz * self._sight.silence(self._all, gate.delay_ps)

    def fringes_hz(self, gate: Gate, peaks: tuple[Peaks, ...]) -> Phasors:
        """(T, 4, 4) complex128: what interferes of these coincidences."""
        terms = len(self._sight.stations[0].encoding.bases_of(0))
        rates_hz = np.zeros((terms, DETECTORS, DETECTORS), dtype=np.complex128)
        for one, other, joint in self._joints if peaks else ():
            rates_hz[:, one.number, other.number] = np.sum(
                [each.fringes_hz(gate, one, other, joint) for each in peaks], axis=0
            )
        return rates_hz * self._sight.silence(self._all, gate.delay_ps)

    @cached_property
    def _joints(self) -> tuple[tuple[Detector, Detector, Joint], ...]:
        """Of all pairs of detectors."""
        first, second = self._sight.stations
        joints = joints_of(first.encoding, second.encoding)
        return tuple(
            (one, other, joints[one.number][other.number])
            for one, other in product(first.detectors, second.detectors)
        )

    def chance_ps(self, gate: Gate) -> float:
        """Time in which two clicks meet by chance: the gate, or the periods that it holds."""
        pulses = self._network.topology.qnsp.source.pump_pulses
        if pulses is None:
            return gate.width_ps
        delay_ps = self._network.lanes_of(self._users)[0].delay_ps
        teeth = pulses.teeth(delay_ps - gate.delay_ps, gate.width_ps)
        return float(len(teeth) * pulses.period_ps)

    def chance_share(self, gate: Gate) -> Rates:
        """(4, 4) float64: coincidences of clicks that are no pair, of those of independent ones.

        See `netsim.physics.silences`.
        """
        early, late = (
            self._chance_share_at(gate.delay_ps + node * gate.width_ps) for node in NODES
        )
        shares: Rates = (early + late) / 2.0
        return shares * self._sight.silence(self._all, gate.delay_ps)

    def _chance_share_at(self, apart_ps: float) -> Rates:
        spans = silencing_spans(apart_ps, self._sight.dead_times_ps)
        gates = (Gate.between(self._users, span) for span in spans)
        return np.outer(*(self._spared(side, gate) for side, gate in enumerate(gates)))

    def _spared(self, side: int, gate: Gate) -> Rates:
        """(4,) float64: share of each detector's clicks that have no partner seen in the gate."""
        arrivals_hz = np.maximum(self._sight.stations[side].arrivals_hz, sys.float_info.min)
        # Of its pair a photon has one partner; any number bunch with it.
        spared: Rates = 1.0 - self._partners(side, self.pairs, gate) * (1.0 / arrivals_hz)
        if not self.bunches:
            return spared
        return spared * np.exp(-self._partners(side, self.bunches, gate) * (1.0 / arrivals_hz))

    def _partners(self, side: int, peaks: tuple[Peaks, ...], gate: Gate) -> Rates:
        """(4,) float64: partners that the clicks of each detector have in the gate, per second."""
        partners: Rates = self._sight.partners_hz(peaks, gate).sum(axis=1 - side)
        return partners

    def _pair_peaks(self, part: LanePart) -> Peaks:
        network = self._network
        ways = [network.channel(*outlet) for outlet in zip(part.channels, self._users, strict=True)]
        transmittances = [0.0 if way is None else way.transmittance for way in ways]
        dispersions_ps2 = [0.0 if way is None else way.dispersion_ps2 for way in ways]
        # Two photons in one channel: either may be the first user's.
        multiplicity = 2.0 if part.channels[0] == part.channels[1] else 1.0
        first, second = self._sight.stations
        return Peaks(
            pairs_hz=multiplicity * self._born_hz(part) * math.prod(transmittances),
            coherence=part.process,
            phases_rad=(
                self._phases_rad(first, part.channels[0]),
                self._phases_rad(second, part.channels[1]),
            ),
            delay_ps=part.delay_ps,
            shape=network.topology.qnsp.source.pair_shape.behind(*dispersions_ps2),
        )

    def _born_hz(self, part: LanePart) -> float:
        pulses, rate_hz = self._network.topology.qnsp.source.pump_pulses, part.process.rate_hz
        return rate_hz if pulses is None else rate_hz * pulses.gain(rate_hz)

    def _bunch_peaks(
        self, ways: tuple[DeliveredChannel, DeliveredChannel], bunching: Bunching
    ) -> Peaks:
        """Bunches of two channels: G2 - n_c n_d = |N|^2 g^2 at the source, thinned."""
        shape = self._network.topology.qnsp.source.bunch_shape
        (own, its), (first, second) = ways, self._sight.stations
        its_rad = self._phases_rad(second, its.channel)
        return Peaks(
            pairs_hz=bunching.strength_hz2 * shape.span_s * own.transmittance * its.transmittance,
            coherence=bunching,
            phases_rad=(
                self._phases_rad(first, own.channel),
                [-phase_rad for phase_rad in its_rad],
            ),
            delay_ps=its.delay_ps - own.delay_ps,
            shape=shape.behind(own.dispersion_ps2, its.dispersion_ps2),
        )

    def _phases_rad(self, station: Station, channel: str) -> list[float]:
        label, time_ps = label_of(channel), self._time_ps
        return [each.encoding.phase_rad(each.number, label, time_ps) for each in station.detectors]


def detector_rates_hz(
    network: Network, lane: Lane, *, time_ps: int = 0, is_tagger: bool = False
) -> tuple[Rates, Rates]:
    """Coincidences of one lane by detector of either user: (4, 4) correlated and accidental ones.

    Correlated are those of pairs and, of a Gaussian source, of bunches. Settings that depend
    on time are those of ``time_ps``; ``is_tagger`` as of `Coincidences`.
    """
    found, gate = Coincidences(network, time_ps, is_tagger=is_tagger), Gate.of(network, lane)
    return found.true_hz(gate) + found.bunched_hz(gate), found.accidental_hz(gate)
