"""A biased choice of basis in whole runs: the key that the twin expects, and more than without."""

import math

import pytest

import netsim
from netsim.topology.network import build_network
from netsim.twin.agreement import agree, best_basis_ratio

ROUND_S = 60
OVERRIDES = (
    "protocol.security=two-basis",
    "protocol.basis=biased",
    "protocol.error_correction_charge=measured",
    f"protocol.round_s={ROUND_S}",
)
Z_SIGMA = 5.0


def deposited(z_probability: float) -> tuple[int, int, float]:
    """Key of one round, what the twin expects, and one standard deviation of the former.

    The length follows the number of sifted bits, which is Poisson distributed, and nothing else;
    it grows by less than a bit a bit.
    """
    overrides = [*OVERRIDES, f"receivers.bench.z_probability={z_probability}"]
    topology = netsim.load_topology("two_user", overrides=overrides)
    agreement = agree(build_network(topology), ("alice", "bob"))
    (link,) = netsim.simulate(topology, duration_s=ROUND_S, seed=5).links
    assert link.counts.blocks == 1
    return (
        link.counts.deposited_bits,
        agreement.expected_key_bits or 0,
        math.sqrt(link.counts.sifted_bits),
    )


@pytest.mark.slow
def test_the_best_ratio_deposits_more() -> None:
    """At 60 s the best ratio gives what the twin says, and ten per cent more than 0.5 does."""
    topology = netsim.load_topology("two_user", overrides=OVERRIDES)
    best = best_basis_ratio(topology)
    assert 0.7 < best.z_probability < 0.85
    biased, symmetric = deposited(best.z_probability), deposited(0.5)
    for found, expected, sigma in (biased, symmetric):
        assert abs(found - expected) < Z_SIGMA * sigma
    gain, expected_gain = biased[0] - symmetric[0], biased[1] - symmetric[1]
    sigma = math.hypot(biased[2], symmetric[2])
    assert expected_gain > 10 * sigma
    assert abs(gain - expected_gain) < Z_SIGMA * sigma
