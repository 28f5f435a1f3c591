"""The channel of the example: both ways, and nothing but what was sent."""

import asyncio

import pytest

from examples.encrypted_channel.channel import BrokenError, Channel, Side, receive_frame

KEY = bytes(range(32))


class Wire:
    """Keeps what is written, as the writer of one side."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def write(self, content: bytes) -> None:
        """One frame a call."""
        self.frames.append(content)

    async def drain(self) -> None:
        """Nothing to wait for."""


def reader_of(*frames: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    for frame in frames:
        reader.feed_data(frame)
    reader.feed_eof()
    return reader


async def exchange(change: list[int], key: bytes = KEY, side: Side = Side.ANSWERER) -> list[bytes]:
    """Two messages of the opener, of which those of the given places arrive, in this order."""
    wire = Wire()
    opener = Channel(KEY, Side.OPENER, reader_of(), wire)  # type: ignore[arg-type]
    for text in (b"first", b"second"):
        await opener.send(text)
    frames = [wire.frames[place] for place in change]
    other = Channel(key, side, reader_of(*frames), wire)  # type: ignore[arg-type]
    return [await other.receive() for _ in change]


def test_messages_arrive() -> None:
    """In their order, and not in clear."""
    assert asyncio.run(exchange([0, 1])) == [b"first", b"second"]


@pytest.mark.parametrize("change", [[1], [0, 0], [1, 0]])
def test_left_out_repeated_exchanged(change: list[int]) -> None:
    """Each of them ends the channel."""
    with pytest.raises(BrokenError):
        asyncio.run(exchange(change))


def test_another_key_and_ones_own_echo() -> None:
    """Neither verifies."""
    for key, side in ((bytes(32), Side.ANSWERER), (KEY, Side.OPENER)):
        with pytest.raises(BrokenError):
            asyncio.run(exchange([0], key, side))


def test_long_and_cut_frames() -> None:
    """A length of 4 GiB takes no memory; a stream that ends is no message."""

    async def read(content: bytes) -> None:
        await receive_frame(reader_of(content))

    for content in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x05abc", b"", b"\x00"):
        with pytest.raises(BrokenError):
            asyncio.run(read(content))
