"""What the ranges that Wang et al. 2026 print for losses and couplings leave open of a link's key.

The topology has the middle of all of them. Here users are put elsewhere within, such as the two of
a link at the good or at the bad end; the pair rate is then the one at which A has the singles that
are printed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netsim.topology.network import build_network
from netsim.topology.source import CrystalSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import predict

LOSSES_DB = {
    "alice": (8.9, 10.0),
    "bob": (8.1, 11.1),
    "charlie": (10.6, 13.0),
    "dave": (14.1, 15.1),
    "frank": (10.6, 11.9),
    "grace": (11.0, 11.9),
}
"""From source to user, least and most."""
COUPLINGS = (0.761, 0.528)
"""Of receivers, best and worst."""
GOOD, BAD = 0, 1
"""Ends of both ranges."""
MIDDLE_DB = 1.9
"""The coupling that the topology has."""


@dataclass(frozen=True, slots=True)
class Range:
    """Key of a link at either end."""

    worst_bps: float
    best_bps: float

    def __str__(self) -> str:
        return f"{self.worst_bps:.0f} to {self.best_bps:.0f}"


def key_range(topology: TopologySpec, users: Sequence[str], channels: tuple[str, str]) -> Range:
    """Key of a lane with these users at the bad, and at the good end of what is printed."""
    best_bps, worst_bps = (
        predict(build_network(placed(topology, {user: more_db(user, end) for user in users})))
        .lane(channels)
        .skr_bps
        for end in (GOOD, BAD)
    )
    return Range(worst_bps, best_bps)


def placed(topology: TopologySpec, places_db: Mapping[str, float]) -> TopologySpec:
    """With these users at so much more loss than the middle; the singles of A stay."""
    channels = tuple(
        spec.model_copy(update={"loss_db": spec.loss_db + places_db.get(spec.receivers[0], 0.0)})
        for spec in topology.qnsp.channels
    )
    source = topology.qnsp.source
    if not isinstance(source, CrystalSourceSpec):
        raise TypeError("the source of Wang et al. is a crystal")
    scale = 10.0 ** (places_db.get("alice", 0.0) / 10.0)
    brighter = source.model_copy(
        update={"brightness_hz_per_mw": source.brightness_hz_per_mw * scale}
    )
    qnsp = topology.qnsp.model_copy(update={"channels": channels, "source": brighter})
    return topology.model_copy(update={"qnsp": qnsp})


def more_db(user: str, end: int) -> float:
    """Loss beyond the middle of both ranges, at their `GOOD` or their `BAD` end."""
    losses_db = LOSSES_DB[user]
    coupling_db = -10.0 * math.log10(COUPLINGS[end])
    return losses_db[end] - sum(losses_db) / 2.0 + coupling_db - MIDDLE_DB
