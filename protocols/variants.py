"""All kinds of variants and their registries; the one place that knows which names there are.

A program adds its own with `register`, a distribution with an entry point (`protocols.registry`).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from protocols.interfaces import (
    Amplification,
    Authentication,
    Basis,
    Choice,
    Estimation,
    LinkProtocol,
    Security,
)
from protocols.matching import Matching
from protocols.profile import Profile
from protocols.reconciliation.registry import RECONCILIATIONS
from protocols.registry import Registry, VariantError

__all__ = [
    "AMPLIFICATIONS",
    "AUTHENTICATIONS",
    "BASES",
    "ESTIMATIONS",
    "KINDS",
    "MATCHINGS",
    "PROTOCOLS",
    "RECONCILIATIONS",
    "SECURITIES",
    "choice_of",
    "is_two_way",
    "register",
    "round_epsilons",
    "study_notes",
]

PROTOCOLS = Registry[LinkProtocol](
    "protocol",
    LinkProtocol,  # type: ignore[type-abstract]  # only isinstance is asked of it
    {"bbm92": "protocols.bbm92.variant:Bbm92", "e91": "protocols.e91.variant:E91"},
)
ESTIMATIONS = Registry[Estimation](
    "estimation",
    Estimation,  # type: ignore[type-abstract]
    {
        "reconciled": "protocols.estimation:ReconciledErrors",
        "sample": "protocols.estimation:PublishedSample",
    },
)
AMPLIFICATIONS = Registry[Amplification](
    "amplification",
    Amplification,  # type: ignore[type-abstract]
    {
        "toeplitz-clmul": "protocols.hashing.amplification:ToeplitzClmul",
        "toeplitz-fft": "protocols.hashing.amplification:ToeplitzFft",
    },
)
SECURITIES = Registry[Security](
    "security",
    Security,  # type: ignore[type-abstract]
    {
        "asymptotic": "protocols.security:Asymptotic",
        "asymptotic-mixed": "protocols.security:AsymptoticMixed",
        "finite": "protocols.security:Finite",
        "finite-exact": "protocols.security:FiniteExact",
        "two-basis": "protocols.security:TwoBasis",
    },
)
AUTHENTICATIONS = Registry[Authentication](
    "authentication",
    Authentication,  # type: ignore[type-abstract]
    {
        "wegman-carter": "protocols.hashing.authenticators:WegmanCarter",
        "none": "protocols.hashing.authenticators:NoAuthentication",
    },
)
BASES = Registry[Basis](
    "basis",
    Basis,  # type: ignore[type-abstract]
    {"symmetric": "protocols.bases:Symmetric", "biased": "protocols.bases:Biased"},
)
MATCHINGS = Registry[Matching](
    "matching",
    Matching,  # type: ignore[type-abstract]
    {
        "earliest": "protocols.bbm92.matchings:Earliest",
        "nearest": "protocols.bbm92.matchings:Nearest",
        "unrivalled": "protocols.bbm92.matchings:Unrivalled",
    },
)

KINDS: Mapping[str, Registry[Any]] = MappingProxyType(
    {
        registry.kind: registry
        for registry in (
            PROTOCOLS,
            ESTIMATIONS,
            RECONCILIATIONS,
            AMPLIFICATIONS,
            SECURITIES,
            AUTHENTICATIONS,
            BASES,
            MATCHINGS,
        )
    }
)
"""Registries by the key of the topology's ``protocol`` that names their variants."""


def is_two_way(reconciliation: str) -> bool:
    """Whether that error correction asks questions that depend on the responder's bits."""
    return RECONCILIATIONS.get(reconciliation).is_two_way


def choice_of(profile: Profile) -> Choice:
    """What a security variant is asked about; VariantError for a name that is none."""
    reconciliation = RECONCILIATIONS.get(profile.reconciliation)
    return Choice(
        profile,
        is_two_way=reconciliation.is_two_way,
        is_measurable=reconciliation.is_measurable,
        is_random_sample=ESTIMATIONS.get(profile.estimation).is_random_sample,
        is_symmetric=BASES.get(profile.basis).is_symmetric,
        keeps_bases_alike=PROTOCOLS.get(profile.protocol).keeps_bases_alike,
    )


def round_epsilons(profile: Profile) -> tuple[float, float | None]:
    """What a round may add to the probabilities that the keys differ and that the key is known.

    The second is None where it is not claimed.
    """
    correctness = profile.terms.correctness_epsilon
    if not SECURITIES.get(profile.security).has_secrecy_epsilon:
        return correctness, None
    return correctness, profile.terms.epsilon - correctness


def study_notes(profile: Profile) -> tuple[str, ...]:
    """What must be said beside the results of variants that are for study only."""
    notes = (
        RECONCILIATIONS.get(profile.reconciliation).note,
        AUTHENTICATIONS.get(profile.authentication).note,
    )
    return tuple(filter(None, notes))


def register(kind: str, name: str, make: Callable[[], object]) -> None:
    """Add a variant for this process; topologies may then name it.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    name : str
        Not one that is built in.
    make : callable
        A subclass of the interface of that kind (`protocols.interfaces`), or a function without
        arguments that makes an instance.

    Raises
    ------
    VariantError
        For an unknown kind or an impossible name.
    """
    if kind not in KINDS:
        raise VariantError(
            kind, name, f"there are no variants of this kind, only {', '.join(KINDS)}"
        )
    KINDS[kind].register(name, make)
