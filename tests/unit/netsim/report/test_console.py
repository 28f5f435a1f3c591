"""What is printed is shown, and does nothing."""

import io

from netsim.report.console import PlainConsole
from netsim.report.text import add_names, plain_table


def test_nothing_acts() -> None:
    """Neither markup nor names of pictures, in lines and in cells."""
    written = io.StringIO()
    console = PlainConsole(file=written, width=100, force_terminal=True, highlight=False)
    acting = "[link=file:///x]a[/link] [red]b[/red] [/] :smile:"
    table = plain_table("t")
    add_names(table, "Name")
    table.add_row(acting)
    console.print(table)
    console.print(acting)
    assert written.getvalue().count(acting) == 2


def test_control_characters_are_escapes() -> None:
    """Whoever has written them."""
    written = io.StringIO()
    PlainConsole(file=written, width=100, force_terminal=True, highlight=False).print("a\x1b]8;;b")
    assert written.getvalue() == "a\\x1b]8;;b\n"


def test_a_short_title_is_one_line() -> None:
    """Though its table is narrower; a long one is folded rather than cut."""
    written = io.StringIO()
    console = PlainConsole(file=written, width=80, highlight=False)
    for title in ("alice.npy: 736437 clicks in 4 s", " ".join(["word"] * 30)):
        table = plain_table(title)
        add_names(table, "Channel")
        console.print(table)
    lines = written.getvalue().splitlines()
    assert lines[0].rstrip() == "alice.npy: 736437 clicks in 4 s"
    assert written.getvalue().count("word") == 30
