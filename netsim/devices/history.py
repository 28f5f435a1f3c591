"""The states of the optical network so far: who changes it writes them, others read."""

from bisect import bisect_left, bisect_right

from netsim.topology.network import Network
from netsim.topology.timeline import Epoch


class NetworkHistory:
    """All states up to now, in order of time.

    Parameters
    ----------
    first : Network
        In force from time 0 on.
    """

    def __init__(self, first: Network) -> None:
        self._starts_ps = [0]
        self._networks = [first]

    @property
    def latest(self) -> Network:
        """In force now."""
        return self._networks[-1]

    def append(self, time_ps: int, network: Network) -> None:
        """Put ``network`` in force from ``time_ps`` on, which is not before the latest change."""
        if self._starts_ps[-1] == time_ps:
            self._networks[-1] = network
        elif network is not self.latest:
            self._starts_ps.append(time_ps)
            self._networks.append(network)

    def between(self, start_ps: int, stop_ps: int) -> list[tuple[int, Network]]:
        """States in force anywhere in ``[start_ps, stop_ps)``, each with its first time there."""
        first = max(bisect_right(self._starts_ps, start_ps) - 1, 0)
        last = max(bisect_left(self._starts_ps, stop_ps), first + 1)
        starts_ps = [start_ps, *self._starts_ps[first + 1 : last]]
        return list(zip(starts_ps, self._networks[first:last], strict=True))

    def epochs(self, stop_ps: int) -> tuple[Epoch, ...]:
        """All of them, the latest up to ``stop_ps`` if that is later than its beginning."""
        stops_ps = [*self._starts_ps[1:], max(stop_ps, self._starts_ps[-1])]
        return tuple(map(Epoch, self._starts_ps, stops_ps, self._networks))
