"""The application: its commands in the order of the help, and what becomes of their errors."""

import gc
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated

import typer

from netsim.cli import (
    admit,
    board,
    compare,
    distil,
    extend,
    fit,
    inspect,
    plan,
    pools,
    reconcile,
    report,
    reproduce,
    run,
    schema,
    serve,
    sweep,
    topologies,
    twin,
    validate,
    variants,
    verify,
    warmup,
)
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
from netsim.errors import ConfigError, OutputError
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
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say versions and how long it took as well.")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="No warnings, hints and progress; errors are said.")
]
ClickFault: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException, base of all faults of usage; newer versions of typer carry their own click."""


def register(
    command: Callable[..., None],
    examples: Sequence[str],
    more: str = "",
    *,
    name: str | None = None,
) -> None:
    """Make ``command`` one of `app`.

    Parameters
    ----------
    command : callable
        Its signature is the command's, its docstring the help.
    examples : sequence of str
        Whole command lines, shown below the help.
    more : str
        Markdown shown below the examples.
    name : str, optional
        Without it, that of the function.
    """
    if len(examples) == 1:
        shown = f"Example: {examples[0]}"
    else:
        shown = "Examples:\n\n" + "\n".join(f"* {example}" for example in examples)
    app.command(name, epilog=f"{shown}\n\n{more}".strip() + "\n")(_acknowledged(command))


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


register(run.run, run.EXAMPLES)
register(extend.extend, extend.EXAMPLES)
register(twin.twin, twin.EXAMPLES)
register(topologies.list_topologies, topologies.LIST_EXAMPLES, name="list")
register(topologies.new, topologies.NEW_EXAMPLES)
register(topologies.show, topologies.SHOW_EXAMPLES)
register(validate.validate, validate.EXAMPLES)
register(schema.schema, schema.EXAMPLES)
register(variants.variants, variants.EXAMPLES)
register(report.report, report.EXAMPLES)
register(pools.pools, pools.EXAMPLES)
register(verify.verify, verify.EXAMPLES)
register(serve.serve, serve.EXAMPLES)
register(compare.compare, compare.EXAMPLES)
register(sweep.sweep, sweep.EXAMPLES)
register(reconcile.reconcile, reconcile.EXAMPLES)
register(distil.distil, distil.EXAMPLES, distil.FORMATS)
register(inspect.inspect, inspect.EXAMPLES, distil.FORMATS)
register(fit.fit, fit.EXAMPLES)
register(plan.plan, plan.EXAMPLES, plan.MORE)
register(admit.admit, admit.EXAMPLES)
register(reproduce.reproduce, reproduce.EXAMPLES)
register(board.board, board.EXAMPLES)
register(warmup.warmup, warmup.EXAMPLES)


def main() -> None:
    """Run the console script ``netsim``; what goes to a stream that the shell closed is lost."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    warnings.showwarning = _say_warning
    code = run_command(sys.argv[1:])
    gc.freeze()  # what is left ends with the process, and need not be searched for cycles first
    sys.exit(code)


def _say_warning(message: Warning | str, *_: object, **_more: object) -> None:
    """Show a warning of Python's as all others, without the line of code that it comes from."""
    note(f"warning: {message}")


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
    except ProtocolError as error:  # of a variant that breaks what its kind promises
        say(str(error))
        return EXIT_FAILED
    except ClickFault as error:
        return _complain([error.format_message()])  # type: ignore[attr-defined]  # click's own
    except BrokenPipeError:
        # The reader has gone; whatever is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (OSError, OutputError) as error:
        say(_with_name(error))
        return EXIT_FAILED
    note(f"done in {time.perf_counter() - started_s:.1f} s", Voice.MORE)
    return code if isinstance(code, int) else 0


def _with_name(error: OSError | OutputError) -> str:
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
