"""Covering: who sits where, so that every wanted pair of users are neighbours somewhere.

Sites are the labels of a comb (or of one period of a rotating pattern, `netsim.plan.rotation`),
symbols the users. Simulated annealing: a move exchanges the symbols of two sites or gives one site
another symbol, and costs the pairs it leaves without a lane less those that it serves [1]_.

It knows no labels, pumps or rates: a `Puzzle` says who neighbours whom and which pairs count.

References
----------
.. [1] Kirkpatrick, Gelatt and Vecchi, Science 220, 671 (1983).
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from protocols.compiled import kernel

Sites = NDArray[np.int64]
"""Symbol of every site."""

HOT, COLD = 0.13, 0.11
"""Temperatures, in pairs, at which an annealing begins and ends. Found by trial with 10 to 40
users: at 0.2 a pattern melts, around 0.12 it settles, below 0.1 it moves no more."""
CHUNK_MOVES = 400_000
"""Between two looks at the clock and at Ctrl-C: some 50 ms."""


class Puzzle(NamedTuple):
    """Which symbols go to which sites, so that every wanted pair is neighboured somewhere.

    A named tuple, because kernels take it whole.

    Attributes
    ----------
    neighbours : (sites, K) int64
        Neighbouring sites; -1 for none.
    turns : (sites, K) int64
        -1, 0 or 1: by how many steps the neighbour's symbol is rotated as seen from here.
    pair_of : (3, symbols + 1, symbols + 1) int64
        ``pair_of[turn + 1, one, other]``: which pair two symbols make; ``pairs`` if it is none that
        is wanted. The last symbol is nobody: it is exchanged, never created or removed.
    pairs : int
        Number of wanted pairs.
    """

    neighbours: Sites
    turns: Sites
    pair_of: Sites
    pairs: int

    @property
    def nobody(self) -> int:
        """Symbol of a site that is left empty."""
        return int(self.pair_of.shape[1]) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """The best that an annealing found.

    Attributes
    ----------
    symbols : (sites,) int64
    missing : int
        Wanted pairs without a lane.
    """

    symbols: Sites
    missing: int


def plain_puzzle(neighbours: Sites, symbols: int, pairs: Sequence[tuple[int, int]]) -> Puzzle:
    """A puzzle without rotation: pairs of ``symbols`` users on a table of neighbours."""
    pair_of = np.full((3, symbols + 1, symbols + 1), len(pairs), dtype=np.int64)
    for k, (one, other) in enumerate(pairs):
        pair_of[:, one, other] = pair_of[:, other, one] = k
    return Puzzle(neighbours, np.zeros_like(neighbours), pair_of, len(pairs))


def anneal(
    rng: Generator,
    puzzle: Puzzle,
    start: Sites,
    moves: int,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Cover:
    """Search for ``moves`` moves or until nothing is missing.

    Parameters
    ----------
    rng : Generator
    puzzle : Puzzle
    start : (sites,) int64
        Is not changed; its number of empty sites stays.
    moves : int
        >= 1.
    should_stop : callable
        Asked between chunks of moves.
    """
    symbols, best = start.copy(), start.copy()
    covers = np.zeros(puzzle.pairs + 1, dtype=np.int64)
    missing = np.full(2, count_covers(symbols, covers, puzzle), dtype=np.int64)
    cooling = (COLD / HOT) ** (1.0 / moves)
    for first in range(0, moves, CHUNK_MOVES):
        if missing[1] == 0 or should_stop():
            break
        chunk = min(moves - first, CHUNK_MOVES)
        temperature = HOT * cooling**first
        anneal_cover(rng, symbols, best, covers, missing, puzzle, chunk, temperature, cooling)
    return Cover(best, int(missing[1]))


@kernel
def count_covers(symbols: Sites, covers: Sites, puzzle: Puzzle) -> int:
    """Fill ``covers`` with the number of lanes of every pair; return how many have none.

    A neighbourhood is in the table of both its sites, and counted at the one with the lower number.
    """
    covers[:] = 0
    for v in range(symbols.size):
        for k in range(puzzle.neighbours.shape[1]):
            w = puzzle.neighbours[v, k]
            if w > v:
                covers[puzzle.pair_of[puzzle.turns[v, k] + 1, symbols[v], symbols[w]]] += 1
    missing = 0
    for pair in range(covers.size - 1):
        if covers[pair] == 0:
            missing += 1
    return missing


@kernel
def change_symbol(site: int, symbol: int, symbols: Sites, covers: Sites, puzzle: Puzzle) -> int:
    """Give a site another symbol; return by how many the missing pairs grow.

    No site may neighbour itself.
    """
    nothing = covers.size - 1
    old = symbols[site]
    grown = 0
    for k in range(puzzle.neighbours.shape[1]):
        other = puzzle.neighbours[site, k]
        if other < 0:
            continue
        turn = puzzle.turns[site, k] + 1
        lost = puzzle.pair_of[turn, old, symbols[other]]
        won = puzzle.pair_of[turn, symbol, symbols[other]]
        covers[lost] -= 1
        if covers[lost] == 0 and lost != nothing:
            grown += 1
        covers[won] += 1
        if covers[won] == 1 and won != nothing:
            grown -= 1
    symbols[site] = symbol
    return grown


@kernel
def anneal_cover(
    rng: Generator,
    symbols: Sites,
    best: Sites,
    covers: Sites,
    missing: Sites,
    puzzle: Puzzle,
    moves: int,
    temperature: float,
    cooling: float,
) -> None:
    """Make ``moves`` moves, or fewer if nothing is missing any more.

    Parameters
    ----------
    rng : Generator
    symbols : (sites,) int64
        Is changed, and ``covers`` with it.
    best : (sites,) int64
        Output: ``symbols`` where least was missing.
    covers : (pairs + 1,) int64
        Of ``symbols``, as `count_covers` fills it.
    missing : (2,) int64
        Pairs without a lane, now and at best.
    puzzle : Puzzle
    moves : int
    temperature, cooling : float
        The temperature before the first move, and its factor from move to move.
    """
    sites, nobody = symbols.size, puzzle.pair_of.shape[1] - 1
    for _ in range(moves):
        temperature *= cooling
        site = int(rng.random() * sites)
        other, old = -1, symbols[site]
        if rng.random() < 0.5:
            other = int(rng.random() * sites)
            new = symbols[other]
        else:
            new = int(rng.random() * nobody)
        if new == old or (other < 0 and old == nobody):
            continue
        grown = change_symbol(site, new, symbols, covers, puzzle)
        if other >= 0:
            grown += change_symbol(other, old, symbols, covers, puzzle)
        if grown <= 0 or rng.random() < math.exp(-grown / temperature):
            missing[0] += grown
            if missing[0] < missing[1]:
                missing[1] = missing[0]
                for v in range(sites):  # compiled far quicker than a slice
                    best[v] = symbols[v]
                if missing[1] == 0:
                    return
            continue
        if other >= 0:
            change_symbol(other, new, symbols, covers, puzzle)
        change_symbol(site, old, symbols, covers, puzzle)
