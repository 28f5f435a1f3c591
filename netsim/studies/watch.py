"""Who watches a study: is told what it does, and may stop it; knows nothing of the work."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskWatch:
    """Whom a study tells what it does, and who may stop it.

    Attributes
    ----------
    on_start : callable
        Takes the number of tags to make and the number of tasks to end.
    on_progress : callable
        Takes the number of tags made so far.
    on_ended : callable
        Takes a line about each task as it ends.
    should_stop : callable
    """

    on_start: Callable[[float, int], None]
    on_progress: Callable[[float], None]
    on_ended: Callable[[str], None]
    should_stop: Callable[[], bool]


SILENT = TaskWatch(
    on_start=lambda _tags, _tasks: None,
    on_progress=lambda _tags: None,
    on_ended=lambda _line: None,
    should_stop=lambda: False,
)
