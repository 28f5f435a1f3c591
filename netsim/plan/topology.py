"""From an allocation to a topology that runs, with patch fibres and a round length that suit it.

It knows hardware and allocations, not how they were found.
"""

import math
from collections.abc import Sequence

from netsim.plan.allocation import Allocation
from netsim.plan.hardware import Hardware, bare_topology
from netsim.plan.patches import with_patches
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import LanePrediction, Prediction, predict
from netsim.twin.promise import is_lockable

ROUNDS_S = (10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)
"""Lengths of a round to choose from."""
ENOUGH_KEY_BITS = 1000
"""A round of the poorest link should hold so much key: its authentication costs some 400 bits."""


def planned_topology(
    hardware: Hardware,
    users: Sequence[str],
    allocation: Allocation,
    power_mw: float,
    *,
    name: str,
    description: str,
) -> TopologySpec:
    """The network of an allocation.

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
    source = hardware.source(allocation.comb, power_mw)
    channels = [
        hardware.channel(label, (user,))
        for k, user in enumerate(users)
        for label in allocation.labels_of(k)
    ]
    bare = bare_topology(hardware, users, source, channels, name=name, description=description)
    patched = with_patches(bare)
    protocol = patched.protocol.model_copy(update={"round_s": _round_s(patched)})
    return patched.model_copy(update={"protocol": protocol})


def _round_s(topology: TopologySpec) -> float:
    """The shortest round in which the poorest link that has key at all has `ENOUGH_KEY_BITS`."""
    links_bps = link_rates_bps(predict(build_network(topology)))
    poorest_bps = min((rate for rate in links_bps.values() if rate > 0), default=math.inf)
    wanted_s = ENOUGH_KEY_BITS / poorest_bps
    return next((round_s for round_s in ROUNDS_S if round_s >= wanted_s), ROUNDS_S[-1])


def dim_links(prediction: Prediction) -> frozenset[tuple[str, str]]:
    """Links that have too little light to be sure to find their clocks."""
    lanes: dict[tuple[str, str], list[LanePrediction]] = {}
    for lane in prediction.lanes:
        lanes.setdefault(lane.users, []).append(lane)
    return frozenset(users for users, own in lanes.items() if not is_lockable(own))


def link_rates_bps(prediction: Prediction) -> dict[tuple[str, str], float]:
    """Asymptotic key rate of every link, all its lanes together."""
    links_bps: dict[tuple[str, str], float] = {}
    for lane in prediction.lanes:
        links_bps[lane.users] = links_bps.get(lane.users, 0.0) + lane.skr_bps
    return links_bps
