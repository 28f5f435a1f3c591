"""How a new user gets keys with everybody, as a table."""

import math
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from netsim.relay.admission import Admitted
from netsim.relay.terms import over_text
from netsim.report.text import add_names, add_numbers, fixed, plain_table

NOTE = (
    "Over: one user of every path (+) together know the first key, until the own link has made "
    "another. Asymptotic key by the twin, all clicks said in full both ways."
)


def print_admission(newcomer: str, met: str, steps: Sequence[Admitted], console: Console) -> None:
    """A line a step, and how long all of them take."""
    table = plain_table(f"{newcomer} joins, having met {met}")
    add_names(table, "With", "Over")
    add_numbers(table, "Key [bit]", "Transfer [s]", "Own link [s]")
    for step in steps:
        over = over_text([path[1:-1] for path in step.paths])
        numbers = (fixed(step.key_bits, 0), fixed(step.transfer_s, 0), fixed(step.direct_s, 0))
        table.add_row(step.user, over, *numbers)
    console.print(table)
    console.print()
    total_s = math.fsum(step.total_s for step in steps)
    console.print(Text(f"All of it: {total_s:.0f} s of light."))
    console.print(Text(NOTE))
