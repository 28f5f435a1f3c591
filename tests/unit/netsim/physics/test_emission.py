"""Emission kernels against their interpreted selves, and their edges."""

import numpy as np
import pytest

from netsim.physics import emission
from netsim.physics.emission import (
    MAX_BIPHOTON_DELAY_PS,
    _fill,
    sample_poisson_times,
    sample_process,
    split_rates,
)
from tests.unit.netsim.physics.helpers import KAPPA_PER_PS, generator

FRAME_PS = 10_000_000_000


def test_split_rates_are_those_of_independent_losses() -> None:
    """Both survive with T_a T_b, one alone with T_a (1 - T_b): nothing lost, nothing doubled."""
    rates = split_rates(1000.0, 0.2, 0.5)
    assert (rates.both_hz, rates.only_first_hz, rates.only_second_hz) == pytest.approx(
        (100.0, 100.0, 400.0)
    )
    alone = split_rates(1000.0, 0.2, 0.0)
    assert (alone.both_hz, alone.only_first_hz, alone.only_second_hz) == (0.0, 200.0, 0.0)


@pytest.mark.parametrize("transmittance", [-0.1, 1.1])
def test_transmittance_is_a_probability(transmittance: float) -> None:
    """Gain and negative loss are refused."""
    with pytest.raises(ValueError, match="transmittance"):
        split_rates(1000.0, 0.2, transmittance)


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
    times_ps = sample_poisson_times.py_func(
        Hasty(),  # type: ignore[arg-type]
        1e6,
        0,
        1_000_000_000,
    )
    assert times_ps.size == 2999
    assert np.all(np.abs(np.diff(times_ps) - 333_333) <= 1)


def test_no_rate_no_events() -> None:
    """A rate of zero draws nothing."""
    rng = generator()
    assert sample_poisson_times(rng, 0.0, 0, FRAME_PS).size == 0
    assert rng.random() == generator().random()


def test_process_kernel_is_its_interpreted_self() -> None:
    """Compiled and interpreted kernels draw the same photons, bit for bit."""
    args = (50_000.0, 80_000.0, 20_000.0, KAPPA_PER_PS, FRAME_PS, 2 * FRAME_PS)
    compiled = sample_process(generator(), *args)
    interpreted = sample_process.py_func(generator(), *args)
    assert np.array_equal(compiled[0], interpreted[0])
    assert np.array_equal(compiled[1], interpreted[1])
    assert compiled[2] == interpreted[2] > 400


def test_photons_are_born_in_their_frame() -> None:
    """The earlier photon of a pair lies in the frame; the later one at most 40 ns beyond it."""
    # A narrow line makes long delays: many of them are clipped.
    start_ps, stop_ps = FRAME_PS, FRAME_PS + 20_000_000
    first_ps, second_ps, pairs = sample_process(generator(), 1e9, 1e9, 1e9, 5e-5, start_ps, stop_ps)
    born_ps = np.minimum(first_ps[:pairs], second_ps[:pairs])
    delay_ps = np.abs(first_ps[:pairs] - second_ps[:pairs])
    assert pairs > 15_000
    assert born_ps.min() >= start_ps
    assert born_ps.max() < stop_ps
    assert delay_ps.max() == MAX_BIPHOTON_DELAY_PS
    for single_ps in (first_ps[pairs:], second_ps[pairs:]):
        assert single_ps.min() >= start_ps
        assert single_ps.max() < stop_ps
