"""Whether each relayed key went over whole paths of which every pool has paid, and all are counted.

That the bits of each hop have left both its pools is for `netsim.verify.demand`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netsim.errors import Fault
from netsim.relay.terms import over_text
from netsim.results.directory import EVENTS, SUMMARY
from netsim.verify.records import Json, Records
from protocols.relay import hop_bits, unnoticed_probability

RELAYED, LOST, HOP = "key_relayed", "key_lost", "relay_hop"


@dataclass
class _Told:
    """What the trace tells of the relays of one application."""

    routes: Counter[str] = field(default_factory=Counter)
    paid_bits: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    unequal: int = 0
    relays: int = 0


def relay_faults(records: Records, demand: Json) -> Iterator[Fault]:
    """Faults of relays, in a run that has any."""
    entries = {entry["name"]: entry for entry in demand["applications"] if entry.get("relay")}
    hops: defaultdict[object, list[Json]] = defaultdict(list)
    told: defaultdict[str, _Told] = defaultdict(_Told)
    for line, event in records.events():
        try:
            if event.get("event") == HOP:
                hops[event["relay"]].append(event)
            elif event.get("event") in (RELAYED, LOST):
                entry, its_hops = entries[event["application"]], hops.pop(event["relay"])
                yield from _way_faults(records, line, entry, event, its_hops)
                _count(told[entry["name"]], event, its_hops)
        except (LookupError, TypeError, ValueError):
            yield Fault(f"{EVENTS}:{line}", "names no relay of an application")
    if hops:
        yield Fault(EVENTS, f"{len(hops)} relays have hops and no end")
    for name, entry in entries.items():
        yield from _sum_faults(entry, told[name])


def _count(told: _Told, event: Json, hops: Sequence[Json]) -> None:
    told.relays += 1
    told.lost += event["event"] == LOST
    if event["event"] == RELAYED:
        told.routes[event["over"]] += 1
        told.unequal += not event["is_equal"]
    for hop in hops:
        told.paid_bits[hop["link"]] += hop["bits"]


def _way_faults(
    records: Records, line: int, entry: Json, event: Json, hops: Sequence[Json]
) -> Iterator[Fault]:
    """Of one relay: as many whole paths as there have to be, that pay and are named."""
    where = f"{EVENTS}:{line}"
    paths = [_path(records, hops, number) for number in range(entry["relay"]["paths"])]
    between = [path[1:-1] for path in paths]
    if any([path[0], path[-1]] != entry["users"] for path in paths):
        yield Fault(where, f"a path is none from {' to '.join(entry['users'])}")
    if sum(map(len, between)) != len({user for users in between for user in users}):
        yield Fault(where, "two paths share a user")
    if sum(len(path) - 1 for path in paths) != len(hops):
        yield Fault(where, "there are hops of no path")
    if over_text(between) != event["over"]:
        yield Fault(where, f"over {event['over']}, the hops go over {over_text(between)}")
    if any(hop["application"] != entry["name"] for hop in hops):
        yield Fault(where, "a hop is for another application")
    if any(hop["bits"] != hop_bits(entry["key_bits"]) for hop in hops):
        yield Fault(where, f"a hop has paid something else than {hop_bits(entry['key_bits'])} bits")


def _path(records: Records, hops: Sequence[Json], number: int) -> list[str]:
    """Users of one path; ValueError where it breaks off."""
    users: list[str] = []
    for hop in hops:
        if hop["path"] == number:
            nearer, ends = hop["nearer"], records.ends[hop["link"]]
            farther = ends[1 - ends.index(nearer)]
            if users and users[-1] != nearer:
                raise ValueError("the path breaks off")
            users = [*(users or [nearer]), farther]
    return users


def _sum_faults(entry: Json, told: _Told) -> Iterator[Fault]:
    """What the summary says of the relays of one application."""
    relay, where = entry["relay"], f"{SUMMARY}, application {entry['name']}"
    paid = {each["link"]: each["bits"] for each in relay["paid"]}
    routes = {over_text(each["over"]): each["keys"] for each in relay["routes"]}
    written = (routes, paid, relay["lost"], relay["unequal"])
    counted = (told.routes, told.paid_bits, told.lost, told.unequal)
    names = ("routes", "paid", "lost", "unequal")
    for name, one, other in zip(names, written, counted, strict=True):
        if one != other:
            yield Fault(where, f"{name} of its relays is not what {EVENTS} tells")
    bound = told.relays * unnoticed_probability(entry["key_bits"])
    if abs(relay["unnoticed_probability"] - bound) > 1e-9 * bound:
        yield Fault(where, f"unnoticed_probability of {told.relays} relays is {bound}")
