"""The states that a topology goes through during a run, each worked out, in order of time."""

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import groupby

from netsim.topology.changes import changed, event_times, followed_ps
from netsim.topology.network import Network, all_lanes, build_network
from netsim.topology.specs import TopologySpec
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
    lanes : tuple of Lane
        All that there are in any epoch.
    outlets : tuple of (channel, user)
        Everywhere that light goes in any epoch.
    processes : tuple of PairProcess
        All of any epoch, with the rate of one of them.
    process_indices : dict
        Channels of a process to its place in ``processes``.
    """

    def __init__(self, topology: TopologySpec, *, stop_ps: int) -> None:
        self._stop_ps = stop_ps
        self._starts_ps: list[int] = [0]
        self._states: list[TopologySpec] = [topology]
        steps = groupby(event_times(topology.events, stop_ps=stop_ps), key=lambda step: step[0])
        for time_ps, events in steps:
            state = self._states[-1]
            for _, event in events:
                state = changed(state, event)
            self._append(time_ps, state)
        distinct = {_key(state): state for state in self._states}
        self.lanes = all_lanes(distinct.values())
        self._networks = {key: build_network(state, self.lanes) for key, state in distinct.items()}

        known = self._networks.values()
        self.outlets = tuple(
            dict.fromkeys((way.channel, way.user) for network in known for way in network.channels)
        )
        self.processes = tuple(
            {process.channels: process for n in known for process in n.processes}.values()
        )
        self.process_indices = {
            process.channels: index for index, process in enumerate(self.processes)
        }

    def _append(self, time_ps: int, state: TopologySpec) -> None:
        if time_ps == self._starts_ps[-1]:
            self._states[-1] = state
        else:
            self._starts_ps.append(time_ps)
            self._states.append(state)

    @property
    def networks(self) -> tuple[Network, ...]:
        """Every distinct state, worked out; the first one first."""
        return tuple(self._networks.values())

    def network_at(self, time_ps: int) -> Network:
        """The network into which light is sent at ``time_ps``, 0 or later."""
        return self.network_of(self._states[bisect_right(self._starts_ps, time_ps) - 1])

    def network_of(self, state: TopologySpec) -> Network:
        """Work out a state that need not be one of the events'; its lanes must be known."""
        key = _key(state)
        if key not in self._networks:
            network = build_network(state, self.lanes)
            self._check(network)
            self._networks[key] = network
        return self._networks[key]

    def _check(self, network: Network) -> None:
        """Whether users, lanes and processes of a state were all planned for."""
        ways = {(way.channel, way.user) for way in network.channels}
        made = {process.channels for process in network.processes}
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
        for start_ps, stop_ps, state in zip(self._starts_ps, stops_ps, self._states, strict=True):
            yield Epoch(start_ps, stop_ps, self.network_of(state))


def network_of_all_states(topology: TopologySpec) -> Network:
    """The network at first, with the lanes of all states that its events lead to."""
    return Timeline(topology, stop_ps=followed_ps(topology.events)).network_at(0)


def _key(state: TopologySpec) -> Hashable:
    """Equal for states between which no event made a difference."""
    source = state.qnsp.source
    return (
        getattr(source, "pumps", None),
        getattr(source, "pump_power_mw", None),
        tuple(channel.receivers for channel in state.qnsp.channels),
        tuple((user.is_present, user.fibre) for user in state.users),
    )
