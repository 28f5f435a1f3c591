"""Clicks of users that nobody has drawn one by one: Poisson, by the rates of their detectors."""

from collections.abc import Iterator, Sequence

import numpy as np

from netsim.frames import DETECTORS
from netsim.kernel.rng import RngTree
from netsim.results.parts import UserResult
from netsim.topology.timeline import Epoch
from netsim.twin.detectors import clicks_hz
from netsim.units import s_from_ps


def drawn_singles(epochs: Sequence[Epoch], seed: int, done_ps: int) -> Iterator[UserResult]:
    """All clicks of every user up to ``done_ps``, from the streams ``<user>/singles``."""
    tree = RngTree(seed)
    for user in epochs[0].network.topology.users:
        rng = tree.stream(f"{user.name}/singles")
        clicks = np.zeros(DETECTORS, dtype=np.int64)
        for epoch in epochs:
            length_ps = max(0, min(epoch.stop_ps, done_ps) - epoch.start_ps)
            clicks += rng.poisson(s_from_ps(length_ps) * clicks_hz(epoch.network, user.name))
        yield UserResult(user.name, done_ps, tuple(clicks.tolist()))
