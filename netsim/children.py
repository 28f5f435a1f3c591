"""Processes that are started to work beside this one, and Ctrl-C, which is for this one alone."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from multiprocessing.process import BaseProcess


@contextmanager
def ctrl_c_withheld(*others: signal.Signals) -> Iterator[None]:
    """Keep Ctrl-C waiting while entered; a process that starts meanwhile never gets it.

    Without it one that still loads its modules would end in a traceback. On Windows nothing is
    withheld.

    Parameters
    ----------
    others : signal.Signals
        Withheld as well: of these, who starts such a process has to end it by SIGKILL.
    """
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker  # noqa: PLC0415  # not on Windows

    # It would be started with the first process, and by that let through what is withheld.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *others})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def children_started() -> Iterator[list[BaseProcess]]:
    """Processes that this one starts by `multiprocessing` while entered: in the list afterwards."""
    earlier = active_children()
    started: list[BaseProcess] = []
    yield started
    started += [child for child in active_children() if child not in earlier]
