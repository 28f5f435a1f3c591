"""Two real processes distil key over TCP: the endpoints, without any simulator.

Record tags first, then start one process an end (the announcer listens)::

    netsim run two_user --duration 5s --save-tags --out run
    python -m protocols.demo secret secret.bin
    python -m protocols.demo run --link run/tags/alice-bob.json --secret secret.bin \
        --role announcer --tags run/tags/alice.npy --port 7001
    python -m protocols.demo run --link run/tags/alice-bob.json --secret secret.bin \
        --role responder --tags run/tags/bob.npy --port 7001

Each prints one JSON object: its blocks with their sizes and fingerprints, never the key itself, and
whether the link has closed. A secret serves one run: its pads sign once. Exit codes: 0, 1 without a
connection or with a link that does not close, 2 for bad input.

This module and `protocols.demo_input` are the ones that do I/O; none of the others imports them.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import secrets
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from protocols.bbm92.config import LinkConfig
from protocols.bbm92.rounds import LinkSecrets
from protocols.demo_input import (
    InputError,
    claim_secret,
    cut_frames,
    read_link,
    read_secret,
    read_tags,
    write_secret,
)
from protocols.endpoint import Endpoint
from protocols.events import Alarm, BlockUsable, RoundAborted
from protocols.messages import Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame

_LENGTH = struct.Struct(">I")
MAX_DATAGRAM_BYTES = 65_507
POLL_S = 0.05
PS_PER_NS = 1000
EXIT_FAILED, EXIT_BAD_INPUT = 1, 2


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
                self._endpoint.add_tags(frame, _now_ps())
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


def _build(config: LinkConfig, role: Role, secret: bytes) -> Endpoint:
    rng = np.random.Generator(np.random.PCG64DXSM(secrets.randbits(128)))
    tick_ps = _tick_ps(config, role)
    book = TagBook(rng, window_ticks=max(1, config.window_ps // tick_ps))
    return Endpoint(role, config, LinkSecrets.from_bytes(secret), book=book, rng=rng)


def _tick_ps(config: LinkConfig, role: Role) -> int:
    return config.announcer_tick_ps if role is Role.ANNOUNCER else config.responder_tick_ps


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


async def distil(options: argparse.Namespace) -> Peer:
    """Run one end; everything is read before the ends meet, and the secret is used up then."""
    role = Role[options.role.upper()]
    config = read_link(options.link)
    tick_ps = _tick_ps(config, role)
    frames = cut_frames(config, read_tags(options.tags, tick_ps), tick_ps, options.tags)
    secret = read_secret(options.secret, config, role)
    streams = await _meet(role, options.host, options.port)
    claim_secret(options.secret, role)
    peer = Peer(_build(config, role, secret), *streams)
    await peer.run(frames, patience_s=options.patience)
    return peer


async def _connect(host: str, port: int, attempts: int = 200) -> Streams:
    for _ in range(attempts):
        try:
            return await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(POLL_S)
    raise ConnectionError(f"nobody listens on {host}:{port}")


def main(arguments: list[str] | None = None) -> None:
    """Command line of the example."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "secret":
            write_secret(options.path)
        else:
            peer = asyncio.run(distil(options))
            report = {
                "blocks": peer.blocks,
                "aborted": peer.aborted,
                "alarms": peer.alarms,
                "closed": peer.is_closed,
            }
            print(json.dumps(report, sort_keys=True))  # noqa: T201 - the result of the command
            if not peer.is_closed:
                parser.exit(EXIT_FAILED, f"{parser.prog}: {_why_open(peer)}\n")
    except InputError as error:
        parser.exit(EXIT_BAD_INPUT, f"{parser.prog}: {error}\n")
    except OSError as error:
        parser.exit(EXIT_FAILED, f"{parser.prog}: no connection: {error}\n")


def _why_open(peer: Peer) -> str:
    if any("tag" in what for what in peer.alarms):
        return "the link did not close, tags were wrong: have both ends the same secret?"
    return "the link did not close: the peer has gone, or stands still"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="protocols.demo", description=__doc__.split("\n", maxsplit=1)[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    secret = commands.add_parser("secret", help="write a fresh pre-shared secret, for one run")
    secret.add_argument("path", type=Path, help="file to write; both ends read the same")
    run = commands.add_parser(
        "run",
        help="run one end of a link",
        description="Run one end of a link. The announcer listens, the responder connects.",
        epilog="example: python -m protocols.demo run --link run/tags/alice-bob.json "
        "--secret secret.bin --role announcer --tags run/tags/alice.npy --port 7001",
    )
    run.add_argument("--link", type=Path, required=True, help="link description (JSON)")
    run.add_argument(
        "--secret", type=Path, required=True, help="the same at both ends, for one run"
    )
    run.add_argument(
        "--role",
        choices=[role.name.lower() for role in Role],
        required=True,
        help="the first user of the link's name announces, the second responds",
    )
    run.add_argument("--tags", type=Path, required=True, help="int64 .npy: ticks << 2 | detector")
    run.add_argument("--host", default="127.0.0.1", help="where the announcer listens")
    run.add_argument("--port", type=_port, required=True, help="of the announcer")
    run.add_argument(
        "--patience", type=float, default=60.0, help="seconds without progress, then it gives up"
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 1 << 16:
        raise argparse.ArgumentTypeError(f"{port} is no port")
    return port


if __name__ == "__main__":
    main()
