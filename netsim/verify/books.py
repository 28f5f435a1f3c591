"""Whether the ledger balances and every pad is in it once, from its rows alone."""

from collections import defaultdict
from collections.abc import Iterator

from netsim.errors import Fault
from netsim.pools.audit import audit
from netsim.pools.ledger import NO_BLOCK, Account
from netsim.results.directory import LEDGER
from netsim.verify.columns import PAD_BITS, column_faults
from netsim.verify.ends import is_usable
from netsim.verify.records import Records


def book_faults(records: Records) -> Iterator[Fault]:
    """Faults of the rows, of the running sums and of the pads."""
    for place, fault in audit(records.rows()):
        yield Fault(place or LEDGER, fault)
    end_ps = records.told.last_ps if records.is_whole else None
    yield from column_faults(records.columns, _reserved_bits(records), end_ps)
    yield from _pad_faults(records)
    yield from _key_faults(records)


def _reserved_bits(records: Records) -> dict[str, int]:
    """Of each link: pads before its first round, but for those of its end; the fewer of both ends.

    A round leaves newer pads than its own, so those of the end may be taken off beforehand.
    """
    return {
        link: min(records.level(link, end, NO_BLOCK, Account.RESERVE) for end in ends)
        for link, ends in records.ends.items()
    }


def _key_faults(records: Records) -> Iterator[Fault]:
    """At least what was disclosed of a block's bits has been taken from its key."""
    for link, ends in records.ends.items():
        for end in ends:
            for block in records.blocks(link, end):
                told = records.flow(link, end, block, Account.PARITIES, Account.WIRE)
                told += records.flow(link, end, block, Account.VERIFICATION, Account.WIRE)
                told += records.flow(link, end, block, Account.COUNTS, Account.WIRE)
                taken = records.flow(link, end, block, Account.OPEN, Account.AMPLIFIED)
                if is_usable(records, link, end, block) and taken < told:
                    where = f"{LEDGER}, {link} block {block}"
                    yield Fault(
                        where, f"{told} bits disclosed, {taken} taken from its key at {end}"
                    )


def _pad_faults(records: Records) -> Iterator[Fault]:
    """Pads come and go whole; what is spent was there, once, before."""
    provisioned: defaultdict[tuple[str, str], int] = defaultdict(int)
    spent: defaultdict[tuple[str, str], int] = defaultdict(int)
    for where, row in records.rows():
        end = (row.link, row.end)
        if row.credit is Account.RESERVE:
            provisioned[end] += row.bits
            if row.bits % (2 * PAD_BITS):
                yield Fault(where, f"{row.bits} bits are no whole pads for the reserve")
            if (row.block == NO_BLOCK) is not (row.debit is Account.PRESHARED):
                yield Fault(where, "a block refills the reserve, or nothing but the pre-shared key")
        elif row.debit is Account.RESERVE:
            spent[end] += row.bits
            if row.bits % PAD_BITS or row.block != NO_BLOCK:
                yield Fault(where, f"{row.bits} bits are no whole pads")
            if spent[end] > provisioned[end]:
                yield Fault(
                    where,
                    f"{row.link} {row.end} has spent {spent[end]} bits of pads, "
                    f"{provisioned[end]} were there",
                )
