"""Every shipped network end to end: against the twin, in key, and against real time, one thread."""

import time

from figures import Row, at_least, named, show

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
REAL_TIME = "real time"
"""Simulated seconds per second."""
SMALL = 10
"""Users of networks that keep up with it."""


def sigmas(run: Run) -> list[float]:
    """Deviations of all lanes from the twin, sifted bits and error rates."""
    each = ((sifted_sigma(lane), qber_sigma(lane)) for lane in run.lanes)
    return [abs(sigma) for both in each for sigma in both if sigma is not None]


def row(name: str) -> Row:
    """One network's line."""
    duration_s = LIGHT_S[name]
    topology = netsim.load_topology(name)
    start_s = time.perf_counter()
    run = netsim.simulate(topology, duration_s=duration_s, seed=1)
    wall_s = time.perf_counter() - start_s
    deviations = sigmas(run)
    with_key = sum(link.counts.deposited_bits > 0 for link in run.links)
    figures = {
        "users": len(run.users),
        "channels": len(topology.qnsp.channels),
        "lanes": len(run.lanes),
        "sigma": max(deviations),
        "(usual)": usual_largest_sigma(len(deviations)),
        "links": len(run.links),
        "with key": with_key,
        "SKR [bit/s]": run.totals.skr_asymptotic_bps,
        "poorest lane": min(lane.skr_asymptotic_bps for lane in run.lanes),
        "net [bit/s]": run.totals.net_key_bps,
        "wall [s]": wall_s,
        REAL_TIME: duration_s / wall_s,
    }
    return Row(name, figures, (at_least(REAL_TIME, 1.0),) if len(run.users) <= SMALL else ())


def main() -> None:
    """Print the table; names on the command line choose networks."""
    title = "networks; sigma: of the lane farthest from the twin (the usual one of so many)"
    show(title, map(row, named(LIGHT_S)))


if __name__ == "__main__":
    main()
