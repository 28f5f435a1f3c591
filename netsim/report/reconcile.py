"""Efficiencies of error correction: a table, CSV, JSON, and f against the error rate as a plot."""

import json
import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.text import Text

from netsim.printable import count_text
from netsim.report.figure import Figure, Panel, Series, save_figure
from netsim.report.text import add_names, add_numbers, byte_count, fixed, plain_table
from netsim.results.files import csv_text, write_whole
from netsim.twin.efficiency import Efficiency
from protocols.keylength.keyrate import PAPER_EFFICIENCY
from protocols.variants import RECONCILIATIONS

STEM = "reconcile"


def measured_json(found: Sequence[Efficiency]) -> str:
    """The text that ``--json`` prints: an object, or a list of several."""
    entries = [entry.summary() for entry in found]
    shown = entries[0] if len(entries) == 1 else entries
    return json.dumps(shown, indent=2, allow_nan=False) + "\n"


def print_measured(found: Sequence[Efficiency], console: Console) -> None:
    """Print one line a variant and error rate, and what its figures mean."""
    table = plain_table(f"Blocks of {found[0].block_bits} bits")
    add_names(table, "Variant")
    add_numbers(table, "QBER\n[%]", "f", "+-", "Failed", "Errors\nleft", "Leak\n[bit]")
    add_numbers(table, "Round\ntrips", "Wire", "Mbit/s")
    for entry in found:
        table.add_row(Text(entry.variant), *_cells(entry))
    console.print(table)
    console.print()
    for line in _notes(found):
        console.print(Text(line))


def _cells(entry: Efficiency) -> Iterator[str]:
    row = entry.summary()
    yield f"{100 * entry.qber:.4g}"
    yield fixed(entry.f_mean, 4)
    yield fixed(entry.f_std, 4)
    yield f"{entry.failed}/{entry.blocks}"
    yield str(entry.residual_errors)
    yield fixed(row["leak_bits_mean"], 1)
    yield fixed(row["rounds_mean"], 1)
    yield byte_count(round(row["wire_bytes_mean"] or 0))
    yield fixed(entry.mbit_per_s, 2)


def _notes(found: Sequence[Efficiency]) -> Iterator[str]:
    yield (
        "f = parity bits / n h(error rate of the block), mean and standard deviation over blocks, "
        "verification excluded; failed: a 64-bit hash found the ends unequal; leak, round trips "
        "and bytes of messages per block; Mbit/s of one core, both ends together."
    )
    for name in dict.fromkeys(entry.variant for entry in found):
        if note := RECONCILIATIONS.get(name).note:
            yield f"{name}: {note}."
    if undetected := sum(entry.undetected for entry in found):
        yield f"NOT DETECTED by verification: {undetected} blocks with errors left."


def save_measured(found: Sequence[Efficiency], directory: Path) -> list[Path]:
    """Write ``reconcile.json``, ``.csv`` and, with the extra ``report``, ``.svg`` and ``.html``.

    Returns
    -------
    list of Path
        The plots.
    """
    stem = directory / STEM
    entries = [entry.summary() for entry in found]
    text = json.dumps(entries, indent=2, allow_nan=False) + "\n"
    write_whole(stem.with_suffix(".json"), text)
    write_whole(stem.with_suffix(".csv"), csv_text(entries))
    return save_figure(efficiency_figure(found), stem)


def efficiency_figure(found: Sequence[Efficiency]) -> Figure:
    """F against the error rate, a line a variant, with the standard error of the mean."""
    series = []
    for name, entries in groupby(found, key=lambda entry: entry.variant):
        points = [(e.qber, e.f_mean, _standard_error(e)) for e in entries if e.f_mean is not None]
        columns = list(zip(*sorted(points), strict=True)) or [(), (), ()]
        series.append(Series(name, tuple(100 * q for q in columns[0]), columns[1], columns[2]))
    marks = ((1.0, "Shannon"), (PAPER_EFFICIENCY, "budget of Fan et al. 2025"))
    panel = Panel("QBER [%]", "f", tuple(series), joined=True, marks=marks)
    blocks = max(entry.blocks for entry in found)
    title = f"Error correction: {count_text(blocks, 'block')} of {found[0].block_bits} bits"
    return Figure(title, (panel,))


def _standard_error(entry: Efficiency) -> float:
    return (entry.f_std or 0.0) / math.sqrt(max(1, entry.f_blocks))
