"""Who listens to which link: an eavesdropper for each that has somebody on one of its fibres."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from netsim.kernel.rng import RngTree
from netsim.observers.notebook import Notebook
from netsim.pools.counts import LinkCounts
from netsim.results.knowledge import Knowledge
from netsim.simulation.user import User
from netsim.topology.network import Network
from netsim.topology.timeline import Timeline
from protocols.messages import Role
from protocols.variants import AMPLIFICATIONS

if TYPE_CHECKING:
    from netsim.simulation.eavesdropper import Eavesdropper

Users = tuple[str, str]
Send = Callable[[bytes], None]


class Listeners:
    """The eavesdroppers of a run; none, and no wire touched, where nobody is on any fibre.

    Parameters
    ----------
    timeline : Timeline
    network : Network
        The first state, with the lanes of all.
    users : mapping
        Name to user.
    notebooks : mapping
        User to the notes of those on its fibre.
    rng_tree : RngTree
        Streams ``<link>/eavesdropper``.
    """

    def __init__(
        self,
        timeline: Timeline,
        network: Network,
        users: Mapping[str, User],
        notebooks: Mapping[str, Sequence[Notebook]],
        rng_tree: RngTree,
    ) -> None:
        self._timeline = timeline
        self._network = network
        self._users = users
        self._notebooks = notebooks
        self._rng_tree = rng_tree
        self._by_link = dict(self._eavesdroppers())

    def tapped(self, users: Users, sender: Role, send: Send) -> Send:
        """Where an end of a link puts its datagrams, so that they come to ``send``."""
        eavesdropper = self._by_link.get(users)
        return send if eavesdropper is None else eavesdropper.tapped(sender, send)

    def knowledge(self, users: Users, counts: LinkCounts) -> Knowledge | None:
        """What is known of a link's key, with what its wire has disclosed; None if unwatched."""
        eavesdropper = self._by_link.get(users)
        if eavesdropper is None:
            return None
        per_round = self._timeline.topology.protocol.verification_bits
        disclosed_bits = counts.verified_leak_bits + per_round * eavesdropper.rounds
        return replace(eavesdropper.knowledge, disclosed_bits=disclosed_bits)

    def _eavesdroppers(self) -> Iterator[tuple[Users, "Eavesdropper"]]:
        for users in self._network.links:
            if any(self._notebooks.get(user) for user in users):
                yield users, self._eavesdropper(users)

    def _eavesdropper(self, users: Users) -> "Eavesdropper":
        from netsim.simulation.eavesdropper import (  # noqa: PLC0415  # where there is one
            Announcer,
            Eavesdropper,
            Fibres,
        )

        topology, announcer = self._timeline.topology, self._users[users[0]]
        lanes, ways = self._network.lanes_of(users), self._timeline.ways_of(users[0])
        one, other = (self._notebooks.get(user, ()) for user in users)
        return Eavesdropper(
            Announcer(announcer.numbered, announcer.clock, announcer.receiver.tick_ps),
            Fibres(
                lanes,
                [round(ways[lane.channels[0]].delay_ps) for lane in lanes],
                (one, other),
                topology.protocol.window_ps,
            ),
            AMPLIFICATIONS.get(topology.protocol.amplification),
            self._rng_tree.stream(f"{'-'.join(users)}/eavesdropper"),
        )
