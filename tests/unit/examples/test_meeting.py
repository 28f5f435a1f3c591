"""The example's ends find each other among strangers, and hold no more than they have room for."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from examples.two_processes.connection import MAX_WAITING, Connection, Streams
from examples.two_processes.meeting import Meeting
from protocols.messages import Role
from tests.support.links import link_config

CONFIG = link_config()
KEY = bytes(range(16))


async def meet_among(strangers: Callable[[int], Awaitable[None]]) -> tuple[Streams, Streams]:
    """Both ends meet on a free port, after what ``strangers`` do there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    announcer = Meeting(Role.ANNOUNCER, CONFIG, KEY).with_peer("127.0.0.1", port, patience_s=10)
    listening = asyncio.create_task(announcer)
    await strangers(port)
    assert not listening.done()
    responder = Meeting(Role.RESPONDER, CONFIG, KEY).with_peer("127.0.0.1", port, patience_s=10)
    return await asyncio.gather(listening, responder)


async def _stray(port: int) -> None:
    """Connections that are not the peer's: silent, of another secret, of another link, a mirror."""
    other = link_config(window_ps=1000)
    for config, key in ((CONFIG, bytes(16)), (other, KEY)):
        with pytest.raises(ConnectionError):
            await Meeting(Role.RESPONDER, config, key).with_peer("127.0.0.1", port, patience_s=0.5)
    for answer in (b"", b"GET / HTTP/1.1\r\n\r\n"):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(answer)
        await writer.drain()
        writer.close()
    silent = await asyncio.open_connection("127.0.0.1", port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(await reader.readexactly(32))
    writer.write(await reader.readexactly(32))
    assert not await reader.read(100)
    for open_writer in (writer, silent[1]):
        open_writer.close()


def test_strangers_are_not_met() -> None:
    """Whoever comes first, the peer is who proves it; both ends then hold one connection."""

    async def meet() -> None:
        (one, other) = await meet_among(_stray)
        one[1].write(b"through")
        assert await other[0].readexactly(7) == b"through"
        for _, writer in (one, other):
            writer.close()
            await writer.wait_closed()

    asyncio.run(meet())


async def _flood(payload: bytes, count: int) -> Connection:
    """What a connection holds of a flood of frames that nobody takes."""
    server, client = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=server)
    connection = Connection((reader, writer))
    reading = asyncio.create_task(connection.read())
    client.setblocking(False)
    try:
        for _ in range(count):
            with contextlib.suppress(BlockingIOError):
                client.send(payload)
            await asyncio.sleep(0)
    finally:
        reading.cancel()
        client.close()
        writer.close()
    return connection


def test_what_waits_is_bounded() -> None:
    """Datagrams that are not taken fill a place each, and then the sender waits."""
    connection = asyncio.run(_flood(b"\0\0\0\0\1x" * 1000, 100))
    assert connection._inbox.qsize() == MAX_WAITING


def test_empty_frames_end_the_connection() -> None:
    """No end sends one: the first is the end."""
    connection = asyncio.run(_flood(bytes(5) * 1000, 3))
    assert connection._inbox.qsize() == 1
    assert connection._inbox.get_nowait() is None
