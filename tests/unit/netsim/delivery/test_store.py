"""The durable side of a key manager."""

import random
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netsim.delivery.keys import CutKey, KeyState
from netsim.delivery.store import ManagerStore
from netsim.pools.key import KeyBlock, Piece, ShortageError, id_of
from tests.support.managers import random_block
from tests.support.traces import pages_of_rows, words_in, words_of, words_on_disk

LINK = "alice-bob"


def bits_of(key: bytes, start: int, size_bits: int) -> bytes:
    """A stretch of packed bits, cut the slow way."""
    text = "".join(f"{byte:08b}" for byte in key)[start : start + size_bits]
    return bytes(int(text[at : at + 8], 2) for at in range(0, size_bits, 8))


@contextmanager
def no_file_above(size_bytes: int) -> Iterator[None]:
    """What is written behind that fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def filled(*sizes_bits: int) -> ManagerStore:
    store = ManagerStore()
    for number, size_bits in enumerate(sizes_bits):
        store.take_in(LINK, random_block(number, size_bits))
    return store


def test_keys_are_the_oldest_bits_in_order() -> None:
    """Over the edge of a block too; sizes are exact, ids differ."""
    store = filled(100, 300)
    keys = store.reserve(LINK, [64, 64, 128], master="a", slave="b")
    delivered = store.deliver([key.id for key in keys], KeyState.TO_MASTER)
    first, second = random_block(0, 100).key, random_block(1, 300).key
    joined = int.from_bytes(first, "big") >> 4 << 300 | int.from_bytes(second, "big") >> 4
    whole = joined.to_bytes(400 // 8, "big")
    assert [key.bits for key in delivered] == [
        bits_of(whole, 0, 64),
        bits_of(whole, 64, 64),
        bits_of(whole, 128, 128),
    ]
    assert store.free_bits(LINK) == 400 - 256
    assert len({key.id for key in keys}) == 3


def test_shortage_sets_nothing_aside() -> None:
    """Never fewer keys than asked for, and none is lost by asking."""
    store = filled(255)
    with pytest.raises(ShortageError):
        store.reserve(LINK, [128, 128], master="a", slave="b")
    assert store.free_bits(LINK) == 255
    assert store.keys_in(KeyState.RESERVED) == []


def test_a_minimum_stays() -> None:
    """Down to it and no further; what could be given is said."""
    store = filled(200, 200)
    with pytest.raises(ShortageError) as caught:
        store.reserve(LINK, [64, 64], master="a", slave="b", minimum_bits=300)
    assert (caught.value.asked_bits, caught.value.held_bits) == (128, 100)
    store.reserve(LINK, [64, 36], master="a", slave="b", minimum_bits=300)
    assert store.free_bits(LINK) == 300
    with pytest.raises(ShortageError, match="0 in the pool"):
        store.reserve(LINK, [8], master="a", slave="b", minimum_bits=301)


def test_a_minimum_stays_at_the_slaves_end() -> None:
    """All keys are promised or none is; what is left may be the minimum, and no bit less."""
    keys = filled(200, 200).reserve(LINK, [64, 36], master="a", slave="b")
    store = filled(200, 200)
    with pytest.raises(ShortageError):
        store.promise(keys, minimum_bits=301)
    assert (store.free_bits(LINK), store.keys_in(KeyState.PROMISED)) == (400, [])
    store.promise(keys, minimum_bits=300)
    assert store.free_bits(LINK) == 300


def test_a_relayed_block_is_forgotten_with_its_last_bit() -> None:
    """Who could know it is told with each key of it, and kept no longer; it comes in once."""
    store = filled()
    number = store.next_relayed(LINK)
    store.take_in_relayed(LINK, random_block(number, 256), "carol", ["a hop"])
    for size_bits, rows in ((128, 1), (128, 0)):
        (key,) = store.reserve(LINK, [size_bits], master="a", slave="b")
        (given,) = store.deliver([key.id], KeyState.TO_MASTER)
        assert given.known_to == "carol"
        assert store._rows.execute("SELECT count(*) FROM relayed").fetchone() == (rows,)
    assert store.rounds(LINK) == {number}
    assert store.next_relayed(LINK) == number + 1


def test_a_block_comes_in_once() -> None:
    """Also after its bits have gone."""
    store = filled(128)
    (key,) = store.reserve(LINK, [128], master="a", slave="b")
    store.deliver([key.id], KeyState.TO_MASTER)
    assert not store.take_in(LINK, random_block(0, 128))
    assert store.free_bits(LINK) == 0


def test_delivery_is_once() -> None:
    """A second one is an error, and so is the release of what has gone."""
    store = filled(256)
    (key,) = store.reserve(LINK, [128], master="a", slave="b")
    store.deliver([key.id], KeyState.TO_MASTER)
    with pytest.raises(KeyError):
        store.deliver([key.id], KeyState.TO_MASTER)
    store.release([key.id, "unknown"])
    assert store.free_bits(LINK) == 128
    found = store.find(key.id)
    assert found is not None
    assert found[1] is KeyState.TO_MASTER


def test_released_bits_are_whole_again() -> None:
    """Whatever the order of release: one who cuts them otherwise gets them all."""
    store, other = filled(512), filled(512)
    keys = store.reserve(LINK, [64, 128, 64], master="a", slave="b")
    for key in (keys[1], keys[2], keys[0]):
        store.release([key.id])
    (whole,) = other.reserve(LINK, [512], master="a", slave="b")
    store.promise([whole])
    given = store.deliver([whole.id], KeyState.TO_SLAVE)
    assert given[0].bits == random_block(0, 512).key


def test_promised_bits_are_nobody_elses() -> None:
    """The second promise of the same bits is refused as a whole."""
    store, one, two = filled(512), filled(512), filled(512)
    (key,) = one.reserve(LINK, [256], master="a", slave="b")
    store.promise([key])
    with pytest.raises(KeyError):
        store.promise(two.reserve(LINK, [128, 256], master="a", slave="c"))
    assert store.keys_in(KeyState.PROMISED) == [key]
    assert store.free_bits(LINK) == 256


def test_a_key_that_is_marked_as_delivered_is_handed_out(tmp_path: Path) -> None:
    """Also where the disk is too full to empty the log behind it; a later step does that."""
    path = tmp_path / "bob.sqlite"
    with ManagerStore(path) as store:
        store.take_in(LINK, random_block(0, 8 * 400_000))
        store._database._empty_log()
        store.take_in(LINK, random_block(1, 8 * 60_000))
        one, other = store.reserve(LINK, [256, 256], master="alice", slave="bob")
        with no_file_above(path.stat().st_size):
            (key,) = store.deliver([one.id], KeyState.TO_SLAVE)
        assert key.bits == bits_of(random_block(0, 8 * 400_000).key, 0, 256)
        log = path.with_name(f"{path.name}-wal")
        assert log.stat().st_size > 0
        store.deliver([other.id], KeyState.TO_SLAVE)
        assert log.stat().st_size == 0


def test_delivered_bytes_are_in_no_file(tmp_path: Path) -> None:
    """Searched in the file and its log, while it is open; what is not delivered is still there."""
    path = tmp_path / "alice.sqlite"
    block = random_block(0, 1024)
    with ManagerStore(path) as store:
        store.take_in(LINK, block)
        (key,) = store.reserve(LINK, [512], master="a", slave="b")
        (given,) = store.deliver([key.id], KeyState.TO_MASTER)
        kept = b"".join(found.read_bytes() for found in tmp_path.iterdir())
        for at in range(0, 64, 8):
            assert given.bits[at : at + 8] not in kept
        assert block.key[64:] in kept
        modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in tmp_path.iterdir()}
        assert set(modes.values()) == {0o600}


def test_busy_managers_leave_nothing_of_what_they_gave(tmp_path: Path) -> None:
    """Blocks of many links and sizes come, go out in keys, are dropped; keys are released."""
    links, rng = [f"alice-{number}" for number in range(20)], random.Random(5)
    gone: list[bytes] = []
    with ManagerStore(tmp_path / "alice.sqlite") as store:
        store._rows.execute("PRAGMA synchronous = OFF")  # what reaches the disk, not when
        for number in range(25):
            for link in rng.sample(links, len(links)):
                key = rng.randbytes(8 * rng.randrange(1, 300))
                piece = Piece(number, 0, 8 * len(key))
                store.take_in(link, KeyBlock(number, key, 8 * len(key), (piece,)))
                if rng.random() < 0.1:
                    store.drop(link, [number])
                    gone.append(key)
                words = min(12, store.free_bits(link) // 64)
                keys = store.reserve(link, [64] * words, master="a", slave="b")
                kept = len(keys) // 3
                store.release(key.id for key in keys[:kept])
                given = store.deliver([key.id for key in keys[kept:]], KeyState.TO_MASTER)
                gone += [key.bits for key in given]
        spent = words_of(gone)
        assert len(spent) > 4000
        assert words_on_disk(tmp_path, spent) == {}
        in_rows = b"".join(pages_of_rows((tmp_path / "alice.sqlite").read_bytes()))
        keys = store.reserve(links[0], [store.free_bits(links[0])], master="a", slave="b")
        left = words_of(key.bits for key in store.deliver([keys[0].id], KeyState.TO_SLAVE))
        assert len(left) > 100
        assert words_in(in_rows, left | spent) == set()


def deliver_and_promise(store: ManagerStore, one: CutKey, other: CutKey) -> None:
    """Two steps as one."""
    with store.together():
        store.deliver([one.id], KeyState.TO_MASTER)
        store.promise([other])


def test_steps_together_are_undone_one_by_one_or_all() -> None:
    """A step that fails among others leaves no trace; where the whole fails, none does."""
    store = filled(256)
    with store.together():
        (kept,) = store.reserve(LINK, [64], master="alice", slave="bob")
        lost = CutKey("lost", LINK, id_of([Piece(0, 64, 128), Piece(9, 0, 64)]), 128, "a", "b")
        with pytest.raises(KeyError):
            store.promise([lost])
    assert store.free_bits(LINK) == 192
    assert store.keys_in(KeyState.RESERVED) == [kept]
    with pytest.raises(KeyError):
        deliver_and_promise(store, kept, lost)
    assert store.keys_in(KeyState.RESERVED) == [kept]
    (key,) = store.deliver([kept.id], KeyState.TO_MASTER)
    assert key.bits == bits_of(random_block(0, 256).key, 0, 64)
