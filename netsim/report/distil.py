"""The closing tables of `netsim distil`, out of what its summary holds."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from netsim.pools.pool import Comparison
from netsim.report.text import add_names, add_numbers, byte_count, fixed, percent, plain_table
from netsim.results.distilled import Distilled
from netsim.results.parts import Json

FOR_STUDY = (
    "The pre-shared secret and all random choices come from the seed: the keys are for study only."
)
ROUND_NUMBERS = ("Round", "Sifted [bit]", "QBER [%]", "Leak [bit]", "Key [bit]")
ENDED_BY = "Ended by"
OUTCOMES = "Coincidences by detector (rows alice, columns bob)"
SINGLES = "Singles [1/s]"


def print_distilled(found: Distilled, console: Console) -> None:
    """Print lock, rounds and key of two recordings."""
    told = found.summary()
    console.print(Text(distilled_title(told), style="bold"), soft_wrap=True)
    console.print()
    table = plain_table("Link")
    add_names(table, "")
    add_numbers(table, "")
    for name, value in link_rows(told):
        table.add_row(Text(name), Text(value))
    console.print(table)
    if rounds := round_rows(told):
        console.print()
        table = plain_table("Rounds")
        add_numbers(table, *ROUND_NUMBERS)
        add_names(table, f" {ENDED_BY}")
        for *numbers, ended in rounds:
            table.add_row(*numbers, f" {ended}")
        console.print(table)
    if outcomes := outcome_rows(told):
        console.print()
        table = plain_table(OUTCOMES)
        add_names(table, "")
        add_numbers(table, *told["outcomes"]["detectors"], SINGLES)
        for row in outcomes:
            table.add_row(*row)
        console.print(table)
    console.print()
    console.print(Text(f"Assumed: {told['assumptions']}. {FOR_STUDY}"))
    for note in found.all_notes:
        console.print(Text(f"Note: {note}."))


def distilled_title(told: Json) -> str:
    """Of what, and how much light of it."""
    partial = ", PARTIAL: stopped before its time" if told["partial"] else ""
    return f"{' & '.join(told['recordings'])}: {told['light_s']:.3f} s in common{partial}"


def link_rows(told: Json) -> Iterator[tuple[str, str]]:
    """Name and value of all that is said of the link.

    Parameters
    ----------
    told : mapping
        As `netsim.results.distilled.Distilled.summary` makes it, or ``summary.json`` keeps it.
    """
    yield "tags", " and ".join(map(str, told["tags"]))
    for name, clicks in zip(("alice", "bob"), told["clicks"], strict=True):
        yield f"{name}'s Z+, Z-, X+, X- [1/s]", ", ".join(_rates(clicks, told["light_s"]))
    dead = " and ".join(fixed(dead_ps / 1000, 3) for dead_ps in told["dead_times_ps"])
    yield "none counts after a click for [ns]", dead
    if (lock := told["lock"]) is not None:
        yield "offset of bob's clock [ns]", fixed(lock["offset_ps"] / 1000, 3)
        yield "rate of bob's clock [ppm]", fixed(lock["rate_ppm"], 4)
        yield "lock [sigma]", fixed(lock["significance_sigma"], 1)
        yield "bins searched", f"{lock['searched_bins']:.2e}"
        yield "lock lost", f"{told['locks_lost']} times"
    yield "rounds with key / without", f"{len(told['blocks'])} / {len(told['aborts'])}"
    yield "sifted [bit]", str(told["sifted_bits"])
    both, z, x = (percent(told[name]) for name in ("qber", "qber_z", "qber_x"))
    yield "QBER [%]", f"{both} (Z {z}, X {x})"
    if (seen := told["outcomes"]) is not None:
        both, z, x = (percent(seen[name]) for name in ("qber", "qber_z", "qber_x"))
        yield "errors of coincidences [%]", f"{both} (Z {z}, X {x})"
    yield "f", fixed(told["f_measured"], 3)
    yield "leak, verification [bit]", f"{told['leaked_bits']}, {told['verification_bits']}"
    yield "bias of 0 and 1 [bit]", str(told["bias_bits"])
    yield "key, authentication [bit]", f"{told['key_bits']}, {told['auth_spent_bits']}"
    yield "net [bit/s]", fixed(told["net_key_bps"], 1)
    compared = (told[f"{which}_blocks"] for which in ("equal", "unequal", "lone"))
    yield "keys, bit for bit", str(Comparison(*compared))
    yield "messages, wire", f"{told['messages']}, {byte_count(told['wire_bytes'])}"
    if alarms := told["alarms"]:
        yield f"alarms: {len(alarms)}, the first", alarms[0]


def _rates(clicks: Iterable[int], light_s: float) -> Iterator[str]:
    return (fixed(count / light_s if light_s else 0.0, 0) for count in clicks)


def round_rows(told: Json) -> list[tuple[str, ...]]:
    """Round by round `ROUND_NUMBERS` and `ENDED_BY`."""
    rows: dict[int, tuple[str, ...]] = {
        one["round"]: ("-", "-", "-", "0", one["reason"]) for one in told["aborts"]
    }
    for one in told["blocks"]:
        numbers = one["sifted_bits"], percent(one["qber"]), one["leaked_bits"], one["key_bits"]
        rows[one["round"]] = (*map(str, numbers), "commit")
    return [(str(number), *row) for number, row in sorted(rows.items())]


def outcome_rows(told: Json) -> list[Sequence[str]]:
    """Rows are alice's detectors, columns bob's; singles of each along the edges; or nothing."""
    if (seen := told["outcomes"]) is None:
        return []
    of_alice, of_bob = ([fixed(rate, 1) for rate in rates] for rates in seen["singles_hz"])
    rows: list[Sequence[str]] = [
        (name, *map(str, counts), single)
        for name, counts, single in zip(
            seen["detectors"], seen["coincidences"], of_alice, strict=True
        )
    ]
    return [*rows, (SINGLES, *of_bob, "")]
