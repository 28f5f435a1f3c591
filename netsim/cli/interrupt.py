"""Ctrl-C as a wish: the first asks to stop at the next good place, the second stops at once."""

import signal
import sys
from types import FrameType, TracebackType
from typing import Self


class StopOnInterrupt:
    """While entered, Ctrl-C sets `stopping`; a second one raises KeyboardInterrupt at once.

    So does SIGTERM, which schedulers send. To be entered in the main thread, as `signal.signal` is.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._previous: dict[signal.Signals, object] = {}

    def should_stop(self) -> bool:
        """Whether Ctrl-C was pressed, or the process was told to end."""
        return self.stopping

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what it gave us

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
        print(  # noqa: T201  # before whatever the command prints
            "\nnetsim: stopping as soon as it can; Ctrl-C again stops at once",
            file=sys.stderr,
        )
