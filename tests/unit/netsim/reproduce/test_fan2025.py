"""Items of Fan et al. 2025: set-ups that a loader would accept, figures that the text prints."""

import math
from itertools import combinations

import pytest

from netsim.reproduce.fan2025 import PAPER
from netsim.reproduce.fan2025.bench import (
    bare_bench,
    calibrated,
    channel_loss_db,
    fringe_bench,
    structured,
    with_channels,
)
from netsim.reproduce.fan2025.fig4_power import VISIBILITY_LIMIT, table_2_row
from netsim.reproduce.fan2025.paper import CLASS_MEANS, FRINGES, LIMIT_VISIBILITY, table_1
from netsim.reproduce.fan2025.pumps import partners
from netsim.reproduce.fan2025.schemes import SCHEMES, THREE_PUMPS_4, TWO_PUMPS_6
from netsim.reproduce.item import Item
from netsim.studies.shots import Shot
from netsim.topology.checks import check_topology
from netsim.topology.network import build_network
from netsim.topology.processes import pair_processes
from netsim.twin.coincidences import detector_rates_hz
from netsim.twin.prediction import predict

ITEMS = {item.name: item for item in PAPER.items}


def some_shots(item: Item) -> list[Shot]:
    """First and last: the others differ by a number."""
    shots = item.shots()
    return [shots[0], shots[-1]]


def test_all_that_the_issue_names_is_there() -> None:
    """Figures 3a to 3g, 4a to 4c, both tables and the four of the discussion, in order."""
    figures = [f"fig3{letter}" for letter in "abcdefg"]
    keys = ["fig4a", "fig4b", "fig4c", "table2"]
    discussion = ["single_pump", "window", "coherence_time", "three_pumps"]
    assert list(ITEMS) == [*figures, "table1", *keys, *discussion]


@pytest.mark.parametrize("name", ITEMS)
def test_set_ups_are_valid_topologies(name: str) -> None:
    """Every set-up passes the checks that a file must pass, and survives its own JSON.

    But one: a bench distils no key, and so may leave a basis without light.
    """
    for shot in some_shots(ITEMS[name]):
        errors = check_topology(shot.topology).errors
        assert [e for e in errors if "leaves one basis without light" not in e.message] == []
        assert errors == () or shot.topology.name == "bench"
        copy = type(shot.topology).model_validate_json(shot.topology.model_dump_json())
        assert copy == shot.topology


def test_table_1_is_that_of_the_paper() -> None:
    """24 pairs, 16 degenerate, each by energy conservation; the printed means are their means."""
    rows = table_1()
    sums = {"2p1": 68, "2p2": 92, "p1+p2": 80}
    assert len(rows) == len({row.pair for row in rows}) == 24
    for row in rows:
        assert sum(int(channel[1:]) for channel in row.channels) == sums[row.process]
    for kind, printed in CLASS_MEANS.items():
        of_kind = [row.visibility for row in rows if row.kind == kind]
        assert sum(of_kind) / len(of_kind) == pytest.approx(printed, abs=5e-4)
    printed_pairs = {row.channels: row.visibility for row in rows}
    assert {pair: printed_pairs[pair] for pair in FRINGES} == FRINGES


def test_benches_have_the_losses_of_the_network() -> None:
    """A fringe bench registers the photons that the network's user would, channel by channel."""
    network = build_network(calibrated())
    for one, other in combinations([way.channel for way in network.channels], 2):
        bench = build_network(fringe_bench(calibrated(), (one, other), (0.0, 0.0)))
        for way in bench.channels:
            (same,) = (w for w in network.channels if w.channel == way.channel)
            assert way.transmittance == pytest.approx(same.transmittance, rel=1e-6)


def test_bare_detectors_lose_no_light_in_interferometers() -> None:
    """Twice the transmittance (3 dB less), 100 dark counts in all, all pairs in one peak."""
    fringe = build_network(fringe_bench(calibrated(), ("C38", "C42"), (0.0, 0.0)))
    bare = build_network(bare_bench(calibrated(), ("C38", "C42")))
    gain = 10**0.3
    for one, other in zip(bare.channels, fringe.channels, strict=True):
        assert one.transmittance == pytest.approx(gain * other.transmittance, rel=1e-6)
    true_hz, _ = detector_rates_hz(bare, bare.lanes[0])
    behind_hz, _ = detector_rates_hz(fringe, fringe.lanes[0])
    assert true_hz.sum() == pytest.approx(2.0 * gain**2 * behind_hz.sum(), rel=0.01)
    dark = bare_bench(calibrated(), ("C38",)).receivers["C38"].each_detector
    assert sum(detector.dark_rate_hz for detector in dark) == 100.0


def test_channels_that_are_not_delivered_have_the_mean_loss() -> None:
    """C12 gets the mean of the six losses in dB, fibre included."""
    delivered = [spec.channel for spec in structured().qnsp.channels]
    losses = [channel_loss_db(structured(), channel) for channel in delivered]
    assert channel_loss_db(structured(), "C12") == pytest.approx(sum(losses) / 6)
    assert channel_loss_db(structured(), "C38") == pytest.approx(2.280107 + 0.2)


def test_ring_partners_outside_the_table_are_counted() -> None:
    """C12 and C56 of Table 1: their partners C68, C80 and C36 make singles, too."""
    bench = fringe_bench(structured(), ("C12", "C56"), (0.0, 0.0))
    assert {process.channels for process in pair_processes(bench)} == {
        ("C12", "C56"), ("C12", "C68"), ("C12", "C80"), ("C24", "C56"), ("C36", "C56"),
    }  # fmt: skip


def test_a_channel_that_pairs_with_itself_is_delivered_for_table_1() -> None:
    """C28&C40: both photons of C40 + C40 arrive in C40, and count twice there."""
    bench = fringe_bench(structured(), ("C28", "C40"), (0.0, 0.0))
    processes = {process.channels: process.rate_hz for process in pair_processes(bench)}
    assert processes["C40", "C40"] == pytest.approx(processes["C28", "C52"] / 2)
    singles = {user.name: user.singles_hz for user in predict(build_network(bench)).users}
    assert singles["C40"] == pytest.approx(singles["C28"], rel=1e-3)


def test_leaving_out_what_others_get_changes_nothing_for_bob_and_dave() -> None:
    """The lane C42&C26 is predicted alike with three channels and with all six."""
    alone = predict(build_network(with_channels(calibrated(), ("C42", "C30", "C26"))))
    whole = predict(build_network(calibrated()))
    assert alone.lane(("C42", "C26")) == whole.lane(("C42", "C26"))
    assert table_2_row().skr_bps == 22.9


def test_the_limit_is_the_printed_one() -> None:
    """1 - 2.2 h((1 - V) / 2) = 0 at 80.9 %."""
    assert pytest.approx(LIMIT_VISIBILITY, abs=5e-4) == VISIBILITY_LIMIT


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_connects_all_four_users(name: str) -> None:
    """Six links, whatever the number of pumps; equal total power, whatever their number."""
    scheme = SCHEMES[name]
    network = build_network(scheme.topology(0.8))
    assert len(network.links) == 6
    pumps = scheme.topology(0.8).qnsp.source
    assert math.fsum(p.power_mw for p in getattr(pumps, "pumps", ())) == pytest.approx(0.8)


def test_a_channel_pairs_with_three_others_or_five() -> None:
    """Two pumps: three states on a channel, as the paper says; three equally spaced ones: five."""
    assert partners(TWO_PUMPS_6) == 3
    assert partners(THREE_PUMPS_4) == 5
