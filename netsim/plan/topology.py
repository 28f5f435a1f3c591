"""From an allocation to a topology that runs: hardware of a template, patch fibres, round length.

It knows the template and the plan, not how the plan was found. What belongs to the template's own
labels and links (factors of pair processes, faults, events, published figures) is left out.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from netsim.plan.allocation import Allocation
from netsim.topology.checks import MIN_PEAK_DISTANCE_PS
from netsim.topology.network import Lane, Network, build_network
from netsim.topology.specs import (
    DeliveredChannelSpec,
    FibreSpec,
    PumpSpec,
    TopologySpec,
    UserSpec,
    channel_of,
)
from netsim.twin import Prediction, predict

PATCH_STEP_PS = 20_000
"""Patch fibres are multiples of this: 4 m of fibre."""
PATCH_STEPS = 5000
"""The longest patch fibre tried, in steps: 100 us, 20 km."""
ROUNDS_S = (10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)
"""Lengths of a round to choose from."""
ENOUGH_KEY_BITS = 1000
"""A round of the poorest link should hold so much key: its authentication costs some 400 bits."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a plan is built with.

    Attributes
    ----------
    template : TopologySpec
        Its source, provider, receivers, fibres, classical channel and protocol are used; user k of
        a plan gets what the template's user of the same name has, else its user k modulo their
        number.
    channel_losses_db : mapping of int to float
        Loss of the demultiplexer by label.
    other_loss_db : float or None
        Of the labels not in there; None: the mean of the template's channels.
    lengths_m : mapping of str to float
        Fibre lengths that differ from the template's, by user.
    """

    template: TopologySpec
    channel_losses_db: Mapping[int, float] = field(default_factory=dict)
    other_loss_db: float | None = None
    lengths_m: Mapping[str, float] = field(default_factory=dict)

    def user(self, name: str, index: int) -> UserSpec:
        """Fibre, receiver and clock of a user of the plan."""
        users = {user.name: user for user in self.template.users}
        like = users.get(name, self.template.users[index % len(users)])
        return like.model_copy(update={"name": name, "fibre": self._fibre(name, like.fibre)})

    def _fibre(self, name: str, fibre: FibreSpec) -> FibreSpec:
        return fibre.model_copy(update={"length_m": self.lengths_m.get(name, fibre.length_m)})

    def loss_db(self, label: int) -> float:
        """Loss of the demultiplexer for a label."""
        if label in self.channel_losses_db:
            return self.channel_losses_db[label]
        if self.other_loss_db is not None:
            return self.other_loss_db
        own = [channel.loss_db for channel in self.template.qnsp.channels]
        return round(sum(own) / len(own), 3)

    def noise_hz_per_mw(self) -> float:
        """Single photons of every label: the mean of the template's channels."""
        own = [channel.noise_hz_per_mw for channel in self.template.qnsp.channels]
        return sum(own) / len(own)


def planned_topology(
    hardware: Hardware,
    users: Sequence[str],
    allocation: Allocation,
    power_mw: float,
    *,
    name: str,
    description: str,
) -> TopologySpec:
    """The network of an allocation, with patch fibres and a round length that suit it.

    Parameters
    ----------
    hardware : Hardware
    users : sequence of str
        Names, by index.
    allocation : Allocation
    power_mw : float
        Of every pump, in the fibre.
    name, description : str
        Of the topology.
    """
    bare = _bare_topology(hardware, users, allocation, power_mw, name=name, description=description)
    patched = _with_patches(bare)
    round_s = _round_s(patched)
    protocol = patched.protocol.model_copy(update={"round_s": round_s})
    return patched.model_copy(update={"protocol": protocol})


def _bare_topology(
    hardware: Hardware,
    users: Sequence[str],
    allocation: Allocation,
    power_mw: float,
    *,
    name: str,
    description: str,
) -> TopologySpec:
    template, comb = hardware.template, allocation.comb
    pumps = [PumpSpec(channel=channel_of(pump), power_mw=power_mw) for pump in comb.pumps]
    source = template.qnsp.source.model_copy(
        update={
            "pumps": tuple(pumps),
            "pairs": (),
            "comb_spacing_labels": comb.spacing_labels,
        }
    )
    channels = tuple(_channels(hardware, users, allocation))
    return TopologySpec(
        name=name,
        description=description,
        frame_s=template.frame_s,
        qnsp=template.qnsp.model_copy(update={"source": source, "channels": channels}),
        receivers=template.receivers,
        users=tuple(hardware.user(user, k) for k, user in enumerate(users)),
        classical=template.classical.model_copy(update={"bandwidth_changes": (), "outages": ()}),
        protocol=template.protocol,
    )


def _channels(
    hardware: Hardware, users: Sequence[str], allocation: Allocation
) -> Iterator[DeliveredChannelSpec]:
    for k, user in enumerate(users):
        for label in allocation.labels_of(k):
            yield DeliveredChannelSpec(
                channel=channel_of(label),
                user=user,
                loss_db=hardware.loss_db(label),
                noise_hz_per_mw=hardware.noise_hz_per_mw(),
            )


def _with_patches(topology: TopologySpec) -> TopologySpec:
    """Patch fibres that keep the peaks of links with several lanes apart.

    Label after label the shortest patch that leaves all peaks of the lanes settled so far (centres,
    and side peaks one interferometer delay away) `MIN_PEAK_DISTANCE_PS` apart. A link's lanes move
    together if they share a fibre only, so only the patches count.
    """
    network = build_network(topology)
    groups = [lanes for link in network.links if len(lanes := network.lanes_of(link)) > 1]
    patches_ps: dict[str, int] = {}
    for lanes in groups:
        for channel in (channel for lane in lanes for channel in lane.channels):
            if channel not in patches_ps:
                near = [group for group in groups if any(channel in one.channels for one in group)]
                patches_ps[channel] = _patch_ps(network, channel, near, patches_ps)
    channels = tuple(
        spec.model_copy(update={"patch_delay_ps": patches_ps.get(spec.channel, 0)})
        for spec in topology.qnsp.channels
    )
    qnsp = topology.qnsp.model_copy(update={"channels": channels})
    return topology.model_copy(update={"qnsp": qnsp})


def _patch_ps(
    network: Network,
    channel: str,
    groups: Sequence[Sequence[Lane]],
    patches_ps: Mapping[str, int],
) -> int:
    for step in range(PATCH_STEPS):
        tried = {**patches_ps, channel: step * PATCH_STEP_PS}
        if all(_are_apart(network, lanes, tried) for lanes in groups):
            return step * PATCH_STEP_PS
    raise RuntimeError(f"no patch fibre up to {PATCH_STEPS * PATCH_STEP_PS} ps suits {channel}")


def _are_apart(network: Network, lanes: Sequence[Lane], patches_ps: Mapping[str, int]) -> bool:
    """Whether the peaks of those lanes whose patches are settled lie apart."""
    settled = [lane for lane in lanes if all(channel in patches_ps for channel in lane.channels)]
    centres_ps = [
        lane.delay_ps + patches_ps[lane.channels[1]] - patches_ps[lane.channels[0]]
        for lane in settled
    ]
    sides_ps = _side_delays_ps(network, lanes[0].users)
    return all(
        min(abs(abs(one - other) - side_ps) for side_ps in sides_ps) >= MIN_PEAK_DISTANCE_PS
        for one, other in combinations(centres_ps, 2)
    )


def _side_delays_ps(network: Network, users: tuple[str, str]) -> list[float]:
    """Distances at which another lane's peak may lie: its centre, and its side peaks."""
    topology = network.topology
    receivers = [topology.receiver_of(topology.user(user)) for user in users]
    return [0.0, *(umi.delay_ps for receiver in receivers for umi in (receiver.z, receiver.x))]


def _round_s(topology: TopologySpec) -> float:
    """The shortest round in which the poorest link that has key at all has `ENOUGH_KEY_BITS`."""
    links_bps = link_rates_bps(predict(build_network(topology)))
    poorest_bps = min((rate for rate in links_bps.values() if rate > 0), default=math.inf)
    wanted_s = ENOUGH_KEY_BITS / poorest_bps
    return next((round_s for round_s in ROUNDS_S if round_s >= wanted_s), ROUNDS_S[-1])


def link_rates_bps(prediction: Prediction) -> dict[tuple[str, str], float]:
    """Asymptotic key rate of every link, all its lanes together."""
    links_bps: dict[tuple[str, str], float] = {}
    for lane in prediction.lanes:
        links_bps[lane.users] = links_bps.get(lane.users, 0.0) + lane.skr_bps
    return links_bps
