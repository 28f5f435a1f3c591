"""Whether the variants of a protocol go together, and with the receivers.

Whether a combination is covered by a proof is what the security variant says; it is only reported
here. As every check, it asks for what it needs of a topology that may be valid in part only
(`netsim.topology.reading`).
"""

from collections.abc import Iterator

from netsim.errors import Fault
from netsim.topology.names import receivers_of
from netsim.topology.reading import has
from netsim.topology.specs import TopologySpec
from protocols.profile import Profile
from protocols.registry import VariantError
from protocols.variants import KINDS, SECURITIES, choice_of


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
    of_profile = ("initial_qber", "verification_bits", "epsilon", "sample_share", "abort_qber")
    if has(protocol, *of_profile):
        yield from _refused(protocol.profile)


def _refused(profile: Profile) -> Iterator[Fault]:
    """What the key length does not go with."""
    try:
        with SECURITIES.using(profile.security) as security:
            refusals = [(str(key), str(why)) for key, why in security.refusals(choice_of(profile))]
    except VariantError as error:
        refusals = [(error.kind, error.reason)]
    for key, reason in refusals:
        yield Fault(f"protocol.{key}", reason)


def _z_probabilities(topology: TopologySpec) -> dict[str, float]:
    return {
        name: receiver.z_probability
        for name, receiver in receivers_of(topology).items()
        if has(receiver, "z_probability")
    }
