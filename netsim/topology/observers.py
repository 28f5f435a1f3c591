"""Spec of somebody on the fibre of a user; the kinds are those of `netsim.observers.kinds`."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from netsim.observers.kinds import OBSERVERS
from netsim.topology.base import Name, Probability, Spec
from protocols.registry import VariantError

OptionValue = bool | int | float | str


def _check_kind(name: str) -> str:
    if name not in (known := OBSERVERS.names()):
        shown = name if name.isascii() and name.isprintable() else ascii(name)[1:-1]
        raise ValueError(f"the text {shown[:40]!r} is not one of {', '.join(map(repr, known))}")
    return name


ObserverKindName = Annotated[
    str,
    AfterValidator(_check_kind),
    Field(json_schema_extra={"examples": list(OBSERVERS.builtin)}),
]


class ObserverSpec(Spec):
    """Somebody on the fibre from the provider to a user; parties and analytic twin know nothing."""

    kind: ObserverKindName
    """What is done to the photons that pass."""
    user: Name
    """On whose fibre."""
    position: Probability = 0.0
    """Where, as a share of the fibre's length: 0 is the provider's end. Extra loss, the receiver
    and its detectors lie behind."""
    options: dict[Name, OptionValue] = Field(default_factory=dict)
    """What the kind has to be told."""

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        try:
            OBSERVERS.get(self.kind).options.model_validate(self.options)
        except VariantError as error:
            raise ValueError(f"kind {self.kind} {error.reason}") from error
        except ValidationError as error:
            raise ValueError("; ".join(map(_option_fault, error.errors()))) from error
        return self


def _option_fault(detail: ErrorDetails) -> str:
    path = ".".join(map(str, ("options", *detail["loc"])))
    return f"{path}: {detail['msg']}"
