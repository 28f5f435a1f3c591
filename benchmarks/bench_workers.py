"""Whole runs of four users in one process and in two, by turns: wall time, start included.

Two processes are no faster than the machine has cores that are idle.
"""

import statistics
import time
from collections.abc import Iterator

from figures import Row, at_least, show

import netsim
from netsim.topology.specs import TopologySpec

PAIRS = 3
TIMES = "times as fast"
REAL_TIME = "real time"
"""Simulated seconds per second, of two processes."""
RUNS = (
    ("photon by photon", "photon", 600.0, 60, at_least(TIMES, 1.5)),
    ("coincidence level", "coincidence", 7200.0, 600, at_least(REAL_TIME, 500.0)),
)
"""Name, level, seconds of light and of a round, goal."""


def wall_s(topology: TopologySpec, fidelity: str, light_s: float, workers: int) -> float:
    """Of a whole run."""
    start_s = time.perf_counter()
    netsim.simulate(topology, duration_s=light_s, fidelity=fidelity, workers=workers)
    return time.perf_counter() - start_s


def rows() -> Iterator[Row]:
    """Each level, in pairs."""
    for name, fidelity, light_s, round_s, goal in RUNS:
        topology = netsim.load_topology(
            "fan2025_four_user", overrides=(f"protocol.round_s={round_s}",)
        )
        wall_s(topology, fidelity, 2.0, 1)
        pairs = [
            (wall_s(topology, fidelity, light_s, 1), wall_s(topology, fidelity, light_s, 2))
            for _ in range(PAIRS)
        ]
        two_s = statistics.median(two for _, two in pairs)
        figures = {
            "light [s]": light_s,
            "one [s]": statistics.median(one for one, _ in pairs),
            "two [s]": two_s,
            TIMES: statistics.median(one / two for one, two in pairs),
            REAL_TIME: light_s / two_s,
        }
        yield Row(name, figures, (goal,))


def main() -> None:
    """Print the table."""
    show("two workers, wall time", rows())


if __name__ == "__main__":
    main()
