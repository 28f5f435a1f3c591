"""The rate level on one core: four users for 30 days, and 200 users with 19,900 links for 7 days.

The large network is that of Liu et al. 2022, drawn wider: ten subnets of twenty users behind
splitters, a pair of channels in each and between each two. Each case runs in a process of its own,
for its memory.
"""

import multiprocessing
import resource
import tempfile
import time
from itertools import combinations
from pathlib import Path

from figures import Row, at_most, named, show

import netsim
from netsim.topology.specs import TopologySpec

HOURLY = "protocol.round_s=3600"
CENTRE = 60
"""Label about which the pairs of the large network lie."""
GOALS = {
    "four users, 30 d": (at_most("CPU [s]", 10.0),),
    "200 users, 7 d": (at_most("CPU [s]", 300.0), at_most("peak [MB]", 2000.0)),
}


def four_users() -> TopologySpec:
    """The network of Fan et al. 2025."""
    return netsim.load_topology("fan2025_four_user", overrides=(HOURLY,))


def many_users(subnets: int = 10, users: int = 20, power_mw: float = 6.0) -> TopologySpec:
    """So many subnets of so many users; brighter, for splitters divide by more."""
    spec = netsim.load_topology("liu2022", overrides=(HOURLY,)).model_dump(mode="json")
    names = [[f"s{subnet}u{user}" for user in range(users)] for subnet in range(subnets)]
    ends = [(one, one) for one in range(subnets)] + list(combinations(range(subnets), 2))
    channel, user = spec["qnsp"]["channels"][0], spec["users"][0]
    spec["qnsp"]["channels"] = [
        channel | {"channel": f"C{CENTRE + side * distance}", "users": names[subnet]}
        for distance, pair in enumerate(ends, start=1)
        for side, subnet in zip((-1, 1), pair, strict=True)
    ]
    spec["qnsp"]["source"] |= {"sum_labels": 2 * CENTRE, "pump_power_mw": power_mw}
    spec["users"] = [user | {"name": name} for subnet in names for name in subnet]
    return TopologySpec.model_validate(spec | {"name": f"{subnets * users}_users", "paper": None})


def measure(name: str) -> Row:
    """One case, in this process."""
    is_large = name.startswith("200")
    topology, days = (many_users(), 7) if is_large else (four_users(), 30)
    start_s, cpu_s = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run = netsim.simulate(topology, duration_s=f"{days}d", fidelity="rate", out=folder)
        book_mb = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - start_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    rounds = sum(link.counts.blocks for link in run.links)
    figures = {
        "links": len(run.links),
        "rounds": rounds,
        "CPU [s]": cpu_s,
        "wall [s]": wall_s,
        "peak [MB]": peak_mb,
        "on disk [MB]": book_mb,
        "net [bit/s]": run.totals.net_key_bps,
    }
    return Row(name, figures, GOALS[name])


def apart(name: str) -> Row:
    """One case, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (name,))


def main() -> None:
    """Print the table; names on the command line choose cases."""
    show("rate level", map(apart, named(GOALS)))


if __name__ == "__main__":
    main()
