"""Emission kernels against their interpreted selves, and their edges."""

import numpy as np
import pytest

from netsim.physics import emission
from netsim.physics.emission import (
    _fill,
    add_poisson_times,
    sample_apart,
    sample_new,
    sample_pairs,
    sample_poisson_times,
    split_rates,
)
from netsim.physics.shapes import MAX_DELAY_PS, BunchShape, PairShape, TimeShape
from tests.unit.netsim.physics.helpers import KAPPA_PER_PS, LINEWIDTH_HZ, generator

FRAME_PS = 10_000_000_000


def test_split_rates_are_those_of_independent_losses() -> None:
    """Both survive with T_a T_b, one alone with T_a (1 - T_b): nothing lost, nothing doubled."""
    rates = split_rates(1000.0, [0.2], [0.5])
    assert rates.pairs_hz == pytest.approx(np.array([[100.0]]))
    assert (rates.first_hz[0], rates.second_hz[0]) == pytest.approx((100.0, 400.0))
    alone = split_rates(1000.0, [0.2], [])
    assert alone.pairs_hz.size == alone.second_hz.size == 0
    assert alone.first_hz == pytest.approx(np.array([200.0]))


def test_split_channel_shares_its_photons() -> None:
    """A photon goes to one user of several: rates over all outlets add up to the whole."""
    first, second = [0.2, 0.1], [0.3, 0.05, 0.15]
    rates = split_rates(1000.0, first, second)
    assert rates.pairs_hz == pytest.approx(1000.0 * np.outer(first, second))
    assert rates.first_hz + rates.pairs_hz.sum(axis=1) == pytest.approx(1000.0 * np.array(first))
    assert rates.second_hz + rates.pairs_hz.sum(axis=0) == pytest.approx(1000.0 * np.array(second))


@pytest.mark.parametrize("transmittances", [[-0.1], [1.1], [0.6, 0.6]])
def test_transmittance_is_a_probability(transmittances: list[float]) -> None:
    """Gain, negative loss and a splitter that multiplies photons are refused."""
    with pytest.raises(ValueError, match="transmittance"):
        split_rates(1000.0, [0.2], transmittances)


def test_poisson_kernel_is_its_interpreted_self() -> None:
    """Compiled and interpreted kernels draw the same times, bit for bit."""
    compiled = sample_poisson_times(generator(), 200_000.0, 7, 7 + FRAME_PS)
    interpreted = sample_poisson_times.py_func(generator(), 200_000.0, 7, 7 + FRAME_PS)
    assert compiled.size > 1500
    assert np.array_equal(compiled, interpreted)


def test_fill_goes_on_where_it_stopped() -> None:
    """A full array stops the kernel; filling two halves is filling one whole."""
    whole, halves = np.empty(500, dtype=np.int64), np.empty(500, dtype=np.int64)
    args = (1e9, 1e6, 3)
    size, elapsed_ps = _fill.py_func(generator(), whole, 0, 0.0, *args)
    rng = generator()
    half, at_ps = _fill(rng, halves[:250], 0, 0.0, *args)
    assert half == 250
    assert _fill(rng, halves, half, at_ps, *args) == (size, elapsed_ps)
    assert np.array_equal(whole, halves)


def test_more_events_than_room_are_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first guess of the size is only a guess: three times as many events are all kept."""

    class Hasty:
        """Draws gaps of a third of their mean."""

        def standard_exponential(self) -> float:
            return 1 / 3

    monkeypatch.setattr(emission, "_fill", _fill.py_func)
    monkeypatch.setattr(emission, "add_poisson_times", add_poisson_times.py_func)
    times_ps = sample_poisson_times.py_func(
        Hasty(),  # type: ignore[arg-type]
        1e6,
        0,
        1_000_000_000,
    )
    assert times_ps.size == 2999
    assert np.all(np.abs(np.diff(times_ps) - 333_333) <= 1)


def test_events_are_added_behind_others() -> None:
    """What was there stays in front, and the events are those that come without it."""
    before_ps = np.array([9, 5, 7])
    alone_ps = sample_poisson_times(generator(), 1e6, 3, 3 + FRAME_PS)
    for add in (add_poisson_times, add_poisson_times.py_func):
        both_ps = add(generator(), 1e6, 3, 3 + FRAME_PS, before_ps)
        assert both_ps.tolist() == [9, 5, 7, *alone_ps.tolist()]
        assert add(generator(), 0.0, 3, 3 + FRAME_PS, before_ps).tolist() == [9, 5, 7]


def test_no_rate_no_events() -> None:
    """A rate of zero draws nothing."""
    rng = generator()
    assert sample_poisson_times(rng, 0.0, 0, FRAME_PS).size == 0
    assert rng.random() == generator().random()


def test_pair_kernel_is_its_interpreted_self() -> None:
    """Compiled and interpreted kernels draw the same photons, bit for bit."""
    born_ps = sample_poisson_times(generator(), 50_000.0, FRAME_PS, 2 * FRAME_PS)
    compiled = sample_pairs(generator(1), born_ps, KAPPA_PER_PS)
    interpreted = sample_pairs.py_func(generator(1), born_ps, KAPPA_PER_PS)
    assert np.array_equal(compiled[0], interpreted[0])
    assert np.array_equal(compiled[1], interpreted[1])
    assert born_ps.size > 400


@pytest.mark.parametrize(
    "shape",
    [
        PairShape(LINEWIDTH_HZ),
        BunchShape(LINEWIDTH_HZ),
        PairShape(LINEWIDTH_HZ, dispersion_ps2=1e5),
    ],
    ids=["pairs", "bunches", "dispersed"],
)
def test_births_and_photons_in_one_call_draw_the_same(shape: TimeShape) -> None:
    """One call draws what births and their photons draw one after the other."""
    together, apart = generator(), generator()
    photons_ps = sample_new(together, 50_000.0, 0, FRAME_PS, shape)
    born_ps = sample_poisson_times(apart, 50_000.0, 0, FRAME_PS)
    expected_ps = sample_apart(apart, born_ps, shape)
    assert np.array_equal(photons_ps, expected_ps)
    assert photons_ps[0].size > 400
    assert together.random() == apart.random()


def test_photons_are_born_in_their_frame() -> None:
    """The earlier photon of a pair is born when the pair is; the later one at most 40 ns after."""
    # A narrow line makes long delays: many of them are clipped.
    start_ps, stop_ps = FRAME_PS, FRAME_PS + 20_000_000
    born_ps = sample_poisson_times(generator(), 1e9, start_ps, stop_ps)
    first_ps, second_ps = sample_pairs(generator(1), born_ps, 5e-5)
    assert born_ps.size > 15_000
    assert np.array_equal(np.minimum(first_ps, second_ps), born_ps)
    assert np.abs(first_ps - second_ps).max() == MAX_DELAY_PS
    assert born_ps.min() >= start_ps
    assert born_ps.max() < stop_ps
