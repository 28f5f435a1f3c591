"""What a message costs besides what it is about: CPU time beside the goals.

A query of a Cascade round trip (60 bytes): written and read; brought over a connection and
acknowledged; sent down a simulated wire and delivered; a weak stream of photon pairs drawn, most of
which is the handing over of its generator.
"""

import time
from collections.abc import Callable

import numpy as np
from figures import Row, at_most, show

from netsim.devices.classical import ClassicalChannel, ClassicalPath
from netsim.kernel.simulator import Simulator
from netsim.physics.emission import sample_new
from netsim.physics.shapes import PairShape
from protocols.codec import decode, encode
from protocols.messages import Envelope, ParityQuery, Role
from protocols.wire.transport import Transport

CALLS, REPEATS = 500, 40
COST = "CPU [us]"
QUERY = Envelope("alice-bob", Role.RESPONDER, 12, 77, ParityQuery((bytes(range(60)),)))


class RoundTrips:
    """Two transports that send each other one message after the other."""

    def __init__(self) -> None:
        self._now_ps = 0
        self._ends = [
            Transport(epoch=epoch, max_datagram_bytes=9000, initial_timeout_ps=10**12)
            for epoch in (1, 2)
        ]

    def __call__(self) -> None:
        """A question and its answer, which acknowledges it."""
        for sender, receiver in (self._ends, self._ends[::-1]):
            self._now_ps += 10**9
            sender.send(encode(QUERY))
            for datagram in sender.datagrams_to_send(self._now_ps):
                receiver.receive_datagram(datagram, self._now_ps + 10**8)
            receiver.messages.clear()


def over_a_wire() -> Callable[[], object]:
    """A datagram sent and delivered."""
    sim, arrived = Simulator(), list[bytes]()
    path = ClassicalPath(latency_ps=10**8, bandwidth_bps=1e9, jitter_ps=10**6)
    wire = ClassicalChannel(sim, path, np.random.default_rng(1), arrived.append)

    def send() -> None:
        wire.send(b"datagram")
        sim.step()
        arrived.clear()

    return send


def weak_stream() -> Callable[[], object]:
    """A frame of 50 ms of 30 pairs a second."""
    rng, shape = np.random.Generator(np.random.PCG64DXSM(1)), PairShape(linewidth_hz=200e6)
    return lambda: sample_new(rng, 30.0, 0, 50_000_000_000, shape)


def cpu_us(work: Callable[[], object]) -> float:
    """CPU time of one call, in the best of some series."""
    work()
    best_s = np.inf
    for _ in range(REPEATS):
        started_s = time.process_time()
        for _ in range(CALLS):
            work()
        best_s = min(best_s, time.process_time() - started_s)
    return float(best_s / CALLS * 1e6)


def main() -> None:
    """Print the table."""
    data = encode(QUERY)
    cases = (
        ("a message written", 4.0, lambda: encode(QUERY)),
        ("a message read", 8.0, lambda: decode(data)),
        ("a question and its answer", 50.0, RoundTrips()),
        ("a datagram over a simulated wire", 8.0, over_a_wire()),
        ("a frame of a weak stream of pairs", 8.0, weak_stream()),
    )
    rows = (Row(name, {COST: cpu_us(work)}, (at_most(COST, goal),)) for name, goal, work in cases)
    show("messages, besides the work itself", rows)


if __name__ == "__main__":
    main()
