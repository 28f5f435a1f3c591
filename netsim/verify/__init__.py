"""Rechecks the books of a run from what it has left on disk, and says what is wrong where.

It trusts no figure that it can work out again: levels are summed from the ledger, the summary from
the ledger and the counts, both ends are compared with each other and with the users' stores. It
simulates nothing.
"""

from pathlib import Path

from netsim.errors import Fault
from netsim.verify.books import book_faults
from netsim.verify.demand import demand_faults
from netsim.verify.ends import end_faults
from netsim.verify.events import event_faults
from netsim.verify.moves import move_faults
from netsim.verify.records import read_records
from netsim.verify.scored import scored_faults
from netsim.verify.stores import store_faults
from netsim.verify.summary import summary_faults


def state_of(directory: Path) -> str:
    """How the run in ``directory`` ended, in words; empty if at its end."""
    records = read_records(directory)
    if records.summary is None:
        return "it was killed: checked up to the last complete line"
    return "" if records.is_whole else "it was stopped before its time"


def verify_run(directory: Path) -> tuple[Fault, ...]:
    """Recheck the run in ``directory``.

    Parameters
    ----------
    directory : Path
        What was given to ``netsim run --out`` or ``netsim distil --out``. A run that was
        interrupted may have rounds open and blocks in doubt; of one that was killed, which has no
        summary, ledger and events are checked up to their last complete line.

    Returns
    -------
    tuple of Fault
        Each with the place (file and line, or file, link, end and block); empty if all is well.

    Raises
    ------
    ConfigError
        It is no run directory, or a file in it cannot be read.
    """
    records = read_records(directory)
    return (
        *book_faults(records),
        *end_faults(records),
        *event_faults(records),
        *move_faults(records),
        *summary_faults(records),
        *scored_faults(records),
        *store_faults(records),
        *demand_faults(records),
    )
