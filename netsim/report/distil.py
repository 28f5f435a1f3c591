"""The closing tables of `netsim distil`."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from netsim.report.text import add_names, add_numbers, byte_count, fixed, percent, plain_table
from netsim.results.distilled import Distilled
from netsim.results.outcomes import DETECTORS, Outcomes
from netsim.units import s_from_ps

FOR_STUDY = (
    "The pre-shared secret and all random choices come from the seed: the keys are for study only."
)


def print_distilled(found: Distilled, console: Console) -> None:
    """Print lock, rounds and key of two recordings."""
    partial = ", PARTIAL: stopped before its time" if found.partial else ""
    title = f"{found.paths[0]} & {found.paths[1]}: {s_from_ps(found.light_ps):.3f} s in common"
    console.print(Text(title + partial, style="bold"), soft_wrap=True)
    console.print()
    table = plain_table("Link")
    add_names(table, "")
    add_numbers(table, "")
    for name, value in _rows(found):
        table.add_row(Text(name), Text(value))
    console.print(table)
    if found.blocks or found.aborts:
        console.print()
        _print_rounds(found, console)
    if found.outcomes is not None:
        console.print()
        _print_outcomes(found.outcomes, console)
    console.print()
    console.print(Text(f"Assumed: {found.assumptions}. {FOR_STUDY}"))
    for note in found.all_notes:
        console.print(Text(f"Note: {note}."))


def _rows(found: Distilled) -> Iterator[tuple[str, str]]:
    yield "tags", f"{found.tags[0]} and {found.tags[1]}"
    for name, clicks in zip(("alice", "bob"), found.clicks, strict=True):
        yield f"{name}'s Z+, Z-, X+, X- [1/s]", ", ".join(_rates(clicks, found.light_ps))
    dead = " and ".join(fixed(dead_ps / 1000, 3) for dead_ps in found.dead_times_ps)
    yield "none counts after a click for [ns]", dead
    lock = found.lock
    if lock is not None:
        yield "offset of bob's clock [ns]", fixed(lock.offset_ps / 1000, 3)
        yield "rate of bob's clock [ppm]", fixed(lock.rate_ppm, 4)
        yield "lock [sigma]", fixed(lock.significance_sigma, 1)
        yield "bins searched", f"{lock.searched_bins:.2e}"
        yield "lock lost", f"{found.locks_lost} times"
    yield "rounds with key / without", f"{len(found.blocks)} / {len(found.aborts)}"
    yield "sifted [bit]", str(found.sifted_bits)
    both = f"{percent(found.qber())} (Z {percent(found.qber('z'))}, X {percent(found.qber('x'))})"
    yield "QBER [%]", both
    if (seen := found.outcomes) is not None:
        rates = (percent(seen.error_rate(bases)) for bases in ("zx", "z", "x"))
        yield "errors of coincidences [%]", "{} (Z {}, X {})".format(*rates)
    yield "f", fixed(found.f_measured, 3)
    yield "leak, verification [bit]", f"{found.leaked_bits}, {found.verification_bits}"
    yield "bias of 0 and 1 [bit]", str(found.bias_bits)
    yield "key, authentication [bit]", f"{found.key_bits}, {found.auth_spent_bits}"
    yield "net [bit/s]", fixed(found.net_key_bps, 1)
    yield "keys, bit for bit", str(found.pools)
    yield "messages, wire", f"{found.messages}, {byte_count(found.wire_bytes)}"
    if found.alarms:
        yield f"alarms: {len(found.alarms)}, the first", found.alarms[0]


def _rates(clicks: Iterable[int], light_ps: int) -> Iterator[str]:
    light_s = s_from_ps(light_ps)
    return (fixed(count / light_s if light_s else 0.0, 0) for count in clicks)


def _print_rounds(found: Distilled, console: Console) -> None:
    table = plain_table("Rounds")
    add_numbers(table, "Round", "Sifted [bit]", "QBER [%]", "Leak [bit]", "Key [bit]")
    add_names(table, " Ended by")
    rows: dict[int, tuple[str, ...]] = {
        number: ("-", "-", "-", "0", f" {reason}") for number, reason in found.aborts.items()
    }
    for block in found.blocks:
        books = block.books
        figures = (books.sifted_bits, percent(books.errors / books.raw_bits), books.parity_bits)
        rows[block.round] = (*map(str, (*figures, block.deposited_bits)), " commit")
    for number, row in sorted(rows.items()):
        table.add_row(str(number), *row)
    console.print(table)


def _print_outcomes(outcomes: Outcomes, console: Console) -> None:
    """Rows are alice's detectors, columns bob's; singles of each along the edges."""
    table = plain_table("Coincidences by detector (rows alice, columns bob)")
    add_names(table, "")
    add_numbers(table, *DETECTORS, "Singles [1/s]")
    for name, row, rate_hz in zip(
        DETECTORS, outcomes.coincidences, outcomes.singles_hz(0), strict=True
    ):
        table.add_row(name, *map(str, row), fixed(rate_hz, 1))
    table.add_row("Singles [1/s]", *(fixed(rate_hz, 1) for rate_hz in outcomes.singles_hz(1)), "")
    console.print(table)
