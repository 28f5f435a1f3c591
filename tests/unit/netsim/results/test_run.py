"""Results: rates come from counts, equal parts add up, the summary has the agreed form."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from netsim.results.demand import DemandResult
from netsim.results.fidelity import Fidelity
from netsim.results.parts import LaneResult, TwinResult, UserResult
from netsim.results.provenance import collect_provenance
from netsim.units import PS_PER_S
from tests.unit.netsim.runs import DURATION_PS, made_up_run

SUMMARY_KEYS = [
    "topology",
    "seed",
    "duration_s",
    "fidelity",
    "partial",
    "lanes",
    "links",
    "users",
    "totals",
    "performance",
]
LANE_KEYS = [
    "users",
    "channels",
    "coincidences",
    "sifted_bits",
    "sifted_hz",
    "errors",
    "qber",
    "visibility",
    "bias_bits",
    "chsh",
    "skr_asymptotic_bps",
    "skr_error_bps",
    "twin",
    "paper",
]
LINK_KEYS = [
    "users",
    "blocks",
    "blocks_failed",
    "sifted_bits",
    "leaked_bits",
    "f_measured",
    "f_charged",
    "verification_bits",
    "auth_spent_bits",
    "deposited_bits",
    "net_key_bps",
    "messages",
    "wire_bytes",
    "round_trips",
    "retransmissions",
    "alarms",
    "equal_blocks",
    "unequal_blocks",
    "lone_blocks",
    "settle_ps",
    "sampled_bits",
    "security",
    "epsilon",
    "correctness_epsilon",
    "secrecy_epsilon",
    "failure_probability",
    "assumptions",
    "notes",
    "eve",
]


def test_summary_has_exactly_the_agreed_keys() -> None:
    """Every key of summary.json is there, in its order, and no other."""
    summary = made_up_run().summary()
    assert list(summary) == SUMMARY_KEYS
    assert list(summary["lanes"][0]) == LANE_KEYS
    assert list(summary["lanes"][0]["twin"]) == ["sifted_hz", "qber", "skr_bps"]
    assert list(summary["links"][0]) == LINK_KEYS
    assert list(summary["users"][0]) == ["name", "singles_hz", "detectors_hz"]
    assert list(summary["totals"]) == ["skr_asymptotic_bps", "skr_error_bps", "net_key_bps"]
    assert list(summary["performance"]) == ["wall_s", "tags", "tags_per_s"]


def test_rates_are_counts_over_time() -> None:
    """1733 of 51600 bits in 60 s are wrong: 860/s, 3.36 %, and the key rate of the formula."""
    lane = made_up_run().lanes[0]
    assert lane.sifted_hz == 860.0
    assert lane.qber == 1733 / 51600
    assert lane.visibility == 1 - 2 * 1733 / 51600
    # h(0.0335853) = 0.212064793 in decimal arithmetic of 30 digits.
    assert lane.skr_asymptotic_bps == pytest.approx(860 * (1 - 2.2 * 0.212064793), abs=1e-5)


def test_table_2_key_rate() -> None:
    """N = 858.0 with QBER 3.393 % gives the 454.6 bit/s that Fan et al. 2025 print in Table 2."""
    bits, errors = 858_000_000, 29_111_940
    lane = LaneResult(
        ("C", "D"), ("C50", "C30"), 10**6 * PS_PER_S, bits, bits, errors, TwinResult(0, 0, 0)
    )
    assert lane.skr_asymptotic_bps == pytest.approx(454.6, abs=0.1)


def test_a_lane_without_bits_has_no_qber() -> None:
    """Nothing sifted: QBER and visibility are null, the key rate is zero."""
    entry = made_up_run().summary()["lanes"][1]
    assert entry["qber"] is None
    assert entry["visibility"] is None
    assert entry["skr_asymptotic_bps"] == 0.0


def test_link_figures() -> None:
    """Verified blocks alone count for f; what authentication spent is off the net rate."""
    link = made_up_run().links[0]
    assert link.f_measured == 9_000 / 8_571.5
    assert link.f_charged == 10_000 / 8_571.5
    assert link.net_key_bps == (28_000 - 128) / 60
    without = replace(link, counts=replace(link.counts, shannon_bits=0.0))
    assert without.f_measured is None


def test_results_of_equal_parts_add_up() -> None:
    """Two halves of a run make the whole; parts of different lanes do not add."""
    lane, other = made_up_run().lanes
    both = lane + lane
    assert (both.sifted_bits, both.errors, both.duration_ps) == (103_200, 3_466, 2 * DURATION_PS)
    assert both.sifted_hz == lane.sifted_hz
    assert both.twin == lane.twin
    link = made_up_run().links[0]
    assert (link + link).f_measured == link.f_measured
    with pytest.raises(ValueError, match="channels"):
        _ = lane + other


def test_runs_of_one_network_add_up() -> None:
    """Counts and time double, rates stay, the error of the key shrinks by the root of two."""
    run = made_up_run()
    both = run + replace(run, seed=8, partial=True)
    assert both.seeds == (7, 8)
    assert both.partial
    assert both.duration_ps == 2 * DURATION_PS
    assert both.performance.tags == 2 * run.performance.tags
    assert both.totals.skr_asymptotic_bps == run.totals.skr_asymptotic_bps
    assert both.totals.skr_error_bps == pytest.approx(run.totals.skr_error_bps / np.sqrt(2))
    assert both.totals.net_key_bps == pytest.approx(run.totals.net_key_bps)
    assert both.links[0].settle_ps == run.links[0].settle_ps
    assert [one.counts for one in both.histograms] == [
        tuple(2 * count for count in one.counts) for one in run.histograms
    ]
    assert replace(run, seed=8, histograms=()).__add__(run).histograms == ()
    assert (both + replace(run, seed=9)).seeds == (7, 8, 9)
    assert both.summary()["more_seeds"] == [8]
    assert "seed 7 + 8" in both._repr_html_()


def test_a_link_that_has_not_closed_in_one_run_has_no_time_to_settle() -> None:
    """The longest of both, where both have one."""
    link = replace(made_up_run().links[0], settle_ps=5)
    settled = [(link + replace(link, settle_ps=its_ps)).settle_ps for its_ps in (0, 4, 6)]
    assert settled == [0, 5, 6]


def test_runs_of_other_networks_are_named() -> None:
    """Two names, or one of which the numbers differ; tables of rounds are of each run alone."""
    run = made_up_run()
    changed = replace(run.provenance, topology_sha256="f" * 64)
    other = replace(run, seed=8, provenance=changed)
    with pytest.raises(ValueError, match=f"{run.topology}'s numbers differ"):
        _ = run + other
    with pytest.raises(ValueError, match=f"{run.topology} and lab"):
        _ = run + replace(other, topology="lab")
    with pytest.raises(ValueError, match="those that were added have their own"):
        (run + replace(run, seed=8)).rows("rounds")


def test_a_sum_knows_all_of_its_seeds() -> None:
    """The light of one that came later in it would count twice as well."""
    run = made_up_run()
    later = replace(run, seed=9)
    with pytest.raises(ValueError, match="seed 9"):
        _ = (run + later) + later


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 7}, "seed 7: the same light"),
        ({"fidelity": Fidelity.RATE}, "fidelity"),
        ({"provenance": collect_provenance({"other": 1})}, "networks"),
        ({"demand": DemandResult((), ())}, "applications"),
    ],
)
def test_what_does_not_add_up(change: dict[str, Any], reason: str) -> None:
    """The same light twice, other levels and networks, waits of applications."""
    with pytest.raises(ValueError, match=reason):
        _ = made_up_run() + replace(made_up_run(), **({"seed": 8} | change))


def test_runs_of_a_network_that_changes_are_equally_long() -> None:
    """What the twin expects of another time differs, and is no mean of both: that is said."""
    run = made_up_run()
    changed = replace(run.lanes[0], twin=replace(run.lanes[0].twin, sifted_hz=1.0))
    with pytest.raises(ValueError, match="equally long"):
        _ = run + replace(run, seed=8, lanes=(changed, *run.lanes[1:]))


def test_lanes_without_light_add_up() -> None:
    """An error rate of nothing is undefined in both, and no difference."""
    run = made_up_run()
    runs = [
        replace(run, seed=seed, lanes=(replace(run.lanes[0], twin=nothing), *run.lanes[1:]))
        for seed in (1, 2)
        for nothing in (TwinResult(0.0, float("nan"), 0.0),)
    ]
    assert (runs[0] + runs[1]).lanes[0].summary()["twin"]["qber"] is None


def test_only_runs_add_to_a_run() -> None:
    """As of any type: `sum` needs a first one."""
    run = made_up_run()
    with pytest.raises(TypeError):
        _ = run + 1  # type: ignore[operator]
    assert sum((replace(run, seed=8),), run).seeds == (7, 8)


def test_parts_cover_the_same_time() -> None:
    """A run refuses a part that was measured over another time."""
    run = made_up_run()
    with pytest.raises(ValueError, match="does not cover"):
        replace(run, users=(UserResult("Alice", 1, (1, 0, 0, 0)),))


def test_summary_differs_in_performance_only() -> None:
    """Wall time appears nowhere but in `performance`."""
    run = made_up_run()
    slower = replace(run, performance=replace(run.performance, wall_s=99.0))
    first, second = json.loads(run.summary_json()), json.loads(slower.summary_json())
    assert first.pop("performance") != second.pop("performance")
    assert json.dumps(first) == json.dumps(second)


def test_numpy_counts_are_plain_in_the_summary() -> None:
    """NumPy integers, as kernels return them, do not reach JSON."""
    run = made_up_run()
    numpy_counts: dict[str, Any] = {"sifted_bits": np.int64(51_600), "errors": np.int64(1_733)}
    lane = replace(run.lanes[0], **numpy_counts)
    assert replace(run, lanes=(lane, run.lanes[1])).summary_json() == run.summary_json()


def test_provenance_ignores_the_order_of_keys() -> None:
    """The hash is of canonical JSON: order does not matter, values do."""
    one = collect_provenance({"a": 1, "b": {"c": 2, "d": 3}})
    same = collect_provenance({"b": {"d": 3, "c": 2}, "a": 1})
    other = collect_provenance({"a": 1, "b": {"c": 2, "d": 4}})
    assert one == same
    assert one.topology_sha256 != other.topology_sha256
    assert [name for name, _ in one.versions] == ["python", "numpy", "numba", "qnsp-netsim"]
