"""Levels of the pools that applications draw from, followed again along ledger and trace.

What both ends have of a link is the lesser of their two levels. Rows of one time that go the same
way, into the pools or out of them, are one step.
"""

from collections.abc import Iterator, Mapping

from netsim.demand.terms import Thresholds
from netsim.errors import ConfigError, Fault
from netsim.pools.ledger import Account, Movement
from netsim.results.directory import DELIVERY, EVENTS, LEDGER, SUMMARY, TOPOLOGY
from netsim.topology.load import load_topology
from netsim.verify.records import Json, Records

CROSSED = "pool_crossed"


class _Level:
    """What both ends of a link have, as time goes on."""

    def __init__(self, ends: list[str], thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self.level_bits = self.offered_bits = self.low_ps = 0
        self.lowest_bits: int | None = None
        self._ends_bits = dict.fromkeys(ends, 0)
        self._since_ps = 0
        self._step = (0, False)

    def take(self, row: Movement) -> None:
        """The next row of the ledger that is of this pool."""
        is_in = row.credit is Account.POOL
        if self._step != (row.time_ps, is_in):
            self.follow(self._step[0])
            self._step = (row.time_ps, is_in)
        if row.end in self._ends_bits:
            self._ends_bits[row.end] += row.bits if is_in else -row.bits

    def follow(self, time_ps: int) -> None:
        """The step is over, or the run."""
        if self.level_bits < self.thresholds.threshold_bits:
            self.low_ps += time_ps - self._since_ps
        level_bits = min(self._ends_bits.values())
        self.offered_bits += max(0, level_bits - self.level_bits)
        self._since_ps, self.level_bits = time_ps, level_bits
        if self.offered_bits:
            is_lower = self.lowest_bits is None or level_bits < self.lowest_bits
            self.lowest_bits = level_bits if is_lower else self.lowest_bits

    def finish(self, end_ps: int) -> None:
        """Nothing follows."""
        self.follow(self._step[0])
        self.follow(end_ps)


def level_faults(records: Records, demand: Json) -> Iterator[Fault]:
    """Faults of what the summary says of levels, and of thresholds that were crossed.

    Where a key manager has handed out key since, the ledger has more rows than the run: None.
    """
    if (records.directory / DELIVERY).exists() or records.told.last_ps is None:
        return
    try:
        levels = _levels(records, demand)
    except ConfigError:
        return  # told where the topology is checked
    for row in records.movements():
        level = levels.get(row.link)
        if level is not None and Account.POOL in (row.debit, row.credit):
            level.take(row)
    for entry in demand["pools"]:
        link = "-".join(entry["users"])
        levels[link].finish(records.told.last_ps)
        yield from _sum_faults(entry, link, levels[link])
    yield from _crossing_faults(records, levels)


def _levels(records: Records, demand: Json) -> dict[str, _Level]:
    pools = load_topology(records.directory / TOPOLOGY).pools
    thresholds = {frozenset(spec.users): spec.thresholds for spec in pools}
    return {
        "-".join(entry["users"]): _Level(
            entry["users"], thresholds.get(frozenset(entry["users"]), Thresholds())
        )
        for entry in demand["pools"]
    }


def _sum_faults(entry: Json, link: str, level: _Level) -> Iterator[Fault]:
    for name in ("offered_bits", "lowest_bits", "low_ps"):
        if entry[name] != (found := getattr(level, name)):
            text = f"{name} {entry[name]}, by the rows of {LEDGER} it is {found}"
            yield Fault(f"{SUMMARY}, {link}", text)


def _crossing_faults(records: Records, levels: Mapping[str, _Level]) -> Iterator[Fault]:
    """Each line of a crossing says what its level is, and the last one what is left."""
    states = {link: level.thresholds.state(0) for link, level in levels.items()}
    for line, event in records.events():
        if event.get("event") != CROSSED:
            continue
        try:
            link = event["link"]
            state = levels[link].thresholds.state(event["pool_bits"])
        except (LookupError, TypeError):
            yield Fault(f"{EVENTS}:{line}", "names no pool and level")
            continue
        if event.get("state") != state:
            yield Fault(f"{EVENTS}:{line}", f"{event.get('state')}, and is {state} at that level")
        if state is states[link]:
            yield Fault(f"{EVENTS}:{line}", f"{state}, which the pool of {link} was before")
        states[link] = state
    for link, level in levels.items():
        if states[link] is not (left := level.thresholds.state(level.level_bits)):
            yield Fault(EVENTS, f"the pool of {link} is told as {states[link]}, and is {left}")
