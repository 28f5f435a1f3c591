"""`netsim plan`: which pumps, and which channels to whom."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from netsim.cli.shared import EXIT_INTERRUPTED, OverrideOption, say, stdout
from netsim.errors import ConfigError, Fault

if TYPE_CHECKING:
    from netsim.plan.fewest import Effort
    from netsim.plan.options import PlanOptions
    from netsim.plan.planner import Plan
    from netsim.plan.request import PlanRequest

Kind = Literal["plan", "curve", "growth"]
"""One plan, channels against key, or more and more users."""

EXAMPLES = (
    "netsim plan --users 10",
    "netsim plan --users 4 --pumps 34,46 --band 12:60 --spacing 2 -o four.toml",
    "netsim plan --users ann,ben,cleo --demand ann-ben,ann-cleo=2 --objective poorest",
    "netsim plan --users 10 --fibre alice=20,bob=10,2 --objective poorest --json",
    "netsim plan --users 10 --tradeoff --plot curve.svg",
    "netsim plan --users 2:40",
)
MORE = (
    "Pairs of photons are born where two labels add up to those of two pumps: one pump gives a "
    "label one partner, two pumps three. The JSON: `pumps`, `users` (labels of each), `lanes`, "
    "`channels`, `span` (comb positions), `lower_bound` (of the span for --objective span, else of "
    "the channels), `proven` (no plan is better by the objective), `min_skr_bps`, `total_skr_bps`; "
    "a list of these with --tradeoff and for a range of users."
)


def plan(
    *,
    users: Annotated[
        str | None,
        typer.Option(
            metavar="N|A,B,...|N:M",
            help="How many users, or their names; or those of T; or a table from N to M users.",
        ),
    ] = None,
    pumps: Annotated[
        str | None,
        typer.Option(metavar="34,46", help="Labels of the pumps; else chosen (or those of T)."),
    ] = None,
    pump_count: Annotated[
        int | None, typer.Option(min=1, max=3, help="How many pumps to choose. Default 2.")
    ] = None,
    spacing: Annotated[
        int | None,
        typer.Option(
            min=1, help="Comb spacing in labels of 100 GHz (Fan et al. 2025: 2). Default 1, or T's."
        ),
    ] = None,
    band: Annotated[
        str | None, typer.Option(metavar="12:60", help="Lowest and highest label. Default: any.")
    ] = None,
    avoid: Annotated[
        str | None, typer.Option(metavar="17,20-25", help="Labels that may not be used.")
    ] = None,
    self_paired: Annotated[
        bool,
        typer.Option("--self-paired", help="Allow labels that pair with themselves."),
    ] = False,
    demand: Annotated[
        str | None,
        typer.Option(metavar="A-B[=W],...", help="Wanted pairs, with weights. Default: all pairs."),
    ] = None,
    max_channels: Annotated[int | None, typer.Option(min=1, help="Most channels.")] = None,
    objective: Annotated[
        str,
        typer.Option(
            metavar="GOAL",
            help="channels (fewest), span (narrowest), total or poorest (highest key rate of all, "
            "of the poorest pair).",
        ),
    ] = "channels",
    topology: Annotated[
        str | None,
        typer.Option(metavar="T", help="Hardware, users, pumps and comb of this topology."),
    ] = None,
    override: OverrideOption = None,
    channel_loss: Annotated[
        str | None,
        typer.Option(
            metavar="[LABEL=]DB,...", help="Demultiplexer loss, of one label or of all others."
        ),
    ] = None,
    fibre: Annotated[
        str | None,
        typer.Option(metavar="[USER=]KM,...", help="Fibre length, of one user or of all others."),
    ] = None,
    power: Annotated[
        float | None,
        typer.Option(metavar="MW", help="Of every pump, in the fibre. Default: what suits best."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same plan.")] = 1,
    effort: Annotated[
        float, typer.Option(min=0.01, max=1000, help="Multiplies the moves of every search.")
    ] = 1.0,
    tradeoff: Annotated[
        bool,
        typer.Option("--tradeoff", help="A curve: channels against smallest key rate."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="NAME.toml", help="Write a topology that runs."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw comb, users and lanes: .svg, .pdf or .png."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the plan as JSON, and nothing else there.")
    ] = False,
) -> None:
    """Plan which pumps, and which channels to whom, so that all wanted pairs share key.

    Ctrl-C ends a search and keeps the best plan so far, marked as partial.
    """
    from netsim.plan.options import PlanOptions, each_number_of_users

    options = PlanOptions(
        users=users,
        pumps=pumps,
        pump_count=pump_count,
        spacing=spacing,
        band=band,
        avoid=avoid,
        self_paired=self_paired,
        demand=demand,
        max_channels=max_channels,
        objective=objective,
        topology=topology,
        override=tuple(override or ()),
        channel_loss=channel_loss,
        fibre=fibre,
        power=power,
        seed=seed,
        effort=effort,
    )
    counted = each_number_of_users(options)
    if counted and tradeoff:
        raise ConfigError((Fault("--tradeoff", "is of one number of users"),))
    kind: Kind = "growth" if counted else "curve" if tradeoff else "plan"
    _check_files(out, plot, force=force, kind=kind)
    if counted:
        plans, end = _growth(counted)
    else:
        plans, end = _curve(options) if tradeoff else [_plan(options, out)], None
    if plot is not None:
        _draw(plans, plot, kind)
    _show(plans, kind, as_json=as_json)
    for path, what in ((out, "topology"), (plot, "drawing")):
        if path is not None:
            say(f"the {what} is in {path}")
    if end is not None:
        raise end
    if any(found.is_partial for found in plans):
        raise typer.Exit(EXIT_INTERRUPTED)


def _check_files(out: Path | None, plot: Path | None, *, force: bool, kind: Kind) -> None:
    """Raise `ConfigError` if a result could not be written, before it takes time to get it."""
    from netsim.plan.parse import parse_name

    faults = []
    if plot is not None and importlib.util.find_spec("matplotlib") is None:
        faults.append(Fault("--plot", "needs matplotlib: pip install 'qnsp-netsim[report]'"))
    if out is not None and kind != "plan":
        faults.append(Fault("--out", "a topology is one plan, neither --tradeoff nor --users N:M"))
    for option, path in (("--out", out), ("--plot", plot)):
        if path is not None and path.exists() and not force:
            faults.append(Fault(option, f"{path} is there already; replace it with --force"))
        if path is not None and not path.absolute().parent.is_dir():
            faults.append(Fault(option, f"{path}: its directory does not exist"))
    try:
        parse_name(out.stem if out is not None else "nothing")
    except ValueError as error:
        faults.append(Fault("--out", str(error)))
    if faults:
        raise ConfigError(tuple(faults))


def _plan(options: "PlanOptions", out: Path | None) -> "Plan":
    from netsim.plan.files import origin_of, write_topology
    from netsim.plan.options import read_options
    from netsim.plan.planner import make_plan

    request, hardware = read_options(options)
    name = None if out is None else out.stem
    with _searching(request) as effort:
        found = make_plan(request, hardware, effort, power_mw=options.power, name=name)
    if out is not None:
        is_given = options.power is not None
        write_topology(found, origin_of(hardware, options.template, is_power_given=is_given), out)
    return found


def _curve(options: "PlanOptions") -> "list[Plan]":
    from netsim.plan.options import read_options
    from netsim.plan.tradeoff import tradeoff

    request, hardware = read_options(options)
    with _searching(request) as effort:
        return tradeoff(request, hardware, effort, options.power)


def _growth(
    counted: "list[PlanOptions]",
) -> "tuple[list[Plan], ConfigError | KeyboardInterrupt | None]":
    """Plans for more and more users, and what put an end to them before the last."""
    plans: list[Plan] = []
    for options in counted:
        try:
            plans.append(_plan(options, None))
        except (ConfigError, KeyboardInterrupt) as end:
            if not plans:
                raise
            return plans, end
        if plans[-1].is_partial:
            break
    return plans, None


def _draw(plans: "list[Plan]", path: Path, kind: Kind) -> None:
    from netsim.plan.plot import plot_growth, plot_plan, plot_tradeoff

    if kind == "plan":
        plot_plan(plans[0], path)
    else:
        {"curve": plot_tradeoff, "growth": plot_growth}[kind](plans, path)


def _show(plans: "list[Plan]", kind: Kind, *, as_json: bool) -> None:
    from netsim.plan.report import plan_json, print_growth, print_plan, print_tradeoff

    if as_json:
        told = [plan_json(found) for found in plans]
        typer.echo(json.dumps(told[0] if kind == "plan" else told, indent=2))
    elif kind == "plan":
        print_plan(plans[0], stdout())
    else:
        {"curve": print_tradeoff, "growth": print_growth}[kind](plans, stdout())


@contextmanager
def _searching(request: "PlanRequest") -> "Iterator[Effort]":
    """What a search may spend, told of on stderr where that is a terminal, until Ctrl-C."""
    from rich.console import Console

    from netsim.interrupt import StopOnInterrupt
    from netsim.plan.fewest import Effort

    console = Console(stderr=True)
    with StopOnInterrupt() as interrupt:
        if not console.is_terminal:
            yield Effort(request.seed, request.effort, interrupt.should_stop)
            return
        with console.status("planning") as status:
            yield Effort(request.seed, request.effort, interrupt.should_stop, status.update)
