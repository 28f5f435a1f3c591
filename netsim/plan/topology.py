"""From an allocation to a topology that runs: hardware of a template, patch fibres, round length.

It knows the template and the plan, not how the plan was found. What belongs to the template's own
labels and links (factors of pair processes, faults, events, published figures) is left out.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, count

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
        other_db = self.mean_loss_db if self.other_loss_db is None else self.other_loss_db
        return self.channel_losses_db.get(label, other_db)

    @property
    def mean_loss_db(self) -> float:
        """Mean loss of the template's channels, to a thousandth."""
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

    Label after label gets the shortest patch with which the peaks (centres, and side peaks one
    interferometer delay away) of all pairs of lanes settled with it are `MIN_PEAK_DISTANCE_PS`
    apart. A label that two lanes share delays both and settles nothing between them.
    """
    network = build_network(topology)
    rivals = [pair for link in network.links for pair in combinations(network.lanes_of(link), 2)]
    patches_ps: dict[str, int] = {}
    for channel in dict.fromkeys(name for pair in rivals for name in sorted(_between(pair))):
        concerned = [
            pair
            for pair in rivals
            if channel in _between(pair) and _between(pair) <= {channel, *patches_ps}
        ]
        patches_ps[channel] = _patch_ps(network, channel, concerned, patches_ps)
    channels = tuple(
        spec.model_copy(update={"patch_delay_ps": patches_ps.get(spec.channel, 0)})
        for spec in topology.qnsp.channels
    )
    qnsp = topology.qnsp.model_copy(update={"channels": channels})
    return topology.model_copy(update={"qnsp": qnsp})


def _between(pair: tuple[Lane, Lane]) -> set[str]:
    """Channels whose patches move two lanes against each other."""
    return set(pair[0].channels) ^ set(pair[1].channels)


def _patch_ps(
    network: Network,
    channel: str,
    rivals: Sequence[tuple[Lane, Lane]],
    patches_ps: Mapping[str, int],
) -> int:
    for step in count():  # Each pair of lanes excludes a few steps, so there is an end.
        tried_ps = {**patches_ps, channel: step * PATCH_STEP_PS}
        if all(_are_apart(network, pair, tried_ps) for pair in rivals):
            break
    return step * PATCH_STEP_PS


def _are_apart(network: Network, pair: tuple[Lane, Lane], patches_ps: Mapping[str, int]) -> bool:
    """Whether no peak of one lane lies at the centre of the other."""
    one_ps, other_ps = (
        lane.delay_ps + patches_ps.get(lane.channels[1], 0) - patches_ps.get(lane.channels[0], 0)
        for lane in pair
    )
    return all(
        abs(abs(one_ps - other_ps) - side_ps) >= MIN_PEAK_DISTANCE_PS
        for side_ps in _side_delays_ps(network, pair[0].users)
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
