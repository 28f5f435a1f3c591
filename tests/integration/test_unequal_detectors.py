"""Detectors that differ, or do not answer: no key is made of what everybody knows."""

import math

import netsim
from tests.oracles.tails import entropy_bits

DETECTORS = (
    "[{{efficiency={},dark_rate_hz=0.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}},"
    "{{efficiency={},dark_rate_hz=0.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}},"
    "{{efficiency={},dark_rate_hz=0.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}},"
    "{{efficiency={},dark_rate_hz=0.0,jitter_fwhm_ps=70.0,dead_time_ps=25000}}]"
)


def run_with(*efficiencies: float) -> netsim.Run:
    """Two users whose receivers have these detectors: Z+, Z-, X+, X-."""
    overrides = (f"receivers.bench.detectors={DETECTORS.format(*efficiencies)}",)
    topology = netsim.load_topology("two_user", overrides=(*overrides, "protocol.round_s=4"))
    return netsim.simulate(topology, duration_s=8, seed=1)


def test_unequal_detectors_are_charged() -> None:
    """Deposits stay below n h(bit) less what was disclosed, by the efficiencies alone."""
    (link,) = run_with(0.8, 0.2, 0.8, 0.2).links
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


def test_no_key_without_entropy() -> None:
    """One Z detector that works: its bits are constant, and X, never right, gives nothing."""
    (link,) = run_with(0.8, 0.0, 0.8, 0.0).links
    assert link.counts.sifted_bits > 500
    assert link.counts.deposited_bits == 0


def test_equal_detectors_cost_nothing() -> None:
    """The same without the difference: no charge, no note, and more key."""
    (link,) = run_with(0.8, 0.8, 0.8, 0.8).links
    assert link.counts.bias_bits == 0
    assert "balanced" not in link.notes
    assert link.counts.deposited_bits > 0.4 * link.counts.sifted_bits
