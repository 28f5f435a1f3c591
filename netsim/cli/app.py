"""The application: its commands in the order of the help, and what becomes of their errors."""

import gc
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from importlib import import_module
from inspect import Parameter, signature
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand
from typer.main import get_command

from netsim.cli.shared import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Voice,
    note,
    say,
    set_voice,
    tell,
    voice,
)
from netsim.errors import ConfigError, OutputError, WorkerError
from protocols.errors import ProtocolError

app = typer.Typer(
    name="netsim",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Simulate entanglement-based QKD networks, from photons to authenticated key.",
    epilog="Begin with: netsim run two_user --duration 10s",
)
DISTRIBUTION = "qnsp-netsim"
COMMANDS = {
    "run": "Simulate a network and distil key on all its links.",
    "extend": "Go on with a run that has ended, as if its light had not been over.",
    "twin": "Say what a network should give, by formula alone: curves in milliseconds a point.",
    "list": "Name the topologies that come with netsim, with what each is and how large.",
    "new": (
        "Begin a topology of your own: a commented file with every number that decides the physics."
    ),
    "show": (
        "Draw a network: source, channels and their ways, users, and who shares light with whom."
    ),
    "validate": (
        "Check a topology without running it: all its faults at once, each with its key path."
    ),
    "schema": "Print the JSON schema of a topology: every key with its unit and range.",
    "variants": "List what topologies and recordings may name, by kind, and who brought it.",
    "report": (
        "Show results as one HTML page that loads nothing: for a browser, a mail or a printer."
    ),
    "pools": "Show the key of every link over time, as table and sparkline, and who has drawn it.",
    "verify": "Recheck the books of a run or of two recordings from the files that they have left.",
    "serve": "Serve keys by ETSI GS QKD 014, each user's manager at a port of its own.",
    "compare": (
        "Run the same light through several variants of the protocol and set them side by side."
    ),
    "sweep": "Simulate a network at many points, several seeds each, beside what the twin expects.",
    "reconcile": "Measure f, failures, leak, round trips, bytes and speed of error correction.",
    "distil": "Distil key from two files of time tags that someone else recorded.",
    "inspect": "Say what is in files of time tags: rates, silences, back steps, dead times.",
    "fit": "Fit numbers of a topology to measured rates and error rates, by the analytic twin.",
    "plan": "Plan which pumps, and which channels to whom, so that all wanted pairs share key.",
    "admit": "Say how long a new user takes to get keys with everybody, from one that it has met.",
    "reproduce": (
        "Make the figures and tables of a paper again, each beside the twin and the printed "
        "numbers."
    ),
    "board": (
        "Hold published experiments against the simulator: predicted, published, and what misses."
    ),
    "warmup": "Compile all kernels ahead, a minute or two, so that later commands start at once.",
}
"""Name to the first line of the help, in the order of the list. Each is a module of this package
with a function, the command, ``EXAMPLES``, and perhaps ``MORE``, which is shown below them."""
FUNCTIONS = {"list": "list_topologies"}
"""Where they are named otherwise than the command."""
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say versions and how long it took as well.")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="No warnings, hints and progress; errors are said.")
]
ClickFault: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException, base of all faults of usage; newer versions of typer carry their own click."""


class LaterCommand(TyperCommand):
    """A command of the list, whose module is imported when it is called for."""

    def make_context(self, info_name: str | None, *args: Any, **options: Any) -> Any:
        """Hand the words of the command line over to the command itself."""
        return loaded(str(self.name)).make_context(info_name, *args, **options)


@cache
def loaded(name: str) -> TyperCommand:
    """The command itself, with its options and all its help.

    Parameters
    ----------
    name : str
        One of `COMMANDS`.
    """
    home = import_module(f"netsim.cli.{name}")
    command = getattr(home, FUNCTIONS.get(name, name))
    alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    epilog = _epilog(home.EXAMPLES, getattr(home, "MORE", ""))
    alone.command(name, epilog=epilog)(_acknowledged(command))
    return cast("TyperCommand", get_command(alone))


def _epilog(examples: Sequence[str], more: str) -> str:
    """What is shown below a command's help: Markdown, with whole command lines."""
    if len(examples) == 1:
        shown = f"Example: {examples[0]}"
    else:
        shown = "Examples:\n\n" + "\n".join(f"* {example}" for example in examples)
    return f"{shown}\n\n{more}".strip() + "\n"


def _acknowledged(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, which says so where Ctrl-C ends it at once; typer would say nothing.

    It takes the options of `common` as well, which many write after a command.
    """

    @wraps(command)
    def run_it(*args: object, verbose: bool, quiet: bool, **options: object) -> None:
        _speak(verbose=verbose, quiet=quiet)
        try:
            command(*args, **options)
        except KeyboardInterrupt as stop:
            say(str(stop) or "interrupted")
            raise typer.Exit(EXIT_INTERRUPTED) from None

    own = signature(command, eval_str=True)
    common_options = signature(common, eval_str=True).parameters
    added = (common_options[name] for name in ("verbose", "quiet"))
    every = (*own.parameters.values(), *added)
    run_it.__signature__ = own.replace(  # type: ignore[attr-defined]  # read by `inspect`
        parameters=[one.replace(kind=Parameter.KEYWORD_ONLY) for one in every]
    )
    return run_it


def _speak(*, verbose: bool, quiet: bool) -> None:
    """Say as much as was asked for from now on, ahead of a command or behind it; of both, less."""
    if quiet:
        set_voice(Voice.QUIET)
    elif verbose and voice() is Voice.USUAL:
        set_voice(Voice.MORE)
        note(_version())


def _say_version(is_asked: bool) -> None:  # noqa: FBT001  # as typer calls it
    if is_asked:
        tell(_version())
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[  # noqa: ARG001  # its own callback has answered
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_say_version, help="Say the version, and end."
        ),
    ] = False,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> None:
    """Simulate entanglement-based QKD networks, from photons to authenticated key."""
    _speak(verbose=verbose, quiet=quiet)


def _version() -> str:
    from netsim.results.provenance import versions  # noqa: PLC0415  # so that --help is quick

    known = dict(versions())
    others = ", ".join(f"{name} {one}" for name, one in known.items() if name != DISTRIBUTION)
    return f"netsim {known[DISTRIBUTION]} ({others})"


for _name, _summary in COMMANDS.items():
    app.command(_name, cls=LaterCommand, help=_summary)(lambda: None)


def main() -> None:
    """Run the console script ``netsim``; what goes to a stream that the shell closed is lost."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    warnings.showwarning = _say_warning
    gc.set_threshold(NEW_OBJECTS)
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    code = run_command(sys.argv[1:])
    gc.freeze()  # what is left ends with the process, and need not be searched for cycles first
    sys.exit(code)


def _say_warning(message: Warning | str, *_: object, **_more: object) -> None:
    """Show a warning of Python's as all others, without the line of code that it comes from."""
    note(f"warning: {message}")


NEW_OBJECTS = 500_000
"""Between two of Python's searches for cycles: what imports make stays, and looking through it as
often as Python does by itself is a twentieth of a start."""
LIBRARIES = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Settings of libraries, if nobody has given others: NumPy's matrices are small here, and threads
for them wait for work by being busy, a twentieth of a start; nor does anybody look for plugins."""
BARE = {"--save-tags": "--save-tags=npy"}
"""Options that may stand without their value, and what they mean then."""


def run_command(arguments: Sequence[str]) -> int:
    """Run the command line `arguments` and return its exit code; never raises for bad input."""
    try:
        return _run(arguments)
    finally:  # how much it said is of this command only
        set_voice(Voice.USUAL)


def _run(arguments: Sequence[str]) -> int:
    started_s = time.perf_counter()
    try:
        words = [BARE.get(word, word) for word in arguments] or ["--help"]
        code = app(args=words, prog_name="netsim", standalone_mode=False)
        sys.stdout.flush()
    except ConfigError as error:
        return _complain(map(str, error.faults))
    except ProtocolError as error:  # a variant breaks what its kind promises, or no kernel compiles
        say(str(error))
        return EXIT_FAILED
    except ClickFault as error:
        return _complain([error.format_message()])  # type: ignore[attr-defined]  # click's own
    except BrokenPipeError:
        # The reader has gone; whatever is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (OSError, OutputError, WorkerError) as error:
        say(_with_name(error))
        return EXIT_FAILED
    note(f"done in {time.perf_counter() - started_s:.1f} s", Voice.MORE)
    return code if isinstance(code, int) else 0


def _with_name(error: OSError | OutputError | WorkerError) -> str:
    """What the system says, with what it is about also where that is the output of the command."""
    if isinstance(error, OSError) and error.filename is None:
        try:
            typer.echo()  # What did not fit is no longer in its buffer.
        except OSError:
            return f"standard output cannot be written: {error.strerror or error}"
    return str(error)


def _complain(faults: Iterable[str]) -> int:
    for fault in faults:
        say(fault)
    return EXIT_BAD_INPUT
