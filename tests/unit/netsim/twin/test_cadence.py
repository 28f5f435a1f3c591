"""How light is cut: as the light, the rounds, the clocks and what happens allow, and no other."""

from dataclasses import replace

import pytest

import netsim
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import networks_of
from netsim.twin.brightness import photons_hz
from netsim.twin.cadence import (
    CHANGING_PS,
    LONGEST_ANNOUNCEMENT_PS,
    LONGEST_FRAME_PS,
    MOST_PHOTONS,
    Cadence,
    clocks_followed_ps,
    photon_cadence,
)
from netsim.units import PS_PER_S, ps_from_s
from tests.support.pages import ROOT

GRID_PS = PS_PER_S // 20
SHIPPED = sorted(path.stem for path in (ROOT / "topologies").glob("*.toml"))
POISSON = "qnsp.source.statistics=poisson"
WEAK = ("qnsp.source.pumps.*.power_mw=0.1",)
"""Light that would do with the longest frames."""


def changed(*overrides: str, topology: str = "two_user") -> TopologySpec:
    """A shipped topology with less light."""
    return netsim.load_topology(topology, overrides=[*WEAK, *overrides])


def event(text: str) -> str:
    """The one event of a run."""
    return f"events=[{{{text}}}]"


def announced_s(cadence: Cadence) -> list[float]:
    """Seconds, link by link."""
    return [cadence.announced_ps(users) / PS_PER_S for users in cadence.rounds_ps]


@pytest.mark.parametrize("name", SHIPPED)
def test_frames_make_rounds_and_announcements(name: str) -> None:
    """Whole numbers of a frame, of no more photons than are wanted."""
    topology = netsim.load_topology(name)
    cadence, networks = photon_cadence(topology), networks_of(topology)
    brightest_hz = max(map(photons_hz, networks))
    assert brightest_hz * cadence.frame_ps <= MOST_PHOTONS * PS_PER_S
    assert LONGEST_FRAME_PS % cadence.frame_ps == 0
    for users, round_ps in cadence.rounds_ps.items():
        assert round_ps == ps_from_s(topology.round_s_of(users))
        assert cadence.frames_per_round(users) * cadence.frame_ps == round_ps
        assert cadence.announced_ps(users) % cadence.frame_ps == 0
        assert cadence.announced_ps(users) <= LONGEST_ANNOUNCEMENT_PS


def test_what_is_given_is_kept() -> None:
    """Lengths of a topology are no choice."""
    cadence = photon_cadence(changed("frame_s=0.013", "protocol.announcement_s=0.13"))
    assert cadence.frame_ps == 13_000_000_000
    assert announced_s(cadence) == [0.13]
    cadence = photon_cadence(changed("protocol.announcement_s=0.1"))
    assert (cadence.frame_ps, announced_s(cadence)) == (2 * GRID_PS, [0.1])


@pytest.mark.parametrize(
    ("asked_s", "frame_ps"), [(0.3, 2), (0.7, 2), (0.75, 5), (0.8, 2), (1.25, 5), (5.0, 10)]
)
def test_announcements_that_are_asked_for_are_made_of_chosen_frames(
    asked_s: float, frame_ps: int
) -> None:
    """Whole numbers of them make each length that whole twentieths of a second make."""
    cadence = photon_cadence(changed(f"protocol.announcement_s={asked_s}"))
    assert announced_s(cadence) == [asked_s]
    assert cadence.frame_ps == frame_ps * GRID_PS


def test_weak_light_takes_long_frames_and_bright_light_short_ones() -> None:
    """Half a second at most, and what the photons allow."""
    assert photon_cadence(changed()).frame_ps == LONGEST_FRAME_PS
    bright = changed("qnsp.source.pumps.*.power_mw=1.0")
    frame_ps = photon_cadence(bright).frame_ps
    assert GRID_PS <= frame_ps < LONGEST_FRAME_PS
    assert frame_ps * photons_hz(build_network(bright)) <= MOST_PHOTONS * PS_PER_S


def test_the_brightest_state_counts_however_late_it_comes() -> None:
    """A run that ends before it has the same announcements, and can be extended."""
    power = "time_s=1e4, kind='power', channel='C34', power_mw="
    later, early = (changed(event(power + mw), POISSON) for mw in ("300.0", "0.2"))
    assert announced_s(photon_cadence(early)) == [0.5]
    assert announced_s(photon_cadence(later)) < [0.5]


@pytest.mark.parametrize(
    ("round_s", "frame_ps"),
    [(30.0, 10), (0.25, 5), (0.3, 2), (0.35, 1), (0.37, 1), (7.2, 2)],
)
def test_a_frame_is_a_part_of_every_round(round_s: float, frame_ps: int) -> None:
    """In twentieths of a second, which rounds are cut to."""
    cadence = photon_cadence(changed(f"protocol.round_s={round_s}"))
    assert cadence.frame_ps == frame_ps * GRID_PS
    assert cadence.rounds_ps["alice", "bob"] == round(20 * round_s) * GRID_PS


WALK = "users.*.fibre.rotation_walk_rad_per_sqrt_s=0.03"


@pytest.mark.parametrize(
    "asked",
    [
        changed("receivers.bench.x.drift={walk_rad_per_sqrt_s=0.1}"),
        changed("receivers.bench.bell.share=0.1"),
        changed("crashes=[{user='alice', stop_s=1.0, start_s=2.0}]"),
        changed("users.bob.is_present=false"),
        changed(event("time_s=1e4, kind='leave', user='bob'")),
        netsim.load_topology("wengerowsky2018", overrides=["qnsp.source.pump_power_mw=1.0", WALK]),
    ],
    ids=["drift", "bell", "crash", "absent", "leave", "rotation"],
)
def test_what_happens_once_a_frame_keeps_frames_short(asked: TopologySpec) -> None:
    """As short as they were before they were chosen."""
    assert photon_cadence(asked).frame_ps == GRID_PS


def test_analysers_that_drift_by_nothing_stand_still() -> None:
    """Neither a walk nor errors of readings."""
    drift = "receivers.bench.x.drift={walk_rad_per_sqrt_s=0.0"
    assert photon_cadence(changed(drift + "}")).frame_ps == LONGEST_FRAME_PS
    assert photon_cadence(changed(drift + ",reading_rad=0.01}")).frame_ps == GRID_PS


def test_where_the_network_changes_little_is_announced_at_once() -> None:
    """Half a second of light is missed at most, as before."""
    assert announced_s(photon_cadence(changed())) == [2.0]
    cut = changed(event("time_s=1e4, kind='cut', user='bob'"))
    controller = changed("controller={kind='balance-power', step=1.25, rounds=1}")
    for cadence in (
        photon_cadence(cut),
        photon_cadence(controller),
        photon_cadence(changed("observers=[{kind='extra-light', user='alice', rate_hz=1e6}]")),
        photon_cadence(changed(), is_controlled=True),
    ):
        assert announced_s(cadence) == [CHANGING_PS / PS_PER_S]
        assert cadence.frame_ps == GRID_PS


def test_clocks_that_wander_are_announced_sooner() -> None:
    """By the square, as a clock walks as the root of time, down to what is short for any."""
    wander = "receivers.bench.clock.allan_deviation_1s={}"
    lengths_ps = [
        clocks_followed_ps(changed(wander.format(deviation)), ("alice", "bob"))
        for deviation in (1e-9, 4e-9, 1e-8)
    ]
    assert lengths_ps == pytest.approx([11.52 * PS_PER_S, 0.72 * PS_PER_S, 0.5 * PS_PER_S])
    assert announced_s(photon_cadence(changed(wander.format(1e-9)))) == [2.0]
    assert announced_s(photon_cadence(changed(wander.format(3e-9)))) == [1.0]
    assert announced_s(photon_cadence(changed(wander.format(1e-8)))) == [0.5]


def test_all_that_is_announced_fits_into_a_message() -> None:
    """16.5 million clicks a second lost every round in half a second of light."""
    powers = [f"qnsp.source.pumps.{k}.power_mw=4.0" for k in (0, 1)]
    asked = [POISSON, *powers]
    cadence = photon_cadence(netsim.load_topology("two_user", overrides=asked))
    assert announced_s(cadence) < [0.5]


def test_announcements_are_whole_frames_of_one_round() -> None:
    """Whatever was asked for."""
    cadence = photon_cadence(changed("frame_s=0.05"))
    longer = replace(cadence, announcements_ps={("alice", "bob"): 10**15})
    assert longer.announced_ps(("alice", "bob")) == longer.rounds_ps["alice", "bob"]
    shorter = replace(cadence, announcements_ps={("alice", "bob"): 1})
    assert shorter.announced_ps(("alice", "bob")) == GRID_PS
