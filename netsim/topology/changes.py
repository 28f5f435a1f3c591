"""What an event does to a topology, and the times at which events happen.

A change makes a new `TopologySpec` of an old one; nothing else is changed by it.
"""

import heapq
from collections.abc import Callable, Iterator
from itertools import islice

from netsim.errors import Fault
from netsim.topology.events import EventKind, EventSpec
from netsim.topology.labels import label_of
from netsim.topology.processes import pair_rule
from netsim.topology.source import CrystalSourceSpec
from netsim.topology.specs import QnspSpec, TopologySpec, UserSpec
from netsim.units import PS_PER_S, ps_from_s

MAX_CHECKED_EVENTS = 10_000

Changes = dict[str, object]


def event_times(events: tuple[EventSpec, ...], *, stop_ps: int) -> Iterator[tuple[int, EventSpec]]:
    """All events before ``stop_ps`` by time, in ps; of two at one time the earlier in the file."""
    due = [(ps_from_s(event.time_s), index, 0) for index, event in enumerate(events)]
    heapq.heapify(due)
    while due and due[0][0] < stop_ps:
        time_ps, index, count = heapq.heappop(due)
        event = events[index]
        yield time_ps, event
        if event.every_s is not None:
            # The k-th time is rounded, not the step.
            next_ps = ps_from_s(event.time_s) + round((count + 1) * event.every_s * 1e12)
            heapq.heappush(due, (next_ps, index, count + 1))


def event_faults(topology: TopologySpec) -> tuple[Fault, ...]:
    """Events that name what is not there, do not suit the source, or give out unusable light.

    Events that happen again and again are followed through two of their periods.
    """
    faults: dict[Fault, None] = {}
    places = {id(event): f"events.{index}" for index, event in enumerate(topology.events)}
    state = topology
    for time_ps, event in _some_events(topology.events):
        try:
            state = changed(state, event)
        except (KeyError, ValueError) as error:
            faults[Fault(places[id(event)], str(error.args[0]))] = None
            continue
        if event.kind in ("pumps", "deliver"):
            rule = pair_rule(state.qnsp.source)
            reasons = (
                rule.fault(label_of(spec.channel)) for spec in state.qnsp.channels if spec.receivers
            )
            text = f"from {time_ps / PS_PER_S:g} s on "
            faults |= {
                Fault(places[id(event)], text + reason): None for reason in reasons if reason
            }
    return tuple(faults)


def followed_ps(events: tuple[EventSpec, ...]) -> int:
    """Just after the last event that is followed beforehand: two periods, not all of a run."""
    return max((time_ps for time_ps, _ in _some_events(events)), default=0) + 1


def _some_events(events: tuple[EventSpec, ...]) -> Iterator[tuple[int, EventSpec]]:
    last_s = max((event.time_s + 2 * (event.every_s or 0.0) for event in events), default=0.0)
    found = event_times(events, stop_ps=ps_from_s(last_s) + 1)
    return islice(found, MAX_CHECKED_EVENTS)


def changed(topology: TopologySpec, event: EventSpec) -> TopologySpec:
    """``topology`` after ``event``.

    Raises
    ------
    KeyError
        If it names a user, channel or pump that is not there.
    ValueError
        If it does not suit the source.
    """
    return _CHANGES[event.kind](topology, event)


def _cut(topology: TopologySpec, event: EventSpec) -> TopologySpec:
    return _with_fibre(topology, event, {"is_cut": event.kind == "cut"})


def _attenuate(topology: TopologySpec, event: EventSpec) -> TopologySpec:
    return _with_fibre(topology, event, {"extra_loss_db": event.extra_loss_db})


def _move(topology: TopologySpec, event: EventSpec) -> TopologySpec:
    return _with_user(topology, event, {"is_present": event.kind == "join"})


def _user(topology: TopologySpec, name: str) -> UserSpec:
    try:
        return topology.user(name)
    except KeyError as error:
        raise KeyError(f"there is no user {name}") from error


def _with_fibre(topology: TopologySpec, event: EventSpec, changes: Changes) -> TopologySpec:
    fibre = _user(topology, event.user or "").fibre
    return _with_user(topology, event, {"fibre": fibre.model_copy(update=changes)})


def _with_user(topology: TopologySpec, event: EventSpec, changes: Changes) -> TopologySpec:
    old = _user(topology, event.user or "")
    users = tuple(
        old.model_copy(update=changes) if spec is old else spec for spec in topology.users
    )
    return topology.model_copy(update={"users": users})


def _power(topology: TopologySpec, event: EventSpec) -> TopologySpec:
    source = topology.qnsp.source
    if isinstance(source, CrystalSourceSpec):
        return _with_source(topology, {"pump_power_mw": event.power_mw})
    if event.channel is not None and event.channel not in {p.channel for p in source.pumps}:
        raise KeyError(f"there is no pump {event.channel}")
    pumps = tuple(
        pump.model_copy(update={"power_mw": event.power_mw})
        if event.channel in (None, pump.channel)
        else pump
        for pump in source.pumps
    )
    return _with_source(topology, {"pumps": pumps})


def _pumps(topology: TopologySpec, event: EventSpec) -> TopologySpec:
    source = topology.qnsp.source
    if isinstance(source, CrystalSourceSpec):
        raise ValueError("a crystal has one pump, whose power can be changed")  # noqa: TRY004
    labels = [label_of(pump.channel) for pump in event.pumps or ()]
    if len(set(labels)) < len(labels):
        raise ValueError("a channel is pumped twice")
    if any((label - labels[0]) % source.comb_spacing_labels for label in labels):
        raise ValueError(f"pumps off the comb of {source.comb_spacing_labels} labels")
    return _with_source(topology, {"pumps": event.pumps})


def _deliver(topology: TopologySpec, event: EventSpec) -> TopologySpec:
    if event.channel not in {spec.channel for spec in topology.qnsp.channels}:
        raise KeyError(f"{event.channel} is not among the channels")
    for name in event.users or ():
        _user(topology, name)
    channels = tuple(
        spec.model_copy(update={"user": None, "users": event.users})
        if spec.channel == event.channel
        else spec
        for spec in topology.qnsp.channels
    )
    return _with_qnsp(topology, {"channels": channels})


def _with_source(topology: TopologySpec, changes: Changes) -> TopologySpec:
    return _with_qnsp(topology, {"source": topology.qnsp.source.model_copy(update=changes)})


def _with_qnsp(topology: TopologySpec, changes: Changes) -> TopologySpec:
    qnsp: QnspSpec = topology.qnsp.model_copy(update=changes)
    return topology.model_copy(update={"qnsp": qnsp})


_CHANGES: dict[EventKind, Callable[[TopologySpec, EventSpec], TopologySpec]] = {
    "cut": _cut,
    "repair": _cut,
    "leave": _move,
    "join": _move,
    "attenuate": _attenuate,
    "power": _power,
    "pumps": _pumps,
    "deliver": _deliver,
}
