"""Photons that belong together, as windows of time differences between two users hold them.

Part of the analytic twin, see `netsim.twin.coincidences`.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import Encoding, joints_of
from netsim.physics.encodings.joint import Coherence, Joint, Peak, Window
from netsim.physics.encodings.sifting import Mask
from netsim.physics.shapes import TimeShape
from netsim.physics.silences import live_together, shared_ps
from netsim.topology.network import Lane, Network
from netsim.twin.detectors import Rates, Station
from netsim.twin.outcomes import Detector


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

    @classmethod
    def between(cls, users: tuple[str, str], span_ps: tuple[float, float]) -> "Gate":
        """From one time difference to a later one."""
        low_ps, high_ps = span_ps
        return cls(users, 0.5 * (low_ps + high_ps), high_ps - low_ps)


@dataclass(frozen=True, slots=True)
class Peaks:
    """Pairs of one process, or bunches of two channels.

    Attributes
    ----------
    pairs_hz : float
        Of which both photons come to the two users.
    coherence : Coherence
    phases_rad : (list of float, list of float)
        That a photon gets on its way to each detector of the first and of the second user; the
        fringe is in their sum.
    delay_ps : float
        Centre of the middle peak.
    shape : TimeShape
    """

    pairs_hz: float
    coherence: Coherence
    phases_rad: tuple[list[float], list[float]]
    delay_ps: float
    shape: TimeShape

    def rate_hz(self, gate: Gate, one: Detector, other: Detector, joint: Joint) -> float:
        """Coincidences of two detectors in a gate, whatever is silent when."""
        share = joint.share(self.coherence, *self._seen(gate, one, other))
        return self.pairs_hz * one.photon_share * other.photon_share * share

    def fringes_hz(
        self, gate: Gate, one: Detector, other: Detector, joint: Joint
    ) -> NDArray[np.complex128]:
        """(T,) complex128: what interferes, as `netsim.physics.encodings.joint.Joint.fringes`."""
        fringes = joint.fringes(self.coherence, *self._seen(gate, one, other))
        seen_hz = self.pairs_hz * one.photon_share * other.photon_share
        return seen_hz * np.array(fringes, dtype=np.complex128)

    def _seen(
        self, gate: Gate, one: Detector, other: Detector
    ) -> tuple[tuple[float, float], Window]:
        """Phases and window of two detectors."""
        phases_rad = self.phases_rad[0][one.number], self.phases_rad[1][other.number]
        return phases_rad, self._window(gate, (one.jitter_ps, other.jitter_ps))

    def share(self, gate: Gate, kind: "Kind") -> float:
        """Of all that two detectors of a kind see, what a gate holds, fringes left out."""
        window = self._window(gate, (kind.spread_ps, 0.0))
        return math.fsum(window.share(peak) for peak in kind.peaks)

    def _window(self, gate: Gate, jitters_ps: tuple[float, float]) -> Window:
        return Window(
            width_ps=gate.width_ps,
            offset_ps=self.delay_ps - gate.delay_ps,
            shape=self.shape,
            spread_ps=math.hypot(*jitters_ps),
            jitters_ps=jitters_ps,
        )


class Kind(NamedTuple):
    """Pairs of detectors between which peaks lie alike."""

    peaks: tuple[Peak, ...]
    spread_ps: float
    """Standard deviation of the jitter of both."""
    mask: Mask
    """(4, 4): which they are."""


class Sight:
    """How two users see photons that belong together.

    Parameters
    ----------
    stations : (Station, Station)
    """

    def __init__(self, stations: tuple[Station, Station]) -> None:
        one, other = self.stations = stations
        self.dead_times_ps = one.dead_time_ps, other.dead_time_ps
        self._seen = np.outer(one.seen_shares, other.seen_shares)
        live = live_together(one.survivals[:, None], other.survivals[None, :])
        self._most_silence = -math.log(max(one.live, other.live, sys.float_info.min))
        self._kinds = _kinds(one.encoding, other.encoding, one.jitters_ps, other.jitters_ps)
        self._seen_live = [float((self._seen * live)[kind.mask].sum()) for kind in self._kinds]

    def partners_hz(self, peaks: Sequence[Peaks], gate: Gate) -> Rates:
        """(4, 4) float64: candidate clicks of two photons by their detectors, fringes left out."""
        rates_hz = np.zeros((DETECTORS, DETECTORS))
        if gate.width_ps > 0.0:
            for kind in self._kinds:
                shares = (each.pairs_hz * each.share(gate, kind) for each in peaks)
                rates_hz += kind.mask * math.fsum(shares)
        rates_hz *= self._seen
        return rates_hz

    def silence(self, peaks: Sequence[Peaks], delay_ps: float) -> float:
        """How much more often both are silent before clicks ``delay_ps`` apart than independently.

        1 or more, see `netsim.physics.silences`; both are silent at most as often as either.
        """
        silenced = math.fsum(
            each.pairs_hz * self._shared_ps(kind, delay_ps - each.delay_ps) * weight
            for kind, weight in zip(self._kinds, self._seen_live, strict=True)
            for each in peaks
        )
        return math.exp(min(1e-12 * silenced, self._most_silence))

    def _shared_ps(self, kind: Kind, apart_ps: float) -> float:
        """Mean over the peaks."""
        return math.fsum(
            peak.weight * shared_ps(apart_ps - peak.offset_ps, self.dead_times_ps)
            for peak in kind.peaks
        )


@lru_cache(maxsize=256)
def _kinds(
    first: Encoding,
    second: Encoding,
    first_ps: tuple[float, ...],
    second_ps: tuple[float, ...],
) -> tuple[Kind, ...]:
    """Of two receivers, the jitters of whose detectors are given."""
    found: dict[tuple[tuple[Peak, ...], float], Mask] = {}
    for i, joints in enumerate(joints_of(first, second)):
        for j, joint in enumerate(joints):
            key = joint.peaks, math.hypot(first_ps[i], second_ps[j])
            found.setdefault(key, np.zeros((DETECTORS, DETECTORS), dtype=np.bool_))[i, j] = True
    return tuple(Kind(*key, mask) for key, mask in found.items())
