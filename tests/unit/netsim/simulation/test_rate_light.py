"""What the ends of a link match of the light that the simulator scores."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from netsim.simulation.rate.light import LightSource, LinkStreams, Span
from netsim.topology.network import build_network
from netsim.twin.prediction import Prediction, predict
from tests.support.topologies import two_user_topology

LIGHT_PS = 10_000_000_000_000


def test_a_lane_without_pairs_is_scored_and_not_matched() -> None:
    """Beside a lit lane: accidental coincidences are there, but no peak to match them by."""
    (lit,) = predict(build_network(two_user_topology())).lanes
    without = lit.light._replace(stays_lit=False)
    dark = replace(lit, channels=("C30", "C46"), true_hz=0.0, light=without)
    lanes: list[Any] = [
        SimpleNamespace(users=each.users, channels=each.channels) for each in (lit, dark)
    ]

    class Stretches:
        """One state of the network, of both lanes."""

        def between(self, start_ps: int, stop_ps: int) -> Iterator[tuple[int, int, Prediction]]:
            """All of the time."""
            yield start_ps, stop_ps, Prediction(lanes=(lit, dark), users=())

    stretches: Any = Stretches()
    source = LightSource([lanes], stretches, [LinkStreams(*map(np.random.default_rng, (1, 2)))])
    light = source.draw([Span(0, LIGHT_PS)]).span(0)
    assert (light.scored[0].sum(axis=1) > 0).all()
    assert (light.matched[0, 0] == light.scored[0, 0]).all()
    assert (light.matched_ones[0, 0] == light.ones[0, 0]).all()
    assert light.matched[0, 1].sum() == light.matched_ones[0, 1].sum() == 0
