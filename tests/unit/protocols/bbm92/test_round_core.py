"""What both ends keep of a round: secrets cut alike, bits by lane, transcripts."""

import numpy as np
import pytest

from protocols.bbm92.rounds import (
    RoundCore,
    SiftedBits,
    kept,
    lane_counts,
    received_bits,
)
from protocols.bbm92.streams import Stream
from protocols.errors import RemoteProtocolError
from protocols.keylength.keyrate import LaneCounts
from protocols.link import LinkSecrets
from tests.support.links import link_config, link_of

SECRET = bytes(range(64)) + bytes(range(100, 164))
SECRETS = LinkSecrets.from_bytes(SECRET)


def uint8(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint8)


def test_secret_is_cut_without_overlap() -> None:
    """16 bytes each for tags, both transcripts and reports, the rest is pads: all of it, once."""
    parts = (SECRETS.tag_r, *SECRETS.transcript_rs, SECRETS.report_key, SECRETS.pads)
    assert b"".join(parts) == SECRET
    assert [len(part) for part in parts] == [16, 16, 16, 16, 64]
    assert LinkSecrets.size_bytes(2) == len(SECRET)


# Sifted bits --------------------------------------------------------------------------------------


def test_kept_are_those_that_are_marked() -> None:
    """In their order; of none, none."""
    marks = np.array([True, False, True, True, False])
    assert kept(uint8(3, 4, 5, 6, 7), marks).tolist() == [3, 5, 6]
    assert kept(uint8(), np.empty(0, dtype=np.bool_)).size == 0


def test_bits_are_sorted_by_lane_in_their_order() -> None:
    """Each lane gets its bits in the order of arrival, whatever they came with."""
    sifted = SiftedBits(3)
    sifted.add(uint8(0, 2, 1, 0), uint8(0, 1, 1, 1), uint8(1, 0, 1, 0), uint8(1, 1, 0, 1) == 1)
    sifted.add(uint8(), uint8(), uint8(), uint8() == 1)
    sifted.add(uint8(2, 0), uint8(0, 0), uint8(1, 1), uint8(1, 1) == 1)
    found = [(bases.tolist(), bits.tolist()) for bases, bits in sifted.sub_blocks()]
    assert found == [([0, 1, 0], [1, 0, 1]), ([], []), ([1, 0], [0, 1])]
    assert sifted.size == 5


def test_no_bits() -> None:
    """A round without light has an empty block for each lane."""
    assert [bits.size for _, bits in SiftedBits(2).sub_blocks()] == [0, 0]


def test_counts_per_lane_and_basis() -> None:
    """Bits are counted from the blocks, errors are those reported."""
    blocks = [(uint8(0, 0, 1), uint8(0, 1, 1)), (uint8(1, 1), uint8(0, 0))]
    assert lane_counts(blocks, (2, 1, 0, 2)) == (LaneCounts(2, 2, 1, 1), LaneCounts(0, 0, 2, 2))


@pytest.mark.parametrize(("packed", "size"), [(b"", 1), (b"\0\0", 8), (b"\x01", 7), (b"\0", 9)])
def test_wrong_bit_strings_are_the_peers_fault(packed: bytes, size: int) -> None:
    """Too short, too long, or filled up with ones."""
    with pytest.raises(RemoteProtocolError):
        received_bits(packed, size)
    assert received_bits(b"\x80", 7).tolist() == [1, 0, 0, 0, 0, 0, 0]


def other_value(value: object) -> object:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case tuple():
            return (*value, 1)
        case _:
            return 0.5


@pytest.mark.parametrize("name", sorted(link_config().flat()))
def test_every_setting_is_in_the_digest(name: str) -> None:
    """Ends that differ in any one setting never agree on a tag."""
    facts = link_config().flat()
    changed = link_of(facts | {name: other_value(facts[name])})
    assert changed.digest() != link_config().digest()
    assert link_of(facts).digest() == link_config().digest()


def recording(core: RoundCore) -> tuple[Stream, Stream]:
    """What fills the transcripts."""
    announcers, responders = core.transcripts
    return Stream(b"", announcers), Stream(b"", responders)


def test_finished_transcripts_are_bound_and_booked() -> None:
    """Digests differ by direction and content; both lengths raise the forgery bound."""
    found = []
    for messages in ([b"a", b"b"], [b"ab"], [b"b", b"a"], []):
        core = RoundCore(0, link_config(), SECRETS, 0)
        core.streams = recording(core)
        for message in messages:
            core.streams[0].absorb(message)
        core.finish_transcripts()
        assert core.books.forgery_probability == (8 * 2.0**-106 if messages else 0.0)
        found.append(core.digests)
    assert len(set(found)) == 4
    mirrored = RoundCore(0, link_config(), SECRETS, 0)
    mirrored.streams = recording(mirrored)
    mirrored.streams[1].absorb(b"ab")
    mirrored.finish_transcripts()
    assert mirrored.digests not in found
