"""The phase of time bins behind a warm ring: twin and photons against amplitudes on a grid."""

import math
from functools import cache

import numpy as np
import pytest

import netsim
from netsim.simulation.photons import count_photons
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.coincidences import detector_rates_hz
from netsim.units import FWHM_PER_SIGMA
from tests.oracles.pulsed import outcomes
from tests.oracles.ringpulses import amplitudes, slots_and_ports
from tests.support.bounds import assert_poisson

TUNING_HZ_PER_K, LINEWIDTH_HZ, WIDTH_PS, CONTRAST = 2.5e9, 20e9, 100.0, 0.9
PHASE_RAD = 0.7
"""Of either user, so that the phases do not add up to a multiple of pi: signs show."""
CASES = [(0.0, True), (0.05, True), (-0.03, True), (0.05, False)]
"""Kelvins, and whether pumps follow."""


def warm(temperature_k: float, *, is_locked: bool) -> TopologySpec:
    """Two users of a ring with pulses; both photons of a pair in one slot of either."""
    locked = str(is_locked).lower()
    return netsim.load_topology(
        "two_user",
        overrides=[
            "qnsp.source.statistics=poisson",
            f"qnsp.source.linewidth_hz={LINEWIDTH_HZ}",
            f"qnsp.source.contrast={CONTRAST}",
            "qnsp.source.pairs=[]",
            f"qnsp.source.pulses={{slot_ps=1000, period_ps=3000, width_fwhm_ps={WIDTH_PS}}}",
            f"qnsp.source.detuning={{temperature_k={temperature_k}, is_locked={locked}}}",
            "receivers.bench.kind=time-bin",
            "receivers.bench.z.delay_ps=0.0",
            f"receivers.bench.x={{delay_ps=1000.0, phase_rad={PHASE_RAD}}}",
            "users.*.fibre.dispersion_ps_per_nm_km=0.0",
            "protocol.window_ps=1000",
        ],
    )


@cache
def expected(temperature_k: float, *, is_locked: bool) -> np.ndarray:
    """(4, 4): shares of the pairs that both users see, by first, last and middle slot and port."""
    shift_hz = -TUNING_HZ_PER_K * temperature_k
    pairs = amplitudes(
        shift_hz if is_locked else 0.0, shift_hz, LINEWIDTH_HZ, WIDTH_PS / FWHM_PER_SIGMA
    )
    # What is not coherent has as much of the opposite fringe.
    tables = [
        outcomes(slots_and_ports(pairs, (PHASE_RAD, PHASE_RAD + more_rad)))
        for more_rad in (0.0, math.pi)
    ]
    return (1.0 + CONTRAST) / 2.0 * tables[0] + (1.0 - CONTRAST) / 2.0 * tables[1]


@pytest.mark.parametrize(("temperature_k", "is_locked"), CASES)
def test_the_twin_has_the_amplitudes_phase(temperature_k: float, *, is_locked: bool) -> None:
    """All sixteen outcomes of true pairs."""
    network = build_network(warm(temperature_k, is_locked=is_locked))
    true_hz, _ = detector_rates_hz(network, network.lanes[0])
    shares = expected(temperature_k, is_locked=is_locked)
    np.testing.assert_allclose(true_hz / true_hz.sum(), shares, atol=1e-6)


def test_a_ring_that_is_warm_shows() -> None:
    """Under lock by much and by the sign; without lock nothing turns."""
    cold, warmer, colder, free = (
        np.trace(expected(temperature_k, is_locked=is_locked)[2:, 2:])
        for temperature_k, is_locked in CASES
    )
    assert free == pytest.approx(cold, abs=1e-9)
    assert abs(warmer - cold) > 0.05
    assert abs(colder - cold) > 0.05
    assert abs(expected(0.03, is_locked=True) - expected(-0.03, is_locked=True)).max() > 0.05


@pytest.mark.parametrize(("temperature_k", "is_locked"), CASES)
def test_photons_have_the_amplitudes_phase(temperature_k: float, *, is_locked: bool) -> None:
    """All sixteen outcomes, chance coincidences by the twin added."""
    topology = warm(temperature_k, is_locked=is_locked)
    network, seconds = build_network(topology), 0.3
    true_hz, accidental_hz = detector_rates_hz(network, network.lanes[0])
    means_hz = true_hz.sum() * expected(temperature_k, is_locked=is_locked) + accidental_hz
    found = count_photons(topology, duration_s=seconds, seed=9).lanes[0].matches
    for seen, mean_hz in zip(found.ravel().tolist(), means_hz.ravel().tolist(), strict=True):
        assert_poisson(seen, seconds * mean_hz)
