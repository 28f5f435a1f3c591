"""The key pool of one end of one link: a view of what its user has stored."""

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from netsim.pools.interface import KeyStore
from netsim.pools.key import Key, KeyBlock, Piece, is_same, pieces_of
from netsim.pools.ledger import Account, Ledger, Movement
from netsim.printable import count_text


class Pool:
    """Usable key of one end of a link.

    Blocks come in when the store settles them, each under the round that made it, which is the same
    round at the other end. With `take` an application draws key at one end, and tells its id; with
    `get` somebody fetches the same bits at the other end. Each bit leaves a pool once, and the
    store has forgotten it before it is handed out.

    Two ends that take at the same time take the same bits, for two purposes. So who may take is to
    be agreed on by the two of them: one end for both, or one after the other.

    Parameters
    ----------
    link, end : str
        Names as they appear in ledger and store.
    store : UserStore
        Of the user at this end.
    ledger : Ledger
        Takes the bits that leave the pool as spent.
    """

    def __init__(self, link: str, end: str, *, store: KeyStore, ledger: Ledger) -> None:
        self.link = link
        self.end = end
        self._store = store
        self._ledger = ledger

    @property
    def level_bits(self) -> int:
        """Usable secret bits."""
        return self._store.stock_bits(self.link)

    def blocks(self) -> Iterator[KeyBlock]:
        """All blocks that ever were in the pool, ascending rounds, one at a time."""
        return self._store.blocks(self.link)

    def take(self, size_bits: int, *, time_ps: int, into: Account = Account.SPENT) -> Key:
        """Hand out the oldest ``size_bits`` of the pool.

        Parameters
        ----------
        size_bits : int
            At least 1.
        time_ps : int
            Simulated time, for the ledger.
        into : Account
            Where the ledger has the bits go.

        Raises
        ------
        ShortageError
            There are fewer; none is taken.
        ValueError
            For a size below 1.
        """
        if size_bits < 1:
            raise ValueError(f"a key of {size_bits} bits")
        return self._spent(self._store.draw(self.link, size_bits), time_ps, into)

    def get(self, key_id: str, *, time_ps: int, into: Account = Account.SPENT) -> Key:
        """Hand out the bits that were taken under ``key_id`` at the other end.

        Raises
        ------
        KeyError
            Some of the bits are not in the pool: never were, not yet, or not any more. None is
            taken.
        ValueError
            For what is no id.
        """
        return self._spent(self._store.fetch(self.link, pieces_of(key_id)), time_ps, into)

    def _spent(self, key: Key, time_ps: int, into: Account) -> Key:
        for piece in pieces_of(key.id):
            self._ledger.append(self._spending(piece, time_ps, into))
        return key

    def _spending(self, piece: Piece, time_ps: int, into: Account) -> Movement:
        way = (Account.POOL, into)
        return Movement(time_ps, self.link, self.end, piece.round, *way, piece.size_bits)

    def fingerprint(self) -> str:
        """SHA-256 over ids, sizes and bits: equal at both ends if and only if the pools are."""
        digest = hashlib.sha256()
        for block in self.blocks():
            left = ",".join(f"{piece.start}-{piece.stop}" for piece in block.left)
            head = f"{block.round}:{block.size_bits}:{left}:{len(block.key)}:"
            digest.update(head.encode() + block.key)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Blocks of the two ends of a link, bit for bit; of several links they add up."""

    equal: int = 0
    """Both have them, and the same bits."""
    unequal: int = 0
    """Both have them, with different bits: what must never happen."""
    lone: int = 0
    """Only one end has them: in doubt at the other when the run ended."""

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(
            self.equal + other.equal, self.unequal + other.unequal, self.lone + other.lone
        )

    def __str__(self) -> str:
        """In words."""
        if self.unequal:
            return f"KEYS DIFFER: {self.unequal} blocks are not the same at both ends"
        waiting = f"; {self.lone} at one end only, in doubt at the other" if self.lone else ""
        return f"{count_text(self.equal, 'block')} in the pools of both ends{waiting}"


NOTHING_COMPARED = Comparison()


def compare_pools(one: Pool, other: Pool) -> Comparison:
    """Compare the two ends of a link, as only somebody outside of it can; a block at a time."""
    equal = unequal = lone = 0
    for found in _side_by_side(one, other):
        if len(found) == 1:
            lone += 1
        elif is_same(*found):
            equal += 1
        else:
            unequal += 1
    return Comparison(equal, unequal, lone)


def _side_by_side(one: Pool, other: Pool) -> Iterator[tuple[KeyBlock, ...]]:
    """Blocks of both ends by round: two, or one where the other end has none."""
    by_round = attrgetter("round")
    blocks = heapq.merge(one.blocks(), other.blocks(), key=by_round)
    for _, found in groupby(blocks, key=by_round):
        yield tuple(found)
