"""A topology worked out: what arrives where, how weak, how late, and which users share which pairs.

It holds device inputs only (transmittances, delays, pair rates), never counts, QBER or key.
"""

import math
from dataclasses import dataclass

from netsim.physics.fibre import broadening_ps, group_delay_ps
from netsim.topology.processes import PairProcess, chip_power_mw, pair_processes
from netsim.topology.specs import DeliveredChannelSpec, TopologySpec, label_of
from netsim.units import transmittance_from_db, wavelength_nm_from_label


@dataclass(frozen=True, slots=True)
class DeliveredChannel:
    """The way of one wavelength channel from the ring to a user's detectors, loss by loss."""

    channel: str
    user: str
    provider_transmittance: float
    """Ring escape, facet, pump rejection, demultiplexer."""
    fibre_transmittance: float
    receiver_transmittance: float
    """Receiver excess loss and the best of the four detectors, without the basis choice."""
    delay_ps: float
    """From the ring to the receiver: patch fibre, group delay, dispersion."""
    broadening_ps: float
    """Standard deviation of the spread that dispersion gives a photon."""
    noise_hz: float
    """Uncorrelated photons in the ring's bus, before all losses."""

    @property
    def transmittance(self) -> float:
        """From the ring to a click in the best detector, without the basis choice (eta)."""
        return self.provider_transmittance * self.fibre_transmittance * self.receiver_transmittance


@dataclass(frozen=True, slots=True)
class Lane:
    """A pair process whose two channels go to two different users."""

    users: tuple[str, str]
    """In the order of the topology's users: announcer first."""
    channels: tuple[str, str]
    """Channel of the first user, channel of the second."""
    process: PairProcess
    delay_ps: float
    """Nominal arrival time at the second user minus that at the first."""


@dataclass(frozen=True, slots=True)
class Network:
    """All of it, in the order of the file."""

    topology: TopologySpec
    processes: tuple[PairProcess, ...]
    channels: tuple[DeliveredChannel, ...]
    lanes: tuple[Lane, ...]

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Pairs of users with at least one lane, announcer first."""
        return tuple(dict.fromkeys(lane.users for lane in self.lanes))

    def channel(self, name: str) -> DeliveredChannel | None:
        """Find the delivered channel called ``name``; None if it goes to nobody."""
        return next((channel for channel in self.channels if channel.channel == name), None)

    def channels_of(self, user: str) -> tuple[DeliveredChannel, ...]:
        """Channels that arrive at ``user``."""
        return tuple(channel for channel in self.channels if channel.user == user)

    def lanes_of(self, users: tuple[str, str]) -> tuple[Lane, ...]:
        """Lanes of the link ``users``, by ascending nominal delay."""
        return tuple(
            sorted(
                (lane for lane in self.lanes if lane.users == users), key=lambda lane: lane.delay_ps
            )
        )


def build_network(topology: TopologySpec) -> Network:
    """Work out ``topology``."""
    processes = pair_processes(topology)
    channels = tuple(_deliver(topology, spec) for spec in topology.qnsp.channels)
    by_name = {channel.channel: channel for channel in channels}
    lanes = tuple(
        _lane(topology, process, by_name[process.channels[0]], by_name[process.channels[1]])
        for process in processes
        if process.channels[0] in by_name
        and process.channels[1] in by_name
        and by_name[process.channels[0]].user != by_name[process.channels[1]].user
    )
    order = {user.name: index for index, user in enumerate(topology.users)}
    return Network(
        topology=topology,
        processes=processes,
        channels=channels,
        lanes=tuple(sorted(lanes, key=lambda lane: (order[lane.users[0]], order[lane.users[1]]))),
    )


def _deliver(topology: TopologySpec, spec: DeliveredChannelSpec) -> DeliveredChannel:
    source = topology.qnsp.source
    user = topology.user(spec.user)
    receiver = topology.receiver_of(user)
    fibre = user.fibre
    wavelength_nm = wavelength_nm_from_label(label_of(spec.channel))
    power_mw = math.fsum(chip_power_mw(topology, pump.channel) for pump in source.pumps)
    return DeliveredChannel(
        channel=spec.channel,
        user=spec.user,
        provider_transmittance=transmittance_from_db(
            source.escape_loss_db
            + source.facet_loss_db
            + topology.qnsp.pump_rejection_loss_db
            + spec.loss_db
        ),
        fibre_transmittance=transmittance_from_db(
            fibre.attenuation_db_per_km * fibre.length_m / 1e3
        ),
        receiver_transmittance=transmittance_from_db(receiver.excess_loss_db)
        * max(detector.efficiency for detector in receiver.four_detectors),
        delay_ps=spec.patch_delay_ps
        + group_delay_ps(
            length_m=fibre.length_m,
            group_index=fibre.group_index,
            dispersion_ps_per_nm_km=fibre.dispersion_ps_per_nm_km,
            wavelength_nm=wavelength_nm,
        ),
        broadening_ps=broadening_ps(
            length_m=fibre.length_m,
            dispersion_ps_per_nm_km=fibre.dispersion_ps_per_nm_km,
            wavelength_nm=wavelength_nm,
            linewidth_hz=source.linewidth_hz,
        ),
        noise_hz=spec.noise_hz_per_mw * power_mw,
    )


def _lane(
    topology: TopologySpec, process: PairProcess, one: DeliveredChannel, other: DeliveredChannel
) -> Lane:
    order = [user.name for user in topology.users]
    first, second = sorted((one, other), key=lambda channel: order.index(channel.user))
    return Lane(
        users=(first.user, second.user),
        channels=(first.channel, second.channel),
        process=process,
        delay_ps=second.delay_ps - first.delay_ps,
    )
