"""What commands have in common: exit codes, options, streams, progress and Ctrl-C."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from netsim.errors import ConfigError, Fault
from netsim.printable import printable
from netsim.watch import Watch

if TYPE_CHECKING:
    from netsim.report.console import PlainConsole
    from netsim.topology.specs import TopologySpec

Bar = AbstractContextManager[Callable[[int], None]]
T = TypeVar("T")

MOST_WARNINGS = 10
MIN_COLUMNS = 80
"""From so many on no table loses a figure."""

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

TopologyArgument = Annotated[
    str,
    typer.Argument(
        metavar="TOPOLOGY", help="Path of a TOML file, or the name of a shipped topology."
    ),
]
OverrideOption = Annotated[
    tuple[str, ...],
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change one number of the topology, e.g. users.*.fibre.length_m=50 (of all users; "
        "of one by name). A name "
        "without a dot lies under `protocol.`, if that has it. Repeatable.",
    ),
]
OverOption = Annotated[
    tuple[str, ...],
    typer.Option(
        metavar="PATH=VALUES",
        help="Take these values in turn: FIRST:LAST:COUNT, log:FIRST:LAST:COUNT or a list A,B,C. "
        "Several options make a grid.",
    ),
]
LegendOption = Annotated[
    bool, typer.Option("--legend", help="Say below the tables what their columns mean.")
]
WorkersOption = Annotated[
    int, typer.Option(min=1, max=1024, help="Processes that simulate at the same time.")
]
RunWorkersOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=2,
        help="Processes that work on the run, 1 or 2: the second one makes the light, ahead of the "
        "parties. The results are the same, byte for byte.",
    ),
]
ScaleOption = Annotated[
    float,
    typer.Option(
        min=1e-4,
        max=100.0,
        help="Multiplies all light times: 0.05 for a quick look, with larger errors.",
    ),
]
ZipOption = Annotated[
    bool, typer.Option("--zip", help="Pair the values of several --over, in place of a grid.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Write into DIR even if it is not empty.")
]
FidelityOption = Annotated[
    str,
    typer.Option(
        metavar="LEVEL",
        help="photon: every photon that is seen, the reference; coincidence: clicks that coincide "
        "and no others, for hours and days; rate: rounds drawn by the expected rates, for weeks.",
    ),
]
RunDirectory = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="What was given to `netsim run --out`, or `distil --out`."),
]


@contextmanager
def watched(duration_ps: int) -> Iterator[Watch]:
    """Show progress on stderr, if that is a terminal, and take Ctrl-C as a wish to stop."""

    def bar(console: "PlainConsole") -> Bar:
        from netsim.report.progress import progress_bar

        return progress_bar(duration_ps, console)

    with _looked_at(bar) as watch:
        yield watch


@contextmanager
def counted(total: int, pieces: str) -> Iterator[Watch]:
    """The same for work that is made of ``total`` equal ``pieces``."""

    def bar(console: "PlainConsole") -> Bar:
        from netsim.report.progress import count_bar

        return count_bar(total, pieces, console)

    with _looked_at(bar) as watch:
        yield watch


@contextmanager
def _looked_at(bar: Callable[["PlainConsole"], Bar]) -> Iterator[Watch]:
    """What `watched` and `counted` have in common; on a terminal it is said if kernels compile."""
    from netsim.cli.compiling import COMPILES, compiled_kernels
    from netsim.cli.interrupt import StopOnInterrupt

    console = progress_console()
    is_seen = console.is_terminal
    say_it = partial(note, COMPILES) if is_seen else lambda: None
    unseen: Bar = nullcontext(lambda _done: None)
    with (
        StopOnInterrupt() as interrupt,
        compiled_kernels(say_it),
        bar(console) if is_seen else unseen as progress,
    ):
        yield Watch(progress, interrupt.should_stop)


class Texts:
    """Reads texts of the command line and keeps what is wrong with them, to tell it at once."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def read(self, option: str, parse: Callable[[str], T], text: str) -> T:
        """`text` as `parse` reads it; after a fault, None, which nobody sees."""
        try:
            return parse(text)
        except ValueError as error:
            self._faults.setdefault(str(error), Fault(option, str(error)))
            return None  # type: ignore[return-value]  # `raise_faults` comes before its use

    def raise_faults(self) -> None:
        """Raise `ConfigError` if there was any."""
        if self._faults:
            raise ConfigError(tuple(self._faults.values()))


def check_duration(duration_ps: int, *specs: "TopologySpec") -> None:
    """Raise `ConfigError` for less light than one frame: rates of so little mean nothing."""
    from netsim.durations import seconds_text
    from netsim.units import ps_from_s

    grid_s = max(spec.grid_s for spec in specs)
    if duration_ps < ps_from_s(grid_s):
        text = seconds_text(duration_ps)
        message = f"{text} s is less than the shortest frame, {grid_s:g} s (frame_s)"
        raise ConfigError.of("--duration", message)


def prepare(out: Path | None, *, force: bool, users: Iterable[str] = ()) -> None:
    """Make the directory for results, if one was given; see `prepare_run_directory`."""
    if out is not None:
        from netsim.results.directory import prepare_run_directory

        prepare_run_directory(out, force=force, users=users)


def check_free(path: Path, *, force: bool) -> None:
    """Raise `ConfigError` where one file cannot be written, or holds something already."""
    from netsim.results.files import is_stream

    if path.exists() and not force and not is_stream(path):
        raise ConfigError.of(path, "is there already; --force replaces it")
    if not path.parent.is_dir():
        raise ConfigError.of(path, f"there is no folder {path.parent}")


def say_plots(out: Path, plots: Sequence[Path]) -> None:
    """Say where results are, and what is missing for plots."""
    from netsim.report.figure import EXTRA_HINT, FORMATS

    drawn = {plot.suffix for plot in plots}
    note(f"results are in {out}" + ("" if drawn >= FORMATS.keys() else f"; {EXTRA_HINT}"))


def stdout() -> "PlainConsole":
    """Where tables go; a narrower terminal breaks their lines, which loses no figure."""
    from netsim.report.console import PlainConsole

    console = PlainConsole(highlight=False)
    console.width = max(console.width, MIN_COLUMNS)
    return console


def warn(*specs: "TopologySpec", duration_ps: int | None = None) -> None:
    """Say what is unwise about topologies though it is allowed; what several share, once.

    Parameters
    ----------
    specs : TopologySpec
    duration_ps : int, optional
        Light that they are to be simulated for.

    Raises
    ------
    ConfigError
        One has more light than can be simulated.
    """
    from netsim.topology.timeline import networks_of
    from netsim.topology.unwise import late_warnings, topology_warnings
    from netsim.twin.light import check_light, light_warnings

    found: dict[Fault, None] = {}
    for spec in specs:
        networks = networks_of(spec)
        check_light(networks)
        late = () if duration_ps is None else late_warnings(spec, duration_ps)
        found |= dict.fromkeys((*topology_warnings(spec), *light_warnings(networks), *late))
    _say_warnings(tuple(found))


def _say_warnings(warnings: Sequence[Fault]) -> None:
    """Ten of each section of the topology, and how many more there are."""
    counts = Counter[str]()
    for warning in warnings:
        section = warning.path.partition(".")[0]
        counts[section] += 1
        if counts[section] <= MOST_WARNINGS:
            note(f"warning: {warning}")
    for section, count in counts.items():
        if count > MOST_WARNINGS:
            note(f"warning: {section}: {count - MOST_WARNINGS} more, {count} in all")


class Voice(IntEnum):
    """How much a command says on stderr."""

    QUIET = 0
    """What is wrong, and results that were asked for."""
    USUAL = 1
    """Also where results are, warnings and progress."""
    MORE = 2
    """Also versions, and how long it took."""


@dataclass(slots=True)
class _Speaker:
    """How much is said in this process."""

    voice: Voice = Voice.USUAL


_SPEAKER = _Speaker()


def set_voice(voice: Voice) -> None:
    """Say more or less from now on."""
    _SPEAKER.voice = voice


def voice() -> Voice:
    """How much is said now."""
    return _SPEAKER.voice


def note(line: str, least: Voice = Voice.USUAL) -> None:
    """`say`, unless so much was not wanted."""
    if _SPEAKER.voice >= least:
        say(line)


def progress_console() -> "PlainConsole":
    """Where progress goes."""
    from netsim.report.console import PlainConsole

    return PlainConsole(stderr=True, highlight=False, quiet=_SPEAKER.voice is Voice.QUIET)


def say(line: str) -> None:
    """One line on stderr, whatever a file name in it may hold."""
    one_line = line.replace("\n", "\\n")
    typer.echo(f"netsim: {printable(one_line)}", err=True)


def tell(text: str) -> None:
    """Text on stdout, whatever a name in it may hold."""
    typer.echo(printable(text))
