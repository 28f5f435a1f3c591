"""Specs of what changes in the optical network during a run, and at what time.

An event changes the light that leaves the source from its time on: what is in the fibre already
arrives as if nothing had happened. What an event does to a topology is in
`netsim.topology.changes`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from netsim.topology.base import Decibel, Name, RunSeconds, Spec
from netsim.topology.labels import Channel
from netsim.topology.source import PowerMw, PumpSpec

EventKind = Literal["cut", "repair", "attenuate", "power", "pumps", "deliver", "leave", "join"]

EVENT_OPTIONS: dict[EventKind, frozenset[str]] = {
    "cut": frozenset({"user"}),
    "repair": frozenset({"user"}),
    "attenuate": frozenset({"user", "extra_loss_db"}),
    "power": frozenset({"power_mw"}),
    "pumps": frozenset({"pumps"}),
    "deliver": frozenset({"channel", "users"}),
    "leave": frozenset({"user"}),
    "join": frozenset({"user"}),
}
"""What must be set beside kind and times; `power` may name its pump by `channel`."""


class EventSpec(Spec):
    """A change of the optical network at a given time.

    ``cut`` and ``repair`` concern a user's fibre, ``attenuate`` sets its extra loss, ``power`` the
    power of one pump or of all, ``pumps`` replaces the pumps of a ring, ``deliver`` gives a channel
    to other users (to none: drops it), as a wavelength-selective switch or an optical switch does.
    A user who must ``leave`` gets no more light and its process stops (its store survives) until it
    may ``join`` again; `users.*.is_present` says who is there at first.
    """

    time_s: RunSeconds
    """Simulated time at the source."""
    kind: EventKind
    """What changes."""
    every_s: Annotated[float, Field(ge=1e-3, le=9e6)] | None = None
    """The event happens again and again after this time: the schedule of a switch."""
    user: Name | None = None
    """Whose fibre, or who comes and goes."""
    extra_loss_db: Decibel | None = None
    """Loss of the fibre beyond its length."""
    channel: Channel | None = None
    """Which channel is delivered, or which pump gets another power; all pumps if absent."""
    users: Annotated[tuple[Name, ...], Field(strict=False)] | None = None
    """Who gets the channel from then on."""
    power_mw: PowerMw | None = None
    """Power in the fibre before the chip."""
    pumps: Annotated[tuple[PumpSpec, ...], Field(min_length=1, strict=False)] | None = None
    """All pumps from then on."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        needed = EVENT_OPTIONS[self.kind]
        optional = {"time_s", "kind", "every_s"} | ({"channel"} if self.kind == "power" else set())
        if missing := sorted(needed - self.model_fields_set):
            raise ValueError(f"an event of kind {self.kind} needs {', '.join(missing)}")
        if foreign := sorted(self.model_fields_set - needed - optional):
            raise ValueError(f"an event of kind {self.kind} has no {', '.join(foreign)}")
        return self
