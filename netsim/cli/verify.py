"""`netsim verify`: recheck the books of a run."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

import typer

from netsim.cli.shared import EXIT_FAILED, RunDirectory, say, tell

EXAMPLES = ("netsim verify results",)


def verify(directory: RunDirectory) -> None:
    """Recheck the books of a run or of two recordings from the files that they have left.

    Both ends, levels, leak, pads, summary.

    Prints one line per fault, with its place, and returns 1 if there is any. Interrupted and killed
    runs may have rounds open and blocks in doubt.
    """
    from netsim.verify import state_of, verify_run

    faults = verify_run(directory)
    for fault in faults:
        tell(str(fault))
    if faults:
        raise typer.Exit(EXIT_FAILED)
    state = state_of(directory)
    say(f"the books of {directory} are in order{f'; {state}' if state else ''}")
