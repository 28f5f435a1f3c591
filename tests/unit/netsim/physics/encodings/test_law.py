"""Peaks, fringes and detectors of the encodings that are built in, by hand."""

import math

import numpy as np
import pytest

from netsim.physics.encodings.franson import Franson
from netsim.physics.encodings.interface import Encoding, Outcome, X, Z, joints_of
from netsim.physics.encodings.joint import Peak, Window
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import REFERENCE_HZ, ConstantPhase
from netsim.physics.encodings.polarisation import Polarisation
from netsim.physics.encodings.registry import build_encoding
from netsim.physics.encodings.sifting import sifting_between
from netsim.physics.shapes import PairShape
from netsim.units import frequency_hz_from_label
from tests.unit.netsim.physics.helpers import LINEWIDTH_HZ, PairFacts

EVERYTHING = Window(width_ps=1e6, offset_ps=0.0, shape=PairShape(LINEWIDTH_HZ), spread_ps=50.0)


def optics(
    z_ps: float, x_ps: float, *, contrast: float = 1.0, path_error_ps: float = 0.0
) -> Optics:
    """A third of the light to Z; Z at phase 0.2, X at pi / 2."""
    return Optics(
        1 / 3,
        BasisOptics(z_ps, ConstantPhase(0.2), contrast, path_error_ps),
        BasisOptics(x_ps, ConstantPhase(math.pi / 2), contrast, path_error_ps),
    )


BOTH = [Franson(optics(10_000.0, 9000.0)), Polarisation(optics(0.0, 0.0))]


@pytest.mark.parametrize("encoding", BOTH)
def test_light_and_pairs_are_shared_out_completely(encoding: Encoding) -> None:
    """Shares of the detectors, paths to each and peaks of each two add up to 1."""
    numbers = range(len(encoding.detectors))
    assert math.fsum(map(encoding.share, numbers)) == pytest.approx(1.0, abs=1e-15)
    assert [encoding.share(number) for number in numbers] == pytest.approx(
        [1 / 6, 1 / 6, 1 / 3, 1 / 3]
    )
    for number in numbers:
        assert math.fsum(path.probability for path in encoding.paths(number)) == 1.0
    for joint in (joint for row in joints_of(encoding, encoding) for joint in row):
        assert math.fsum(peak.weight for peak in joint.peaks) == 1.0


def test_interferometers_make_three_peaks_of_which_the_middle_one_interferes() -> None:
    """Equal paths lie in the middle, apart by the mismatch; unequal ones a delay beside it."""
    one, other = Franson(optics(10_000.0, 9000.0)), Franson(optics(10_100.0, 9000.0))
    assert one.joint(0, other, 1).peaks == (
        Peak(0.0, 0.25, interferes=True),
        Peak(10_100.0, 0.25, interferes=False),
        Peak(-10_000.0, 0.25, interferes=False),
        Peak(100.0, 0.25, interferes=True),
    )
    assert one.side_peaks_ps == {"z": 10_000.0, "x": 9000.0}
    assert one.longest_ps == 10_000.0


def test_polarisation_has_one_peak_and_all_of_it_interferes() -> None:
    """No path, no side peak, nothing to wait for."""
    encoding = Polarisation(optics(0.0, 0.0))
    assert encoding.joint(0, encoding, 3).peaks == (Peak(0.0, 1.0, interferes=True),)
    assert encoding.side_peaks_ps == {}
    assert encoding.longest_ps == 0.0


@pytest.mark.parametrize(("encoding", "share"), [(BOTH[0], 0.5), (BOTH[1], 1.0)])
def test_fringe_of_equal_and_of_different_ports(encoding: Encoding, share: float) -> None:
    """Pairs that interfere weigh 1 + V cos(phi) at equal ports, 1 - V cos(phi) at others."""
    pairs, phases_rad = PairFacts(contrast=0.9, phase_rad=0.3), (0.2, 0.1)
    equal, different = (
        encoding.joint(0, encoding, its).share(pairs, phases_rad, EVERYTHING) for its in (0, 1)
    )
    assert (equal + different) / 2 == pytest.approx(1.0, rel=1e-12)
    assert (equal - different) / 2 == pytest.approx(share * 0.9 * math.cos(0.6), rel=1e-12)


def test_window_holds_what_lies_in_it() -> None:
    """At 2 ns the middle peak is in, the side peaks are out; shifted by a delay, the other way."""
    encoding = BOTH[0]
    joint = encoding.joint(0, encoding, 0)
    middle = Window(width_ps=8000.0, offset_ps=0.0, shape=PairShape(LINEWIDTH_HZ), spread_ps=50.0)
    assert joint.shares(middle) == pytest.approx((0.5, 0.5), abs=5e-3)
    beside = middle._replace(offset_ps=10_000.0)
    assert joint.shares(beside) == pytest.approx((0.0, 0.25), abs=5e-3)


def test_contrasts_of_both_analysers_multiply() -> None:
    """V = V0 c_u c_v, less what a wandering sum frequency leaves at the delay of the second."""
    one = Franson(optics(10_000.0, 10_000.0, contrast=0.9))
    other = Franson(optics(10_000.0, 10_000.0, contrast=0.8))
    noise_hz = 3e6
    blurred = math.exp(-((2 * math.pi * noise_hz * 1e-8) ** 2) / 2)
    visibility = one.joint(0, other, 0).visibility(0.95, frequency_noise_hz=noise_hz)
    assert visibility == pytest.approx(0.95 * 0.9 * 0.8 * blurred, rel=1e-12)
    assert blurred < 0.99


def test_path_error_turns_channels_by_their_distance_from_the_reference() -> None:
    """The phase of a label is that of the analyser plus 2 pi (f - f_ref) times the error."""
    encoding = Franson(optics(10_000.0, 10_000.0, path_error_ps=0.05))
    turn_rad = 2 * math.pi * (frequency_hz_from_label(38) - REFERENCE_HZ) * 0.05e-12
    assert encoding.phase_rad(1, 38, time_ps=0) == pytest.approx(0.2 + turn_rad, rel=1e-12)
    assert abs(turn_rad) > 0.1


def test_detectors_are_told_by_basis_and_port() -> None:
    """Z+, Z-, X+, X-: equal bases are kept; different ports are wrong in Z, equal ones in X."""
    assert Franson.detectors == (Outcome(Z, 0), Outcome(Z, 1), Outcome(X, 0), Outcome(X, 1))
    assert list(map(str, Franson.detectors)) == ["Z+", "Z-", "X+", "X-"]
    sifting = sifting_between(Franson.detectors, Franson.detectors)
    assert np.argwhere(sifting.in_z).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert np.argwhere(sifting.in_x).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]
    assert np.argwhere(sifting.errors).tolist() == [[0, 1], [1, 0], [2, 2], [3, 3]]
    assert np.array_equal(sifting.kept, sifting.in_z | sifting.in_x)


def test_detectors_that_are_not_there_make_no_bits() -> None:
    """A receiver with Z+ and Z- only: nothing of its two other numbers is kept or wrong."""
    few = (Outcome(Z, 0), Outcome(Z, 1))
    sifting = sifting_between(few, Franson.detectors)
    assert np.argwhere(sifting.kept).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert np.argwhere(sifting.errors).tolist() == [[0, 1], [1, 0]]


def test_equal_receivers_have_one_encoding() -> None:
    """By value: what is worked out for one user serves all that are like it."""
    one = build_encoding("franson", optics(10_000.0, 9000.0))
    assert build_encoding("franson", optics(10_000.0, 9000.0)) is one
    assert build_encoding("franson", optics(10_000.0, 9001.0)) is not one
