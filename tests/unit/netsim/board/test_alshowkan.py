"""Clocks of Alshowkan 2021: what they leave of pairs in a window, by hand."""

import math
from statistics import NormalDist

import pytest

from netsim.board.experiments.alshowkan2021 import WANDERS_PS, with_clocks
from netsim.topology.checks import check_topology
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.prediction import LanePrediction, predict

WINDOW_PS = 10_000
SHARES = {("alice", "bob"): 0.32, ("bob", "charlie"): 0.21, ("alice", "charlie"): 0.27}
"""As the notes of the board say."""


def lanes(wanders_ps: dict[str, float]) -> dict[tuple[str, str], LanePrediction]:
    """By the twin, of little light, of which nothing is lost to dead times."""
    dim = load_topology("alshowkan2021", overrides=["qnsp.source.brightness_hz_per_mw=1e3"])
    topology = with_clocks(dim, wanders_ps)
    assert not check_topology(topology).errors
    return {lane.users: lane for lane in predict(build_network(topology)).lanes}


def test_clocks_carry_pairs_out_of_the_window() -> None:
    """A Gaussian of both clocks within half a window; accidentals are what they were."""
    still, wandering = lanes({}), lanes(WANDERS_PS)
    for users, printed in SHARES.items():
        sigma_ps = math.hypot(*(WANDERS_PS[user] for user in users))
        share = 2 * NormalDist(0.0, sigma_ps).cdf(WINDOW_PS / 2) - 1
        assert round(share, 2) == printed
        ratio = wandering[users].true_hz / still[users].true_hz
        assert ratio == pytest.approx(share, rel=2e-3)
        assert wandering[users].accidental_hz == pytest.approx(still[users].accidental_hz, rel=1e-2)
