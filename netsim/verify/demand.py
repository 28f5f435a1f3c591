"""Whether each key of an application has left both pools, and the summary counts them all."""

from collections import Counter
from collections.abc import Iterator

from netsim.errors import Fault
from netsim.pools.key import pieces_of
from netsim.pools.ledger import Account
from netsim.results.directory import DELIVERY, EVENTS, LEDGER, SUMMARY
from netsim.verify.records import Json, Records
from netsim.verify.relay import HOP, RELAYED, relay_faults

_Row = tuple[int, str, str, int, int]
"""Time, link, end, block, bits."""


def demand_faults(records: Records) -> Iterator[Fault]:
    """Faults of what applications have taken, in a run that has any."""
    demand = (records.summary or {}).get("demand")
    if demand is None:
        return
    booked, told = _booked(records), Counter[_Row]()
    served = Counter[str]()
    for line, event in records.events():
        name = event.get("event")
        try:
            if name in ("key_taken", HOP):
                told.update(_rows(records, event))
            if name in ("key_taken", RELAYED):
                served[str(event["application"])] += 1
        except (LookupError, TypeError, ValueError):
            yield Fault(f"{EVENTS}:{line}", "names no key and application")
    for row in sorted((told - booked).elements()):
        yield _fault(row, "taken by an application, not booked")
    if not (records.directory / DELIVERY).exists():
        for row in sorted((booked - told).elements()):
            yield _fault(row, "booked as spent, taken by no application")
    yield from _count_faults(demand, served)
    yield from _waste_faults(records, demand)
    yield from relay_faults(records, demand)


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


def _count_faults(demand: Json, served: Counter[str]) -> Iterator[Fault]:
    """Of each application: keys, and what has become of its requests."""
    for entry in demand["applications"]:
        where = f"{SUMMARY}, application {entry['name']}"
        if entry["served"] != served[entry["name"]]:
            told = served[entry["name"]]
            yield Fault(where, f"served {entry['served']}, {EVENTS} tells of {told}")
        fates = ("served", "rejected", "given_up", "expired", "waiting")
        lost = entry["relay"]["lost"] if entry.get("relay") else 0
        if (total := lost + sum(entry[name] for name in fates)) != entry["arrived"]:
            yield Fault(where, f"arrived {entry['arrived']}, of which {total} are accounted for")


def _waste_faults(records: Records, demand: Json) -> Iterator[Fault]:
    for entry in demand["pools"]:
        link = "-".join(entry["users"])
        for end in entry["users"]:
            wasted_bits = sum(
                records.flow(link, end, block, Account.POOL, Account.WASTED)
                for block in records.blocks(link, end)
            )
            if wasted_bits != entry["wasted_bits"]:
                text = f"wasted_bits {entry['wasted_bits']}, the ledger of {end} has {wasted_bits}"
                yield Fault(f"{SUMMARY}, {link}", text)
