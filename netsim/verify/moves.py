"""Whether trace and ledger tell of the same bits: how many, of which block, at which end, when.

Rounds in columns are not looked at: their rows and lines are made of one record.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from netsim.errors import Fault
from netsim.pools.ledger import NO_BLOCK, Account, Movement
from netsim.pools.ledgerfile import read_ledger
from netsim.results.directory import EVENTS, LEDGER
from netsim.verify.records import Records, Way

SIFTED = (Account.LIGHT, Account.OPEN)
TOLD: Mapping[str, Mapping[str, Way]] = {
    "round_sifted": {"sifted_bits": SIFTED},
    "round_sampled": {"sampled_bits": (Account.OPEN, Account.SAMPLED)},
    "block_prepared": {"key_bits": (Account.OPEN, Account.DOUBT)},
    "block_held": {"key_bits": (Account.OPEN, Account.DOUBT)},
    "block_usable": {
        "deposited_bits": (Account.DOUBT, Account.POOL),
        "reserve_bits": (Account.DOUBT, Account.RESERVE),
    },
}
"""Which fields of which events are bits that move, and on which way."""
_WAYS = frozenset(way for fields in TOLD.values() for way in fields.values())
_AT_ONCE = frozenset(
    (
        *((debit, Account.WIRE) for debit in (Account.PARITIES, Account.VERIFICATION)),
        (Account.COUNTS, Account.WIRE),
        *((Account.OPEN, credit) for credit in (Account.AMPLIFIED, Account.DOUBT, Account.FAILED)),
    )
)
"""What is booked of a block in the step that ends it."""
_Place = tuple[object, object, object]
"""Link, end, block."""
_Move = tuple[object, _Place, Way, object]
"""Time, place, way, bits."""


def move_faults(records: Records) -> Iterator[Fault]:
    """Faults of bits that one of the two does not know; of a killed run the trace may lack some."""
    booked: Counter[_Move] = Counter()
    ended_ps: dict[_Place, int] = {}
    for line, row in enumerate(read_ledger(records.directory / LEDGER), start=2):
        place, way = (row.link, row.end, row.block), (row.debit, row.credit)
        if way in _WAYS:
            booked[row.time_ps, place, way, row.bits] += 1
        if not _is_in_time(row, ended_ps.setdefault(place, row.time_ps) if way in _AT_ONCE else 0):
            yield Fault(f"{LEDGER}:{line}", "is booked at another time than what goes with it")
    yield from _told_faults(records, booked)
    if records.summary is not None:
        for move in sorted(booked.elements(), key=str):
            _, (link, end, block), (debit, credit), bits = move
            what = f"{bits} bits of {link} block {block}, {debit} to {credit} at {end}"
            yield Fault(EVENTS, f"says nothing of {what}")


def _is_in_time(row: Movement, ended_ps: int) -> bool:
    """Pre-shared key is there at the beginning, and a block ends at one time."""
    is_free = row.debit is not Account.PRESHARED and (row.debit, row.credit) not in _AT_ONCE
    return is_free or row.time_ps == ended_ps


def _told_faults(records: Records, booked: Counter[_Move]) -> Iterator[Fault]:
    """Take what is told off what is booked."""
    sifted: set[_Place] = set()
    for line, event in records.events():
        if not line:
            continue
        name, place = event.get("event"), (event.get("link"), event.get("end"), event.get("block"))
        for field, way in TOLD.get(str(name), {}).items():
            move = (event.get("time_ps"), place, way, event.get(field))
            if not (_take(booked, move) or event.get(field) == _flow(records, place, way) == 0):
                what = f"{place[0]} block {place[2]} at {place[1]}: {field} {event.get(field)}"
                yield Fault(f"{EVENTS}:{line}", f"{what}, not booked at that time")
        if name == "round_sifted":
            sifted.add(place)
        elif name == "round_aborted":
            # Of a round that a process has left open nothing else tells.
            bits = event.get("sifted_bits")
            is_new = _take(booked, (event.get("time_ps"), place, SIFTED, bits))
            if place in sifted and (is_new or bits != _flow(records, place, SIFTED)):
                yield Fault(f"{EVENTS}:{line}", f"sifted_bits {bits}, not those of round_sifted")


def _take(booked: Counter[_Move], move: _Move) -> bool:
    """Whether a row has it, which no other line will have."""
    try:
        is_booked = booked[move] > 0
    except TypeError:  # no number
        return False
    if is_booked:
        booked[move] -= 1
    return is_booked


def _flow(records: Records, place: _Place, way: Way) -> int:
    link, end, block = place
    return records.flow(str(link), str(end), block if isinstance(block, int) else NO_BLOCK, *way)
