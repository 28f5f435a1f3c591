"""States of a network in which phases wander freely, cut so finely that each has one contrast."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from netsim.topology.network import Network
from netsim.topology.timeline import Epoch
from netsim.units import s_from_ps

SLICES = 48
"""Of a time without lock; they grow with its square, as contrast is lost at first."""

Free = tuple[tuple[str, float], ...]
"""Users whose phases wander, and for how many seconds they have."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an epoch."""

    network: Network
    middle_ps: int
    length_ps: int
    free: Free


def slices(epochs: Iterable[Epoch]) -> Iterator[Slice]:
    """All epochs, in order; whole where no phase wanders freely."""
    since_ps: dict[str, int] = {}
    for epoch in epochs:
        users = _free_users(epoch.network)
        since_ps = {user: since_ps.get(user, epoch.start_ps) for user in users}
        is_cut = bool(users) and epoch.length_ps > SLICES**2
        for start_ps, stop_ps in pairwise(_edges_ps(epoch, cuts=SLICES if is_cut else 1)):
            middle_ps = (start_ps + stop_ps) // 2
            free = tuple((user, s_from_ps(middle_ps - at)) for user, at in since_ps.items())
            yield Slice(epoch.network, middle_ps, stop_ps - start_ps, free)


def _free_users(network: Network) -> tuple[str, ...]:
    topology = network.topology
    return tuple(
        user.name
        for user in topology.users
        if not user.is_locked and topology.receiver_of(user).drifts
    )


def _edges_ps(epoch: Epoch, *, cuts: int) -> list[int]:
    return [epoch.start_ps + epoch.length_ps * k**2 // cuts**2 for k in range(cuts + 1)]
