"""Builds the classical half of the network: per link two endpoints, a channel, books and pools."""

import math
from dataclasses import dataclass

from netsim.devices.classical import ClassicalChannel, ClassicalPath
from netsim.driver import EndpointDriver
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.kernel.trace import Trace
from netsim.physics.clock import Clock
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.ledger import Ledger
from netsim.topology.network import Network
from netsim.units import ps_from_s
from protocols.bbm92.config import LinkConfig
from protocols.bbm92.rounds import LinkSecrets
from protocols.endpoint import Endpoint
from protocols.messages import TAG_BYTES, Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame

ANNOUNCEMENT_S = 0.5
"""Light per announcement: few messages, and little waiting at the end of a round."""
SECRET_RS = 3


@dataclass(frozen=True, slots=True)
class Link:
    """The two ends of a link, announcer first."""

    users: tuple[str, str]
    drivers: tuple[EndpointDriver, EndpointDriver]
    books: tuple[Bookkeeper, Bookkeeper]

    @property
    def is_done(self) -> bool:
        """Whether both ends have closed and nothing is on its way."""
        return all(driver.is_done for driver in self.drivers)


def link_config(network: Network, users: tuple[str, str]) -> LinkConfig:
    """Public description of the link between ``users`` (announcer first)."""
    topology = network.topology
    protocol = topology.protocol
    announcer, responder = (topology.user(name) for name in users)
    receivers = (topology.receiver_of(announcer), topology.receiver_of(responder))
    clocks = (topology.clock_of(announcer), topology.clock_of(responder))
    delays_ps = [arm.delay_ps for receiver in receivers for arm in (receiver.z, receiver.x)]
    frames = max(1, round(protocol.round_s / topology.frame_s))
    return LinkConfig(
        link="-".join(users),
        announcer=users[0],
        responder=users[1],
        announcer_tick_ps=receivers[0].tick_ps,
        responder_tick_ps=receivers[1].tick_ps,
        window_ps=protocol.window_ps,
        umi_delay_ps=round(math.fsum(delays_ps) / len(delays_ps)),
        coherence_rate_per_s=2 * math.pi * topology.qnsp.source.linewidth_hz,
        lane_delays_ps=tuple(round(lane.delay_ps) for lane in network.lanes_of(users)),
        offset_bound_ps=sum(clock.offset_bound_ps for clock in clocks),
        rate_bound_ppm=math.fsum(clock.rate_bound_ppm for clock in clocks),
        allan_deviation_1s=math.hypot(*(clock.allan_deviation_1s for clock in clocks)),
        frame_ps=ps_from_s(topology.frame_s),
        frames_per_round=frames,
        frames_per_announcement=min(frames, max(1, round(ANNOUNCEMENT_S / topology.frame_s))),
        reconciliation=protocol.reconciliation,
        error_correction_charge=protocol.error_correction_charge,
        verification_bits=protocol.verification_bits,
        initial_qber=protocol.initial_qber,
        abort_qber=protocol.abort_qber or 0.5,
    )


class Parties:
    """All endpoints of the network, and the way of a user's tags to each of them."""

    def __init__(
        self,
        sim: Simulator,
        network: Network,
        rng_tree: RngTree,
        clocks: dict[str, Clock],
        *,
        ledger: Ledger,
        trace: Trace,
    ) -> None:
        self._sim = sim
        self._network = network
        self._rng_tree = rng_tree
        self._clocks = clocks
        self._ledger = ledger
        self._trace = trace
        self._books = {user.name: self._tag_book(user.name) for user in network.topology.users}
        self._of_user: dict[str, list[EndpointDriver]] = {name: [] for name in self._books}
        self.links = tuple(self._link(users) for users in network.links)

    def add_tags(self, user: str, frame: TagFrame) -> None:
        """Hand a frame of ``user`` to all its endpoints."""
        for driver in self._of_user[user]:
            driver.add_tags(frame)

    def end_light(self) -> None:
        """Tell all endpoints that no more tags will come."""
        for link in self.links:
            for driver in link.drivers:
                driver.end_light()

    @property
    def are_done(self) -> bool:
        """Whether every link has closed."""
        return all(link.is_done for link in self.links)

    def _tag_book(self, user: str) -> TagBook:
        topology = self._network.topology
        receiver = topology.receiver_of(topology.user(user))
        links = sum(user in pair for pair in self._network.links)
        return TagBook(
            self._rng_tree.stream(f"{user}/tagbook"),
            window_ticks=max(1, topology.protocol.window_ps // receiver.tick_ps),
            links=max(1, links),
        )

    def _link(self, users: tuple[str, str]) -> Link:
        config = link_config(self._network, users)
        size = SECRET_RS * TAG_BYTES + 2 * TAG_BYTES * config.initial_pads
        secret = self._rng_tree.stream(f"{config.link}/preshared").bytes(size)
        secrets = LinkSecrets.from_bytes(secret)
        path = self._path(users)
        books = tuple(
            Bookkeeper(
                config.link,
                end,
                ledger=self._ledger,
                trace=self._trace,
                initial_reserve_bits=8 * len(secrets.pads),
            )
            for end in users
        )
        drivers: list[EndpointDriver] = []
        for role, user in zip(Role, users, strict=True):
            driver = EndpointDriver(
                self._sim,
                self._endpoint(role, user, config, secrets, path),
                self._clocks[user],
                on_event=books[role].record,
            )
            drivers.append(driver)
            self._of_user[user].append(driver)
        for role, user in zip(Role, users, strict=True):
            rng = self._rng_tree.stream(f"{config.link}/channel/{user}")
            wire = ClassicalChannel(self._sim, path, rng, drivers[role.peer].deliver)
            drivers[role].connect(wire.send)
        return Link(users, (drivers[0], drivers[1]), (books[0], books[1]))

    def _endpoint(
        self, role: Role, user: str, config: LinkConfig, secrets: LinkSecrets, path: ClassicalPath
    ) -> Endpoint:
        classical = self._network.topology.classical
        return Endpoint(
            role,
            config,
            secrets,
            book=self._books[user],
            book_index=len(self._of_user[user]),
            rng=self._rng_tree.stream(f"{config.link}/{user}"),
            max_datagram_bytes=classical.max_datagram_bytes,
            initial_timeout_ps=4 * (path.latency_ps + path.jitter_ps) + ps_from_s("0.05"),
        )

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
        )
