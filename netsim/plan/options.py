"""The request and the hardware that the options of ``netsim plan`` mean.

It knows texts (`netsim.plan.parse`) and topologies to take hardware from, and no command line.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import TypeVar

from netsim.errors import ConfigError, Fault
from netsim.plan.asked import PlanOptions
from netsim.plan.hardware import Hardware
from netsim.plan.parse import (
    parse_band,
    parse_counts,
    parse_demands,
    parse_labels,
    parse_lengths,
    parse_losses,
    parse_users,
)
from netsim.plan.request import MAX_LABEL, Demand, Objective, PlanRequest, request_faults
from netsim.topology.labels import label_of
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.twin.demand import wanted_bps

T = TypeVar("T")

OF_APPLICATIONS = "applications"
"""For ``--demand``: what the applications of the topology ask for."""


def each_number_of_users(options: PlanOptions) -> list[PlanOptions]:
    """The options for every number of users of a range such as 2:40; empty if none was given.

    Raises
    ------
    ConfigError
        If the range makes no sense.
    """
    try:
        counts = parse_counts(options.users or "")
    except ValueError as error:
        raise ConfigError.of("--users", str(error)) from error
    return [replace(options, users=str(count)) for count in counts or ()]


def read_options(options: PlanOptions) -> tuple[PlanRequest, Hardware]:
    """The request and the hardware that options mean.

    Raises
    ------
    ConfigError
        With everything that is wrong with the options, or with the topology.
    """
    reader = _Reader(options)
    request, hardware = reader.request(), reader.hardware()
    faults = (*reader.faults, *request_faults(request))
    if faults:
        raise ConfigError(faults)
    return request, hardware


class _Reader:
    """Reads options one by one and keeps what is wrong with them."""

    def __init__(self, options: PlanOptions) -> None:
        self.faults: list[Fault] = []
        self._options = options
        self._base = Hardware(load_topology(options.template, overrides=options.override))
        self._is_given = options.topology is not None
        own = tuple(user.name for user in self._base.template.users)
        self._users = self._read("--users", parse_users, options.users, own)

    def request(self) -> PlanRequest:
        """The request; where an option is wrong, as if it had not been given."""
        options, ring = self._options, self._base.ring
        self._check()
        no_labels: tuple[int, ...] = ()
        everyone = parse_demands(None, self._users)
        return PlanRequest(
            users=self._users,
            demands=self._read("--demand", self._demands, options.demand, everyone),
            pumps=self._pumps(),
            free_pumps=options.pump_count or 2,
            spacing_labels=options.spacing or (ring.comb_spacing_labels if self._is_given else 1),
            band=self._read("--band", parse_band, options.band, (0, MAX_LABEL)),
            avoid=frozenset(self._read("--avoid", parse_labels, options.avoid, no_labels)),
            allow_self_paired=options.self_paired,
            max_channels=options.max_channels,
            objective=self._read("--objective", _objective, options.objective, Objective.CHANNELS),
            seed=options.seed,
            effort=options.effort,
        )

    def hardware(self) -> Hardware:
        """Hardware; the losses of a topology's channels count where it was named."""
        options, template = self._options, self._base.template
        nothing: tuple[dict[int, float], float | None] = ({}, None)
        losses, other_db = self._read("--channel-loss", parse_losses, options.channel_loss, nothing)
        channels = template.qnsp.channels if self._is_given else ()
        own = {label_of(channel.channel): channel.loss_db for channel in channels}
        lengths_m: dict[str, float] = {}
        lengths_m = self._read(
            "--fibre", lambda text: parse_lengths(text, self._users), options.fibre, lengths_m
        )
        return Hardware(template, own | losses, other_db, lengths_m)

    def _pumps(self) -> tuple[int, ...] | None:
        """Those given; else those of a topology that was named; else they are to be chosen."""
        options = self._options
        keeps_own = self._is_given and options.pump_count is None
        own = tuple(label_of(pump.channel) for pump in self._base.ring.pumps)
        return self._read("--pumps", parse_labels, options.pumps, own if keeps_own else None)

    def _demands(self, text: str) -> tuple[Demand, ...]:
        if text != OF_APPLICATIONS:
            return parse_demands(text, self._users)
        if not self._base.template.applications:
            raise ValueError("the topology has no applications")
        wanted = {pair: bps for pair, bps in wanted_bps(self._base.template).items() if bps}
        if not wanted:
            raise ValueError("its applications ask for no key")
        least_bps = min(wanted.values())
        known = {pair: bps for pair, bps in wanted.items() if set(pair) <= set(self._users)}
        return tuple(Demand(self._in_order(pair), bps / least_bps) for pair, bps in known.items())

    def _in_order(self, pair: tuple[str, str]) -> tuple[str, str]:
        one, other = sorted(pair, key=self._users.index)
        return one, other

    def _check(self) -> None:
        options = self._options
        self.faults += _strangers(self._base.template, self._users)
        if options.users is None and not self._is_given:
            self._add("--users", "say how many users, or their names (or give --topology)")
        if options.pumps is not None and options.pump_count is not None:
            self._add("--pump-count", "says nothing where --pumps are given")
        if options.power is not None and not 0 < options.power <= 1e6:
            self._add("--power", f"{options.power:g} is not above 0 and up to 1e6")

    def _read(self, option: str, parse: Callable[[str], T], text: str | None, default: T) -> T:
        """`text` as `parse` reads it; `default` without a text and after a fault."""
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self._add(option, str(error))
            return default

    def _add(self, option: str, message: str) -> None:
        self.faults.append(Fault(option, message))


def _strangers(template: TopologySpec, users: Collection[str]) -> Iterator[Fault]:
    """Whom applications and thresholds name, and the plan does not have."""
    named = {
        f"applications.{index}": each.named for index, each in enumerate(template.applications)
    }
    named |= {f"pools.{index}": pool.users for index, pool in enumerate(template.pools)}
    for path, names in named.items():
        yield from (Fault(path, f"{n} is no user of the plan") for n in names if n not in users)


def _objective(text: str) -> Objective:
    known = {objective.value: objective for objective in Objective}
    if text not in known:
        raise ValueError(f"{text!r} is none of {', '.join(known)}")
    return known[text]
