"""Whether the two ends of each link tell the same story, from the ledger alone."""

from collections.abc import Iterator

from netsim.errors import Fault
from netsim.pools.ledger import NO_BLOCK, Account
from netsim.results.directory import LEDGER
from netsim.verify.records import Records

_SAME_AT_BOTH = (
    (Account.LIGHT, Account.OPEN, "sifted"),
    (Account.PARITIES, Account.WIRE, "disclosed as parities"),
    (Account.VERIFICATION, Account.WIRE, "disclosed for verification"),
    (Account.COUNTS, Account.WIRE, "disclosed as counts of errors"),
    (Account.TESTED, Account.WIRE, "disclosed for Bell tests"),
    (Account.OPEN, Account.SAMPLED, "sampled"),
    (Account.OPEN, Account.AMPLIFIED, "amplified away"),
    (Account.DOUBT, Account.RESERVE, "put into the reserve"),
    (Account.DOUBT, Account.POOL, "deposited"),
)
_PADS = (
    (Account.PRESHARED, Account.RESERVE, "were there"),
    (Account.RESERVE, Account.SPENT, "are spent"),
)


def end_faults(records: Records) -> Iterator[Fault]:
    """Faults between the ends."""
    for link, ends in records.ends.items():
        if len(ends) != 2:
            yield Fault(LEDGER, f"{link} has {len(ends)} ends: {', '.join(ends)}")
        else:
            yield from _link_faults(records, link, (ends[0], ends[1]))
            yield from _pad_faults(records, link, (ends[0], ends[1]))


def _pad_faults(records: Records, link: str, ends: tuple[str, str]) -> Iterator[Fault]:
    """Both ends of rounds in columns have as many pads: there are no stores to count them in."""
    if records.columns.of(link) is None:
        return
    for debit, credit, what in _PADS:
        bits = [records.flow(link, end, NO_BLOCK, debit, credit) for end in ends]
        if bits[0] != bits[1]:
            found = f"{bits[0]} bits of pads {what} at {ends[0]}, {bits[1]} at {ends[1]}"
            yield Fault(f"{LEDGER}, {link}", found)


def _link_faults(records: Records, link: str, ends: tuple[str, str]) -> Iterator[Fault]:
    for block in sorted({block for end in ends for block in records.blocks(link, end)}):
        where = f"{LEDGER}, {link} block {block}"
        usable = [end for end in ends if is_usable(records, link, end, block)]
        if len(usable) == len(ends):
            yield from _unequal(records, link, ends, block)
        for end in usable:
            other = ends[1 - ends.index(end)]
            if other not in usable and not records.level(link, other, block, Account.DOUBT):
                yield Fault(where, f"usable at {end}, neither usable nor in doubt at {other}")
        yield from _unfinished(records, link, ends, block)


def _unequal(records: Records, link: str, ends: tuple[str, str], block: int) -> Iterator[Fault]:
    for debit, credit, what in _SAME_AT_BOTH:
        bits = [records.flow(link, end, block, debit, credit) for end in ends]
        if bits[0] != bits[1]:
            yield Fault(
                f"{LEDGER}, {link} block {block}",
                f"{bits[0]} bits {what} at {ends[0]}, {bits[1]} at {ends[1]}",
            )


def _unfinished(records: Records, link: str, ends: tuple[str, str], block: int) -> Iterator[Fault]:
    """A link that has closed leaves nothing open; one that was cut off may."""
    for end in ends:
        if not is_closed(records, link, end):
            continue
        for account in (Account.OPEN, Account.DOUBT):
            if bits := records.level(link, end, block, account):
                where = f"{LEDGER}, {link} block {block}"
                yield Fault(where, f"{bits} bits are still {account} at {end}, which has closed")


def is_usable(records: Records, link: str, end: str, block: int) -> bool:
    """Whether the ledger of ``end`` has key of ``block`` in pool or reserve."""
    return any(
        records.flow(link, end, block, Account.DOUBT, account)
        for account in (Account.POOL, Account.RESERVE)
    )


def is_closed(records: Records, link: str, end: str) -> bool:
    """Whether the trace says that ``end`` has closed."""
    return bool(records.told.counts["link_closed", link, end])
