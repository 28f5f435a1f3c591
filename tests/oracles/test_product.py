"""The product against the oracles: formulas that share no code with them."""

import math

import pytest

from netsim.physics.rates import kappa_per_ps, mismatch_contrast, window_share
from netsim.topology.network import build_network
from netsim.topology.receiver import DetectorSpec, InterferometerSpec, ReceiverSpec
from netsim.twin.prediction import predict
from protocols.keylength.finite import FiniteRound, hypergeometric_epsilon
from tests.oracles import biphoton, tails, times
from tests.oracles.lane import Station, run_lane
from tests.support.topologies import receiver_spec, two_user_topology

Z_SIGMA = 4.0
PAIRS_HZ = 100_000.0


@pytest.mark.parametrize("jitter_fwhm_ps", [0.0, 70.0, 700.0])
@pytest.mark.parametrize("window_ps", [500.0, 2000.0])
def test_share_of_a_window(jitter_fwhm_ps: float, window_ps: float) -> None:
    """Pairs of a ring with jitter, by formula and by integration over frequency."""
    jitter_ps = jitter_fwhm_ps / times.FWHM_PER_SIGMA
    formula = window_share(
        window_ps=window_ps, offset_ps=0.0, linewidth_hz=200e6, spread_ps=jitter_ps
    )
    integral = biphoton.window_share(
        "lorentzian", linewidth_hz=200e6, window_ps=window_ps, jitter_ps=jitter_ps
    )
    assert formula == pytest.approx(integral, abs=1e-3)


def test_mismatch_in_a_wide_window() -> None:
    """Where the window holds all pairs, the fringe is the overlap of the whole wave function."""
    integral = biphoton.mismatched_fringe(linewidth_hz=200e6, window_ps=60_000, mismatch_ps=1000)
    assert mismatch_contrast(1000.0, kappa_per_ps(200e6)) == pytest.approx(integral, abs=1e-4)


def test_sampling_epsilon() -> None:
    """The tail that a finite key rests on, by logarithms, is never below the exact one."""
    plan = FiniteRound(
        sifted_bits=120, sample_bits=40, threshold=0.05, reconciliation_bits=0, verification_bits=64
    )
    for key_errors in (8, 16, 24):
        excess = key_errors / plan.raw_bits - plan.threshold
        exact = tails.worst_sampling_failure(
            plan.raw_bits, plan.sample_bits, plan.tolerated_sample_errors, key_errors
        )
        found = hypergeometric_epsilon(plan, excess)
        assert found == pytest.approx(2.0 * math.sqrt(exact), rel=1e-3)
        assert found >= 2.0 * math.sqrt(exact)


@pytest.mark.parametrize("kind", ["franson", "polarisation"])
def test_a_lane_event_by_event(kind: str) -> None:
    """Singles, coincidences, sifted bits and errors of the twin against a plain Monte Carlo."""
    dark_hz, jitter_fwhm_ps, dead_time_ps, duration_s = 20_000.0, 300.0, 2e6, 2.0
    detector = DetectorSpec(
        efficiency=1.0,
        dark_rate_hz=dark_hz,
        jitter_fwhm_ps=jitter_fwhm_ps,
        dead_time_ps=round(dead_time_ps),
        afterpulse_probability=0.0,
        afterpulse_decay_ps=1.0,
    )
    receiver = _receiver(kind, detector)
    topology = two_user_topology(
        rate_hz=PAIRS_HZ, etas=(0.5, 0.3), contrast=0.95, receivers=(receiver, receiver)
    )
    prediction = predict(build_network(topology))
    stations = tuple(
        Station(
            survival=survival,
            dark_hz=dark_hz,
            jitter_ps=jitter_fwhm_ps / times.FWHM_PER_SIGMA,
            dead_time_ps=dead_time_ps,
            delay_ps=0.0 if kind == "polarisation" else 10_000.0,
        )
        for survival in (0.5, 0.3)
    )
    tally = run_lane(
        7,
        duration_s=duration_s,
        pairs_hz=PAIRS_HZ,
        contrast=0.95,
        linewidth_hz=200e6,
        window_ps=2000,
        stations=(stations[0], stations[1]),
    )
    lane = prediction.lanes[0]
    counted = {
        "singles of alice": (tally.singles[0], prediction.singles_hz("alice")),
        "singles of bob": (tally.singles[1], prediction.singles_hz("bob")),
        "coincidences": (tally.coincidences, lane.coincidences_hz),
        "sifted": (tally.sifted, lane.sifted_hz),
        "errors": (tally.errors, lane.sifted_hz * lane.qber),
    }
    for name, (count, rate_hz) in counted.items():
        mean = rate_hz * duration_s
        assert abs(count - mean) <= Z_SIGMA * math.sqrt(mean), f"{name}: {count}, twin {mean:.0f}"


def _receiver(kind: str, detector: DetectorSpec) -> ReceiverSpec:
    franson = receiver_spec(detector)
    if kind == "franson":
        return franson
    z, x = (InterferometerSpec(phase_rad=phase) for phase in (0.0, math.pi / 2))
    fields = {name: getattr(franson, name) for name in type(franson).model_fields}
    return ReceiverSpec.model_validate(fields | {"kind": "polarisation", "z": z, "x": x})
