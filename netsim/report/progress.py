"""Progress of long work on stderr: done, rate, remaining time; silent where no one looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from netsim.units import s_from_ps


class _RateColumn(ProgressColumn):
    """Simulated seconds per second."""

    def render(self, task: Task) -> Text:
        """Show a dash until there is something to divide."""
        return Text("- x real time" if not task.speed else f"{task.speed:.1f} x real time")


@contextmanager
def progress_bar(duration_ps: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Show a bar on `console` while entered, if it is a terminal.

    Yields
    ------
    callable
        To be called with the simulated picoseconds done so far.
    """
    columns = (
        TextColumn("{task.completed:.1f} of {task.total:.1f} s of light"),
        BarColumn(bar_width=None),
        _RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=s_from_ps(duration_ps))
        yield lambda done_ps: bar.update(task, completed=s_from_ps(done_ps))


@contextmanager
def count_bar(total: int, pieces: str, console: Console) -> Iterator[Callable[[int], None]]:
    """The same for ``total`` equal ``pieces`` of work.

    Yields
    ------
    callable
        To be called with the number of pieces done so far.
    """
    columns = (
        TextColumn(f"{{task.completed:.0f}} of {{task.total:.0f}} {pieces}"),
        BarColumn(bar_width=None),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
