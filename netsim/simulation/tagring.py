"""Tags on their way from the process that makes light to the one that has the parties."""

from collections import deque
from collections.abc import Sequence
from multiprocessing.context import SpawnContext
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tags = NDArray[np.int64]


class TagRing:
    """Memory of two processes: one puts frames in, the other takes them out, in the same order.

    Parameters
    ----------
    context : SpawnContext
        Of the processes; what is made by it may be handed to one as it starts.
    size : int
        Tags that it holds, >= 1.
    """

    def __init__(self, context: SpawnContext, size: int) -> None:
        self._size = size
        self._memory: Any = context.RawArray("q", size)
        self._held: deque[int] = deque()
        """Where frames begin that are in it, without regard to its end."""
        self._next = 0

    def may_hold(self, frames: Sequence[Tags]) -> bool:
        """Whether the tags of several users fit in, once it is empty."""
        return sum(tags.size for tags in frames) <= self._size

    def put(self, frames: Sequence[Tags]) -> int | None:
        """Put in the tags of several users behind each other.

        Returns
        -------
        int or None
            Where they are; None if there is no room for them yet.
        """
        size = sum(tags.size for tags in frames)
        begin = self._next
        if begin % self._size + size > self._size:
            begin += self._size - begin % self._size
        if self._held and begin + size - self._held[0] > self._size:
            return None
        self._held.append(begin)
        self._next = begin + size
        words, at = self._words, begin % self._size
        for tags in frames:
            words[at : at + tags.size] = tags
            at += tags.size
        return begin % self._size

    def free(self) -> None:
        """Let the oldest frame go, whose tags have been taken."""
        self._held.popleft()

    def take(self, begin: int, sizes: Sequence[int]) -> list[Tags]:
        """Tags of the users of a frame, as they were put in; copies."""
        ends = begin + np.cumsum(sizes)
        words = self._words
        return [words[end - size : end].copy() for end, size in zip(ends, sizes, strict=True)]

    def close(self) -> None:
        """Let go of the memory; nothing can be put in or taken out any more."""
        self._memory = None

    @property
    def _words(self) -> Tags:
        return np.frombuffer(self._memory, dtype=np.int64)
