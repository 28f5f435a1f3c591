"""Builds the classical half of the network: per link two endpoints, a channel, books and pools."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from netsim.devices.classical import ClassicalChannel, ClassicalPath
from netsim.devices.faults import faults_of
from netsim.devices.wiretap import Wiretaps
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.kernel.trace import EventName, Trace
from netsim.physics.clock import Clock
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.ledger import Ledger
from netsim.pools.store import UserStore
from netsim.simulation.driver import EndpointDriver
from netsim.taps.tap import TapPlan
from netsim.topology.network import Network
from netsim.twin.agreement import LinkAgreement, agree
from netsim.twin.link import link_config
from netsim.twin.prediction import LanePrediction, Prediction
from netsim.units import ps_from_s
from protocols.durable import DurableState
from protocols.endpoint import Endpoint
from protocols.events import Event
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame
from protocols.variants import round_epsilons

OnLinkEvent = Callable[[tuple[str, str], Event], None]
"""Takes the users of a link and an event of its announcer's end."""


class Absence(Enum):
    """Why a user's process is down."""

    CRASHED = auto()
    AWAY = auto()
    """The user has left the network, or has not joined it yet."""


@dataclass(frozen=True, slots=True)
class Link:
    """The two ends of a link, announcer first."""

    users: tuple[str, str]
    drivers: tuple[EndpointDriver, EndpointDriver]
    books: tuple[Bookkeeper, Bookkeeper]
    agreement: LinkAgreement

    @property
    def is_done(self) -> bool:
        """Whether both ends have closed and nothing is on its way."""
        return all(driver.is_done for driver in self.drivers)


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """What a link is built from; the secrets belong to its two ends alone."""

    config: LinkConfig
    agreement: LinkAgreement
    secrets: LinkSecrets
    path: ClassicalPath


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """One end of a link: the driver of its endpoint, and its books."""

    plan: LinkPlan
    role: Role
    driver: EndpointDriver
    books: Bookkeeper


def _record_and_tell(
    books: Bookkeeper,
    listener: OnLinkEvent,
    users: tuple[str, str],
    step: Sequence[Event],
    time_ps: int,
) -> None:
    books.record(step, time_ps)
    for event in step:
        listener(users, event)


class Parties:
    """All endpoints of the network, and the way of a user's tags to each of them."""

    def __init__(
        self,
        sim: Simulator,
        network: Network,
        rng_tree: RngTree,
        clocks: dict[str, Clock],
        *,
        prediction: Prediction,
        ledger: Ledger,
        trace: Trace,
        stores: Mapping[str, UserStore],
        taps: Sequence[TapPlan] = (),
        on_announcer_event: OnLinkEvent | None = None,
    ) -> None:
        self._sim = sim
        self._listener = on_announcer_event
        self._network = network
        self._rng_tree = rng_tree
        self._clocks = clocks
        self._lanes: dict[tuple[str, str], list[LanePrediction]] = {}
        for lane in prediction.lanes:
            self._lanes.setdefault(lane.users, []).append(lane)
        self._ledger = ledger
        self._trace = trace
        users = [user.name for user in network.topology.users]
        self._stores = stores
        self._lives = dict.fromkeys(users, 0)
        self._absences: dict[str, set[Absence]] = {user: set() for user in users}
        self._tag_books = {user: self._tag_book(user) for user in users}
        self._ends: dict[str, list[LinkEnd]] = {user: [] for user in users}
        self._wiretaps = Wiretaps(sim, taps)
        self.links = tuple(self._link(pair) for pair in network.links)
        self._still_open: Link | None = None
        self._wiretaps.install(rng_tree)

    def add_tags(self, user: str, frame: TagFrame) -> None:
        """Take a frame into the book of ``user``, and wake the endpoints that wait for light."""
        if self._absences[user]:
            return
        self._tag_books[user].append(frame)
        for end in self._ends[user]:
            end.driver.notice_light()

    def end_light(self) -> None:
        """Tell all endpoints that no more tags will come."""
        for link in self.links:
            for driver in link.drivers:
                driver.end_light()

    @property
    def are_done(self) -> bool:
        """Whether every link has closed; asked often, so one that was open goes first."""
        if self._still_open is None or self._still_open.is_done:
            self._still_open = next((link for link in self.links if not link.is_done), None)
        return self._still_open is None

    def _tag_book(self, user: str) -> TagBook:
        topology = self._network.topology
        receiver = topology.receiver_of(topology.user(user))
        links = sum(user in pair for pair in self._network.links)
        return TagBook(
            self._rng_tree.stream(self._life(f"{user}/tagbook", user)),
            window_ticks=max(1, topology.protocol.window_ps // receiver.tick_ps),
            links=max(1, links),
        )

    def stop(self, user: str, why: Absence) -> None:
        """Stop the process of ``user``: all that is not in its store is gone."""
        was_up = not self._absences[user]
        self._absences[user].add(why)
        if not was_up:
            return
        self._trace.emit(EventName.PROCESS_STOPPED, time_ps=self._sim.now_ps, end=user)
        for end in self._ends[user]:
            open_books = end.driver.open_books
            end.driver.stop()
            end.books.lose_open_rounds(self._sim.now_ps, open_books)

    def start(self, user: str, why: Absence) -> None:
        """Start the process of ``user`` again, from its store, once nothing keeps it down."""
        was_up = not self._absences[user]
        self._absences[user].discard(why)
        if was_up or self._absences[user]:
            return
        self._trace.emit(EventName.PROCESS_STARTED, time_ps=self._sim.now_ps, end=user)
        self._lives[user] += 1
        self._tag_books[user] = self._tag_book(user)
        for index, end in enumerate(self._ends[user]):
            durable = self._stores[user].state(end.plan.config.link)
            end.driver.start(self._endpoint(end.plan, end.role, user, index, durable))

    def _plan(self, users: tuple[str, str]) -> LinkPlan:
        agreement = agree(self._network, users, self._lanes[users])
        config = link_config(self._network, users, agreement)
        size = LinkSecrets.size_bytes(config.initial_pads)
        secret = self._rng_tree.stream(f"{config.link}/preshared").bytes(size)
        return LinkPlan(config, agreement, LinkSecrets.from_bytes(secret), self._path(users))

    def _link(self, users: tuple[str, str]) -> Link:
        plan = self._plan(users)
        ends = [self._end(plan, role, users) for role in Role]
        for end, user in zip(ends, users, strict=True):
            rng = self._rng_tree.stream(f"{plan.config.link}/channel/{user}")
            peer = ends[end.role.peer]
            wire = ClassicalChannel(self._sim, plan.path, rng, peer.driver.deliver)
            send = self._wiretaps.tapped(plan.config.link, end.role, user, wire.send)
            end.driver.connect(send)
            self._ends[user].append(end)
        drivers, books = (ends[0].driver, ends[1].driver), (ends[0].books, ends[1].books)
        return Link(users, drivers, books, plan.agreement)

    def _end(self, plan: LinkPlan, role: Role, users: tuple[str, str]) -> LinkEnd:
        user = users[role]
        books = Bookkeeper(
            plan.config.link,
            user,
            ledger=self._ledger,
            trace=self._trace,
            store=self._stores[user],
            pads=plan.secrets.pads,
            round_epsilons=round_epsilons(plan.config.profile),
        )
        endpoint = self._endpoint(plan, role, user, len(self._ends[user]), None)
        record = books.record
        if role is Role.ANNOUNCER and self._listener is not None:
            record = partial(_record_and_tell, books, self._listener, users)
        driver = EndpointDriver(self._sim, endpoint, self._clocks[user], on_events=record)
        return LinkEnd(plan, role, driver, books)

    def _endpoint(
        self, plan: LinkPlan, role: Role, user: str, index: int, durable: DurableState | None
    ) -> Endpoint:
        patience_ps = 4 * (plan.path.latency_ps + plan.path.jitter_ps) + ps_from_s("0.05")
        return Endpoint(
            role,
            plan.config,
            plan.secrets,
            book=self._tag_books[user],
            book_index=index,
            rng=self._rng_tree.stream(self._life(f"{plan.config.link}/{user}", user)),
            max_datagram_bytes=self._network.topology.classical.max_datagram_bytes,
            initial_timeout_ps=patience_ps,
            durable=durable,
        )

    def _life(self, stream: str, user: str) -> str:
        """Name of a random stream in the present life of the process of ``user``."""
        return f"{stream}#{self._lives[user]}" if self._lives[user] else stream

    def _path(self, users: tuple[str, str]) -> ClassicalPath:
        """Both users' fibres behind each other: classical light takes the same way."""
        topology = self._network.topology
        classical = topology.classical
        length_m = math.fsum(topology.user(name).fibre.length_m for name in users)
        return ClassicalPath.along_fibre(
            length_m=length_m + classical.extra_length_m,
            group_index=classical.group_index,
            bandwidth_bps=classical.bandwidth_bps,
            jitter_ps=classical.jitter_ps,
            faults=faults_of(classical, "-".join(users)),
        )
