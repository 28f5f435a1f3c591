"""Spec of somebody on the fibre of a user; the kinds are those of `netsim.observers.kinds`."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from netsim.observers.kinds import OBSERVERS
from netsim.topology.base import Name, Probability, RunSeconds, Spec
from netsim.topology.named import check_options, examples_of, known_in, option_names

OptionValue = bool | int | float | str


class ObserverSpec(Spec):
    """Somebody on the fibre from the provider to a user; parties and analytic twin know nothing."""

    kind: Annotated[str, known_in(OBSERVERS), examples_of(OBSERVERS)]
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
        known = option_names(OBSERVERS, raw.get("kind"))
        own = {key for key in raw if key not in cls.model_fields and key in known}
        given = raw.get("options", {})
        if not own or not isinstance(given, Mapping):
            return raw
        rest = {key: value for key, value in raw.items() if key not in own}
        return rest | {"options": {**given, **{key: raw[key] for key in own}}}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.stop_s is not None and self.stop_s <= self.start_s:
            raise ValueError("an observer leaves after he has come: stop_s > start_s")
        check_options(OBSERVERS, "kind", self.kind, self.options)
        return self
