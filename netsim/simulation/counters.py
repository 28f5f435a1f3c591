"""Who counts the clicks of a run: each is told of those of its two users, and of the end."""

from collections.abc import Iterable

from netsim.frames import ClickFrame
from netsim.simulation.scoring import DifferenceHistogram, LaneScorer

Counter = LaneScorer | DifferenceHistogram


class Counters:
    """Hands clicks to whoever counts them.

    Parameters
    ----------
    users : iterable of str
        All of the network.
    counters : iterable of ((str, str), Counter)
        By the two users whose clicks they count.
    """

    def __init__(
        self, users: Iterable[str], counters: Iterable[tuple[tuple[str, str], Counter]]
    ) -> None:
        known = list(counters)
        self._all = [counter for _, counter in known]
        self._of = {name: [counter for both, counter in known if name in both] for name in users}

    def add(self, user: str, frame: ClickFrame) -> None:
        """Take the next frame of a user; KeyError for one who is not of the network."""
        for counter in self._of[user]:
            counter.add(user, frame)

    def finish(self) -> None:
        """No more clicks will come."""
        for counter in self._all:
            counter.finish()
