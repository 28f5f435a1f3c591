"""Which depth a request asks for: the one place that knows them all."""

from typing import assert_never

from netsim.results.fidelity import Fidelity
from netsim.simulation.depth import Depth, PhotonDepth
from netsim.simulation.request import RunRequest
from netsim.topology.timeline import Timeline
from netsim.twin.prediction import Prediction


def depth_of(request: RunRequest, timeline: Timeline, prediction: Prediction) -> Depth:
    """How the light of ``request`` is made.

    Raises
    ------
    ConfigError
        There is more light than that depth can draw.
    ValueError
        At its level there is none.
    """
    match request.fidelity:
        case Fidelity.PHOTON:
            is_controlled = request.controller is not None
            return PhotonDepth(timeline, request.build, is_controlled=is_controlled)
        case Fidelity.COINCIDENCE:
            from netsim.simulation.coincidence.depth import (  # noqa: PLC0415  # where it is asked for
                CoincidenceDepth,
            )

            return CoincidenceDepth(timeline, prediction)
        case Fidelity.RATE:
            raise ValueError("at the rate level rounds are drawn, and no light")
        case _:
            assert_never(request.fidelity)
