"""Every shipped network end to end: against the twin, in key, and against real time, one thread."""

import sys
import time

import netsim
from netsim.report.excerpt import usual_largest_sigma
from netsim.results.deviation import qber_sigma, sifted_sigma
from netsim.results.run import Run

LIGHT_S = {
    "appas2021": 60,
    "fan2025_structured": 30,
    "joshi2020": 10,
    "liu2022": 6,
    "liu2024": 30,
    "one_pump_12_channels": 30,
    "ten_users_by_key": 60,
    "three_pumps": 60,
    "time_sharing": 30,
    "wengerowsky2018": 10,
}
"""Seconds of light, enough for every link (of 780, nearly every one) to make key."""
GOAL_REAL_TIME = 1.0
"""Simulated seconds per second, for networks of up to ten users."""


def sigmas(run: Run) -> list[float]:
    """Deviations of all lanes from the twin, sifted bits and error rates."""
    each = ((sifted_sigma(lane), qber_sigma(lane)) for lane in run.lanes)
    return [abs(sigma) for both in each for sigma in both if sigma is not None]


def row(name: str, duration_s: int) -> str:
    """One network's line."""
    topology = netsim.load_topology(name)
    start_s = time.perf_counter()
    run = netsim.simulate(topology, duration_s=duration_s, seed=1)
    wall_s = time.perf_counter() - start_s
    deviations = sigmas(run)
    with_key = sum(link.counts.deposited_bits > 0 for link in run.links)
    goal = f"{GOAL_REAL_TIME:.0f}" if len(run.users) <= 10 else "-"
    return (
        f"{name:20} {len(run.users):5} {len(topology.qnsp.channels):8} {len(run.lanes):5}"
        f" {max(deviations):6.1f} ({usual_largest_sigma(len(deviations)):.1f})"
        f" {with_key:4}/{len(run.links):<4} {run.totals.skr_asymptotic_bps:8.0f}"
        f" {min(lane.skr_asymptotic_bps for lane in run.lanes):7.1f}"
        f" {run.totals.net_key_bps:8.0f} {wall_s:6.1f} {duration_s / wall_s:6.2f}  {goal}"
    )


def main() -> None:
    """Print the table; names on the command line choose networks."""
    print("sigma: of the lane farthest from the twin; (the usual one of so many)")
    print("                                             links    total  poorest      net")
    print("network              users channels lanes      sigma  with key    SKR     lane")
    print("                                                      [bit/s]  [bit/s]  [bit/s]")
    for name in sys.argv[1:] or LIGHT_S:
        print(row(name, LIGHT_S[name]), flush=True)


if __name__ == "__main__":
    main()
