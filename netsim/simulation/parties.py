"""The classical half of the network: lays a link with its channel and books between two users."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from netsim.devices.classical import ClassicalChannel, ClassicalPath, DatagramSink
from netsim.devices.faults import faults_of
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Schedule, Simulator, Strand
from netsim.kernel.trace import Trace
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.ledger import Ledger
from netsim.simulation.depth import Depth, OnEvents
from netsim.simulation.driver import EndpointDriver
from netsim.simulation.listeners import Listeners
from netsim.simulation.user import LinkEnd, User
from netsim.taps.tap import TapPlan
from netsim.topology.network import Network
from netsim.twin.agreement import LinkAgreement
from netsim.twin.link import link_config
from netsim.twin.outlook import Outlook
from netsim.units import ps_from_s
from protocols.events import BlockUsable
from protocols.events import Event as LinkEvent
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import Role
from protocols.variants import round_epsilons

if TYPE_CHECKING:
    from netsim.devices.wiretap import Wiretaps

OnDeposit = Callable[[str, int], None]
"""Takes the name of a link at one of whose ends a block has become usable, and the time."""
OnLinkEvent = Callable[[tuple[str, str], LinkEvent], None]
"""Takes the users of a link and an event of its announcer's end."""


def _wiretaps(sim: Simulator, taps: Sequence[TapPlan]) -> "Wiretaps":
    from netsim.devices.wiretap import Wiretaps  # noqa: PLC0415  # where there are any

    return Wiretaps(sim, taps)


@dataclass(frozen=True, slots=True)
class Link:
    """The two ends of a link, announcer first."""

    users: tuple[str, str]
    ends: tuple[LinkEnd, LinkEnd]
    agreement: LinkAgreement

    @property
    def is_done(self) -> bool:
        """Whether both ends have closed and nothing is on its way."""
        announcer, responder = self.ends
        return announcer.driver.is_done and responder.driver.is_done


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """What a link is built from; the secrets belong to its two ends alone."""

    config: LinkConfig
    agreement: LinkAgreement
    secrets: LinkSecrets
    path: ClassicalPath

    @property
    def patience_ps(self) -> int:
        """First time-out of a datagram: two round trips and a frame of light."""
        return 4 * (self.path.latency_ps + self.path.jitter_ps) + ps_from_s("0.05")


def _record_and_tell(
    books: Bookkeeper,
    listener: OnLinkEvent,
    users: tuple[str, str],
    step: Sequence[LinkEvent],
    time_ps: int,
) -> None:
    books.record(step, time_ps)
    for event in step:
        listener(users, event)


def _record_and_offer(
    record: Callable[[Sequence[LinkEvent], int], None],
    on_deposit: OnDeposit,
    link: str,
    step: Sequence[LinkEvent],
    time_ps: int,
) -> None:
    record(step, time_ps)
    if any(isinstance(event, BlockUsable) for event in step):
        on_deposit(link, time_ps)


class Parties:
    """All users of the network and the links between them.

    Parameters
    ----------
    sim : Simulator
    network : Network
        As at first, with the lanes of all its states.
    rng_tree : RngTree
        Streams of each link: ``<link>/preshared``, ``<link>/channel/<sender>``.
    users : mapping
        Name to user.
    outlook : Outlook
        What the links fix their terms by.
    depth : Depth
        How the light is made.
    ledger, trace : Ledger, Trace
    taps : sequence of TapPlan
        Attackers on the classical channels.
    on_announcer_event : callable, optional
    on_deposit : callable
    listeners : Listeners, optional
        Who hears what is said, and changes nothing.

    Attributes
    ----------
    links : tuple of Link
        Once they are connected.
    """

    def __init__(
        self,
        sim: Simulator,
        network: Network,
        rng_tree: RngTree,
        users: Mapping[str, User],
        *,
        outlook: Outlook,
        depth: Depth,
        ledger: Ledger,
        trace: Trace,
        taps: Sequence[TapPlan] = (),
        on_announcer_event: OnLinkEvent | None = None,
        on_deposit: OnDeposit,
        listeners: Listeners | None = None,
    ) -> None:
        self.users = users
        self.links: tuple[Link, ...] = ()
        self._sim = sim
        self._network = network
        self._rng_tree = rng_tree
        self._outlook = outlook
        self._depth = depth
        self._ledger = ledger
        self._trace = trace
        self._listener = on_announcer_event
        self._on_deposit = on_deposit
        self._listeners = listeners
        # Links meet in the light and in what they tell: not on the wire, and nobody acts upon it.
        self._are_apart = depth.ARE_LINKS_APART and not taps and on_announcer_event is None
        self._wiretaps = _wiretaps(sim, taps) if taps else None
        self._still_open: Link | None = None

    def connect(self) -> None:
        """Lay every link between its two users."""
        self.links = tuple(self._link(pair) for pair in self._network.links)

    def start(self) -> None:
        """Start the process of every user, link by link, then the attackers."""
        for link in self.links:
            for name, end in zip(link.users, link.ends, strict=True):
                self.users[name].start(end)
        if self._wiretaps is not None:
            self._wiretaps.install(self._rng_tree)

    def end_light(self) -> None:
        """Tell all endpoints that no more tags will come."""
        for link in self.links:
            for end in link.ends:
                end.driver.end_light()

    @property
    def are_done(self) -> bool:
        """Whether every link has closed; asked often, so one that was open goes first."""
        if self._still_open is None or self._still_open.is_done:
            self._still_open = next((link for link in self.links if not link.is_done), None)
        return self._still_open is None

    def _plan(self, users: tuple[str, str]) -> LinkPlan:
        agreement = self._outlook.agreement(users)
        if self._listener is not None:  # of a controller
            agreement = replace(agreement, match_rate_hz=0.0)
        config = link_config(self._network, users, self._depth.cadence, agreement)
        config = self._depth.configured(config)
        size = LinkSecrets.size_bytes(config.initial_pads)
        secret = self._rng_tree.stream(f"{config.link}/preshared").bytes(size)
        return LinkPlan(config, agreement, LinkSecrets.from_bytes(secret), self.path_of(users))

    def _link(self, users: tuple[str, str]) -> Link:
        plan = self._plan(users)
        sim: Schedule = Strand(self._sim) if self._are_apart else self._sim
        announcer, responder = (self._end(sim, plan, role, users) for role in Role)
        for end, peer in ((announcer, responder), (responder, announcer)):
            user = users[end.role]
            rng = self._rng_tree.stream(f"{plan.config.link}/channel/{user}")
            wire = ClassicalChannel(sim, plan.path, rng, peer.driver.deliver)
            send: DatagramSink = wire.send
            if self._wiretaps is not None:
                send = self._wiretaps.tapped(plan.config.link, end.role, user, send)
            if self._listeners is not None:
                send = self._listeners.tapped(users, end.role, send)
            end.driver.connect(send)
            self.users[user].connect(end)
        return Link(users, (announcer, responder), plan.agreement)

    def _end(self, sim: Schedule, plan: LinkPlan, role: Role, users: tuple[str, str]) -> LinkEnd:
        user = self.users[users[role]]
        books = Bookkeeper(
            plan.config.link,
            user.name,
            ledger=self._ledger,
            trace=self._trace,
            store=user.store,
            pads=plan.secrets.pads,
            round_epsilons=round_epsilons(plan.config.profile),
        )
        record: OnEvents = books.record
        if role is Role.ANNOUNCER and self._listener is not None:
            record = partial(_record_and_tell, books, self._listener, users)
        record = partial(_record_and_offer, record, self._on_deposit, plan.config.link)
        record = self._depth.booked(plan.config, record)
        driver = EndpointDriver(sim, user.clock, on_events=record)
        return LinkEnd(plan.config, plan.secrets, role, plan.patience_ps, driver, books)

    def path_of(self, users: tuple[str, str]) -> ClassicalPath:
        """Where a link speaks: both users' fibres behind each other, as its light."""
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
