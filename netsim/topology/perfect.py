"""Receivers of a topology with perfect optics: what their kinds and delays alone make of them."""

import math
from collections.abc import Iterator

from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import ConstantPhase
from netsim.physics.encodings.registry import build_encoding, encoding_class
from netsim.topology.names import receivers_of
from netsim.topology.reading import has
from netsim.topology.receiver import ReceiverSpec
from netsim.topology.specs import TopologySpec


def perfect_encodings(topology: TopologySpec) -> dict[tuple[str, str], Encoding]:
    """Of each receiver and basis (``"z"``, ``"x"``) with a valid delay, both bases being like it.

    A kind whose bases differ has its own delays; what the kind of receiver refuses is left out.
    """
    return {
        (name, basis): build_encoding(receiver.kind, optics)
        for name, receiver in receivers_of(topology).items()
        for basis, analyser in (("z", receiver.z), ("x", receiver.x))
        if has(receiver, "kind") and has(analyser, "delay_ps")
        for optics in _allowed(encoding_class(receiver.kind), receiver, analyser.delay_ps)
    }


def _allowed(kind: type[Encoding], receiver: ReceiverSpec, delay_ps: float) -> Iterator[Optics]:
    """One or none."""
    if not any(kind.faults(both := _optics(delay_ps, delay_ps))):
        yield both
    elif has(receiver.z, "delay_ps") and has(receiver.x, "delay_ps"):
        own = _optics(receiver.z.delay_ps, receiver.x.delay_ps)
        if not any(kind.faults(own)):
            yield own


def _optics(z_ps: float, x_ps: float) -> Optics:
    z, x = BasisOptics(z_ps, ConstantPhase(0.0)), BasisOptics(x_ps, ConstantPhase(math.pi / 2))
    return Optics(0.5, z, x)
