"""The fewest channels that serve every wanted pair, on one comb or over several.

Upwards from the lower bound with short searches until one succeeds, then downwards with long ones.
So there is a plan early, and stopping keeps the best so far.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from netsim.kernel.rng import RngTree
from netsim.plan.allocation import Allocation, pruned, wanted_indices
from netsim.plan.comb import NOBODY, Comb
from netsim.plan.cover import anneal, plain_puzzle
from netsim.plan.request import PlanRequest
from netsim.plan.rotation import rotating_ladder
from netsim.plan.sites import (
    Indices,
    central_sites,
    ladder_sites,
    neighbours_among,
    starting_users,
)

MOVES_PER_PAIR = 30_000
"""Of one annealing; 10 million moves take a second."""
FIRST_ATTEMPTS, LAST_ATTEMPTS = 1, 6
"""Annealings of a number of channels on the way up, and on the way down again."""


@dataclass(slots=True, eq=False)
class Effort:
    """What a search may spend, where its randomness comes from, whom it tells.

    Attributes
    ----------
    seed : int
    scale : float
        Multiplies numbers of moves.
    should_stop : callable
        Asked often; True ends the search with what it has.
    tell : callable
        Called with one line about what is being tried.
    """

    seed: int = 1
    scale: float = 1.0
    should_stop: Callable[[], bool] = lambda: False
    tell: Callable[[str], None] = lambda _line: None
    _tree: RngTree = field(init=False)
    _streams: int = 0

    def __post_init__(self) -> None:
        self._tree = RngTree(self.seed)

    def rng(self) -> Generator:
        """Randomness of the next search: a function of the seed and of how many came before."""
        self._streams += 1
        return self._tree.stream(f"plan/{self._streams}")


def some_channels(
    request: PlanRequest, comb: Comb, lowest: int, highest: int, effort: Effort
) -> Allocation | None:
    """The first allocation found with ``lowest`` to ``highest`` channels, beginning with few."""
    for channels in _upwards(lowest, highest):
        found = allocate(request, comb, channels, effort, FIRST_ATTEMPTS)
        if found is not None or effort.should_stop():
            return found
    return None


def fewest_channels(
    request: PlanRequest, comb: Comb, lowest: int, highest: int, effort: Effort
) -> Allocation | None:
    """An allocation with the fewest channels that the search finds.

    Parameters
    ----------
    lowest : int
        A bound: fewer are not tried.
    highest : int
        More are not tried either.
    """
    best = some_channels(request, comb, lowest, highest, effort)
    while best is not None and best.channels > lowest and not effort.should_stop():
        fewer = allocate(request, comb, best.channels - 1, effort, LAST_ATTEMPTS)
        if fewer is None:
            break
        best = fewer
    return best


def _upwards(lowest: int, highest: int) -> Iterator[int]:
    """Numbers of channels to try, in growing steps."""
    channels, step = lowest, 1
    while channels < highest:
        yield channels
        channels, step = channels + step, step + 1
    if lowest <= highest:
        yield highest


def allocate(
    request: PlanRequest, comb: Comb, channels: int, effort: Effort, attempts: int = 1
) -> Allocation | None:
    """Search for an allocation of ``channels`` labels at most."""
    effort.tell(f"{channels} channels")
    if len(comb.sums) == 1:
        return _paired(request, comb, channels)
    for number, spare in enumerate(_spares(comb, channels)):
        # A pattern with unused labels is wide, so adjacent labels are annealed before.
        found = _turned(request, comb, channels, effort, holes=number) if number < 2 else None
        sites = central_sites(comb, channels + spare)
        if found is None and sites is not None and not effort.should_stop():
            found = annealed(request, comb, sites, channels, effort, attempts=attempts)
        if found is not None:
            return found
    return None


def _spares(comb: Comb, channels: int) -> Iterator[int]:
    """How many labels more than needed to choose from, the most promising number first.

    An odd number of adjacent labels leaves one of them with a single partner; an unused one among
    them leaves all of them two.
    """
    yield from (1, 0, 2) if channels % 2 else (0, 2)
    rest = sum(part.size for part in comb.components) - channels
    if 2 < rest <= channels:
        yield rest


def _paired(request: PlanRequest, comb: Comb, channels: int) -> Allocation | None:
    """One pump: two labels that meet nobody else for each wanted pair, from the centre outwards."""
    wanted = wanted_indices(request)
    if not 2 * len(wanted) <= min(channels, 2 * len(comb.components)):
        return None
    owners = np.full(comb.labels.size, NOBODY, dtype=np.int64)
    for pair, labels in zip(wanted, comb.components, strict=False):
        owners[labels] = pair
    return Allocation(comb, owners)


def _turned(
    request: PlanRequest, comb: Comb, channels: int, effort: Effort, *, holes: int
) -> Allocation | None:
    """A rotating pattern, where everyone wants everyone and a ladder is long enough."""
    if not request.is_complete or ladder_sites(comb, channels + channels % 2) is None:
        return None
    number = len(request.users)
    users = rotating_ladder(
        effort.rng(), number, channels, holes=holes, should_stop=effort.should_stop
    )
    sites = None if users is None else ladder_sites(comb, users.size)
    if users is None or sites is None:
        return None
    return _allocated(comb, sites, np.where(users == number, NOBODY, users))


def annealed(
    request: PlanRequest,
    comb: Comb,
    sites: Indices,
    channels: int,
    effort: Effort,
    *,
    attempts: int,
) -> Allocation | None:
    """Anneal ``channels`` labels among ``sites``; None if a wanted pair is left without a lane."""
    wanted = wanted_indices(request)
    puzzle = plain_puzzle(neighbours_among(comb, sites), len(request.users), wanted)
    moves = max(1, round(MOVES_PER_PAIR * len(wanted) * effort.scale))
    for _ in range(attempts):
        rng = effort.rng()
        start = np.full(sites.size, puzzle.nobody, dtype=np.int64)
        start[:channels] = starting_users(rng, request, channels, len(comb.sums))
        cover = anneal(rng, puzzle, start, moves, should_stop=effort.should_stop)
        if cover.missing == 0:
            users = np.where(cover.symbols == puzzle.nobody, NOBODY, cover.symbols)
            return pruned(_allocated(comb, sites, users), wanted)
        if effort.should_stop():
            break
    return None


def _allocated(comb: Comb, sites: Indices, users: Indices) -> Allocation:
    owners = np.full(comb.labels.size, NOBODY, dtype=np.int64)
    owners[sites] = users
    return Allocation(comb, owners)
