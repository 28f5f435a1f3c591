"""How much light there is, and what it takes to announce it."""

import math

from netsim.topology.network import Network
from netsim.units import PS_PER_S
from protocols.ascending import best_width, bits_a_value


def photons_hz(network: Network) -> float:
    """Photons per second that are drawn: all that come to a detector or an observer."""
    return math.fsum(
        (network.emitted_hz(way.channel) + way.noise_hz) * way.folded_transmittance
        for way in network.channels
    )


def announced_bytes(clicks: float, rate_hz: float, *, tick_ps: float) -> float:
    """What the times of so many random clicks take, as is to be expected of their rate.

    Distances of a Poisson process are exponential; none is announced that is no int64.
    """
    if not clicks:
        return 0.0
    mean_ticks = min(PS_PER_S / (rate_hz * tick_ps), 2.0**63)
    return clicks * bits_a_value(mean_ticks, best_width(mean_ticks)) / 8.0
