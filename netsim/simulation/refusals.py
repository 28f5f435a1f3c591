"""What may not be asked for at a level, because there it has no meaning."""

from collections.abc import Iterator

from netsim.errors import Fault
from netsim.results.fidelity import Fidelity
from netsim.simulation.request import RunRequest


def refusals(request: RunRequest) -> Iterator[Fault]:
    """Everything that the request's level does not have."""
    topology = request.topology
    asked = {
        "taps": topology.taps or request.taps,
        "crashes": topology.crashes,
        "observers": topology.observers,
        "controller": topology.controller or request.controller,
        "--save-tags": request.save_tags,
    }
    for place, why in _MEANINGLESS[request.fidelity].items():
        if asked[place]:
            yield Fault(place, f"not at the {request.fidelity} level: {why}")


_MEANINGLESS = {
    Fidelity.PHOTON: {},
    Fidelity.COINCIDENCE: {
        "observers": "there are no photons to observe",
        "--save-tags": "there are only tags that coincide, and no recorder has such",
    },
    Fidelity.RATE: {
        "taps": "there are no messages to attack",
        "crashes": "there are no processes to stop",
        "observers": "there are no photons to observe",
        "controller": "nobody reports rounds to one",
        "--save-tags": "there are no tags",
    },
}
"""By level: what of a request makes no sense there, and why."""
