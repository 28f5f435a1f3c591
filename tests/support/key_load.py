"""Load on a key manager: ``python -m tests.support.key_load`` prints what it bears.

A process of ``netsim serve`` on made-up key; each client asks alice's manager for the next key when
it has the last one.
"""

import argparse
import asyncio
import ssl
import time
from contextlib import AsyncExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from netsim.delivery.certificates import client_context
from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from tests.support.managers import fill
from tests.support.serving import serve

BLOCK_BITS, KEY_BITS = 65_536, 256


async def load(url: str, context: ssl.SSLContext, clients: int, keys: int, wall_s: float) -> None:
    """One line of the table: so many clients at once, so many keys a request."""
    async with AsyncExitStack() as stack:
        sessions = [
            await stack.enter_async_context(
                aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=context))
            )
            for _ in range(clients)
        ]
        for session in sessions:  # connected beforehand: a handshake is no request
            await ask(session, "/api/v1/keys/bob/status")
        started_s = time.perf_counter()
        asking = (ask_until(started_s + wall_s, session, keys) for session in sessions)
        times_s = sorted(chain.from_iterable(await asyncio.gather(*asking)))
        took_s = time.perf_counter() - started_s
    p50_s, p99_s = (times_s[int(share * len(times_s))] for share in (0.5, 0.99))
    rate_hz = keys * len(times_s) / took_s
    print(  # noqa: T201 - it is a command
        f"{clients:7} {keys:12} {rate_hz:6.0f} {1e3 * p50_s:8.0f} {1e3 * p99_s:8.0f}", flush=True
    )


async def ask_until(due_s: float, session: aiohttp.ClientSession, keys: int) -> list[float]:
    """How long each answer took, in seconds, until ``due_s`` of the clock."""
    times_s = []
    while (asked_s := time.perf_counter()) < due_s:
        found = await ask(session, f"/api/v1/keys/bob/enc_keys?number={keys}")
        assert len(found["keys"]) == keys
        times_s.append(time.perf_counter() - asked_s)
    return times_s


async def ask(session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    """The answer to one request."""
    async with session.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return dict(await answer.json())


def main() -> None:
    """Read the command line, fill two managers, and ask one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--keys", type=int, default=1, help="of each request")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each number of clients")
    parser.add_argument("--blocks", type=int, default=200, help=f"of {BLOCK_BITS} bits")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        state = State(Path(folder) / "state")
        stores = {user: ManagerStore(state.manager_path(user)) for user in ("alice", "bob")}
        fill(stores, "alice-bob", *[BLOCK_BITS] * asked.blocks)
        for store in stores.values():
            store.close()
        serving = serve("two_user", state.path, "--light", "0")
        context = client_context(serving.certificates, "alice")
        print("clients keys/request keys/s p50 [ms] p99 [ms]")  # noqa: T201
        for clients in asked.clients:
            asyncio.run(load(serving.urls["alice"], context, clients, asked.keys, asked.seconds))
        serving.stop()


if __name__ == "__main__":
    main()
