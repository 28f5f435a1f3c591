"""Key managers of three users on files of a test, filled with random key."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from netsim.delivery.directory import Directory
from netsim.delivery.keys import Collection, DeliveredKey, RefusedError
from netsim.delivery.manager import KeyManager, Outcome
from netsim.delivery.store import ManagerStore
from netsim.pools.database import IN_MEMORY
from netsim.pools.key import KeyBlock, Piece

LINKS = {frozenset({"alice", "bob"}): "alice-bob", frozenset({"bob", "carol"}): "bob-carol"}
DIRECTORY = Directory(
    ("alice", "bob", "carol"),
    {"alice": "alice", "bob": "bob", "carol": "carol", "tunnel": "bob"},
    LINKS,
)


def random_block(number: int, size_bits: int) -> KeyBlock:
    """Key of a round, the same for each call of one number."""
    key = random.Random(number).randbytes(-(-size_bits // 8))
    return KeyBlock(number, key, size_bits, (Piece(number, 0, size_bits),))


def fill_apart(stores: Mapping[str, ManagerStore], link: str, *sizes_bits: int) -> None:
    """As `fill`, with key that no other link has."""
    for number, size_bits in enumerate(sizes_bits):
        key = random.Random(f"{link} {number}").randbytes(-(-size_bits // 8))
        block = KeyBlock(number, key, size_bits, (Piece(number, 0, size_bits),))
        for user in link.split("-"):
            stores[user].take_in(link, block)


def fill(stores: Mapping[str, ManagerStore], link: str, *sizes_bits: int) -> None:
    """Blocks of rounds 0, 1, ... into both managers of a link."""
    for number, size_bits in enumerate(sizes_bits):
        for user in link.split("-"):
            stores[user].take_in(link, random_block(number, size_bits))


def open_stores(folder: Path | None = None) -> dict[str, ManagerStore]:
    """One store a user, in memory or in files."""
    return {
        user: ManagerStore(IN_MEMORY if folder is None else folder / f"{user}.sqlite")
        for user in DIRECTORY.users
    }


def open_managers(
    stores: Mapping[str, ManagerStore], directory: Directory = DIRECTORY
) -> dict[str, KeyManager]:
    """Managers that know each other."""
    managers = {user: KeyManager(user, store, directory) for user, store in stores.items()}
    for user, manager in managers.items():
        manager.peers = {other: managers[other] for other in DIRECTORY.peers_of(user)}
    return managers


def give(
    manager: KeyManager,
    master: str,
    slave: str,
    number: int | None = None,
    size_bits: int | None = None,
) -> tuple[DeliveredKey, ...]:
    """One request of a master, alone; what refuses it is raised."""
    order = manager.order(master, slave, number=number, size_bits=size_bits)
    return _met(manager.give([order]))


def fetch(
    manager: KeyManager, slave: str, master: str, ids: Sequence[str]
) -> tuple[DeliveredKey, ...]:
    """One request of a slave, alone; what refuses it is raised."""
    return _met(manager.fetch([Collection(slave, master, tuple(ids))]))


def _met(outcomes: Sequence[Outcome]) -> tuple[DeliveredKey, ...]:
    (outcome,) = outcomes
    if isinstance(outcome, RefusedError):
        raise outcome
    return outcome
