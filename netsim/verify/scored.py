"""Whether rounds in columns fit what the simulator has scored, and what their link disclosed."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from netsim.errors import Fault
from netsim.pools.rounds import Rounds
from netsim.results.directory import LINKS, ROUNDS, SUMMARY
from netsim.verify.columns import MOST_FAULTS
from netsim.verify.records import Json, Records
from protocols.messages import AbortReason
from protocols.registry import VariantError
from protocols.variants import SECURITIES

BASES = 2


def scored_faults(records: Records) -> Iterator[Fault]:
    """Faults of errors and of error counts, which no row of the summary adds up."""
    if records.summary is None:
        return
    tables = dict(zip(map(_name, records.summary["links"]), records.links, strict=False))
    for entry in records.summary["links"]:
        link = _name(entry)
        if (its := records.columns.of(link)) is not None:
            rounds = its.rounds
            lanes = [lane for lane in records.summary["lanes"] if _name(lane) == link]
            yield from _error_faults(f"{ROUNDS}, {link}", rounds, lanes)
            row = tables.get(link, {})
            yield from _leak_faults(link, rounds, row, entry["security"], len(lanes))


def _name(entry: Json) -> str:
    return "-".join(entry["users"])


def _error_faults(where: str, rounds: Rounds, lanes: list[Json]) -> Iterator[Fault]:
    """What was corrected was scored; of bits that were not corrected any may be wrong."""
    sifted_bits, errors = (sum(lane[name] for lane in lanes) for name in ("sifted_bits", "errors"))
    left_bits = sifted_bits - _sum(rounds, "sifted_bits")
    if left_bits < 0:
        yield Fault(where, f"{-left_bits} bits are sifted that were not scored")
    found = _sum(rounds, "errors")
    others = left_bits + _sum(rounds, "sampled_bits")
    others += _sum(rounds[~_are_verified(rounds)], "sifted_bits")
    if not found <= errors <= found + others:
        yield Fault(where, f"{found} errors are corrected, {errors} were scored")


def _leak_faults(
    link: str, rounds: Rounds, row: Mapping[str, str], security: str, lanes: int
) -> Iterator[Fault]:
    """Parities of rounds that verified, and as many bits of error counts as these can have."""
    are_verified = _are_verified(rounds)
    leak_bits = _sum(rounds[are_verified], "parity_bits")
    if row.get("verified_leak_bits") != str(leak_bits):
        what = f"verified_leak_bits {row.get('verified_leak_bits')}, {ROUNDS} has {leak_bits}"
        yield Fault(LINKS, f"{link}: {what}")
    try:
        is_booked = SECURITIES.get(security).books_error_counts
    except VariantError as error:
        yield Fault(SUMMARY, f"{link}: {error}")
        return
    # Bits of a sum of numbers are fewer than those of its parts, of which each has no more.
    _, least_bits = np.frexp(rounds["sifted_bits"] - rounds["sampled_bits"])
    least_bits = np.where(is_booked & are_verified, least_bits, 0)
    count_bits = rounds["count_bits"].astype(np.int64)
    is_wrong = (count_bits < least_bits) | (count_bits > BASES * lanes * least_bits)
    for index in np.flatnonzero(is_wrong)[:MOST_FAULTS].tolist():
        what = f"{count_bits[index]} bits of error counts, which are {least_bits[index]} or more"
        yield Fault(f"{ROUNDS}, {link} block {rounds['block'][index]}", what)


def _are_verified(rounds: Rounds) -> NDArray[np.bool_]:
    is_failed = rounds["reason"] == AbortReason.VERIFICATION_FAILED
    verified: NDArray[np.bool_] = (rounds["verification_bits"] > 0) & ~is_failed
    return verified


def _sum(rounds: Rounds, name: str) -> int:
    return int(rounds[name].sum(dtype=np.int64))
