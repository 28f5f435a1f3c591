"""A user: what a frame costs, and what crashes and absences do to its process."""

from typing import cast

import numpy as np
import pytest

from netsim.devices.world import build_clock
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.kernel.trace import MemorySink, Trace
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.ledger import Ledger
from netsim.pools.store import UserStore
from netsim.simulation.driver import EndpointDriver
from netsim.simulation.user import LinkEnd, User
from netsim.topology.network import build_network
from protocols.endpoint import Endpoint
from protocols.link import LinkSecrets
from protocols.messages import Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame
from tests.support.agreed import link_config
from tests.support.fan2025 import four_user_topology

TOPOLOGY = four_user_topology()
NETWORK = build_network(TOPOLOGY)
USER = "bob"


class Lives(EndpointDriver):
    """A driver that keeps every endpoint it is given."""

    def __init__(self, user: "Bob") -> None:
        super().__init__(user.sim, user.user.clock, on_events=lambda _step, _time_ps: None)
        self.lives: list[Endpoint] = []

    def start(self, endpoint: Endpoint) -> None:
        """Begin a life."""
        self.lives.append(endpoint)
        super().start(endpoint)


class Bob:
    """A user of the four, started, with all its links and nobody at their other ends."""

    def __init__(self) -> None:
        self.sim, self.sink, rng_tree = Simulator(), MemorySink(), RngTree(1)
        self.trace = Trace(self.sink)
        self.user = User(
            self.sim,
            TOPOLOGY,
            USER,
            clock=build_clock(TOPOLOGY, rng_tree, USER),
            store=UserStore(),
            rng_tree=rng_tree,
            trace=self.trace,
        )
        self.drivers: list[Lives] = []
        for users in NETWORK.links:
            if USER in users:
                self._connect(users)
        for end in self.user.ends:
            self.user.start(end)

    def _connect(self, users: tuple[str, str]) -> None:
        config = link_config(NETWORK, users)
        secrets = LinkSecrets.from_bytes(bytes(LinkSecrets.size_bytes(config.initial_pads)))
        books = Bookkeeper(
            config.link,
            USER,
            ledger=Ledger(),
            trace=self.trace,
            store=self.user.store,
            pads=secrets.pads,
            round_epsilons=(0.0, 0.0),
        )
        self.drivers.append(Lives(self))
        role = Role(users.index(USER))
        driver = cast("EndpointDriver", self.drivers[-1])
        self.user.connect(LinkEnd(config, secrets, role, 10**9, driver, books))

    @property
    def books(self) -> list[TagBook]:
        """Of each life, the book that all endpoints share."""
        lives = zip(*(driver.lives for driver in self.drivers), strict=True)
        shared = [{id(end.book): end.book for end in ends} for ends in lives]
        assert all(len(found) == 1 for found in shared)
        return [next(iter(found.values())) for found in shared]

    @property
    def told(self) -> list[str]:
        """What the trace was told of the process."""
        names = [str(event["event"]) for event in self.sink.events]
        return [name.removeprefix("process_") for name in names if name.startswith("process_")]


def frame(index: int) -> TagFrame:
    """Without clicks."""
    return TagFrame(index, (index + 1) * 10**9, np.empty(0, dtype=np.int64))


def test_frame_is_appended_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many links a user has."""
    bob = Bob()
    assert len(bob.user.ends) > 1
    appended: list[int] = []
    append = TagBook.append

    def note(book: TagBook, taken: TagFrame) -> None:
        appended.append(taken.index)
        append(book, taken)

    monkeypatch.setattr(TagBook, "append", note)
    for index in range(5):
        bob.user.take(frame(index))
    assert appended == [0, 1, 2, 3, 4]
    assert bob.books[0].frames == bob.user.frames == 5


def test_frames_pass_a_process_that_is_down() -> None:
    """They are counted and lost; a new life begins a new book where the world is."""
    bob = Bob()
    bob.user.take(frame(0))
    bob.user.crash()
    bob.user.take(frame(1))
    bob.user.restart()
    bob.user.take(frame(2))
    assert bob.user.frames == 3
    first, second = bob.books
    assert (first.frames, second.first_frame, second.frames) == (1, 2, 3)


def test_process_is_up_once_nothing_keeps_it_down() -> None:
    """A user who crashes and leaves must both restart and join, in whatever order."""
    bob = Bob()
    bob.user.crash()
    bob.user.leave()
    bob.user.restart()
    assert bob.told == ["stopped"]
    bob.user.join()
    bob.user.join()
    assert bob.told == ["stopped", "started"]
    assert len(bob.books) == 2
    bob.user.leave()
    bob.user.crash()
    bob.user.join()
    bob.user.restart()
    assert bob.told == ["stopped", "started"] * 2
