"""Names of protocol variants in a topology, and which of them go together.

The names are those of the registries of `protocols.variants`, a third party's included. Whether a
combination is covered by a proof is what the security variant says; it is only reported here.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, Field

from netsim.errors import Fault
from protocols.interfaces import Choice
from protocols.keylength.keyrate import ChargePolicy
from protocols.profile import Profile, Terms
from protocols.registry import VariantError
from protocols.variants import KINDS

DEFAULT_EPSILON = 1e-10
CHARGES: tuple[ChargePolicy, ...] = get_args(ChargePolicy)


def _check(kind: str, name: str) -> str:
    known = KINDS[kind].names()
    if name not in known:
        shown = name if name.isascii() and name.isprintable() else ascii(name)[1:-1]
        others = ", ".join(repr(other) for other in known)
        raise ValueError(f"the text {shown[:40]!r} is not one of {others}")
    return name


def _examples(kind: str) -> Any:
    return Field(json_schema_extra={"examples": list(KINDS[kind].builtin)})


ProtocolName = Annotated[str, AfterValidator(partial(_check, "protocol")), _examples("protocol")]
ReconciliationName = Annotated[
    str, AfterValidator(partial(_check, "reconciliation")), _examples("reconciliation")
]
EstimationName = Annotated[
    str, AfterValidator(partial(_check, "estimation")), _examples("estimation")
]
AmplificationName = Annotated[
    str, AfterValidator(partial(_check, "amplification")), _examples("amplification")
]
SecurityName = Annotated[str, AfterValidator(partial(_check, "security")), _examples("security")]
AuthenticationName = Annotated[
    str, AfterValidator(partial(_check, "authentication")), _examples("authentication")
]
BasisName = Annotated[str, AfterValidator(partial(_check, "basis")), _examples("basis")]


def variant_faults(raw: Mapping[str, object]) -> Iterator[Fault]:
    """Combinations of variants that do not go together, each with its key and its reason.

    Parameters
    ----------
    raw : mapping
        Parsed TOML, whatever else is wrong with it; unknown names are left to the specs.
    """
    protocol = raw.get("protocol")
    if not isinstance(protocol, Mapping):
        return
    try:
        variants = {kind: KINDS[kind].get(name) for kind, name in _names(protocol).items()}
    except VariantError as error:
        yield Fault(f"protocol.{error.kind}", error.reason)
        return
    if variants.keys() != KINDS.keys():
        return
    probabilities = _z_probabilities(raw)
    for receiver, reason in variants["basis"].faults(probabilities):
        yield Fault(f"receivers.{receiver}.z_probability", reason)
    if not variants["amplification"].is_universal:
        yield Fault("protocol.amplification", "is no universal family: no proof covers its key")
    yield from _charge_faults(protocol, variants["reconciliation"].needs_charge)
    choice = _choice(protocol, variants)
    for key, reason in variants["security"].refusals(choice) if choice is not None else ():
        yield Fault(f"protocol.{key}", reason)


def _charge_faults(protocol: Mapping[str, object], needed: ChargePolicy | None) -> Iterator[Fault]:
    """A charge that does not go with the error correction."""
    charge = protocol.get("error_correction_charge")
    if needed is not None and charge in CHARGES and charge != needed:
        yield Fault(
            "protocol.error_correction_charge",
            f"{charge} does not go with reconciliation {protocol.get('reconciliation')}, "
            f"which can only be charged as {needed}; say {needed}",
        )


def _names(protocol: Mapping[str, object]) -> dict[str, str]:
    """Known name of each kind; kinds whose name is none are left out."""
    chosen = {kind: protocol.get(kind, registry.builtin[0]) for kind, registry in KINDS.items()}
    return {
        kind: name
        for kind, name in chosen.items()
        if isinstance(name, str) and name in KINDS[kind].names()
    }


def _z_probabilities(raw: Mapping[str, object]) -> dict[str, float]:
    receivers = raw.get("receivers")
    entries = receivers.items() if isinstance(receivers, Mapping) else ()
    values = {
        name: entry.get("z_probability") for name, entry in entries if isinstance(entry, Mapping)
    }
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    }


def _choice(protocol: Mapping[str, object], variants: Mapping[str, Any]) -> Choice | None:
    """What the security variant is asked about; None where a value is none."""
    names = _names(protocol)
    charge = protocol.get("error_correction_charge")
    bits = protocol.get("verification_bits")
    epsilon = protocol.get("epsilon", DEFAULT_EPSILON)
    if not isinstance(bits, int):
        return None
    if charge not in CHARGES:
        return None
    if not isinstance(epsilon, int | float):
        return None
    return Choice(
        Profile(
            **names,
            initial_qber=0.5,
            terms=Terms(
                epsilon=float(epsilon), verification_bits=min(max(bits, 0), 1024), charge=charge
            ),
        ),
        is_two_way=variants["reconciliation"].is_two_way,
        is_measurable=variants["reconciliation"].is_measurable,
        is_random_sample=variants["estimation"].is_random_sample,
        is_symmetric=variants["basis"].is_symmetric,
    )
