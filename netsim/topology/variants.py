"""Names of protocol variants in a topology: those of the registries of `protocols.variants`.

A third party's are included. Which of them go together is in `netsim.topology.combinations`.
"""

from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from protocols.variants import KINDS


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
