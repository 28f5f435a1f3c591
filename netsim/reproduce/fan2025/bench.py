"""Set-ups of the paper as topologies, derived from the two shipped parameter sets.

It changes powers, channels and receivers of a shipped network; it knows no result.
"""

import math
from collections.abc import Sequence
from functools import cache

from netsim.topology.labels import label_of
from netsim.topology.load import load_topology
from netsim.topology.processes import pair_rule
from netsim.topology.receiver import DetectorSpec, InterferometerSpec, ReceiverSpec
from netsim.topology.source import RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import DeliveredChannelSpec, FibreSpec, UserSpec

NETWORK_POWER_MW = 0.4
"""Per pump, of the key distribution [paper]."""
RATE_POWER_MW = 0.32
"""Per pump, of the 24 coincidence rates [paper, caption of Fig. 3]."""

NO_FIBRE = FibreSpec(
    length_m=0.0, attenuation_db_per_km=0.0, group_index=1.468, dispersion_ps_per_nm_km=0.0
)


@cache
def calibrated() -> TopologySpec:
    """The network fitted to Table 2, lane by lane."""
    return load_topology("fan2025_four_user")


@cache
def structured() -> TopologySpec:
    """The network of eight numbers."""
    return load_topology("fan2025_structured")


def ring_of(topology: TopologySpec) -> RingSourceSpec:
    """Source of a topology that has a ring; TypeError for others."""
    source = topology.qnsp.source
    if not isinstance(source, RingSourceSpec):
        raise TypeError(f"{topology.name} has no ring")
    return source


def with_power(topology: TopologySpec, power_mw: float) -> TopologySpec:
    """All pumps at ``power_mw`` in the fibre."""
    pumps = tuple(
        pump.model_copy(update={"power_mw": power_mw}) for pump in ring_of(topology).pumps
    )
    return with_source(topology, pumps=pumps)


def with_source(topology: TopologySpec, **changes: object) -> TopologySpec:
    """Another ring: some of its fields changed."""
    source = ring_of(topology).model_copy(update=changes)
    return topology.model_copy(update={"qnsp": topology.qnsp.model_copy(update={"source": source})})


def with_window(topology: TopologySpec, window_ps: int) -> TopologySpec:
    """Another coincidence window."""
    protocol = topology.protocol.model_copy(update={"window_ps": window_ps})
    return topology.model_copy(update={"protocol": protocol})


def with_channels(topology: TopologySpec, names: Sequence[str]) -> TopologySpec:
    """Only these channels are delivered, to their users; users without a channel are left out."""
    channels = tuple(spec for spec in topology.qnsp.channels if spec.channel in names)
    served = {user for spec in channels for user in spec.receivers}
    users = tuple(user for user in topology.users if user.name in served)
    return _delivering(topology.model_copy(update={"users": users}), channels)


def fringe_bench(
    topology: TopologySpec, channels: tuple[str, str], phases_rad: tuple[float, float]
) -> TopologySpec:
    """Two channels, an interferometer each and no choice of basis: a Franson experiment.

    Detector Z+ of either user is the output port that the experiment looks at.
    """
    receivers = {
        name: _analyser(topology, InterferometerSpec(delay_ps=_delay_ps(topology), phase_rad=phase))
        for name, phase in zip(channels, phases_rad, strict=True)
    }
    return _bench(topology, receivers)


def bare_bench(topology: TopologySpec, channels: Sequence[str]) -> TopologySpec:
    """Channels with nothing but a detector each: singles, coincidences and accidentals.

    A detector here is both ports of a polarisation analyser taken together, with half the dark
    counts each; the analyser's contrast drops out of the sum. There is no interferometer, so its
    excess loss is not there either.
    """
    return _bench(topology, dict.fromkeys(channels, _bare(topology)))


def channel_loss_db(topology: TopologySpec, channel: str) -> float:
    """Loss of a channel between ring filters and receiver, its user's fibre included.

    That of a channel which the network does not deliver is the mean of those which it does
    [assumed]: visibilities hardly depend on it, rates do.
    """
    losses_db = {
        spec.channel: spec.loss_db + _fibre_loss_db(topology.user(spec.receivers[0]).fibre)
        for spec in topology.qnsp.channels
    }
    return losses_db.get(channel, math.fsum(losses_db.values()) / len(losses_db))


def _fibre_loss_db(fibre: FibreSpec) -> float:
    return fibre.attenuation_db_per_km * fibre.length_m / 1e3 + fibre.extra_loss_db


def _bench(topology: TopologySpec, receivers: dict[str, ReceiverSpec]) -> TopologySpec:
    """Every channel to a user of its own, named after it, next to the provider."""
    users = tuple(UserSpec(name=name, receiver=name, fibre=NO_FIBRE) for name in receivers)
    channels = tuple(
        DeliveredChannelSpec(
            channel=name, user=name, loss_db=round(channel_loss_db(topology, name), 6)
        )
        for name in receivers
    )
    protocol = topology.protocol.model_copy(update={"basis": "biased"})
    bench = topology.model_copy(
        update={"name": "bench", "users": users, "receivers": receivers, "protocol": protocol}
    )
    return _delivering(with_source(bench, self_pairs="deliver"), channels)


def _delivering(topology: TopologySpec, channels: tuple[DeliveredChannelSpec, ...]) -> TopologySpec:
    """Deliver ``channels``; what the source says of other pairs is dropped, as no one sees them."""
    source = ring_of(topology)
    born = pair_rule(source).pairs(label_of(spec.channel) for spec in channels)
    pairs = tuple(
        pair for pair in source.pairs if tuple(sorted(map(label_of, pair.channels))) in born
    )
    qnsp = topology.qnsp.model_copy(
        update={"channels": channels, "source": source.model_copy(update={"pairs": pairs})}
    )
    return topology.model_copy(update={"qnsp": qnsp, "paper": None})


def _receiver(topology: TopologySpec) -> ReceiverSpec:
    return topology.receiver_of(topology.users[0])


def _delay_ps(topology: TopologySpec) -> float:
    return _receiver(topology).z.delay_ps


def _analyser(topology: TopologySpec, umi: InterferometerSpec) -> ReceiverSpec:
    """All light into one interferometer; the detectors of the other basis are dark and silent."""
    receiver = _receiver(topology)
    detector = receiver.each_detector[0]
    silent = detector.model_copy(update={"dark_rate_hz": 0.0})
    return receiver.model_copy(
        update={
            "z_probability": 1.0,
            "z": umi,
            "x": umi,
            "detectors": (detector, detector, silent, silent),
        }
    )


def _bare(topology: TopologySpec) -> ReceiverSpec:
    receiver = _receiver(topology)
    half = _half_dark(receiver.each_detector[0])
    silent = half.model_copy(update={"dark_rate_hz": 0.0})
    return receiver.model_copy(
        update={
            "kind": "polarisation",
            "z_probability": 1.0,
            "excess_loss_db": 0.0,
            "z": InterferometerSpec(phase_rad=0.0),
            "x": InterferometerSpec(phase_rad=0.0),
            "detectors": (half, half, silent, silent),
        }
    )


def _half_dark(detector: DetectorSpec) -> DetectorSpec:
    return detector.model_copy(update={"dark_rate_hz": detector.dark_rate_hz / 2.0})
