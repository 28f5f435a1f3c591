"""Key managers that are killed in the midst of their work: no key twice, none lost, ends agree."""

import base64
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

import pytest

from netsim.delivery.keys import KeyState
from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from tests.support.managers import fetch, fill, open_managers, open_stores
from tests.support.serving import ROOT, Serving, key_ids, serve

LINK = "alice-bob"
BATCH, SIZE_BITS = 3, 128
WORKER = """
import sys
from pathlib import Path
from tests.support.managers import fetch, give, open_managers, open_stores
managers = open_managers(open_stores(Path(sys.argv[1])))
for manager in managers.values():
    manager.recover()
alice, bob = managers["alice"], managers["bob"]
while True:
    given = give(alice, "alice", "bob", 3, 128)
    print("given", *(f"{key.id}:{key.bits.hex()}" for key in given), flush=True)
    fetched = fetch(bob, "bob", "alice", [key.id for key in given[1:]])
    print("fetched", *(f"{key.id}:{key.bits.hex()}" for key in fetched), flush=True)
"""


def states(path: Path) -> Counter[str]:
    """Keys of one manager by their state."""
    with closing(sqlite3.connect(path)) as db:
        return Counter(state for (state,) in db.execute("SELECT state FROM cut"))


class Account:
    """What masters and slaves were answered."""

    def __init__(self) -> None:
        self.given: dict[str, bytes] = {}
        self.fetched: dict[str, bytes] = {}
        self.seen: set[bytes] = set()

    def give(self, key_id: str, bits: bytes) -> None:
        """A key that a master got: nobody has had it before."""
        assert key_id not in self.given
        assert bits not in self.seen
        self.given[key_id] = bits
        self.seen.add(bits)

    def fetch(self, key_id: str, bits: bytes) -> None:
        """The same key at the other end, once."""
        assert key_id not in self.fetched
        assert self.given[key_id] == bits
        self.fetched[key_id] = bits

    def check(self, folder: Path, total_bits: int, kills: int, batch: int, size_bits: int) -> None:
        """With what is in the managers' files, once nobody is at work."""
        stores = open_stores(folder)
        managers = open_managers(stores)
        for manager in managers.values():
            manager.recover()
        mine, its = states(folder / "alice.sqlite"), states(folder / "bob.sqlite")
        assert not mine[KeyState.RESERVED]
        unanswered = mine[KeyState.TO_MASTER] - len(self.given)
        assert 0 <= unanswered <= kills * batch
        assert mine[KeyState.TO_MASTER] == its[KeyState.PROMISED] + its[KeyState.TO_SLAVE]
        free = {stores[user].free_bits(LINK) for user in ("alice", "bob")}
        assert free == {total_bits - size_bits * mine[KeyState.TO_MASTER]}
        waiting = {key.id for key in stores["bob"].keys_in(KeyState.PROMISED)}
        for key_id in self.given.keys() & waiting:
            (key,) = fetch(managers["bob"], "bob", "alice", [key_id])
            self.fetch(key_id, key.bits)
        for store in stores.values():
            store.close()


def test_workers_killed_in_the_midst(tmp_path: Path) -> None:
    """Four times, at other moments each: the books of the next start hold."""
    stores = open_stores(tmp_path)
    fill(stores, LINK, *[4096] * 20)
    for store in stores.values():
        store.close()
    account, rng = Account(), random.Random(1)
    for _ in range(4):
        for line in killed_after(tmp_path, rng.randint(3, 12), rng.uniform(0.0, 0.02)):
            word, *entries = line.split()
            for entry in entries:
                key_id, _, bits = entry.partition(":")
                book = account.give if word == "given" else account.fetch
                book(key_id, bytes.fromhex(bits))
    assert len(account.given) >= 4 * BATCH
    account.check(tmp_path, 20 * 4096, 4, BATCH, SIZE_BITS)


def killed_after(folder: Path, lines: int, wait_s: float) -> Iterator[str]:
    """What a worker says before it is killed, some lines from its start on."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    for _ in range(lines):
        yield worker.stdout.readline()
    time.sleep(wait_s)
    worker.kill()
    rest, _ = worker.communicate()
    yield from (line for line in rest.splitlines(keepends=True) if line.endswith("\n"))


@pytest.mark.slow
def test_a_hundred_kills_under_load(tmp_path: Path) -> None:
    """Masters and slaves over HTTPS; what a client was answered is booked, once, for good.

    Two at once come for each key: one gets it. Every second kill waits for an answer.
    """
    kills, blocks, block_bits = int(os.environ.get("NETSIM_KILLS", "100")), 400, 65_536
    state = State(tmp_path / "state")
    users = ("alice", "bob")
    stores = {user: ManagerStore(state.manager_path(user)) for user in users}
    fill(stores, LINK, *[block_bits] * blocks)
    for store in stores.values():
        store.close()
    account, rng = Account(), random.Random(2)
    for kill in range(kills):
        serving = serve("two_user", state.path, "--light", "0")
        with ThreadPoolExecutor(3) as pool:
            loads = [pool.submit(ask_until_killed, serving, account) for _ in range(3)]
            had = len(account.given)
            while kill % 2 and len(account.given) == had and not any(x.done() for x in loads):
                time.sleep(0.01)
            time.sleep(rng.uniform(0.05, 0.6))
            serving.kill()
        for load in loads:
            load.result()
    assert len(account.given) >= kills // 2
    account.check(tmp_path / "state" / "managers", blocks * block_bits, kills, 3 * 2, 256)


def come_for(serving: Serving, wanted: bytes, account: Account) -> int:
    """One of two who ask for the same keys at once; what it is answered."""
    code, found = serving.ask("bob", "bob", "/api/v1/keys/alice/dec_keys", wanted)
    if code == 200:
        for entry in found["keys"]:
            account.fetch(entry["key_ID"], base64.b64decode(entry["key"]))
    return int(code)


def ask_until_killed(serving: Serving, account: Account) -> None:
    """Keys for bob, and half of them fetched by one of two, until nobody answers."""
    try:
        while True:
            code, given = serving.ask("alice", "alice", "/api/v1/keys/bob/enc_keys?number=2")
            assert code == 200
            for entry in given["keys"]:
                account.give(entry["key_ID"], base64.b64decode(entry["key"]))
            wanted = key_ids(given["keys"][:1])
            with ThreadPoolExecutor(2) as rivals:
                asked = [rivals.submit(come_for, serving, wanted, account) for _ in range(2)]
            codes = sorted(each.result() for each in asked)
            assert codes == [200, 400]
    except (OSError, HTTPException, ValueError):
        return
