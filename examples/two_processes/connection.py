"""One TCP connection of two ends: datagrams, and how far the light of either has got.

It bounds what waits, refuses what no end sends, and knows no endpoint.
"""

import asyncio
import contextlib
import struct

_HEAD = struct.Struct(">BI")
"""Kind and size of what follows."""
_LIGHT = struct.Struct(">q")
_DATAGRAM_KIND, _LIGHT_KIND = 0, 1
MAX_DATAGRAM_BYTES = 65_507
MAX_WAITING = 256
"""Datagrams that have come and are not taken yet: then the sender waits."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connection:
    """Both directions of a connection that has been made.

    Attributes
    ----------
    peer_light_ps : int or None
        Time up to which the peer has taken in its tags, by its own clock; None before it has said
        so. Nothing but the pace rests on it.
    """

    def __init__(self, streams: Streams) -> None:
        self._reader, self._writer = streams
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_WAITING)
        self._has_gone = False
        self.peer_light_ps: int | None = None

    async def read(self) -> None:
        """Take in what comes, until the peer has gone or sends what no end sends."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, size = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
                if not 0 < size <= MAX_DATAGRAM_BYTES:
                    break
                payload = await self._reader.readexactly(size)
                if kind == _DATAGRAM_KIND:
                    await self._inbox.put(payload)
                elif kind == _LIGHT_KIND and size == _LIGHT.size:
                    (self.peer_light_ps,) = _LIGHT.unpack(payload)
                else:
                    break
        await self._inbox.put(None)

    async def receive(self, *, wait_s: float) -> list[bytes] | None:
        """Datagrams that have come, after waiting for one; None once the peer has gone."""
        if self._has_gone:
            return None
        found: list[bytes] = []
        with contextlib.suppress(TimeoutError):
            datagram = await asyncio.wait_for(self._inbox.get(), wait_s)
            while datagram is not None:
                found.append(datagram)
                if self._inbox.empty():
                    return found
                datagram = self._inbox.get_nowait()
            self._has_gone = True
        return found or None if self._has_gone else found

    async def send(self, datagrams: list[bytes]) -> None:
        """Put datagrams on the wire; ConnectionError if there is none any more."""
        for datagram in datagrams:
            self._writer.write(_HEAD.pack(_DATAGRAM_KIND, len(datagram)) + datagram)
        await self._writer.drain()

    def tell_light(self, light_ps: int) -> None:
        """Say up to what time this end has taken in its tags."""
        self._writer.write(_HEAD.pack(_LIGHT_KIND, _LIGHT.size) + _LIGHT.pack(light_ps))

    def close(self) -> None:
        """Say no more."""
        self._writer.close()
