"""Sources of any number of pumps, of a crystal, of given device numbers."""

import pytest

from netsim.errors import ConfigError
from netsim.topology.load import parse_topology
from netsim.topology.network import build_network
from netsim.topology.processes import PairRule, pair_processes, unusable_labels
from netsim.topology.source import CrystalSourceSpec, RingSourceSpec
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS, damaged

BRIGHTNESS = "brightness_hz_per_mw2 = 5.36e6"
CRYSTAL = """
[qnsp.source]
kind = "spdc"
brightness_hz_per_mw = 2e5
pump_power_mw = 4.0
sum_labels = 80
bandwidth_labels = 30.0
linewidth_hz = 1e11
coupling_loss_db = 3.0
contrast = 0.98
"""


def crystal(*overrides: str) -> str:
    """The two-user network with a crystal instead of the ring."""
    head, _, rest = TWO_USERS.partition("[qnsp.source]")
    _, _, rest = rest.partition("# What the way of a channel")
    return head + CRYSTAL + "".join(f"{line}\n" for line in overrides) + "\n# What" + rest


def rates(text: str, *overrides: str) -> dict[tuple[str, str], float]:
    """Pair rates by channels."""
    processes = pair_processes(parse_topology(text, overrides=overrides))
    return {process.channels: process.rate_hz for process in processes}


def test_one_pump_makes_pairs_about_itself() -> None:
    """With the pump at C40 a channel has one partner only."""
    found = rates(TWO_USERS, 'qnsp.source.pumps=[{channel="C40", power_mw=0.4}]')
    assert list(found) == [("C38", "C42")]
    # m = 1: a quarter of the non-degenerate process of two such pumps.
    assert found["C38", "C42"] == pytest.approx(rates(TWO_USERS)["C38", "C42"] / 4)


def test_three_pumps_make_six_sums() -> None:
    """A channel meets up to six partners; the rates follow from P_i P_j and the factor 4."""
    pumps = "[" + ",".join(
        f'{{channel="C{label}", power_mw={power}}}'
        for label, power in ((34, 0.1), (46, 0.2), (52, 0.3))
    ) + "]"  # fmt: skip
    rule = PairRule.of_ring((34, 46, 52), 2)
    assert sorted(rule.sums) == [68, 80, 86, 92, 98, 104]
    found = rates(TWO_USERS, f"qnsp.source.pumps={pumps}")
    partners = {
        80 - 38: 4 * 0.1 * 0.2, 86 - 38: 4 * 0.1 * 0.3, 92 - 38: 0.2 * 0.2,
        98 - 38: 4 * 0.2 * 0.3, 104 - 38: 0.3 * 0.3, 68 - 38: 0.1 * 0.1,
    }  # fmt: skip
    for partner, weight in partners.items():
        pair = ("C38", f"C{partner}") if partner > 38 else (f"C{partner}", "C38")
        if partner in unusable_labels((34, 46, 52)):
            assert pair not in found
        else:
            assert found[pair] == pytest.approx(5.36e6 * weight * 10 ** (-2 * 1.6 / 10))


def test_equally_spaced_pumps_meet_in_one_sum() -> None:
    """p_1 + p_3 = 2 p_2: unlocked lasers add rates, B (4 P_1 P_3 + P_2^2)."""
    pumps = "[" + ",".join(
        f'{{channel="C{label}", power_mw={power}}}'
        for label, power in ((34, 0.1), (40, 0.2), (46, 0.3))
    ) + "]"  # fmt: skip
    found = rates(TWO_USERS, f"qnsp.source.pumps={pumps}")
    expected = 5.36e6 * (4 * 0.1 * 0.3 + 0.2**2) * 10 ** (-2 * 1.6 / 10)
    assert found["C38", "C42"] == pytest.approx(expected)


def test_stimulated_lines_of_three_pumps() -> None:
    """Every p_i + p_j - p_k carries classical light, that of three different pumps too."""
    lines = unusable_labels((34, 46, 52))
    assert lines[34 + 46 - 52] == "the stimulated line C34 + C46 - C52"
    assert lines[2 * 34 - 46] == "the stimulated line 2 C34 - C46"
    assert lines[46] == "a pump"
    assert set(unusable_labels((34, 46))) == {22, 34, 46, 58}


def test_pairs_of_a_crystal_share_one_sum_and_a_gaussian_spectrum() -> None:
    """R = B P g(spacing): no pump on the grid, nothing stimulated."""
    topology = parse_topology(crystal())
    assert isinstance(topology.qnsp.source, CrystalSourceSpec)
    (process,) = pair_processes(topology)
    assert process.channels == ("C38", "C42")
    assert process.rate_hz == pytest.approx(2e5 * 4.0 * 0.5 ** ((4 / 30) ** 2))
    network = build_network(topology)
    way = network.channel("C38", "alice")
    assert way is not None
    # 3 dB coupling, 1 dB rejection, 2.5 dB channel.
    assert way.provider_transmittance == pytest.approx(10 ** (-0.65))


def test_ring_numbers_give_a_brightness() -> None:
    """Device numbers instead of a brightness; with a radius that fits the comb the same."""
    ring = "ring = {gamma_per_w_m = 1.0, group_index = 2.1}"
    by_comb = rates(damaged(TWO_USERS, BRIGHTNESS, ring))
    by_radius = rates(damaged(TWO_USERS, BRIGHTNESS, ring.replace("}", ", radius_um = 113.602}")))
    assert by_comb["C38", "C42"] == pytest.approx(by_radius["C38", "C42"], rel=1e-4)
    assert 0.2 < by_comb["C38", "C42"] / rates(TWO_USERS)["C38", "C42"] < 0.8


def test_quality_factor_is_a_linewidth() -> None:
    """Q = 967,000 at 193.4 THz is a line of 200 MHz."""
    text = damaged(TWO_USERS, "linewidth_hz = 200e6", "quality_factor = 967000")
    source = parse_topology(text).qnsp.source
    assert isinstance(source, RingSourceSpec)
    assert source.bandwidth_hz == pytest.approx(200e6)


def test_dispersion_weakens_pairs_far_from_the_pumps() -> None:
    """C38&C42 lie 2 modes apart, the pumps 6: nearer pairs lose less than farther ones."""
    override = "qnsp.source.dispersion_hz=1e7"
    flat, curved = rates(FOUR_USERS), rates(FOUR_USERS, override)
    shares = {pair: curved[pair] / flat[pair] for pair in flat}
    assert shares["C38", "C42"] == pytest.approx(1 / (1 + (1e7 / 4 * (2**2 - 6**2) / 2e8) ** 2))
    assert shares["C14", "C54"] < shares["C18", "C50"] < shares["C26", "C42"] < 1


def test_self_pairs_are_half_as_many_and_noisy() -> None:
    """C40 pairs with itself: refused, unless asked for; then both photons land in one channel."""
    text = damaged(TWO_USERS, 'channel = "C38" ', 'channel = "C40" ')
    with pytest.raises(ConfigError, match="C40 pairs with itself"):
        parse_topology(text)
    found = rates(text, "qnsp.source.self_pairs=deliver")
    assert found["C40", "C40"] == pytest.approx(rates(TWO_USERS)["C38", "C42"] / 2)
    assert found["C28", "C40"] == pytest.approx(rates(TWO_USERS)["C38", "C42"] / 4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (BRIGHTNESS, "", "give either brightness_hz_per_mw2 or the numbers of the ring"),
        ("linewidth_hz = 200e6", "", "give either linewidth_hz or quality_factor"),
        ("comb_spacing_labels = 2", 'kind = "laser"', "'laser'"),
        ("power_mw = 0.4", "power_mw = -0.4", "-0.4 is below 0"),
        ("comb_spacing_labels = 2", "comb_spacing_labels = 5", "off the comb"),
        ("contrast = 0.99", "contrast = 1.2", "1.2 is above 1"),
    ],
)
def test_impossible_sources_are_refused(old: str, new: str, message: str) -> None:
    """No brightness, no linewidth, negative power, contrast above 1: each with its reason."""
    with pytest.raises(ConfigError) as caught:
        parse_topology(damaged(TWO_USERS, old, new))
    assert message in str(caught.value)
    assert "source.ring.ring" not in str(caught.value)


def test_unknown_key_of_a_crystal_is_told_with_its_path() -> None:
    """The path is that of the file, and the suggestion one of the crystal's keys."""
    with pytest.raises(ConfigError) as caught:
        parse_topology(crystal("pump_powr_mw = 1.0"))
    (fault,) = caught.value.faults
    assert (fault.path, "pump_power_mw" in fault.message) == ("qnsp.source.pump_powr_mw", True)
