"""What arrives where, how weak and how late."""

import math
from dataclasses import replace

import pytest

from netsim.physics.fibre import group_delay_ps
from netsim.topology.load import parse_topology
from netsim.topology.network import build_network, many_lanes
from netsim.units import wavelength_nm_from_label
from protocols.messages import MAX_LANES
from tests.support.effort import lines_run
from tests.support.fan2025 import CALIBRATED_ETAS, STRUCTURED_ETAS
from tests.unit.netsim.topology.texts import ELSEWHERE, FOUR_USERS, TWO_USERS

# Fitted to Table 2 of Fan et al., Light Sci. Appl. 14 (2025): all losses and the detector.
FITTED = {"fan2025_structured": STRUCTURED_ETAS, "fan2025_four_user": CALIBRATED_ETAS}


@pytest.mark.parametrize("name", FITTED)
def test_transmittances_are_the_fitted_ones(name: str) -> None:
    """The losses of each way, segment by segment, multiply to the fitted figure's six digits."""
    network = build_network(parse_topology(ELSEWHERE[name]))
    found = {channel.channel: channel.transmittance for channel in network.channels}
    assert found == pytest.approx(FITTED[name], rel=3e-6)


@pytest.mark.parametrize(
    ("early", "late", "apart_ps"), [(54, 26, 379.2), (54, 50, 53.5), (30, 26, 54.8)]
)
def test_dispersion_parts_channels(early: int, late: int, apart_ps: float) -> None:
    """17 ps/nm/km over 1 km part C26 and C54 by 379 ps, Charlie's by 53.5 and Dave's by 54.8."""
    delays_ps = [
        group_delay_ps(
            length_m=1000.0,
            group_index=1.468,
            dispersion_ps_per_nm_km=17.0,
            wavelength_nm=wavelength_nm_from_label(label),
        )
        for label in (early, late)
    ]
    assert delays_ps[1] - delays_ps[0] == pytest.approx(apart_ps, abs=0.05)


def test_four_users_have_seven_lanes_on_six_links() -> None:
    """Charlie and Dave share two lanes, 40 ns and the dispersion of both fibres apart."""
    network = build_network(parse_topology(FOUR_USERS))
    assert len(network.links) == 6
    assert len(network.lanes) == 7
    first, second = network.lanes_of(("charlie", "dave"))
    assert (first.channels, second.channels) == (("C50", "C30"), ("C54", "C26"))
    # 1.5 km to Charlie, 0.5 km to Dave, on top of the patch fibre and with the same sign.
    apart_ps = 40_000 + 53.5 * 1.5 + 54.8 * 0.5
    assert second.delay_ps - first.delay_ps == pytest.approx(apart_ps, abs=0.1)


def test_lanes_of_all_links_are_found_in_linear_time() -> None:
    """Four times the links, four times the steps: 300 users took 17 s to validate."""
    one = build_network(parse_topology(TWO_USERS))

    def steps(links: int) -> int:
        lanes = [replace(one.lanes[0], users=("alice", f"bob{k}")) for k in range(links)]
        network = replace(one, lanes=tuple(lanes))
        return lines_run(lambda: [network.lanes_of(users) for users in network.links])

    few, more, most = (steps(links) for links in (100, 200, 400))
    assert few > 100
    assert most - more == pytest.approx(2 * (more - few), rel=0.02)


def test_group_delay_dominates_a_lane() -> None:
    """Bob, a kilometre further away, sees his photon 4.9 us later."""
    (lane,) = build_network(parse_topology(TWO_USERS)).lanes
    assert lane.users == ("alice", "bob")
    assert lane.delay_ps == pytest.approx(1.468 * 1000 / 299_792_458 * 1e12, abs=400)


def test_best_detector_is_folded_in() -> None:
    """Of four unequal detectors the best one counts towards the transmittance."""
    four = [
        f"{{efficiency={e},dark_rate_hz=0,jitter_fwhm_ps=0,dead_time_ps=0}}"
        for e in (0.1, 0.4, 0.2, 0.3)
    ]
    overrides = [f"receivers.bench.detectors=[{','.join(four)}]"]
    network = build_network(parse_topology(TWO_USERS, overrides=overrides))
    assert network.channels[0].receiver_transmittance == pytest.approx(0.4 * 10**-0.3)


def test_noise_follows_all_pump_power_in_the_chip() -> None:
    """Two pumps of 0.4 mW less 1.6 dB make 0.553 mW, times 1 kHz/mW."""
    overrides = ["qnsp.channels.C38.noise_hz_per_mw=1000"]
    network = build_network(parse_topology(TWO_USERS, overrides=overrides))
    assert math.isclose(network.channels[0].noise_hz, 1000 * 0.8 * 10**-0.16)
    assert network.channels[1].noise_hz == 0.0


def test_links_of_more_lanes_than_messages_can_name_are_refused() -> None:
    """A byte holds lane, basis and bit of a sifted bit."""
    network = build_network(parse_topology(TWO_USERS))
    (lane,) = network.lanes
    full = replace(network, lanes=(lane,) * MAX_LANES)
    assert not list(many_lanes(full))
    (fault,) = many_lanes(replace(full, lanes=(*full.lanes, lane)))
    assert str(fault) == "users: alice and bob share 65 lanes, more than 64"
