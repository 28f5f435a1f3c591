"""Two key managers: the same keys at both, each once, whatever is asked and whatever fails."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from netsim.delivery.keys import (
    BadRequestError,
    Collection,
    CutKey,
    DeliveredKey,
    KeyState,
    Order,
    RefusedError,
    StrangerError,
    UnavailableError,
)
from netsim.delivery.manager import KeyManager, drop_lone_blocks
from netsim.demand.terms import Thresholds
from netsim.errors import OutputError
from tests.support.managers import (
    DIRECTORY,
    fetch,
    fill,
    give,
    open_managers,
    open_stores,
    random_block,
)

LINK = "alice-bob"


class Deaf:
    """A peer that fails: before it has promised, after it has, or also when asked to release."""

    def __init__(self, peer: KeyManager, *, hears: bool, releases: bool) -> None:
        self.peer, self.hears, self.releases = peer, hears, releases

    def promise(self, keys: Sequence[CutKey]) -> None:
        """Perhaps heard, never answered."""
        if self.hears:
            self.peer.promise(keys)
        raise UnavailableError("no answer")

    def release(self, ids: Sequence[str]) -> None:
        """Heard, or not."""
        if not self.releases:
            raise UnavailableError("no answer")
        self.peer.release(ids)


def test_a_minimum_is_never_drawn() -> None:
    """By no request, of either end; status counts what is above it."""
    stores = open_stores()
    known = replace(DIRECTORY, thresholds={LINK: Thresholds(600, 700)})
    managers = open_managers(stores, known)
    fill(stores, LINK, 1000)
    assert managers["alice"].status("alice", "bob").stored_key_count == 1
    for master, slave in (("alice", "bob"), ("bob", "alice")):
        with pytest.raises(UnavailableError, match="512 bits asked for, 400 in the pool"):
            give(managers[master], master, slave, 2)
    give(managers["bob"], "bob", "alice")
    with pytest.raises(UnavailableError):
        give(managers["alice"], "alice", "bob")
    give(managers["alice"], "alice", "bob", 1, 144)
    assert stores["alice"].free_bits(LINK) == stores["bob"].free_bits(LINK) == 600
    assert managers["alice"].status("alice", "bob").stored_key_count == 0


def test_the_other_manager_keeps_its_minimum() -> None:
    """What it has reserved for its own masters counts there, before anybody here hears of it."""
    stores = open_stores()
    known = replace(DIRECTORY, thresholds={LINK: Thresholds(600, 700)})
    managers = open_managers(stores, known)
    fill(stores, LINK, 500, 500)
    stores["bob"].reserve(LINK, [256], master="bob", slave="alice")
    later = CutKey("x", LINK, "1.0.144", 144, "alice", "bob")
    with pytest.raises(UnavailableError, match="keeps its minimum"):
        managers["bob"].promise([replace(later, pieces="1.0.152", size_bits=152)])
    assert stores["bob"].free_bits(LINK) == 744
    managers["bob"].promise([later])
    assert stores["bob"].free_bits(LINK) == 600


def test_both_ends_get_the_same_key_once() -> None:
    """By default one of 256 bits; in a batch in the order asked for."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 1000, 1000)
    (one,) = give(managers["alice"], "alice", "bob")
    more = give(managers["alice"], "alice", "bob", 3, 128)
    ids = [key.id for key in (more[2], one, more[0])]
    assert fetch(managers["bob"], "bob", "alice", ids) == (more[2], one, more[0])
    assert len(one.bits) == 32
    with pytest.raises(BadRequestError, match="not found on KME"):
        fetch(managers["bob"], "bob", "alice", ids[:1])
    assert {store.free_bits(LINK) for user, store in stores.items() if user != "carol"} == {
        2000 - 256 - 3 * 128
    }


def test_directions_share_one_stock() -> None:
    """Either user may be master; no two keys have the same bits."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 512)
    (one,) = give(managers["alice"], "alice", "bob")
    (other,) = give(managers["bob"], "tunnel", "alice", number=1, size_bits=256)
    assert one.bits + other.bits == random_block(0, 512).key
    with pytest.raises(UnavailableError):
        give(managers["alice"], "alice", "bob", 1, 64)


def test_status_counts_what_is_free() -> None:
    """In keys of the default size, at either end alike."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 1000)
    give(managers["alice"], "alice", "bob")
    mine, its = managers["alice"].status("alice", "tunnel"), managers["bob"].status("bob", "alice")
    assert (mine.stored_key_count, its.stored_key_count) == (2, 2)
    assert mine.stored_key_count <= mine.max_key_count
    assert (mine.source_KME_ID, mine.target_KME_ID) == ("kme-alice", "kme-bob")


@pytest.mark.parametrize(
    ("number", "size", "text"),
    [
        (1, 257, "size shall be a multiple of 8"),
        (1, 0, "size shall be 64 to 8192 bits"),
        (1, 8200, "size shall be"),
        (0, 256, "number shall be 1 to 128"),
        (-1, 256, "number"),
        (129, 256, "number"),
        (10**30, 10**30, "size"),
    ],
)
def test_numbers_outside_the_limits(number: int, size: int, text: str) -> None:
    """Refused with the text that clients match, and nothing is taken."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 1000)
    with pytest.raises(BadRequestError, match=text):
        give(managers["alice"], "alice", "bob", number, size)
    assert stores["alice"].free_bits(LINK) == 1000


@pytest.mark.parametrize("slave", ["nobody", "carol", "alice"])
def test_slaves_without_a_link(slave: str) -> None:
    """An unknown one, one that no link leads to, and one at the same manager."""
    managers = open_managers(open_stores())
    with pytest.raises(BadRequestError):
        give(managers["alice"], "alice", slave, number=1, size_bits=256)


def test_keys_of_others_are_refused_before_anything_is_said_of_them() -> None:
    """Whole batches, by 401 also beside unknown ids; nothing is consumed."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 1000)
    mine, its = (
        give(managers["alice"], "alice", "bob")[0],
        give(managers["alice"], "alice", "tunnel", number=1, size_bits=64)[0],
    )
    bob, alice = managers["bob"], managers["alice"]
    for ids in ([its.id], [mine.id, its.id], ["unknown", its.id]):
        with pytest.raises(StrangerError):
            fetch(bob, "bob", "alice", ids)
    with pytest.raises(StrangerError):  # the master is not entitled to it
        fetch(alice, "alice", "bob", [mine.id])
    for master, ids in (("alice", [mine.id, "unknown"]), ("tunnel", [mine.id])):
        with pytest.raises(BadRequestError, match="not found on KME"):
            fetch(bob, "bob", master, ids)
    with pytest.raises(BadRequestError, match="twice"):
        fetch(bob, "bob", "alice", [mine.id, mine.id])
    assert fetch(bob, "bob", "alice", [mine.id]) == (mine,)
    assert fetch(bob, "tunnel", "alice", [its.id]) == (its,)
    with pytest.raises(StrangerError):  # still so when it has gone
        fetch(bob, "bob", "alice", [its.id])


def test_applications_belong_to_one_manager() -> None:
    """One of another user's, and one that nobody knows, are strangers."""
    managers = open_managers(open_stores())
    managers["bob"].admit("tunnel")
    for sae in ("tunnel", "nobody", ""):
        with pytest.raises(StrangerError):
            managers["alice"].admit(sae)


@pytest.mark.parametrize("hears", [False, True])
def test_a_peer_that_does_not_answer(hears: bool) -> None:
    """No key is given, and all bits are free again at both ends."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 1000)
    managers["alice"].peers = {"bob": Deaf(managers["bob"], hears=hears, releases=True)}
    with pytest.raises(UnavailableError):
        give(managers["alice"], "alice", "bob")
    assert [stores[user].free_bits(LINK) for user in ("alice", "bob")] == [1000, 1000]


def test_what_cannot_be_undone_waits_for_the_next_start() -> None:
    """A reservation whose peer stays silent is nobody's key; the next start frees it."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 1000)
    managers["alice"].peers = {"bob": Deaf(managers["bob"], hears=True, releases=False)}
    with pytest.raises(UnavailableError):
        give(managers["alice"], "alice", "bob")
    assert [stores[user].free_bits(LINK) for user in ("alice", "bob")] == [744, 744]
    assert managers["alice"].recover() == 0
    restarted = open_managers(stores)
    assert restarted["alice"].recover() == 1
    assert [stores[user].free_bits(LINK) for user in ("alice", "bob")] == [1000, 1000]
    assert stores["bob"].keys_in(KeyState.PROMISED) == []


def test_a_master_that_cannot_write_gives_the_bits_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last step is undone: no bit waits for the next start, at either end."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 1000)

    def fail(*_: object) -> None:
        raise OutputError(Path("alice.sqlite"), "cannot be written: disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(stores["alice"], "deliver", fail)
        with pytest.raises(OutputError):
            give(managers["alice"], "alice", "bob", 2)
    for user in ("alice", "bob"):
        assert stores[user].free_bits(LINK) == 1000
        assert not stores[user].keys_in(KeyState.RESERVED)
        assert not stores[user].keys_in(KeyState.PROMISED)
    (key,) = give(managers["alice"], "alice", "bob")
    assert fetch(managers["bob"], "bob", "alice", [key.id]) == (key,)


def test_a_peer_without_the_bits() -> None:
    """It refuses; blocks that only one end has are forgotten at the next start."""
    stores = open_stores()
    managers = open_managers(stores)
    stores["alice"].take_in(LINK, random_block(0, 512))
    with pytest.raises(UnavailableError):
        give(managers["alice"], "alice", "bob")
    fill(stores, LINK, 512, 512)
    assert drop_lone_blocks(LINK, stores["alice"], stores["bob"]) == 0
    stores["bob"].take_in(LINK, random_block(7, 256))
    assert drop_lone_blocks(LINK, stores["alice"], stores["bob"]) == 1
    assert [stores[user].free_bits(LINK) for user in ("alice", "bob")] == [1024, 1024]


def test_refusals_have_codes_of_the_standard() -> None:
    """401, 400 and 503, no others."""
    found = {
        error.code for error in (RefusedError, StrangerError, BadRequestError, UnavailableError)
    }
    assert found == {401, 400, 503}


def orders(manager: KeyManager, *numbers: int) -> list[Order]:
    """Of alice's for bob, each for so many keys of 256 bits."""
    return [manager.order("alice", "bob", number=number, size_bits=256) for number in numbers]


def test_several_orders_at_once() -> None:
    """Who asks for too much gets none, and stands in nobody's way; bits are nobody else's."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 1024)
    first, short, last = managers["alice"].give(orders(managers["alice"], 2, 3, 2))
    assert isinstance(short, UnavailableError)
    assert isinstance(first, tuple)
    assert isinstance(last, tuple)
    assert b"".join(key.bits for key in (*first, *last)) == random_block(0, 1024).key
    assert [stores[user].free_bits(LINK) for user in ("alice", "bob")] == [0, 0]


def test_one_order_that_the_peer_refuses_among_others() -> None:
    """Bits that only one end has cost the one order that they would be for."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 512)
    stores["alice"].take_in(LINK, random_block(1, 256))
    first, second, third = managers["alice"].give(orders(managers["alice"], 1, 1, 1))
    assert isinstance(third, UnavailableError)
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert (first + second) == fetch(
        managers["bob"], "bob", "alice", [key.id for key in first + second]
    )
    assert [stores[user].free_bits(LINK) for user in ("alice", "bob")] == [256, 0]


def test_one_key_fetched_twice_at_once() -> None:
    """The first has it; who is refused stands in nobody's way."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 512)
    one, other = give(managers["alice"], "alice", "bob", 2)
    wanted = [
        Collection("bob", "alice", (one.id,)),
        Collection("bob", "alice", (one.id, other.id)),
        Collection("tunnel", "alice", (other.id,)),
        Collection("bob", "alice", (other.id,)),
    ]
    first, again, stranger, last = managers["bob"].fetch(wanted)
    assert (first, last) == ((one,), (other,))
    assert isinstance(again, BadRequestError)
    assert isinstance(stranger, StrangerError)


def test_orders_that_cannot_be_written_are_all_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of several fetched at once fails on the disk: none was delivered."""
    stores = open_stores()
    managers = open_managers(stores)
    fill(stores, LINK, 512)
    keys = give(managers["alice"], "alice", "bob", 2)
    deliver, failing = stores["bob"].deliver, keys[1].id

    def fail(ids: Sequence[str], state: KeyState) -> tuple[DeliveredKey, ...]:
        if failing in ids:
            raise OutputError(Path("bob.sqlite"), "cannot be written: disk is full")
        return deliver(ids, state)

    with monkeypatch.context() as patch:
        patch.setattr(stores["bob"], "deliver", fail)
        with pytest.raises(OutputError):
            managers["bob"].fetch([Collection("bob", "alice", (key.id,)) for key in keys])
    assert fetch(managers["bob"], "bob", "alice", [key.id for key in keys]) == keys
