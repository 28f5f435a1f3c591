"""What is asked of the planner: users, who wants key with whom, pumps, comb, band, objective.

It knows nothing of how a plan is found. Faults are told all at once, each with its option.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import TypeVar

from netsim.errors import Fault

T = TypeVar("T")

MAX_LABEL = 999
"""Topology files name channels C0 to C999."""
MAX_PUMPS = 3
"""More are not searched for; the rules hold for any number."""


class Objective(StrEnum):
    """What a plan shall be best at."""

    CHANNELS = "channels"
    """Fewest channels; of those the narrowest span."""
    SPAN = "span"
    """Fewest comb positions between the outermost channels."""
    TOTAL = "total"
    """Highest sum of the key rates of all wanted pairs, by the analytic twin."""
    POOREST = "poorest"
    """Highest smallest key rate (per weight) of a wanted pair, by the analytic twin."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Two users who want key with each other.

    Attributes
    ----------
    users : (str, str)
        In the order of the request's users.
    weight : float
        Share of the key, > 0: `Objective.TOTAL` multiplies key rates by it, `Objective.POOREST`
        divides them by it.
    """

    users: tuple[str, str]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """One question to the planner.

    Attributes
    ----------
    users : tuple of str
        Distinct names; at least two.
    demands : tuple of Demand
        Wanted pairs, each once; every user is in one at least.
    pumps : tuple of int or None
        ITU labels of the pumps, each once; None: chosen, ``free_pumps`` of them.
    free_pumps : int
        How many pumps to choose, 1 to `MAX_PUMPS`.
    spacing_labels : int
        Free spectral range of the ring in labels.
    band : (int, int)
        Lowest and highest label that may be used.
    avoid : frozenset of int
        Labels that may not be used, beside pumps and the lines they stimulate.
    allow_self_paired : bool
        Whether labels with 2 a = p_i + p_j may be used.
    max_channels : int or None
        Most channels of a plan.
    objective : Objective
    seed : int
        Of the search: the same seed gives the same plan.
    effort : float
        Multiplies the moves of every search, > 0.
    """

    users: tuple[str, ...]
    demands: tuple[Demand, ...]
    pumps: tuple[int, ...] | None = None
    free_pumps: int = 2
    spacing_labels: int = 1
    band: tuple[int, int] = (0, MAX_LABEL)
    avoid: frozenset[int] = frozenset()
    allow_self_paired: bool = False
    max_channels: int | None = None
    objective: Objective = Objective.CHANNELS
    seed: int = 1
    effort: float = 1.0

    @property
    def pump_count(self) -> int:
        """How many pumps the source has."""
        return self.free_pumps if self.pumps is None else len(self.pumps)

    @property
    def is_complete(self) -> bool:
        """Whether everyone wants key with everyone."""
        return len(self.demands) == len(self.users) * (len(self.users) - 1) // 2

    @property
    def is_band_free(self) -> bool:
        """Whether any label that has a name may be used."""
        return self.band == (0, MAX_LABEL)

    @property
    def degrees(self) -> Counter[str]:
        """With how many others each user wants key (counted anew each time)."""
        return Counter(user for demand in self.demands for user in demand.users)


def all_pairs(users: tuple[str, ...]) -> tuple[Demand, ...]:
    """Everyone wants key with everyone."""
    return tuple(Demand(pair) for pair in combinations(users, 2))


def request_faults(request: PlanRequest) -> tuple[Fault, ...]:
    """Everything that is wrong with `request`, each with its option."""
    return (*_user_faults(request), *_comb_faults(request))


def _user_faults(request: PlanRequest) -> Iterator[Fault]:
    users = request.users
    if len(users) < 2:
        yield Fault("--users", "a network has two users at least")
    for name in _repeated(users):
        yield Fault("--users", f"{name} is named twice")
    for pair in _repeated(demand.users for demand in request.demands):
        yield Fault("--demand", f"{pair[0]} and {pair[1]} are given twice")
    degrees = request.degrees
    for name in users:
        if len(users) > 1 and not degrees[name]:
            yield Fault("--demand", f"{name} wants key with nobody")


def _repeated(items: Iterable[T]) -> Iterator[T]:
    """What is there more than once, in the order of first appearance."""
    return (item for item, count in Counter(items).items() if count > 1)


def _comb_faults(request: PlanRequest) -> Iterator[Fault]:
    low, high = request.band
    if not 0 <= low <= high <= MAX_LABEL:
        yield Fault("--band", f"{low}:{high} is no range of labels from 0 to {MAX_LABEL}")
    if not 1 <= request.spacing_labels <= MAX_LABEL:
        yield Fault("--spacing", f"{request.spacing_labels} is not from 1 to {MAX_LABEL}")
    elif request.pumps is not None:
        yield from _pump_faults(request.pumps, request.spacing_labels)
    elif not 1 <= request.free_pumps <= MAX_PUMPS:
        yield Fault("--pump-count", f"{request.free_pumps} is not from 1 to {MAX_PUMPS}")


def _pump_faults(pumps: tuple[int, ...], spacing_labels: int) -> Iterator[Fault]:
    if not pumps:
        yield Fault("--pumps", "give one pump at least")
    for pump in dict.fromkeys(pumps):
        if not 0 <= pump <= MAX_LABEL:
            yield Fault("--pumps", f"{pump} is no label from 0 to {MAX_LABEL}")
        if pumps.count(pump) > 1:
            yield Fault("--pumps", f"{pump} is given twice")
        elif (pump - pumps[0]) % spacing_labels:
            yield Fault(
                "--pumps",
                f"{pump} is off the comb: no multiple of {spacing_labels} labels from {pumps[0]}; "
                "see --spacing",
            )
