"""Dispersion of fibres, from clicks: channels arrive apart, wide photons spread."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.topology.receiver import InterferometerSpec, ReceiverSpec
from netsim.units import SPEED_OF_LIGHT_M_PER_S, wavelength_nm_from_label
from tests.support.bounds import assert_mean
from tests.support.photons import run_photons
from tests.support.topologies import IDEAL_DETECTOR, PERFECT_CLOCK, fibre_spec, two_user_topology

RATE_HZ, ETA, LENGTH_M, D = 20_000.0, 0.7, 50_000.0, 17.0

DIRECT = ReceiverSpec(
    kind="polarisation",
    z_probability=1.0,
    excess_loss_db=0.0,
    z=InterferometerSpec(phase_rad=0.0),
    x=InterferometerSpec(phase_rad=math.pi / 2),
    detectors=(IDEAL_DETECTOR,),
    tick_ps=1,
    clock=PERFECT_CLOCK,
)


def differences_ps(
    dispersion: float, *, linewidth_hz: float, reach_ps: float = 15_000.0
) -> NDArray[np.float64]:
    """Arrival of C42 at bob (50 km) less that of C38 at alice (no fibre), pairs only."""
    topology = two_user_topology(
        rate_hz=RATE_HZ,
        etas=(ETA, ETA),
        linewidth_hz=linewidth_hz,
        receivers=(DIRECT, DIRECT),
        fibres=(
            fibre_spec(),
            fibre_spec(LENGTH_M, dispersion_ps_per_nm_km=dispersion),
        ),
    )
    run = run_photons(topology, duration_s=4.0, seed=3)
    (lane,) = run.network.lanes
    alice = run.all_clicks("alice") >> 2
    bob = (run.all_clicks("bob") >> 2) - round(lane.delay_ps)
    after = np.searchsorted(bob, alice)
    nearest = bob[np.clip(after, 0, bob.size - 1)] - alice
    before = bob[np.clip(after - 1, 0, bob.size - 1)] - alice
    closest = np.where(np.abs(before) < np.abs(nearest), before, nearest)
    # Pairs lie within 8 sigma; of the others, 70 us apart, one in 10^4 lies there too.
    pairs: NDArray[np.float64] = closest[np.abs(closest) < reach_ps].astype(np.float64)
    return pairs


@pytest.mark.parametrize("dispersion", [0.0, 17.0, -80.0])
def test_nominal_delay_holds_the_dispersion(dispersion: float) -> None:
    """Pairs arrive where n_g L / c + D L (lambda - 1550 nm) says, on average."""
    found = differences_ps(dispersion, linewidth_hz=1e11)
    assert found.size > 0.8 * RATE_HZ * ETA**2 * 4
    offset_nm = wavelength_nm_from_label(42) - 1550.0
    assert abs(dispersion * LENGTH_M / 1e3 * offset_nm) > 5_000 or dispersion == 0.0
    assert_mean(found, 0.0, float(found.std()))


def test_wide_photons_spread() -> None:
    """Standard deviation |D| L d_lambda / 2 with d_lambda = lambda^2 linewidth / c, at 5 sigma."""
    linewidth_hz = 1e11
    found = differences_ps(D, linewidth_hz=linewidth_hz, reach_ps=2_800.0)
    wavelength_m = wavelength_nm_from_label(42) * 1e-9
    width_nm = wavelength_m**2 * linewidth_hz / SPEED_OF_LIGHT_M_PER_S * 1e9
    sigma_ps = D * LENGTH_M / 1e3 * width_nm / 2
    kappa_per_ps = 2 * math.pi * linewidth_hz * 1e-12
    variance = sigma_ps**2 + 2 / kappa_per_ps**2
    error = variance * math.sqrt(2 / found.size)
    assert sigma_ps > 300
    assert abs(found.var() - variance) < 5 * error + 1.0


def test_narrow_photons_do_not() -> None:
    """200 MHz over 50 km: 0.7 ps, below the resolution of simulated time."""
    one, other = (differences_ps(d, linewidth_hz=200e6) for d in (0.0, D))
    assert other.var() == pytest.approx(one.var(), rel=0.1)
