"""Whether the trace is in order, and agrees with the ledger in blocks and levels."""

from collections.abc import Iterator, Sequence

from netsim.errors import Fault
from netsim.pools.ledger import NO_BLOCK, Account
from netsim.results.directory import EVENTS, SUMMARY
from netsim.verify.records import Json, Records

_STARTED = "round_started"
_PROCESS = ("process_stopped", "process_started")
_BELL = ("bell_tested", "bell_fallen")
_Place = tuple[str, str, int]
"""Link, end, block."""
FEW_ALARMS = 64
"""So many of an end have a line each; of more the last ones, up to as many again, may have none."""


def event_faults(records: Records) -> Iterator[Fault]:
    """Faults of the trace."""
    yield from _times(records)
    yield from _starts(records)
    yield from _processes(records)
    yield from _locks(records)
    yield from _closings(records)
    yield from _bell_tests(records)
    yield from _usable_blocks(records)
    if records.summary is not None:
        yield from _beginning(records, records.summary)
        yield from _end(records, records.summary)
        for entry in records.summary["links"]:
            yield from _counts(records, entry)
            if records.manifest is not None:
                yield from _closing(records, entry, records.manifest["duration_ps"])


def _beginning(records: Records, summary: Json) -> Iterator[Fault]:
    """The first line says what was run; recordings have no more than a seed."""
    _, first = next(records.events(), (0, {}))
    told = {"event": "run_started", "time_ps": 0}
    told |= {name: summary[name] for name in ("seed", "topology") if name in summary}
    if any(first.get(name) != value for name, value in told.items()):
        yield Fault(EVENTS, f"does not begin with run_started, of the run in {SUMMARY}")
    if records.told.counts["run_started", None, None] > 1:
        yield Fault(EVENTS, "begins a second time")


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


def _closing(records: Records, entry: Json, duration_ps: int) -> Iterator[Fault]:
    """How long it took after the light until both ends had closed; at the rate level no time."""
    link = "-".join(entry["users"])
    closed_ps = [records.told.closed_ps.get((link, user)) for user in entry["users"]]
    later = [time_ps for time_ps in closed_ps if time_ps is not None]
    settle_ps = max(later) - duration_ps if len(later) == len(closed_ps) else 0
    if entry["settle_ps"] != settle_ps or (
        records.columns.of(link) is not None and len(later) == 1
    ):
        what = f"settle_ps {entry['settle_ps']}, {settle_ps} by the ends that close in {EVENTS}"
        yield Fault(f"{SUMMARY}, {link}", what)


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


def _starts(records: Records) -> Iterator[Fault]:
    """A round begins at an end before it is sifted there, and again only if it was given up."""
    started: set[tuple[object, object, object]] = set()
    for line, event in records.events():
        place = (event.get("link"), event.get("end"), event.get("block"))
        if event.get("event") == _STARTED and place in started:
            yield Fault(f"{EVENTS}:{line}", "begins a second time")
        elif event.get("event") == _STARTED:
            started.add(place)
        elif event.get("event") == "round_aborted":
            started.discard(place)
        elif event.get("event") == "round_sifted" and place not in started:
            yield Fault(f"{EVENTS}:{line}", "is sifted without having begun")


def _processes(records: Records) -> Iterator[Fault]:
    """One runs from the beginning, stops if it runs, and starts if it has stopped."""
    stopped: set[object] = set()
    for line, event in records.events():
        name, end = event.get("event"), event.get("end")
        if name in _PROCESS and (end in stopped) != (name == "process_started"):
            yield Fault(f"{EVENTS}:{line}", f"{name} a second time")
        elif name in _PROCESS:
            stopped ^= {end}


def _locks(records: Records) -> Iterator[Fault]:
    """Clocks are found before they are lost and before anything is sifted; columns have none."""
    found: set[object] = set()
    held: set[tuple[object, object]] = set()
    for line, event in records.events():
        name, link, end = (event.get(key) for key in ("event", "link", "end"))
        if name == "link_locked":
            found.add(link)
            held.add((link, end))
        elif name == "lock_lost" and (link, end) not in held:
            yield Fault(f"{EVENTS}:{line}", "loses a lock that it has not")
        elif name == "lock_lost":
            held.remove((link, end))
        elif name == "round_sifted" and line and event.get("sifted_bits") and link not in found:
            yield Fault(f"{EVENTS}:{line}", f"has sifted bits, and {link} has not locked before")
            found.add(link)


def _closings(records: Records) -> Iterator[Fault]:
    """An end closes once, and begins no round afterwards."""
    for (name, link, end), times in records.told.counts.items():
        if name == "link_closed" and times > 1:
            yield Fault(EVENTS, f"{link} closes {times} times at {end}")
    closed: set[tuple[object, object]] = set()
    for line, event in records.events():
        place = (event.get("link"), event.get("end"))
        if event.get("event") == "link_closed":
            closed.add(place)
        elif event.get("event") == _STARTED and place in closed:
            yield Fault(f"{EVENTS}:{line}", "begins after its end has closed")


def _bell_tests(records: Records) -> Iterator[Fault]:
    """Each lane of a block is tested once at an end, alike at both, before its key is usable."""
    tests: dict[object, dict[object, tuple[object, object]]] = {}
    for line, event in records.events():
        name, link, block = (event.get(key) for key in ("event", "link", "block"))
        place = (link, event.get("end"), block)
        if name in _BELL and isinstance(block, int):
            its = tests.setdefault(place, {})
            if event.get("lane") in its:
                yield Fault(f"{EVENTS}:{line}", "is tested a second time")
            its[event.get("lane")] = (event.get("s"), event.get("sigma"))
        elif name == "block_usable":
            if tests.get(place) and not _tested_bits(records, place):
                yield Fault(f"{EVENTS}:{line}", "has a Bell test whose outcomes are not booked")
            ends = records.ends.get(str(link), [])
            if any(tests.get((link, end, block)) != tests.get(place) for end in ends):
                yield Fault(f"{EVENTS}:{line}", "has another Bell test at the other end")


def _tested_bits(records: Records, place: tuple[object, object, object]) -> int:
    link, end, block = place
    number = block if isinstance(block, int) else NO_BLOCK
    return records.flow(str(link), str(end), number, Account.TESTED, Account.WIRE)


def _usable_blocks(records: Records) -> Iterator[Fault]:
    """Each is told once, with what it has cost, and alike at both ends."""
    told: dict[_Place, Json] = {}
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
        told[link, end, block] = event
        yield from _one_block(records, where, (link, end, block), event)
        yield from _unlike(
            where, event, [told.get((link, each, block)) for each in records.ends.get(link, ())]
        )


def _one_block(records: Records, where: str, place: _Place, event: Json) -> Iterator[Fault]:
    link, end, block = place
    booked = {
        "parity_bits": records.flow(link, end, block, Account.PARITIES, Account.WIRE),
        "pool_bits": records.booked.pool_levels.get(((link, end), block), 0),
    }
    for name, bits in booked.items():
        if event.get(name) != bits:
            yield Fault(
                where, f"{link} block {block} at {end}: {name} {event.get(name)}, booked {bits}"
            )
    raw_bits = records.flow(link, end, block, Account.LIGHT, Account.OPEN)
    raw_bits -= records.flow(link, end, block, Account.OPEN, Account.SAMPLED)
    qber = event.get("qber")
    errors = qber * raw_bits if isinstance(qber, float) else -1.0
    if not 0 <= errors <= raw_bits or abs(errors - round(errors)) > 1e-6:
        yield Fault(where, f"qber {qber} of {raw_bits} bits is no number of errors")


def _unlike(where: str, event: Json, both: Sequence[Json | None]) -> Iterator[Fault]:
    """Both ends have corrected the same errors, and claim the same."""
    for name in ("qber", "epsilon"):
        for other in both:
            if other is not None and other.get(name) != event.get(name):
                yield Fault(where, f"{name} {event.get(name)}, at the other end {other.get(name)}")
