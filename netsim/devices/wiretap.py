"""A wire with somebody on it: what a chain of taps forwards goes on to the channel, in its time."""

from collections.abc import Callable, Sequence
from functools import partial

from netsim.devices.classical import DatagramSink
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.taps.chain import tap_chains
from netsim.taps.tap import TapPlan, Wire
from protocols.messages import Role

Seer = Callable[[bytes, int], list[tuple[int, bytes]]]
"""Takes a datagram and the simulated time, returns delays in ps and datagrams."""


class Wiretap:
    """Sits between an endpoint and its channel, below retransmission.

    Parameters
    ----------
    sim : Simulator
        Simulated time.
    send : callable
        Puts a datagram on the channel.

    Attributes
    ----------
    see : callable
        Decides what becomes of a datagram; at first everything passes.
    """

    def __init__(self, sim: Simulator, send: DatagramSink) -> None:
        self.see: Seer = lambda datagram, _now_ps: [(0, datagram)]
        self._sim = sim
        self._send = send

    def send(self, datagram: bytes) -> None:
        """Take a datagram from the endpoint."""
        for delay_ps, forwarded in self.see(datagram, self._sim.now_ps):
            self.inject(forwarded, delay_ps)

    def inject(self, datagram: bytes, delay_ps: int) -> None:
        """Put ``datagram`` on the channel after ``delay_ps`` (>= 0), past all taps."""
        if delay_ps == 0:
            self._send(datagram)
            return
        self._sim.call_at(self._sim.now_ps + delay_ps, partial(self._send, datagram))


class Wiretaps:
    """The attackers of a whole network.

    Parameters
    ----------
    sim : Simulator
        Simulated time.
    plans : sequence of TapPlan
        Who sits where; without any of them no wire is touched.
    """

    def __init__(self, sim: Simulator, plans: Sequence[TapPlan]) -> None:
        self._sim = sim
        self._plans = plans
        self._taps: list[Wiretap] = []
        self._wires: list[Wire] = []

    def tapped(self, link: str, role: Role, user: str, send: DatagramSink) -> DatagramSink:
        """Where the endpoint of ``user`` puts its datagrams, so that they come to ``send``."""
        if not self._plans:
            return send
        tap = Wiretap(self._sim, send)
        self._taps.append(tap)
        self._wires.append(Wire(link, user, role, tap.inject))
        return tap.send

    def install(self, rng_tree: RngTree) -> None:
        """Make all taps, once every wire is there; ValueError for one that sits on no wire."""
        chains = tap_chains(self._wires, self._plans, rng_tree.stream, lambda: self._sim.now_ps)
        for tap, chain in zip(self._taps, chains, strict=True):
            tap.see = chain.see
