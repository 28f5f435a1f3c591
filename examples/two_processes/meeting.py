"""How two ends find each other: the announcer listens, the responder connects, both prove who.

Whoever connects first is not the peer yet: a proof under the secret decides, and before it nothing
is used up. The proof is HMAC-SHA-256 under the secret of the reports [1]_, computational security
against strangers; it says nothing of what comes later over the same connection, which is what the
protocol is for.

References
----------
.. [1] RFC 2104 and RFC 6234; see `protocols.bbm92.reports`.
"""

import asyncio
import hmac
import secrets
from contextlib import suppress
from hashlib import sha256

from examples.two_processes.connection import Streams
from protocols.link import LinkConfig, LinkSecrets
from protocols.messages import Role

GREETING_S = 5.0
"""A stranger who says nothing is not waited for any longer."""
NONCE_BYTES = 32
RETRY_S = 0.05


class Meeting:
    """One end that looks for the other.

    Parameters
    ----------
    role : Role
    config : LinkConfig
        Both ends prove that they have the same.
    key : bytes
        `LinkSecrets.report_key`.
    """

    def __init__(self, role: Role, config: LinkConfig, key: bytes) -> None:
        self._role = role
        self._link = config.digest()
        self._key = key

    async def with_peer(self, host: str, port: int, *, patience_s: float) -> Streams:
        """Meet the peer; ConnectionError if it has not come after ``patience_s``."""
        meet = self._listen if self._role is Role.ANNOUNCER else self._call
        try:
            async with asyncio.timeout(patience_s):
                return await meet(host, port)
        except TimeoutError as error:
            raise ConnectionError(
                f"no peer at {host}:{port} in {patience_s:g} s; "
                "have both ends the same secret and link?"
            ) from error

    async def _listen(self, host: str, port: int) -> Streams:
        met: asyncio.Future[Streams] = asyncio.get_running_loop().create_future()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Python 3.11 reports a cancelled handler as an error: one that is cut off just ends.
            with suppress(asyncio.CancelledError):
                if await self._is_peer((reader, writer)):
                    if met.done():
                        writer.close()
                    else:
                        met.set_result((reader, writer))

        server = await asyncio.start_server(accept, host, port)
        try:
            return await met
        finally:
            server.close()

    async def _call(self, host: str, port: int) -> Streams:
        while True:
            try:
                streams = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            if await self._is_peer(streams):
                return streams
            await asyncio.sleep(RETRY_S)

    async def _is_peer(self, streams: Streams) -> bool:
        """Whether it is the peer at the other end; else the connection is closed."""
        is_peer = False
        try:
            is_peer = await self._greet(*streams)
        finally:
            if not is_peer:
                streams[1].close()
        return is_peer

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Exchange fresh numbers, then proofs that cover both."""
        mine = secrets.token_bytes(NONCE_BYTES)
        try:
            async with asyncio.timeout(GREETING_S):
                writer.write(mine)
                theirs = await reader.readexactly(NONCE_BYTES)
                writer.write(self._proof(self._role, mine, theirs))
                await writer.drain()
                proof = await reader.readexactly(sha256().digest_size)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return False
        return hmac.compare_digest(proof, self._proof(self._role.peer, theirs, mine))

    def _proof(self, role: Role, own: bytes, other: bytes) -> bytes:
        return hmac.digest(self._key, b"meeting" + bytes([role]) + self._link + own + other, sha256)


def meeting_of(role: Role, config: LinkConfig, secret: bytes) -> Meeting:
    """The meeting of an end that has read its secret."""
    return Meeting(role, config, LinkSecrets.from_bytes(secret).report_key)
