"""The network of Fan et al. 2025 at photon level: singles, sifted rates, QBER, frame lengths."""

from functools import cache

import pytest

from netsim.frames import ClickFrame
from netsim.simulation.scoring import LaneCounts, LaneScorer
from netsim.topology.network import build_network
from tests.support.bounds import Z_SIGMA, assert_same_mean
from tests.support.fan2025 import (
    CALIBRATED_SINGLES_HZ,
    TABLE_2_QBER,
    TABLE_2_SIFTED_HZ,
    four_user_topology,
)
from tests.support.photons import run_photons

pytestmark = pytest.mark.slow

DURATION_S = 20.0


def scored_run(
    frame_s: float, duration_s: float, seed: int
) -> tuple[dict[str, int], dict[tuple[str, str], LaneCounts]]:
    """Singles of each user and counts of each lane."""
    topology = four_user_topology(frame_s=frame_s)
    network = build_network(topology)
    scorers = [LaneScorer(network, users) for users in network.links]

    def score(user: str, frame: ClickFrame) -> None:
        for users, scorer in zip(network.links, scorers, strict=True):
            if user in users:
                scorer.add(user, frame)

    run = run_photons(
        topology,
        duration_s=duration_s,
        seed=seed,
        on_clicks=score,
        on_tags=lambda _user, _frame: None,
    )
    counts: dict[tuple[str, str], LaneCounts] = {}
    for scorer in scorers:
        scorer.finish()
        counts |= {
            lane.channels: count for lane, count in zip(scorer.lanes, scorer.counts, strict=True)
        }
    return run.world.singles, counts


@cache
def long_run() -> tuple[dict[str, int], dict[tuple[str, str], LaneCounts]]:
    """The run that several tests look at."""
    return scored_run(0.05, DURATION_S, seed=1)


def test_singles_are_those_of_the_calibration() -> None:
    """All counts of each user within 2 % of the calibration, which has no dead time."""
    singles, _ = long_run()
    for user, expected_hz in CALIBRATED_SINGLES_HZ.items():
        assert singles[user] / DURATION_S == pytest.approx(expected_hz, rel=0.02)


@pytest.mark.parametrize("lane", TABLE_2_SIFTED_HZ)
def test_sifted_rate_of_each_lane(lane: tuple[str, str]) -> None:
    """Within 3 % (of the calibration) and 5 sigma of Table 2."""
    expected = TABLE_2_SIFTED_HZ[lane] * DURATION_S
    sifted = long_run()[1][lane].sifted_bits
    assert abs(sifted - expected) < 0.03 * expected + Z_SIGMA * expected**0.5


@pytest.mark.parametrize("lane", TABLE_2_QBER)
def test_qber_of_each_lane(lane: tuple[str, str]) -> None:
    """Within 0.3 points (of the calibration) and 5 sigma of Table 2; Z and X alike."""
    counts, expected = long_run()[1][lane], TABLE_2_QBER[lane]
    for errors, bits in (
        (counts.errors, counts.sifted_bits),
        (counts.errors_z, counts.sifted_z),
        (counts.errors_x, counts.sifted_x),
    ):
        sigma = (expected * (1 - expected) / bits) ** 0.5
        assert abs(errors / bits - expected) < 0.003 + Z_SIGMA * sigma


@pytest.mark.parametrize("lane", TABLE_2_QBER)
def test_half_of_the_coincidences_are_sifted(lane: tuple[str, str]) -> None:
    """Bases are chosen independently with probability 1/2."""
    counts = long_run()[1][lane]
    sigma = counts.coincidences**0.5 / 2
    assert abs(counts.sifted_bits - counts.coincidences / 2) < Z_SIGMA * sigma + 1


@pytest.mark.parametrize("frame_s", [0.01, 0.5])
def test_frame_length_does_not_matter(frame_s: float) -> None:
    """Singles, sifted bits and errors with frames of 10 and 500 ms are those with 50 ms."""
    duration_s = 10.0
    singles, counts = scored_run(frame_s, duration_s, seed=2)
    long_singles, long_counts = long_run()
    ratio = duration_s / DURATION_S
    for user, clicks in singles.items():
        # Pairs make clicks of two users, never two clicks of one: Poisson but for dead time.
        assert_same_mean(clicks, long_singles[user], ratio)
    for lane, count in counts.items():
        assert_same_mean(count.sifted_bits, long_counts[lane].sifted_bits, ratio)
        assert_same_mean(count.errors, long_counts[lane].errors, ratio)
