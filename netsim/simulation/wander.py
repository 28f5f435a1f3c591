"""Phases that wander, followed step by step where there are no photons to be turned by them.

They are those of a run photon by photon, from the same streams; what a stretch of light needs of
them is the mean of exp(i delta), delta being what both phases of a pair are off by.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netsim.devices.analysers import Analysers
from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import Encoding
from netsim.topology.changes import Unlock
from netsim.topology.network import Network
from netsim.topology.specs import TopologySpec
from netsim.twin.coincidences import Coincidences, Phasors
from netsim.twin.drift import Free
from netsim.twin.wandering import WanderingCoincidences

_KEPT_USERS = 8
"""Phases of the latest users."""
_KEPT = 1024
"""Means of the latest stretches and links."""


def wanderers(topology: TopologySpec) -> tuple[str, ...]:
    """Users whose phases wander freely at some time: without lock, or turned by their fibre."""
    return tuple(
        user.name
        for user in topology.users
        if user.fibre.rotation_walk_rad_per_sqrt_s or user.name in drifters(topology)
    )


def drifters(topology: TopologySpec) -> frozenset[str]:
    """Users with analysers that drift and are without lock at some time."""
    free = {user.name for user in topology.users if not user.is_locked}
    free |= {event.user for event in topology.events if isinstance(event, Unlock)}
    return frozenset(name for name in free if topology.receiver_of(topology.user(name)).drifts)


class Wander:
    """All phases of a run that wander.

    Parameters
    ----------
    analysers : Analysers
        With what is known of locks and alignments so far, and the streams.
    """

    def __init__(self, analysers: Analysers) -> None:
        topology = analysers.topology
        self.users = wanderers(topology)
        self._phases = {user: analysers.wandering(user) for user in self.users}
        self._receivers = {user.name: topology.receiver_of(user) for user in topology.users}
        self._bases = {name: _bases(spec.encoding) for name, spec in self._receivers.items()}
        self._known = lru_cache(maxsize=_KEPT)(self._means)
        self._seen = lru_cache(maxsize=_KEPT_USERS)(self._phasors)
        self._found: dict[int, WanderingCoincidences] = {}

    def coincidences(self, network: Network, start_ps: int, stop_ps: int) -> Coincidences:
        """What coincides in [``start_ps``, ``stop_ps``) of a network, which the timeline keeps."""
        found = self._found.get(id(network))
        if found is None:
            found = self._found[id(network)] = WanderingCoincidences(network, start_ps, self._still)
        found.turn(lambda users: self.means(users, start_ps, stop_ps))
        return found

    @property
    def _still(self) -> Free:
        """Takes back the mean that a lock leaves of the phases that are followed."""
        return tuple(
            (user, (-z.locked_variance, -x.locked_variance))
            for user in self.users
            for z, x in (self._receivers[user].analysers,)
        )

    def means(self, users: tuple[str, str], start_ps: int, stop_ps: int) -> Phasors:
        """(2, T, 4, 4) complex128: means of exp(i delta) in [``start_ps``, ``stop_ps``) of a link.

        By the term of what interferes, then by detector of the first and of the second user; delta
        is the sum of what both phases are off by, then the difference.
        """
        return self._known(users, start_ps, stop_ps)

    def _means(self, users: tuple[str, str], start_ps: int, stop_ps: int) -> Phasors:
        first, second = (self._seen(user, start_ps, stop_ps) for user in users)
        count = max(first.shape[1], second.shape[1])
        # Of a user whose phases stay there is one value for all the time.
        first, second = (np.broadcast_to(each, (2, count)) for each in (first, second))
        sums, differences = first @ second.T, first @ second.conj().T
        rows, columns = (self._bases[user] for user in users)
        both = np.stack((sums, differences))
        means: Phasors = both[:, rows[:, :, None], columns[:, None, :]] / count
        return means

    def _phasors(self, user: str, start_ps: int, stop_ps: int) -> Phasors:
        """(2, N) complex128: of the Z and the X phase, at all steps."""
        if user not in self._phases:
            return np.ones((2, 1), dtype=np.complex128)
        offs_rad = (
            sum((phase.between(start_ps, stop_ps) for phase in phases), start=np.zeros(1))
            for phases in self._phases[user]
        )
        return np.exp(1j * np.array(np.broadcast_arrays(*offs_rad)))


def _bases(encoding: Encoding) -> NDArray[np.int64]:
    """(T, 4) int64: basis that turns each term at each detector, 0 for numbers without detector."""
    known = [encoding.bases_of(number) for number in range(len(encoding.detectors))]
    bases = np.zeros((len(known[0]), DETECTORS), dtype=np.int64)
    bases[:, : len(known)] = np.transpose(known)
    return bases
