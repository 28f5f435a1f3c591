"""What the checks between specs need of a raw topology, as far as it is readable.

A fault in one place of a file must not hide a fault in another: a value of the wrong type becomes
None here (its own fault is reported by the specs), and the checks judge what is left.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import ConstantPhase
from netsim.physics.encodings.registry import build_encoding, encoding_class
from netsim.topology.base import LinewidthHz, Name, NonNegative, Positive
from netsim.topology.labels import Channel, label_of
from netsim.topology.processes import PairRule
from netsim.topology.receiver import DEFAULT_KIND, ReceiverKind
from netsim.units import frequency_hz_from_label

T = TypeVar("T")

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
NAME: TypeAdapter[str] = TypeAdapter(Name, config=_STRICT)
CHANNEL: TypeAdapter[str] = TypeAdapter(Channel, config=_STRICT)
POSITIVE: TypeAdapter[float] = TypeAdapter(Positive, config=_STRICT)
LINEWIDTH_HZ: TypeAdapter[float] = TypeAdapter(LinewidthHz, config=_STRICT)
KIND: TypeAdapter[str] = TypeAdapter(ReceiverKind, config=_STRICT)
DELAY_PS: TypeAdapter[float] = TypeAdapter(Annotated[float, Field(ge=0)], config=_STRICT)
NOT_NEGATIVE: TypeAdapter[float] = TypeAdapter(NonNegative, config=_STRICT)
POSITIVE_INT: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1)], config=_STRICT)


@dataclass(frozen=True, slots=True)
class PumpEntry:
    """A pump laser, or None where it is no channel."""

    path: str
    label: int | None


@dataclass(frozen=True, slots=True)
class ChannelEntry:
    """A delivered channel and who gets it; None where that is no list of names."""

    path: str
    label: int | None
    users: tuple[str, ...] | None
    is_split: bool
    """Whether the users are given as a list."""


@dataclass(frozen=True, slots=True)
class UserEntry:
    """A user."""

    path: str
    name: str | None
    receiver: str | None


@dataclass(frozen=True, slots=True)
class ClockEntry:
    """A user's clock prior."""

    path: str
    user: str
    offset_bound_ps: float
    rate_bound_ppm: float


@dataclass(frozen=True, slots=True)
class PairEntry:
    """An entry of the source's pairs, or of the published lanes (then with its users)."""

    path: str
    labels: tuple[int, int] | None
    users: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The parts of a topology that refer to each other.

    Attributes
    ----------
    encodings : dict
        Of each receiver and basis (``"z"``, ``"x"``) with a valid delay, as if the other basis
        were the same; what its kind refuses is left out.
    clocks : tuple of ClockEntry
        Of each user, its own or its receiver's, where both bounds are valid.
    receivers : tuple of str, or None
        Valid names of receivers; None if they are no table.
    """

    spacing_labels: int | None
    sum_labels: int | None
    """Of a crystal; None for a ring."""
    has_self_pairs: bool
    linewidth_hz: float | None
    window_ps: float | None
    frame_s: float | None
    round_s: float | None
    pumps: tuple[PumpEntry, ...]
    channels: tuple[ChannelEntry, ...]
    users: tuple[UserEntry, ...]
    receivers: tuple[str, ...] | None
    encodings: dict[tuple[str, str], Encoding]
    served_later: frozenset[str]
    """Users who get a channel by an event."""
    clocks: tuple[ClockEntry, ...]
    pairs: tuple[PairEntry, ...]
    lanes: tuple[PairEntry, ...]

    @property
    def pump_labels(self) -> list[int]:
        """Labels of the readable pumps."""
        return [pump.label for pump in self.pumps if pump.label is not None]

    @property
    def rule(self) -> PairRule | None:
        """Which labels pair, from what is readable of the source; None if that is not enough."""
        if self.sum_labels is not None:
            return PairRule.of_crystal(self.sum_labels, has_self_pairs=self.has_self_pairs)
        pumps, spacing = self.pump_labels, self.spacing_labels or 1
        if not pumps:
            return None
        return PairRule.of_ring(pumps, spacing, has_self_pairs=self.has_self_pairs)


def read_skeleton(raw: Mapping[str, object]) -> Skeleton:
    """Extract the skeleton of a parsed TOML file (or of a dumped topology)."""
    qnsp, receivers = raw.get("qnsp"), raw.get("receivers")
    source, protocol = _get(qnsp, "source"), raw.get("protocol")
    return Skeleton(
        spacing_labels=_positive_int(_get(source, "comb_spacing_labels")),
        sum_labels=_positive_int(_get(source, "sum_labels")),
        has_self_pairs=_get(source, "self_pairs") == "deliver",
        linewidth_hz=_linewidth_hz(source),
        window_ps=_positive(_get(protocol, "window_ps")),
        frame_s=_positive(raw.get("frame_s", 0.05)),
        round_s=_positive(_get(protocol, "round_s")),
        pumps=tuple(
            PumpEntry(path, _label(_get(entry, "channel")))
            for path, entry in _entries(source, "qnsp.source", "pumps")
        ),
        channels=tuple(
            ChannelEntry(path, _label(_get(entry, "channel")), *_users(entry))
            for path, entry in _entries(qnsp, "qnsp", "channels")
        ),
        users=tuple(
            UserEntry(path, _name(_get(entry, "name")), _name(_get(entry, "receiver")))
            for path, entry in _entries(raw, "", "users")
        ),
        receivers=_receiver_names(receivers),
        encodings=dict(_encodings(receivers)),
        served_later=frozenset(
            name for _, event in _entries(raw, "", "events") for name in _users(event)[0] or ()
        ),
        clocks=tuple(_clocks(raw)),
        pairs=tuple(
            PairEntry(path, _labels(_get(entry, "channels")))
            for path, entry in _entries(source, "qnsp.source", "pairs")
        ),
        lanes=tuple(
            PairEntry(path, _labels(_get(entry, "channels")), _names(_get(entry, "users")))
            for path, entry in _entries(raw.get("paper"), "paper", "lanes")
        ),
    )


def _get(node: object, key: str) -> object:
    return node.get(key) if isinstance(node, Mapping) else None


def _entries(node: object, path: str, key: str) -> list[tuple[str, object]]:
    entries = _get(node, key)
    prefix = f"{path}.{key}" if path else key
    if not isinstance(entries, list | tuple):
        return []
    return [(f"{prefix}.{index}", entry) for index, entry in enumerate(entries)]


def _receiver_names(receivers: object) -> tuple[str, ...] | None:
    if not isinstance(receivers, Mapping):
        return None
    return tuple(name for name in map(_name, receivers) if name is not None)


def _encodings(receivers: object) -> Iterator[tuple[tuple[str, str], Encoding]]:
    for name in _receiver_names(receivers) or ():
        receiver = _get(receivers, name)
        kind = _valid(KIND, _get(receiver, "kind") or DEFAULT_KIND)
        for basis in ("z", "x"):
            optics = _optics(_get(receiver, basis))
            if kind and optics and not any(encoding_class(kind).faults(optics)):
                yield (name, basis), build_encoding(kind, optics)


def _optics(analyser: object) -> Optics | None:
    """Two analysers with the delay of this one, perfect ones."""
    if not isinstance(analyser, Mapping):
        return None
    delay_ps = _valid(DELAY_PS, analyser.get("delay_ps", 0.0))
    if delay_ps is None:
        return None
    perfect = BasisOptics(delay_ps, ConstantPhase(0.0))
    return Optics(0.5, perfect, perfect)


def _linewidth_hz(source: object) -> float | None:
    """Linewidth, given as it is or by the quality factor at the first pump."""
    quality = _positive(_get(source, "quality_factor"))
    pumps = _entries(source, "", "pumps")
    label = _label(_get(pumps[0][1], "channel")) if pumps else None
    if quality is not None and label is not None:
        return frequency_hz_from_label(label) / quality
    return _valid(LINEWIDTH_HZ, _get(source, "linewidth_hz"))


def _users(entry: object) -> tuple[tuple[str, ...] | None, bool]:
    """Who gets a channel, and whether that is given as a list."""
    several = _get(entry, "users")
    if several is None:
        name = _name(_get(entry, "user"))
        return None if name is None else (name,), False
    if not isinstance(several, list | tuple):
        return None, True
    names = [_name(value) for value in several]
    return None if None in names else tuple(name for name in names if name is not None), True


def _clocks(raw: Mapping[str, object]) -> Iterator[ClockEntry]:
    for user_path, user in _entries(raw, "", "users"):
        path, clock = f"{user_path}.clock", _get(user, "clock")
        if clock is None:
            receiver = _name(_get(user, "receiver"))
            path = f"receivers.{receiver}.clock"
            clock = _get(_get(raw.get("receivers"), receiver or ""), "clock")
        name = _name(_get(user, "name"))
        bounds = [
            _valid(NOT_NEGATIVE, _get(clock, key)) for key in ("offset_bound_ps", "rate_bound_ppm")
        ]
        if name is not None and bounds[0] is not None and bounds[1] is not None:
            yield ClockEntry(path, name, bounds[0], bounds[1])


def _valid(adapter: TypeAdapter[T], value: object) -> T | None:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _name(value: object) -> str | None:
    return _valid(NAME, value)


def _label(value: object) -> int | None:
    channel = _valid(CHANNEL, value)
    return None if channel is None else label_of(channel)


def _positive(value: object) -> float | None:
    return _valid(POSITIVE, value)


def _positive_int(value: object) -> int | None:
    return _valid(POSITIVE_INT, value)


def _names(value: object) -> tuple[str, str] | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    first, second = _name(value[0]), _name(value[1])
    return None if first is None or second is None else (first, second)


def _labels(value: object) -> tuple[int, int] | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    first, second = _label(value[0]), _label(value[1])
    return None if first is None or second is None else (first, second)
