"""One end of a link on one TCP connection: bytes and clock readings in, bytes and blocks out.

The one loop that a program needs around a `protocols.endpoint.Endpoint`; it knows no command line.
"""

import asyncio
import contextlib
import hashlib
import secrets
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.two_processes.inputs import (
    claim_secret,
    cut_frames,
    read_link,
    read_secret,
    read_tags,
)
from protocols.deadtime import apparent_dead_ticks
from protocols.endpoint import Endpoint
from protocols.events import Alarm, BlockUsable, RoundAborted
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame

_LENGTH = struct.Struct(">I")
MAX_DATAGRAM_BYTES = 65_507
POLL_S = 0.05
PS_PER_NS = 1000


class Peer:
    """One end of a link on one TCP connection."""

    def __init__(
        self, endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._writer = writer
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.blocks: dict[str, dict[str, int | str]] = {}
        self.aborted: list[int] = []
        self.alarms: list[str] = []
        self._moved_s = time.monotonic()
        """When the endpoint last told of something but an alarm."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing is in doubt any more."""
        return self._endpoint.is_closed

    async def run(self, frames: Iterator[TagFrame], *, patience_s: float) -> None:
        """Feed all frames; go on until the link is closed, or stands still for too long."""
        reading = asyncio.create_task(self._read())
        try:
            for frame in frames:
                self._endpoint.book.append(frame)
                self._endpoint.take_light(_now_ps())
                await self._exchange(wait_s=0.0)
            self._endpoint.end_light(_now_ps())
            while not (self._endpoint.is_closed and self._endpoint.is_idle):
                is_stuck = time.monotonic() > self._moved_s + patience_s
                if is_stuck or not await self._exchange(wait_s=POLL_S):
                    break
        except ConnectionError:
            pass  # the peer has gone: what was settled before stands
        finally:
            reading.cancel()
            self._writer.close()

    async def _read(self) -> None:
        try:
            while True:
                (size,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
                if size > MAX_DATAGRAM_BYTES:
                    break
                self._inbox.put_nowait(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        self._inbox.put_nowait(None)

    async def _exchange(self, *, wait_s: float) -> bool:
        """Events, then datagrams out, then datagrams in; False once the peer has gone."""
        self._take_events()
        for datagram in self._endpoint.messages_to_send(_now_ps()):
            self._writer.write(_LENGTH.pack(len(datagram)) + datagram)
        await self._writer.drain()
        received: bytes | None = b""
        with contextlib.suppress(TimeoutError):
            received = await asyncio.wait_for(self._inbox.get(), wait_s or 1e-4)
        while received:
            self._endpoint.receive_message(received, _now_ps())
            received = b"" if self._inbox.empty() else self._inbox.get_nowait()
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
                    self.alarms.append(event.what)
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


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _meet(role: Role, host: str, port: int) -> Streams:
    """Connect both ends: the announcer listens on ``port`` (once), the responder connects."""
    if role is Role.RESPONDER:
        return await _connect(host, port)
    accepted: asyncio.Future[Streams] = asyncio.get_running_loop().create_future()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not accepted.done():
            accepted.set_result((reader, writer))

    server = await asyncio.start_server(accept, host, port)
    streams = await accepted
    server.close()
    return streams


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
        So long without progress, and it gives up.
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
    streams = await _meet(end.role, end.host, end.port)
    claim_secret(end.secret, end.role)
    peer = Peer(_build(config, end.role, secret, apparent_dead_ticks(tags)), *streams)
    await peer.run(frames, patience_s=end.patience_s)
    return peer


async def _connect(host: str, port: int, attempts: int = 200) -> Streams:
    for _ in range(attempts):
        try:
            return await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(POLL_S)
    raise ConnectionError(f"nobody listens on {host}:{port}")
