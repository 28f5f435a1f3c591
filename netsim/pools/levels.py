"""Levels of pools without any key in them: what a store says of its stock, and no more."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from netsim.pools.key import Key, KeyBlock, Piece
from protocols import events


class StockLevels:
    """Stands in for a `UserStore` where nobody draws key: keeps a number for each link."""

    def __init__(self) -> None:
        self._stock_bits: defaultdict[str, int] = defaultdict(int)

    def open_link(self, link: str, pads: bytes) -> None:
        """Take in a new link; its ``pads`` are not kept."""
        _ = pads
        self._stock_bits[link] = 0

    def apply(self, link: str, step: Iterable[events.Event]) -> None:
        """Count what becomes usable."""
        self._stock_bits[link] += sum(
            event.key_bits for event in step if isinstance(event, events.BlockUsable)
        )

    def blocks(self, link: str) -> Iterator[KeyBlock]:
        """None: there is no key."""
        _ = link
        yield from ()

    def stock_bits(self, link: str) -> int:
        """Usable bits of ``link``."""
        return self._stock_bits[link]

    def draw(self, link: str, size_bits: int) -> Key:
        """There is no key to take: LookupError."""
        raise LookupError(f"{link}: {size_bits} bits asked for, but only levels are simulated")

    def fetch(self, link: str, pieces: Iterable[Piece]) -> Key:
        """There is no key to take: LookupError."""
        return self.draw(link, sum(piece.size_bits for piece in pieces))
