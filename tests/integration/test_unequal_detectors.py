"""Detectors that differ, or do not answer: no key is made of what everybody knows."""

import math

import pytest

import netsim
from netsim.results.fidelity import Fidelity
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.topology.unwise import topology_warnings
from netsim.twin.agreement import agree
from netsim.twin.prediction import predict
from protocols.keylength.keyrate import skr_error_bps
from tests.oracles.tails import entropy_bits
from tests.support.slow import slow_but

DETECTORS = (
    "[{{efficiency={},dark_rate_hz=0.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}},"
    "{{efficiency={},dark_rate_hz=0.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}},"
    "{{efficiency={},dark_rate_hz=0.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}},"
    "{{efficiency={},dark_rate_hz=0.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}}]"
)


def run_with(*efficiencies: float, fidelity: str = Fidelity.PHOTON) -> netsim.Run:
    """Two users whose receivers have these detectors: Z+, Z-, X+, X-."""
    overrides: tuple[str, ...] = (f"receivers.bench.detectors={DETECTORS.format(*efficiencies)}",)
    # A schedule that leaves no pair of errors, or one round in some 300 would fail.
    overrides += ("protocol.round_s=4", "protocol.reconciliation=cascade-option4")
    topology = netsim.load_topology("two_user", overrides=overrides)
    return netsim.simulate(topology, duration_s=8, seed=1, fidelity=fidelity)


@pytest.mark.parametrize("fidelity", slow_but((Fidelity.RATE,), Fidelity))
def test_unequal_detectors_are_charged(fidelity: str) -> None:
    """Deposits stay below n h(bit) less what was disclosed, by the efficiencies alone."""
    (link,) = run_with(0.8, 0.2, 0.8, 0.2, fidelity=fidelity).links
    counts = link.counts
    # Z outcomes are equal: 0.8^2 and 0.2^2 of the pairs; X outcomes are opposite: fair.
    z_share = (0.64 + 0.04) / (0.64 + 0.04 + 2 * 0.16)
    z_bits = counts.sifted_bits * z_share
    left_bits = z_bits * entropy_bits(0.64 / 0.68) + counts.sifted_bits - z_bits
    slack_bits = 5 * math.sqrt(counts.sifted_bits)
    assert counts.deposited_bits > 0
    assert counts.deposited_bits <= left_bits - counts.leaked_bits + slack_bits
    assert counts.bias_bits > 0.5 * z_bits
    assert counts.blocks_failed == 0
    assert "zeros and ones are not balanced" in link.notes


@pytest.mark.slow
@pytest.mark.parametrize("efficiencies", [(0.8, 0.2, 0.8, 0.2), (0.8, 0.0, 0.8, 0.0)])
def test_twin_and_lanes_know_of_the_bias(efficiencies: tuple[float, ...]) -> None:
    """What is promised and what is scored is what is left, by the efficiencies alone."""
    overrides = (f"receivers.bench.detectors={DETECTORS.format(*efficiencies)}",)
    topology = netsim.load_topology("two_user", overrides=(*overrides, "protocol.round_s=4"))
    network = build_network(topology)
    (lane,) = predict(network).lanes
    (expected,) = [agree(network, users).expected_key_bits for users in network.links]
    run = run_with(*efficiencies)
    (scored,), (link,) = run.lanes, run.links
    good, bad = efficiencies[0] ** 2, efficiencies[1] ** 2
    assert lane.z_ones == pytest.approx(bad / (good + bad), abs=0.005)
    # Right X outcomes are opposite, (+ -) and (- +) as often; wrong ones are mostly (+ +).
    assert lane.x_ones == pytest.approx(0.5 if bad else 0.0, abs=0.02)
    assert expected is not None
    rounds = 2
    assert abs(rounds * expected - link.counts.deposited_bits) < 0.1 * link.counts.sifted_bits
    known = lane.z_hz * (1 - (entropy_bits(bad / (good + bad)) if bad else 0.0))
    assert scored.bias_bits == pytest.approx(known * run.duration_s, rel=0.1)
    fair_bps = lane.sifted_hz * (1 - 2.2 * entropy_bits(lane.qber))
    assert lane.skr_bps == pytest.approx(max(0.0, fair_bps - known), rel=0.05, abs=1.0)
    sigma_bps = skr_error_bps(lane.sifted_hz, lane.qber, run.duration_s)
    assert abs(scored.skr_asymptotic_bps - lane.skr_bps) < 5 * sigma_bps


def test_finite_keys_are_not_promised_where_rounds_end_as_biased() -> None:
    """`validate` used to promise key that no round would make."""
    overrides = [f"receivers.bench.detectors={DETECTORS.format(0.8, 0.2, 0.8, 0.2)}"]
    overrides += ["protocol.security=finite", "protocol.estimation=sample", "protocol.round_s=60"]
    network = build_network(netsim.load_topology("two_user", overrides=overrides))
    (agreement,) = [agree(network, users) for users in network.links]
    assert agreement.expected_key_bits == 0
    assert any("end as biased" in note for note in agreement.notes)


@pytest.mark.parametrize("fidelity", slow_but((Fidelity.RATE,), Fidelity))
def test_rounds_that_end_as_biased_charge_nothing(fidelity: str) -> None:
    """Finite lengths cover no charge: no key was made, and no note says what one was charged."""
    overrides = [f"receivers.bench.detectors={DETECTORS.format(0.8, 0.5, 0.8, 0.8)}"]
    overrides += ["protocol.security=finite", "protocol.estimation=sample", "protocol.round_s=10"]
    topology = netsim.load_topology("two_user", overrides=overrides)
    (link,) = netsim.simulate(topology, duration_s=20, seed=3, fidelity=fidelity).links
    assert "rounds without key: 2 biased" in link.notes
    assert (link.counts.deposited_bits, link.counts.bias_bits) == (0, 0)
    assert "charged" not in link.notes


def test_no_key_without_entropy() -> None:
    """One Z detector that works: its bits are constant, and X, never right, gives nothing."""
    (link,) = run_with(0.8, 0.0, 0.8, 0.0).links
    assert link.counts.sifted_bits > 500
    assert link.counts.deposited_bits == 0


@pytest.mark.slow
def test_equal_detectors_cost_nothing() -> None:
    """The same without the difference: no charge, no note, and more key."""
    (link,) = run_with(0.8, 0.8, 0.8, 0.8).links
    assert link.counts.bias_bits == 0
    assert "balanced" not in link.notes
    assert link.counts.deposited_bits > 0.4 * link.counts.sifted_bits


LATE = (
    "[{{efficiency=0.8,dark_rate_hz=100.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}},"
    "{{efficiency=0.8,dark_rate_hz=100.0,jitter_fwhm_ps=70.0,dead_time_ps=25000,delay_ps=1503{0}}},"
    "{{efficiency=0.8,dark_rate_hz=100.0,jitter_fwhm_ps=70.0,dead_time_ps=25000,delay_ps=-700{0}}},"
    "{{efficiency=0.8,dark_rate_hz=100.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}}]"
)
"""Z- and X+ answer at other times; the user takes that off its tags, or not."""


def late_topology(extra: str) -> TopologySpec:
    """Two users with detectors that answer at different times."""
    overrides = (f"receivers.bench.detectors={LATE.format(extra)}", "protocol.round_s=4")
    return netsim.load_topology("two_user", overrides=overrides)


@pytest.mark.slow
def test_delays_that_are_known_cost_nothing() -> None:
    """With calibration the parties sift what the simulator scores; without it they lose a lot."""
    sifted = []
    for extra in ("", ",calibration_ps=0.0"):
        run = netsim.simulate(late_topology(extra), duration_s=8, seed=1)
        scored = sum(lane.sifted_bits for lane in run.lanes)
        sifted.append(run.links[0].counts.sifted_bits / scored)
    assert sifted[0] == pytest.approx(1.0, abs=0.01)
    assert sifted[1] < 0.95


def test_delays_left_are_warned_of() -> None:
    """What published times would tell is said before a run."""
    (fault,) = topology_warnings(late_topology(",calibration_ps=0.0"))
    assert "differ by 2203 ps" in fault.message
    assert not topology_warnings(late_topology(""))
