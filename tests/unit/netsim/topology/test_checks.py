"""Warnings: what is allowed but unwise."""

import pytest

from netsim.topology.checks import check_topology
from netsim.topology.load import parse_topology
from netsim.topology.unwise import topology_warnings
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS


@pytest.mark.parametrize(
    ("delay_ps", "distance_ps"),
    # Besides the patch fibre, dispersion parts the lanes by 107.6 ps (D L d_lambda).
    [
        (0, None),
        (600, 708),
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


def test_short_interferometer_gives_a_warning() -> None:
    """Own side peaks 7.5 ns from the centre are long enough for the photon, but still leak."""
    overrides = ["receivers.bench.z.delay_ps=7500", "receivers.bench.x.delay_ps=7500"]
    (warning,) = topology_warnings(parse_topology(TWO_USERS, overrides=overrides))
    assert "lie 7500 ps apart" in warning.message
    assert warning.path == "receivers.bench.z.delay_ps"


def test_users_without_a_lane_give_a_warning() -> None:
    """C38 and C44 add up to no two pumps; the path is that of the later user."""
    topology = parse_topology(TWO_USERS, overrides=["qnsp.channels.C42.channel=C44"])
    (warning,) = topology_warnings(topology)
    assert warning.path == "users.1"
    assert warning.message.startswith("no lane between alice and bob")


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
