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
from netsim.twin.promise import is_lockable, shortfalls

Users = tuple[str, str]
"""Of a link, announcer first."""

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
) -> tuple[TopologySpec, Prediction]:
    """The network of an allocation, and what it should show.

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

    Returns
    -------
    TopologySpec
    Prediction
        By the analytic twin, of the same light however long rounds are.
    """
    source = hardware.source(allocation.comb, power_mw)
    channels = [
        hardware.channel(label, (user,))
        for k, user in enumerate(users)
        for label in allocation.labels_of(k)
    ]
    bare = bare_topology(hardware, users, source, channels, name=name, description=description)
    patched = with_patches(bare)
    prediction = predict(build_network(patched))
    protocol = patched.protocol.model_copy(update={"round_s": _round_s(prediction)})
    applications, pools = hardware.template.applications, hardware.template.pools
    changes = {"protocol": protocol, "applications": applications, "pools": pools}
    return patched.model_copy(update=changes), prediction


def _round_s(prediction: Prediction) -> float:
    """The shortest round in which the poorest link that has key at all has `ENOUGH_KEY_BITS`."""
    links_bps = link_rates_bps(prediction).values()
    poorest_bps = min((rate for rate in links_bps if rate > 0), default=math.inf)
    wanted_s = ENOUGH_KEY_BITS / poorest_bps
    return next((round_s for round_s in ROUNDS_S if round_s >= wanted_s), ROUNDS_S[-1])


def dim_links(prediction: Prediction) -> frozenset[Users]:
    """Links that have too little light to be sure to find their clocks."""
    lanes = _lanes_by_link(prediction)
    return frozenset(users for users, own in lanes.items() if not is_lockable(own))


def _lanes_by_link(prediction: Prediction) -> dict[Users, list[LanePrediction]]:
    lanes: dict[Users, list[LanePrediction]] = {}
    for lane in prediction.lanes:
        lanes.setdefault(lane.users, []).append(lane)
    return lanes


def promised_rates_bps(topology: TopologySpec, prediction: Prediction) -> dict[Users, float]:
    """Asymptotic key rate of every link that its own run should make.

    It is 0 where there is too little light to be sure of the clocks, or where authentication takes
    what a round makes.
    """
    profile, round_s = topology.protocol.profile, topology.protocol.round_s
    lanes = _lanes_by_link(prediction)

    def is_promised(users: Users, bps: float) -> bool:
        # Less than a bit is some key: too little to pay with.
        return not any(shortfalls(lanes[users], profile, math.ceil(bps * round_s), round_s))

    links_bps = link_rates_bps(prediction)
    return {users: bps if is_promised(users, bps) else 0.0 for users, bps in links_bps.items()}


def link_rates_bps(prediction: Prediction) -> dict[Users, float]:
    """Asymptotic key rate of every link, all its lanes together."""
    links_bps: dict[Users, float] = {}
    for lane in prediction.lanes:
        links_bps[lane.users] = links_bps.get(lane.users, 0.0) + lane.skr_bps
    return links_bps
