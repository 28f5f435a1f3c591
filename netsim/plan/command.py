"""``netsim plan``: reads its options, plans, prints and writes; knows no physics.

Results go to stdout, everything else to stderr. Heavy modules are imported when they are needed, so
that ``netsim --help`` is quick.
"""

# ruff: noqa: PLC0415  # imported where used, as said above

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from netsim.errors import ConfigError, Fault

if TYPE_CHECKING:
    from rich.console import Console

    from netsim.plan.fewest import Effort
    from netsim.plan.request import PlanRequest
    from netsim.plan.topology import Hardware
    from netsim.topology.specs import TopologySpec

T = TypeVar("T")

EXIT_INTERRUPTED = 130
DEFAULT_TEMPLATE = "fan2025_structured"
"""Hardware of a plan if no topology is given."""

EPILOG = (
    "Examples:\n\n"
    "* netsim plan --users 10\n"
    "* netsim plan --users 4 --pumps 34,46 --band 12:60 --spacing 2 -o four.toml\n"
    "* netsim plan --users ann,ben,cleo --demand ann-ben,ann-cleo=2 --objective poorest\n"
    "* netsim plan --users 10 --fibre alice=20,bob=10,2 --objective poorest --json\n"
    "* netsim plan --users 10 --tradeoff --plot curve.svg\n"
    "\nPairs of photons are born where two labels add up to those of two pumps: one pump gives a "
    "label one partner, two pumps three. The JSON: pumps, users (labels of each), lanes, channels, "
    "span (comb positions), lower_bound (of the span for --objective span, else of the channels), "
    "proven (no plan is better by the objective), min_skr_bps, total_skr_bps.\n"
)


def plan(
    *,
    users: Annotated[
        str | None,
        typer.Option(metavar="N|A,B,...", help="How many users, or their names; or those of T."),
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
        typer.Option("--self-paired", help="Allow labels that pair with themselves; no key rates."),
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
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change one number of T; repeatable."),
    ] = None,
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
    from netsim.plan.parse import parse_name
    from netsim.plan.request import request_faults

    texts = _Texts()
    hardware, request = _read(
        texts,
        _Options(
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
            seed=seed,
            effort=effort,
        ),
    )
    for option, path in (("--out", out), ("--plot", plot)):
        if path is not None and path.exists() and not force:
            texts.add(option, f"{path} exists; replace it with --force")
    if out is not None:
        texts.read("--out", parse_name, out.stem, out.stem)
    if tradeoff and out is not None:
        texts.add("--out", "a curve is no topology; leave out --tradeoff")
    if power is not None and not 0 < power <= 1e6:
        texts.add("--power", f"{power:g} is not above 0 and up to 1e6")
    for fault in request_faults(request):
        texts.add(fault.path, fault.message)
    texts.raise_faults()
    wishes = _Wishes(topology or DEFAULT_TEMPLATE, power, out, plot, as_json)
    if tradeoff:
        _tradeoff(request, hardware, wishes)
    else:
        _plan(request, hardware, wishes)


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What is to be done with a plan."""

    template: str
    power_mw: float | None
    out: Path | None
    plot: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class _Options:
    """What was typed, not read yet."""

    users: str | None
    pumps: str | None
    pump_count: int | None
    spacing: int | None
    band: str | None
    avoid: str | None
    self_paired: bool
    demand: str | None
    max_channels: int | None
    objective: str
    topology: str | None
    override: tuple[str, ...]
    channel_loss: str | None
    fibre: str | None
    seed: int
    effort: float


class _Texts:
    """Reads texts and keeps what is wrong with them, to tell it at once."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def read(self, option: str, parse: Callable[[str], T], text: str | None, default: T) -> T:
        """`text` as `parse` reads it; `default` without a text and after a fault."""
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.add(option, str(error))
            return default

    def add(self, option: str, message: str) -> None:
        """Keep a fault."""
        self._faults.append(Fault(option, message))

    def raise_faults(self) -> None:
        """Raise `ConfigError` if there was any."""
        if self._faults:
            raise ConfigError(tuple(self._faults))


def _read(texts: _Texts, options: _Options) -> tuple["Hardware", "PlanRequest"]:
    """Hardware and request; faults of texts are kept, those of the topology raised."""
    from netsim.plan.parse import (
        parse_band,
        parse_demands,
        parse_labels,
        parse_lengths,
        parse_losses,
        parse_users,
    )
    from netsim.plan.request import MAX_LABEL, Objective, PlanRequest
    from netsim.plan.topology import Hardware
    from netsim.topology.load import load_topology
    from netsim.topology.specs import label_of

    template = load_topology(options.topology or DEFAULT_TEMPLATE, overrides=options.override)
    given = template if options.topology is not None else None
    if options.users is None and given is None:
        texts.add("--users", "say how many users, or their names (or give --topology)")
    users = texts.read(
        "--users", parse_users, options.users, tuple(user.name for user in template.users)
    )
    own_pumps = tuple(label_of(pump.channel) for pump in template.qnsp.source.pumps)
    has_own = given is not None and options.pump_count is None
    no_losses: tuple[dict[int, float], float | None] = ({}, None)
    losses, other_loss_db = texts.read(
        "--channel-loss", parse_losses, options.channel_loss, no_losses
    )
    nothing: tuple[int, ...] = ()
    objectives = {objective.value: objective for objective in Objective}
    if options.objective not in objectives:
        texts.add("--objective", f"{options.objective!r} is none of {', '.join(objectives)}")
    request = PlanRequest(
        users=users,
        demands=texts.read(
            "--demand",
            lambda text: parse_demands(text, users),
            options.demand,
            parse_demands(None, users),
        ),
        pumps=texts.read("--pumps", parse_labels, options.pumps, own_pumps if has_own else None),
        free_pumps=options.pump_count or 2,
        spacing_labels=options.spacing
        or (given.qnsp.source.comb_spacing_labels if given is not None else 1),
        band=texts.read("--band", parse_band, options.band, (0, MAX_LABEL)),
        avoid=frozenset(texts.read("--avoid", parse_labels, options.avoid, nothing)),
        allow_self_paired=options.self_paired,
        max_channels=options.max_channels,
        objective=objectives.get(options.objective, Objective.CHANNELS),
        seed=options.seed,
        effort=options.effort,
    )
    hardware = Hardware(
        template,
        _own_losses(given) | losses,
        other_loss_db,
        texts.read("--fibre", lambda text: parse_lengths(text, users), options.fibre, {}),
    )
    if options.pumps is not None and options.pump_count is not None:
        texts.add("--pump-count", "says nothing where --pumps are given")
    return hardware, request


def _own_losses(given: "TopologySpec | None") -> dict[int, float]:
    """Losses of the channels of a topology that was named; of a mere template they say nothing."""
    from netsim.topology.specs import label_of

    channels = () if given is None else given.qnsp.channels
    return {label_of(channel.channel): channel.loss_db for channel in channels}


def _plan(request: "PlanRequest", hardware: "Hardware", wishes: _Wishes) -> None:
    from netsim.plan.files import origin_of, write_topology
    from netsim.plan.planner import make_plan
    from netsim.plan.plot import plot_plan
    from netsim.plan.report import plan_json, print_plan

    with _searching(request) as effort:
        name = None if wishes.out is None else wishes.out.stem
        found = make_plan(request, hardware, effort, power_mw=wishes.power_mw, name=name)
    if wishes.out is not None:
        is_given = wishes.power_mw is not None
        origin = origin_of(hardware, wishes.template, is_power_given=is_given)
        write_topology(found, origin, wishes.out)
    if wishes.plot is not None:
        plot_plan(found, wishes.plot)
    if wishes.as_json:
        typer.echo(json.dumps(plan_json(found), indent=2))
    else:
        print_plan(found, _stdout())
    if wishes.out is not None:
        _say(f"the topology is in {wishes.out}: netsim run {wishes.out}")
    if wishes.plot is not None:
        _say(f"the drawing is in {wishes.plot}")
    if found.is_partial:
        raise typer.Exit(EXIT_INTERRUPTED)


def _tradeoff(request: "PlanRequest", hardware: "Hardware", wishes: _Wishes) -> None:
    from netsim.plan.plot import plot_tradeoff
    from netsim.plan.report import plan_json, print_tradeoff
    from netsim.plan.tradeoff import tradeoff

    with _searching(request) as effort:
        plans = tradeoff(request, hardware, effort, wishes.power_mw)
    if wishes.plot is not None:
        plot_tradeoff(plans, wishes.plot)
    if wishes.as_json:
        typer.echo(json.dumps([plan_json(found) for found in plans], indent=2))
    else:
        print_tradeoff(plans, _stdout())
    if wishes.plot is not None:
        _say(f"the curve is in {wishes.plot}")
    if any(found.is_partial for found in plans):
        raise typer.Exit(EXIT_INTERRUPTED)


@contextmanager
def _searching(request: "PlanRequest") -> "Iterator[Effort]":
    """What a search may spend, told of on stderr where that is a terminal, until Ctrl-C."""
    from rich.console import Console

    from netsim.interrupt import StopOnInterrupt
    from netsim.plan.fewest import Effort

    console = Console(stderr=True)
    with StopOnInterrupt("with the best so far") as interrupt:
        if not console.is_terminal:
            yield Effort(request.seed, request.effort, interrupt.should_stop)
            return
        with console.status("planning") as status:
            yield Effort(request.seed, request.effort, interrupt.should_stop, status.update)


def _stdout() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


def _say(line: str) -> None:
    typer.echo(f"netsim: {line}", err=True)
