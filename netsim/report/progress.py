"""Progress of long work on stderr: done, rate, remaining time; silent where no one looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from netsim.studies.watch import TaskWatch
from netsim.units import s_from_ps


class _RateColumn(ProgressColumn):
    """What is done per second, in a unit."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Show a dash until there is something to divide."""
        return Text(f"- {self._unit}" if not task.speed else f"{task.speed:.1f} {self._unit}")


@contextmanager
def progress_bar(duration_ps: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Show a bar on `console` while entered, if it is a terminal.

    Yields
    ------
    callable
        To be called with the simulated picoseconds done so far.
    """
    done = TextColumn("{task.completed:.1f} of {task.total:.1f} s of light")
    with _bar(console, done, rate="x real time") as bar:
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
    with _bar(console, TextColumn(f"{{task.completed:.0f}} of {{task.total:.0f}} {pieces}")) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def task_bar(pieces: str, console: Console, should_stop: Callable[[], bool]) -> Iterator[TaskWatch]:
    """Show a bar of tags while entered, if ``console`` is a terminal, and a line for every task.

    Parameters
    ----------
    pieces : str
        What the tasks are, such as ``figures``.
    """
    columns = (
        TextColumn("{task.description}"),
        TextColumn("{task.completed:.0f} of {task.total:.0f} Mtag"),
    )
    with _bar(console, *columns, rate="Mtag/s") as bar:
        task = bar.add_task("", total=1.0)
        ended = asked = 0

        def start(tags: float, tasks: int) -> None:
            nonlocal asked
            asked = tasks
            bar.update(task, total=tags / 1e6, description=f"0 of {tasks} {pieces}")

        def end(line: str) -> None:
            nonlocal ended
            ended += 1
            bar.update(task, description=f"{ended} of {asked} {pieces}")
            console.print(Text(f"netsim: {ended}/{asked} {line}"))

        yield TaskWatch(
            on_start=start,
            on_progress=lambda tags: bar.update(task, completed=tags / 1e6),
            on_ended=end,
            should_stop=should_stop,
        )


def _bar(console: Console, *columns: ProgressColumn, rate: str = "") -> Progress:
    """A bar behind ``columns``; with a unit ``rate``, also what is done per second."""
    rates = [_RateColumn(rate)] if rate else []
    return Progress(
        *columns,
        BarColumn(bar_width=None),
        *rates,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
