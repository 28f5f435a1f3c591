"""One end of a link on one TCP connection: bytes and clock readings in, bytes and blocks out.

The one loop that a program needs around a `protocols.endpoint.Endpoint`; it knows no command line.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.two_processes.connection import Connection
from examples.two_processes.inputs import (
    claim_secret,
    cut_frames,
    read_link,
    read_secret,
    read_tags,
)
from examples.two_processes.meeting import meeting_of
from protocols.deadtime import apparent_dead_ticks
from protocols.endpoint import Endpoint
from protocols.events import Alarm, BlockUsable, RoundAborted
from protocols.link import PS_PER_S, LinkConfig, LinkSecrets
from protocols.messages import Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame

POLL_S, NO_WAIT_S = 0.05, 1e-4
PS_PER_NS = 1000
AHEAD_PS = PS_PER_S
"""Light that one end may take in before the other."""
NO_MORE_LIGHT_PS = 2**62
MOST_OPEN_ROUNDS = 2
"""One in its light, one that is distilled."""
MAX_TOLD = 100
"""Of the alarms: a flood of them is told by its beginning."""


class Peer:
    """One end of a link on one TCP connection.

    Attributes
    ----------
    blocks : dict
        Bits and fingerprint of each usable block, by round.
    aborted : list of int
        Rounds without key.
    alarms : list of str
        The first `MAX_TOLD` of them.
    """

    def __init__(self, endpoint: Endpoint, connection: Connection) -> None:
        self._endpoint = endpoint
        self._connection = connection
        self.blocks: dict[str, dict[str, int | str]] = {}
        self.aborted: list[int] = []
        self.alarms: list[str] = []
        self._moved_s = time.monotonic()
        """When the endpoint last told of something but an alarm."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing is in doubt any more."""
        return self._endpoint.is_closed

    async def run(self, frames: Iterator[TagFrame], *, tick_ps: int, patience_s: float) -> None:
        """Feed all frames; go on until the link is closed, or stands still for too long.

        A recording is read faster than light comes: a frame waits until the peer has got nearly as
        far, and until the rounds before it are distilled.
        """
        reading = asyncio.create_task(self._connection.read())
        try:
            for frame in frames:
                light_ps = frame.stop_ticks * tick_ps
                self._connection.tell_light(light_ps)
                while not self._may_take(light_ps):
                    if not await self._go_on(patience_s):
                        return
                self._endpoint.book.append(frame)
                self._endpoint.take_light(_now_ps())
                self._moved_s = time.monotonic()
                await self._exchange(wait_s=NO_WAIT_S)
            self._connection.tell_light(NO_MORE_LIGHT_PS)
            self._endpoint.end_light(_now_ps())
            while not (self._endpoint.is_closed and self._endpoint.is_idle):
                if not await self._go_on(patience_s):
                    return
        except ConnectionError:
            pass  # the peer has gone: what was settled before stands
        finally:
            reading.cancel()
            self._connection.close()

    def _may_take(self, light_ps: int) -> bool:
        peer_ps = self._connection.peer_light_ps
        is_in_step = peer_ps is not None and light_ps <= peer_ps + AHEAD_PS
        return is_in_step and len(self._endpoint.open_books) <= MOST_OPEN_ROUNDS

    async def _go_on(self, patience_s: float) -> bool:
        """Whether there is reason to: the peer is there, and something happens."""
        is_stuck = time.monotonic() > self._moved_s + patience_s
        return not is_stuck and await self._exchange(wait_s=POLL_S)

    async def _exchange(self, *, wait_s: float) -> bool:
        """Events, then datagrams out, then datagrams in; False once the peer has gone."""
        self._take_events()
        await self._connection.send(self._endpoint.messages_to_send(_now_ps()))
        received = await self._connection.receive(wait_s=wait_s)
        for datagram in received or ():
            self._endpoint.receive_message(datagram, _now_ps())
        self._endpoint.handle_deadline(_now_ps())
        self._take_events()
        return received is not None

    def _take_events(self) -> None:
        while (event := self._endpoint.next_event()) is not None:
            if not isinstance(event, Alarm):
                self._moved_s = time.monotonic()
            match event:
                case BlockUsable():
                    fingerprint = hashlib.sha256(event.key).hexdigest()
                    self.blocks[str(event.round)] = {
                        "bits": event.key_bits,
                        "sha256": fingerprint,
                    }
                case RoundAborted():
                    self.aborted.append(event.round)
                case Alarm():
                    self.alarms += [event.what][: MAX_TOLD - len(self.alarms)]
                case _:
                    pass


def _now_ps() -> int:
    return time.monotonic_ns() * PS_PER_NS


def _build(config: LinkConfig, role: Role, secret: bytes, dead_ticks: int) -> Endpoint:
    rng = np.random.Generator(np.random.PCG64DXSM(secrets.randbits(128)))
    tick_ps = config.tick_ps(role)
    window_ticks = max(1, config.window_ps // tick_ps)
    book = TagBook(rng, window_ticks=window_ticks, dead_ticks=dead_ticks)
    return Endpoint(role, config, LinkSecrets.from_bytes(secret), book=book, rng=rng)


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: what it reads, and where it meets the other.

    Attributes
    ----------
    link, secret, tags : Path
        See `examples.two_processes.inputs`.
    host, port : str, int
        Where the announcer listens.
    patience_s : float
        So long without a peer, or without progress, and it gives up.
    """

    role: Role
    link: Path
    secret: Path
    tags: Path
    host: str
    port: int
    patience_s: float


async def distil(end: End) -> Peer:
    """Run one end; everything is read before the ends meet, and the secret is used up then."""
    config = read_link(end.link)
    tick_ps = config.tick_ps(end.role)
    tags = read_tags(end.tags, tick_ps)
    frames = cut_frames(config, tags, tick_ps, end.tags)
    secret = read_secret(end.secret, config, end.role)
    meeting = meeting_of(end.role, config, secret)
    streams = await meeting.with_peer(end.host, end.port, patience_s=end.patience_s)
    claim_secret(end.secret, end.role)
    peer = Peer(_build(config, end.role, secret, apparent_dead_ticks(tags)), Connection(streams))
    await peer.run(frames, tick_ps=tick_ps, patience_s=end.patience_s)
    return peer
