"""A channel under one key: AES-256-GCM, a counter a direction, the key's id in clear at its start.

Each key opens one channel. Law of this module: the two directions never share a nonce (its first
byte is the direction), and a frame that was changed, repeated, left out or put elsewhere ends the
channel: its number is in its nonce.
"""

import asyncio
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LENGTH_BYTES = 4
MAX_FRAME_BYTES = 65_536
COUNTER_BYTES = 11


class BrokenError(Exception):
    """What came is not what the other side has sent."""


class Side(IntEnum):
    """Who sends."""

    OPENER = 0
    ANSWERER = 1


class Channel:
    """Messages both ways.

    Parameters
    ----------
    key : bytes
        32 bytes that no other channel has.
    side : Side
        Which of the two this is.
    reader, writer : asyncio streams
        To the other one.
    """

    def __init__(
        self,
        key: bytes,
        side: Side,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._cipher = AESGCM(key)
        self._side, self._other = side, Side(1 - side)
        self._reader, self._writer = reader, writer
        self._sent = self._received = 0

    async def send(self, message: bytes) -> None:
        """One message, of at most some 64 KiB."""
        sealed = self._cipher.encrypt(_nonce(self._side, self._sent), message, None)
        self._sent += 1
        await send_frame(self._writer, sealed)

    async def receive(self) -> bytes:
        """The next message; `BrokenError` if it is not the next that was sent."""
        sealed = await receive_frame(self._reader)
        nonce = _nonce(self._other, self._received)
        self._received += 1
        try:
            return self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag as error:
            raise BrokenError("a message does not verify") from error


async def send_frame(writer: asyncio.StreamWriter, content: bytes) -> None:
    """Length, then content."""
    if len(content) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame has at most {MAX_FRAME_BYTES} bytes")
    writer.write(len(content).to_bytes(LENGTH_BYTES, "big") + content)
    await writer.drain()


async def receive_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame; `BrokenError` at the end of the stream, and for one that is too long."""
    try:
        length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
        if length > MAX_FRAME_BYTES:
            raise BrokenError("a frame is too long")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise BrokenError("the other side has gone") from error


def _nonce(side: Side, number: int) -> bytes:
    return bytes([side]) + number.to_bytes(COUNTER_BYTES, "big")
