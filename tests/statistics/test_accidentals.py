"""Long runs of two users, enough to see one accidental in a hundred that is too many."""

import math

import pytest

from netsim.simulation.photons import count_photons
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.prediction import predict

Z_SIGMA = 4.0

POLARISED = ("receivers.bench.z.delay_ps=0", "qnsp.source.linewidth_hz=50e9")
RECEIVERS = {
    "franson": (),
    "polarisation": (
        "receivers.bench.kind=polarisation",
        "receivers.bench.x.delay_ps=0",
        *POLARISED,
    ),
    "delayed-basis": (
        "receivers.bench.kind=delayed-basis",
        "receivers.bench.x.delay_ps=3700",
        "protocol.security=asymptotic-mixed",
        *POLARISED,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", RECEIVERS)
def test_errors_of_two_users_are_those_of_the_twin(kind: str) -> None:
    """Sifted bits and errors of 400 s within four sigma; half of the errors are accidentals.

    Pairs silence 5 % of them (`netsim.physics.silences`), which of delayed bases are five sigma of
    the errors.
    """
    topology = load_topology("two_user", overrides=RECEIVERS[kind])
    (lane,) = predict(build_network(topology)).lanes
    seconds, sifted, errors = 400.0, 0, 0
    for seed in range(41, 45):
        (found,) = count_photons(topology, duration_s=seconds / 4, seed=seed).lanes
        sifted += found.counts.sifted_bits
        errors += found.counts.errors
    for count, mean in (
        (sifted, lane.sifted_hz * seconds),
        (errors, lane.sifted_hz * lane.qber * seconds),
    ):
        assert abs(count - mean) <= Z_SIGMA * math.sqrt(mean), f"{count}, twin {mean:.0f}"
