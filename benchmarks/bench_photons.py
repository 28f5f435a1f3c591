"""The photon level, from emission to time tags: tags per second beside the goal, one thread."""

import time
from collections.abc import Callable

import netsim
from netsim.devices.world import Stage, build_world
from netsim.frames import ClickFrame
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.simulation.scoring import LaneScorer
from netsim.topology.network import Network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.units import ps_from_s

DURATION_S = 10.0
REPEATS = 5
GOAL_TAGS_PER_S = 15e6
LIMIT_TAGS_PER_S = 34e6
"""What a single hand-fused kernel of this network reaches, nothing carried over frame edges."""

Score = Callable[[str, ClickFrame], None]


def run(topology: TopologySpec, score: Score, duration_s: float) -> tuple[int, float]:
    """Tags made and seconds taken."""
    sim, duration_ps = Simulator(), ps_from_s(duration_s)
    world = build_world(
        Stage(
            sim,
            Timeline(topology, stop_ps=duration_ps),
            RngTree(1),
            duration_ps=duration_ps,
            on_tags=lambda _user, _frame: None,
            on_clicks=score,
        )
    )
    finished = world.start()
    start_s = time.perf_counter()
    sim.run(until=finished)
    return sum(world.singles.values()), time.perf_counter() - start_s


def scorer_of_all_links(network: Network) -> Score:
    """Scoring of every lane of every link."""
    scorers = [(users, LaneScorer(network, users)) for users in network.links]

    def score(user: str, frame: ClickFrame) -> None:
        for users, scorer in scorers:
            if user in users:
                scorer.add(user, frame)

    return score


def main() -> None:
    """Print the table."""
    topology = netsim.load_topology("fan2025_four_user")
    network = Timeline(topology, stop_ps=ps_from_s(DURATION_S)).network_at(0)
    print(f"photon level of {topology.name}, {DURATION_S:.0f} s of light")
    print("                    Mtag/s  goal  of the limit  real time")
    for name, make_score in (
        ("emission to tags", lambda: lambda _user, _frame: None),
        ("with scoring", lambda: scorer_of_all_links(network)),
    ):
        run(topology, make_score(), 0.1)
        tags, best_s = min(
            (run(topology, make_score(), DURATION_S) for _ in range(REPEATS)), key=lambda r: r[1]
        )
        rate = tags / best_s
        print(
            f"{name:18}  {rate / 1e6:6.1f}  {GOAL_TAGS_PER_S / 1e6:4.0f}"
            f"  {rate / LIMIT_TAGS_PER_S:12.0%}  {DURATION_S / best_s:8.0f}x"
        )


if __name__ == "__main__":
    main()
