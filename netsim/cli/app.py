"""The application: its commands in the order of the help, and what becomes of their errors."""

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import wraps

import typer

from netsim.cli import (
    board,
    compare,
    distil,
    fit,
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
    verify,
)
from netsim.cli.shared import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_INTERRUPTED, say
from netsim.errors import ConfigError, OutputError
from protocols.errors import ProtocolError

app = typer.Typer(
    name="netsim",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Simulate entanglement-based QKD networks, from photons to authenticated key.",
    epilog="Begin with: netsim run two_user --duration 10s",
)
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
    """`command`, which says so where Ctrl-C ends it at once; typer would say nothing."""

    @wraps(command)
    def run_it(*args: object, **options: object) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt as stop:
            say(str(stop) or "interrupted")
            raise typer.Exit(EXIT_INTERRUPTED) from None

    return run_it


register(run.run, run.EXAMPLES)
register(twin.twin, twin.EXAMPLES)
register(topologies.list_topologies, topologies.LIST_EXAMPLES, name="list")
register(topologies.new, topologies.NEW_EXAMPLES)
register(topologies.show, topologies.SHOW_EXAMPLES)
register(validate.validate, validate.EXAMPLES)
register(schema.schema, schema.EXAMPLES)
register(report.report, report.EXAMPLES)
register(pools.pools, pools.EXAMPLES)
register(verify.verify, verify.EXAMPLES)
register(serve.serve, serve.EXAMPLES)
register(compare.compare, compare.EXAMPLES)
register(sweep.sweep, sweep.EXAMPLES)
register(reconcile.reconcile, reconcile.EXAMPLES)
register(distil.distil, distil.EXAMPLES, distil.FORMATS)
register(fit.fit, fit.EXAMPLES)
register(plan.plan, plan.EXAMPLES, plan.MORE)
register(reproduce.reproduce, reproduce.EXAMPLES)
register(board.board, board.EXAMPLES)


def main() -> None:
    """Run the console script ``netsim``; what goes to a stream that the shell closed is lost."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    warnings.showwarning = _say_warning
    sys.exit(run_command(sys.argv[1:]))


def _say_warning(message: Warning | str, *_: object, **_more: object) -> None:
    """Show a warning of Python's as all others, without the line of code that it comes from."""
    say(f"warning: {message}")


def run_command(arguments: Sequence[str]) -> int:
    """Run the command line `arguments` and return its exit code; never raises for bad input."""
    try:
        code = app(args=list(arguments) or ["--help"], prog_name="netsim", standalone_mode=False)
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
        say(str(error))
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def _complain(faults: Iterable[str]) -> int:
    for fault in faults:
        say(fault)
    return EXIT_BAD_INPUT
