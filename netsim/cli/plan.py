"""`netsim plan`: which pumps, and which channels to whom."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, assert_never

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import EXIT_INTERRUPTED, OverrideOption, note, say, stdout
from netsim.errors import ConfigError, Fault, OutputError, writing
from netsim.plan.asked import PlanOptions

if TYPE_CHECKING:
    from netsim.plan.fewest import Effort
    from netsim.plan.planner import Plan
    from netsim.plan.request import PlanRequest
    from netsim.report.console import PlainConsole

Kind = Literal["plan", "curve", "growth"]
"""One plan, channels against key, or more and more users."""

EXAMPLES = (
    "netsim plan --users 10",
    "netsim plan --users 4 --pumps 34,46 --band 12:60 --spacing 2 -o four.toml",
    "netsim plan --users ann,ben,cleo --demand ann-ben,ann-cleo=2 --objective poorest",
    "netsim plan --users 10 --fibre alice=20,bob=10,2 --objective poorest --json",
    "netsim plan --users 10 --report ten.html",
    "netsim plan --users 10 --tradeoff --effort 0.1 --plot curve.svg",
    "netsim plan --users 2:40",
    "netsim plan --topology mine.toml --demand applications --objective poorest",
)
MORE = (
    "Pairs of photons are born where two labels add up to those of two pumps: one pump gives a "
    "label one partner, two pumps three. The JSON: `pumps`, `users` (labels of each), `lanes`, "
    "`channels`, `span` (comb positions), `lower_bound` (of the span for --objective span, else of "
    "the channels), `proven` (no plan is better by the objective), `min_skr_bps`, `total_skr_bps` "
    "(without `dim_pairs`), `objective`, `power_mw`, `pairs` (each with its key, `skr_bps`, and "
    "what formulas give, `formula_bps`), `singles_hz`, `notes`, `lacks`, `partial` (true; only in "
    "a plan whose search Ctrl-C ended), `demand` (only where the topology has applications: as "
    "`netsim twin --json` says it); a list of these with --tradeoff and for a range of users."
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the searches of one command found."""

    plans: "list[Plan]"
    end: ConfigError | KeyboardInterrupt | None = None
    """Why there are no more plans, to be raised when these have been shown."""
    is_partial: bool = False
    """Whether Ctrl-C came before the last search had ended."""


@dataclass(frozen=True, slots=True)
class SearchWatch:
    """What all searches of one command ask and report to."""

    should_stop: Callable[[], bool]
    tell: Callable[[str], None]

    def effort(self, request: "PlanRequest") -> "Effort":
        """What one search may spend."""
        from netsim.plan.fewest import Effort

        return Effort(request.seed, request.effort, self.should_stop, self.tell)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanArguments(PlanOptions):
    """What to plan, and what becomes of the plan."""

    override: OverrideOption = ()
    tradeoff: Annotated[
        bool,
        typer.Option("--tradeoff", help="A curve: channels against smallest key rate."),
    ] = False
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="NAME.toml", help="Write a topology that runs."),
    ] = None
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw comb, users and lanes: .svg, .pdf or .png."),
    ] = None
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write one page that shows it and loads nothing."),
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Replace files.")] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the plan as JSON, and nothing else there.")
    ] = False


@with_options
def plan(options: PlanArguments) -> None:
    """Plan which pumps, and which channels to whom, so that all wanted pairs share key.

    Ctrl-C ends the search, shows what was found so far, marked as partial, and exits with 130.
    """
    from netsim.plan.options import each_number_of_users

    counted = each_number_of_users(options)
    if counted and options.tradeoff:
        raise ConfigError.of("--tradeoff", "is of one number of users")
    kind: Kind = "growth" if counted else "curve" if options.tradeoff else "plan"
    _check_files(options, kind)
    found = _search(kind, options, counted)
    try:
        if options.plot is not None:
            _draw(found, options.plot, kind)
    finally:
        _show(found, kind, as_json=options.as_json)
    if options.report is not None:
        _write_page(found, options.report, kind)
    for path, what in ((options.out, "topology"), (options.plot, "drawing")):
        if path is not None:
            note(f"the {what} is in {path}")
    if found.end is not None:
        raise found.end
    if found.is_partial:
        raise typer.Exit(EXIT_INTERRUPTED)


def _search(kind: Kind, options: PlanArguments, counted: list[PlanOptions]) -> Found:
    match kind:
        case "growth":
            return _growth(counted)
        case "curve":
            return _curve(options)
        case "plan":
            return _one(options, options.out)
        case _:
            assert_never(kind)


def _check_files(options: PlanArguments, kind: Kind) -> None:
    """Raise `ConfigError` if a result could not be written, before it takes time to get it."""
    from netsim.results.files import is_stream

    faults = [*_out_faults(options.out, kind), *_plot_faults(options.plot)]
    files = (("--out", options.out), ("--plot", options.plot), ("--report", options.report))
    for option, path in files:
        if path is None or is_stream(path):
            continue
        if path.exists() and not options.force:
            faults.append(Fault(option, f"{path} is there already; replace it with --force"))
        directory = path.absolute().parent
        if not directory.is_dir():
            faults.append(Fault(option, f"{path}: its directory does not exist"))
        elif not os.access(directory, os.W_OK):
            faults.append(Fault(option, f"{path}: its directory may not be written to"))
    if faults:
        raise ConfigError(tuple(faults))


def _out_faults(out: Path | None, kind: Kind) -> Iterator[Fault]:
    from netsim.plan.parse import parse_name

    if out is None:
        return
    if kind != "plan":
        yield Fault("--out", "a topology is one plan, neither --tradeoff nor --users N:M")
    if out.suffix != ".toml":
        yield Fault("--out", f"{out} does not end with .toml")
    try:
        parse_name(out.stem)
    except ValueError as error:
        yield Fault("--out", str(error))


def _plot_faults(plot: Path | None) -> Iterator[Fault]:
    if plot is None:
        return
    if importlib.util.find_spec("matplotlib") is None:
        yield Fault("--plot", "needs matplotlib: pip install 'qnsp-netsim[report]'")
        return
    from netsim.plan.plot import suffix_faults

    yield from suffix_faults(plot)


def _one(options: PlanOptions, out: Path | None) -> Found:
    with _searching() as watch:
        plan = _plan(options, out, watch)
    return Found([plan], is_partial=plan.is_partial)


def _plan(options: PlanOptions, out: Path | None, watch: SearchWatch) -> "Plan":
    from netsim.plan.files import origin_of, write_topology
    from netsim.plan.options import read_options
    from netsim.plan.planner import make_plan

    request, hardware = read_options(options)
    name = None if out is None else out.stem
    found = make_plan(request, hardware, watch.effort(request), power_mw=options.power, name=name)
    if out is not None:
        is_given = options.power is not None
        origin = origin_of(hardware, options.template, is_power_given=is_given)
        with _writing("--out", out):
            write_topology(found, origin, out)
    return found


def _curve(options: PlanOptions) -> Found:
    from netsim.plan.options import read_options
    from netsim.plan.tradeoff import tradeoff

    request, hardware = read_options(options)
    with _searching() as watch:
        plans = tradeoff(request, hardware, watch.effort(request), options.power)
        return Found(plans, is_partial=watch.should_stop())


def _growth(counted: list[PlanOptions]) -> Found:
    """Plans for more and more users, up to the first number that has none."""
    plans: list[Plan] = []
    with _searching() as watch:
        for options in counted:
            if watch.should_stop():
                return Found(plans, is_partial=True)
            try:
                plans.append(_plan(options, None, watch))
            except (ConfigError, KeyboardInterrupt) as end:
                if not plans:
                    raise
                return Found(plans, end, is_partial=isinstance(end, KeyboardInterrupt))
    return Found(plans, is_partial=plans[-1].is_partial)


def _draw(found: Found, path: Path, kind: Kind) -> None:
    from netsim.plan.plot import plot_growth, plot_plan, plot_tradeoff

    with _writing("--plot", path):
        if kind == "plan":
            plot_plan(found.plans[0], path)
        else:
            draw = {"curve": plot_tradeoff, "growth": plot_growth}[kind]
            draw(found.plans, path, is_partial=found.is_partial)


def _write_page(found: Found, path: Path, kind: Kind) -> None:
    from netsim.report.page.plan import plan_page
    from netsim.results.files import write_whole
    from netsim.results.provenance import circumstances

    told = _told(found, kind)
    write_whole(path, plan_page(told, circumstances()["command"]))
    note(f"{path} shows it")


def _told(found: Found, kind: Kind) -> Any:
    """The JSON of what was found: one plan, or a list."""
    from netsim.plan.report import plan_json

    told = [plan_json(plan) for plan in found.plans]
    return told[0] if kind == "plan" else told


@contextmanager
def _writing(option: str, path: Path) -> Iterator[None]:
    """Turn what the system says about ``path`` into a fault of the option that named it."""
    try:
        with writing(path):
            yield
    except OutputError as error:
        raise ConfigError.of(option, str(error)) from error


def _show(found: Found, kind: Kind, *, as_json: bool) -> None:
    from netsim.plan.report import keyless, print_growth, print_plan, print_tradeoff

    if as_json:
        typer.echo(json.dumps(_told(found, kind), indent=2))
        for line in keyless(found.plans):
            say(line)
    elif kind == "plan":
        print_plan(found.plans[0], stdout())
    else:
        print_all = {"curve": print_tradeoff, "growth": print_growth}[kind]
        print_all(found.plans, stdout(), is_partial=found.is_partial)


@contextmanager
def _searching() -> Iterator[SearchWatch]:
    """Take Ctrl-C as a wish to stop, and tell on stderr, if that is a terminal, what is tried."""
    from netsim.cli.interrupt import StopOnInterrupt
    from netsim.report.console import PlainConsole

    with StopOnInterrupt() as interrupt, _telling(PlainConsole(stderr=True)) as tell:
        yield SearchWatch(interrupt.should_stop, tell)


@contextmanager
def _telling(console: "PlainConsole") -> Iterator[Callable[[str], None]]:
    """Show what is being tried where that is a terminal."""
    if not console.is_terminal:
        yield lambda _line: None
        return
    with console.status("planning") as status:
        yield status.update
