"""Two endpoints on a fake wire, without SimPy: time is a number, crashes and faults are calls."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from netsim.pools.store import UserStore
from netsim.recordings.exchange import Exchange, cut_frames
from protocols.bits import unpack_bits
from protocols.endpoint import GIVEN_UP_BYTES, Endpoint
from protocols.events import Alarm, BlockHeld, BlockPrepared, BlockUsable, Event, RoundAborted
from protocols.link import PS_PER_S, LinkConfig, LinkSecrets
from protocols.messages import Role
from protocols.tagbook import TagBook
from tests.support.light import Tags, clean_tags
from tests.support.links import FRAME_PS, TICK_PS, link_config

LATENCY_PS = 2_000_000_000
Bits = NDArray[np.uint8]
E = TypeVar("E", bound=Event)
Fault = Callable[[Role, bytes], list[tuple[int, bytes]]]
"""What becomes of a datagram on its way to a role: (delay in ps, bytes), any number of them."""


class TwoEnds(Exchange):
    """Both ends of a link, their light, their stores, and the wire between them.

    Parameters
    ----------
    tags : (Tags, Tags)
        Of announcer and responder.
    duration_s : float
        Of light, whole frames.
    seed : int
        Of both ends' randomness and of their common secret.
    config : LinkConfig, optional
        `link_config` by default: rounds of one second.
    books : mapping, optional
        Role to a book that this user shares with another link, and the number of this link.
    max_datagram_bytes : int

    Attributes
    ----------
    events, event_times_ps : list of (Role, Event), list of int
        In order; ``on_event`` is called after each of them.
    stores : list of UserStore
        Of both ends; what survives a crash.
    usable : list of dict
        Per role, block id to (key, bits) as reported when it became usable.
    delivered : int
        Datagrams that have reached an end; ``on_delivery`` is called with it after each of them.
    fault : callable
        See `Fault`; the wire is sound by default.
    """

    def __init__(
        self,
        tags: tuple[Tags, Tags],
        *,
        duration_s: float = 3.0,
        seed: int = 1,
        config: LinkConfig | None = None,
        books: Mapping[Role, tuple[TagBook, int]] | None = None,
        max_datagram_bytes: int = 9000,
    ) -> None:
        self.config = config or link_config()
        self.seed = seed
        secret = np.random.default_rng(seed + 1000)
        self.secrets = LinkSecrets.from_bytes(
            secret.bytes(LinkSecrets.size_bytes(self.config.initial_pads))
        )
        self.stores = [UserStore(), UserStore()]
        for store in self.stores:
            store.open_link(self.config.link, self.secrets.pads)
        self.events: list[tuple[Role, Event]] = []
        self.event_times_ps: list[int] = []
        self.usable: list[dict[int, tuple[bytes, int]]] = [{}, {}]
        self.delivered = 0
        self.fault: Fault = lambda _receiver, datagram: [(0, datagram)]
        self.on_delivery: Callable[[int], None] = lambda _count: None
        self.on_event: Callable[[Role, Event], None] = lambda _role, _event: None
        self._books = books or {}
        self._max_datagram_bytes = max_datagram_bytes
        self._lives = [0, 0]
        self._is_light_over = False
        super().__init__(
            (self._start(Role.ANNOUNCER), self._start(Role.RESPONDER)),
            latency_ps=LATENCY_PS,
            on_events=self._take_step,
        )
        self._plan_light(tags, round(duration_s * PS_PER_S))

    def _start(self, role: Role) -> Endpoint:
        rng = np.random.default_rng([self.seed, role, self._lives[role]])
        own = TagBook(rng, window_ticks=self.config.window_ps // TICK_PS)
        book, index = self._books.get(role, (own, 0))
        return Endpoint(
            role,
            self.config,
            self.secrets,
            book=book,
            book_index=index,
            rng=rng,
            max_datagram_bytes=self._max_datagram_bytes,
            initial_timeout_ps=20_000_000_000,
            durable=self.stores[role].state(self.config.link),
        )

    def _plan_light(self, tags: tuple[Tags, Tags], light_ps: int) -> None:
        both = (
            cut_frames(own, tick_ps=TICK_PS, start_ps=0, stop_ps=light_ps - 1, frame_ps=FRAME_PS)
            for own in tags
        )
        for frames in zip(*both, strict=True):
            announcer, responder = frames
            at_ps = (announcer.index + 1) * FRAME_PS
            self.at(at_ps, partial(self.feed, (announcer, responder)))
        self.at(light_ps + 1, self.end_light)

    def end_light(self) -> None:
        """No frames will follow, in a later life neither."""
        self._is_light_over = True
        super().end_light()

    # What happens to them -------------------------------------------------------------------------

    def run(self, *, until_s: float = 120.0) -> Self:
        """Go on until both ends are done or time is over."""
        self.flush()
        self.go_on_until(max(self.now_ps, round(until_s * PS_PER_S)), stop_when_done=True)
        return self

    def at_s(self, time_s: float, act: Callable[[], None]) -> None:
        """Do something at a time."""
        self.at(round(time_s * PS_PER_S), act)

    def crash(self, role: Role) -> None:
        """The process of one end stops and starts again at once, from its store."""
        self._lives[role] += 1
        self.ends[role] = self._start(role)
        if self._is_light_over:
            self.ends[role].end_light(self.now_ps)

    def give_up(self, role: Role) -> None:
        """One end gives up the connection, as if too much waited for the wire."""
        end = self.ends[role]
        end._transport.queued_bytes = GIVEN_UP_BYTES + 1
        end.handle_deadline(self.now_ps)

    def inject(self, sender: Role, datagram: bytes, delay_ps: int = 0) -> None:
        """Put a datagram on the wire behind all faults, as if ``sender`` had sent it."""
        at_ps = self.now_ps + LATENCY_PS + delay_ps
        self.at(at_ps, partial(self._deliver, sender.peer, datagram))

    def _send(self, sender: Role, datagram: bytes) -> None:
        for delay_ps, data in self.fault(sender.peer, datagram):
            self.inject(sender, data, delay_ps)

    def _deliver(self, receiver: Role, datagram: bytes) -> None:
        super()._deliver(receiver, datagram)
        self.flush()
        self.delivered += 1
        self.on_delivery(self.delivered)

    def _take_step(self, role: Role, step: Sequence[Event], now_ps: int) -> None:
        self.stores[role].apply(self.config.link, step)
        for event in step:
            self.events.append((role, event))
            self.event_times_ps.append(now_ps)
            if isinstance(event, BlockUsable):
                assert event.round not in self.usable[role], "a block became usable twice"
                self.usable[role][event.round] = (event.key, event.key_bits)
            self.on_event(role, event)

    # What came of it ------------------------------------------------------------------------------

    def told(self, role: Role, kind: type[E]) -> list[E]:
        """Events of a type that an end has told."""
        return [event for at, event in self.events if at is role and isinstance(event, kind)]

    def usable_bits(self, role: Role) -> dict[int, Bits]:
        """Bits of each usable block, the reserve's share first."""
        return {event.round: all_bits(event) for event in self.told(role, BlockUsable)}

    def bits_in_doubt(self, role: Role) -> dict[int, Bits]:
        """Bits of each block that was ever prepared or held."""
        return {
            event.round: unpack_bits(event.key, event.key_bits)
            for at, event in self.events
            if at is role and isinstance(event, BlockPrepared | BlockHeld)
        }

    def aborted(self, role: Role) -> dict[int, RoundAborted]:
        """Aborted rounds."""
        return {event.round: event for event in self.told(role, RoundAborted)}

    def alarms(self, *roles: Role) -> list[str]:
        """What all alarms say, or those of one end."""
        return [
            event.what
            for at, event in self.events
            if isinstance(event, Alarm) and (not roles or at in roles)
        ]

    @property
    def is_closed_alike(self) -> bool:
        """Whether both ends have closed, and hold the same usable blocks, bit for bit."""
        one, other = (self.usable_bits(role) for role in Role)
        return (
            all(end.is_closed for end in self.ends)
            and list(one) == list(other)
            and all(np.array_equal(one[number], other[number]) for number in one)
        )


def clean_ends(
    seed: int = 1,
    *,
    duration_s: float = 3.0,
    config: LinkConfig | None = None,
    pairs_hz: float = 6000.0,
    error: float = 0.02,
) -> TwoEnds:
    """Ends with light that is drawn from their own seed, without a click that has no partner."""
    tags = clean_tags(seed, duration_s, pairs_hz=pairs_hz, error=error)
    return TwoEnds(tags, duration_s=duration_s, seed=seed, config=config)


def all_bits(event: BlockUsable) -> Bits:
    """Of a block, the reserve's share first."""
    reserve = unpack_bits(event.reserve, 8 * len(event.reserve))
    return np.concatenate((reserve, unpack_bits(event.key, event.key_bits)))
