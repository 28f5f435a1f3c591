"""Plans by key rate: climbs from several first plans, and the power that suits a plan.

It joins allocations (labels of a comb) to hills (`netsim.plan.climb`).
"""

from dataclasses import dataclass

import numpy as np

from netsim.plan.allocation import Allocation, wanted_indices
from netsim.plan.climb import Hill, Spot, best_power_mw, climb, value_bps
from netsim.plan.comb import NOBODY, Comb
from netsim.plan.fewest import Effort, allocate
from netsim.plan.hardware import Hardware
from netsim.plan.rates import build_rates
from netsim.plan.request import Objective, PlanRequest
from netsim.plan.sites import Indices, central_sites, neighbours_among

CLIMBS = 6
"""From different first plans; the best is kept."""
CLIMB_WORK = 13_000_000
"""Moves of a climb times wanted pairs: 2 s for ten users."""
TRIAL_WORK = 3_000_000
"""The same of the climbs that choose between pumps."""
LEAST_MOVES, MOST_MOVES = 2_000, 300_000
"""Of a climb: few users have few plans to choose from."""
SPARE_SHARES = (0.0, 0.125)
"""How many labels more than its first plan has a climb may choose from, in turn."""
MOST_COMBS = 3
"""Pumps tried before the long climbs."""
TOLERANCE, PUMP_TOLERANCE = 0.001, 0.1
"""Plans whose value differs by less are alike, and pumps whose plans do in short climbs."""


@dataclass(frozen=True, slots=True, eq=False)
class KeyPlan:
    """An allocation with a power.

    Attributes
    ----------
    allocation : Allocation
    power_mw : float
        Of every pump, in the fibre.
    value_bps : float
        What the objective asks for: the smallest rate per weight, or the weighted sum of rates.
    """

    allocation: Allocation
    power_mw: float
    value_bps: float


@dataclass(frozen=True, slots=True, eq=False)
class KeyPlanner:
    """Searches for good key rates.

    Attributes
    ----------
    request : PlanRequest
        Its objective is the sum of all rates, or else the smallest.
    hardware : Hardware
    effort : Effort
    power_mw : float or None
        Of every pump, in the fibre; None: free.
    """

    request: PlanRequest
    hardware: Hardware
    effort: Effort
    power_mw: float | None

    def with_power(self, allocation: Allocation) -> KeyPlan:
        """The same allocation at the power that suits it."""
        sites = np.flatnonzero(allocation.owners != NOBODY)
        hill = self._hill(allocation.comb, sites)
        return self._finished(hill, allocation.comb, sites, self._owners(allocation, sites))

    def best(self, start: Allocation, combs: list[Comb]) -> KeyPlan:
        """The best plan of several climbs, on the pumps that do best in short ones.

        Parameters
        ----------
        start : Allocation
            Tells how many channels first plans have.
        combs : list of Comb
            To choose from, the most promising first.
        """
        channels, plans = start.channels, [self.with_power(start)]
        for comb in combs[:MOST_COMBS]:
            plans += self._climbed(comb, channels, TRIAL_WORK, SPARE_SHARES[0])
        comb = _preferred(plans, PUMP_TOLERANCE).allocation.comb
        for number in range(CLIMBS):
            self.effort.tell(f"climb {number + 1} of {CLIMBS}")
            spare = SPARE_SHARES[number % len(SPARE_SHARES)]
            plans += self._climbed(comb, channels, CLIMB_WORK, spare)
        return _preferred(plans, TOLERANCE)

    def _climbed(self, comb: Comb, channels: int, work: int, spare: float) -> list[KeyPlan]:
        """At most one plan: a climb from a fresh allocation."""
        if self.effort.should_stop():
            return []
        start = allocate(self.request, comb, channels, self.effort)
        return [] if start is None else [self._climb(start, work, spare)]

    def _climb(self, start: Allocation, work: int, spare: float) -> KeyPlan:
        comb = start.comb
        sites = self._sites(start, round(start.channels * (1.0 + spare)))
        hill, owners = self._hill(comb, sites), self._owners(start, sites)
        power_mw = self.power_mw or best_power_mw(hill, owners)
        moves = self.effort.scale * min(MOST_MOVES, work / len(self.request.demands))
        effort, rng, least = self.effort, self.effort.rng(), LEAST_MOVES
        spot = climb(rng, hill, Spot(owners, power_mw), max(least, round(moves)), effort)
        return self._finished(hill, comb, sites, spot.owners)

    def _sites(self, start: Allocation, count: int) -> Indices:
        used = np.flatnonzero(start.owners != NOBODY)
        central = central_sites(start.comb, count)
        return used if central is None else np.union1d(used, central)

    def _hill(self, comb: Comb, sites: Indices) -> Hill:
        request = self.request
        most = sites.size if request.max_channels is None else request.max_channels
        return Hill(
            rates=build_rates(self.hardware, comb, sites, request.users),
            neighbours=neighbours_among(comb, sites),
            wanted=np.array(wanted_indices(request), dtype=np.int64),
            weights=np.array([demand.weight for demand in request.demands]),
            is_total=request.objective is Objective.TOTAL,
            most_channels=most,
            is_power_free=self.power_mw is None,
        )

    def _owners(self, allocation: Allocation, sites: Indices) -> Indices:
        owners = allocation.owners[sites]
        return np.where(owners == NOBODY, len(self.request.users), owners)

    def _finished(self, hill: Hill, comb: Comb, sites: Indices, users: Indices) -> KeyPlan:
        power_mw = self.power_mw or best_power_mw(hill, users)
        owners = np.full(comb.labels.size, NOBODY, dtype=np.int64)
        owners[sites] = np.where(users == len(self.request.users), NOBODY, users)
        return KeyPlan(Allocation(comb, owners), power_mw, value_bps(hill, Spot(users, power_mw)))


def _preferred(plans: list[KeyPlan], tolerance: float) -> KeyPlan:
    """Of the plans almost as good as the best, that with the fewest channels and narrowest span."""
    enough_bps = (1.0 - tolerance) * max(plan.value_bps for plan in plans)
    good = [plan for plan in plans if plan.value_bps >= enough_bps]
    return min(good, key=lambda plan: (plan.allocation.channels, plan.allocation.span))
