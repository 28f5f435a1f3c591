"""The one way in which topologies are written, line by line, and what departs from it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 100
COMMENT_COLUMN = 40
GROUPED_FROM = 10_000
"""Whole numbers from here on have underscores between thousands; lower ones have none."""

HEAD = re.compile(r"(\[\w+(\.\w+)*\]|\[\[\w+(\.\w+)*\]\])(?P<space> *)(?P<said>#.*)?")
ENTRY = re.compile(r"[a-z][a-z0-9_]* = (?P<value>(\"[^\"]*\"|[^\"#])*?)(?P<space> *)(?P<said>#.*)?")
PART = re.compile(r"    [^ #].*,")
"""A line of an array of several."""
STRING = re.compile(r'"[^"]*"')
TIGHT = re.compile(r"\[ | \]|\{\S|\S\}| ,|,\S")
FLOAT = re.compile(r"[+-]?(\d+|\d{1,3}(_\d{3})+)(\.\d+)?(e-?\d+)?")
NUMBER = re.compile(r"(?<![\w.+-])[+-]?\d[\w.+-]*")


def oddities(text: str) -> Iterator[tuple[int, str]]:
    """Lines, from 1, that are not written as all others are, and in what."""
    lines = text.split("\n")
    if lines[-1] or not text.strip() or not lines[-2]:
        yield len(lines), "the file does not end with one line break"
    is_open = False
    for number, line in enumerate(lines[:-1], 1):
        before = lines[number - 2] if number > 1 else ""
        found = list(_of_any(line))
        if not line.strip():
            found += ["two blank lines"] * (number > 1 and not before)
        elif line.startswith("["):
            found += _of_head(line, lines[: number - 1])
        elif is_open:
            is_open = line != "]"
            found += ["neither part nor end of an array"] * (is_open and not PART.fullmatch(line))
        elif not line.startswith("#"):
            is_open = line.endswith("= [")
            found += _of_entry(line)
        yield from ((number, what) for what in found)


def _of_any(line: str) -> Iterator[str]:
    if line != line.rstrip() or "\t" in line:
        yield "space at its end, or a tab"
    if len(line) > WIDTH:
        yield f"more than {WIDTH} characters"
    if not line.isascii():
        yield "not ASCII"
    if line.startswith("#") and not re.match(r"#($| +\S|:schema )", line):
        yield "no space behind #"


def _of_head(line: str, above: Sequence[str]) -> Iterator[str]:
    found = HEAD.fullmatch(line)
    if found is None:
        yield "no head of a table"
    elif found["said"] is not None:
        yield from _of_comment(found)
    written = [each for each in above if not each.startswith("#")]
    if written and written[-1]:
        yield "no blank line above a table"


def _of_entry(line: str) -> Iterator[str]:
    found = ENTRY.fullmatch(line)
    if found is None:
        yield "not of the form key = value  # comment"
        return
    if found["said"] is not None:
        yield from _of_comment(found)
    value = STRING.sub('""', found["value"])
    if TIGHT.search(value):
        yield "spaces in an array or a table"
    yield from filter(None, map(_of_number, NUMBER.findall(value)))


def _of_comment(found: re.Match[str]) -> Iterator[str]:
    if found.start("said") != max(COMMENT_COLUMN, found.start("space") + 2):
        yield f"its comment does not begin in column {COMMENT_COLUMN}"
    if not re.match(r"# \S", found["said"]):
        yield "no space behind #"


def _of_number(number: str) -> str:
    if re.fullmatch(r"[+-]?[\d_]+", number):
        plain = int(number)
        wanted = f"{plain:_}" if abs(plain) >= GROUPED_FROM else str(plain)
        return "" if number.lstrip("+") == wanted else f"{number} for {wanted}"
    return (
        ""
        if re.fullmatch(r"[+-]?(\d+|\d{1,3}(_\d{3})+)(\.\d+)?(e-?\d+)?", number)
        else f"{number} as a number"
    )


def orders(table: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Kind of each table within ``table``, itself included, and its keys in their order.

    Names that users of a topology choose are no part of a kind, nor are numbers of entries.
    """
    if place != "receivers":
        yield place, tuple(table)
    for key, value in table.items():
        inner = "receivers.*" if place == "receivers" else f"{place}.{key}".strip(".")
        entries = value if isinstance(value, list) else [value]
        for entry in entries:
            if isinstance(entry, dict):
                yield from orders(entry, inner)
