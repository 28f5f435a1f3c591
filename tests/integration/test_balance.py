"""The power controller on the four-user network, against the static plan of the paper."""

import pytest

import netsim
from netsim.results.run import Run

CONTROLLER = 'controller={kind="balance-power", step=1.25, rounds=1}'


def poorest_bps(run: Run) -> float:
    """Smallest asymptotic key rate of any link, its lanes together."""
    rates: dict[tuple[str, str], float] = {}
    for lane in run.lanes:
        rates[lane.users] = rates.get(lane.users, 0.0) + lane.skr_asymptotic_bps
    return min(rates.values())


def simulate(*overrides: str, duration_s: float) -> Run:
    """Run with rounds of 15 s."""
    topology = netsim.load_topology(
        "fan2025_four_user", overrides=["protocol.round_s=15", *overrides]
    )
    return netsim.simulate(topology, duration_s=duration_s, seed=5)


@pytest.mark.slow
def test_poorest_link_gains() -> None:
    """Over 300 s, trials included, the poorest link gets at least 1.3 times what the plan gives."""
    static, balanced = simulate(duration_s=300), simulate(CONTROLLER, duration_s=300)
    assert poorest_bps(balanced) > 1.3 * poorest_bps(static)
    assert all(link.counts.blocks_failed <= 1 for link in balanced.links)


@pytest.mark.slow
def test_same_seed_same_trials() -> None:
    """A controller is part of the run: one seed gives one result."""
    runs = [simulate(CONTROLLER, "protocol.round_s=3", duration_s=10) for _ in range(2)]
    summaries = [run.summary() | {"performance": None} for run in runs]
    assert summaries[0] == summaries[1]
