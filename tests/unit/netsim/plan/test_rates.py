"""The closed form of the twin against the twin, and a climb against a recount."""

from dataclasses import replace

import numpy as np
import pytest

import netsim
from netsim.plan.allocation import wanted_indices
from netsim.plan.climb import Hill, Spot, best_power_mw, climb, score, value_bps, wander
from netsim.plan.comb import NOBODY, build_comb
from netsim.plan.fewest import Effort, some_channels
from netsim.plan.hardware import Hardware
from netsim.plan.rates import build_rates
from netsim.plan.sites import central_sites, neighbours_among
from netsim.plan.standing import new_standing, refresh
from netsim.plan.topology import link_rates_bps, planned_topology
from netsim.topology.load import topology_from_mapping
from tests.support.slow import slow_but
from tests.unit.netsim.plan.requests import bench, everyone, names

TOLERANCE = 1e-3
"""Of the closed form against the twin."""
SEVERAL_TOLERANCE = 0.01
"""The same of a link of several lanes, whose pairs silence each other's clicks in the twin only."""


def uneven_hardware(statistics: str = "poisson") -> Hardware:
    """Users and detectors that differ in everything the twin knows."""
    raw = netsim.load_topology("fan2025_structured").model_dump()
    detector = raw["receivers"]["bench"]["detectors"][0]
    four = [
        detector | {"efficiency": efficiency, "dark_rate_hz": dark_hz, "jitter_fwhm_ps": jitter_ps}
        for efficiency, dark_hz, jitter_ps in ((0.8, 100.0, 70.0), (0.5, 900.0, 300.0))
    ]
    four += [four[0] | {"afterpulse_probability": 0.02, "afterpulse_decay_ps": 50_000.0}, four[1]]
    other = raw["receivers"]["bench"] | {"detectors": four, "z_probability": 0.7}
    other["z"] = other["z"] | {"delay_ps": 10_100.0, "phase_rad": 0.1, "contrast": 0.97}
    other["x"] = other["x"] | {"phase_noise_rad": 0.1, "path_error_ps": 0.05}
    raw["receivers"]["other"] = other
    for user in raw["users"][1::2]:
        user["receiver"] = "other"
        user["fibre"]["extra_loss_db"] = 0.7
    raw["qnsp"]["source"] |= {"dispersion_hz": 3e6, "statistics": statistics}
    raw["qnsp"]["source"]["pumps"][0]["frequency_noise_hz"] = 1e6
    for channel in raw["qnsp"]["channels"]:
        channel["noise_hz_per_mw"] = 4e4
    raw["paper"] = None
    raw["receivers"]["bench"]["z_probability"] = 0.7
    raw["protocol"]["basis"] = "biased"
    template = topology_from_mapping({k: v for k, v in raw.items() if v is not None})
    lengths_m = {f"u{k}": 3000.0 * k for k in range(6)}
    return Hardware(template, {98: 1.0, 107: 5.5}, 2.0, lengths_m)


@pytest.mark.parametrize("pumps", [(100,), (100, 101), (100, 104), (99, 100, 101), (99, 100, 102)])
@pytest.mark.parametrize("self_paired", [False, True])
def test_closed_form_agrees_with_the_twin(pumps: tuple[int, ...], self_paired: bool) -> None:
    """Every link's key rate is that of `predict` within 1e-3, at a low and a high power.

    That of a link of several lanes is at most that, and a hundredth less at least.
    """
    hardware, request = uneven_hardware(), everyone(6, pumps=pumps)
    comb = build_comb(pumps, 1, (0, 200), allow_self_paired=self_paired)
    allocation = some_channels(request, comb, 12, 40, Effort())
    assert allocation is not None
    sites = np.flatnonzero(allocation.owners != NOBODY)
    rates = build_rates(hardware, comb, sites, request.users)
    for power_mw in (0.05, 0.3):
        _, prediction = planned_topology(
            hardware, request.users, allocation, power_mw, name="test", description=""
        )
        standing = new_standing(allocation.owners[sites], 6)
        refresh(np.arange(6), standing, rates, neighbours_among(comb, sites), power_mw)
        links_bps = link_rates_bps(prediction)
        assert len(links_bps) == 15
        assert max(links_bps.values()) > 1.0
        for (one, other), twin_bps in links_bps.items():
            place = int(one[1:]), int(other[1:])
            found_bps, is_alone = standing.links_bps[place], standing.lanes[place] == 1
            less = TOLERANCE if is_alone else SEVERAL_TOLERANCE
            assert (1 - less) * twin_bps - 1e-3 <= found_bps <= (1 + TOLERANCE) * twin_bps + 1e-3
        for k, user in enumerate(request.users):
            twin_hz = prediction.user(user).live_hz
            assert standing.clicks_hz[k].sum() == pytest.approx(twin_hz, rel=TOLERANCE)


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize(
    "pumps",
    slow_but(((100, 101),), ((100, 101), (100, 104), (99, 100, 101), (99, 100, 102))),
)
def test_bunches_agree_with_the_twin(pumps: tuple[int, ...], *, long: bool) -> None:
    """Links have the key of `predict`, and less where patch or long fibres part bunches."""
    hardware, request = uneven_hardware("gaussian"), everyone(6, pumps=pumps)
    if not long:
        hardware = replace(hardware, lengths_m={f"u{k}": 10.0 * k for k in range(6)})
    comb = build_comb(pumps, 1, (0, 200))
    allocation = some_channels(request, comb, 12, 40, Effort())
    assert allocation is not None
    sites = np.flatnonzero(allocation.owners != NOBODY)
    rates = build_rates(hardware, comb, sites, request.users)
    standing = new_standing(allocation.owners[sites], 6)
    refresh(np.arange(6), standing, rates, neighbours_among(comb, sites), 0.2)
    topology, prediction = planned_topology(
        hardware, request.users, allocation, 0.2, name="t", description=""
    )
    parted = {spec.user for spec in topology.qnsp.channels if spec.patch_delay_ps}
    seen = 0
    for users, twin_bps in link_rates_bps(prediction).items():
        one, other = (int(user[1:]) for user in users)
        found_bps = standing.links_bps[one, other]
        assert found_bps <= twin_bps * (1 + TOLERANCE) + 1e-3
        if not long and not parted & set(users):
            assert found_bps == pytest.approx(twin_bps, rel=TOLERANCE, abs=1e-3)
            lanes = [lane for lane in prediction.lanes if lane.users == users]
            seen += any(lane.bunched_hz > 1e-3 * lane.sifted_hz for lane in lanes)
    assert long or seen > 0


def small_hill(*, is_total: bool = False) -> tuple[Hill, Spot]:
    """Five unlike users on a few more labels than they need."""
    lengths_m = {name: 4000.0 * k for k, name in enumerate(names(5))}
    hardware, request = replace(bench(), lengths_m=lengths_m), everyone(5)
    comb = build_comb((100, 101), 1, (0, 200))
    allocation = some_channels(request, comb, 10, 10, Effort())
    sites = central_sites(comb, 13)
    assert allocation is not None
    assert sites is not None
    hill = Hill(
        rates=build_rates(hardware, comb, sites, request.users),
        neighbours=neighbours_among(comb, sites),
        wanted=np.array(wanted_indices(request)),
        weights=np.linspace(1.0, 2.0, 10),
        is_total=is_total,
        most_channels=12,
        is_power_free=True,
    )
    owners = allocation.owners[sites]
    return hill, Spot(np.where(owners == NOBODY, 5, owners), 0.1)


def test_a_standing_after_many_moves_is_that_of_a_recount() -> None:
    """Whatever moves were kept and undone, everything that follows from the owners is right."""
    hill, spot = small_hill()
    standing = new_standing(spot.owners, 5)
    refresh(np.arange(5), standing, hill.rates, hill.neighbours, spot.power_mw)
    now = np.array([spot.power_mw, score(standing, hill, 8.0)])
    best, top = spot.owners.copy(), now.copy()
    wander(np.random.default_rng(3), standing, hill, now, best, top, 4000, 8.0, 0.5, 1.0)
    fresh = new_standing(standing.owners, 5)
    refresh(np.arange(5), fresh, hill.rates, hill.neighbours, now[0])
    for kept, counted in zip(standing, fresh, strict=True):
        np.testing.assert_allclose(kept, counted, rtol=1e-12)
    assert score(fresh, hill, 8.0) == pytest.approx(now[1], abs=1e-12)
    assert now[0] != spot.power_mw
    assert not np.array_equal(standing.owners, spot.owners)
    assert np.count_nonzero(standing.owners != 5) <= 12


@pytest.mark.parametrize("is_total", [False, True])
def test_a_climb_goes_up(is_total: bool) -> None:
    """A climb ends higher than the best power of its start, and its pairs all have a lane."""
    hill, spot = small_hill(is_total=is_total)
    start = Spot(spot.owners, best_power_mw(hill, spot.owners))
    end = climb(np.random.default_rng(1), hill, start, 8000, Effort())
    assert value_bps(hill, end) > 1.01 * value_bps(hill, start) > 0.0


def test_no_power_is_better_than_the_best() -> None:
    """Golden section finds the power that a fine scan finds."""
    hill, spot = small_hill()
    best_mw = best_power_mw(hill, spot.owners)
    scan = [value_bps(hill, Spot(spot.owners, best_mw * 1.02**k)) for k in range(-40, 41)]
    assert value_bps(hill, Spot(spot.owners, best_mw)) >= max(scan) * (1 - 1e-6)


def test_a_pair_without_a_lane_is_no_plan() -> None:
    """The value of an allocation that leaves a wanted pair out is below every other."""
    hill, spot = small_hill()
    owners = np.where(spot.owners == 0, 5, spot.owners)
    assert value_bps(hill, Spot(owners, 0.1)) == -1.0
