"""Two endpoints on a fake wire, without SimPy: time is a number, crashes and faults are calls.

The tags are synthetic: correlated pairs as two passive receivers with interferometers would click,
strong and nearly free of noise, so that a round of one second holds key.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.pools.store import UserStore
from protocols.bbm92.session import LinkSession
from protocols.endpoint import GIVEN_UP_BYTES, Endpoint
from protocols.events import BlockUsable, Event
from protocols.link import PS_PER_S, LinkConfig, LinkSecrets, nested
from protocols.messages import Role
from protocols.profile import Profile, Terms
from protocols.tagbook import TagBook
from protocols.tags import TagFrame

LINK = "alice-bob"
FRAME_PS = PS_PER_S // 10
LATENCY_PS = 2_000_000_000
Fault = Callable[[Role, bytes], list[tuple[int, bytes]]]
"""What becomes of a datagram on its way to a role: (delay in ps, bytes), any number of them."""


def link_config(**changes: object) -> LinkConfig:
    """Small link: rounds of one second, announcements of half a second; ``changes`` are flat."""
    values: dict[str, object] = {
        "link": LINK,
        "announcer": "alice",
        "responder": "bob",
        "announcer_tick_ps": 10,
        "responder_tick_ps": 10,
        "window_ps": 2000,
        "umi_delay_ps": 10_000,
        "coherence_rate_per_s": 2 * math.pi * 200e6,
        "lane_delays_ps": (5_000_000,),
        "offset_bound_ps": 100_000_000,
        "rate_bound_ppm": 0.2,
        "allan_deviation_1s": 1e-10,
        "frame_ps": FRAME_PS,
        "frames_per_round": 10,
        "frames_per_announcement": 5,
        "protocol": "bbm92",
        "estimation": "reconciled",
        "reconciliation": "cascade-yanetal",
        "amplification": "toeplitz-fft",
        "security": "asymptotic",
        "authentication": "wegman-carter",
        "basis": "symmetric",
        "initial_qber": 0.05,
        "timeout_ps": 20 * PS_PER_S,
        "initial_pads": 16,
    }
    return link_of(values | changes)


def link_of(facts: Mapping[str, object]) -> LinkConfig:
    """The link whose `LinkConfig.flat` is ``facts``."""
    own = nested(facts)
    profile = own.pop("profile")
    terms = Terms(**profile.pop("terms"))
    return LinkConfig(**own, profile=Profile(**profile, terms=terms))


def session_of(end: Endpoint) -> LinkSession[Any]:
    """What plays the role of an endpoint, with its insides."""
    session = end._session
    assert isinstance(session, LinkSession)
    return session


def correlated_tags(
    seed: int, duration_s: float, *, pairs_hz: float = 6000.0, error: float = 0.02
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Packed tags (10 ps ticks) of both ends; bob's clock is 40 us ahead and 0.1 ppm fast."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(pairs_hz * duration_s)
    times_ps = np.sort(rng.uniform(0, duration_s * PS_PER_S, count))
    peaks = rng.choice([-1, 0, 0, 1], count)
    bases = rng.integers(0, 2, (2, count))
    ports = rng.integers(0, 2, (2, count))
    joined = (peaks == 0) & (bases[0] == bases[1])
    wrong = rng.random(count) < error
    ports[1] = np.where(joined, ports[0] ^ bases[0] ^ wrong, ports[1])
    late_ps = rng.laplace(0, 1e12 / (2 * math.pi * 200e6), count) + peaks * 10_000 + 5_000_000
    alice = _packed(times_ps, 2 * bases[0] + ports[0])
    bob_ps = times_ps + late_ps
    return alice, _packed(bob_ps * (1 + 1e-7) + 40e6, 2 * bases[1] + ports[1])


def _packed(times_ps: NDArray[np.float64], detectors: NDArray[np.int64]) -> NDArray[np.int64]:
    ticks = np.floor(times_ps / 10).astype(np.int64)
    return np.sort(ticks << 2 | detectors)


class TwoEnds:
    """Both ends of a link, their stores, and the wire between them.

    Attributes
    ----------
    delivered : int
        Datagrams that have reached an end.
    usable : list of dict
        Per role, block id to (key, bits) as reported when it became usable.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        duration_s: float = 3.0,
        config: LinkConfig | None = None,
        pairs_hz: float = 6000.0,
        error: float = 0.02,
    ) -> None:
        self.config = config or link_config()
        self.seed = seed
        self.now_ps = 0
        self.delivered = 0
        self.events: list[tuple[Role, Event]] = []
        self.usable: list[dict[int, tuple[bytes, int]]] = [{}, {}]
        self.fault: Fault = lambda _role, datagram: [(0, datagram)]
        self.on_delivery: Callable[[int], None] = lambda _count: None
        size = LinkSecrets.size_bytes(self.config.initial_pads)
        secret = np.random.default_rng(seed + 1000).bytes(size)
        self._secrets = LinkSecrets.from_bytes(secret)
        self.stores = [UserStore(), UserStore()]
        for store in self.stores:
            store.open_link(LINK, self._secrets.pads)
        self._lives = [0, 0]
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._is_light_over = False
        self.ends = [self._start(role) for role in Role]
        tags = correlated_tags(seed, duration_s, pairs_hz=pairs_hz, error=error)
        self._plan_light(duration_s, tags)

    def _start(self, role: Role) -> Endpoint:
        rng = np.random.default_rng([self.seed, role, self._lives[role]])
        return Endpoint(
            role,
            self.config,
            self._secrets,
            book=TagBook(rng, window_ticks=200),
            rng=rng,
            initial_timeout_ps=20_000_000_000,
            durable=self.stores[role].state(LINK),
        )

    def _plan_light(
        self, duration_s: float, both_tags: tuple[NDArray[np.int64], NDArray[np.int64]]
    ) -> None:
        frames = round(duration_s * PS_PER_S) // FRAME_PS
        for role, tags in zip(Role, both_tags, strict=True):
            stops = (np.arange(1, frames + 1) * FRAME_PS) // 10
            cuts = [0, *np.searchsorted(tags, stops << 2)]
            for k in range(frames):
                frame = TagFrame(k, int(stops[k]), tags[cuts[k] : cuts[k + 1]])
                self._at((k + 1) * FRAME_PS, partial(self._tags, role, frame))
        self._at(frames * FRAME_PS + 1, self._end_light)

    def _tags(self, role: Role, frame: TagFrame) -> None:
        self.ends[role].book.append(frame)
        self.ends[role].take_light(self.now_ps)

    def _end_light(self) -> None:
        self._is_light_over = True
        for end in self.ends:
            end.end_light(self.now_ps)

    def _at(self, time_ps: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (time_ps, next(self._order), act))

    def crash(self, role: Role) -> None:
        """The process of one end stops and starts again at once, from its store."""
        self._lives[role] += 1
        self.ends[role] = self._start(role)
        if self._is_light_over:
            self.ends[role].end_light(self.now_ps)

    def give_up(self, role: Role) -> None:
        """One end gives up the connection, as if too much waited for the wire."""
        end = self.ends[role]
        end._transport._queued_bytes = GIVEN_UP_BYTES + 1
        end.handle_deadline(self.now_ps)

    def _deliver(self, role: Role, datagram: bytes) -> None:
        self.ends[role].receive_message(datagram, self.now_ps)
        self._flush()
        self.delivered += 1
        self.on_delivery(self.delivered)

    def _flush(self) -> None:
        for role, end in zip(Role, self.ends, strict=True):
            step = end.take_events()
            self.stores[role].apply(LINK, step)
            for event in step:
                self._record(role, event)
            for datagram in end.messages_to_send(self.now_ps):
                for delay_ps, data in self.fault(role.peer, datagram):
                    at_ps = self.now_ps + LATENCY_PS + delay_ps
                    self._at(at_ps, partial(self._deliver, role.peer, data))

    def _record(self, role: Role, event: Event) -> None:
        self.events.append((role, event))
        if isinstance(event, BlockUsable):
            assert event.round not in self.usable[role], "a block became usable twice"
            self.usable[role][event.round] = (event.key, event.key_bits)

    @property
    def is_done(self) -> bool:
        """Whether both ends have closed and nothing is on its way."""
        return all((end.is_closed or end.is_stopped) and end.is_idle for end in self.ends)

    def run(self, *, until_s: float = 120.0) -> None:
        """Go on until both ends are done or time is over."""
        self._flush()
        while not self.is_done and self.now_ps < until_s * PS_PER_S:
            due = [end.next_deadline_ps() for end in self.ends]
            times = [time_ps for time_ps in due if time_ps is not None]
            times += [self._queue[0][0]] if self._queue else []
            if not times:
                break
            self.now_ps = max(self.now_ps + 1, min(times))
            while self._queue and self._queue[0][0] <= self.now_ps:
                heapq.heappop(self._queue)[2]()
            for end in self.ends:
                end.handle_deadline(self.now_ps)
            self._flush()
