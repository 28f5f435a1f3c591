"""Two endpoints on a fake wire, message by message: synthetic light, recorded messages, tampering.

Each datagram carries one whole message here, so that a test can read, change or lose messages
rather than pieces. Time is a number, light is drawn here; nothing of the simulator is needed.
"""

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from protocols.bits import unpack_bits
from protocols.codec import decode
from protocols.endpoint import Endpoint
from protocols.events import (
    Alarm,
    BlockHeld,
    BlockPrepared,
    BlockUsable,
    Event,
    RoundAborted,
)
from protocols.link import PS_PER_S, LinkConfig, LinkSecrets
from protocols.messages import AbortReason, Envelope, Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame
from protocols.wire.datagrams import Kind, decode_datagram, encode_datagram
from tests.support.two_ends import FRAME_PS, LATENCY_PS, link_config

KAPPA_PER_S = 2 * math.pi * 200e6
TICK_PS = 10
MESSAGE_ROOM_BYTES = 1 << 20
Bits = NDArray[np.uint8]
Tags = NDArray[np.int64]
Tamper = Callable[[Role, Envelope, bytes], bytes | None]
"""What becomes of a message of a sender on its way; None loses the datagram."""


@dataclass(frozen=True, slots=True)
class LaneLight:
    """Detected pairs of one lane: delay of the responder's photon, rate, error rate.

    It has light from ``from_s`` to ``to_s``. Without interferometers all pairs come together, as
    behind polarisation analysers.
    """

    delay_ps: int = 5_000_000
    pairs_hz: float = 6000.0
    error: float = 0.02
    from_s: float = 0.0
    to_s: float = math.inf
    umi_delay_ps: int = 10_000

    def is_lit(self, times_ps: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(N,) bool: which moments have light."""
        return (times_ps >= self.from_s * PS_PER_S) & (times_ps < self.to_s * PS_PER_S)


@dataclass(frozen=True, slots=True)
class Clicks:
    """Clicks of one user: (N,) true times in ps and detectors, in any order."""

    times_ps: NDArray[np.float64]
    detectors: NDArray[np.int64]

    def packed(self) -> Tags:
        """Sorted tags."""
        ticks = np.floor(self.times_ps / TICK_PS).astype(np.int64)
        return np.sort(ticks << 2 | self.detectors)


def draw_pairs(
    rng: np.random.Generator, duration_s: float, lane: LaneLight
) -> tuple[Clicks, Clicks]:
    """Pairs as two passive receivers with unbalanced interferometers, or with none, click."""
    count = rng.poisson(lane.pairs_hz * duration_s)
    times_ps = rng.uniform(0, duration_s * PS_PER_S, count)
    times_ps = times_ps[lane.is_lit(times_ps)]
    count = times_ps.size
    peaks = rng.choice([-1, 0, 0, 1], count) * (lane.umi_delay_ps > 0)
    bases, ports = rng.integers(0, 2, (2, count)), rng.integers(0, 2, (2, count))
    joined = (peaks == 0) & (bases[0] == bases[1])
    wrong = rng.random(count) < lane.error
    # In Z the ports agree, in X (both phases pi / 2) they do not.
    ports[1] = np.where(joined, ports[0] ^ bases[0] ^ wrong, ports[1])
    late_ps = rng.laplace(0, PS_PER_S / KAPPA_PER_S, count) + lane.delay_ps
    late_ps += peaks * lane.umi_delay_ps
    return (
        Clicks(times_ps, 2 * bases[0] + ports[0]),
        Clicks(times_ps + late_ps, 2 * bases[1] + ports[1]),
    )


def draw_singles(rng: np.random.Generator, duration_s: float, rate_hz: float) -> Clicks:
    """Clicks that belong to nothing."""
    count = rng.poisson(rate_hz * duration_s)
    return Clicks(rng.uniform(0, duration_s * PS_PER_S, count), rng.integers(0, 4, count))


def draw_tags(
    seed: int,
    duration_s: float,
    lanes: Sequence[LaneLight] = (LaneLight(),),
    *,
    singles_hz: tuple[float, float] = (200.0, 200.0),
    offset_ps: float = 40e6,
    rate_ppm: float = 0.1,
) -> tuple[Tags, Tags]:
    """Packed tags of both users; the responder's clock is ahead and fast by the given amounts."""
    rng = np.random.default_rng(seed)
    drawn = [draw_pairs(rng, duration_s, lane) for lane in lanes]
    drawn.append(
        (
            draw_singles(rng, duration_s, singles_hz[0]),
            draw_singles(rng, duration_s, singles_hz[1]),
        )
    )
    ends = []
    for role in Role:
        times_ps = np.concatenate([both[role].times_ps for both in drawn])
        detectors = np.concatenate([both[role].detectors for both in drawn])
        if role is Role.RESPONDER:
            times_ps = times_ps * (1 + rate_ppm * 1e-6) + offset_ps
        ends.append(Clicks(times_ps, detectors).packed())
    return ends[0], ends[1]


def cut_frames(tags: Tags, frames: int) -> list[TagFrame]:
    """``frames`` frames of `FRAME_PS` by the user's own clock; later tags are left out."""
    stops = np.arange(1, frames + 1) * (FRAME_PS // TICK_PS)
    cuts = [0, *np.searchsorted(tags, stops << 2)]
    return [TagFrame(k, int(stops[k]), tags[cuts[k] : cuts[k + 1]]) for k in range(frames)]


class Pump:
    """Both ends of a link, their light, and the wire between them.

    Parameters
    ----------
    tags : (Tags, Tags)
        Of announcer and responder.
    seconds : int
        Of light.
    config : LinkConfig, optional
        `link_config` of `tests.support.two_ends` by default: rounds of one second.
    tamper : callable, optional
        See `Tamper`; honest by default.
    books : dict, optional
        Role to a book that this user shares with another link, and the number of this link.

    Attributes
    ----------
    events, event_times_ps : list of (Role, Event), list of int
        In order.
    sent : list of (Role, Envelope)
        Each message that an end has put on the wire, once, as it was sent.
    datagrams : list of list of int
        Sizes of all datagrams, per sender.
    """

    def __init__(
        self,
        tags: tuple[Tags, Tags],
        *,
        seconds: int = 3,
        seed: int = 1,
        config: LinkConfig | None = None,
        tamper: Tamper | None = None,
        books: dict[Role, tuple[TagBook, int]] | None = None,
    ) -> None:
        self.config = config or link_config()
        self.now_ps = 0
        self.events: list[tuple[Role, Event]] = []
        self.event_times_ps: list[int] = []
        self.sent: list[tuple[Role, Envelope]] = []
        self.datagrams: list[list[int]] = [[], []]
        self._seen: set[tuple[Role, int]] = set()
        self._tamper: Tamper = tamper or (lambda _sender, _envelope, data: data)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        secret = np.random.default_rng(seed).bytes(LinkSecrets.size_bytes(self.config.initial_pads))
        self.secrets = LinkSecrets.from_bytes(secret)
        self.ends = [self._endpoint(role, seed, books or {}) for role in Role]
        self._plan_light(tags, seconds)

    def _endpoint(self, role: Role, seed: int, books: dict[Role, tuple[TagBook, int]]) -> Endpoint:
        rng = np.random.Generator(np.random.PCG64DXSM([seed, role]))
        own = TagBook(rng, window_ticks=self.config.window_ps // TICK_PS)
        book, index = books.get(role, (own, 0))
        return Endpoint(
            role,
            self.config,
            self.secrets,
            book=book,
            book_index=index,
            rng=rng,
            max_datagram_bytes=MESSAGE_ROOM_BYTES,
            initial_timeout_ps=20_000_000_000,
        )

    def _plan_light(self, tags: tuple[Tags, Tags], seconds: int) -> None:
        frames = seconds * PS_PER_S // FRAME_PS
        for end, own in zip(self.ends, tags, strict=True):
            for frame in cut_frames(own, frames):
                at_ps = (frame.index + 1) * FRAME_PS
                self._at(at_ps, partial(self._add_tags, end, frame))
            self._at(frames * FRAME_PS + 1, partial(self._end_light, end))

    def _add_tags(self, end: Endpoint, frame: TagFrame) -> None:
        end.book.append(frame)
        end.take_light(self.now_ps)

    def _end_light(self, end: Endpoint) -> None:
        end.end_light(self.now_ps)

    def _deliver(self, role: Role, datagram: bytes) -> None:
        self.ends[role].receive_message(datagram, self.now_ps)

    def _at(self, time_ps: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (time_ps, next(self._order), act))

    def _flush(self) -> None:
        for role, end in zip(Role, self.ends, strict=True):
            while (event := end.next_event()) is not None:
                self.events.append((role, event))
                self.event_times_ps.append(self.now_ps)
            for datagram in end.messages_to_send(self.now_ps):
                self.datagrams[role].append(len(datagram))
                passing = self._on_wire(role, datagram)
                if passing is not None:
                    self._at(self.now_ps + LATENCY_PS, partial(self._deliver, role.peer, passing))

    def _on_wire(self, sender: Role, data: bytes) -> bytes | None:
        datagram = decode_datagram(data)
        if datagram.kind is not Kind.DATA:
            return data
        assert datagram.ends_message, "one message a datagram"
        envelope = decode(datagram.payload)
        if (sender, datagram.sequence) not in self._seen:
            self._seen.add((sender, datagram.sequence))
            self.sent.append((sender, envelope))
        payload = self._tamper(sender, envelope, datagram.payload)
        return None if payload is None else encode_datagram(replace(datagram, payload=payload))

    @property
    def is_done(self) -> bool:
        """Whether both ends have closed (or stopped) and nothing is on its way."""
        return all((end.is_closed or end.is_stopped) and end.is_idle for end in self.ends)

    def run(self, *, until_s: float = 300.0) -> "Pump":
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
                self._flush()
            for end in self.ends:
                end.handle_deadline(self.now_ps)
            self._flush()
        return self

    # What came of it ------------------------------------------------------------------------------

    def usable(self, role: Role) -> dict[int, Bits]:
        """Bits of each usable block, the reserve's share first."""
        return {
            event.round: _all_bits(event)
            for at, event in self.events
            if at is role and isinstance(event, BlockUsable)
        }

    def in_doubt(self, role: Role) -> dict[int, Bits]:
        """Bits of each block that was ever prepared or held."""
        return {
            event.round: unpack_bits(event.key, event.key_bits)
            for at, event in self.events
            if at is role and isinstance(event, BlockPrepared | BlockHeld)
        }

    def aborted(self, role: Role) -> dict[int, RoundAborted]:
        """Aborted rounds."""
        return {
            event.round: event
            for at, event in self.events
            if at is role and isinstance(event, RoundAborted)
        }

    def alarms(self, *roles: Role) -> list[str]:
        """What all alarms say, or those of one end."""
        return [
            event.what
            for at, event in self.events
            if isinstance(event, Alarm) and (not roles or at in roles)
        ]

    def messages(self, kind: type, sender: Role | None = None) -> list[Envelope]:
        """All messages of a type, in the order in which they were sent."""
        return [
            envelope
            for role, envelope in self.sent
            if isinstance(envelope.body, kind) and sender in (None, role)
        ]


def _all_bits(event: BlockUsable) -> Bits:
    reserve = unpack_bits(event.reserve, 8 * len(event.reserve))
    return np.concatenate((reserve, unpack_bits(event.key, event.key_bits)))


def unequal_bits(pump: Pump) -> list[str]:
    """Where the first invariant is broken: a usable block has the same bits at the other end."""
    found = []
    for role in Role:
        theirs = pump.in_doubt(role.peer)
        for number, bits in pump.usable(role).items():
            if number not in theirs:
                found.append(f"block {number} of {role.name} is unknown to its peer")
            elif not np.array_equal(bits, theirs[number]):
                found.append(f"block {number} differs")
    return found


def is_closed_alike(pump: Pump) -> bool:
    """Whether both ends have closed, and hold the same usable blocks, bit for bit."""
    one, other = pump.usable(Role.ANNOUNCER), pump.usable(Role.RESPONDER)
    return (
        all(end.is_closed for end in pump.ends)
        and list(one) == list(other)
        and all(np.array_equal(one[number], other[number]) for number in one)
    )


@cache
def light(seed: int = 1, *, error: float = 0.02) -> tuple[Tags, Tags]:
    """Three seconds of one lane."""
    return draw_tags(seed, 3.2, (LaneLight(error=error),))


@cache
def honest() -> Pump:
    """Three rounds that nothing disturbs."""
    return Pump(light()).run()


def reasons(pump: Pump, role: Role) -> Counter[AbortReason]:
    """How often rounds ended without key at an end, by reason."""
    return Counter(event.reason for event in pump.aborted(role).values())


def kinds(events: Iterable[tuple[Role, Event]], role: Role) -> Counter[type]:
    """How many events of each type an end has told."""
    return Counter(type(event) for at, event in events if at is role)


def only(kind: type, number: int, change: Tamper) -> Tamper:
    """Apply ``change`` to messages of ``kind`` in round ``number``."""

    def tamper(sender: Role, envelope: Envelope, data: bytes) -> bytes | None:
        if isinstance(envelope.body, kind) and envelope.round == number:
            return change(sender, envelope, data)
        return data

    return tamper
