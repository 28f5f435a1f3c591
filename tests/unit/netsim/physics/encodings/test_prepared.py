"""Photons with states of their own, at the ports of Franson and polarisation receivers."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.frames import PairLedger, PhotonFrame, PreparedStates
from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import ConstantPhase
from netsim.physics.encodings.polarisation import Polarisation
from tests.oracles import resend
from tests.support.bounds import assert_binomial
from tests.unit.netsim.physics.helpers import (
    KAPPA_PER_PS,
    analyser,
    generator,
    int64,
    measured,
    pair_ledger,
    photon_frame,
)

PHOTONS = 40_000
TIME_PS, DELAY_PS = 5_000_000, 10_000
PHASES_RAD = [0.0, 0.4, math.pi / 2, 2.0, math.pi, 5.0]


def states(
    phase_rad: float,
    *,
    delay_ps: float = float(DELAY_PS),
    contrast: float = 1.0,
    photons: int = PHOTONS,
) -> PhotonFrame:
    """Photons that all have the same state, at the same time."""
    prepared = PreparedStates(
        *(np.full(photons, float(x)) for x in (phase_rad, delay_ps, contrast))
    )
    rows, times_ps = np.full(photons, -1), np.full(photons, TIME_PS)
    return PhotonFrame(0, "C38", times_ps, rows, pair_ledger(0), prepared)


def polarisation() -> Polarisation:
    """Analysers at phases 0 and pi/2."""
    z, x = (BasisOptics(0.0, ConstantPhase(phase)) for phase in (0.0, math.pi / 2))
    return Polarisation(Optics(0.5, z, x))


def counts(frame: PhotonFrame, encoding: Encoding) -> NDArray[np.int64]:
    """(3, 2, 2) int64: by delays after the early slot, basis and port."""
    arrivals = measured(generator(), frame, encoding)
    late, rest = np.divmod((arrivals >> 2) - TIME_PS, DELAY_PS)
    assert not rest.any()
    found = np.zeros((3, 2, 2), dtype=np.int64)
    np.add.at(found, (late, (arrivals >> 1) & 1, arrivals & 1), 1)
    assert found.sum() == arrivals.size
    return found


@pytest.mark.parametrize("phase_rad", PHASES_RAD)
def test_two_slots_behind_interferometers(phase_rad: float) -> None:
    """1:2:1 in time, and in the middle the fringe, as amplitudes have it."""
    state = np.zeros(resend.SLOTS, dtype=complex)
    state[:2] = 1 / math.sqrt(2), np.exp(1j * phase_rad) / math.sqrt(2)
    found = counts(states(phase_rad), analyser())
    for basis, basis_rad in enumerate((0.0, math.pi / 2)):
        expected = np.abs(resend.interferometer(basis_rad) @ state) ** 2
        for port, late in np.ndindex(2, 3):
            probability = float(expected[port * resend.SLOTS + late]) / 2
            assert_binomial(int(found[late, basis, port]), PHOTONS, probability)


@pytest.mark.parametrize("phase_rad", PHASES_RAD)
def test_polarised_photons_obey_malus(phase_rad: float) -> None:
    """cos^2 of half the angle between state and analyser; all in one time slot."""
    found = counts(states(phase_rad, delay_ps=0.0), polarisation())
    for basis, basis_rad in enumerate((0.0, math.pi / 2)):
        amplitudes = resend.polariser(basis_rad) @ [1.0, np.exp(1j * phase_rad)]
        malus = math.cos((phase_rad - basis_rad) / 2) ** 2
        assert abs(amplitudes[0]) ** 2 / 2 == pytest.approx(malus)
        assert_binomial(int(found[0, basis, 0]), PHOTONS, malus / 2)
    assert not found[1:].any()


def test_a_mixture_leaves_less_fringe() -> None:
    """The contrast of a state and that of the analyser multiply."""
    encoding = analyser(z_probability=1.0, contrast=(0.5, 1.0))
    found = counts(states(0.0, contrast=0.8), encoding)
    assert_binomial(int(found[1, 0, 0]), int(found[1].sum()), 0.5 * (1 + 0.5 * 0.8))


def test_slots_of_another_length_overlap_less() -> None:
    """A mismatch of d leaves (1 + kappa d / 2) exp(-kappa d / 2) of the ring's packets."""
    frame, half = states(0.0, delay_ps=11_000.0), KAPPA_PER_PS * 1000 / 2
    arrivals = measured(generator(), frame, analyser(z_probability=1.0))
    late_ps = (arrivals >> 2) - TIME_PS
    middle = (late_ps == 10_000) | (late_ps == 11_000)
    assert set(late_ps.tolist()) == {0, 10_000, 11_000, 21_000}
    visibility = (1 + half) * math.exp(-half)
    plus = int(((arrivals & 1) == 0)[middle].sum())
    assert_binomial(plus, int(middle.sum()), 0.5 * (1 + visibility))


@pytest.mark.parametrize(
    ("delay_ps", "encoding"), [(0.0, analyser()), (float(DELAY_PS), polarisation())]
)
def test_states_of_another_carrier_show_no_fringe(delay_ps: float, encoding: Encoding) -> None:
    """One slot behind an interferometer, two behind a polariser: ports are uniform."""
    found = counts(states(0.0, delay_ps=delay_ps), encoding)
    for basis in (0, 1):
        assert_binomial(int(found[:, basis, 0].sum()), int(found[:, basis].sum()), 0.5)
    assert_binomial(int(found[0].sum()), PHOTONS, 0.5)


def test_frames_of_prepared_states_are_checked() -> None:
    """One state a photon, none of them half of a pair; all kept or dropped together."""
    good = states(1.0, photons=3)
    ledger = PairLedger.unmeasured(int64(0))
    for times_ps, rows in ((int64(1, 2), int64(-1, -1)), (int64(1, 2, 3), int64(-1, 0, -1))):
        with pytest.raises(ValueError, match="prepared state"):
            PhotonFrame(0, "C38", times_ps, rows, ledger, good.prepared)
    with pytest.raises(ValueError, match="a phase, a delay and a contrast"):
        PreparedStates(np.zeros(2), np.zeros(3), np.zeros(2))
    with pytest.raises(TypeError, match="float64"):
        PreparedStates(int64(1), int64(1), int64(1))  # type: ignore[arg-type]
    kept = good.kept(np.array([True, False, True]))
    assert kept.prepared is not None
    assert kept.prepared.phase_rad.size == kept.times_ps.size == 2
    assert photon_frame(int64(5, 6)).kept(np.array([False, True])).times_ps.tolist() == [6]
