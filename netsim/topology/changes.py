"""Changes of the optical network during a run: what each says, what it does, whom it concerns.

A change acts on the light that leaves the source from its time on: what is in the fibre already
arrives as if nothing had happened. It makes a new state of an old one; nothing else is changed by
it. A new kind is a class with the decorator `register_change`; a topology file names it by
``kind``. When changes happen is in `netsim.topology.events`.
"""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from netsim.topology.base import Decibel, Name, RunSeconds, Spec
from netsim.topology.labels import Channel, label_of
from netsim.topology.named import check_known
from netsim.topology.source import CrystalSourceSpec, DetuningSpec, PowerMw, PumpSpec
from netsim.topology.state import StateSpec, UserSpec
from netsim.units import MAX_RUN_PS, PS_PER_S

StateT = TypeVar("StateT", bound=StateSpec)


def _check_kind(kind: str) -> str:
    return check_known(CHANGES, kind)


class Change(Spec, ABC):
    """A change of the optical network at a given time."""

    time_s: RunSeconds
    """Simulated time at the source."""
    kind: Annotated[str, AfterValidator(_check_kind)]
    """What changes."""
    every_s: Annotated[float, Field(ge=1e-3, le=MAX_RUN_PS / PS_PER_S)] | None = None
    """The change happens again and again after this time: the schedule of a switch."""

    @abstractmethod
    def applied_to(self, topology: StateT) -> StateT:
        """``topology`` after this change.

        Raises
        ------
        KeyError
            If it names a user, channel or pump that is not there.
        ValueError
            If it does not suit the source.
        """

    @property
    def leaving(self) -> tuple[str, ...]:
        """Users whose process stops with it."""
        return ()

    @property
    def joining(self) -> tuple[str, ...]:
        """Users whose process starts with it."""
        return ()

    @property
    def values(self) -> dict[str, Any]:
        """What this kind says beside kind and times, as far as it is given."""
        return self.model_dump(exclude=set(Change.model_fields), exclude_none=True)


CHANGES: dict[str, type[Change]] = {}
"""All kinds by name, in the order in which they were registered."""

ChangeT = TypeVar("ChangeT", bound=Change)


def register_change(change: type[ChangeT]) -> type[ChangeT]:
    """Have topologies know a kind of change: its class, whose ``kind`` has its name as default."""
    CHANGES[change.model_fields["kind"].default] = change
    return change


# Kinds ------------------------------------------------------------------------------------------


class UserChange(Change, ABC):
    """A change that concerns one user: kinds that name an existing user derive from it."""

    user: Name
    """Whose fibre, or who comes and goes."""


@register_change
class Cut(UserChange):
    """A user's fibre is cut: nothing comes through."""

    kind: Literal["cut"] = "cut"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """With the fibre cut."""
        return _with_fibre(topology, self.user, is_cut=True)


@register_change
class Repair(UserChange):
    """A user's fibre is whole again."""

    kind: Literal["repair"] = "repair"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """With the fibre mended."""
        return _with_fibre(topology, self.user, is_cut=False)


@register_change
class Unlock(UserChange):
    """The locks of a user's analysers are off: phases wander as their `drift` says."""

    kind: Literal["unlock"] = "unlock"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """With phases free."""
        return _with_user(topology, self.user, is_locked=False)


@register_change
class Lock(UserChange):
    """The locks of a user's analysers are on again."""

    kind: Literal["lock"] = "lock"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """With phases held."""
        return _with_user(topology, self.user, is_locked=True)


@register_change
class Realign(UserChange):
    """The polarisation of a user's fibre is aligned again: what it has turned is taken back."""

    kind: Literal["realign"] = "realign"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """With one alignment more."""
        alignments = _user(topology, self.user).alignments + 1
        return _with_user(topology, self.user, alignments=alignments)


@register_change
class DetectorsOff(UserChange):
    """The detectors of a user are off, as when they are cycled: no clicks, darks neither."""

    kind: Literal["detectors-off"] = "detectors-off"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """With detectors off."""
        return _with_user(topology, self.user, is_detecting=False)


@register_change
class DetectorsOn(UserChange):
    """The detectors of a user are on again."""

    kind: Literal["detectors-on"] = "detectors-on"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """With detectors on."""
        return _with_user(topology, self.user, is_detecting=True)


@register_change
class Attenuate(UserChange):
    """A user's fibre has another extra loss."""

    kind: Literal["attenuate"] = "attenuate"
    """What changes."""
    extra_loss_db: Decibel
    """Loss of the fibre beyond its length."""

    def applied_to(self, topology: StateT) -> StateT:
        """With that loss."""
        return _with_fibre(topology, self.user, extra_loss_db=self.extra_loss_db)


@register_change
class Power(Change):
    """One pump, or all of them, have another power."""

    kind: Literal["power"] = "power"
    """What changes."""
    channel: Channel | None = None
    """Which pump; all pumps if absent."""
    power_mw: PowerMw
    """Power in the fibre before the chip."""

    def applied_to(self, topology: StateT) -> StateT:
        """With that power."""
        source = topology.qnsp.source
        if isinstance(source, CrystalSourceSpec):
            return _with_source(topology, pump_power_mw=self.power_mw)
        if self.channel is not None and self.channel not in {p.channel for p in source.pumps}:
            raise KeyError(f"there is no pump {self.channel}")
        return _with_source(topology, pumps=tuple(map(self._powered, source.pumps)))

    def _powered(self, pump: PumpSpec) -> PumpSpec:
        is_meant = self.channel in (None, pump.channel)
        return pump.model_copy(update={"power_mw": self.power_mw}) if is_meant else pump


@register_change
class Detune(Change):
    """The temperature of a ring, or the lock of its pumps to its resonances, changes."""

    kind: Literal["detune"] = "detune"
    """What changes."""
    temperature_k: Annotated[float, Field(ge=-100, le=100)] | None = None
    """Temperature from then on; as before if absent."""
    is_locked: bool | None = None
    """Whether the pumps follow the resonances from then on; as before if absent."""

    def applied_to(self, topology: StateT) -> StateT:
        """With that temperature and lock."""
        source = topology.qnsp.source
        if isinstance(source, CrystalSourceSpec):
            raise ValueError("a crystal has no resonances")  # noqa: TRY004
        detuning = (source.detuning or DetuningSpec()).model_copy(update=self.values)
        return _with_source(topology, detuning=detuning)


@register_change
class Pumps(Change):
    """A ring is pumped by other lasers."""

    kind: Literal["pumps"] = "pumps"
    """What changes."""
    pumps: Annotated[tuple[PumpSpec, ...], Field(min_length=1, strict=False)]
    """All pumps from then on."""

    def applied_to(self, topology: StateT) -> StateT:
        """With those pumps."""
        source = topology.qnsp.source
        if isinstance(source, CrystalSourceSpec):
            raise ValueError("a crystal has one pump, whose power can be changed")  # noqa: TRY004
        labels = [label_of(pump.channel) for pump in self.pumps]
        if len(set(labels)) < len(labels):
            raise ValueError("a channel is pumped twice")
        if any((label - labels[0]) % source.comb_spacing_labels for label in labels):
            raise ValueError(f"pumps off the comb of {source.comb_spacing_labels} labels")
        return _with_source(topology, pumps=self.pumps)


@register_change
class Deliver(Change):
    """A channel goes to other users, as a wavelength-selective or an optical switch has it."""

    kind: Literal["deliver"] = "deliver"
    """What changes."""
    channel: Channel
    """Which channel is delivered."""
    users: Annotated[tuple[Name, ...], Field(strict=False)]
    """Who gets it from then on; nobody: it is dropped."""

    def applied_to(self, topology: StateT) -> StateT:
        """With the channel going there."""
        if self.channel not in {spec.channel for spec in topology.qnsp.channels}:
            raise KeyError(f"{self.channel} is not among the channels")
        for name in self.users:
            _user(topology, name)
        channels = tuple(
            spec.model_copy(update={"user": None, "users": self.users})
            if spec.channel == self.channel
            else spec
            for spec in topology.qnsp.channels
        )
        return _with_qnsp(topology, channels=channels)


@register_change
class Leave(UserChange):
    """A user gets no more light and its process stops until it joins again; its store survives."""

    kind: Literal["leave"] = "leave"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """Without the user."""
        return _with_user(topology, self.user, is_present=False)

    @property
    def leaving(self) -> tuple[str, ...]:
        """The user."""
        return (self.user,)


@register_change
class Join(UserChange):
    """A user gets light and its process starts; `users.*.is_present` says who is there at first."""

    kind: Literal["join"] = "join"
    """What changes."""

    def applied_to(self, topology: StateT) -> StateT:
        """With the user."""
        return _with_user(topology, self.user, is_present=True)

    @property
    def joining(self) -> tuple[str, ...]:
        """The user."""
        return (self.user,)


# States -----------------------------------------------------------------------------------------


def _user(topology: StateSpec, name: str) -> UserSpec:
    try:
        return topology.user(name)
    except KeyError as error:
        raise KeyError(f"there is no user {name}") from error


def _with_fibre(topology: StateT, name: str, **changes: object) -> StateT:
    fibre = _user(topology, name).fibre
    return _with_user(topology, name, fibre=fibre.model_copy(update=changes))


def _with_user(topology: StateT, name: str, **changes: object) -> StateT:
    old = _user(topology, name)
    users = tuple(
        old.model_copy(update=changes) if spec is old else spec for spec in topology.users
    )
    return topology.model_copy(update={"users": users})


def _with_source(topology: StateT, **changes: object) -> StateT:
    return _with_qnsp(topology, source=topology.qnsp.source.model_copy(update=changes))


def _with_qnsp(topology: StateT, **changes: object) -> StateT:
    return topology.model_copy(update={"qnsp": topology.qnsp.model_copy(update=changes)})
