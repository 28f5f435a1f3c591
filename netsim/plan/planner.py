"""From a request to a plan: bounds, search, key rates, topology; or why there is none.

The order of work: combs to try, an allocation with the fewest channels, what the objective asks
beyond that, the power, and the twin's word on the finished topology.
"""

from dataclasses import dataclass

from netsim.errors import ConfigError
from netsim.plan.allocation import Allocation
from netsim.plan.bounds import span_bound
from netsim.plan.fewest import Effort
from netsim.plan.hardware import Hardware
from netsim.plan.impossible import no_plan
from netsim.plan.keyplan import KeyPlan, KeyPlanner
from netsim.plan.request import Objective, PlanRequest, request_faults
from netsim.plan.spans import narrowest_span
from netsim.plan.survey import Survey, find_fewest, survey
from netsim.plan.topology import (
    Users,
    dim_links,
    link_rates_bps,
    planned_topology,
    promised_rates_bps,
)
from netsim.topology.source import RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.twin.demand import DemandForecast, another_allocation, expect_demand, remedies
from netsim.twin.prediction import Prediction

GOALS = {
    Objective.CHANNELS: "the fewest channels",
    Objective.SPAN: "the narrowest span",
    Objective.TOTAL: "the highest total key rate",
    Objective.POOREST: "the highest smallest key rate",
}
STOPPED = "stopped before there was any plan"


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """An allocation that serves every wanted pair, and what it is worth.

    Attributes
    ----------
    request : PlanRequest
    allocation : Allocation
    lower_bound : int
        Of the span if that is the objective, else of the channels.
    topology : TopologySpec
    prediction : Prediction
        Of the analytic twin.
    demand : DemandForecast or None
        What the topology's applications should get; None where it has none.
    is_partial : bool
        Whether the search was stopped before its end.
    """

    request: PlanRequest
    allocation: Allocation
    lower_bound: int
    topology: TopologySpec
    prediction: Prediction
    demand: DemandForecast | None
    is_partial: bool

    @property
    def reached(self) -> int:
        """What is held against the bound: span or channels."""
        is_span = self.request.objective is Objective.SPAN
        return self.allocation.span if is_span else self.allocation.channels

    @property
    def is_proven(self) -> bool:
        """Whether no plan is better by the objective; never known of key rates."""
        counted = self.request.objective in (Objective.CHANNELS, Objective.SPAN)
        return counted and self.reached == self.lower_bound

    @property
    def wanted_bps(self) -> list[float]:
        """Asymptotic key rates of the wanted pairs, all lanes together, by the analytic twin.

        In the order of the request, and by formula: what plans are compared by. Whether a link
        makes it is asked by `promised_bps`.
        """
        links_bps = link_rates_bps(self.prediction)
        return [links_bps[demand.users] for demand in self.request.demands]

    @property
    def promised_bps(self) -> list[float]:
        """As `wanted_bps`; 0 for pairs with too little light for their clocks or their pads."""
        links_bps = promised_rates_bps(self.topology, self.prediction)
        return [links_bps[demand.users] for demand in self.request.demands]

    @property
    def dim(self) -> frozenset[Users]:
        """Wanted pairs with too little light to be sure to find their clocks."""
        return dim_links(self.prediction) & {demand.users for demand in self.request.demands}

    @property
    def dim_pairs(self) -> int:
        """How many there are."""
        return len(self.dim)

    @property
    def short_pairs(self) -> int:
        """Wanted pairs with light for their clocks whose key authentication takes."""
        dim = self.dim
        pairs = zip(self.request.demands, self.wanted_bps, self.promised_bps, strict=True)
        return sum(bps > told and demand.users not in dim for demand, bps, told in pairs)

    @property
    def remedies(self) -> list[str]:
        """What would serve applications that fall short, in words; nothing where none does."""
        if self.demand is None:
            return []
        found = [*remedies(self.topology, self.demand)]
        is_for_them = self.request.objective is Objective.POOREST and (
            {frozenset(demand.users) for demand in self.request.demands}
            == {frozenset(each.wish.users) for each in self.demand.applications}
        )
        return found if is_for_them else [*found, *another_allocation(self.demand)]

    @property
    def power_mw(self) -> float:
        """Power of every pump, in the fibre."""
        source = self.topology.qnsp.source
        if not isinstance(source, RingSourceSpec):
            raise TypeError("a planned source is a ring")
        return source.pumps[0].power_mw


def make_plan(
    request: PlanRequest,
    hardware: Hardware,
    effort: Effort | None = None,
    *,
    power_mw: float | None = None,
    name: str | None = None,
) -> Plan:
    """Plan a network.

    Parameters
    ----------
    request : PlanRequest
    hardware : Hardware
        Decides key rates only.
    effort : Effort, optional
        Made from the request's seed and effort if absent.
    power_mw : float, optional
        Of every pump, in the fibre; chosen for the objective if absent (for the smallest key rate
        where channels or span are the objective).
    name : str, optional
        Of the topology; says how many users it has if absent.

    Raises
    ------
    ConfigError
        If the request is faulty, or no plan was found: why, and the nearest request that has one.
    KeyboardInterrupt
        If the search was stopped before there was anything to keep.
    """
    faults = request_faults(request)
    if faults:
        raise ConfigError(faults)
    effort = effort or Effort(request.seed, request.effort)
    found = survey(request)
    if found is None:
        raise no_plan(request, effort)
    found = find_fewest(request, found, effort)
    if found.best is None and effort.should_stop():
        raise KeyboardInterrupt(STOPPED)
    if found.best is None:
        raise no_plan(request, effort, found)
    return plan_from(request, hardware, found, effort, power_mw=power_mw, name=name)


def plan_from(
    request: PlanRequest,
    hardware: Hardware,
    found: Survey,
    effort: Effort,
    *,
    power_mw: float | None = None,
    name: str | None = None,
) -> Plan:
    """What the objective asks for beyond the fewest channels; parameters as in `make_plan`.

    Parameters
    ----------
    found : Survey
        With an allocation.
    """
    if found.best is None:
        raise ValueError("a plan begins with an allocation")
    bound, best = found.bound, found.best
    keys = KeyPlanner(request, hardware, effort, power_mw)
    if request.objective is Objective.SPAN:
        bound = span_bound(request, found.given, found.bound)
        best = narrowest_span(request, found.combs, best, bound, effort)
    if request.objective in (Objective.CHANNELS, Objective.SPAN):
        is_partial, chosen = effort.should_stop(), keys.with_power(best)
    else:
        chosen = keys.best(best, [comb for comb, _ in found.combs])
        is_partial = effort.should_stop()
    name = name or f"plan_{len(request.users)}_users"
    return _finished(request, hardware, chosen, bound, name=name, is_partial=is_partial)


def _finished(
    request: PlanRequest,
    hardware: Hardware,
    chosen: KeyPlan,
    bound: int,
    *,
    name: str,
    is_partial: bool,
) -> Plan:
    """Topology and key rates of an allocation with its power."""
    allocation = chosen.allocation
    topology, prediction = planned_topology(
        hardware,
        request.users,
        allocation,
        float(f"{chosen.power_mw:.4g}"),
        name=name,
        description=describe(request, allocation),
    )
    demand = expect_demand(topology) if topology.applications else None
    return Plan(request, allocation, bound, topology, prediction, demand, is_partial)


def describe(request: PlanRequest, allocation: Allocation) -> str:
    """One sentence for people."""
    return (
        f"{len(request.users)} users, {allocation.channels} channels, "
        f"{allocation.comb.pumps_text}: planned for {GOALS[request.objective]}"
    )
