"""Key pools: what has been settled can be taken once, and fetched once at the other end."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from netsim.pools.audit import check_balance
from netsim.pools.database import IN_MEMORY
from netsim.pools.key import Key, Piece, ShortageError, id_of, pieces_of
from netsim.pools.ledger import Account, Ledger, Movement
from netsim.pools.pool import Comparison, Pool, compare_pools
from netsim.pools.store import UserStore
from protocols import events
from protocols.books import RoundBooks

LINK = "alice-bob"
Block = tuple[int, bytes, int]
"""Round, key bytes, bits."""
NINE: Block = (0, b"\xaa\x80", 9)
BITS = bytes(range(1, 17))
WHOLE: tuple[Block, ...] = ((0, BITS[:2], 13), (3, BITS[:5], 40), (4, b"", 0), (7, BITS[:4], 32))
"""85 bits in three blocks, and a block that all went to the reserve."""


class End:
    """One end of a link: a pool that blocks can be put into, and its books."""

    def __init__(self, *blocks: Block, end: str = "alice", path: Path = IN_MEMORY) -> None:
        self.store = UserStore(path)
        self.store.open_link(LINK, b"")
        self.movements: list[Movement] = []
        self.ledger = Ledger(self.movements)
        self.end = end
        self.pool = Pool(LINK, end, store=self.store, ledger=self.ledger)
        for block in blocks:
            self.settle(*block)

    def settle(self, number: int, key: bytes, size_bits: int) -> None:
        """Prepare and settle a block."""
        books = RoundBooks()
        prepared = events.BlockPrepared(number, number, key, size_bits, b"vote", b"digests", books)
        self.store.apply(LINK, [prepared])
        self.store.apply(LINK, [events.BlockUsable(number, key, size_bits, b"", books)])
        ways = ((Account.LIGHT, Account.OPEN), (Account.OPEN, Account.POOL))
        for debit, credit in ways:
            self.ledger.append(Movement(0, LINK, self.end, number, debit, credit, size_bits))

    @property
    def balance_bits(self) -> int:
        """What the ledger says is in the pool."""
        return self.ledger.balance(LINK, self.end, Account.POOL)


def bits_of(*blocks: Block) -> str:
    """All bits of blocks, as text."""
    return "".join(f"{int.from_bytes(key):0{8 * len(key)}b}"[:size] for _, key, size in blocks)


def text_of(key: Key) -> str:
    """Bits of a key, as text; what fills its last byte is zero."""
    text = f"{int.from_bytes(key.bits):0{8 * len(key.bits)}b}"
    assert set(text[key.size_bits :]) <= {"0"}
    return text[: key.size_bits]


@pytest.fixture
def ends() -> Iterator[tuple[End, End]]:
    """Both ends of a link with equal pools."""
    pair = (End(*WHOLE), End(*WHOLE, end="bob"))
    yield pair
    for end in pair:
        end.store.close()


def test_level_is_the_sum_of_the_blocks() -> None:
    """Bits, not bytes; an empty pool holds none."""
    assert End().pool.level_bits == 0
    assert End(NINE, (7, b"\0" * 4, 32)).pool.level_bits == 41


def test_a_block_is_settled_once() -> None:
    """The same round twice is refused, equal or not, and changes nothing."""
    end = End(NINE)
    for key in (b"\xaa\x80", b"\xff\xff"):
        with pytest.raises(ValueError, match="block 0 of alice-bob"):
            end.store.apply(LINK, [events.BlockUsable(0, key, 9, b"", RoundBooks())])
    (block,) = end.pool.blocks()
    assert (block.round, block.key, block.size_bits) == NINE


@pytest.mark.parametrize("sizes", [(85,), (8, 8, 8), (1,) * 85, (13, 40, 32), (60, 25), (14, 71)])
def test_the_other_end_gets_what_was_taken(ends: tuple[End, End], sizes: tuple[int, ...]) -> None:
    """The oldest bits in order, the same under each id at the other end, and none left over."""
    one, other = ends
    keys = [one.pool.take(size, time_ps=1) for size in sizes]
    assert "".join(map(text_of, keys)) == bits_of(*WHOLE)[: sum(sizes)]
    assert len({key.id for key in keys}) == len(keys)
    for key in reversed(keys):
        assert other.pool.get(key.id, time_ps=2) == key
    for end in ends:
        assert end.pool.level_bits == end.balance_bits == 85 - sum(sizes)
        assert check_balance(end.movements) == []


def test_no_bit_leaves_a_pool_twice(ends: tuple[End, End]) -> None:
    """A second `get`, at either end, finds nothing; nor does one that overlaps."""
    one, other = ends
    key = one.pool.take(20, time_ps=1)
    other.pool.get(key.id, time_ps=1)
    for end in ends:
        level, rows = end.pool.level_bits, len(end.movements)
        for key_id in (key.id, "0.0.1", "3.6.2", "3.7.33-3.6.1"):
            with pytest.raises(KeyError):
                end.pool.get(key_id, time_ps=2)
        assert (end.pool.level_bits, len(end.movements)) == (level, rows)
    assert one.pool.get("3.7.33", time_ps=3).bits == other.pool.get("3.7.33", time_ps=3).bits


@pytest.mark.parametrize("key_id", ["5.0.8", "0.0.14", "3.40.1", "0.5.0", "0.0.8-0.7.2", "9.0.1"])
def test_what_is_not_there_cannot_be_got(ends: tuple[End, End], key_id: str) -> None:
    """Unknown rounds, bits beyond a block, no bits, bits named twice: refused, none is lost."""
    one, _ = ends
    with pytest.raises(KeyError):
        one.pool.get(key_id, time_ps=0)
    assert one.pool.level_bits == 85


@pytest.mark.parametrize(
    "key_id", ["", "1", "1.2", "a.b.c", "-1.0.8", "0.0.8-", "0.0.8\n", "٣.0.8"]
)
def test_nonsense_is_no_id(ends: tuple[End, End], key_id: str) -> None:
    """It is refused as such, before the store is asked."""
    with pytest.raises(ValueError, match="no id"):
        ends[0].pool.get(key_id, time_ps=0)


def test_a_shortage_takes_nothing(ends: tuple[End, End]) -> None:
    """Fewer bits than asked for: all or none, and the error says how many there are."""
    one, _ = ends
    with pytest.raises(ShortageError, match="86 bits asked for, 85 in the pool") as caught:
        one.pool.take(86, time_ps=0)
    assert (caught.value.asked_bits, caught.value.held_bits) == (86, 85)
    assert one.pool.level_bits == 85
    with pytest.raises(ValueError, match="0 bits"):
        one.pool.take(0, time_ps=0)


def test_ids_name_their_pieces() -> None:
    """An id and its pieces are the same thing."""
    pieces = (Piece(7, 3, 9), Piece(8, 0, 56))
    assert id_of(pieces) == "7.3.6-8.0.56"
    assert pieces_of("7.3.6-8.0.56") == pieces


def test_taken_bits_are_gone_for_good(tmp_path: Path) -> None:
    """Opened anew the pool is as it was left; neither file nor log still holds what was taken."""
    path = tmp_path / "alice.sqlite"
    secret = b"sixteen bytes, a secret of eight"
    end = End((0, secret, 256), path=path)
    key = end.pool.take(128, time_ps=0)
    files = [file.read_bytes() for file in tmp_path.glob("alice.sqlite*")]
    assert key.bits == secret[:16]
    assert not any(key.bits in content for content in files)
    assert any(secret[16:] in content for content in files)
    with UserStore(path) as again:  # the first was never closed, as after a crash
        assert again.stock_bits(LINK) == 128
        assert again.draw(LINK, 128).bits == secret[16:]
    assert not any(secret[16:] in file.read_bytes() for file in tmp_path.glob("alice.sqlite*"))
    end.store.close()


def test_a_movement_per_piece(ends: tuple[End, End]) -> None:
    """Each piece goes from pool to spent under its block."""
    one, _ = ends
    before = len(one.movements)
    one.pool.take(20, time_ps=5)
    way = (Account.POOL, Account.SPENT)
    assert one.movements[before:] == [
        Movement(5, LINK, "alice", 0, *way, 13),
        Movement(5, LINK, "alice", 3, *way, 7),
    ]


def test_fingerprint_is_of_the_content() -> None:
    """Equal content gives equal prints at either end, in whatever order it came."""
    one = End(NINE, (1, b"\1", 8))
    other = End((1, b"\1", 8), NINE, end="bob")
    assert one.pool.fingerprint() == other.pool.fingerprint()


def test_fingerprints_differ_where_pools_do() -> None:
    """Id, size, bits, number of blocks and where one ends: each of them counts."""
    pools = [
        End().pool,
        End(NINE).pool,
        End((1, *NINE[1:])).pool,
        End((0, b"\xaa\x80", 10)).pool,
        End((0, b"\xaa\x00", 9)).pool,
        End(NINE, (1, *NINE[1:])).pool,
        End((0, b"\1\2", 16), (1, b"\3", 8)).pool,
        End((0, b"\1", 8), (1, b"\2\3", 16)).pool,
    ]
    for one, other in combinations(pools, 2):
        assert one.fingerprint() != other.fingerprint()


def test_ends_are_compared_bit_for_bit() -> None:
    """Equal blocks, one flipped bit, a size that differs, and blocks of one end only."""
    one = End(*((number, *NINE[1:]) for number in (0, 1, 2, 4))).pool
    other = End(
        NINE,
        (1, b"\xab\x80", 9),
        (2, b"\xaa\x80", 10),
        (5, *NINE[1:]),
        (6, *NINE[1:]),
        end="bob",
    ).pool
    assert compare_pools(one, other) == compare_pools(other, one) == Comparison(1, 2, 3)
    assert compare_pools(one, one) == Comparison(4, 0, 0)


def test_comparison_leaves_out_what_one_end_has_taken(ends: tuple[End, End]) -> None:
    """Key that is on its way to the other end makes no block unequal or lone."""
    one, other = ends
    one.pool.take(20, time_ps=1)
    assert compare_pools(one.pool, other.pool) == Comparison(4, 0, 0)
    left = End(WHOLE[0], (3, b"\1\2\3\4\4", 40), *WHOLE[2:], end="bob")
    assert compare_pools(one.pool, left.pool) == Comparison(3, 1, 0)
    taken = End(WHOLE[0], (3, b"\x81\2\3\4\5", 40), *WHOLE[2:], end="bob")
    assert compare_pools(one.pool, taken.pool) == Comparison(4, 0, 0)


def test_comparisons_of_links_add_up() -> None:
    """And say so in words."""
    assert str(Comparison(1, 0, 2) + Comparison(3)) == (
        "4 blocks in the pools of both ends; 2 at one end only, in doubt at the other"
    )
    assert str(Comparison(1, 2, 3)).startswith("KEYS DIFFER: 2")
