"""A user: the hardware that is its own, the process that distils its key, and what it keeps.

A process has one endpoint for every link of the user, all of which share one tag book. A crash
takes both; what a new life needs is in the store. The hardware goes on: frames that come while the
process is down are lost to it.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.kernel.trace import EventName, Trace
from netsim.physics.clock import Clock
from netsim.physics.encodings.settings import Turns
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.store import UserStore
from netsim.simulation.driver import EndpointDriver
from netsim.topology.specs import TopologySpec
from protocols.calibration import Calibration
from protocols.deadtime import dead_ticks
from protocols.endpoint import Endpoint
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame
from protocols.variants import PROTOCOLS


class Absence(Enum):
    """Why a user's process is down."""

    CRASHED = auto()
    AWAY = auto()
    """The user has left the network, or has not joined it yet."""


@dataclass(frozen=True, slots=True, eq=False)
class LinkEnd:
    """One end of a link: what it is built from, the driver of its endpoint, its books.

    Attributes
    ----------
    config, secrets : LinkConfig, LinkSecrets
        The secrets belong to the two ends of the link alone.
    patience_ps : int
        First time-out of what is not acknowledged.
    """

    config: LinkConfig
    secrets: LinkSecrets
    role: Role
    patience_ps: int
    driver: EndpointDriver
    books: Bookkeeper


class User:
    """One user of the network.

    Parameters
    ----------
    sim : Simulator
    topology : TopologySpec
        Its receiver says how fine ticks are, the protocol when clicks are one.
    name : str
    clock : Clock
    store : UserStore
        What survives a crash.
    rng_tree : RngTree
        Streams of the k-th life after the first: ``<user>/tagbook#<k>``,
        ``<user>/calibration#<k>``, ``<link>/<user>#<k>``.
    trace : Trace
        Told when the process stops and starts.
    turns : Turns, optional
        Frames in which its analysers are turned for Bell tests.

    Attributes
    ----------
    receiver : ReceiverSpec
    ends : list of LinkEnd
        In the order in which they were connected.
    frames : int
        Frames that the receiver has handed over, whether the process was up or not.
    """

    def __init__(
        self,
        sim: Simulator,
        topology: TopologySpec,
        name: str,
        *,
        clock: Clock,
        store: UserStore,
        rng_tree: RngTree,
        trace: Trace,
        turns: Turns | None = None,
    ) -> None:
        self.name = name
        self._turns = turns
        self._tests_bell = PROTOCOLS.get(topology.protocol.protocol).tests_bell
        self.clock = clock
        self.store = store
        self.receiver = topology.receiver_of(topology.user(name))
        self.ends: list[LinkEnd] = []
        self.frames = 0
        self._sim = sim
        self._topology = topology
        self._rng_tree = rng_tree
        self._trace = trace
        self._absences: set[Absence] = set()
        self._life = 0
        self._book: TagBook | None = None
        self._calibration: Calibration | None = None

    def connect(self, end: LinkEnd) -> None:
        """Give the user one more link, before anything starts."""
        self.ends.append(end)

    def start(self, end: LinkEnd) -> None:
        """Start an endpoint for a link in the present life; in the first, nothing was durable."""
        if self._book is None:
            self._book = self._new_book()
            self._calibration = self._new_calibration()
        durable = self.store.state(end.config.link) if self._life else None
        endpoint = Endpoint(
            end.role,
            end.config,
            end.secrets,
            book=self._book,
            book_index=self.ends.index(end),
            rng=self._rng_tree.stream(self._stream(f"{end.config.link}/{self.name}")),
            max_datagram_bytes=self._topology.classical.max_datagram_bytes,
            initial_timeout_ps=end.patience_ps,
            durable=durable,
        )
        end.driver.start(endpoint)

    def take(self, frame: TagFrame) -> None:
        """Enter a frame into the tag book, and wake the endpoints that wait for light."""
        self.frames += 1
        if self._absences or self._book is None or self._calibration is None:
            return
        if self._turns is not None and self._turns.is_turned(frame.index):
            frame = replace(frame, is_turned=True)
            if not self._tests_bell:  # then they are for nothing
                frame = replace(frame, tags=frame.tags[:0])
        self._book.append(self._calibration.apply(frame))
        for end in self.ends:
            end.driver.notice_light()

    def numbered(self) -> TagBook:
        """The clicks of the present life by number; for who scores, not for another party.

        LookupError while the process is down.
        """
        if self._book is None:
            raise LookupError(f"{self.name} has no process")
        return self._book

    @property
    def is_up(self) -> bool:
        """Whether its process is running."""
        return not self._absences

    def crash(self) -> None:
        """The process goes down: all that is not in the store is gone."""
        self._stop(Absence.CRASHED)

    def restart(self) -> None:
        """The process comes back from a crash, unless the user is away."""
        self._resume(Absence.CRASHED)

    def leave(self) -> None:
        """The user leaves the network; its process goes down."""
        self._stop(Absence.AWAY)

    def join(self) -> None:
        """The user joins the network; its process comes up, unless it has crashed."""
        self._resume(Absence.AWAY)

    def _stop(self, why: Absence) -> None:
        was_up = not self._absences
        self._absences.add(why)
        if not was_up:
            return
        self._trace.emit(EventName.PROCESS_STOPPED, time_ps=self._sim.now_ps, end=self.name)
        for end in self.ends:
            open_books = end.driver.open_books
            end.driver.stop()
            end.books.lose_open_rounds(self._sim.now_ps, open_books)

    def _resume(self, why: Absence) -> None:
        was_up = not self._absences
        self._absences.discard(why)
        if was_up or self._absences:
            return
        self._trace.emit(EventName.PROCESS_STARTED, time_ps=self._sim.now_ps, end=self.name)
        self._life += 1
        self._book = None
        for end in self.ends:
            self.start(end)

    def _new_book(self) -> TagBook:
        return TagBook(
            self._rng_tree.stream(self._stream(f"{self.name}/tagbook")),
            window_ticks=max(1, self._topology.protocol.window_ps // self.receiver.tick_ps),
            dead_ticks=dead_ticks(self.receiver.dead_time_ps, self.receiver.tick_ps),
            links=max(1, len(self.ends)),
        )

    def _new_calibration(self) -> Calibration:
        return Calibration(
            self._rng_tree.stream(self._stream(f"{self.name}/calibration")),
            [detector.calibrated_ps for detector in self.receiver.each_detector],
            tick_ps=self.receiver.tick_ps,
        )

    def _stream(self, name: str) -> str:
        """Name of a random stream in the present life of the process."""
        return f"{name}#{self._life}" if self._life else name
