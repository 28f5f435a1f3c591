"""When the changes of a topology happen, and whether each is possible when it does."""

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice

from netsim.errors import Fault
from netsim.topology.changes import Change
from netsim.topology.followed import CANNOT_CHANGE, fixed_differences
from netsim.topology.labels import label_of
from netsim.topology.processes import pair_rule
from netsim.topology.specs import TopologySpec
from netsim.topology.state import StateSpec
from netsim.units import PS_PER_S, ps_from_s

MAX_CHECKED_EVENTS = 10_000


def event_times(events: Sequence[Change], *, stop_ps: int) -> Iterator[tuple[int, Change]]:
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
    state, known = topology, _unusable(topology)
    for time_ps, event in _some_events(topology.events):
        before = state
        try:
            state = event.applied_to(before)
        except (KeyError, ValueError) as error:
            faults[Fault(places[id(event)], str(error.args[0]))] = None
            continue
        reasons = known if state.qnsp is before.qnsp else _unusable(state)
        text = f"from {time_ps / PS_PER_S:g} s on "
        new = [text + reason for reason in reasons if reason not in known]
        new += [f"{path} {CANNOT_CHANGE}" for path in fixed_differences(before, state)]
        faults |= {Fault(places[id(event)], reason): None for reason in new}
        known = reasons
    return tuple(faults)


def _unusable(state: StateSpec) -> list[str]:
    """Why channels that are delivered cannot be used."""
    rule = pair_rule(state.qnsp.source)
    faults = (rule.fault(label_of(spec.channel)) for spec in state.qnsp.channels if spec.receivers)
    return [fault for fault in faults if fault is not None]


def followed_ps(events: Sequence[Change]) -> int:
    """Just after the last event that is followed beforehand: two periods, not all of a run."""
    return max((time_ps for time_ps, _ in _some_events(events)), default=0) + 1


def _some_events(events: Sequence[Change]) -> Iterator[tuple[int, Change]]:
    last_s = max((event.time_s + 2 * (event.every_s or 0.0) for event in events), default=0.0)
    found = event_times(events, stop_ps=ps_from_s(last_s) + 1)
    return islice(found, MAX_CHECKED_EVENTS)
