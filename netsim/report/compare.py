"""Variants side by side: a table for each topology, and a plot with the extra ``report``."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.report.columns import Column, fitting_table, link_columns, shown_columns
from netsim.report.figure import COLOURS, Figure, Panel, Series, save_figure
from netsim.report.text import (
    add_names,
    add_numbers,
    fits,
    fixed,
    percent,
    plain_table,
)
from netsim.results.fidelity import Fidelity
from netsim.results.files import write_whole
from netsim.results.parts import LinkResult
from netsim.results.run import Run
from netsim.studies.compare import AS_IT_IS, Outcome, comparison_json
from netsim.units import s_from_ps

STEM = "compare"
PLOT_COLUMNS = 3
MAX_ROW_CHARACTERS = 44
"""Of a line of a variant's name beside a panel."""

COLUMNS = link_columns(
    (
        *("Net\n[bit/s]", "Key\n[bit]", "f", "Rounds", "Failed", "Round\ntrips", "Wire"),
        *("Mes-\nsages", "Auth.\n[bit]", "Settled\n[s]"),
    ),
    wide_only={"Rounds", "Mes-\nsages"},
    going=("Settled\n[s]", "Wire", "Auth.\n[bit]", "Round\ntrips", "f"),
)


_PANELS: tuple[tuple[str, Callable[[LinkResult], float | None], bool], ...] = (
    ("net key [bit/s]", lambda link: link.net_key_bps, True),
    ("f", lambda link: link.f_measured, False),
    (
        "rounds without key [%]",
        lambda link: _share(link.counts.blocks_failed, link.counts.blocks, 100.0),
        True,
    ),
    (
        "round trips per round",
        lambda link: _share(link.counts.round_trips, link.counts.blocks),
        True,
    ),
    ("bytes per sifted bit", lambda link: _share(link.wire.bytes, link.counts.sifted_bits), True),
    ("key spent on tags [bit]", lambda link: link.counts.auth_spent_bits, True),
    ("settled after the light [s]", lambda link: s_from_ps(link.settle_ps), True),
)
"""Label, value, and whether the axis holds zero."""


def _share(part: float, whole: float, scale: float = 1.0) -> float | None:
    return scale * part / whole if whole else None


def print_comparison(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print one table a topology, and what is equal between its rows."""
    for topology, found in groupby(outcomes, key=lambda outcome: outcome.topology):
        group = list(found)
        wide = _table(topology, group, COLUMNS, wide=True)
        is_wide = fits(wide, console)
        make = partial(_table, topology, group, wide=False)
        console.print(wide if is_wide else fitting_table(COLUMNS, make, console))
        console.print()
        for number, outcome in enumerate(() if is_wide else group, start=1):
            console.print(Text(f"{number}: {outcome.variant.label}"))
        for line in group_notes(group):
            console.print(Text(line))
        console.print()
    if len({outcome.topology for outcome in outcomes}) > 1:
        print_architectures(outcomes, console)


WORTH: tuple[Column[Outcome], ...] = (
    Column("Users", lambda o: str(o.architecture.users)),
    Column("Links", lambda o: str(o.architecture.links)),
    Column("Chan-\nnels", lambda o: str(o.architecture.channels)),
    Column("Fil-\nters", lambda o: str(o.architecture.filters)),
    Column("Split-\nters", lambda o: str(o.architecture.splitters), is_kept=False),
    Column("Lanes per\nchannel", lambda o: fixed(o.architecture.lanes_per_channel, 2)),
    Column("SKR\n[bit/s]", lambda o: fixed(o.worth["total_skr_bps"], 1)),
    Column("smallest\n[bit/s]", lambda o: fixed(o.worth["min_skr_bps"], 1)),
    Column("Fair-\nness", lambda o: fixed(o.worth["fairness"], 3)),
    Column(
        "per channel\n[bit/s]", lambda o: fixed(o.worth["skr_per_channel_bps"], 1), is_kept=False
    ),
    Column("Net\n[bit/s]", lambda o: fixed(o.run.totals.net_key_bps, 1), is_kept=False),
)

WORTH_NOTE = (
    "SKR: asymptotic, summed over all lanes; smallest: of any link; fairness: Jain's index over "
    "the links, 1 if all get the same; filters: one a channel, and one fewer than a user's "
    "channels to join them."
)


def print_architectures(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print what each network takes and gives, one line each."""
    names = [network_name(outcome, outcomes) for outcome in outcomes]
    numbers = [str(number) for number in range(1, len(outcomes) + 1)]
    wide = _architectures(outcomes, names, wide=True)
    narrow = _architectures(outcomes, names, wide=False)
    is_named = fits(narrow, console)
    if not is_named:
        narrow = _architectures(outcomes, numbers, wide=False)
    console.print(wide if fits(wide, console) else narrow)
    console.print()
    if not is_named:
        for number, name in zip(numbers, names, strict=True):
            console.print(Text(f"{number}: {name}"))
        console.print()
    console.print(Text(WORTH_NOTE))
    console.print()


def network_name(outcome: Outcome, outcomes: Sequence[Outcome]) -> str:
    """Its topology; the variant behind it where the topology has several."""
    name = outcome.topology
    is_one = sum(other.topology == name for other in outcomes) == 1
    return name if is_one else f"{name}: {outcome.variant.label}"


def _architectures(outcomes: Sequence[Outcome], names: Sequence[str], *, wide: bool) -> Table:
    columns = shown_columns(WORTH, wide=wide)
    table = plain_table("Architectures")
    add_names(table, "Topology")
    add_numbers(table, *(column.header for column in columns))
    for name, outcome in zip(names, outcomes, strict=True):
        table.add_row(Text(name), *(column.cell(outcome) for column in columns))
    return table


def _table(
    topology: str,
    group: Sequence[Outcome],
    columns: Sequence[Column[LinkResult]],
    *,
    wide: bool,
) -> Table:
    run = group[0].run
    table = plain_table(f"{topology}: {run.duration_s:g} s of light, seed {run.seed}")
    add_names(table, "Variant", "Link")
    add_numbers(table, *(column.header for column in columns), *(["Wall\n[s]"] if wide else []))
    for number, outcome in enumerate(group, start=1):
        name = outcome.variant.label if wide else str(number)
        walls = [fixed(outcome.wall_s, 1)] if wide else []
        for link in outcome.run.links:
            cells = (column.cell(link) for column in columns)
            table.add_row(Text(name), Text(" & ".join(link.users)), *cells, *walls)
            walls = [""] if wide else []
        if len(outcome.run.links) > 1:
            total = fixed(outcome.run.totals.net_key_bps, 1)
            empty = [""] * (len(columns) - 1)
            table.add_row("", "all links", total, *empty, *walls, end_section=True)
    return table


def group_notes(group: Sequence[Outcome]) -> Iterator[str]:
    """What is equal between variants of one topology, and what must be said of them."""
    by_light = [
        [outcome for outcome in group if outcome.photons_of == label]
        for label in dict.fromkeys(outcome.photons_of for outcome in group)
    ]
    for same in by_light:
        singles = ", ".join(f"{user.name} {user.singles_hz:.0f}/s" for user in same[0].run.users)
        names = "all variants" if len(same) == len(group) else ", ".join(map(_label, same))
        what = "Photons" if same[0].run.fidelity is Fidelity.PHOTON else "Light"
        yield (
            f"{what} of {names}: {_how(same)}; singles {singles}; "
            f"QBER of the lanes {_qbers_by_window(same)}."
        )
    level = group[0].run.fidelity
    if level.leaves_out:
        yield f"Level {level}, each variant drawn by itself: {level.leaves_out}."
    for outcome in group:
        for notes, names in _link_notes(outcome.run):
            yield f"{outcome.variant.label}: {names}: {notes}."
    if any(outcome.run.partial for outcome in group):
        yield "PARTIAL: the last run was stopped before its time; do not compare it."


def _link_notes(run: Run) -> Iterator[tuple[str, str]]:
    """What must be said of links, and of which: no proof, no protocol, no key and why."""
    said: dict[str, list[str]] = {}
    for link in run.links:
        if link.notes:
            said.setdefault(link.notes, []).append(" & ".join(link.users))
    for notes, links in said.items():
        yield notes, "all links" if len(links) == len(run.links) > 1 else ", ".join(links)


def _label(outcome: Outcome) -> str:
    return repr(outcome.variant.label)


def _how(same: Sequence[Outcome]) -> str:
    if len(same) == 1:
        return "simulated"
    is_replayed = all(outcome.is_replayed for outcome in same[1:])
    how = "simulated once and replayed" if is_replayed else "simulated each time"
    return f"{how}{_what_is_equal([outcome for outcome in same if not outcome.run.partial])}"


def _what_is_equal(whole: Sequence[Outcome]) -> str:
    """What `netsim.studies.compare.compare` has checked of runs that were not stopped."""
    if len(whole) < 2:
        return ""
    windows = len({outcome.window_ps for outcome in whole})
    if windows == 1:
        return ", singles and lane counts equal"
    where = ", lane counts equal where the window is" if windows < len(whole) else ""
    return f", singles equal{where}"


def _qbers_by_window(same: Sequence[Outcome]) -> str:
    """QBER of all lanes, once for each coincidence window."""
    lanes = {o.window_ps: o.run.lanes for o in reversed(same)}
    windows_ps = sorted(lanes)
    qbers = [", ".join(percent(lane.qber) for lane in lanes[ps]) for ps in windows_ps]
    if len(windows_ps) == 1:
        return f"{qbers[0]} %"
    return "; ".join(
        f"{q} % in a window of {ps} ps" for q, ps in zip(qbers, windows_ps, strict=True)
    )


def save_comparison(outcomes: Sequence[Outcome], directory: Path) -> list[Path]:
    """Write ``compare.json`` and, with the extra ``report``, ``compare.svg`` and ``.html``.

    Several topologies get ``architectures.svg`` and ``.html`` as well.

    Returns
    -------
    list of Path
        The plots.
    """
    stem = directory / STEM
    write_whole(stem.with_suffix(".json"), comparison_json(outcomes))
    plots = save_figure(comparison_figure(outcomes), stem)
    if len({outcome.topology for outcome in outcomes}) > 1:
        plots += save_figure(architecture_figure(outcomes), directory / "architectures")
    return plots


def comparison_figure(outcomes: Sequence[Outcome]) -> Figure:
    """A row a variant and a panel a quantity; in each row the links one below the other."""
    rows = tuple(_row_name(outcome, outcomes) for outcome in outcomes)
    links = [[(" & ".join(link.users), link) for link in o.run.links] for o in outcomes]
    names = _drawn(links)
    total = len({name for found in links for name, _ in found})
    heights = {name: 0.7 * ((k + 0.5) / len(names) - 0.5) for k, name in enumerate(names)}
    panels = []
    for label, value, from_zero in _PANELS:
        series = []
        for name in names:
            points = [
                (x, y + heights[name])
                for y, found in enumerate(links)
                for at, link in found
                if at == name and (x := value(link)) is not None
            ]
            xs, ys = zip(*points, strict=True) if points else ((), ())
            series.append(Series(name, xs, ys))
        panels.append(Panel(label, "", tuple(series), rows=rows, from_zero=from_zero))
    run = outcomes[0].run
    names_of = tuple(dict.fromkeys(outcome.topology for outcome in outcomes))
    topologies = names_of[0] if len(names_of) == 1 else f"{len(names_of)} topologies"
    title = f"{topologies}: {run.duration_s:g} s of light, seed {run.seed}, link by link"
    if len(names) < total:
        title += f"; of {total} links those with the least and with the most key"
    return Figure(title, tuple(panels), columns=PLOT_COLUMNS)


def _drawn(links: Sequence[Sequence[tuple[str, LinkResult]]]) -> tuple[str, ...]:
    """Names of links that are drawn: all, or of more than there are colours those at both ends."""
    keys: dict[str, int] = {}
    for name, link in chain.from_iterable(links):
        keys[name] = keys.get(name, 0) + link.counts.deposited_bits
    if len(keys) <= len(COLOURS):
        return tuple(keys)
    ranked, half = sorted(keys, key=lambda name: keys[name]), len(COLOURS) // 2
    return tuple(name for name in keys if name in {*ranked[:half], *ranked[-half:]})


_WORTH_PANELS: tuple[tuple[str, Callable[[Outcome], float | None]], ...] = (
    ("wavelength channels", lambda o: o.architecture.channels),
    ("filters", lambda o: o.architecture.filters),
    ("lanes per channel", lambda o: o.architecture.lanes_per_channel),
    ("links", lambda o: o.architecture.links),
    ("SKR of all links [bit/s]", lambda o: o.worth["total_skr_bps"]),
    ("SKR of the poorest link [bit/s]", lambda o: o.worth["min_skr_bps"]),
    ("fairness (Jain)", lambda o: o.worth["fairness"]),
    ("SKR per channel [bit/s]", lambda o: o.worth["skr_per_channel_bps"]),
)


def architecture_figure(outcomes: Sequence[Outcome]) -> Figure:
    """A row a network and a panel a quantity: what it takes, and what it gives."""
    rows = tuple(_row_name(outcome, outcomes) for outcome in outcomes)
    panels = []
    for label, value in _WORTH_PANELS:
        points = [(x, float(y)) for y, o in enumerate(outcomes) if (x := value(o)) is not None]
        xs, ys = zip(*points, strict=True) if points else ((), ())
        series = Series("network", xs, ys)
        panels.append(Panel(label, "", (series,), rows=rows, from_zero=True))
    run = outcomes[0].run
    title = f"{run.duration_s:g} s of light, seed {run.seed}"
    return Figure(title, tuple(panels), columns=PLOT_COLUMNS)


def _row_name(outcome: Outcome, outcomes: Sequence[Outcome]) -> str:
    """Variant, its parts one below the other; the topology before it where there are several."""
    label = outcome.variant.label
    lines = [line for part in label.replace(",", ",\n").split("\n") for line in _wrapped(part)]
    if len({other.topology for other in outcomes}) == 1:
        return "\n".join(lines)
    return "\n".join([outcome.topology, *([] if label == AS_IT_IS else lines)])


def _wrapped(part: str) -> list[str]:
    """Pieces of a change that are short enough to stand beside a panel."""
    return textwrap.wrap(part, MAX_ROW_CHARACTERS) or [part]
