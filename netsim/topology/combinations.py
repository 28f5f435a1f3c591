"""Whether the variants of a protocol go together, and with the receivers.

Whether a combination is covered by a proof is what the security variant says; it is only reported
here. As every check, it asks for what it needs of a topology that may be valid in part only
(`netsim.topology.reading`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from netsim.errors import Fault
from netsim.topology.names import receivers_of
from netsim.topology.reading import has
from netsim.topology.specs import TopologySpec
from netsim.topology.state import ProtocolSpec
from protocols.interfaces import Choice
from protocols.registry import VariantError
from protocols.variants import KINDS


def combination_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Variants that do not go together, each with its key and its reason."""
    protocol = topology.protocol
    named = {kind: getattr(protocol, kind) for kind in KINDS if has(protocol, kind)}
    try:
        variants = {kind: KINDS[kind].get(name) for kind, name in named.items()}
    except VariantError as error:
        yield Fault(f"protocol.{error.kind}", error.reason)
        return
    if variants.keys() != KINDS.keys():
        return
    for receiver, reason in variants["basis"].faults(_z_probabilities(topology)):
        yield Fault(f"receivers.{receiver}.z_probability", reason)
    if not variants["amplification"].is_universal:
        yield Fault("protocol.amplification", "is no universal family: no proof covers its key")
    needed = variants["reconciliation"].needs_charge
    if not has(protocol, "error_correction_charge"):
        return
    charge = protocol.error_correction_charge
    if needed not in (None, charge):
        yield Fault(
            "protocol.error_correction_charge",
            f"{charge} does not go with reconciliation {protocol.reconciliation}, "
            f"which can only be charged as {needed}; say {needed}",
        )
    if has(protocol, "verification_bits", "epsilon"):
        for key, reason in variants["security"].refusals(_choice(protocol, variants)):
            yield Fault(f"protocol.{key}", reason)


def _z_probabilities(topology: TopologySpec) -> dict[str, float]:
    return {
        name: receiver.z_probability
        for name, receiver in receivers_of(topology).items()
        if has(receiver, "z_probability")
    }


def _choice(protocol: ProtocolSpec, variants: Mapping[str, Any]) -> Choice:
    """What the security variant is asked about."""
    return Choice(
        estimation=protocol.estimation,
        reconciliation=protocol.reconciliation,
        amplification=protocol.amplification,
        authentication=protocol.authentication,
        basis=protocol.basis,
        charge=protocol.error_correction_charge,
        verification_bits=protocol.verification_bits,
        epsilon=protocol.epsilon,
        is_two_way=variants["reconciliation"].is_two_way,
        is_measurable=variants["reconciliation"].is_measurable,
        is_random_sample=variants["estimation"].is_random_sample,
        is_symmetric=variants["basis"].is_symmetric,
    )
