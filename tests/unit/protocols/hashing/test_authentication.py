"""Wegman-Carter tags: published vectors, the polynomial itself, transcripts, bounds."""

import pytest
from cryptography.exceptions import AlreadyFinalized
from hypothesis import given
from hypothesis import strategies as st

from protocols.hashing.authentication import (
    NO_PAD,
    Transcript,
    forgery_bound,
    forgery_probability,
    poly1305,
    tag,
    verify,
)
from protocols.hashing.backlog import framed
from protocols.variants import AUTHENTICATIONS

IETF = (
    b"Any submission to the IETF intended by the Contributor for publication as all or part of an"
    b" IETF Internet-Draft or RFC and any statement made within the context of an IETF activity is"
    b' considered an "IETF Contribution". Such statements include oral statements in IETF sessions,'
    b" as well as written and electronic communications made at any time or place, which are"
    b" addressed to"
)
JABBERWOCKY = (
    b"'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\n"
    b"All mimsy were the borogoves,\nAnd the mome raths outgrabe."
)
ZERO, ONES, SECRET = "00" * 16, "ff" * 16, "36e5f6b5c5e06070f0efca96227a863e"
ONE_TWO = "01" + "00" * 15, "02" + "00" * 15
LONG_R = "01000000000000000400000000000000"
TEN = "e33594d7505e43b900000000000000003394" + "d7505e4379cd01" + "00" * 7 + ZERO

VECTORS = [
    # RFC 8439, section 2.5.2
    (
        "85d6be7857556d337f4452fe42d506a8",
        "0103808afb0db2fd4abff6af4149f51b",
        b"Cryptographic Forum Research Group".hex(),
        "a8061dc1305136c6c22b8baf0c0127a9",
    ),
    # RFC 8439, appendix A.3, vectors 1 to 11
    (ZERO, ZERO, ZERO * 4, ZERO),
    (ZERO, SECRET, IETF.hex(), SECRET),
    (SECRET, ZERO, IETF.hex(), "f3477e7cd95417af89a6b8794c310cf0"),
    (
        "1c9240a5eb55d38af333888604f6b5f0",
        "473917c1402b80099dca5cbc207075c0",
        JABBERWOCKY.hex(),
        "4541669a7eaaee61e708dc7cbcc5eb62",
    ),
    (ONE_TWO[1], ZERO, ONES, "03" + "00" * 15),
    (ONE_TWO[1], ONES, ONE_TWO[1], "03" + "00" * 15),
    (ONE_TWO[0], ZERO, ONES + "f0" + "ff" * 15 + "11" + "00" * 15, "05" + "00" * 15),
    (ONE_TWO[0], ZERO, ONES + "fb" + "fe" * 15 + "01" * 16, ZERO),
    (ONE_TWO[1], ZERO, "fd" + "ff" * 15, "fa" + "ff" * 15),
    (LONG_R, ZERO, TEN + ONE_TWO[0], "14" + "00" * 7 + "55" + "00" * 7),
    (LONG_R, ZERO, TEN, "13" + "00" * 15),
]
CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
halves = st.binary(min_size=16, max_size=16)


def slow_poly1305(r: bytes, pad: bytes, message: bytes) -> bytes:
    """The polynomial of RFC 8439 section 2.5.1 in Python integers; the oracle."""
    point, total = int.from_bytes(r, "little") & CLAMP, 0
    for k in range(0, len(message), 16):
        total = (total + int.from_bytes(message[k : k + 16] + b"\1", "little")) * point
    total = total % (2**130 - 5) + int.from_bytes(pad, "little")
    return (total % 2**128).to_bytes(16, "little")


@pytest.mark.parametrize(("r", "pad", "message", "expected"), VECTORS)
def test_published_vectors(r: str, pad: str, message: str, expected: str) -> None:
    """All vectors of RFC 8439 for Poly1305 pass, through the variant that links run as well."""
    secret, once, text = bytes.fromhex(r), bytes.fromhex(pad), bytes.fromhex(message)
    assert tag(secret, once, text).hex() == expected
    assert poly1305(secret + once, text).hex() == expected
    assert verify(secret, once, text, bytes.fromhex(expected))
    variant = AUTHENTICATIONS.get("wegman-carter")
    assert variant.tag(secret, once, text).hex() == expected
    assert variant.verify(secret, once, text, bytes.fromhex(expected))


@given(halves, halves, st.binary(max_size=100))
def test_tag_is_the_polynomial(r: bytes, pad: bytes, message: bytes) -> None:
    """Any tag equals the polynomial evaluated in plain integers."""
    assert tag(r, pad, message) == slow_poly1305(r, pad, message)


@given(halves, halves, st.binary(max_size=40), st.integers(0, 127))
def test_changed_tags_do_not_verify(r: bytes, pad: bytes, message: bytes, bit: int) -> None:
    """A tag with one bit flipped, cut short or prolonged is refused."""
    signature = tag(r, pad, message)
    flipped = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(16, "big")
    for wrong in (flipped, signature[:-1], signature + b"\0", b""):
        assert not verify(r, pad, message, wrong)


@given(halves, st.lists(st.binary(max_size=20), max_size=6))
def test_transcript_is_one_hash_of_prefixed_messages(r: bytes, messages: list[bytes]) -> None:
    """A transcript equals Poly1305 without pad of all messages, each after its length."""
    transcript = Transcript(r)
    stream = b"".join(len(message).to_bytes(4, "big") + message for message in messages)
    transcript.absorb(framed(messages))
    assert transcript.finish() == poly1305(r + NO_PAD, stream)


def test_transcript_sees_boundaries_and_order() -> None:
    """The same bytes in other messages, or in another order, have another digest."""
    digests = set()
    for messages in ([b"ab", b"c"], [b"a", b"bc"], [b"c", b"ab"], [b"abc"], [b"ab", b"c", b""]):
        transcript = Transcript(bytes(range(16)))
        for message in messages:
            transcript.absorb(framed([message]))
        digests.add(transcript.finish())
    assert len(digests) == 5


def test_finished_transcripts_take_nothing() -> None:
    """What was tagged cannot change any more."""
    transcript = Transcript(bytes(16))
    transcript.finish()
    with pytest.raises(AlreadyFinalized):
        transcript.absorb(b"late")


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_secrets_of_wrong_size_are_refused(size: int) -> None:
    """Both secrets have 16 bytes, the key of Poly1305 has 32."""
    with pytest.raises(ValueError, match="secret"):
        tag(bytes(size), bytes(16), b"")
    with pytest.raises(ValueError, match="secret"):
        tag(bytes(16), bytes(size), b"")
    with pytest.raises(ValueError, match="secret"):
        Transcript(bytes(size))
    with pytest.raises(ValueError, match="key"):
        poly1305(bytes(size + 1), b"")


def test_forgery_bounds() -> None:
    """8 ceil(L / 16) 2^-106 for one level, the sum for several, 1 at most."""
    assert forgery_probability(0) == 0.0
    assert forgery_probability(1) == forgery_probability(16) == 2.0**-103
    assert forgery_probability(17) == 2.0**-102
    assert forgery_bound([16, 17]) == 3 * 2.0**-103
    assert forgery_bound([2**110]) == 1.0
    with pytest.raises(ValueError, match="-1"):
        forgery_probability(-1)
