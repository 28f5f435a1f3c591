"""One page that shows what managers have and what was asked of them: no key, no id, no seed.

It reads the folder of `netsim serve` and writes nothing there, also while that is running.
"""

import datetime as dt
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from html import escape
from itertools import accumulate
from pathlib import Path
from typing import Any

from netsim.delivery.state import JOURNAL, MANAGERS
from netsim.errors import ConfigError
from netsim.report.figure import Figure, Panel, Series
from netsim.report.page.plots import Plots
from netsim.report.page.skeleton import document, name_heads, number_heads, row, table

Entry = dict[str, Any]

GIVEN = {"to masters": ("enc_keys", "key"), "to slaves": ("dec_keys", "key_by_id")}
"""Whom keys are handed out to, and by which operations: of ETSI 014, and of SKIP."""
MOST_EVENTS = 100
"""That are shown, the last ones."""


def is_state(directory: Path) -> bool:
    """Whether that is a folder of `netsim serve`."""
    return (directory / JOURNAL).is_file() and (directory / MANAGERS).is_dir()


def state_page(directory: Path) -> str:
    """The page of a folder of `netsim serve`, as HTML that loads nothing.

    Raises
    ------
    ConfigError
        Its files cannot be read.
    """
    entries = list(_entries(directory / JOURNAL))
    plots = Plots()
    return document("Key managers", _body(directory, entries, plots), head=plots.script)


def _entries(path: Path) -> Iterator[Entry]:
    """Lines of the log that are whole; one may just be being written."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ConfigError.of(path, str(error)) from error
    for line in lines:
        try:
            entry = json.loads(line)
            entry["at"] = dt.datetime.fromisoformat(entry["time"])
        except (ValueError, TypeError, KeyError):
            continue
        yield entry


def _body(directory: Path, entries: Sequence[Entry], plots: Plots) -> Iterator[str]:
    yield "<h1>Key managers</h1>"
    if entries:
        yield f'<p class="faint">{_span(entries)}</p>'
    yield "<h2>Key that is left</h2>"
    yield from table([*name_heads("User", "Link"), *number_heads("Free [bit]")], _left(directory))
    answers = [entry for entry in entries if entry.get("event") == "answered"]
    yield "<h2>Keys given</h2>"
    yield from plots.hint()
    if any(answer.get("keys") for answer in answers):
        yield from plots.plot(_given(answers), "given")
    else:
        yield "<p>None yet.</p>"
    yield "<h2>Requests</h2>"
    heads = name_heads("User", "Application", "Operation")
    numbers = number_heads("Code", "Requests", "Keys", "Half within [ms]")
    if answers:
        yield from table([*heads, *numbers], _requests(answers))
    else:
        yield "<p>None yet.</p>"
    others = [entry for entry in entries if entry.get("event") != "answered"]
    yield "<h2>What happened</h2>"
    if len(others) > MOST_EVENTS:
        yield f'<p class="faint">The last {MOST_EVENTS} of {len(others)} events.</p>'
    yield from table(name_heads("Time", "Event", ""), map(_event, others[-MOST_EVENTS:]))


def _span(entries: Sequence[Entry]) -> str:
    first, last = (escape(str(entries[place]["time"])) for place in (0, -1))
    return f"{JOURNAL} from {first} to {last}"


def _left(directory: Path) -> Iterator[str]:
    """A row a user and link."""
    for path in sorted((directory / MANAGERS).glob("*.sqlite")):
        try:
            free = _free_bits(path)
        except sqlite3.Error as error:
            raise ConfigError.of(path, str(error)) from error
        for link, bits in free:
            yield row([path.stem, link], [str(bits)])


def _free_bits(path: Path) -> list[tuple[str, int]]:
    query = "SELECT link, CAST(total(stop - start) AS INTEGER) FROM stock GROUP BY link"
    # Without a log nobody has the file open: not to be locked, SQLite makes no files beside it.
    is_open = path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro" if is_open else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True)) as rows:
        return [(str(link), int(bits)) for link, bits in rows.execute(query)]


def _given(answers: Sequence[Entry]) -> Figure:
    """Keys given so far, over time, of each user and side."""
    start = answers[0]["at"]
    series = []
    for user in sorted({str(answer.get("user")) for answer in answers}):
        for whom, operations in GIVEN.items():
            its = (answer for answer in answers if str(answer.get("user")) == user)
            given = [answer for answer in its if answer.get("operation") in operations]
            times = [(answer["at"] - start).total_seconds() for answer in given]
            sums = accumulate(float(answer.get("keys", 0)) for answer in given)
            series.append(Series(f"{user}, {whom}", tuple(times), tuple(sums), style="steps"))
    drawn = tuple(one for one in series if one.x)
    return Figure("Keys given", (Panel("time [s]", "keys", drawn, from_zero=True),))


def _requests(answers: Sequence[Entry]) -> Iterator[str]:
    """A row for all that was asked alike and answered alike."""
    counts, keys = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    waits: dict[tuple[str, ...], list[float]] = {}
    for answer in answers:
        kind = tuple(str(answer.get(name) or "-") for name in ("user", "sae", "operation", "code"))
        counts[kind] += 1
        keys[kind] += int(answer.get("keys", 0))
        waits.setdefault(kind, []).append(float(answer.get("wall_ms", 0.0)))
    for kind, count in sorted(counts.items()):
        half = sorted(waits[kind])[count // 2]
        yield row(kind[:3], [kind[3], str(count), str(keys[kind]), f"{half:.1f}"])


def _event(entry: Entry) -> str:
    told = {name: value for name, value in entry.items() if name not in {"time", "event", "at"}}
    rest = ", ".join(f"{name} {value}" for name, value in told.items())
    return row([str(entry["time"]), str(entry.get("event")), rest])
