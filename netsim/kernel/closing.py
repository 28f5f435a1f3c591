"""What is open for a while and closed for certain."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Base of whatever has a `close`: a ``with`` block calls it at its end, come what may."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Let go of the file, or whatever else is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
