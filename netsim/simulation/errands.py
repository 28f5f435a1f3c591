"""Relays of a run whose messages take time: hop by hop along each path, and the answer back."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from netsim.devices.messenger import Messenger
from netsim.kernel.simulator import Simulator
from netsim.relay.courier import Errand, OnArrival


class Errands:
    """The courier of a run, see `netsim.relay.courier.Courier`.

    Parameters
    ----------
    sim : Simulator
    messenger : Messenger
    """

    def __init__(self, sim: Simulator, messenger: Messenger) -> None:
        self._sim = sim
        self._messenger = messenger

    def __call__(self, errand: Errand, time_ps: int, on_arrival: OnArrival) -> None:  # noqa: ARG002
        """Set out; ``time_ps`` is now."""
        under_way = _UnderWay(errand, len(errand.ways), lambda: on_arrival(self._sim.now_ps))
        claim_bytes = errand.word_bytes
        for way, shares_bytes in zip(errand.ways, errand.shares_bytes, strict=True):
            hops = [
                (hop, size + claim_bytes)
                for hop, size in zip(pairwise(way), shares_bytes, strict=True)
            ]
            self._walk(hops, partial(self._end_of_way, under_way))
            claim_bytes = 0

    def _walk(self, hops: list[tuple[tuple[str, str], int]], then: Callable[[], None]) -> None:
        """One message after the other."""
        if not hops:
            then()
            return
        (hop, size_bytes), *further = hops
        self._messenger.send(hop, size_bytes, partial(self._walk, further, then))

    def _end_of_way(self, under_way: "_UnderWay") -> None:
        under_way.ways_left -= 1
        if not under_way.ways_left:
            back = pairwise(under_way.errand.ways[0][::-1])
            answer = [(hop, under_way.errand.word_bytes) for hop in back]
            self._walk(answer, under_way.on_arrival)


@dataclass(slots=True)
class _UnderWay:
    """One errand of which something is still to arrive."""

    errand: Errand
    ways_left: int
    on_arrival: Callable[[], None]
