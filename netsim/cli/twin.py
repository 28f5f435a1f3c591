"""`netsim twin`: what a topology should give, by formula."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import (
    ForceOption,
    OverOption,
    OverrideOption,
    Texts,
    TopologyArgument,
    ZipOption,
    prepare,
    say_plots,
    stdout,
)

if TYPE_CHECKING:
    from netsim.studies.estimates import Row
    from netsim.studies.grid import Axis
    from netsim.topology.specs import TopologySpec

EXAMPLES = (
    "netsim twin two_user",
    "netsim twin two_user --over users.*.fibre.length_m=0:50e3:11",
    "netsim twin fan2025_four_user --over qnsp.source.pumps.*.power_mw=log:0.1:1:13 --out curves",
)
STEM = "twin"


@dataclass(frozen=True, kw_only=True, slots=True)
class TwinArguments:
    """A topology, and what is changed in it."""

    topology: TopologyArgument
    over: OverOption = ()
    zipped: ZipOption = False
    override: OverrideOption = ()
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keeps twin.csv and, with the extra `report`, plots."),
    ] = None
    force: ForceOption = False
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print links, applications and what would serve those who fall short; with --over "
            "a list, one entry a point and link.",
        ),
    ] = False


@with_options
def twin(options: TwinArguments) -> None:
    """Say what a network should give, by formula alone: curves in milliseconds a point.

    Rates, error rates, accidentals and key of all lanes and links, of the network as it stands at
    first, and whether the key is enough for its applications; with `--over` a line a point and
    link. The same twin stands beside every simulation.
    """
    from netsim.studies.grid import parse_axis, points_of
    from netsim.studies.scan import expect_at, twin_rows
    from netsim.topology.load import load_topology

    texts = Texts()
    axes = [texts.read("--over", parse_axis, text) for text in options.over]
    texts.raise_faults()
    spec = load_topology(options.topology, overrides=options.override)
    points = points_of(axes, zipped=options.zipped)
    prepare(options.out, force=options.force)
    rows = list(twin_rows(axes, [expect_at(spec, point) for point in points]))
    _show(options, spec, axes, rows)
    if options.out is not None:
        _keep(options.out, spec.name, axes, rows)


def _show(
    options: TwinArguments, spec: "TopologySpec", axes: "Sequence[Axis]", rows: "Sequence[Row]"
) -> None:
    if options.as_json:
        import json

        found = rows if axes else {"links": rows} | _demand_of(spec)
        typer.echo(json.dumps(found, indent=2, allow_nan=False))
    elif axes:
        from netsim.report.twin import print_scan

        print_scan(f"{options.topology}: what the twin expects", axes, rows, stdout())
    else:
        _show_all(spec)


def _show_all(spec: "TopologySpec") -> None:
    """One network as it stands, and whether its key is enough for its applications."""
    from netsim.report.twin import print_forecast
    from netsim.report.wanted import print_wanted
    from netsim.twin.demand import another_allocation, expect_demand, remedies
    from netsim.twin.forecast import predict

    forecast = predict(spec)
    print_forecast(forecast, stdout())
    if spec.applications:
        wanted = expect_demand(spec, forecast)
        lines = (*remedies(spec, wanted), *another_allocation(wanted))
        print_wanted(wanted, lines, stdout())


def _demand_of(spec: "TopologySpec") -> dict[str, Any]:
    """What `_show_all` says of applications."""
    from netsim.twin.demand import another_allocation, expect_demand, remedies

    wanted = expect_demand(spec)
    lines = (*remedies(spec, wanted), *another_allocation(wanted))
    return wanted.summary() | {"remedies": list(lines)}


def _keep(out: Path, name: str, axes: "Sequence[Axis]", rows: "Sequence[Row]") -> None:
    from netsim.report.figure import save_figure
    from netsim.report.scanning import scan_figure, twin_series
    from netsim.results.files import csv_text, write_whole

    write_whole(out / f"{STEM}.csv", csv_text(rows))
    if axes:
        figure = scan_figure(f"{name}, by the twin", axes, rows, twin_series(axes[0], ""))
        say_plots(out, save_figure(figure, out / STEM))
