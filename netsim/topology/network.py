"""A topology worked out: what arrives where, how weak, how late, and which users share which pairs.

It holds device inputs only (transmittances, delays, pair rates), never counts, QBER or key.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from netsim.errors import Fault
from netsim.physics.encodings.sifting import Sifting, sifting_between
from netsim.physics.rates import kappa_per_ps
from netsim.physics.shapes import MAX_DELAY_PS
from netsim.topology.bunches import Bunching, bunchings
from netsim.topology.processes import PairProcess, pair_processes
from netsim.topology.specs import TopologySpec
from netsim.topology.ways import DeliveredChannel, deliver
from protocols.messages import MAX_LANES

MAX_SPREAD_SHARE = 0.25
"""Dispersion parts pairs by less than this share of the longest delay that is drawn."""


@dataclass(frozen=True, slots=True)
class LanePart:
    """A pair process as two different users see it."""

    channels: tuple[str, str]
    """Channel of the first user, channel of the second."""
    process: PairProcess
    delay_ps: float
    """Nominal arrival time at the second user minus that at the first."""


@dataclass(frozen=True, slots=True)
class Lane:
    """All pairs of one link that arrive within a window of each other: one coincidence window.

    Windows that overlapped would hold the same coincidences twice.
    """

    users: tuple[str, str]
    """In the order of the topology's users: announcer first."""
    parts: tuple[LanePart, ...]
    """By ascending delay; usually one."""

    @property
    def channels(self) -> tuple[str, str]:
        """Channels of the first user, channels of the second, joined by ``+``."""
        first, second = zip(*(part.channels for part in self.parts), strict=True)
        return "+".join(dict.fromkeys(first)), "+".join(dict.fromkeys(second))

    @property
    def delay_ps(self) -> float:
        """Centre of the window."""
        return math.fsum(part.delay_ps for part in self.parts) / len(self.parts)


@dataclass(frozen=True)
class Network:
    """All of it, in the order of the file."""

    topology: TopologySpec
    processes: tuple[PairProcess, ...]
    channels: tuple[DeliveredChannel, ...]
    """One entry a channel and user: several of a channel that is split."""
    lanes: tuple[Lane, ...]
    bunchings: tuple[Bunching, ...] = ()
    """Between delivered channels, whoever gets them."""

    @cached_property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Pairs of users with at least one lane, announcer first."""
        return tuple(dict.fromkeys(lane.users for lane in self.lanes))

    def channel(self, name: str, user: str) -> DeliveredChannel | None:
        """Find the way of channel ``name`` to ``user``; None if it does not go there."""
        return self._ways.get((name, user))

    @cached_property
    def _ways(self) -> dict[tuple[str, str], DeliveredChannel]:
        return {(way.channel, way.user): way for way in self.channels}

    def bunching(self, one: str, other: str) -> Bunching | None:
        """Find the bunching of two channels, the first one first; None if there is none."""
        return self._bunchings.get((one, other))

    @cached_property
    def _bunchings(self) -> dict[tuple[str, str], Bunching]:
        both = (each for found in self.bunchings for each in (found.turned, found))
        return {each.channels: each for each in both}

    def channels_of(self, user: str) -> tuple[DeliveredChannel, ...]:
        """Channels that arrive at ``user``."""
        return self._channels_by_user.get(user, ())

    @cached_property
    def _channels_by_user(self) -> dict[str, tuple[DeliveredChannel, ...]]:
        found: dict[str, list[DeliveredChannel]] = {}
        for way in self.channels:
            found.setdefault(way.user, []).append(way)
        return {user: tuple(ways) for user, ways in found.items()}

    def emitted_hz(self, channel: str) -> float:
        """Photons of all pairs that are born in ``channel``, per second, before all losses."""
        return self._emitted_hz.get(channel, 0.0)

    @cached_property
    def _emitted_hz(self) -> dict[str, float]:
        rates_hz: dict[str, list[float]] = {}
        for process in self.processes:
            for channel in process.channels:
                rates_hz.setdefault(channel, []).append(process.rate_hz)
        return {channel: math.fsum(each) for channel, each in rates_hz.items()}

    def lanes_of(self, users: tuple[str, str]) -> tuple[Lane, ...]:
        """Lanes of the link ``users``, by ascending nominal delay."""
        return self._lanes_by_link.get(users, ())

    @cached_property
    def _lanes_by_link(self) -> dict[tuple[str, str], tuple[Lane, ...]]:
        found: dict[tuple[str, str], list[Lane]] = {}
        for lane in self.lanes:
            found.setdefault(lane.users, []).append(lane)
        return {
            users: tuple(sorted(lanes, key=lambda lane: lane.delay_ps))
            for users, lanes in found.items()
        }

    def sifting_of(self, users: tuple[str, str]) -> Sifting:
        """Which pairs of detectors of two users make bits."""
        first, second = (self.topology.receiver_of(self.topology.user(name)) for name in users)
        return sifting_between(first.encoding.detectors, second.encoding.detectors)


def build_network(topology: TopologySpec, lanes: Sequence[Lane] | None = None) -> Network:
    """Work out ``topology`` as it is, whatever events it has.

    Parameters
    ----------
    lanes : sequence of Lane, optional
        From `all_lanes` of all states that the topology will ever be in, this one included: a lane
        that has no pairs now is there all the same, with rate 0, for its link's ends know of it.
    """
    processes = pair_processes(topology)
    if lanes is None:
        lanes = all_lanes([topology])
    return Network(
        topology,
        processes,
        tuple(deliver(topology)),
        tuple(_with_processes(lane, processes) for lane in lanes),
        bunchings(topology, processes),
    )


def all_lanes(states: Iterable[TopologySpec]) -> tuple[Lane, ...]:
    """All lanes that a topology has in any of its ``states`` (at least one)."""
    parts: dict[tuple[tuple[str, str], tuple[str, str]], LanePart] = {}
    known = list(states)
    for state in known:
        for users, part in _parts(state):
            parts.setdefault((users, part.channels), part)
    # Users, their order and the window are the same in all states.
    return _lanes(known[0], parts)


def _parts(topology: TopologySpec) -> Iterable[tuple[tuple[str, str], LanePart]]:
    """Every process as every pair of users sees it."""
    order = {user.name: index for index, user in enumerate(topology.users)}
    ways: dict[str, list[DeliveredChannel]] = {}
    for way in deliver(topology):
        ways.setdefault(way.channel, []).append(way)
    for process in pair_processes(topology):
        both = (ways.get(name, []) for name in process.channels)
        for one, other in product(*both):
            if one.user == other.user:
                continue
            first, second = sorted((one, other), key=lambda way: order[way.user])
            delay_ps = second.delay_ps - first.delay_ps
            part = LanePart((first.channel, second.channel), process, delay_ps)
            yield (first.user, second.user), part


def _lanes(
    topology: TopologySpec, parts: dict[tuple[tuple[str, str], tuple[str, str]], LanePart]
) -> tuple[Lane, ...]:
    """Parts of each link, those merged whose windows overlap; links in the order of their users."""
    order = {user.name: index for index, user in enumerate(topology.users)}
    by_link: dict[tuple[str, str], list[LanePart]] = {}
    for (users, _), part in parts.items():
        by_link.setdefault(users, []).append(part)
    window_ps = topology.protocol.window_ps
    return tuple(
        Lane(users, group)
        for users in sorted(by_link, key=lambda users: (order[users[0]], order[users[1]]))
        for group in _groups(by_link[users], window_ps)
    )


def _groups(parts: list[LanePart], window_ps: float) -> list[tuple[LanePart, ...]]:
    """Parts less than ``window_ps`` after the last of their group; groups as they first came."""
    groups: list[list[LanePart]] = []
    for part in sorted(parts, key=lambda part: part.delay_ps):
        if groups and part.delay_ps - groups[-1][-1].delay_ps < window_ps:
            groups[-1].append(part)
        else:
            groups.append([part])
    first = {part.channels: index for index, part in enumerate(parts)}
    groups.sort(key=lambda group: min(first[part.channels] for part in group))
    return [tuple(group) for group in groups]


def _with_processes(lane: Lane, processes: tuple[PairProcess, ...]) -> Lane:
    """The lane with the rates of one state; 0 where the state makes no such pairs."""
    by_channels = {process.channels: process for process in processes}
    return Lane(
        lane.users,
        tuple(
            replace(part, process=by_channels.get(part.process.channels, part.process.dark))
            for part in lane.parts
        ),
    )


def thin_light(network: Network) -> Iterator[Fault]:
    """Channels that bunch more photons than come to their users without a partner.

    Bunches replace photons that arrive alone (`netsim.physics.bunching`): a Gaussian source needs
    some losses, and few pairs per coherence time.
    """
    seen: defaultdict[str, float] = defaultdict(float)
    for way in network.channels:
        seen[way.channel] += way.folded_transmittance
    span = network.topology.qnsp.source.bunch_shape.span_s
    alone_hz, bunched_hz = (defaultdict[str, float](float) for _ in range(2))
    for process in network.processes:
        for own, its in (process.channels, process.channels[::-1]):
            alone_hz[own] += process.rate_hz * (1.0 - seen[its])
    for bunching in network.bunchings:
        for own, its in {bunching.channels, bunching.channels[::-1]}:
            bunched_hz[own] += bunching.strength_hz2 * span * seen[its]
    for way in network.channels:
        if bunched_hz[way.channel] > alone_hz[way.channel] + way.noise_hz:
            yield Fault(
                "qnsp.source.statistics",
                f"gaussian: of {way.channel} too few photons come without their partners to bunch "
                "them; more loss or fewer pairs, or poisson",
            )


def broad_pairs(network: Network) -> Iterator[Fault]:
    """Links whose fibres part the two photons of a pair by more than frames can rely on.

    The spread |beta| kappa is the delay between the edges of a line of full width kappa.
    """
    shape = network.topology.qnsp.source.pair_shape
    names = [user.name for user in network.topology.users]
    parts = ((lane.users, part.channels) for lane in network.lanes for part in lane.parts)
    for users, channels in parts:
        ways = [network.channel(*outlet) for outlet in zip(channels, users, strict=True)]
        beta_ps2 = math.fsum(way.dispersion_ps2 for way in ways if way is not None)
        spread_ps = abs(beta_ps2) * kappa_per_ps(shape.linewidth_hz)
        if spread_ps > MAX_SPREAD_SHARE * MAX_DELAY_PS:
            yield Fault(
                f"users.{names.index(users[1])}.fibre.dispersion_ps_per_nm_km",
                f"pairs of {' and '.join(users)} spread over {spread_ps:.0f} ps, more than "
                f"{MAX_SPREAD_SHARE * MAX_DELAY_PS:.0f}",
            )


def many_lanes(network: Network) -> Iterator[Fault]:
    """Links of more lanes than messages between their ends can name."""
    for users in network.links:
        lanes = len(network.lanes_of(users))
        if lanes > MAX_LANES:
            yield Fault(
                "users", f"{' and '.join(users)} share {lanes} lanes, more than {MAX_LANES}"
            )
