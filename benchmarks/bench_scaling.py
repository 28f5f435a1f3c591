"""How the cost of a run grows: with photons, with light and with links, as exponents of CPU time.

An exponent is the slope of log CPU over log size, by least squares, with its standard error. Each
point is the least of some runs, in one process that has run before; what a run costs before its
first photon is taken off, as measured by a run of hardly any light.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import netsim
from netsim.topology.specs import TopologySpec

REPEATS = 3
LEAST_S = 0.05
"""Of light: one frame of the network, for what comes before the first photon."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is varied, over which sizes, and where its exponent should lie."""

    name: str
    sizes: Sequence[float]
    run: Callable[[float], tuple[TopologySpec, float, str]]
    """Topology, seconds of light and level of a size."""
    goal: str


def brighter(factor: float) -> tuple[TopologySpec, float, str]:
    """The four users of Fan et al. 2025 with so many times as many pairs, in 4 s of light."""
    overrides = ("protocol.round_s=1", f"qnsp.source.pairs.*.factor={factor}")
    return netsim.load_topology("fan2025_four_user", overrides=overrides), 4.0, "photon"


def longer(duration_s: float) -> tuple[TopologySpec, float, str]:
    """The same network for so long."""
    overrides = ("protocol.round_s=1",)
    return netsim.load_topology("fan2025_four_user", overrides=overrides), duration_s, "photon"


def more_links(users: float) -> tuple[TopologySpec, float, str]:
    """A star of so many users behind one crystal, each two of them a link, for 4 s."""
    spec = netsim.new("star", users=int(users), efficiency=0.2)
    return spec, 4.0, "photon"


def links_of(users: float) -> float:
    """Of a star."""
    return users * (users - 1.0) / 2.0


CASES = (
    Case("photons", (0.5, 1.0, 2.0), brighter, "1.00 +- 0.05"),
    Case("duration", (2.0, 4.0, 8.0), longer, "1.00 +- 0.05"),
    Case("links", (2, 3, 5, 8), more_links, "<= 1.05"),
)


def cpu_s(topology: TopologySpec, duration_s: float, level: str) -> float:
    """The least of some runs."""

    def once() -> float:
        start_s = time.process_time()
        netsim.simulate(topology, duration_s=duration_s, fidelity=level)
        return time.process_time() - start_s

    return min(once() for _ in range(REPEATS))


def slope(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Slope of log cost over log size, and its standard error."""
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    middle, height = math.fsum(x) / len(x), math.fsum(y) / len(y)
    spread = math.fsum((each - middle) ** 2 for each in x)
    found = math.fsum((a - middle) * (b - height) for a, b in zip(x, y, strict=True)) / spread
    left = math.fsum((b - height - found * (a - middle)) ** 2 for a, b in zip(x, y, strict=True))
    return found, math.sqrt(left / (len(x) - 2) / spread)


def main() -> None:
    """Print the table."""
    longer_first = longer(1.0)
    netsim.simulate(longer_first[0], duration_s=1.0)  # compiles, or loads what is compiled
    print("cost by       sizes                 CPU [s]                    exponent       goal")
    for case in CASES:
        costs = []
        for size in case.sizes:
            topology, duration_s, level = case.run(size)
            costs.append(cpu_s(topology, duration_s, level) - cpu_s(topology, LEAST_S, level))
        sizes = [links_of(size) for size in case.sizes] if case.name == "links" else case.sizes
        found, error = slope(sizes, costs)
        shown = ", ".join(f"{size:g}" for size in sizes)
        spent = ", ".join(f"{cost:.2f}" for cost in costs)
        print(
            f"{case.name:12}  {shown:20}  {spent:25}  {found:.2f} +- {error:.2f}   {case.goal}",
            flush=True,
        )


if __name__ == "__main__":
    main()
