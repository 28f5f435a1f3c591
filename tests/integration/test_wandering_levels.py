"""Phases that wander are one walk at every level, and what they do to errors is as by hand."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

import netsim
from netsim.board.bench import pair_link
from netsim.errors import ConfigError
from netsim.kernel.rng import RngTree
from netsim.results.fidelity import Fidelity
from netsim.simulation.control import Controller, RoundReport
from netsim.topology.changes import Change, Unlock
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.prediction import predict, predict_epochs
from tests.support.bounds import assert_binomial
from tests.support.slow import slow_but

VISIBILITY = 0.9
WALK = 0.3
LIGHT_S = 8.0
REALIGN_S = 5.0
ROTATION = "rotation_walk_rad_per_sqrt_s"
LEVELS = [Fidelity.PHOTON, Fidelity.COINCIDENCE, Fidelity.RATE]


def turning() -> TopologySpec:
    """A link of which both fibres turn, Bob's being aligned once."""
    topology = pair_link("turning", pairs_hz=4e3, visibility=VISIBILITY, round_s=4.0)
    users = [
        {**user.model_dump(), "fibre": {**user.fibre.model_dump(), ROTATION: walk}}
        for user, walk in zip(topology.users, (WALK / 2, WALK), strict=True)
    ]
    event = {"kind": "realign", "user": "bob", "time_s": REALIGN_S}
    protocol = {**topology.protocol.model_dump(), "reconciliation": "modelled"}
    return TopologySpec.model_validate(
        {**topology.model_dump(), "users": users, "events": (event,), "protocol": protocol}
    )


def walked(seed: int, user: str, walk: float, realign_s: float = math.inf) -> np.ndarray:
    """(800,) float64: the phase of one user at each centisecond, from its stream."""
    count = round(LIGHT_S * 100)
    kicks = walk * 0.1 * RngTree(seed).stream(f"{user}/rotation").normal(size=count - 1)
    path = np.concatenate(([0.0], np.cumsum(kicks)))
    first = round(min(realign_s, LIGHT_S) * 100)
    if first < count:
        path[first:] -= path[first - 1]
    return path


def contrast(seed: int) -> float:
    """Mean of the fringe over the run, by hand: both bases move alike."""
    both = walked(seed, "alice", WALK / 2) + walked(seed, "bob", WALK, REALIGN_S)
    return float(np.mean(np.cos(both)))


@pytest.mark.parametrize("level", slow_but((Fidelity.RATE,), LEVELS))
def test_one_walk_at_every_level(level: Fidelity) -> None:
    """Errors of two runs are those of their own walk, which are far from those of the other."""
    expected = {seed: (1 - VISIBILITY * contrast(seed)) / 2 for seed in (1, 2)}
    assert max(expected.values()) - min(expected.values()) > 0.05
    for seed, share in expected.items():
        run = netsim.simulate(turning(), duration_s=LIGHT_S, seed=seed, fidelity=level)
        assert_binomial(run.lanes[0].errors, run.lanes[0].sifted_bits, share)


def delayed(*overrides: str) -> TopologySpec:
    """Two users whose two detectors have both bases."""
    return netsim.load_topology(
        "two_user",
        overrides=[
            "qnsp.source.linewidth_hz=50e9",
            "receivers.bench.kind=delayed-basis",
            "receivers.bench.z.delay_ps=0.0",
            "receivers.bench.x.delay_ps=3700.0",
            "protocol.security=asymptotic-mixed",
            "protocol.round_s=4",
            "protocol.reconciliation=modelled",
            "qnsp.source.statistics=poisson",
            *overrides,
        ],
    )


def turned_qber(*fringes: float) -> float:
    """Of the same with as much of the fringe left, in the mean of these."""
    plain = predict(build_network(delayed())).lanes[0].qber
    return (1 - (1 - 2 * plain) * sum(fringes) / len(fringes)) / 2


@pytest.mark.parametrize("level", slow_but((Fidelity.RATE,), LEVELS))
def test_bases_in_a_delay_are_turned_alike(level: Fidelity) -> None:
    """Two detectors for both bases: the fringe is in the difference of the two fibres' turns."""
    seed = 7
    topology = delayed(f"users.0.fibre.{ROTATION}={WALK / 2}", f"users.1.fibre.{ROTATION}={WALK}")
    apart = walked(seed, "alice", WALK / 2) - walked(seed, "bob", WALK)
    share = turned_qber(float(np.mean(np.cos(apart))))
    assert share > turned_qber(1.0) + 0.05
    run = netsim.simulate(topology, duration_s=LIGHT_S, seed=seed, fidelity=level)
    assert_binomial(run.lanes[0].errors, run.lanes[0].sifted_bits, share)


DRIFTS = {"z": 0.2, "x": 0.8}


def drifted(seed: int, user: str, basis: str) -> np.ndarray:
    """(800,) float64: a phase of an analyser without lock, from its stream."""
    drawn = RngTree(seed).stream(f"{user}/drift/{basis}").normal(size=(round(LIGHT_S * 100) - 1, 2))
    return np.cumsum(np.concatenate(([0.0], 0.1 * DRIFTS[basis] * drawn[:, 0])))


def drifting() -> TopologySpec:
    """Both users without lock from the start, their bases unlike."""
    drifts = [
        f"receivers.bench.{basis}.drift={{walk_rad_per_sqrt_s={walk}}}"
        for basis, walk in DRIFTS.items()
    ]
    return delayed(*drifts, "users.*.is_locked=false")


@pytest.mark.parametrize(
    "level", [pytest.param(Fidelity.PHOTON, marks=pytest.mark.slow), *LEVELS[1:]]
)
def test_bases_in_a_delay_drift_apart(level: Fidelity) -> None:
    """Half of the peak follows the phases of the short paths, half those of the long ones."""
    seed = 11
    fringes = [
        float(np.mean(np.cos(drifted(seed, "alice", basis) - drifted(seed, "bob", basis))))
        for basis in DRIFTS
    ]
    assert abs(fringes[0] - fringes[1]) > 0.3
    run = netsim.simulate(drifting(), duration_s=LIGHT_S, seed=seed, fidelity=level)
    assert_binomial(run.lanes[0].errors, run.lanes[0].sifted_bits, turned_qber(*fringes))


def test_the_twin_has_the_mean_of_both_bases() -> None:
    """Of the walks of two users the fringe of a basis is exp(-walk^2 t), its mean by hand."""
    epochs = Timeline(drifting(), stop_ps=round(LIGHT_S * 1e12)).epochs()
    (lane,) = predict_epochs(tuple(epochs)).lanes
    fringes = [
        (1 - math.exp(-(walk**2) * LIGHT_S)) / (walk**2 * LIGHT_S) for walk in DRIFTS.values()
    ]
    assert lane.qber == pytest.approx(turned_qber(*fringes), rel=2e-3)


class Freeing(Controller):
    """Switches a lock off at the first report."""

    def report(self, report: RoundReport, now_s: float) -> Iterable[Change]:
        """Bob's."""
        _ = report
        return (Unlock(time_s=now_s, user="bob"),)


def test_a_controller_frees_no_phase_that_is_not_followed() -> None:
    """At the coincidence level phases are followed that a file says will be free, no others."""
    drift = "drift={walk_rad_per_sqrt_s=0.1}"
    with pytest.raises(ValueError, match="phases of bob are not followed"):
        netsim.simulate(
            "two_user",
            duration_s=4.0,
            fidelity="coincidence",
            controller=Freeing(),
            overrides=[
                f"receivers.bench.x={{delay_ps=10000, phase_rad={math.pi / 2}, {drift}}}",
                "protocol.round_s=1",
            ],
        )


def test_rounds_of_days_are_refused_where_phases_are_followed() -> None:
    """At the rate level a link would need all steps of its round at once."""
    topology = turning()
    protocol = topology.protocol.model_copy(update={"round_s": 7200.0})
    with pytest.raises(ConfigError, match="rounds of an hour at most"):
        netsim.simulate(
            topology.model_copy(update={"protocol": protocol}), duration_s=1.0, fidelity="rate"
        )
