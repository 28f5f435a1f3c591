"""Messages that wait to be hashed: the digest is that of all of them, and few wait."""

from hashlib import sha256

import pytest

from protocols.bbm92.streams import OwnStream, Stream
from protocols.errors import LocalProtocolError
from protocols.hashing.authentication import NO_PAD, Transcript, poly1305
from protocols.hashing.backlog import LENGTH_BYTES, MAX_WAITING_BYTES, Backlog

R = bytes(range(16))
MESSAGES = [
    bytes([k % 251]) * size
    for k, size in enumerate([5, 0, MAX_WAITING_BYTES, 70, *[1000] * 150, 2 * MAX_WAITING_BYTES, 1])
]
"""Short ones, long ones, and more of them than may wait."""


def one_by_one(messages: list[bytes]) -> bytes:
    """Each behind its length."""
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


class _Listing(Backlog):
    """Notes what it is to hash."""

    def __init__(self) -> None:
        super().__init__()
        self.hashed: list[bytes] = []

    def _hash(self, messages: list[bytes]) -> None:
        self.hashed.append(one_by_one(messages))


def test_every_beginning_has_the_digest_of_its_messages() -> None:
    """Whether it is asked for at once or when the round is over."""
    late, early = OwnStream(), OwnStream()
    expected = []
    for count, message in enumerate(MESSAGES):
        late.absorb(message)
        early.absorb(message)
        expected.append(sha256(one_by_one(MESSAGES[: count + 1])).digest())
        assert early.digest == expected[-1]
    assert [late.digest_of(count + 1) for count in range(len(MESSAGES))] == expected
    assert late.messages == len(MESSAGES)


def test_transcripts_longer_than_what_may_wait() -> None:
    """Poly1305 of all messages, whichever of them have waited."""
    stream = OwnStream(Transcript(R))
    for message in MESSAGES:
        stream.absorb(message)
    assert stream.length_bytes == len(one_by_one(MESSAGES))
    assert stream.finish_transcript() == poly1305(R + NO_PAD, one_by_one(MESSAGES))


@pytest.mark.parametrize("kind", [OwnStream, Stream])
def test_finished_transcript_takes_nothing(kind: type[Stream]) -> None:
    """What comes later is in the digest of all alone."""
    stream = kind(Transcript(R))
    stream.absorb(b"in it")
    assert stream.finish_transcript() == poly1305(R + NO_PAD, one_by_one([b"in it"]))
    stream.absorb(b"late")
    assert stream.digest == sha256(one_by_one([b"in it", b"late"])).digest()
    stream.close()
    assert stream.digest == sha256(one_by_one([b"in it", b"late"])).digest()
    with pytest.raises(LocalProtocolError):
        stream.finish_transcript()


def test_little_waits() -> None:
    """Never more bytes than may wait, lengths included, and all of them in order."""
    backlog, sent = _Listing(), 0
    for message in MESSAGES:
        backlog.absorb(message)
        sent += LENGTH_BYTES + len(message)
        assert 0 <= sent - len(b"".join(backlog.hashed)) <= MAX_WAITING_BYTES
    backlog.catch_up()
    assert b"".join(backlog.hashed) == one_by_one(MESSAGES)


def test_what_is_settled_has_the_digest_of_all() -> None:
    """And of the beginnings that had one by then, and of no other."""
    stream, messages = OwnStream(), [b"one", b"", b"three"]
    for message in messages:
        stream.absorb(message)
    assert stream.digest == sha256(one_by_one(messages)).digest()
    assert stream.digest_of(3) == stream.digest
    stream.absorb(b"four")
    stream.settle()
    assert stream.digest == sha256(one_by_one([*messages, b"four"])).digest()
    expected = [sha256(one_by_one(messages[:count])).digest() for count in range(4)]
    assert [stream.digest_of(count) for count in range(5)] == [*expected, b""]


@pytest.mark.parametrize("message", [b"", b"late"])
def test_once_closed_nothing_waits(message: bytes) -> None:
    """What is kept for long holds no messages."""
    backlog = _Listing()
    backlog.absorb(b"early")
    backlog.close()
    backlog.absorb(message)
    assert b"".join(backlog.hashed) == one_by_one([b"early", message])
