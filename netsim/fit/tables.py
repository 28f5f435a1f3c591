"""The tables of `netsim fit`: numbers, data, and what the data leave open, for people."""

import math
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netsim.fit.results import Change, Combination, Fit, FittedDatum, FittedNumber
from netsim.report.text import (
    NOTHING,
    add_names,
    add_numbers,
    fits,
    plain_table,
    sigma,
    sigma_style,
)

MAX_SHOWN = 8
"""Numbers of one combination; all are in the JSON."""
MAX_COMBINATIONS = 20
GAP = "  "
"""Before what belongs together."""
UNITS = {
    "n_sift_hz": "N_sift [1/s]",
    "qber": "QBER",
    "visibility": "V",
    "skr_bps": "SKR [bit/s]",
    "singles_hz": "singles [1/s]",
    "relative_singles": "singles, relative",
}


def print_fit(fit: Fit, console: Console, *, against: Fit | None = None) -> None:
    """Print a fit; beside it, if given, what the fit to other tables found."""
    console.print(Text(_headline(fit), style="bold"))
    if against is not None:
        console.print(Text(f"against {_headline(against)}", style="bold"))
    console.print()
    console.print(_numbers(fit, against))
    console.print()
    for table in _data_tables(fit, against, console):
        console.print(table)
        console.print()
    _print_open(fit, console)
    for line in _notes(fit, against):
        console.print(Text(line))


def short_names(paths: tuple[str, ...]) -> dict[str, str]:
    """Shortest ends of ``paths``, of two steps at least, that tell them apart."""
    names: dict[str, str] = {}
    for path in paths:
        steps = path.split(".")
        for count in range(2, len(steps) + 1):
            name = ".".join(steps[-count:])
            names[path] = name
            if sum(other == name or other.endswith(f".{name}") for other in paths) <= 1:
                break
    return names


def _headline(fit: Fit) -> str:
    return (
        f"{fit.topology} to {', '.join(fit.sources)}: {len(fit.numbers)} numbers, "
        f"{fit.independent_data} independent data, chi2 {fit.chi2:.4g} for "
        f"{fit.degrees_of_freedom} degrees of freedom"
    )


def _names(fit: Fit) -> Mapping[str, str]:
    return short_names(tuple(path for number in fit.numbers for path in number.paths))


def _numbers(fit: Fit, against: Fit | None) -> Table:
    names, others = _names(fit), {} if against is None else against.values
    has_sigma = any(number.sigma is not None for number in fit.numbers)
    table = plain_table("Numbers")
    add_names(table, "")
    add_numbers(table, "Start", "Fitted", *(["Sigma"] if has_sigma else []))
    add_numbers(table, *(["Against"] if others else []))
    add_names(table, f"{GAP}Remarks")
    for number in fit.numbers:
        cells = [_value(number.start), _value(number.fitted)]
        cells += [NOTHING if number.sigma is None else f"{number.sigma:.2g}"] if has_sigma else []
        cells += [_value(others.get(number.paths[0]))] if others else []
        name = ", ".join(names[path] for path in number.paths)
        table.add_row(Text(name), *cells, Text(GAP + _remarks(number)))
    return table


def _value(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.6g}"


def _remarks(number: FittedNumber) -> str:
    said = [] if number.bound is None else [f"at its {number.bound} bound"]
    said += ["open"] if number.is_open else []
    said += [] if number.prior is None else [f"prior {_width(number)}"]
    return ", ".join(said)


def _width(number: FittedNumber) -> str:
    prior = number.prior or 0.0
    unit = {"logarithm": f"{100 * prior:g} %", "decibel": f"{prior:g} dB"}
    return unit.get(number.scale, f"{prior:g}")


def _data_tables(fit: Fit, against: Fit | None, console: Console) -> list[Table]:
    """One table, or two where both fits do not fit beside each other."""
    if against is None:
        return [_data_table("Data", fit, None)]
    both = _data_table("Data", fit, against)
    if fits(both, console):
        return [both]
    return [_data_table("Data", fit, None), _data_table("Data, against", against, None)]


def _data_table(title: str, fit: Fit, against: Fit | None) -> Table:
    others = {} if against is None else {(d.item, d.quantity): d for d in against.data}
    table = plain_table(title)
    add_names(table, "", "")
    columns = (f"{GAP}Measured", "Fitted", "Off [%]", "[sigma]")
    add_numbers(table, *columns, *(columns if others else ()))
    for datum in fit.data:
        quantity = UNITS[datum.quantity] + ("" if datum.is_used else " *")
        cells = [*_datum_cells(datum)]
        cells += _datum_cells(others.get((datum.item, datum.quantity))) if others else []
        table.add_row(Text(datum.item), Text(quantity), *cells)
    return table


def _datum_cells(datum: FittedDatum | None) -> Iterator[Text]:
    if datum is None:
        yield from (Text(NOTHING) for _ in range(4))
        return
    yield Text(GAP + _value(datum.measured))
    yield Text(_value(datum.fitted), style="bold")
    yield Text(NOTHING if datum.residual is None else f"{100 * datum.residual:+.2f}")
    shown = datum.deviation if datum.is_used and math.isfinite(datum.deviation) else None
    yield Text(sigma(shown), style=sigma_style(shown))


def _print_open(fit: Fit, console: Console) -> None:
    names = _names(fit)
    if fit.open_combinations:
        title = (
            f"Open: the data do not change (to first order) when these change together; "
            f"{len(fit.open_combinations)} of {len(fit.numbers)} combinations"
        )
        _print_combinations(title, fit.open_combinations, names, console)
    if fit.faint_combinations:
        title = "Faint: the data change by less than one sigma, all together"
        _print_combinations(title, fit.faint_combinations, names, console)
    if not fit.open_combinations and not fit.faint_combinations:
        console.print(Text("The data tell all numbers apart."))
        console.print()


def _print_combinations(
    title: str,
    combinations: tuple[Combination, ...],
    names: Mapping[str, str],
    console: Console,
) -> None:
    console.print(Text(title, style="bold"))
    for index, combination in enumerate(combinations[:MAX_COMBINATIONS], start=1):
        changes = [
            f"{names.get(change.path, change.path)} {_change(change)}"
            for change in combination.changes
        ]
        more = f", and {len(changes) - MAX_SHOWN} more" if len(changes) > MAX_SHOWN else ""
        effect = f" ({combination.effect_sigma:.2g} sigma)" if combination.effect_sigma else ""
        line = Text(f"{index:>3}  {', '.join(changes[:MAX_SHOWN])}{more}{effect}")
        console.print(line)
    if len(combinations) > MAX_COMBINATIONS:
        console.print(Text(f"     and {len(combinations) - MAX_COMBINATIONS} more: see --json"))
    console.print()


def _change(change: Change) -> str:
    if change.factor is not None:
        return f"{100 * (change.factor - 1):+.2g} %"
    unit = " dB" if change.path.endswith("_db") else ""
    return f"{change.plus or 0.0:+.2g}{unit}"


def _notes(fit: Fit, against: Fit | None) -> Iterator[str]:
    if any(not datum.is_used for datum in fit.data):
        yield "* not met by the fit, only compared."
    refined = [d.item for d in fit.data if d.note.endswith("by the key rate")]
    if refined:
        yield f"QBER of {', '.join(refined)}: by the key rate, to more digits than printed."
    assumed = f"Figures without a sigma are taken to be exact to {100 * fit.relative_error:g} %"
    if any(number.sigma is not None for number in fit.numbers):
        yield "Sigma of a number: standard deviation, the prior included."
    else:
        yield f"{assumed}; numbers carry no sigma then."
    if fit.idle:
        yield f"No datum depends on these, left as they are: {', '.join(fit.idle)}."
    yield f"SKR of all lanes, by the twin: {fit.total_skr_bps:.1f} bit/s" + (
        "." if against is None else f", against {against.total_skr_bps:.1f}."
    )
    if not fit.is_converged:
        yield "NOT CONVERGED: the numbers are where the search was given up."
