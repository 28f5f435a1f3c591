"""Joshi et al. 2020: eight users, each linked to each by splitters."""

from collections.abc import Sequence

from netsim.board.experiment import BoardRow, Experiment, Measured, Prediction
from netsim.studies.shots import Shot
from netsim.topology.load import load_topology

RUN, LIGHT_S = "joshi2020/run", 5.0
LINKS = 28


def shots() -> Sequence[Shot]:
    """The shipped topology."""
    return (Shot(RUN, load_topology("joshi2020"), LIGHT_S),)


def rows(measured: Measured) -> Sequence[BoardRow]:
    """How many links make key: all that the text at hand says of it."""
    found = measured[RUN]
    keyed = {lane.users for lane in found.prediction.lanes if lane.skr_bps > 0.0}
    return (
        BoardRow(
            "links with asymptotic key",
            "experiment",
            Prediction(float(len(keyed))),
            float(LINKS),
            0.0,
            note="by the twin, whose brightness is assumed: says little",
        ),
    )


EXPERIMENT = Experiment(
    "joshi2020",
    "Eight users on 16 channels, 28 links",
    "Joshi et al., Sci. Adv. 6, eaba0959 (2020)",
    (("all", "marks in topologies/joshi2020.toml; nothing is fitted"),),
    shots,
    rows,
    ("key rates are in a supplement that was not at hand", "which number goes to which link"),
)
