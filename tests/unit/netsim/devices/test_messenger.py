"""Messages of relays: when they arrive, and that each does once."""

from dataclasses import replace

import pytest

from netsim.devices.classical import ClassicalPath
from netsim.devices.faults import WireFaults
from netsim.devices.messenger import Messenger
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.relay.courier import Errand
from netsim.simulation.errands import Errands

US = 10**6
PATH = ClassicalPath(latency_ps=5 * US, bandwidth_bps=1e9, jitter_ps=0)


class Bench:
    """Four users in a square, each hop with a latency of its own."""

    def __init__(self, faults: WireFaults | None = None) -> None:
        self.sim = Simulator()
        self.down: set[str] = set()
        self.arrived_ps: list[int] = []
        links = (("ann", "bob"), ("bob", "dan"), ("ann", "cleo"), ("cleo", "dan"))
        path = PATH if faults is None else replace(PATH, faults=faults)
        paths = {
            users: replace(path, latency_ps=factor * path.latency_ps)
            for factor, users in enumerate(links, start=1)
        }
        is_up = lambda user: user not in self.down  # noqa: E731
        self.messenger = Messenger(self.sim, paths, RngTree(1), is_up)

    def arrive(self) -> None:
        """Put the time down."""
        self.arrived_ps.append(self.sim.now_ps)

    def send(self, *hop: str, size_bytes: int = 1000) -> list[int]:
        """When a message arrives, within a minute."""
        one, other = hop
        self.messenger.send((one, other), size_bytes, self.arrive)
        self.sim.run(until=60 * 10**12)
        return self.arrived_ps


def test_latency_and_bandwidth() -> None:
    """Of the link, whoever sends: 1000 bytes at 1 Gbit/s are 8 us."""
    assert Bench().send("ann", "bob") == [13 * US]
    assert Bench().send("dan", "cleo") == [28 * US]


@pytest.mark.parametrize("faults", [{"loss_probability": 0.7}, {"duplication_probability": 1.0}])
def test_each_arrives_once(faults: dict[str, float]) -> None:
    """Sent again until it does; of two copies one counts."""
    bench = Bench(WireFaults(**faults))  # type: ignore[arg-type]  # names of numbers
    for _ in range(30):
        bench.messenger.send(("ann", "bob"), 100, bench.arrive)
    bench.sim.run(until=1000 * 10**12)
    assert len(bench.arrived_ps) == 30


def test_an_outage_holds_up() -> None:
    """What leaves within it is lost; it is sent again after 50 ms, then after twice that."""
    bench = Bench(WireFaults(outages=((0, 10**11),)))
    patience_ps = 4 * 5 * US + 5 * 10**10
    assert bench.send("ann", "bob") == [3 * patience_ps + 13 * US]


def test_who_is_down_takes_nothing_in() -> None:
    """Until it is up again."""
    bench = Bench()
    bench.down.add("bob")
    bench.sim.call_at(10**11, bench.down.clear)
    (arrived_ps,) = bench.send("ann", "bob")
    assert arrived_ps > 10**11


def test_an_errand_goes_hop_by_hop_and_back() -> None:
    """As slow as its slowest path, and the answer comes back along the first one."""
    bench = Bench()
    errand = Errand((("ann", "bob", "dan"), ("ann", "cleo", "dan")), ((125, 250), (125, 250)), 125)
    found: list[int] = []
    Errands(bench.sim, bench.messenger)(errand, 0, found.append)
    bench.sim.run(until=10**12)
    over_cleo_us = 15 + 1 + 20 + 2
    back_over_bob_us = 10 + 1 + 5 + 1
    assert found == [(over_cleo_us + back_over_bob_us) * US]
    bench = Bench()
    found = []
    errand = Errand((("ann", "bob", "dan"),), ((125, 250),), 125)
    Errands(bench.sim, bench.messenger)(errand, 0, found.append)
    bench.sim.run(until=10**12)
    assert found == [(5 + 2 + 10 + 3 + back_over_bob_us) * US]
