"""Spec of somebody on the fibre of a user; the kinds are those of `netsim.observers.kinds`."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from netsim.observers.kinds import OBSERVERS
from netsim.topology.base import Name, Probability, RunSeconds, Spec
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
    start_s: RunSeconds = 0.0
    """From when on somebody is there."""
    stop_s: RunSeconds | None = None
    """Until when; to the end if absent. Before and after it light passes as it is."""
    options: dict[Name, OptionValue] = Field(default_factory=dict)
    """What the kind has to be told; its keys may also stand beside `kind`."""

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, raw: Any) -> Any:
        """Options of the kind that stand beside it, put in their place."""
        if not isinstance(raw, Mapping):
            return raw
        own = {key for key in raw if key not in cls.model_fields and key in _options_of(raw)}
        given = raw.get("options", {})
        if not own or not isinstance(given, Mapping):
            return raw
        rest = {key: value for key, value in raw.items() if key not in own}
        return rest | {"options": {**given, **{key: raw[key] for key in own}}}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stop_s is not None and self.stop_s <= self.start_s:
            raise ValueError("an observer leaves after he has come: stop_s > start_s")
        try:
            OBSERVERS.get(self.kind).options.model_validate(self.options)
        except VariantError as error:
            raise ValueError(f"kind {self.kind} {error.reason}") from error
        except ValidationError as error:
            raise ValueError("; ".join(map(_option_fault, error.errors()))) from error
        return self


def _options_of(raw: Mapping[str, object]) -> Collection[str]:
    """Names of the options of the kind that a table names; none of a kind that cannot be had."""
    name = raw.get("kind")
    if not isinstance(name, str) or name not in OBSERVERS.names():
        return ()
    try:
        return OBSERVERS.get(name).options.model_fields
    except VariantError:
        return ()


def _option_fault(detail: ErrorDetails) -> str:
    path = ".".join(map(str, ("options", *detail["loc"])))
    return f"{path}: {detail['msg']}"
