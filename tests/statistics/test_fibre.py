"""Dispersion of fibres, from clicks: channels arrive apart, wide photons spread."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.topology.receiver import InterferometerSpec, ReceiverSpec
from netsim.topology.timeline import Timeline
from netsim.units import wavelength_nm_from_label
from tests.oracles import biphoton
from tests.support.bounds import assert_binomial, assert_mean
from tests.support.photons import run_photons
from tests.support.topologies import IDEAL_DETECTOR, PERFECT_CLOCK, fibre_spec, two_user_topology

RATE_HZ, ETA, LENGTH_M, D = 5_000.0, 1.0, 50_000.0, 17.0
REACH_PS = 15_000.0
WAVELENGTH_NM = wavelength_nm_from_label(40)
"""Between the two channels."""

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
    dispersion: float, *, linewidth_hz: float, filter_shape: str = "lorentzian", other: float = 0.0
) -> NDArray[np.float64]:
    """Arrival of C42 at bob less that of C38 at alice, 50 km of fibre each, pairs only."""
    topology = two_user_topology(
        rate_hz=RATE_HZ,
        etas=(ETA, ETA),
        linewidth_hz=linewidth_hz,
        receivers=(DIRECT, DIRECT),
        fibres=(
            fibre_spec(LENGTH_M, dispersion_ps_per_nm_km=other),
            fibre_spec(LENGTH_M, dispersion_ps_per_nm_km=dispersion),
        ),
    )
    source = topology.qnsp.source.model_copy(update={"filter_shape": filter_shape})
    qnsp = topology.qnsp.model_copy(update={"source": source})
    topology = topology.model_copy(update={"qnsp": qnsp})
    run = run_photons(topology, duration_s=6.0, seed=3)
    (lane,) = run.network.lanes
    alice = run.all_clicks("alice") >> 2
    bob = (run.all_clicks("bob") >> 2) - round(lane.delay_ps)
    after = np.searchsorted(bob, alice)
    nearest = bob[np.clip(after, 0, bob.size - 1)] - alice
    before = bob[np.clip(after - 1, 0, bob.size - 1)] - alice
    closest = np.where(np.abs(before) < np.abs(nearest), before, nearest)
    # Photons alone are 70 us apart: one in 10^3 lies there too.
    pairs: NDArray[np.float64] = closest[np.abs(closest) < REACH_PS].astype(np.float64)
    return pairs


@pytest.mark.parametrize("dispersion", [0.0, 17.0, -80.0])
def test_nominal_delay_holds_the_dispersion(dispersion: float) -> None:
    """Pairs arrive where n_g L / c + D L (lambda - 1550 nm) says, on average."""
    found = differences_ps(dispersion, linewidth_hz=1e11)
    assert found.size > 0.9 * RATE_HZ * 6
    offset_nm = wavelength_nm_from_label(42) - 1550.0
    assert abs(dispersion * LENGTH_M / 1e3 * offset_nm) > 5_000 or dispersion == 0.0
    assert_mean(found, 0.0, float(found.std()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "other"),
    [("lorentzian", 0.0), ("flat-top", 0.0), ("gaussian", 0.0), ("flat-top", 17.0)],
)
def test_pairs_spread_as_their_wave_function(shape: str, other: float) -> None:
    """Shares within windows, by integration over frequency; dispersions of both arms add."""
    found = differences_ps(D, linewidth_hz=1e11, filter_shape=shape, other=other)
    beta_ps2 = biphoton.dispersion_ps2(
        ps_per_nm_km=D + other, length_km=LENGTH_M / 1e3, wavelength_nm=WAVELENGTH_NM
    )
    for window_ps in (100, 500, 1000, 3000):
        share = biphoton.window_share(
            shape, linewidth_hz=1e11, window_ps=window_ps, beta_ps2=beta_ps2
        )
        within = int((np.abs(found) < window_ps / 2).sum())
        assert_binomial(within, found.size, share)


def test_dispersions_of_opposite_signs_cancel() -> None:
    """+17 and -17 ps/(nm km), 50 km each: as if there were no fibre, but for their wavelengths."""
    found = differences_ps(D, linewidth_hz=1e11, other=-D)
    assert float((np.abs(found) < 50).mean()) > 0.99


def test_narrow_photons_do_not_spread() -> None:
    """200 MHz over 50 km: photons are moved by a twentieth of their lifetime at most."""
    one, other = (differences_ps(d, linewidth_hz=200e6) for d in (0.0, D))
    assert other.var() == pytest.approx(one.var(), rel=0.1)


def test_pairs_that_part_too_far_are_refused() -> None:
    """160 us of spread: what is drawn ends at 40 ns."""
    fibres = (fibre_spec(1e7, dispersion_ps_per_nm_km=5000.0),) * 2
    topology = two_user_topology(rate_hz=2e6, linewidth_hz=8e11, fibres=fibres)
    with pytest.raises(ConfigError, match="spread over"):
        Timeline(topology, stop_ps=1)
