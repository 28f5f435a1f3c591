"""Key of links and what is said for it, as the twin expects them, for who admits a new user."""

import math

from netsim.relay.admission import LinkRate, Rates
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import predict

TAG_BITS = 64
"""Of a click, which each user says to the other."""


def admission_rates(topology: TopologySpec, *, tag_bits: int = TAG_BITS) -> Rates:
    """Asymptotic key of all links that make any, and all clicks of their two users.

    Parameters
    ----------
    topology : TopologySpec
        As it stands at first.
    tag_bits : int
        What is said of each click, at least 1.
    """
    found = predict(build_network(topology))
    rates = {
        (one, other): LinkRate(
            math.fsum(lane.skr_bps for lane in found.lanes if lane.users == (one, other)),
            tag_bits * (found.singles_hz(one) + found.singles_hz(other)),
        )
        for one, other in dict.fromkeys(lane.users for lane in found.lanes)
    }
    return {users: rate for users, rate in rates.items() if rate.key_bps > 0.0}
