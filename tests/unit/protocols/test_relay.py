"""Messages of a relayed key: what is handed on comes out, what is changed is found."""

import numpy as np
import pytest

from protocols.errors import RemoteProtocolError
from protocols.relay import (
    Joined,
    Sealed,
    begin,
    begun,
    combine,
    hop_bits,
    seal,
    share_bits,
    unnoticed_probability,
    unseal,
)

KEY_BITS = 100
LABEL = b"1 0 a-b a 0.0.548"


def random_bits(rng: np.random.Generator, size_bits: int) -> bytes:
    """Packed, zeros behind the last."""
    return np.packbits(rng.integers(0, 2, size_bits, dtype=np.uint8)).tobytes()


def hop_key(seed: int) -> bytes:
    """Of one hop."""
    return random_bits(np.random.default_rng(seed), hop_bits(KEY_BITS))


def test_sizes() -> None:
    """256 bits for a tag, three words of 64 for the check."""
    assert (share_bits(256), hop_bits(256)) == (256 + 192, 256 + 192 + 256)
    assert unnoticed_probability(256) == 6 * 2.0**-64


def test_a_share_goes_along() -> None:
    """The pad of the first hop, at both of its ends and behind the next hop; hidden in between."""
    first, second = hop_key(1), hop_key(2)
    share = begun(first, begin(first, LABEL))
    assert share == first[32:]
    message = seal(second, LABEL, share)
    assert unseal(second, message) == share
    assert message.cipher != share
    assert combine([message.cipher, second[32:]]) == share


@pytest.mark.parametrize("place", range(0, 8 * 74, 37))
def test_a_changed_message_is_found(place: int) -> None:
    """Any bit of the share under its pad."""
    key = hop_key(2)
    message = seal(key, LABEL, hop_key(1)[32:])
    cipher = bytearray(message.cipher)
    cipher[place // 8 % len(cipher)] ^= 1 << place % 8
    with pytest.raises(RemoteProtocolError):
        unseal(key, Sealed(message.label, bytes(cipher), message.tag))


def test_a_message_for_something_else_is_found() -> None:
    """Another label, another hop's key, bytes moved from the label to the cipher, another tag."""
    key = hop_key(2)
    message = begin(key, LABEL)
    for changed in (
        Sealed(LABEL[:-1], b"", message.tag),
        Sealed(LABEL[:-1], LABEL[-1:], message.tag),
        Sealed(LABEL, b"", bytes(16)),
    ):
        with pytest.raises(RemoteProtocolError):
            begun(key, changed)
    with pytest.raises(RemoteProtocolError):
        begun(hop_key(3), message)


def test_two_ends_with_one_key_agree() -> None:
    """Over three paths; the share of a single path is what it was made of."""
    shares = [hop_key(seed)[32:] for seed in range(3)]
    one, other = Joined.of(shares), Joined.of(reversed(shares))
    assert other.fits(one.claim)
    assert one.accepts(other.answer)
    assert one.key == combine(share[24:] for share in shares)
    assert Joined.of(shares[:1]).share == shares[0]


@pytest.mark.parametrize("place", range(0, 192 + KEY_BITS, 11))
def test_two_ends_with_two_shares_do_not(place: int) -> None:
    """Any bit of key, point or mask: the claim does not fit. Of the answer: it is refused."""
    shares = [hop_key(seed)[32:] for seed in range(2)]
    changed = bytearray(shares[1])
    changed[place // 8] ^= 0x80 >> place % 8
    one, other = Joined.of(shares), Joined.of([shares[0], bytes(changed)])
    is_of_answer = 128 <= place < 192
    assert other.fits(one.claim) is is_of_answer
    assert one.accepts(other.answer) is not is_of_answer


def test_shares_of_two_sizes_are_refused() -> None:
    """They cannot be added up."""
    with pytest.raises(ValueError, match="argument 2"):
        Joined.of([bytes(30), bytes(31)])


def test_secrets_are_not_shown() -> None:
    """In no text of an end."""
    assert "key" not in repr(Joined.of([hop_key(1)[32:]]))
