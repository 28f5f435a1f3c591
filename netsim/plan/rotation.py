"""Rotating patterns: a short stretch of ladder that, turned by a cyclic group, serves everybody.

Let the users be copies of Z_q, and one more user that no rotation moves if N = 1 modulo q. Take a
stretch of P rows of a ladder and repeat it q times, each time with all users rotated by one. A pair
that is neighboured in the stretch is then neighboured, rotated, in every repetition: it is enough
that the stretch holds one pair of every *orbit*, N (N - 1) / 2 q of them instead of N (N - 1) / 2
pairs. Two ways to lay P rows q times:

* closed: the rails of a stretch go on in the next one, 3 P neighbourhoods; the last of them does
too
  if the first row is repeated at the end: 2 P q + 2 channels;
* open: nothing is asked of what lies between stretches, 3 P - 2 neighbourhoods; 2 P q channels, or,
  if one label of every stretch stays unused, three neighbourhoods and q channels less.

With N = 6 p + 1, q = N and P = p, the closed pattern needs every one of its 3 p neighbourhoods, and
has N (N - 1) / 3 + 2 channels: the least there can be (`netsim.plan.bounds`). The same is true of N
= 6 p + 4 with q = 2 p + 1 and P = 3 p + 2. Whether a pattern exists no theorem says here; annealing
(`netsim.plan.cover`) has found one for every such N from 13 to 61.

It knows only the numbers of users and channels; everyone wants key with everyone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from netsim.plan.cover import Puzzle, Sites, anneal

MOVES_PER_ORBIT = 100_000
"""Moves of one annealing: two seconds at most for 40 users."""
ATTEMPTS = 6
"""Annealings of each pattern."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A way to lay a stretch of ladder.

    Attributes
    ----------
    order : int
        q above: number of stretches.
    rows : int
        P above.
    is_closed : bool
    holes : int
        Unused labels of a stretch, 0 or 1.
    """

    order: int
    rows: int
    is_closed: bool
    holes: int

    @property
    def sites(self) -> int:
        """Labels of a stretch, used or not."""
        return 2 * self.rows

    @property
    def neighbourhoods(self) -> int:
        """Lanes of one stretch."""
        return 3 * self.rows - (0 if self.is_closed else 2) - 3 * self.holes

    def can_serve(self, users: int) -> bool:
        """Whether it has enough neighbourhoods, and enough labels for every user."""
        copies, fixed = divmod(users, self.order)
        each = -(-(users - 1) // 3)
        needed = copies * each + fixed * -(-each // self.order)
        enough = _orbits(users, self.order)[1] <= self.neighbourhoods
        return needed <= self.sites - self.holes and enough


def rotating_ladder(
    rng: Generator,
    users: int,
    channels: int,
    *,
    holes: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> Sites | None:
    """Users along a ladder that serves every pair with exactly ``channels`` labels.

    Parameters
    ----------
    holes : int
        Unused labels of a stretch, 0 or 1.

    Returns
    -------
    int64 array or None
        User of every label, row by row: 2 r and 2 r + 1 are a rung, v and v + 2 lie on one rail;
        ``users`` where a label stays unused. None if no pattern fits, or none was found.
    """
    for pattern in _patterns(users, channels, holes):
        for _ in range(ATTEMPTS):
            stretch = _anneal_stretch(rng, pattern, users, should_stop)
            if stretch is not None:
                turned = _rotations(users, pattern.order)[:, stretch].reshape(-1)
                return np.concatenate((turned, stretch[: 2 if pattern.is_closed else 0]))
    return None


def _patterns(users: int, channels: int, holes: int) -> Iterator[Pattern]:
    """Patterns of ``channels`` labels that can serve ``users``; the highest order first."""
    for order in range(users, 1, -1):
        for is_closed in (False,) if holes else (True, False):
            each, rest = divmod(channels - (2 if is_closed else 0), order)
            rows, odd = divmod(each + holes, 2)
            if users % order <= 1 and rest == 0 and odd == 0 and rows > 1:
                pattern = Pattern(order, rows, is_closed, holes)
                if pattern.can_serve(users):
                    yield pattern


def _anneal_stretch(
    rng: Generator, pattern: Pattern, users: int, should_stop: Callable[[], bool]
) -> Sites | None:
    puzzle = _stretch_puzzle(pattern, users)
    start = rng.integers(0, users, pattern.sites)
    start[pattern.rows : pattern.rows + pattern.holes] = puzzle.nobody
    moves = MOVES_PER_ORBIT * puzzle.pairs
    cover = anneal(rng, puzzle, start, moves, should_stop=should_stop)
    return None if cover.missing else cover.symbols


def _stretch_puzzle(pattern: Pattern, users: int) -> Puzzle:
    """The puzzle of one stretch: symbols are users, pairs are orbits of pairs."""
    sites = np.arange(pattern.sites)
    neighbours = np.stack((sites ^ 1, sites - 2, sites + 2), axis=1)
    turns = np.where(neighbours < 0, -1, np.where(neighbours >= sites.size, 1, 0))
    neighbours %= sites.size
    if not pattern.is_closed:
        neighbours[turns != 0] = -1
    orbit_of, orbits = _orbits(users, pattern.order)
    rotated = _rotations(users, pattern.order)
    pair_of = np.full((3, users + 1, users + 1), orbits, dtype=np.int64)
    for turn in (-1, 0, 1):
        pair_of[turn + 1, :users, :users] = orbit_of[:, rotated[turn, :users]]
    return Puzzle(neighbours, turns, pair_of, orbits)


def _orbits(users: int, order: int) -> tuple[Sites, int]:
    """``orbit[u, v]``: number of the orbit of a pair, and how many there are (u = v: that many)."""
    rotated = _rotations(users, order)
    orbit_of, orbits = np.full((users, users), -1, dtype=np.int64), 0
    for one in range(users):
        for other in range(one):
            if orbit_of[one, other] < 0:
                orbit_of[rotated[:, one], rotated[:, other]] = orbits
                orbit_of[rotated[:, other], rotated[:, one]] = orbits
                orbits += 1
    return np.where(orbit_of < 0, orbits, orbit_of), orbits


def _rotations(users: int, order: int) -> Sites:
    """``rotated[t, u]``: user u, or nobody (the last), rotated by t; (order, users + 1) int64."""
    user, turn = np.arange(users + 1), np.arange(order)[:, np.newaxis]
    rotated = user // order * order + (user + turn) % order
    return np.where(user < users // order * order, rotated, user)
