"""States of a network in which phases wander freely, cut so finely that each has one contrast.

Phases wander where an analyser without lock has a drift, and where a fibre turns polarisations.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from netsim.topology.network import Network
from netsim.topology.state import UserSpec
from netsim.topology.timeline import Epoch
from netsim.units import s_from_ps

SLICES = 48
"""Of a time without lock; they grow with its square, as contrast is lost at first."""

Free = tuple[tuple[str, tuple[float, float]], ...]
"""Users whose phases wander, and what that adds to the variances (rad^2) of Z and X phases."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an epoch."""

    network: Network
    middle_ps: int
    length_ps: int
    free: Free


@dataclass(slots=True)
class _Wandering:
    """Since when phases wander, by user."""

    unlocked_ps: dict[str, int] = field(default_factory=dict)
    aligned_ps: dict[str, tuple[int, int]] = field(default_factory=dict)
    """With the number of that alignment."""

    def enter(self, epoch: Epoch) -> None:
        """Go on to the next epoch."""
        users, start_ps = epoch.network.topology.users, epoch.start_ps
        drift = [user.name for user in users if not user.is_locked and _drifts(epoch, user)]
        self.unlocked_ps = {name: self.unlocked_ps.get(name, start_ps) for name in drift}
        for user in users:
            if user.fibre.rotation_walk_rad_per_sqrt_s:
                number, _ = self.aligned_ps.get(user.name, (-1, 0))
                if number != user.alignments:
                    self.aligned_ps[user.name] = user.alignments, start_ps

    @property
    def is_any(self) -> bool:
        """Whether any phase wanders now."""
        return bool(self.unlocked_ps or self.aligned_ps)

    def free(self, network: Network, time_ps: int) -> Free:
        """What has become of the phases by ``time_ps``."""
        names = dict.fromkeys((*self.unlocked_ps, *self.aligned_ps))
        return tuple((name, self._variances_rad2(network, name, time_ps)) for name in names)

    def _variances_rad2(self, network: Network, name: str, time_ps: int) -> tuple[float, float]:
        user = network.topology.user(name)
        free_s = s_from_ps(time_ps - self.unlocked_ps.get(name, time_ps))
        _, aligned_ps = self.aligned_ps.get(name, (0, time_ps))
        turned = user.fibre.rotation_walk_rad_per_sqrt_s**2 * s_from_ps(time_ps - aligned_ps)
        z, x = (
            each.walk_rad2_per_s * free_s
            # Without lock from the start a phase begins at 0, not somewhere about it.
            - (each.locked_variance if self.unlocked_ps.get(name) == 0 else 0.0)
            + turned
            for each in network.topology.receiver_of(user).analysers
        )
        return z, x


def slices(epochs: Iterable[Epoch]) -> Iterator[Slice]:
    """All epochs, in order; whole where no phase wanders freely."""
    wandering = _Wandering()
    for epoch in epochs:
        wandering.enter(epoch)
        is_cut = wandering.is_any and epoch.length_ps > SLICES**2
        for start_ps, stop_ps in pairwise(_edges_ps(epoch, cuts=SLICES if is_cut else 1)):
            middle_ps = (start_ps + stop_ps) // 2
            free = wandering.free(epoch.network, middle_ps)
            yield Slice(epoch.network, middle_ps, stop_ps - start_ps, free)


def _drifts(epoch: Epoch, user: UserSpec) -> bool:
    return epoch.network.topology.receiver_of(user).drifts


def _edges_ps(epoch: Epoch, *, cuts: int) -> list[int]:
    return [epoch.start_ps + epoch.length_ps * k**2 // cuts**2 for k in range(cuts + 1)]
