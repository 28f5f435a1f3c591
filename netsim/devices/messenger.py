"""Messages of relays on the classical channels of links: in their time, again until they arrive.

Each goes alone, as one datagram, and does not wait behind what the link itself says. It carries no
content: what it says is worked out where it counts, at the ends.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

from netsim.devices.classical import ClassicalChannel, ClassicalPath
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.units import ps_from_s

FIRST_PATIENCE_S = "0.05"
"""Beyond two round trips, until a message is sent again; then twice as long each time."""
NUMBER_BYTES = 8

Users = tuple[str, str]


class Messenger:
    """Brings messages from one user of a link to the other.

    Parameters
    ----------
    sim : Simulator
    paths : mapping
        Of each link, by its users in the order of the link.
    rng_tree : RngTree
        Streams ``<link>/relays/<sender>``, of links that are used.
    is_up : callable
        Whether a user takes in anything now.
    """

    def __init__(
        self,
        sim: Simulator,
        paths: Mapping[Users, ClassicalPath],
        rng_tree: RngTree,
        is_up: Callable[[str], bool],
    ) -> None:
        self._sim = sim
        self._paths = paths
        self._rng_tree = rng_tree
        self._is_up = is_up
        self._channels: dict[Users, ClassicalChannel] = {}
        self._numbers = count()
        self._under_way: dict[bytes, Callable[[], None]] = {}

    def send(self, hop: Users, size_bytes: int, on_arrival: Callable[[], None]) -> None:
        """Bring a message of ``size_bytes`` from the first user of ``hop`` to the second."""
        number = next(self._numbers).to_bytes(NUMBER_BYTES, "big")
        self._under_way[number] = on_arrival
        path = self._path(hop)
        patience_ps = 4 * (path.latency_ps + path.jitter_ps) + ps_from_s(FIRST_PATIENCE_S)
        self._send(hop, number.ljust(size_bytes, b"\0"), patience_ps)

    def _send(self, hop: Users, datagram: bytes, patience_ps: int) -> None:
        if datagram[:NUMBER_BYTES] not in self._under_way:
            return
        self._channel(hop).send(datagram)
        again = partial(self._send, hop, datagram, 2 * patience_ps)
        self._sim.call_at(self._sim.now_ps + patience_ps, again)

    def _deliver(self, receiver: str, datagram: bytes) -> None:
        if not self._is_up(receiver):
            return
        on_arrival = self._under_way.pop(datagram[:NUMBER_BYTES], None)
        if on_arrival is not None:
            on_arrival()

    def _path(self, hop: Users) -> ClassicalPath:
        return self._paths[hop if hop in self._paths else hop[::-1]]

    def _channel(self, hop: Users) -> ClassicalChannel:
        if hop not in self._channels:
            link = "-".join(hop if hop in self._paths else hop[::-1])
            rng = self._rng_tree.stream(f"{link}/relays/{hop[0]}")
            deliver = partial(self._deliver, hop[1])
            self._channels[hop] = ClassicalChannel(self._sim, self._path(hop), rng, deliver)
        return self._channels[hop]
