"""Warnings: what is allowed but unwise."""

import math
import re

import pytest

from netsim.topology.checks import check_topology
from netsim.topology.load import parse_topology
from netsim.topology.network import build_network
from netsim.topology.unwise import late_warnings, topology_warnings
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS


@pytest.mark.parametrize(
    ("delay_ps", "distance_ps"),
    # Besides the patch fibre, dispersion parts the lanes by 107.6 ps (D L d_lambda).
    [
        (0, None),
        (7_000, 2_892),
        (10_000, 108),
        (17_000, 7_108),
        (18_000, None),
        (40_000, None),
    ],
)
def test_lanes_whose_peaks_come_too_close_give_a_warning(
    delay_ps: int, distance_ps: int | None
) -> None:
    """Charlie's patch fibre must part all peaks by 8 ns, centres from centres and side peaks."""
    overrides = [f"qnsp.channels.C50.patch_delay_ps={delay_ps}"]
    warnings = topology_warnings(parse_topology(FOUR_USERS, overrides=overrides))
    if distance_ps is None:
        assert warnings == ()
        return
    (warning,) = warnings
    assert f"lie {distance_ps} ps apart" in warning.message
    assert "C50&C30" in warning.message
    assert "C54&C26" in warning.message
    assert warning.path.endswith("patch_delay_ps")


def test_lanes_whose_windows_overlap_are_one() -> None:
    """708 ps apart in a window of 2 ns: one lane, and a warning that it loses some."""
    topology = parse_topology(FOUR_USERS, overrides=["qnsp.channels.C50.patch_delay_ps=600"])
    (lane,) = build_network(topology).lanes_of(("charlie", "dave"))
    assert [part.channels for part in lane.parts] == [("C50", "C30"), ("C54", "C26")]
    (warning,) = topology_warnings(topology)
    assert "arrive up to 708 ps apart" in warning.message
    assert warning.path.endswith("patch_delay_ps")


def test_short_interferometer_gives_a_warning() -> None:
    """Own side peaks 7.5 ns from the centre are long enough for the photon, but still leak."""
    overrides = ["receivers.bench.z.delay_ps=7500", "receivers.bench.x.delay_ps=7500"]
    (warning,) = topology_warnings(parse_topology(TWO_USERS, overrides=overrides))
    assert "lie 7500 ps apart" in warning.message
    assert warning.path == "receivers.bench.z.delay_ps"


def test_users_without_a_lane_give_a_warning() -> None:
    """C38 and C44 add up to no two pumps; the path is that of the later user."""
    topology = parse_topology(TWO_USERS, overrides=["qnsp.channels.C42.channel=C44"])
    assert [str(warning).partition(":")[:3:2] for warning in topology_warnings(topology)] == [
        ("users.0", " alice has no link: no channels of its own and anybody's make pairs"),
        ("users.1", " bob has no link: no channels of its own and anybody's make pairs"),
    ]


def test_pairs_without_a_lane_give_a_warning_each() -> None:
    """Dave without C26 shares nothing with bob; the path is the later user's."""
    topology = parse_topology(FOUR_USERS)
    kept = tuple(entry for entry in topology.qnsp.channels if entry.channel != "C26")
    qnsp = topology.qnsp.model_copy(update={"channels": kept})
    (warning,) = topology_warnings(topology.model_copy(update={"qnsp": qnsp}))
    assert warning.path == "users.3"
    assert warning.message.startswith("no lane between bob and dave")


def test_jitter_far_above_the_window_gives_a_warning() -> None:
    """The share of the window is that of a Gaussian here: FWHM 5 ns each, 7.07 in all; 2 ns."""
    detectors = "receivers.bench.detectors"
    narrow = [f"{detectors}.0.jitter_fwhm_ps=1000"]
    assert topology_warnings(parse_topology(TWO_USERS, overrides=narrow)) == ()
    wide = [f"{detectors}.0.jitter_fwhm_ps=5000"]
    (warning,) = topology_warnings(parse_topology(TWO_USERS, overrides=wide))
    assert warning.path == detectors
    gauss = math.erf(1000 / (math.sqrt(2) * 7071 / 2.3548))
    (percent,) = map(int, re.findall(r"(\d+) %", warning.message))
    assert percent == pytest.approx(100 * gauss, abs=3)  # the photons' own spread of 0.8 ns besides


def test_photons_too_long_for_the_window_are_not_blamed_on_detectors() -> None:
    """A GHz that was left out: photons of 8 ms, of which a window of 2 ns holds nothing."""
    bench = ["kind=polarisation", "z.delay_ps=0", "x.delay_ps=0"]
    overrides = [
        "qnsp.source.statistics=poisson",
        "qnsp.source.linewidth_hz=20",
        *(f"receivers.bench.{one}" for one in bench),
    ]
    found = topology_warnings(parse_topology(TWO_USERS, overrides=overrides))
    (warning,) = [one for one in found if "holds 0 %" in one.message]
    assert warning.path == "qnsp.source"
    assert "20 Hz" in warning.message


def test_what_begins_after_the_light_gives_a_warning() -> None:
    """Events, crashes, outages, changes of bandwidth and taps; what begins before gives none."""
    overrides = [
        "events=[{time_s=1, kind='cut', user='bob'}, {time_s=6, kind='repair', user='bob'}]",
        "crashes=[{user='bob', stop_s=2, start_s=9}, {user='bob', stop_s=10, start_s=11}]",
        "classical.outages=[{start_s=5, stop_s=7}, {start_s=4, stop_s=7}]",
        "classical.bandwidth_changes=[{time_s=7.5, bandwidth_bps=1e6}]",
        "taps=[{kind='pass', start_s=8}, {kind='pass'}]",
    ]
    warnings = late_warnings(parse_topology(TWO_USERS, overrides=overrides), 5 * 10**12)
    assert [str(warning) for warning in warnings] == [
        f"{path}: {start_s} s is not before the end of the light, 5 s"
        for path, start_s in (
            ("events.1", "6"),
            ("crashes.1", "10"),
            ("classical.outages.0", "5"),
            ("classical.bandwidth_changes.0", "7.5"),
            ("taps.0", "8"),
        )
    ]


def test_topology_made_in_python_is_checked_like_a_file() -> None:
    """A spec put together by hand gets the same errors, and no warnings beside them."""
    topology = parse_topology(TWO_USERS)
    channels = (topology.qnsp.channels[0], topology.qnsp.channels[0])
    qnsp = topology.qnsp.model_copy(update={"channels": channels})
    checks = check_topology(topology.model_copy(update={"qnsp": qnsp}))
    assert [fault.path for fault in checks.errors] == ["qnsp.channels.1.channel", "users.1"]
    assert checks.warnings == ()


@pytest.mark.parametrize(("tick_ps", "is_coarse"), [(500, False), (501, True)])
def test_coarse_digitisers_are_warned_of(tick_ps: int, *, is_coarse: bool) -> None:
    """A tick above a quarter of the window loses coincidences that the lanes' score does not."""
    overrides = [f"receivers.bench.tick_ps={tick_ps}", "protocol.window_ps=2000"]
    warnings = topology_warnings(parse_topology(TWO_USERS, overrides=overrides))
    found = [warning for warning in warnings if "tick_ps" in str(warning)]
    assert bool(found) is is_coarse


@pytest.mark.parametrize(("delay_ps", "is_distant"), [(100_000, False), (1_000_000, True)])
def test_distant_side_peaks_are_warned_of(delay_ps: int, *, is_distant: bool) -> None:
    """Interferometers of a microsecond are never locked, and that is said beforehand."""
    overrides = [f"receivers.bench.{basis}.delay_ps={delay_ps}" for basis in "zx"]
    warnings = topology_warnings(parse_topology(TWO_USERS, overrides=overrides))
    paths = [warning.path for warning in warnings if "may never lock" in warning.message]
    assert paths == [f"receivers.bench.{basis}.delay_ps" for basis in "zx"] * is_distant


@pytest.mark.parametrize(("factor", "is_bright"), [(4, False), (30, True)])
def test_bright_gaussian_sources_are_warned_of(factor: float, *, is_bright: bool) -> None:
    """2.5 million photons a second make 0.01 in the 4 ns of a bunch; a tenth is bright."""
    overrides = [
        "qnsp.source.statistics=gaussian",
        f"qnsp.source.brightness_hz_per_mw2={5.36e6 * factor}",
    ]
    warnings = topology_warnings(parse_topology(FOUR_USERS, overrides=overrides))
    found = [warning for warning in warnings if "within the 3979 ps" in warning.message]
    assert bool(found) is is_bright
