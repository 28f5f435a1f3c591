"""The photon level: tags per second of CPU beside what the limit kernel makes, in pairs.

The first lock of all clocks is in the whole run: it costs as much whatever the length of the run,
so a short and a long one are measured.
"""

import statistics
from collections.abc import Callable, Iterator
from functools import partial

from figures import Row, at_least, show
from limit import Limit, tags_per_cpu_s

import netsim
from netsim.devices.world import Stage, build_world
from netsim.frames import ClickFrame
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.simulation.counters import Counters
from netsim.simulation.scoring import build_scorers
from netsim.topology.network import Network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.twin.cadence import photon_cadence
from netsim.units import ps_from_s

LIGHT_S, LONG_S = 20.0, 180.0
PAIRS = 3
SHARE = "of the limit"

Score = Callable[[str, ClickFrame], None]


def nobody(_user: str, _frame: ClickFrame) -> None:
    """Scores nothing."""


def run(topology: TopologySpec, score: Score, light_s: float) -> tuple[int]:
    """Tags made of so much light."""
    sim, duration_ps = Simulator(), ps_from_s(light_s)
    world = build_world(
        Stage(
            sim,
            Timeline(topology, stop_ps=duration_ps),
            RngTree(1),
            duration_ps=duration_ps,
            frame_ps=photon_cadence(topology).frame_ps,
            on_tags=lambda _user, _frame: None,
            on_clicks=score,
        )
    )
    sim.run(until=world.start())
    return (sum(world.singles.values()),)


def scorer_of_all_links(network: Network) -> Score:
    """Scoring of every lane of every link."""
    scorers = build_scorers(network, network.topology)
    return Counters([user.name for user in network.topology.users], scorers.items()).add


def rows() -> Iterator[Row]:
    """Each stage, in pairs with the limit kernel."""
    topology = netsim.load_topology("fan2025_four_user")
    network = Timeline(topology, stop_ps=ps_from_s(LIGHT_S)).network_at(0)
    limit = Limit.of(topology)

    def scored(light_s: float) -> tuple[int]:
        return run(topology, scorer_of_all_links(network), light_s)

    def whole(light_s: float) -> tuple[int]:
        return (netsim.simulate(topology, duration_s=light_s).performance.tags,)

    for name, work, light_s, goal in (
        ("emission to tags", partial(run, topology, nobody), LIGHT_S, None),
        ("with scoring", scored, LIGHT_S, None),
        ("whole run, with protocol and pools", whole, LIGHT_S, at_least(SHARE, 0.5)),
        (f"whole run of {LONG_S:.0f} s", whole, LONG_S, at_least(SHARE, 0.5)),
    ):
        work(0.5)
        pairs = [
            (tags_per_cpu_s(limit.run, LIGHT_S), tags_per_cpu_s(work, light_s))
            for _ in range(PAIRS)
        ]
        figures = {
            "Mtag/s": statistics.median(speed for _, speed in pairs) / 1e6,
            "limit Mtag/s": statistics.median(most for most, _ in pairs) / 1e6,
            SHARE: statistics.median(speed / most for most, speed in pairs),
        }
        yield Row(name, figures, (goal,) if goal else ())


def main() -> None:
    """Print the table."""
    show(f"photon level of four users, {LIGHT_S:.0f} s of light, CPU of one thread", rows())


if __name__ == "__main__":
    main()
