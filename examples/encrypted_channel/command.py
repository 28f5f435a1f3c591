"""The command line of both sides: one listens, the other one opens the channel and speaks first."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.encrypted_channel.channel import (
    BrokenError,
    Channel,
    Side,
    receive_frame,
    send_frame,
)
from examples.encrypted_channel.keys import KeyManagerClient, NoKeyError

HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one side; exit code 0, or 1 with one line where the channel did not come about."""
    options = _parser().parse_args(arguments)
    keys = KeyManagerClient(options.kme, options.certificates, options.sae)
    work = _listen if options.side == "listen" else _send
    try:
        asyncio.run(work(options, keys))
    except (NoKeyError, BrokenError, OSError) as error:
        print(f"no channel: {error}", file=sys.stderr)
        return 1
    return 0


async def _send(options: argparse.Namespace, keys: KeyManagerClient) -> None:
    """Get a key, tell its id, and send a text under it; the answer is printed."""
    key = await asyncio.to_thread(keys.new_key, options.peer)
    reader, writer = await asyncio.open_connection(HOST, options.port)
    try:
        await send_frame(writer, key.id.encode())
        channel = Channel(key.bits, Side.OPENER, reader, writer)
        await channel.send(options.text.encode())
        print((await channel.receive()).decode())
    finally:
        writer.close()


async def _listen(options: argparse.Namespace, keys: KeyManagerClient) -> None:
    """Serve one channel: get the key by its id, print the text, confirm it."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer(options.peer, keys, reader, writer)
            done.set_result(None)
        except (NoKeyError, BrokenError, OSError) as error:
            done.set_exception(error)
        finally:
            writer.close()

    async with await asyncio.start_server(answer, HOST, options.port) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"listening at {port}", flush=True)
        await done


async def _answer(
    peer: str, keys: KeyManagerClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    key_id = (await receive_frame(reader)).decode("ascii", "replace")
    key = await asyncio.to_thread(keys.key, peer, key_id)
    channel = Channel(key.bits, Side.ANSWERER, reader, writer)
    text = await channel.receive()
    print(text.decode("utf-8", "replace"), flush=True)
    await channel.send(b"received: " + text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.encrypted_channel")
    sides = parser.add_subparsers(dest="side", required=True)
    for name, what in (("listen", "wait for one channel"), ("send", "open one, and send TEXT")):
        side = sides.add_parser(name, help=what)
        side.add_argument("--kme", required=True, help="URL of this side's key manager")
        side.add_argument("--certificates", type=Path, required=True, help="folder with them")
        side.add_argument("--sae", required=True, help="who this side is")
        side.add_argument("--peer", required=True, help="who the other side is")
        side.add_argument("--port", type=int, required=True, help="of the channel, on loopback")
    sides.choices["send"].add_argument("text", metavar="TEXT")
    return parser
