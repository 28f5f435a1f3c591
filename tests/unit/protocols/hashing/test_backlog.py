"""Messages that wait to be hashed: the digest is that of all of them, and few wait."""

from hashlib import sha256

import pytest

from protocols.bbm92.streams import LONG_BYTES, OwnStream, Stream
from protocols.errors import LocalProtocolError
from protocols.hashing.authentication import NO_PAD, Transcript, poly1305
from protocols.hashing.backlog import LENGTH_BYTES, MAX_WAITING_BYTES, Backlog

R = bytes(range(16))
KEY = bytes(range(100, 132))
LONG = [LONG_BYTES, LONG_BYTES + 1, MAX_WAITING_BYTES]
MESSAGES = [
    bytes([k % 251]) * size
    for k, size in enumerate([5, 0, *LONG, 70, *[1000] * 150, 2 * MAX_WAITING_BYTES, 1])
]
"""Short ones, long ones, and more of them than may wait."""


def one_by_one(messages: list[bytes]) -> bytes:
    """Each behind its length."""
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def digest(messages: list[bytes]) -> bytes:
    """Of all of them, and of the Poly1305 of those beyond 16 KiB."""
    parts = [
        len(message).to_bytes(4, "big")
        + (poly1305(KEY, message) if len(message) > 16_384 else message)
        for message in messages
    ]
    return sha256(b"".join(parts)).digest()


class _Listing(Backlog):
    """Notes what it is to hash."""

    def __init__(self) -> None:
        super().__init__()
        self.hashed: list[bytes] = []

    def _hash(self, messages: list[bytes]) -> None:
        self.hashed.append(one_by_one(messages))


def test_every_beginning_has_the_digest_of_its_messages() -> None:
    """Whether it is asked for at once or when the round is over."""
    late, early = OwnStream(KEY), OwnStream(KEY)
    expected = []
    for count, message in enumerate(MESSAGES):
        late.absorb(message)
        early.absorb(message)
        expected.append(digest(MESSAGES[: count + 1]))
        assert early.digest == expected[-1]
    assert [late.digest_of(count + 1) for count in range(len(MESSAGES))] == expected
    assert late.messages == len(MESSAGES)


@pytest.mark.parametrize("finishes", [True, False])
def test_both_ends_have_the_digest_of_all(*, finishes: bool) -> None:
    """However much waits at either of them, and whether a transcript is made in between."""
    own, stream = OwnStream(KEY, Transcript(R)), Stream(KEY, Transcript(R))
    for message in MESSAGES:
        own.absorb(message)
        stream.absorb(message)
        assert not finishes or own.digest == digest(MESSAGES[: own.messages])
    if finishes:
        assert own.finish_transcript() == stream.finish_transcript()
    assert own.digest == stream.digest == digest(MESSAGES)


def test_long_messages_have_digests_of_their_own() -> None:
    """A bit anywhere, the length, the secret: and no short message is one in the place of it."""
    message = bytes(LONG_BYTES + 40)
    others = [bytes(at) + b"\1" + bytes(LONG_BYTES + 39 - at) for at in (0, 10_000, 16_423)]
    others += [message + b"\0", message[1:], poly1305(KEY, message)]
    digests = {digest_by(KEY, each) for each in [message, *others]}
    assert len(digests | {digest_by(KEY[::-1], message)}) == len(others) + 2


def digest_by(key: bytes, message: bytes) -> bytes:
    """Of a stream of one message."""
    stream = Stream(key)
    stream.absorb(message)
    return stream.digest


def test_transcripts_longer_than_what_may_wait() -> None:
    """Poly1305 of all messages, whichever of them have waited."""
    stream = OwnStream(KEY, Transcript(R))
    for message in MESSAGES:
        stream.absorb(message)
    assert stream.length_bytes == len(one_by_one(MESSAGES))
    assert stream.finish_transcript() == poly1305(R + NO_PAD, one_by_one(MESSAGES))


@pytest.mark.parametrize("kind", [OwnStream, Stream])
def test_finished_transcript_takes_nothing(kind: type[Stream]) -> None:
    """What comes later is in the digest of all alone."""
    stream = kind(KEY, Transcript(R))
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
    stream, messages = OwnStream(KEY), [b"one", b"", b"three"]
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
