"""Coincidences by detector, against pairs that were made one by one, and what wrong maps say."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.recordings.outcomes import outcomes_of
from netsim.recordings.packing import parse_detector_map
from netsim.recordings.recording import DistilOptions, EndOptions, LinkTags, load_link_tags
from netsim.results.outcomes import Outcomes

S = 10**12
LIGHT_S = 8
PLAIN = "0=Z0,1=Z1,2=X0,3=X1"

Course = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Pairs:
    """Tags of both ends of pairs with 3 % of errors in Z and 5 % in X (outcomes equal), and darks.

    Parameters
    ----------
    course : callable
        Bob's clock less alice's (ps) at her times (s).
    side_ps : int
        Half of the pairs come a quarter each so much earlier and later, uncorrelated.
    delays_ps : sequence of int
        Lanes, each with the same share of pairs.
    late_ps : ((4), (4)) int
        How late alice's and bob's detectors answer.
    """

    def __init__(
        self,
        course: Course = lambda t: 5e8 + 0 * t,
        *,
        side_ps: int = 0,
        delays_ps: tuple[int, ...] = (0,),
        late_ps: tuple[tuple[int, ...], ...] = ((0, 0, 0, 0), (0, 0, 0, 0)),
    ) -> None:
        rng = np.random.default_rng(3)
        size = 20_000
        t = np.sort(rng.random(size)) * LIGHT_S
        basis_a, basis_b, bit = (rng.integers(0, 2, size) for _ in range(3))
        wrong = rng.random(size) < np.where(basis_a == 0, 0.03, 0.05)
        bit_b = np.where(basis_a == basis_b, bit ^ wrong, rng.integers(0, 2, size))
        side = rng.choice([0, 0, -1, 1], size) if side_ps else np.zeros(size, dtype=np.int64)
        bit_b = np.where(side == 0, bit_b, rng.integers(0, 2, size))
        alice, bob = 2 * basis_a + bit, 2 * basis_b + bit_b
        course_ps = (
            course(t) + side * side_ps + rng.choice(delays_ps, size) + rng.normal(0, 80, size)
        )
        self.matrix = np.zeros((4, 4), dtype=np.int64)
        np.add.at(self.matrix, (alice[side == 0], bob[side == 0]), 1)
        self.ends = []
        for times_ps, detectors, own_ps in zip(
            (t * S, t * S + course_ps), (alice, bob), late_ps, strict=True
        ):
            answered_ps = times_ps + np.array(own_ps)[detectors]
            times = np.r_[answered_ps, rng.random(size) * LIGHT_S * S].astype(np.int64)
            numbers = np.r_[detectors, rng.integers(0, 4, size)]
            order = np.argsort(times)
            self.ends.append(np.stack([times[order], numbers[order]], axis=1))
        self.delays_ps, self.side_ps = delays_ps, side_ps

    def tags(self, folder: Path, *, map_b: str = PLAIN, flip_x: bool = False) -> LinkTags:
        """The same as `netsim distil` loads them."""
        ends = []
        for name, end, text in zip("ab", self.ends, (PLAIN, map_b), strict=True):
            np.save(folder / f"{name}.npy", end)
            ends.append(EndOptions(folder / f"{name}.npy", Fraction(1), parse_detector_map(text)))
        options = DistilOptions(
            umi_delay_ps=self.side_ps, lane_delays_ps=self.delays_ps, flip_x=flip_x
        )
        return load_link_tags((ends[0], ends[1]), options)


def counted(pairs: Pairs, folder: Path, lock: tuple[float, float, int], **maps: object) -> Outcomes:
    """What comes of a lock."""
    tags = pairs.tags(folder, **maps)  # type: ignore[arg-type]
    return outcomes_of(tags, flip_x=bool(maps.get("flip_x", False)), lock=lock)


def assert_like(found: Outcomes, matrix: NDArray[np.int64]) -> None:
    """The pairs, and accidentals: 5000 x 5000 x 2 ns x 8 s / 16 = 25 in each place, 5 sigma."""
    more = np.array(found.coincidences) - matrix
    assert (more > -0.01 * matrix - 5).all()
    assert (more < 25 + 5 * 5 + 5).all()


def test_every_pair_is_counted_where_it_belongs(tmp_path: Path) -> None:
    """Counts, rates and error rates of a clock that stands still."""
    pairs = Pairs()
    found = counted(pairs, tmp_path, (5e8, 0.0, S))
    assert_like(found, pairs.matrix)
    assert found.error_rate("z") == pytest.approx(0.03, abs=0.015)
    assert found.error_rate("x") == pytest.approx(0.05, abs=0.015)
    for end in (0, 1):
        expected = np.bincount(pairs.ends[end][:, 1], minlength=4) / LIGHT_S
        assert found.singles_hz(end) == pytest.approx(expected, rel=0.002)
    assert found.hints == ()


@pytest.mark.parametrize(
    ("course", "lock"),
    [
        (lambda t: 5e8 + 3e5 * t, (5e8, 0.3e-6, S)),
        (lambda t: 5e8 + 3e5 * t, (5e8 + 3e5, 0.3e-6, S)),
        (lambda t: 5e8 + 0.5e4 * t**2, (5e8, 0.01e-6, S)),
        (lambda t: 5e8 - 2e5 * t - 0.5e4 * t**2, (5e8 - 4 * 2e5 - 0.5e4 * 16, -0.24e-6, 4 * S)),
    ],
)
def test_the_peak_is_followed(
    tmp_path: Path, course: Course, lock: tuple[float, float, int]
) -> None:
    """A rate, taken at either end of the search; a rate that changes by 1e-8/s, from both sides."""
    pairs = Pairs(course)
    assert_like(counted(pairs, tmp_path, lock), pairs.matrix)


def test_side_peaks_and_lanes(tmp_path: Path) -> None:
    """Side peaks are left out; lanes are added."""
    pairs = Pairs(side_ps=10_000, delays_ps=(0, 40_000))
    found = counted(pairs, tmp_path, (5e8, 0.0, S))
    more = np.array(found.coincidences) - pairs.matrix
    assert (more > -0.01 * pairs.matrix - 5).all()
    assert (more < 2 * 25 + 5 * 7 + 10).all()


@pytest.mark.parametrize(
    ("map_b", "flip_x", "hint"),
    [
        (
            "0=Z1,1=Z0,2=X0,3=X1",
            False,
            r"9\d\.\d % of the outcomes in Z differ: exchange Z0 and Z1",
        ),
        (PLAIN, True, r"9\d\.\d % of the outcomes in X are equal: give --no-flip-x"),
        (
            "0=Z0,1=Z1,2=X1,3=X0",
            False,
            r"9\d\.\d % of the outcomes in X are opposite: give --flip-x",
        ),
        ("0=X0,1=X1,2=Z0,3=Z1", False, "exchange Z and X in --map-b"),
        ("0=X1,1=X0,2=Z0,3=Z1", True, "exchange Z and X in --map-b"),
    ],
)
def test_a_wrong_map_is_told(tmp_path: Path, map_b: str, hint: str, *, flip_x: bool) -> None:
    """One hint that puts it right; the matrix shows outcomes as the map names them."""
    found = counted(Pairs(), tmp_path, (5e8, 0.0, S), map_b=map_b, flip_x=flip_x)
    (told,) = found.hints
    assert re.search(hint, told)


@pytest.mark.parametrize(
    ("late_ps", "expected"),
    [
        # One detector of either end, of one basis: no pair of it with another is in the window.
        (((0, 4000, 0, 0), (0, 4000, 0, 0)), {(0, 1): 4000, (1, 1): 4000}),
        (((0, 0, 0, 0), (0, 0, 0, 60)), {(1, 3): 60}),
        (
            ((0, 1000, 2000, 4000), (0, 1000, 2000, 4000)),
            {(end, k): ps for end in (0, 1) for k, ps in enumerate((-1500, -500, 500, 2500))},
        ),
    ],
)
def test_detectors_that_answer_late_are_told(
    tmp_path: Path, late_ps: tuple[tuple[int, ...], ...], expected: dict[tuple[int, int], int]
) -> None:
    """By how much, less the median of the end; in a note that names the option."""
    found = counted(Pairs(late_ps=late_ps), tmp_path, (5e8, 0.0, S))
    told = {(end, detector): ps for end, detector, ps in found.late}
    assert told == {place: pytest.approx(ps, abs=20) for place, ps in expected.items()}
    (hint,) = found.hints
    assert "take it off with --detector-delays" in hint
    assert f"bob's X1 {told.get((1, 3), 0):+} ps" in hint or (1, 3) not in told


def test_lateness_of_lanes_and_side_peaks_is_none(tmp_path: Path) -> None:
    """What all detectors have in common is no lateness."""
    pairs = Pairs(side_ps=10_000, delays_ps=(0, 4_000))
    assert counted(pairs, tmp_path, (5e8, 0.0, S)).late == ()


def test_without_a_lock_nothing_coincides(tmp_path: Path) -> None:
    """Singles are there all the same, and nothing is guessed."""
    found = outcomes_of(Pairs().tags(tmp_path), flip_x=False, lock=None)
    assert sum(map(sum, found.coincidences)) == 0
    assert min(found.singles_hz(0)) > 1000
    assert found.hints == ()
    assert found.error_rate() is None
