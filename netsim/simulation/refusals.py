"""What may not be asked for at a level, because there it has no meaning."""

from collections.abc import Iterator

from netsim.errors import Fault
from netsim.results.fidelity import Fidelity
from netsim.simulation.request import RunRequest
from netsim.simulation.wander import wanderers
from netsim.topology.specs import TopologySpec
from netsim.units import MAX_TIME_PS
from protocols.variants import MATCHINGS, PROTOCOLS

FOLLOWED_S = 3600.0
"""Longest round in which all steps of all phases are kept."""


def refusals(request: RunRequest) -> Iterator[Fault]:
    """Everything that the request's level does not have."""
    topology = request.topology
    if request.fidelity is not Fidelity.RATE and request.duration_ps > MAX_TIME_PS:
        yield Fault("--duration", "is above 26 days, which packed times hold: only --fidelity rate")
    asked = {
        "taps": topology.taps or request.taps,
        "crashes": topology.crashes,
        "observers": topology.observers,
        "controller": topology.controller or request.controller,
        "protocol.round_s": bool(wanderers(topology)) and _longest_round_s(topology) > FOLLOWED_S,
        "bell": any(receiver.bell for receiver in topology.receivers.values()),
        "protocol.protocol": topology.protocol.protocol not in PROTOCOLS.builtin,
        "protocol.matching": not MATCHINGS.get(topology.protocol.matching).is_predicted,
        "--save-tags": request.save_tags,
        "--histograms": request.histograms,
    }
    for place, why in _MEANINGLESS[request.fidelity].items():
        if asked[place]:
            yield Fault(place, f"not at the {request.fidelity} level: {why}")


def _longest_round_s(topology: TopologySpec) -> float:
    return max(topology.protocol.round_s, *(link.round_s for link in topology.links), 0.0)


_MEANINGLESS = {
    Fidelity.PHOTON: {},
    Fidelity.COINCIDENCE: {
        "observers": "there are no photons to observe",
        "bell": "analysers are turned for photons, and there are none",
        "protocol.matching": "clicks are drawn in pairs, without the rivals it would choose from",
        "--save-tags": "there are only tags that coincide, and no recorder has such",
        "--histograms": "there are no clicks beside the windows",
    },
    Fidelity.RATE: {
        "taps": "there are no messages to attack",
        "crashes": "there are no processes to stop",
        "observers": "there are no photons to observe",
        "controller": "nobody reports rounds to one",
        "protocol.round_s": "phases that wander are followed in rounds of an hour at most",
        "bell": "analysers are turned for photons, and there are none",
        "protocol.protocol": "rounds are drawn as the twin expects them of those built in",
        "protocol.matching": "matches are drawn as the twin expects them",
        "--save-tags": "there are no tags",
        "--histograms": "there are no clicks",
    },
}
"""By level: what of a request makes no sense there, and why."""
