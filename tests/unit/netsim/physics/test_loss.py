"""Thinning by what a path is worse than its best, and propagation."""

import numpy as np
import pytest

from netsim.physics.loss import thin_photons
from netsim.physics.propagation import propagate
from tests.unit.netsim.physics.helpers import generator, int64, pair_ledger, photon_frame


def test_best_path_draws_nothing() -> None:
    """Without a ratio the frame passes as it is and no number is drawn."""
    rng, frame = generator(), photon_frame(int64(1, 2, 3))
    assert thin_photons(rng, frame, None) is frame
    assert rng.random() == generator().random()


def test_ratio_acts_at_the_time_of_each_photon() -> None:
    """Photons before a fault pass, those after it are lost; their rows go with them."""
    frame = photon_frame(int64(1, 12, 8), int64(5, 6, 7), pair_ledger(8))
    kept = thin_photons(generator(), frame, lambda times_ps: (times_ps < 10).astype(np.float64))
    assert kept.times_ps.tolist() == [1, 8]
    assert kept.pair_rows.tolist() == [5, 7]
    assert kept.ledger is frame.ledger


@pytest.mark.parametrize("ratio", [1.01, -0.1, np.nan])
def test_ratio_is_a_probability(ratio: float) -> None:
    """A path better than the source was built for is an error, not a silent 1."""
    with pytest.raises(ValueError, match="C38"):
        thin_photons(
            generator(), photon_frame(int64(1)), lambda times_ps: np.full(times_ps.size, ratio)
        )


def test_delay_is_added_and_nothing_else() -> None:
    """Below 1 ps of broadening all photons move alike, and no number is drawn."""
    rng = generator()
    arrived = propagate(rng, photon_frame(int64(1, 2)), delay_ps=100, broadening_ps=0.9)
    assert arrived.times_ps.tolist() == [101, 102]
    assert rng.random() == generator().random()


def test_broadening_spreads_by_its_sigma() -> None:
    """Standard deviation of 20000 photons within 5 sigma of its own error."""
    photons = photon_frame(np.zeros(20_000, dtype=np.int64))
    late_ps = propagate(generator(), photons, delay_ps=0, broadening_ps=300.0).times_ps
    assert abs(late_ps.std() - 300.0) < 5 * 300.0 / np.sqrt(2 * 20_000)
    assert abs(late_ps.mean()) < 5 * 300.0 / np.sqrt(20_000)
