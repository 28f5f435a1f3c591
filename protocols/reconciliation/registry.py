"""Reconciliation variants by name.

A third party's distribution declares an entry point in the group ``qnsp_netsim.reconciliation``
that names a subclass of `Reconciliation`, see `protocols.registry`.
"""

from protocols.reconciliation.interface import Reconciliation
from protocols.registry import Registry

RECONCILIATIONS = Registry[Reconciliation](
    "reconciliation",
    Reconciliation,  # type: ignore[type-abstract]  # only isinstance is asked of it
    {
        "cascade-yanetal": "protocols.reconciliation.cascade_variants:Yanetal",
        "cascade-original": "protocols.reconciliation.cascade_variants:Original",
        "cascade-option4": "protocols.reconciliation.cascade_variants:Option4",
        "cascade-option7": "protocols.reconciliation.cascade_variants:Option7",
        "cascade-option8": "protocols.reconciliation.cascade_variants:Option8",
        "ldpc": "protocols.reconciliation.ldpc:Ldpc",
        "modelled": "protocols.reconciliation.modelled:Modelled",
    },
)


def reconciliation(name: str) -> Reconciliation:
    """Reconciliation variant called ``name``; VariantError, with all names, if there is none."""
    return RECONCILIATIONS.get(name)
