"""Variants of each kind as a table."""

import re
from collections.abc import Iterable

from rich.console import Console

from netsim.report.text import add_names, plain_table
from netsim.studies.conformance import Known


def print_variants(known: Iterable[Known], console: Console) -> None:
    """A line a variant: kind, name, where it comes from, what it is."""
    table = plain_table("What topologies and recordings may name")
    add_names(table, "Kind", "Name", "From", "What it is")
    before = ""
    for one in known:
        table.add_row(
            "" if one.kind == before else one.kind, one.name, one.origin, _plain(one.text)
        )
        before = one.kind
    console.print(table)


def _plain(text: str) -> str:
    """The first line of a docstring without marks of code and citations."""
    return re.sub(r" \[\w+\]_|`", "", text)
