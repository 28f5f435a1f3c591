"""Who counts the clicks of a run: each is told of those of its two users, and of the end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np

from netsim.frames import ClickFrame
from netsim.physics.encodings.settings import Turns
from netsim.simulation.scoring import NO_TURNS, DifferenceHistogram, LaneScorer

Counter = LaneScorer | DifferenceHistogram

FRAMES_AT_ONCE = 16
"""Frames that are counted together; where time is cut changes no count."""
CLICKS_AT_ONCE = 1 << 15
"""Clicks of a user, in the mean, that are enough."""


class Counters:
    """Hands clicks to whoever counts them, several frames at a time.

    Parameters
    ----------
    users : iterable of str
        All of the network.
    counters : iterable of ((str, str), Counter)
        By the two users whose clicks they count.
    turns : mapping
        User to frames in which its analysers are turned: these are told apart.
    """

    def __init__(
        self,
        users: Iterable[str],
        counters: Iterable[tuple[tuple[str, str], Counter]],
        turns: Mapping[str, Turns] = NO_TURNS,
    ) -> None:
        known = list(counters)
        self._all = [counter for _, counter in known]
        self._of = {name: [counter for both, counter in known if name in both] for name in users}
        self._turns = tuple(turns.values())
        self._waiting: dict[str, list[ClickFrame]] = {name: [] for name in self._of}
        self._clicks = 0

    def add(self, user: str, frame: ClickFrame) -> None:
        """Take the next frame of a user; KeyError for one who is not of the network."""
        self._waiting[user].append(frame)
        self._clicks += frame.clicks.size
        all_have = min(map(len, self._waiting.values()))
        is_much = self._clicks >= CLICKS_AT_ONCE * len(self._waiting)
        if all_have >= FRAMES_AT_ONCE or (all_have and is_much):
            self.count()

    def count(self) -> None:
        """Hand out the frames that all users have."""
        all_have = min(map(len, self._waiting.values()), default=0)
        for user, waiting in self._waiting.items():
            for frame in self._joined(waiting[:all_have]):
                self._clicks -= frame.clicks.size
                for counter in self._of[user]:
                    counter.add(user, frame)
            del waiting[:all_have]

    def finish(self) -> None:
        """No more clicks will come."""
        self.count()
        for counter in self._all:
            counter.finish()

    def _joined(self, frames: Sequence[ClickFrame]) -> Iterator[ClickFrame]:
        """Consecutive frames as one, as long as nobody turns."""
        for _, alike in groupby(frames, self._turned_in):
            first, *others = alike
            if not others:
                yield first
                continue
            clicks = np.concatenate([first.clicks, *(frame.clicks for frame in others)])
            yield ClickFrame(first.index, others[-1].stop_ps, clicks, 1 + len(others))

    def _turned_in(self, frame: ClickFrame) -> tuple[bool, ...]:
        """Which of the users who do so have turned."""
        return tuple([turns.is_turned(frame.index) for turns in self._turns])
