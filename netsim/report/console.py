"""The consoles that tables and progress go to: they show text, and let none of it act."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from netsim.printable import printable


class PlainConsole(Console):
    """A `rich` console that shows control characters of what is printed as escapes.

    Brackets and colons are text as well: nothing is markup, whoever has written it.

    Parameters
    ----------
    **options
        As of `rich.console.Console`, without ``markup`` and ``emoji``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Segments of ``renderable``; those that are rich's own commands stay as they are."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)
