"""Appas et al. 2021: links of 100 GHz from a flexible grid, with and without 25 km."""

import math
from collections.abc import Sequence

from netsim.board.experiment import (
    BoardRow,
    Experiment,
    Measured,
    Prediction,
    coincidences,
    error_rate,
    ratio_of,
)
from netsim.studies.measurement import Measurement
from netsim.studies.shots import LaneTally, Shot
from netsim.topology.load import load_topology

RUN, LIGHT_S = "appas2021/run", 30.0
NEAR, FAR = ("alice", "carol"), ("alice", "bob")
PAIRS_A_LINK = 2
"""Channel pairs of 100 GHz in a link of the topology."""


def shots() -> Sequence[Shot]:
    """The first state of the shipped topology, as long as the switch leaves it alone."""
    topology = load_topology("appas2021").model_copy(update={"events": ()})
    return (Shot(RUN, topology, LIGHT_S),)


def _link(measured: Measurement, users: tuple[str, str]) -> LaneTally:
    return next(lane for lane in measured.result.lanes if lane.users == users)


def rows(measured: Measured) -> Sequence[BoardRow]:
    """Coincidences of one channel pair without fibre, their errors, and what 25 km take."""
    found = measured[RUN]
    near, far = (_link(found, users) for users in (NEAR, FAR))
    count, others = coincidences(near), coincidences(far)
    per_link = LIGHT_S / found.light_s / PAIRS_A_LINK
    return (
        BoardRow(
            "coincidences of 100 GHz without fibre in 30 s",
            "experiment",
            Prediction(count * per_link, math.sqrt(count) * per_link),
            3350.0,
            0.25 * 3350.0,
            note="25 % allowed; the analysers' loss of 2 dB is assumed",
        ),
        BoardRow(
            "QBER without fibre [%]",
            "experiment",
            error_rate(near),
            1.0,
            1.0,
            note="printed: below 2 %",
        ),
        BoardRow(
            "coincidences without fibre over those with 25 km",
            "experiment",
            ratio_of(count, others),
            4.8,
            0.48,
            note="10 % allowed; 5 dB of fibre, and what dispersion takes out of the window",
        ),
    )


EXPERIMENT = Experiment(
    "appas2021",
    "Flexible grid, four users",
    "Appas et al., npj Quantum Inf. 7, 118 (2021), by a review of it",
    (("all", "marks in topologies/appas2021.toml; nothing is fitted"),),
    shots,
    rows,
    ("loss of the analysers, loss of the fibre's connectors",),
)
