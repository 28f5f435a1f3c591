"""What books and pools ask of where a user's key is kept."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from netsim.pools.key import Key, KeyBlock, Piece
from protocols import events


class KeyStore(Protocol):
    """The keys of one user, all links: `netsim.pools.store.UserStore`, or anything alike."""

    def open_link(self, link: str, pads: bytes) -> None:
        """Take in the pre-shared ``pads`` of a new link."""
        ...

    def apply(self, link: str, step: Iterable[events.Event]) -> None:
        """Take in the events of one step, all or none."""
        ...

    def blocks(self, link: str) -> Iterator[KeyBlock]:
        """Blocks of ``link`` that are or were usable, ascending rounds."""
        ...

    def stock_bits(self, link: str) -> int:
        """Usable bits of ``link``."""
        ...

    def draw(self, link: str, size_bits: int) -> Key:
        """Take ``size_bits`` out of the oldest blocks, once and for good; or ShortageError."""
        ...

    def fetch(self, link: str, pieces: Iterable[Piece]) -> Key:
        """Take the bits of ``pieces``, once and for good; or KeyError."""
        ...
