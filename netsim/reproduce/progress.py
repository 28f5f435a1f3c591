"""Progress of a reproduction on stderr: tags made, rate, time left, a line a finished figure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from netsim.reproduce.runner import Finished, Watch
from netsim.reproduce.summary import finished_line


class _RateColumn(ProgressColumn):
    """Millions of time tags per second."""

    def render(self, task: Task) -> Text:
        """Show a dash until there is something to divide."""
        return Text("- Mtag/s" if not task.speed else f"{task.speed:.1f} Mtag/s")


@contextmanager
def watching(console: Console, should_stop: Callable[[], bool]) -> Iterator[Watch]:
    """Show a bar while entered, if ``console`` is a terminal, and a line for every figure."""
    columns = (
        TextColumn("{task.description}"),
        TextColumn("{task.completed:.0f} of {task.total:.0f} Mtag"),
        BarColumn(bar_width=None),
        _RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=1.0)
        done = 0
        asked = 0

        def start(tags: float, figures: int) -> None:
            nonlocal asked
            asked = figures
            bar.update(task, total=tags / 1e6, description=f"0 of {figures} figures")

        def finish(finished: Finished) -> None:
            nonlocal done
            done += 1
            bar.update(task, description=f"{done} of {asked} figures")
            console.print(Text(f"netsim: {done}/{asked} {finished_line(finished)}"))

        yield Watch(
            on_start=start,
            on_progress=lambda tags: bar.update(task, completed=tags / 1e6),
            on_finished=finish,
            should_stop=should_stop,
        )
