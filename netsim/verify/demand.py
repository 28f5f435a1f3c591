"""Whether each key of an application has left both pools, and the summary counts them all."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import index

from netsim.errors import Fault
from netsim.pools.key import pieces_of
from netsim.pools.ledger import Account
from netsim.results.directory import DELIVERY, EVENTS, LEDGER, SUMMARY
from netsim.verify.levels import level_faults
from netsim.verify.records import Json, Records
from netsim.verify.relay import HOP, LOST, RELAYED, relay_faults

TAKEN = "key_taken"
_KEYS = (TAKEN, RELAYED, LOST)
_Row = tuple[int, str, str, int, int]
"""Time, link, end, block, bits."""


@dataclass
class _Told:
    """What the trace tells of keys of applications."""

    rows: Counter[_Row] = field(default_factory=Counter)
    taken_bits: Counter[str] = field(default_factory=Counter)
    """By link."""
    waits_ps: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """By application: of each key that it got."""


def demand_faults(records: Records) -> Iterator[Fault]:
    """Faults of what applications have taken, in a run that has any."""
    demand = (records.summary or {}).get("demand")
    if demand is None:
        return
    booked, told = _booked(records), _Told()
    key_bits = {entry["name"]: entry["key_bits"] for entry in demand["applications"]}
    for line, event in records.events():
        try:
            _take_in(told, records, event)
            if event.get("event") in _KEYS and event["bits"] != key_bits[event["application"]]:
                yield Fault(f"{EVENTS}:{line}", "the key has not as many bits as are asked for")
        except (LookupError, TypeError, ValueError):
            yield Fault(f"{EVENTS}:{line}", "names no key and application")
    for row in sorted((told.rows - booked).elements()):
        yield _fault(row, "taken by an application, not booked")
    if not (records.directory / DELIVERY).exists():
        for row in sorted((booked - told.rows).elements()):
            yield _fault(row, "booked as spent, taken by no application")
    yield from _count_faults(demand, told.waits_ps)
    yield from _pool_faults(records, demand, told.taken_bits)
    yield from level_faults(records, demand)
    yield from relay_faults(records, demand)


def _take_in(told: _Told, records: Records, event: Json) -> None:
    """A line of the trace; LookupError, TypeError or ValueError where it is a false one."""
    name = event.get("event")
    if name in (TAKEN, HOP):
        told.rows.update(_rows(records, event))
        told.taken_bits[event["link"]] += event["bits"]
    if name in (TAKEN, RELAYED):
        told.waits_ps[event["application"]].append(index(event["waited_ps"]))


def _booked(records: Records) -> Counter[_Row]:
    """What has left the pools for use."""
    return Counter(
        (row.time_ps, row.link, row.end, row.block, row.bits)
        for row in records.movements()
        if (row.debit, row.credit) == (Account.POOL, Account.SPENT)
    )


def _rows(records: Records, event: Json) -> Iterator[_Row]:
    """The rows that a key has at both ends."""
    pieces = pieces_of(event["key"])
    if sum(piece.size_bits for piece in pieces) != event["bits"]:
        raise ValueError("the key has another size")
    for end in records.ends[event["link"]]:
        for piece in pieces:
            yield event["time_ps"], event["link"], end, piece.round, piece.size_bits


def _fault(row: _Row, what: str) -> Fault:
    time_ps, link, end, block, bits = row
    return Fault(LEDGER, f"{link} block {block} at {end}: {bits} bits at {time_ps} ps are {what}")


def _count_faults(demand: Json, waits_ps: Mapping[str, Sequence[int]]) -> Iterator[Fault]:
    """Of each application: keys, how they were waited for, and what has become of its requests."""
    for entry in demand["applications"]:
        where = f"{SUMMARY}, application {entry['name']}"
        its_ps = waits_ps.get(entry["name"], ())
        told = {
            "served": len(its_ps),
            "waited_ps": sum(its_ps),
            "longest_wait_ps": max(its_ps, default=0),
        }
        for name, value in told.items():
            if entry[name] != value:
                yield Fault(where, f"{name} {entry[name]}, {EVENTS} tells of {value}")
        fates = ("served", "rejected", "given_up", "expired", "waiting")
        lost = entry["relay"]["lost"] if entry.get("relay") else 0
        if (total := lost + sum(entry[name] for name in fates)) != entry["arrived"]:
            yield Fault(where, f"arrived {entry['arrived']}, of which {total} are accounted for")


def _pool_faults(records: Records, demand: Json, taken_bits: Counter[str]) -> Iterator[Fault]:
    """Those that were asked or drawn from are told once, each with what was taken and wasted."""
    asked = [{*entry["users"]} for entry in demand["applications"]]
    links = [entry["users"] for entry in (records.summary or {"links": []})["links"]]
    told = ["-".join(entry["users"]) for entry in demand["pools"]]
    for link, users in {"-".join(users): users for users in links}.items():
        wanted = int({*users} in asked or taken_bits[link] > 0)
        # Pools with thresholds are told of if nobody asks, too.
        if not wanted <= told.count(link) <= 1:
            yield Fault(SUMMARY, f"tells {told.count(link)} times of the pool of {link}")
    for entry in demand["pools"]:
        link = "-".join(entry["users"])
        where = f"{SUMMARY}, {link}"
        if entry["taken_bits"] != taken_bits[link]:
            text = f"taken_bits {entry['taken_bits']}, {EVENTS} tells of {taken_bits[link]}"
            yield Fault(where, text)
        for end in entry["users"]:
            wasted_bits = sum(
                records.flow(link, end, block, Account.POOL, Account.WASTED)
                for block in records.blocks(link, end)
            )
            if wasted_bits != entry["wasted_bits"]:
                text = f"wasted_bits {entry['wasted_bits']}, the ledger of {end} has {wasted_bits}"
                yield Fault(where, text)
