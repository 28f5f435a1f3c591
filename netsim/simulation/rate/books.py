"""Where the books of a run at the rate level go: rounds as columns, all else as rows and lines.

Without a directory, whoever asks for rows and lines gets those of the rounds among the others, when
the run is over.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from netsim.kernel.trace import EventName, FileSink, MemorySink, Trace
from netsim.pools.ledger import Movement, MovementSink
from netsim.pools.ledgerfile import LedgerFile
from netsim.pools.roundrows import all_events, all_movements
from netsim.pools.rounds import RoundFile, Rounds
from netsim.results.directory import EVENTS, LEDGER, ROUNDS
from netsim.simulation.request import RunRequest


class RateBooks:
    """Books of one run. As a context its files are open.

    Parameters
    ----------
    request : RunRequest

    Attributes
    ----------
    rows : MovementSink
        For movements that belong to no round.
    trace : Trace
        For such events.
    """

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._users = [user.name for user in request.topology.users]
        self._stack = ExitStack()
        self._file: RoundFile | None = None
        self._kept: list[Rounds] = []
        self._is_told = request.sink is not None or request.movements is not None
        self._rows: list[Movement] = []
        self._lines = MemorySink()
        self.rows: MovementSink = self._rows
        self.trace = Trace(self._lines)

    def __enter__(self) -> Self:
        """Open the files."""
        if (out := self._request.out) is not None:
            with ExitStack() as stack:
                self._open(stack, out)
                self._stack = stack.pop_all()
        return self

    def _open(self, stack: ExitStack, out: Path) -> None:
        self._file = stack.enter_context(RoundFile(out / ROUNDS))
        self.rows = stack.enter_context(LedgerFile(out / LEDGER))
        self.trace = stack.enter_context(Trace(FileSink(out / EVENTS)))

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def append(self, rounds: Rounds) -> None:
        """Book rounds that are over; of one time, and never earlier than those before."""
        if self._file is not None:
            self._file.append(rounds)
        elif self._is_told:
            self._kept.append(rounds)

    def tell(self) -> None:
        """Hand rows and lines to whoever has asked for them."""
        if self._request.out is not None or not self._is_told:
            return
        if self._request.movements is not None:
            for row in all_movements(self._rows, self._kept, self._users):
                self._request.movements.append(row)
        trace = Trace(self._request.sink)
        for event in all_events(self._lines.events, self._kept, self._users):
            trace.emit(EventName(event.pop("event")), **event)
        trace.close()
