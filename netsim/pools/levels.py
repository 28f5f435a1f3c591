"""Levels of pools without any key in them: which bits are there, and none of the bits."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

from netsim.pools.key import Key, KeyBlock, Piece, ShortageError, id_of
from protocols import events


class StockLevels:
    """Stands in for a `UserStore` where there is no key: keeps places of bits for each link.

    Keys that are drawn have ids and sizes as those of a `UserStore`, and no bits.
    """

    def __init__(self) -> None:
        self._pieces: defaultdict[str, deque[Piece]] = defaultdict(deque)
        """What is left, oldest first."""
        self._stock_bits: defaultdict[str, int] = defaultdict(int)

    def open_link(self, link: str, pads: bytes) -> None:
        """Take in a new link; its ``pads`` are not kept."""
        _ = pads
        self._stock_bits[link] = 0

    def apply(self, link: str, step: Iterable[events.Event]) -> None:
        """Take in what becomes usable."""
        for event in step:
            if isinstance(event, events.BlockUsable) and event.key_bits:
                self._pieces[link].append(Piece(event.round, 0, event.key_bits))
                self._stock_bits[link] += event.key_bits

    def blocks(self, link: str) -> Iterator[KeyBlock]:
        """None: there is no key."""
        _ = link
        yield from ()

    def stock_bits(self, link: str) -> int:
        """Usable bits of ``link``."""
        return self._stock_bits[link]

    def draw(self, link: str, size_bits: int) -> Key:
        """Take the oldest ``size_bits``; ShortageError if there are fewer."""
        if size_bits > (held_bits := self._stock_bits[link]):
            raise ShortageError(size_bits, held_bits)
        pieces, missing = [], size_bits
        while missing:
            number, start, stop = self._pieces[link][0]
            pieces.append(Piece(number, start, min(stop, start + missing)))
            missing -= pieces[-1].size_bits
            self._cut(link, pieces[-1])
        return Key(id_of(pieces), b"", size_bits)

    def fetch(self, link: str, pieces: Iterable[Piece]) -> Key:
        """Take the oldest bits if they are ``pieces``; KeyError if not, and none is taken."""
        wanted = tuple(pieces)
        for index, piece in enumerate(wanted):
            held = self._pieces[link][0] if self._pieces[link] else Piece(-1, 0, 0)
            if piece[:2] != held[:2] or piece.stop > held.stop:
                for taken in reversed(wanted[:index]):
                    self._put_back(link, taken)
                raise KeyError(id_of(wanted))
            self._cut(link, piece)
        return Key(id_of(wanted), b"", sum(piece.size_bits for piece in wanted))

    def _cut(self, link: str, piece: Piece) -> None:
        """Take a piece off the front of the oldest one."""
        number, _, stop = self._pieces[link].popleft()
        self._stock_bits[link] -= piece.size_bits
        if piece.stop < stop:
            self._pieces[link].appendleft(Piece(number, piece.stop, stop))

    def _put_back(self, link: str, piece: Piece) -> None:
        """Undo `_cut`."""
        pieces = self._pieces[link]
        self._stock_bits[link] += piece.size_bits
        is_split = bool(pieces) and pieces[0][:2] == (piece.round, piece.stop)
        stop = pieces.popleft().stop if is_split else piece.stop
        pieces.appendleft(Piece(piece.round, piece.start, stop))
