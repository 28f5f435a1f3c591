"""The states that a topology goes through during a run, each worked out, in order of time."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from netsim.errors import ConfigError
from netsim.topology.bunches import Bunching
from netsim.topology.events import event_times, followed_ps
from netsim.topology.followed import CANNOT_CHANGE, fixed_differences
from netsim.topology.network import (
    Network,
    all_lanes,
    broad_pairs,
    build_network,
    many_lanes,
    thin_light,
)
from netsim.topology.processes import PairProcess
from netsim.topology.pulsed import mixed_slots
from netsim.topology.specs import TopologySpec
from netsim.topology.state import StateSpec
from netsim.topology.ways import DeliveredChannel


@dataclass(frozen=True, slots=True)
class Epoch:
    """A time in which the optical network does not change."""

    start_ps: int
    stop_ps: int
    network: Network

    @property
    def length_ps(self) -> int:
        """How long it lasts."""
        return self.stop_ps - self.start_ps


class Timeline:
    """All epochs of a run; the lanes are the same in all of them.

    Parameters
    ----------
    topology : TopologySpec
        As in the file, events included.
    stop_ps : int
        When the light stops, > 0; later events never happen.

    Attributes
    ----------
    topology : TopologySpec
        As in the file.
    lanes : tuple of Lane
        All that there are in any epoch.
    outlets : tuple of (channel, user)
        Everywhere that light goes in any epoch.
    processes : tuple of PairProcess
        All of any epoch, dark; two that make pairs of other quality in the same channels count
        twice.
    bunchings : tuple of Bunching
        All of any epoch, dark.
    process_indices : dict
        Dark process to its place in ``processes``; a dark bunching's place is behind all of these.

    Raises
    ------
    ValueError
        If an event changes what is fixed during a run.
    ConfigError
        If a Gaussian source has too few photons without their partners, see `thin_light`, or
        photons of a pair part too far, see `broad_pairs`, or leave their slots, see `mixed_slots`;
        a link with too many lanes.
    """

    def __init__(self, topology: TopologySpec, *, stop_ps: int) -> None:
        self._stop_ps = stop_ps
        self.topology = topology
        states = _states(topology, stop_ps)
        for state in states.values():
            self._check_fixed(state)
        self._starts_ps = list(states)
        distinct = {_Value(state): state for state in states.values()}
        self.lanes = all_lanes(distinct.values())
        self._networks = {
            value: build_network(state, self.lanes) for value, state in distinct.items()
        }
        self._in_order = [self._networks[_Value(state)] for state in states.values()]
        known = self._networks.values()
        found = (
            fault
            for each in known
            for fault in (
                *thin_light(each),
                *broad_pairs(each),
                *many_lanes(each),
                *mixed_slots(each),
            )
        )
        if faults := tuple(dict.fromkeys(found)):
            raise ConfigError(faults)
        self.outlets = tuple(
            dict.fromkeys((way.channel, way.user) for network in known for way in network.channels)
        )
        self.processes = tuple(
            dict.fromkeys(process.dark for network in known for process in network.processes)
        )
        self.bunchings = tuple(
            dict.fromkeys(found.dark for network in known for found in network.bunchings)
        )
        born: tuple[PairProcess | Bunching, ...] = (*self.processes, *self.bunchings)
        self.process_indices = {each: index for index, each in enumerate(born)}
        self._latest: tuple[StateSpec | None, Network] = (None, self._in_order[0])

    @property
    def networks(self) -> tuple[Network, ...]:
        """Every distinct state, worked out; the first one first."""
        return tuple(self._networks.values())

    def network_at(self, time_ps: int) -> Network:
        """The network into which light is sent at ``time_ps``, 0 or later."""
        return self._in_order[bisect_right(self._starts_ps, time_ps) - 1]

    def network_of(self, state: TopologySpec) -> Network:
        """Work out a state that need not be one of the events'; equal states are one network.

        Raises
        ------
        ValueError
            If it changes what is fixed, or has lanes or pairs of which the devices do not know.
        """
        if state is self._latest[0]:
            return self._latest[1]
        value = _Value(state)
        if value not in self._networks:
            self._check_fixed(state)
            network = build_network(state, self.lanes)
            self._check_planned(network)
            self._networks[value] = network
        self._latest = (state, self._networks[value])
        return self._networks[value]

    def _check_fixed(self, state: StateSpec) -> None:
        for path in fixed_differences(self.topology, state):
            raise ValueError(f"{path} {CANNOT_CHANGE}")

    def _check_planned(self, network: Network) -> None:
        """Whether outlets and processes of a state were all planned for."""
        ways = {(way.channel, way.user) for way in network.channels}
        made: set[PairProcess | Bunching] = {process.dark for process in network.processes}
        made.update(bunching.dark for bunching in network.bunchings)
        if not (ways <= set(self.outlets) and made <= self.process_indices.keys()):
            raise ValueError("this state of the network was not planned for")

    def ways_of(self, user: str) -> dict[str, DeliveredChannel]:
        """All channels that ``user`` gets in any epoch, with the way that each takes."""
        return {
            way.channel: way
            for network in reversed(self.networks)
            for way in network.channels_of(user)
        }

    def epochs(self) -> Iterator[Epoch]:
        """All epochs of the run, without gaps."""
        stops_ps = [*self._starts_ps[1:], self._stop_ps]
        for start_ps, stop_ps, network in zip(
            self._starts_ps, stops_ps, self._in_order, strict=True
        ):
            yield Epoch(start_ps, stop_ps, network)


def network_of_all_states(topology: TopologySpec) -> Network:
    """The network at first, with the lanes of all states that its events lead to."""
    return networks_of(topology)[0]


def networks_of(topology: TopologySpec) -> tuple[Network, ...]:
    """Every distinct state that the events of ``topology`` lead to; the first one first."""
    return Timeline(topology, stop_ps=followed_ps(topology.events)).networks


def _states(topology: TopologySpec, stop_ps: int) -> dict[int, TopologySpec]:
    """The state from each time of an event on, all events of that time together."""
    states = {0: topology}
    state = topology
    for time_ps, event in event_times(topology.events, stop_ps=stop_ps):
        state = states[time_ps] = event.applied_to(state)
    return states


def is_same_network(one: StateSpec, other: StateSpec) -> bool:
    """Whether two states are of the same value, whatever events come after them."""
    return _Value(one) == _Value(other)


class _Value:
    """All that a network is: equal for states between which no change made a difference.

    The hash is of the light alone: equal values have equal hashes, and it need not say more.
    """

    def __init__(self, state: StateSpec) -> None:
        # There are two ways to write who gets a channel.
        channels = tuple(
            channel.model_copy(update={"user": None, "users": channel.receivers})
            for channel in state.qnsp.channels
        )
        qnsp = state.qnsp.model_copy(update={"channels": channels})
        self.state = state.model_copy(update={"qnsp": qnsp})
        self._hash = hash((qnsp, state.users))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Value) and all(
            getattr(self.state, name) == getattr(other.state, name)
            for name in StateSpec.model_fields
        )
