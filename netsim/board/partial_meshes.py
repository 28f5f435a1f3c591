"""The meshes of Wang et al. 2026: all 15 links at once, or in two parts one after the other.

A part makes fewer links in the same time, but its users get less light that is for others. Which
links stood in which part is not printed: odd numbers here, then even ones, which no two links of
a number share. Or the network is cut in slices that share no user, and gets one link between them.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from netsim.topology.changes import Change, Deliver
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.prediction import predict, predict_epochs
from netsim.units import ps_from_s

NAME = "wang2026"
PART_S = 1200.0
"""Light of either part; the full mesh has both."""
CENTRE_LABEL = 34
POWERS = (0.22, 0.36, 0.47, 0.63, 0.8, 1.0)
"""Normalised, as printed."""
FULL_POWER_MW = 2.65
"""Of the pump at the normalised power 1."""

Channels = tuple[str, str]


def in_parts(overrides: Mapping[str, object]) -> TopologySpec:
    """The network whose odd links have light for `PART_S`, and then the even ones."""
    topology = load_topology(NAME, overrides=overrides)
    owners = {spec.channel: spec.receivers for spec in topology.qnsp.channels}
    late = {name: users for name, users in owners.items() if not is_odd(name)}
    channels = tuple(
        spec.model_copy(update={"user": None, "users": ()}) if spec.channel in late else spec
        for spec in topology.qnsp.channels
    )
    return topology.model_copy(
        update={
            "qnsp": topology.qnsp.model_copy(update={"channels": channels}),
            "events": tuple(_swap(owners)),
        }
    )


def _swap(owners: Mapping[str, tuple[str, ...]]) -> Iterator[Change]:
    """The odd channels are dropped, the even ones delivered."""
    for name, users in owners.items():
        yield Deliver(time_s=PART_S, channel=name, users=() if is_odd(name) else users)


def number_of(channel: str) -> int:
    """Of a channel: its distance from the centre; a link's two have the same."""
    return abs(int(channel[1:]) - CENTRE_LABEL)


def is_odd(channel: str) -> bool:
    """Whether the number of a channel is odd."""
    return number_of(channel) % 2 == 1


def with_links(topology: TopologySpec, numbers: Collection[int]) -> TopologySpec:
    """The network with the channels of these numbers alone."""
    kept = tuple(each for each in topology.qnsp.channels if number_of(each.channel) in numbers)
    return topology.model_copy(update={"qnsp": topology.qnsp.model_copy(update={"channels": kept})})


def least_left(topology: TopologySpec, slices: Collection[int], extra: int) -> float:
    """Least ratio of keys of links with one more in the network over those without, by the twin."""
    without, more = (
        predict(build_network(with_links(topology, numbers)))
        for numbers in (slices, {*slices, extra})
    )
    return min(more.lane(lane.channels).skr_bps / lane.skr_bps for lane in without.lanes)


def mean_keys_bps(topology: TopologySpec) -> dict[Channels, float]:
    """Key of each lane by the twin, mean over both parts; none while it has no pairs."""
    stop_ps = ps_from_s(2 * PART_S)
    found: dict[Channels, float] = {}
    for epoch in Timeline(topology, stop_ps=stop_ps).epochs():
        for lane in predict_epochs((epoch,)).lanes:
            key_bps = lane.skr_bps if lane.true_hz else 0.0
            part = epoch.length_ps / stop_ps * key_bps
            found[lane.channels] = found.get(lane.channels, 0.0) + part
    return found


@dataclass(frozen=True, slots=True)
class Meshes:
    """Key of all lanes in the full mesh and in two partial ones, at one power."""

    full_bps: Mapping[Channels, float]
    parts_bps: Mapping[Channels, float]

    @classmethod
    def at(cls, power: float, condition: Mapping[str, object]) -> "Meshes":
        """Of a normalised power, in a condition (overrides of the topology)."""
        overrides = {**condition, "qnsp.source.pump_power_mw": power * FULL_POWER_MW}
        full = mean_keys_bps(load_topology(NAME, overrides=overrides))
        return cls(full, mean_keys_bps(in_parts(overrides)))

    @property
    def totals_bps(self) -> tuple[float, float]:
        """Of the full mesh, and of the partial ones."""
        return math.fsum(self.full_bps.values()), math.fsum(self.parts_bps.values())

    @property
    def better_in_parts(self) -> int:
        """Links that make more in the partial meshes."""
        return sum(self.parts_bps[lane] > key_bps for lane, key_bps in self.full_bps.items())
