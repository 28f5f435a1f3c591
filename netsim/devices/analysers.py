"""A user's analysers as they are during a run: phases that wander, and frames of Bell tests."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from netsim.devices.history import NetworkHistory
from netsim.kernel.rng import RngTree
from netsim.physics.encodings.drift import DriftingPhase
from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.optics import BasisOptics
from netsim.physics.encodings.registry import encoding_class
from netsim.physics.encodings.rotation import RotatedPhase, WanderingRotation
from netsim.physics.encodings.settings import TurnedPhase, Turns
from netsim.physics.encodings.stepped import States, SteppedPhase
from netsim.topology.receiver import DriftSpec, InterferometerSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import UserSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Analysers:
    """What makes the analysers of users differ from what their receivers' specs say.

    Attributes
    ----------
    topology : TopologySpec
    history : NetworkHistory
        Says when locks are on.
    rng_tree : RngTree
        Streams ``<user>/drift/z`` and ``<user>/drift/x``, of phases that wander, and
        ``<user>/rotation``, of fibres that turn polarisations.
    longest_ps : int
        Of the times over which somebody will ask for `wandering` phases at once.
    """

    topology: TopologySpec
    history: NetworkHistory
    rng_tree: RngTree
    longest_ps: int = 0

    def encoding(self, user: str, turns: Turns | None, *, frame_ps: int, delay_ps: int) -> Encoding:
        """Encoding of one user; that of its receiver if nothing about it changes.

        Parameters
        ----------
        turns : Turns, optional
            Frames in which its analysers are turned.
        frame_ps, delay_ps : int
            Length of a frame, and how late its light is at the receiver.
        """
        spec = self.topology.receiver_of(self.topology.user(user))
        rotation = self._rotation(user)
        is_still = turns is None and rotation is None
        if is_still and not any(analyser.drift for analyser in spec.analysers):
            return spec.encoding
        z, x = (
            _rotated(self._drifting(user, basis, analyser), rotation)
            for basis, analyser in zip("zx", spec.analysers, strict=True)
        )
        if turns is not None:
            z, x = (
                replace(optics, phase_rad=TurnedPhase(optics.phase_rad, turns, frame_ps, delay_ps))
                for optics in (z, x)
            )
        return encoding_class(spec.kind)(replace(spec.optics, z=z, x=x))

    def wandering(self, user: str) -> tuple[tuple[SteppedPhase, ...], tuple[SteppedPhase, ...]]:
        """What adds to the phases of the Z and of the X analyser of a user."""
        rotation = self._rotation(user)
        turning = () if rotation is None else (rotation,)
        spec = self.topology.receiver_of(self.topology.user(user))
        z, x = (
            () if analyser.drift is None else (self._drift(user, basis, analyser, analyser.drift),)
            for basis, analyser in zip("zx", spec.analysers, strict=True)
        )
        return (*z, *turning), (*x, *turning)

    def _drifting(self, user: str, basis: str, analyser: InterferometerSpec) -> BasisOptics:
        still = analyser.still_optics
        if analyser.drift is None:
            return still
        return replace(still, phase_rad=self._drift(user, basis, analyser, analyser.drift))

    def _drift(
        self, user: str, basis: str, analyser: InterferometerSpec, drift: DriftSpec
    ) -> DriftingPhase:
        return DriftingPhase(
            analyser.still_optics.phase_rad,
            drift.drift,
            self.rng_tree.stream(f"{user}/drift/{basis}"),
            self._states(user, lambda spec: spec.is_locked),
            longest_ps=self.longest_ps,
        )

    def _rotation(self, user: str) -> WanderingRotation | None:
        """What the fibre adds to the phases of both analysers; None if it adds nothing."""
        walk_rad = self.topology.user(user).fibre.rotation_walk_rad_per_sqrt_s
        if not walk_rad:
            return None
        rng = self.rng_tree.stream(f"{user}/rotation")
        return WanderingRotation(
            rng,
            walk_rad,
            self._states(user, lambda spec: spec.alignments),
            longest_ps=self.longest_ps,
        )

    def _states(self, user: str, of: Callable[[UserSpec], T]) -> States[T]:
        """Something about a user, as it is from time to time."""

        def between(start_ps: int, stop_ps: int) -> list[tuple[int, T]]:
            found = self.history.between(start_ps, stop_ps)
            return [(since_ps, of(network.topology.user(user))) for since_ps, network in found]

        return between


def _rotated(optics: BasisOptics, rotation: SteppedPhase | None) -> BasisOptics:
    if rotation is None:
        return optics
    return replace(optics, phase_rad=RotatedPhase(optics.phase_rad, rotation))
