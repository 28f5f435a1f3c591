"""The product against the oracles: formulas that share no code with them."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.physics.rates import kappa_per_ps, mismatch_contrast, window_share
from netsim.physics.shapes import BunchShape, PairShape
from netsim.physics.wavefunction import FilterShape
from netsim.simulation.photons import count_photons
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.topology.observers import ObserverSpec
from netsim.topology.receiver import DetectorSpec, InterferometerSpec, ReceiverSpec
from netsim.twin.prediction import predict
from protocols.deadtime import dead_ticks
from protocols.keylength.finite import FiniteRound, hypergeometric_epsilon
from protocols.tagbook import TagBook
from protocols.tags import TagFrame
from tests.oracles import biphoton, resend, tails, times
from tests.oracles.lane import Click, Station, draw_clicks, matches, run_lane
from tests.support.bounds import assert_binomial
from tests.support.observers import observed
from tests.support.photons import run_photons
from tests.support.topologies import receiver_spec, two_user_topology

Z_SIGMA = 4.0
PAIRS_HZ = 100_000.0
TWIN_ERROR = 3e-4
"""Of a visibility, where accidentals are left out."""


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


@pytest.mark.parametrize("shape", ["lorentzian", "flat-top", "gaussian"])
@pytest.mark.parametrize("lengths_km", [(50, 50), (50, 0), (50, -50), (12.6, 0)])
@pytest.mark.parametrize("window_ps", [130, 500, 2000])
def test_share_of_dispersed_pairs(
    shape: FilterShape, lengths_km: tuple[float, float], window_ps: int
) -> None:
    """Filters of 100 GHz, 17 ps/nm/km, detectors of 70 ps; a negative length is a negative sign."""
    ways_ps2 = [biphoton.dispersion_ps2(ps_per_nm_km=17, length_km=km) for km in lengths_km]
    jitter_ps = math.sqrt(2.0) * 70.0 / times.FWHM_PER_SIGMA
    found = (
        PairShape(100e9, shape)
        .behind(*ways_ps2)
        .share(window_ps=window_ps, offset_ps=0.0, spread_ps=jitter_ps)
    )
    integral = biphoton.window_share(
        shape, linewidth_hz=100e9, window_ps=window_ps, beta_ps2=sum(ways_ps2), jitter_ps=jitter_ps
    )
    assert found == pytest.approx(integral, abs=2e-4)


@pytest.mark.parametrize("length_km", [20, 97])
@pytest.mark.parametrize("window_ps", [130, 400, 1000])
@pytest.mark.parametrize("linewidth_hz", [50e9, 200e9])
def test_share_of_a_dispersed_flat_top(length_km: int, window_ps: int, linewidth_hz: float) -> None:
    """In closed form: from 4.9 % of the pairs in the window to 99.9 %."""
    beta_ps2 = biphoton.dispersion_ps2(ps_per_nm_km=17, length_km=length_km)
    found = PairShape(linewidth_hz, "flat-top", beta_ps2).share(
        window_ps=window_ps, offset_ps=0.0, spread_ps=40.0
    )
    closed = biphoton.flat_top_share(
        linewidth_hz=linewidth_hz, window_ps=window_ps, beta_ps2=beta_ps2, jitter_ps=40.0
    )
    assert found == pytest.approx(closed, abs=2e-4)


@pytest.mark.parametrize("lifetimes", [1.0, 2.5, 10.0])
def test_slight_dispersion_is_left_out(lifetimes: float) -> None:
    """Where the closed form is taken, at most so many pairs are on the wrong side of an edge."""
    kappa = kappa_per_ps(200e6)
    beta_ps2 = 0.02 / kappa**2
    shape = PairShape(200e6).behind(-beta_ps2, 0.0)
    assert shape.is_closed
    found = shape.share(window_ps=lifetimes / kappa, offset_ps=0.0, spread_ps=0.0)
    integral = biphoton.window_share(
        "lorentzian", linewidth_hz=200e6, window_ps=lifetimes / kappa, beta_ps2=-beta_ps2
    )
    assert found == pytest.approx(integral, abs=2e-3)


@pytest.mark.parametrize("offset_ps", [0.0, 30.0])
def test_bunches_of_a_flat_top(offset_ps: float) -> None:
    """g(t) = sin(kappa t / 2) / (kappa t / 2), of which the square integrates to 2 pi / kappa."""
    kappa = kappa_per_ps(100e9)
    shape = BunchShape(100e9, "flat-top")
    assert shape.span_s * 1e12 == pytest.approx(2.0 * math.pi / kappa, rel=1e-4)
    grid = np.linspace(offset_ps - 10.0, offset_ps + 10.0, 20_001)
    integral = np.trapezoid(np.sinc(kappa * grid / 2.0 / math.pi) ** 2, grid)
    found = shape.share(window_ps=20.0, offset_ps=offset_ps, spread_ps=0.0)
    assert found == pytest.approx(integral * kappa / 2.0 / math.pi, abs=5e-4)


def test_mismatch_in_a_wide_window() -> None:
    """Where the window holds all pairs, the fringe is the overlap of the whole wave function."""
    integral = biphoton.mismatched_fringe(linewidth_hz=200e6, window_ps=60_000, mismatch_ps=1000)
    assert mismatch_contrast(1000.0, kappa_per_ps(200e6)) == pytest.approx(integral, abs=1e-4)


@pytest.mark.parametrize(
    ("mismatch_ps", "window_ps"),
    [
        (1000.0, 600),
        (-2000.0, 2000),
        *(
            pytest.param(mismatch_ps, window_ps, marks=pytest.mark.slow)
            for mismatch_ps, window_ps in (
                (500.0, 600),
                (500.0, 2000),
                (1000.0, 2000),
                (-2000.0, 600),
            )
        ),
    ],
)
def test_mismatch_inside_a_window(mismatch_ps: float, window_ps: int) -> None:
    """Error rates of twin and clicks where two interferometers differ, by integrals of amplitudes.

    Dark counts and other pairs are too few to be seen: 2e-5 of the coincidences.
    """
    first, second = (
        receiver_spec(
            z=InterferometerSpec(delay_ps=delay_ps, phase_rad=0.0),
            x=InterferometerSpec(delay_ps=delay_ps, phase_rad=math.pi / 2),
        )
        for delay_ps in (15_000.0, 15_000.0 + mismatch_ps)
    )
    topology = two_user_topology(rate_hz=20_000.0, etas=(1.0, 1.0), receivers=(first, second))
    protocol = topology.protocol.model_copy(update={"window_ps": window_ps})
    topology = topology.model_copy(update={"protocol": protocol})
    visibility = biphoton.mismatched_fringe(
        linewidth_hz=200e6, window_ps=window_ps, mismatch_ps=mismatch_ps
    )
    (lane,) = predict(build_network(topology)).lanes
    assert lane.visibility == pytest.approx(visibility, abs=TWIN_ERROR)
    (found,) = count_photons(topology, duration_s=8.0, seed=5).lanes
    counts = found.counts
    assert_binomial(counts.errors_z, counts.sifted_z, (1.0 - visibility) / 2.0)
    assert_binomial(counts.errors_x, counts.sifted_x, (1.0 - visibility) / 2.0)
    if window_ps < 1000:
        return
    # What the whole wave function would give is another number.
    whole = mismatch_contrast(mismatch_ps, kappa_per_ps(200e6))
    assert abs(visibility - whole) > 10.0 * TWIN_ERROR


@pytest.mark.parametrize(
    ("mismatch_ps", "qber"), [(500.0, 0.0333), (1000.0, 0.0678), (2000.0, 0.183)]
)
def test_mismatch_of_a_referee(mismatch_ps: float, qber: float) -> None:
    """The shipped network of two users, one of whom has longer interferometers.

    The referee's accidentals, 2 % of the bits, are those of independent clicks: 5 % too many.
    """
    topology = load_topology("two_user")
    (name,) = topology.receivers
    receiver = topology.receivers[name]
    analysers = {
        basis: analyser.model_copy(update={"delay_ps": analyser.delay_ps + mismatch_ps})
        for basis, analyser in (("z", receiver.z), ("x", receiver.x))
    }
    first, second = topology.users
    topology = topology.model_copy(
        update={
            "receivers": {name: receiver, "longer": receiver.model_copy(update=analysers)},
            "users": (first, second.model_copy(update={"receiver": "longer"})),
        }
    )
    (lane,) = predict(build_network(topology)).lanes
    too_many = 0.05 * lane.accidental_hz / lane.sifted_hz * (0.5 - qber)
    assert lane.qber == pytest.approx(qber - too_many, abs=5e-4)


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


@pytest.mark.parametrize("kind", ["franson", pytest.param("polarisation", marks=pytest.mark.slow)])
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


DEAD_PS = 10_000_000
MATCH_PS = 2000


@pytest.mark.slow
def test_dead_time_tells_no_bit() -> None:
    """Two bits of one basis within a dead time always differ; a tag book lets no such two by."""
    station = Station(survival=0.5, dark_hz=0.0, dead_time_ps=DEAD_PS, delay_ps=0.0)
    clicks = draw_clicks(
        3,
        duration_s=1.0,
        pairs_hz=200_000.0,
        contrast=1.0,
        linewidth_hz=200e6,
        stations=(station, station),
    )
    close = _close_pairs(clicks[0], clicks[1])
    assert len(close) > 300
    assert all(close), "the same detector cannot click so soon"
    one, other = (_booked(side) for side in clicks)
    assert not _close_pairs(one, other)
    assert len(list(matches(one, other, MATCH_PS))) > 1000


def _close_pairs(first: list[Click], second: list[Click]) -> list[bool]:
    """Whether each two sifted bits in a row, in one basis and within the dead time, differ."""
    sifted = [
        one for one, other in matches(first, second, MATCH_PS) if one[1] >> 1 == other[1] >> 1
    ]
    return [
        one != other
        for (one_ps, one), (other_ps, other) in itertools.pairwise(sifted)
        if other_ps - one_ps < DEAD_PS and one >> 1 == other >> 1
    ]


def _booked(clicks: list[Click]) -> list[Click]:
    """What a tag book makes of the clicks, in ticks of 10 ps."""
    rng = np.random.Generator(np.random.PCG64DXSM(1))
    book = TagBook(rng, window_ticks=200, dead_ticks=dead_ticks(DEAD_PS, 10))
    tags = np.array([int(time_ps // 10) << 2 | port for time_ps, port in clicks], dtype=np.int64)
    book.append(TagFrame(0, 2**40, tags))
    first_id, ticks = book.between(-(2**40), 2**40)
    kept = book.tags_of(first_id + np.arange(ticks.size))
    return [(10.0 * int(tag >> 2), int(tag & 3)) for tag in kept]


def _receiver(kind: str, detector: DetectorSpec) -> ReceiverSpec:
    franson = receiver_spec(detector)
    if kind == "franson":
        return franson
    z, x = (InterferometerSpec(phase_rad=phase) for phase in (0.0, math.pi / 2))
    fields = {name: getattr(franson, name) for name in type(franson).model_fields}
    return ReceiverSpec.model_validate(fields | {"kind": "polarisation", "z": z, "x": x})


DELAY_PS = 10_000


@pytest.mark.parametrize("share", [0.4, 1.0])
@pytest.mark.parametrize("kind", ["franson", "polarisation"])
def test_somebody_who_resends(kind: str, share: float) -> None:
    """Peaks, sifted pairs and errors of a run with photons caught on the fibre, by amplitudes."""
    is_slotted = kind == "franson"
    analyse = resend.interferometer if is_slotted else resend.polariser
    expected = resend.figures(share, [analyse(0.0), analyse(math.pi / 2)])
    delay_ps = DELAY_PS if is_slotted else 0.0
    receiver = receiver_spec(
        z=InterferometerSpec(delay_ps=delay_ps, phase_rad=0.0),
        x=InterferometerSpec(delay_ps=delay_ps, phase_rad=math.pi / 2),
        kind=kind,
    )
    # A wide line keeps the peaks apart; at this rate accidentals are 1e-4 of the pairs.
    topology = two_user_topology(rate_hz=20_000.0, linewidth_hz=2e9, receivers=(receiver,) * 2)
    eve = ObserverSpec(kind="intercept-resend", user="bob", options={"share": share})
    run = run_photons(observed(topology, eve), duration_s=10.0)
    late, first, second = _coincidences(run.all_clicks("alice"), run.all_clicks("bob"))
    peaks = np.bincount(late + 2, minlength=5)
    for count, peak in zip(peaks.tolist(), expected.peaks, strict=True):
        assert abs(count - peak * late.size) < 5 * math.sqrt(peak * late.size) + 0.001 * late.size
    is_sifted = (late == 0) & (first >> 1 == second >> 1)
    is_wrong = ((first ^ second) & 1) != (first >> 1)
    assert_binomial(int(is_sifted.sum()), late.size, expected.sifted)
    assert_binomial(int((is_sifted & is_wrong).sum()), int(is_sifted.sum()), expected.qber)


def _coincidences(
    first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Lateness of the second in delays, and both detectors, of each click's nearest partner."""
    at = np.searchsorted(first, second)
    near = [np.clip(at + step, 0, first.size - 1) for step in (-1, 0)]
    apart_ps = [np.abs((first[k] >> 2) - (second >> 2)) for k in near]
    partner = first[np.where(apart_ps[0] < apart_ps[1], *near)]
    late = np.rint(((second >> 2) - (partner >> 2)) / DELAY_PS).astype(np.int64)
    found = np.abs(late) <= 2
    return late[found], partner[found] & 3, second[found] & 3
