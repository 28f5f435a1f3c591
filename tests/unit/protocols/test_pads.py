"""Pads: addressed by index, one signature each, refilled alike at both ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.bits import pack_bits
from protocols.errors import LocalProtocolError
from protocols.messages import TAG_BYTES, Role
from protocols.pads import BITS_PER_INDEX, PAD_BITS, NoPads, PadReserve

PADS = 8


def secret(pads: int = PADS) -> bytes:
    """Pads that are all different."""
    return np.random.default_rng(1).bytes(2 * TAG_BYTES * pads)


def key_of(size_bits: int, seed: int = 2) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, size_bits, dtype=np.uint8)


def test_layout_of_the_secret() -> None:
    """For each index 16 bytes of the announcer, then 16 of the responder; none of them twice."""
    pads, reserve = secret(), PadReserve(secret())
    found = [
        reserve.pad_to_check(number, role)
        for number in range(PADS)
        for role in (Role.ANNOUNCER, Role.RESPONDER)
    ]
    assert b"".join(pad or b"" for pad in found) == pads
    assert len(set(found)) == 2 * PADS
    assert reserve.level_bits == 8 * len(pads) == PADS * BITS_PER_INDEX


@pytest.mark.parametrize("size", [1, 16, 31, 48])
def test_half_a_pair_is_refused(size: int) -> None:
    """A secret that leaves one end without a pad is our caller's fault."""
    with pytest.raises(LocalProtocolError, match="pairs"):
        PadReserve(bytes(size))


def test_a_pad_signs_once() -> None:
    """A second signature with one pad would give the hash key away: it is an error."""
    reserve = PadReserve(secret())
    reserve.pad_to_sign(3, Role.ANNOUNCER)
    with pytest.raises(LocalProtocolError, match="pad 3 has signed"):
        reserve.pad_to_sign(3, Role.ANNOUNCER)
    assert reserve.pad_to_sign(3, Role.RESPONDER) != reserve.pad_to_sign(4, Role.ANNOUNCER)


def test_newest_pads_are_for_no_round() -> None:
    """They are left for the closing, also after a refill."""
    reserve = PadReserve(secret())
    assert [reserve.is_for_round(index) for index in range(PADS)] == [True] * (PADS - 1) + [False]
    reserve.refill(key_of(2000), signed_pad=2, ahead=PADS)
    assert [reserve.is_for_round(PADS + k) for k in range(-1, 4)] == [True] * 3 + [False] * 2
    reserve.spend_before(6)
    assert not reserve.is_for_round(5)


def test_no_pad_no_check() -> None:
    """What has no pads, spent or to come, cannot be checked."""
    reserve = PadReserve(secret())
    reserve.spend_before(2)
    for index in (-1, 0, 1, PADS, 2**40):
        assert not reserve.has(index)
        assert reserve.pad_to_check(index, Role.ANNOUNCER) is None


def test_spent_pads_are_gone_and_counted_once() -> None:
    """All pads before an index go, and the next one to sign with is behind them."""
    reserve = PadReserve(secret())
    assert (reserve.next_pad, reserve.left_pads) == (0, PADS)
    reserve.pad_to_sign(1, Role.ANNOUNCER)
    assert reserve.spend_before(3) == 3 * BITS_PER_INDEX
    assert reserve.spend_before(3) == reserve.spend_before(1) == 0
    assert [reserve.has(index) for index in range(PADS)] == [False] * 3 + [True] * 5
    assert (reserve.next_pad, reserve.left_pads) == (3, 5)
    assert reserve.level_bits == 5 * BITS_PER_INDEX
    assert reserve.spend_before(2**40) == 5 * BITS_PER_INDEX
    assert reserve.level_bits == 0


def test_without_pads_the_index_goes_on() -> None:
    """An authentication that takes none still counts what it has signed, in a later life too."""
    reserve = NoPads(b"")
    assert reserve.spend_before(3) == 0
    back = NoPads.restored({}, reserve.next_pad, 0)
    assert [back.has(index) for index in (2, 3, 2**40)] == [False, True, True]
    assert back.is_for_round(3)
    assert back.left_pads > 2**40
    assert back.refill(key_of(2000), signed_pad=3, ahead=PADS) == 0
    assert back.pad_to_sign(3, Role.ANNOUNCER) == back.pad_to_check(3, Role.ANNOUNCER) == bytes(16)


def test_refill_takes_the_front_of_the_block() -> None:
    """The new pads are the first bits of the key, in order; the rest is the pool's."""
    reserve, key = PadReserve(secret()), key_of(2000)
    assert reserve.refill(key, signed_pad=2, ahead=PADS) == 3 * BITS_PER_INDEX
    packed = pack_bits(key)
    assert reserve.pad_to_sign(PADS, Role.ANNOUNCER) == packed[:16]
    assert reserve.pad_to_sign(PADS, Role.RESPONDER) == packed[16:32]
    assert reserve.pad_to_sign(PADS + 2, Role.RESPONDER) == packed[80:96]
    assert not reserve.has(PADS + 3)


@pytest.mark.parametrize(
    ("size_bits", "taken"), [(0, 0), (255, 0), (256, 256), (300, 256), (768, 768), (5000, 768)]
)
def test_short_blocks_refill_what_they_can(size_bits: int, taken: int) -> None:
    """Whole rounds only, and never more than the block holds or the reserve needs."""
    reserve = PadReserve(secret())
    assert reserve.refill(key_of(size_bits), signed_pad=2, ahead=PADS) == taken
    assert reserve.level_bits == PADS * BITS_PER_INDEX + taken


def test_full_reserve_takes_nothing() -> None:
    """An old block settled late does not overfill the reserve."""
    reserve = PadReserve(secret())
    assert reserve.refill(key_of(5000), signed_pad=-1, ahead=PADS) == 0


def test_restored_reserve_is_the_same() -> None:
    """Pads, numbering and level survive; the reserve goes on as if nothing had happened."""
    reserve = PadReserve(secret())
    reserve.spend_before(3)
    back = PadReserve.restored(dict(reserve._pads), reserve.next_pad, reserve.provisioned_pads)
    for end in (reserve, back):
        end.refill(key_of(2000), signed_pad=4, ahead=PADS)
        assert end.spend_before(5) == 2 * BITS_PER_INDEX
    assert back._pads == reserve._pads
    assert back.level_bits == reserve.level_bits


def test_sizes() -> None:
    """128 bits a pad, two pads an index."""
    assert (PAD_BITS, BITS_PER_INDEX) == (128, 256)


blocks = st.lists(st.tuples(st.booleans(), st.integers(0, 1500)), min_size=1, max_size=30)


@settings(derandomize=True, deadline=None)
@given(blocks, st.integers(1, 12))
def test_both_ends_have_the_same_pads(blocks: list[tuple[bool, int]], ahead: int) -> None:
    """Same settled blocks in the same order: same pads, though one end burns them earlier.

    Bits are kept: provisioned = left + spent at each end, and no pad appears under two indices.
    """
    ends = [PadReserve(secret(ahead)) for _ in Role]
    spent, taken = [0, 0], [0, 0]
    for number, (is_settled, size_bits) in enumerate(blocks):
        key = key_of(size_bits, seed=number)
        for role, end in zip(Role, ends, strict=True):
            if is_settled:
                taken[role] += end.refill(key, signed_pad=number, ahead=ahead)
            spent[role] += end.spend_before(number + role)
    assert ends[0].provisioned_pads == ends[1].provisioned_pads
    common = set(ends[0]._pads) & set(ends[1]._pads)
    assert all(ends[0]._pads[at] == ends[1]._pads[at] for at in common)
    for role, end in zip(Role, ends, strict=True):
        assert ahead * BITS_PER_INDEX + taken[role] == end.level_bits + spent[role]
        assert len(set(end._pads.values())) == len(end._pads)
