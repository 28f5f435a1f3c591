"""Does a ledger balance? Independent of the code that writes it: it looks at the rows alone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from netsim.pools.ledger import ALLOWED_CREDITS, ORIGINS, Account, Movement

_End = tuple[str, str]

_SECRET = frozenset({Account.POOL, Account.RESERVE})


def check_balance(movements: Iterable[Movement]) -> list[str]:
    """What is wrong with the books, one line per fault; empty if they balance.

    A fault of row k, from 1, begins with ``row k: ``. What is checked is in `audit`.
    """
    rows = ((f"row {number}", movement) for number, movement in enumerate(movements, start=1))
    return [f"{place}: {fault}" if place else fault for place, fault in audit(rows)]


def audit(rows: Iterable[tuple[str, Movement]]) -> list[tuple[str, str]]:
    """Place and fault of what is wrong with the books; the place of a sum is empty.

    Checked, with the rows alone:

    - each row: bits not negative, accounts with a way between them, time not running backwards;
    - at each moment and end: no account but an origin below zero;
    - at each moment, end and block: no stage of that block below zero;
    - at each end: sifted = sampled + failed + amplified away + deposited + open + in doubt, where
      deposited is what came from blocks into pool and reserve;
    - both ends of a link: the same block never deposits different numbers of bits.
    """
    sums = _Audit()
    for place, movement in rows:
        sums.add(place, movement)
    return sums.faults + [("", fault) for fault in sums.closing_faults()]


class _Audit:
    """Running sums over the rows."""

    def __init__(self) -> None:
        self.faults: list[tuple[str, str]] = []
        self._time_ps: int | None = None
        self._levels: defaultdict[tuple[str, str, Account], int] = defaultdict(int)
        self._blocks: defaultdict[tuple[str, str, int, Account], int] = defaultdict(int)
        self._deposits: defaultdict[tuple[str, int], dict[str, int]] = defaultdict(dict)
        self._sifted: defaultdict[_End, int] = defaultdict(int)
        self._produced: defaultdict[_End, int] = defaultdict(int)

    def add(self, place: str, movement: Movement) -> None:
        """Take in the next row, which stands at `place`."""
        self.faults += ((place, fault) for fault in self._row_faults(movement))
        self.faults += ((place, fault) for fault in self._move(movement))
        end = (movement.link, movement.end)
        if movement.debit is Account.LIGHT:
            self._sifted[end] += movement.bits
        if movement.debit in (Account.OPEN, Account.DOUBT) and movement.credit in _SECRET:
            self._produced[end] += movement.bits
            by_end = self._deposits[movement.link, movement.block]
            by_end[movement.end] = by_end.get(movement.end, 0) + movement.bits

    def closing_faults(self) -> list[str]:
        """What is wrong with the sums."""
        ends = sorted(set(self._sifted) | {(link, end) for link, end, _ in self._levels})
        sums = [fault for link, end in ends for fault in self._end_faults(link, end)]
        return sums + [
            f"{link} block {block}: deposits differ: "
            + ", ".join(f"{end} {bits}" for end, bits in sorted(by_end.items()))
            for (link, block), by_end in sorted(self._deposits.items())
            if len(set(by_end.values())) > 1
        ]

    def _row_faults(self, movement: Movement) -> Iterator[str]:
        if movement.bits < 0:
            yield f"{movement.bits} bits"
        if movement.credit not in ALLOWED_CREDITS.get(movement.debit, frozenset()):
            yield f"no way from {movement.debit} to {movement.credit}"
        if self._time_ps is not None and movement.time_ps < self._time_ps:
            yield "older than the row before"
        self._time_ps = movement.time_ps

    def _move(self, movement: Movement) -> Iterator[str]:
        link, end, block = movement.link, movement.end, movement.block
        for account, bits in ((movement.debit, -movement.bits), (movement.credit, movement.bits)):
            self._levels[link, end, account] += bits
            self._blocks[link, end, block, account] += bits
        debit = movement.debit
        if debit in ORIGINS:
            return
        if (level := self._levels[link, end, debit]) < 0:
            yield f"{link} {end}: {debit} falls to {level} bits"
        elif debit not in _SECRET and (level := self._blocks[link, end, block, debit]) < 0:
            yield f"{link} {end} block {block}: {debit} falls to {level} bits"

    def _end_faults(self, link: str, end: str) -> list[str]:
        places = (Account.SAMPLED, Account.FAILED, Account.AMPLIFIED, Account.OPEN, Account.DOUBT)
        accounted = sum(self._levels[link, end, account] for account in places)
        accounted += self._produced[link, end]
        sifted = self._sifted[link, end]
        if sifted == accounted:
            return []
        return [f"{link} {end}: {sifted} bits sifted, {accounted} accounted for"]
