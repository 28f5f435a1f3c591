"""Dead times of two users: which partner of a click silences which other click."""

from itertools import product

import numpy as np
import pytest

from netsim.physics.silences import NODES, live_together, shared_ps, silencing_spans
from netsim.topology.network import build_network
from netsim.topology.receiver import DetectorSpec, InterferometerSpec
from netsim.twin.coincidences import Coincidences
from netsim.twin.peaks import Gate
from tests.support.topologies import receiver_spec, two_user_topology

DEAD_TIMES_PS = [(5, 25), (25, 5), (12, 12)]


def is_counted(time_ps: int, clicks_ps: list[int], dead_time_ps: int) -> bool:
    """Whether the user has not clicked within the dead time before."""
    return not any(time_ps - dead_time_ps <= other_ps < time_ps for other_ps in clicks_ps)


@pytest.mark.parametrize("dead_times_ps", DEAD_TIMES_PS)
def test_partners_silence_what_comes_after_them(dead_times_ps: tuple[int, int]) -> None:
    """Four clicks of two pairs, one at either user: what counts is looked at click by click.

    The second user sees its photon of each pair ``late_ps`` after the first one: no mirror image.
    """
    silenced = 0
    for apart_ps, late_ps in product(range(-30, 31, 3), range(-61, 62, 2)):
        first_ps, second_ps = [0, apart_ps - late_ps], [late_ps, apart_ps]
        spans = silencing_spans(apart_ps, dead_times_ps)
        for wanted_ps, clicks_ps, dead_time_ps, (low_ps, high_ps) in (
            (apart_ps, second_ps, dead_times_ps[1], spans.of_first),
            (0, first_ps, dead_times_ps[0], spans.of_second),
        ):
            if late_ps in (low_ps, high_ps) or late_ps == apart_ps:
                continue  # the very edge: nobody is there by chance
            is_silenced = low_ps < late_ps < high_ps
            silenced += is_silenced
            assert is_silenced is not is_counted(wanted_ps, clicks_ps, dead_time_ps)
    assert silenced > 100


@pytest.mark.parametrize("dead_times_ps", DEAD_TIMES_PS)
def test_what_silences_have_in_common(dead_times_ps: tuple[int, int]) -> None:
    """Picosecond by picosecond: those before both clicks, on each user's own time."""
    first_ps, second_ps = dead_times_ps
    for apart_ps in range(-40, 41):
        common = set(range(-first_ps, 0)) & set(range(apart_ps - second_ps, apart_ps))
        assert shared_ps(apart_ps, dead_times_ps) == len(common)


@pytest.mark.parametrize(("power", "mean"), [(0, 1.0), (1, 0.0), (2, 1 / 12), (3, 0.0)])
def test_mean_over_a_window(power: int, mean: float) -> None:
    """Of powers up to the third, from -1/2 to 1/2: that of the two places."""
    found = sum(node**power for node in NODES) / len(NODES)
    assert found == pytest.approx(mean, abs=1e-15)


def test_live_together_is_the_harmonic_mean() -> None:
    """Of the live shares of two detectors; none where one, or both, are never live."""
    first, second = np.array([0.5, 0.2, 0.0, 0.0]), np.array([0.5, 0.6, 0.7, 0.0])
    assert live_together(first, second) == pytest.approx([0.5, 0.3, 0.0, 0.0])


def test_partners_on_one_side_of_the_window() -> None:
    """Chance coincidences 5 ns beside the pairs, of users who see 90 and 30 % of the photons.

    Where the second click is later, the first one's partner silences it if the second user sees it,
    0.7 are left; where it is earlier, the other way round, 0.1 are.
    """
    detector = DetectorSpec(
        efficiency=1.0,
        dark_rate_hz=0.0,
        jitter_fwhm_ps=70.0,
        dead_time_ps=25_000,
        afterpulse_probability=0.0,
        afterpulse_decay_ps=1.0,
    )
    still = InterferometerSpec(delay_ps=0.0, phase_rad=0.0)
    receiver = receiver_spec(detector, z=still, x=still, kind="polarisation")
    topology = two_user_topology(
        rate_hz=1e4,  # few others silence anything
        etas=(0.9, 0.3),
        linewidth_hz=50e9,
        receivers=(receiver, receiver),
        window_ps=2000,
    )
    network = build_network(topology)
    (lane,) = network.lanes_of(("alice", "bob"))
    at_peak = Gate.of(network, lane)
    independent_hz = 1e4 * 0.9 * 1e4 * 0.3 * at_peak.width_ps * 1e-12
    for beside_ps, left in ((5_000, 0.7), (-5_000, 0.1)):
        gate = Gate(at_peak.users, at_peak.delay_ps + beside_ps, at_peak.width_ps)
        found_hz = float(Coincidences(network).accidental_hz(gate).sum())
        assert found_hz == pytest.approx(left * independent_hz, rel=0.01)
