"""Coincidences of two users by detector of either, worked out for any window of time differences.

Part of the analytic twin, see `netsim.twin.prediction`, which asks for the windows of lanes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import joints_of
from netsim.physics.encodings.joint import Coherence, Joint, Window
from netsim.physics.rates import accidentals_hz
from netsim.physics.shapes import TimeShape
from netsim.topology.bunches import Bunching
from netsim.topology.labels import label_of
from netsim.topology.network import Lane, LanePart, Network
from netsim.topology.ways import DeliveredChannel
from netsim.twin.detectors import Detector, Detectors, Rates, by_number, detectors_of
from netsim.twin.drift import Free


@dataclass(frozen=True, slots=True)
class Gate:
    """A window of time differences between two users.

    Attributes
    ----------
    users : (str, str)
        A link.
    delay_ps : float
        Its centre: arrival at the second user less that at the first.
    width_ps : float
        Full width, > 0.
    """

    users: tuple[str, str]
    delay_ps: float
    width_ps: float

    @classmethod
    def of(cls, network: Network, lane: Lane) -> "Gate":
        """The coincidence window of ``lane``."""
        return cls(lane.users, lane.delay_ps, network.topology.protocol.window_ps)


class Coincidences:
    """Rates of coincidences while a network is as given, of settings at one time.

    Parameters
    ----------
    network : Network
    time_ps : int
        When settings that depend on time are looked at.
    free : sequence of (str, (float, float))
        Users whose phases wander, and the variances of their Z and X phases.
    """

    def __init__(self, network: Network, time_ps: int = 0, free: Free = ()) -> None:
        self._network = network
        self._time_ps = time_ps
        users = [user.name for user in network.topology.users]
        wandered = dict(free)
        self.detectors = {
            user: detectors_of(network, user, variances_rad2=wandered.get(user, (0.0, 0.0)))
            for user in users
        }
        """Of each user, at work."""

    def true_hz(self, gate: Gate) -> Rates:
        """(4, 4) float64: pairs of any lane of the link that fall into the window."""
        peaks = [
            self._pair_peaks(gate, part)
            for source in self._network.lanes_of(gate.users)
            for part in source.parts
            if part.process.rate_hz > 0.0
        ]
        return self._of_detectors(gate, peaks)

    def bunched_hz(self, gate: Gate) -> Rates:
        """(4, 4) float64: bunches of all channels of either user that fall into the window."""
        network = self._network
        if not network.bunchings:
            return np.zeros((DETECTORS, DETECTORS))
        both = (network.channels_of(user) for user in gate.users)
        found = (
            (way, other, bunching)
            for way, other in product(*both)
            if (bunching := network.bunching(way.channel, other.channel)) is not None
        )
        peaks = [
            self._bunch_peaks(gate, (way, other), bunching)
            for way, other, bunching in found
            if bunching.strength_hz2 > 0.0
        ]
        return self._of_detectors(gate, peaks)

    def accidental_hz(self, gate: Gate) -> Rates:
        """(4, 4) float64: of light that has nothing in common."""
        first_hz, second_hz = (self.live_hz(user) for user in gate.users)
        return accidentals_hz(first_hz, second_hz, window_ps=gate.width_ps)

    def live_hz(self, user: str) -> Rates:
        """(4,) float64: clicks of each detector of ``user`` that count."""
        return by_number([detector.live_hz for detector in self.detectors[user]])

    def _stations(self, gate: Gate) -> tuple[Detectors, Detectors]:
        first, second = gate.users
        return self.detectors[first], self.detectors[second]

    def _of_detectors(self, gate: Gate, peaks: Sequence["_Peaks"]) -> Rates:
        """(4, 4) float64: coincidences of two users' detectors."""
        rates_hz = np.zeros((DETECTORS, DETECTORS))
        for one, other in product(*self._stations(gate)):
            joint = joints_of(one.encoding, other.encoding)[one.number][other.number]
            rates_hz[one.number, other.number] = math.fsum(
                peak.rate_hz(one, other, joint) for peak in peaks
            )
        return rates_hz

    def _pair_peaks(self, gate: Gate, part: LanePart) -> "_Peaks":
        network = self._network
        ways = [network.channel(*outlet) for outlet in zip(part.channels, gate.users, strict=True)]
        transmittances = [0.0 if way is None else way.transmittance for way in ways]
        dispersions_ps2 = [0.0 if way is None else way.dispersion_ps2 for way in ways]
        # Two photons in one channel: either may be the first user's.
        multiplicity = 2.0 if part.channels[0] == part.channels[1] else 1.0
        first, second = self._stations(gate)
        return _Peaks(
            pairs_hz=multiplicity * part.process.rate_hz * math.prod(transmittances),
            coherence=part.process,
            phases_rad=(
                self._phases_rad(first, part.channels[0]),
                self._phases_rad(second, part.channels[1]),
            ),
            offset_ps=part.delay_ps - gate.delay_ps,
            window_ps=gate.width_ps,
            shape=network.topology.qnsp.source.pair_shape.behind(*dispersions_ps2),
        )

    def _bunch_peaks(
        self, gate: Gate, ways: tuple[DeliveredChannel, DeliveredChannel], bunching: Bunching
    ) -> "_Peaks":
        """Bunches of two channels: G2 - n_c n_d = |N|^2 g^2 at the source, thinned."""
        shape = self._network.topology.qnsp.source.bunch_shape
        (own, its), (first, second) = ways, self._stations(gate)
        its_rad = self._phases_rad(second, its.channel)
        return _Peaks(
            pairs_hz=bunching.strength_hz2 * shape.span_s * own.transmittance * its.transmittance,
            coherence=bunching,
            phases_rad=(
                self._phases_rad(first, own.channel),
                [-phase_rad for phase_rad in its_rad],
            ),
            offset_ps=its.delay_ps - own.delay_ps - gate.delay_ps,
            window_ps=gate.width_ps,
            shape=shape.behind(own.dispersion_ps2, its.dispersion_ps2),
        )

    def _phases_rad(self, detectors: Detectors, channel: str) -> list[float]:
        label, time_ps = label_of(channel), self._time_ps
        return [each.encoding.phase_rad(each.number, label, time_ps) for each in detectors]


def detector_rates_hz(network: Network, lane: Lane, *, time_ps: int = 0) -> tuple[Rates, Rates]:
    """Coincidences of one lane by detector of either user: (4, 4) correlated and accidental ones.

    Correlated are those of pairs and, of a Gaussian source, of bunches. Settings that depend
    on time are those of ``time_ps``.
    """
    found, gate = Coincidences(network, time_ps), Gate.of(network, lane)
    return found.true_hz(gate) + found.bunched_hz(gate), found.accidental_hz(gate)


@dataclass(frozen=True, slots=True)
class _Peaks:
    """Pairs of one process, or bunches, as seen in a window."""

    pairs_hz: float
    coherence: Coherence
    phases_rad: tuple[list[float], list[float]]
    """That a photon gets on its way to each detector of the first and of the second user; the
    fringe is in their sum."""
    offset_ps: float
    """Centre of the middle peak less centre of the window."""
    window_ps: float
    shape: TimeShape

    def rate_hz(self, one: Detector, other: Detector, joint: Joint) -> float:
        """True coincidences of two detectors."""
        phases_rad = self.phases_rad[0][one.number], self.phases_rad[1][other.number]
        window = Window(
            width_ps=self.window_ps,
            offset_ps=self.offset_ps,
            shape=self.shape,
            spread_ps=math.hypot(one.jitter_ps, other.jitter_ps),
        )
        share = joint.share(self.coherence, phases_rad, window)
        return self.pairs_hz * one.photon_share * other.photon_share * share
