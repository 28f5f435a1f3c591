"""Whether the trace agrees with the ledger: blocks, levels, times."""

from collections.abc import Iterator

from netsim.errors import Fault
from netsim.pools.ledger import Account
from netsim.results.directory import EVENTS, SUMMARY
from netsim.verify.ends import is_usable
from netsim.verify.records import Json, Records

FEW_ALARMS = 64
"""So many of an end have a line each; of more the last ones, up to as many again, may have none."""


def event_faults(records: Records) -> Iterator[Fault]:
    """Faults of the trace."""
    yield from _times(records)
    yield from _usable_blocks(records)
    if records.summary is not None:
        yield from _end(records, records.summary)
        for entry in records.summary["links"]:
            yield from _counts(records, entry)


def _end(records: Records, summary: Json) -> Iterator[Fault]:
    """A run with a summary has come to its end, or was interrupted; the trace says which."""
    wanted = "run_interrupted" if summary.get("partial") else "run_ended"
    if records.told.counts[wanted, None, None] != 1 or records.told.last != wanted:
        yield Fault(EVENTS, f"does not end with {wanted}")


def _counts(records: Records, entry: Json) -> Iterator[Fault]:
    """Alarms of both ends, and the rounds without key at the announcer's, one event each."""
    users, told = entry["users"], records.told.counts
    link = "-".join(users)
    alarms = [told["alarm", link, user] for user in users]
    most = sum(count if count < FEW_ALARMS else 2 * count for count in alarms)
    failed = told["round_aborted", link, users[0]]
    counted = {"alarms": (sum(alarms), most), "blocks_failed": (failed, failed)}
    for name, (least, most) in counted.items():
        if not least <= entry[name] <= most:
            where = f"{SUMMARY}, {link}"
            yield Fault(where, f"{name} {entry[name]}, {EVENTS} tells of {least}")


def _times(records: Records) -> Iterator[Fault]:
    latest_ps = 0
    for line, event in records.events():
        time_ps = event.get("time_ps")
        if not isinstance(time_ps, int):
            yield Fault(f"{EVENTS}:{line}", "has no time")
        elif time_ps < latest_ps:
            yield Fault(f"{EVENTS}:{line}", "is older than the line before")
        else:
            latest_ps = time_ps


def _usable_blocks(records: Records) -> Iterator[Fault]:
    """Each deposit of the ledger is an event and the other way round."""
    told: set[tuple[str, str, int]] = set()
    for line, event in records.events():
        if event.get("event") != "block_usable":
            continue
        where = f"{EVENTS}:{line}"
        link, end, block = event.get("link"), event.get("end"), event.get("block")
        if not (isinstance(link, str) and isinstance(end, str) and isinstance(block, int)):
            yield Fault(where, "names no block")
            continue
        if (link, end, block) in told:
            yield Fault(where, f"{link} block {block} becomes usable at {end} a second time")
        told.add((link, end, block))
        yield from _one_block(records, where, (link, end, block), event)
    yield from _untold(records, told)


def _one_block(
    records: Records, where: str, place: tuple[str, str, int], event: Json
) -> Iterator[Fault]:
    link, end, block = place
    booked = {
        "deposited_bits": records.flow(link, end, block, Account.DOUBT, Account.POOL),
        "reserve_bits": records.flow(link, end, block, Account.DOUBT, Account.RESERVE),
        "parity_bits": records.flow(link, end, block, Account.PARITIES, Account.WIRE),
        "pool_bits": records.booked.pool_levels.get(((link, end), block), 0),
    }
    for name, bits in booked.items():
        if event.get(name) != bits:
            yield Fault(
                where, f"{link} block {block} at {end}: {name} {event.get(name)}, booked {bits}"
            )


def _untold(records: Records, told: set[tuple[str, str, int]]) -> Iterator[Fault]:
    if records.summary is None:
        return  # a killed run may have booked its last row without telling
    deposits = {
        (link, end, block)
        for link, end in records.booked.flows
        for block in records.blocks(link, end)
        if is_usable(records, link, end, block)
    }
    for link, end, block in sorted(deposits - told):
        yield Fault(EVENTS, f"says nothing of {link} block {block}, usable at {end}")
