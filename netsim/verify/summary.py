"""Whether the summary follows from ledger and counts, and the tables repeat it."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from netsim.errors import ConfigError, Fault
from netsim.pools.ledger import NO_BLOCK, Account
from netsim.results.directory import (
    LANES,
    LINKS,
    MANIFEST,
    ROUNDS,
    SUMMARY,
    TOPOLOGY,
    load_run,
)
from netsim.results.provenance import collect_provenance
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.units import s_from_ps
from netsim.verify.ends import is_usable
from netsim.verify.records import Json, Records

DEPOSITED = "deposited_bits"
_BY_BLOCK = {
    "sifted_bits": ((Account.LIGHT, Account.OPEN),),
    "leaked_bits": ((Account.PARITIES, Account.WIRE),),
    "verification_bits": ((Account.VERIFICATION, Account.WIRE),),
    "sampled_bits": ((Account.OPEN, Account.SAMPLED),),
    DEPOSITED: ((Account.DOUBT, Account.POOL), (Account.DOUBT, Account.RESERVE)),
}
"""What a link's figure sums up: flows of the finished blocks at the announcer's end."""


def summary_faults(records: Records) -> Iterator[Fault]:
    """Faults of the summary; nothing is asked of a run that was killed before it had one."""
    if records.summary is None:
        return
    if records.manifest is None:
        yield from _distilled_faults(records, records.summary)
    else:
        yield from _manifest_faults(records.manifest, records.summary)
        yield from _topology_faults(records, records.manifest, records.summary)
        yield from _derived_faults(records, records.summary)
    for entry in records.summary["links"]:
        yield from _link_faults(records, entry)
    told = {"-".join(entry["users"]) for entry in records.summary["links"]}
    for link in (records.columns.links.keys() | records.columns.taken.keys()) - told:
        yield Fault(SUMMARY, f"does not tell of {link}, which has rounds in {ROUNDS}")


def _distilled_faults(records: Records, summary: Json) -> Iterator[Fault]:
    """Of two recordings: each round with key, and the rate that follows from the sums."""
    link, end = "-".join(summary["links"][0]["users"]), summary["links"][0]["users"][0]
    for block in summary["blocks"]:
        for name, summed in (("sifted_bits",) * 2, ("leaked_bits",) * 2, ("key_bits", DEPOSITED)):
            booked = sum(records.flow(link, end, block["round"], *way) for way in _BY_BLOCK[summed])
            if block[name] != booked:
                where = f"{SUMMARY}, round {block['round']}"
                yield Fault(where, f"{name} {block[name]}, the ledger of {end} has {booked}")
    net_bits = summary["key_bits"] - summary["auth_spent_bits"]
    net_key_bps = net_bits / summary["light_s"] if summary["light_s"] else 0.0
    if not _are_equal(summary["net_key_bps"], net_key_bps):
        yield Fault(SUMMARY, f"net_key_bps is {summary['net_key_bps']}, {net_key_bps} follows")


def _manifest_faults(manifest: Json, summary: Json) -> Iterator[Fault]:
    found = {name: summary.get(name) for name in ("topology", "seed", "fidelity", "partial")}
    found["wall_s"] = summary["performance"]["wall_s"]
    for name, value in found.items():
        if manifest.get(name) != value:
            yield Fault(MANIFEST, f"{name} {manifest.get(name)}, {value} in {SUMMARY}")
    # To the picosecond: other figures that follow may differ in their last digits.
    if s_from_ps(manifest["duration_ps"]) != summary.get("duration_s"):
        what = f"duration_ps {manifest['duration_ps']}, {summary.get('duration_s')} s in {SUMMARY}"
        yield Fault(MANIFEST, what)


def _topology_faults(records: Records, manifest: Json, summary: Json) -> Iterator[Fault]:
    """The topology that lies there is the one that was simulated."""
    try:
        topology = load_topology(records.directory / TOPOLOGY)
    except ConfigError as error:
        yield Fault(TOPOLOGY, "; ".join(fault.message for fault in error.faults))
        return
    digest = collect_provenance(topology.model_dump(mode="json")).topology_sha256
    if digest != manifest.get("topology_sha256"):
        yield Fault(TOPOLOGY, f"is another one than was simulated, by the hash in {MANIFEST}")
    yield from _named_faults(topology, manifest, summary)


def _named_faults(topology: TopologySpec, manifest: Json, summary: Json) -> Iterator[Fault]:
    """Users, applications and paper are those of the topology."""
    names = [user.name for user in topology.users]
    if [user["name"] for user in summary["users"]] != names:
        yield Fault(SUMMARY, f"tells of other users than {', '.join(names)}")
    asked = [[spec.name, list(spec.users), spec.key_bits] for spec in topology.applications]
    demand = (summary.get("demand") or {"applications": []})["applications"]
    if asked != [[entry["name"], entry["users"], entry["key_bits"]] for entry in demand]:
        yield Fault(SUMMARY, f"tells of other applications than {TOPOLOGY}")
    paper = topology.paper
    figures = {"source": paper and paper.source, "total_skr_bps": paper and paper.total_skr_bps}
    if manifest["paper"] != figures:
        yield Fault(MANIFEST, f"another paper than that of {TOPOLOGY}")


def _derived_faults(records: Records, summary: Json) -> Iterator[Fault]:
    """Every rate and share, worked out again from the counts; the tables have the same."""
    try:
        run = load_run(records.directory)
        derived = run.summary()
        tables = {table: run.rows(table) for table in ("lanes", "links")}
    except (ArithmeticError, ValueError) as error:
        yield Fault(SUMMARY, f"nothing can be derived from its counts: {error}")
        return
    for path, found, expected in _differences(summary, derived, ""):
        yield Fault(SUMMARY, f"{path} is {found}, {expected} follows from the counts")
    yield from _table_faults(LANES, records.lanes, tables["lanes"])
    yield from _table_faults(LINKS, records.links, tables["links"])


def _differences(found: Any, expected: Any, path: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in expected:
            yield from _differences(found.get(name), expected[name], f"{path}.{name}".lstrip("."))
    elif isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        for index, (its, own) in enumerate(zip(found, expected, strict=True)):
            yield from _differences(its, own, f"{path}.{index}")
    elif not _are_equal(found, expected):
        yield path, found, expected


def _are_equal(found: object, expected: object) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12)
    return found == expected


def _table_faults(
    table: str, rows: tuple[dict[str, str], ...], entries: list[Json]
) -> Iterator[Fault]:
    if len(rows) != len(entries):
        yield Fault(table, f"has {len(rows)} rows, {SUMMARY} {len(entries)}")
        return
    for line, (row, entry) in enumerate(zip(rows, entries, strict=True), start=2):
        for name in row.keys() | entry.keys():
            text = "" if entry.get(name) is None else str(entry[name])
            if row.get(name) != text:
                yield Fault(f"{table}:{line}", f"{name} {row.get(name)}, {text} in {SUMMARY}")


def _link_faults(records: Records, entry: Json) -> Iterator[Fault]:
    users = entry["users"]
    link, end = "-".join(users), users[0]
    where = f"{SUMMARY}, {link}"
    for name, bits in _booked(records, link, end).items():
        if entry.get(name) != bits:
            yield Fault(where, f"{name} {entry.get(name)}, the ledger of {end} has {bits}")
    if entry.get("unequal_blocks"):
        yield Fault(where, f"{entry['unequal_blocks']} blocks are not the same at both ends")
    good = sum(is_usable(records, link, end, block) for block in records.blocks(link, end))
    if link in records.columns.links:
        good += records.columns.links[link].good
    if entry["blocks"] - entry["blocks_failed"] != good:
        told = entry["blocks"] - entry["blocks_failed"]
        yield Fault(where, f"{told} good blocks, the ledger of {end} has {good}")
    yield from _epsilon_faults(records, where, (link, end), entry)


def _booked(records: Records, link: str, end: str) -> dict[str, int]:
    """Figures of the summary from the rows of the ledger; open and doubtful blocks do not count."""
    finished = [
        block
        for block in records.blocks(link, end)
        if is_usable(records, link, end, block) or records.level(link, end, block, Account.FAILED)
    ]
    booked = {
        name: sum(records.flow(link, end, block, *way) for block in finished for way in ways)
        for name, ways in _BY_BLOCK.items()
    }
    booked["auth_spent_bits"] = records.flow(link, end, NO_BLOCK, Account.RESERVE, Account.SPENT)
    in_columns = records.columns.links.get(link)
    for name, bits in in_columns.sums.items() if in_columns is not None else ():
        booked[name] += bits
    return booked


def _epsilon_faults(
    records: Records, where: str, place: tuple[str, str], entry: Mapping[str, Any]
) -> Iterator[Fault]:
    """What the link may fail with is the sum over its rounds, aborted ones included."""
    secrecy = entry.get("secrecy_epsilon")
    totals = {"forgery_probability": entry.get("failure_probability")}
    if secrecy is not None:
        totals["epsilon"] = entry.get("correctness_epsilon", 0.0) + secrecy
    elif "secrecy_epsilon" in entry and any(
        ("epsilon", place[0], end) in records.told.sums for end in entry["users"]
    ):
        yield Fault(where, "its rounds have an epsilon, and it has none")
    for name, total in totals.items():
        if total is None:
            continue
        rounds = records.told.sums.get((name, *place), 0.0)
        is_sum = math.isclose(min(1.0, rounds), min(1.0, total), rel_tol=1e-9)
        if total < 0 or not is_sum:
            yield Fault(where, f"{name} adds up to {total}, its rounds to {rounds}")
