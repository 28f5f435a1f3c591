"""`netsim serve` between two users in the dark: keys over others, also where it is killed."""

import base64
import os
import random
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from tests.support.managers import fill_apart
from tests.support.serving import Serving, key_ids, serve

pytestmark = pytest.mark.slow

USERS = ("alice", "bob", "charlie", "dave")
LINKS = ("alice-bob", "alice-charlie", "bob-dave", "charlie-dave")
BLOCK_BITS, BLOCKS = 65_536, 20
HOP_BITS = 256 + 256 + 192
TUNNEL = (
    'applications=[{name="tunnel", users=["alice", "dave"], key_bits=256, arrivals="poisson", '
    "options={rate_hz=1.0}, relay={paths=2}}]"
)
DARK = ("--light", "0", "--set", "qnsp.source.pairs.5.factor=0.0", "--set", TUNNEL)


def fill_state(path: Path) -> State:
    """Made-up key of all links but that of alice and dave."""
    state = State(path)
    stores = {user: ManagerStore(state.manager_path(user)) for user in USERS}
    for link in LINKS:
        fill_apart(stores, link, *[BLOCK_BITS] * BLOCKS)
    for store in stores.values():
        store.close()
    return state


def paid_bits(state: State, user: str) -> Counter[str]:
    """Out of the pools of a user, for keys of hops, by link."""
    bits = Counter[str]()
    with closing(sqlite3.connect(state.manager_path(user))) as db:
        for link, size in db.execute("SELECT link, size_bits FROM cut WHERE master LIKE 'kme-%'"):
            bits[link] += size
    return bits


def client(serving: Serving, user: str) -> Any:
    """As an application of that user has it."""
    module = pytest.importorskip("etsi_qkd_014_client", reason="etsi-qkd-014-client is absent")
    place = serving.urls[user].removeprefix("https://")
    folder = serving.certificates
    names = (folder / f"{user}.crt", folder / f"{user}.key", folder / "ca.crt")
    return module.QKD014Client(place, *map(str, names))


def test_a_client_of_the_registry(tmp_path: Path) -> None:
    """It sees nothing special but keys; the answer itself names who could know them."""
    state = fill_state(tmp_path / "state")
    serving = serve("fan2025_four_user", state.path, *DARK)
    alice, dave = client(serving, "alice"), client(serving, "dave")
    code, status = alice.get_status("dave")
    assert code == 200
    assert status.stored_key_count == (BLOCK_BITS * BLOCKS - 448) // 256
    code, given = alice.get_key("dave", number=3)
    assert code == 200
    ids = [key.key_id for key in given.keys]
    code, found = dave.get_key_with_key_IDs("alice", ids)
    assert code == 200
    assert [key.key for key in found.keys] == [key.key for key in given.keys]
    code, raw = serving.ask("alice", "alice", "/api/v1/keys/dave/enc_keys")
    assert code == 200
    assert raw["keys"][0]["key_extension"] == {"known_to": "bob + charlie"}
    assert serving.stop() == 0
    journal = state.journal.read_text()
    assert '"over":"bob + charlie","bits":768,"paid_bits":1216,"event":"relayed"' in journal
    for user, links in (("bob", ("alice-bob", "bob-dave")), ("dave", LINKS[2:])):
        assert paid_bits(state, user) == dict.fromkeys(links, 1216 + HOP_BITS)


def test_kills_while_it_relays(tmp_path: Path) -> None:
    """No key twice or at one end alone, and both ends of every hop have paid the same."""
    state, rng = fill_state(tmp_path / "state"), random.Random(5)
    given: dict[str, bytes] = {}
    fetched: dict[str, bytes] = {}
    for _ in range(int(os.environ.get("NETSIM_KILLS", "8"))):
        serving = serve("fan2025_four_user", state.path, *DARK)
        with ThreadPoolExecutor(2) as pool:
            loads = [pool.submit(ask_until_killed, serving, given, fetched) for _ in range(2)]
            time.sleep(rng.uniform(0.1, 1.5))
            serving.kill()
        for load in loads:
            load.result()
    serving = serve("fan2025_four_user", state.path, *DARK)
    ask_until_killed(serving, given, fetched, once=True)
    assert serving.stop() == 0
    assert len(set(given.values())) == len(given) > 1
    assert all(given[key_id] == bits for key_id, bits in fetched.items())
    stores = {user: ManagerStore(state.manager_path(user)) for user in USERS}
    for link in LINKS:
        one, other = link.split("-")
        paid = paid_bits(state, one)[link]
        assert paid == paid_bits(state, other)[link] >= HOP_BITS
        free = {stores[user].free_bits(link) for user in (one, other)}
        assert free == {BLOCK_BITS * BLOCKS - paid}
    assert stores["alice"].rounds("alice-dave") == stores["dave"].rounds("alice-dave")


def ask_until_killed(
    serving: Serving, given: dict[str, bytes], fetched: dict[str, bytes], *, once: bool = False
) -> None:
    """Keys at alice's manager, and the same at dave's, until nobody answers."""
    try:
        while True:
            code, found = serving.ask("alice", "alice", "/api/v1/keys/dave/enc_keys")
            assert code == 200
            (entry,) = found["keys"]
            assert entry["key_ID"] not in given
            given[entry["key_ID"]] = base64.b64decode(entry["key"])
            path = "/api/v1/keys/alice/dec_keys"
            code, found = serving.ask("dave", "dave", path, key_ids([entry]))
            assert code == 200
            (entry,) = found["keys"]
            assert entry["key_ID"] not in fetched
            fetched[entry["key_ID"]] = base64.b64decode(entry["key"])
            if once:
                return
    except (OSError, HTTPException, ValueError):
        return
