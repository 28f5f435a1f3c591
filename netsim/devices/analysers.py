"""A user's analysers as they are during a run: phases that wander, and frames of Bell tests."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from netsim.devices.history import NetworkHistory
from netsim.kernel.rng import RngTree
from netsim.physics.encodings.drift import DriftingPhase
from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.optics import BasisOptics
from netsim.physics.encodings.registry import encoding_class
from netsim.physics.encodings.settings import TurnedPhase, Turns
from netsim.topology.receiver import InterferometerSpec
from netsim.topology.specs import TopologySpec
from netsim.units import ps_from_s


@dataclass(frozen=True, slots=True, eq=False)
class Analysers:
    """What makes the analysers of users differ from what their receivers' specs say.

    Attributes
    ----------
    topology : TopologySpec
    history : NetworkHistory
        Says when locks are on.
    rng_tree : RngTree
        Streams ``<user>/drift/z`` and ``<user>/drift/x``, of phases that wander.
    """

    topology: TopologySpec
    history: NetworkHistory
    rng_tree: RngTree

    def encoding(self, user: str, turns: Turns | None, delay_ps: int) -> Encoding:
        """Encoding of one user; that of its receiver if nothing about it changes.

        Parameters
        ----------
        turns : Turns, optional
            Frames in which its analysers are turned.
        delay_ps : int
            How late the light of a frame is at the receiver.
        """
        spec = self.topology.receiver_of(self.topology.user(user))
        if turns is None and not any(analyser.drift for analyser in spec.analysers):
            return spec.encoding
        z, x = (
            self._turned(self._drifting(user, basis, analyser), turns, delay_ps)
            for basis, analyser in zip("zx", spec.analysers, strict=True)
        )
        return encoding_class(spec.kind)(replace(spec.optics, z=z, x=x))

    def _drifting(self, user: str, basis: str, analyser: InterferometerSpec) -> BasisOptics:
        still = analyser.still_optics
        if analyser.drift is None:
            return still
        phase = DriftingPhase(
            still.phase_rad,
            analyser.drift.drift,
            self.rng_tree.stream(f"{user}/drift/{basis}"),
            self._lock_of(user),
        )
        return replace(still, phase_rad=phase)

    def _turned(self, optics: BasisOptics, turns: Turns | None, delay_ps: int) -> BasisOptics:
        if turns is None:
            return optics
        frame_ps = ps_from_s(self.topology.frame_s)
        return replace(optics, phase_rad=TurnedPhase(optics.phase_rad, turns, frame_ps, delay_ps))

    def _lock_of(self, user: str) -> Callable[[int], bool]:
        def is_locked(time_ps: int) -> bool:
            ((_, network),) = self.history.between(time_ps, time_ps + 1)
            return network.topology.user(user).is_locked

        return is_locked
