"""Keys that managers relay: who pays, who could know them, and what a kill leaves."""

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from netsim.delivery.directory import Directory
from netsim.delivery.keys import BadRequestError, DeliveredKey, UnavailableError
from netsim.delivery.manager import KeyManager
from netsim.delivery.relays import Relays
from netsim.delivery.serve import Desk, directory_of
from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from netsim.demand.terms import Thresholds
from netsim.errors import ConfigError
from netsim.pools.database import IN_MEMORY, Database
from netsim.relay.terms import RelayTerms
from netsim.topology.load import load_topology
from tests.support.managers import fetch, fill_apart, give

USERS = ("alice", "bob", "carol", "dave")
LINKS = ("alice-bob", "bob-dave", "alice-carol", "carol-dave")
HOP_BITS = 256 + 256 + 192
ONE_PATH = RelayTerms()
PAID_NOT_COLLECTED, AT_ONE_END = 17, 31
"""Commits of a process that relays a key."""


def directory(terms: RelayTerms | None) -> Directory:
    """A square; alice and dave have no light, and key by relay where there are terms."""
    links = {frozenset(link.split("-")): link for link in LINKS}
    saes = {user: user for user in USERS}
    if terms is None:
        return Directory(USERS, saes, links)
    ends = frozenset({"alice", "dave"})
    return Directory(
        USERS, saes, links | {ends: "alice-dave"}, {ends: terms}, frozenset({"alice-dave"})
    )


class Square:
    """Managers in memory, each link with so many bits."""

    def __init__(
        self,
        bits: int,
        terms: RelayTerms | None = ONE_PATH,
        *,
        minimum_bits: int = 0,
        **more: int,
    ) -> None:
        self.told: list[dict[str, object]] = []
        self.stores = {user: ManagerStore(IN_MEMORY) for user in USERS}
        levels = dict.fromkeys(LINKS, Thresholds(minimum_bits, minimum_bits))
        known = replace(directory(terms), thresholds=levels)
        self.managers = {user: KeyManager(user, self.stores[user], known) for user in USERS}
        relays = Relays(known, self.managers, self.stores, self._tell)
        for user, manager in self.managers.items():
            manager.peers = {other: self.managers[other] for other in known.peers_of(user)}
            manager.relay = relays
        for link in LINKS:
            fill_apart(self.stores, link, bits + more.get(link.replace("-", "_"), 0))

    def _tell(self, event: str, **values: object) -> None:
        self.told.append({"event": event, **values})

    def free_bits(self) -> Counter[str]:
        """What both ends of each link have; they have the same."""
        free = Counter[str]()
        for link in LINKS:
            (free[link],) = {self.stores[user].free_bits(link) for user in link.split("-")}
        return free

    def ask(self, *, number: int = 1) -> tuple[tuple[DeliveredKey, ...], tuple[DeliveredKey, ...]]:
        """Keys for alice with dave, at both."""
        given = give(self.managers["alice"], "alice", "dave", number, 256)
        return given, fetch(self.managers["dave"], "dave", "alice", [key.id for key in given])


def test_both_ends_get_the_key_and_every_hop_pays() -> None:
    """256 bits, and 448 for tag and check, at each end of each hop; the key says who knows it."""
    square = Square(10_000, more=0)
    ((given,), (fetched,)) = square.ask()
    assert given == fetched
    assert len(given.bits) == 32
    assert given.known_to == "bob"
    assert square.free_bits() == {
        "alice-bob": 10_000 - HOP_BITS,
        "bob-dave": 10_000 - HOP_BITS,
        "alice-carol": 10_000,
        "carol-dave": 10_000,
    }
    assert square.told == [
        {"event": "relayed", "between": "alice-dave", "over": "bob", "bits": 256, "paid_bits": 704}
    ]


def test_two_paths() -> None:
    """Neither of the two in the middle has what the key is; all four hops pay."""
    square = Square(10_000, RelayTerms(paths=2))
    ((given,), (fetched,)) = square.ask()
    assert given == fetched
    assert given.known_to == "bob + carol"
    shares = [
        Square(10_000, RelayTerms(through=frozenset({name}))).ask()[0][0] for name in USERS[1:3]
    ]
    one, other = (int.from_bytes(share.bits, "big") for share in shares)
    assert one != other
    assert int.from_bytes(given.bits, "big") == one ^ other
    assert set(square.free_bits().values()) == {10_000 - HOP_BITS}


def test_several_keys_are_one_relay() -> None:
    """The overhead is paid once; keys differ."""
    square = Square(10_000)
    given, fetched = square.ask(number=5)
    assert given == fetched
    assert len({key.bits for key in given}) == 5
    assert square.free_bits()["alice-bob"] == 10_000 - 5 * 256 - 448


def test_what_is_left_is_used_first() -> None:
    """A relay brings just what lacks: of a link with light its own key goes first."""
    square = Square(10_000)
    square.managers["alice"].relay.bring("alice", "dave", 100)  # type: ignore[union-attr]
    ((given,), (fetched,)) = square.ask()
    assert given == fetched
    assert [line["bits"] for line in square.told] == [104, 152]


def test_nothing_is_relayed_unasked() -> None:
    """Without terms there is no link; over whom the terms do not allow there is no key."""
    with pytest.raises(BadRequestError, match="has no link"):
        Square(10_000, None).ask()
    square = Square(10_000, RelayTerms(through=frozenset({"carol"})))
    ((given,), _) = square.ask()
    assert given.known_to == "carol"


@pytest.mark.parametrize("terms", [ONE_PATH, RelayTerms(paths=2)])
def test_too_little_on_the_way(terms: RelayTerms) -> None:
    """Nothing is paid for a key that cannot come."""
    square = Square(HOP_BITS - 8, terms, alice_bob=5000)
    assert square.managers["alice"].status("alice", "dave").stored_key_count == 0
    with pytest.raises(UnavailableError):
        square.ask()
    assert square.free_bits()["bob-dave"] == HOP_BITS - 8
    assert square.free_bits()["alice-bob"] == HOP_BITS - 8 + 5000


def test_what_the_status_promises_can_be_had() -> None:
    """As many keys in one request, and then no more."""
    square = Square(3000)
    status = square.managers["alice"].status("alice", "dave")
    assert status.stored_key_count == (3000 - 448) // 256
    given, fetched = square.ask(number=status.stored_key_count)
    assert given == fetched


def test_hops_leave_the_minimum_of_their_links() -> None:
    """No relay draws a pool further than an application may, and the status knows it."""
    square = Square(3000, minimum_bits=1500)
    assert square.managers["alice"].status("alice", "dave").stored_key_count == (1500 - 448) // 256
    with pytest.raises(UnavailableError):
        square.ask(number=5)
    assert len(square.ask(number=4)[0]) == 4
    square = Square(3000, minimum_bits=2500)
    with pytest.raises(UnavailableError):
        square.ask()


@pytest.mark.parametrize("poor", ["bob", "carol"])
def test_the_status_counts_the_fullest_way(poor: str) -> None:
    """Of two equally short ways it is not the empty one."""
    rich = {"bob": "carol", "carol": "bob"}[poor]
    square = Square(
        8, ONE_PATH, **{"_".join(sorted((end, rich))): 3000 for end in ("alice", "dave")}
    )
    assert square.managers["alice"].status("alice", "dave").stored_key_count == (3008 - 448) // 256
    assert square.ask(number=10)[0][0].known_to == rich


def test_a_request_that_cannot_be_met_stands_in_nobodys_way() -> None:
    """The first of two that wait together asks for more than there is; the second gets its key."""
    manager = Square(3000).managers["alice"]
    orders = [
        manager.order("alice", "dave", number=number, size_bits=size_bits)
        for number, size_bits in ((128, 8192), (1, 256))
    ]
    refused, given = manager.give(orders)
    assert isinstance(refused, UnavailableError)
    assert isinstance(given, tuple)


def test_no_hop_pays_with_key_that_was_relayed() -> None:
    """Else somebody who is not named would know what comes over it."""
    links = {frozenset(link.split("-")): link for link in (*LINKS, "bob-carol")}
    ends, both = frozenset({"alice", "dave"}), frozenset({"alice", "bob"})
    terms = {both: RelayTerms(), ends: RelayTerms(through=frozenset({"bob"}))}
    known = Directory(
        USERS,
        {user: user for user in USERS},
        links | {ends: "alice-dave"},
        terms,
        frozenset({"alice-dave"}),
    )
    stores = {user: ManagerStore(IN_MEMORY) for user in USERS}
    managers = {user: KeyManager(user, stores[user], known) for user in USERS}
    relays = Relays(known, managers, stores, lambda *_, **__: None)
    for user, manager in managers.items():
        manager.peers = {other: managers[other] for other in known.peers_of(user)}
        manager.relay = relays
    for link in ("alice-carol", "bob-carol", "bob-dave"):
        fill_apart(stores, link, 5000)
    assert relays.bring("alice", "bob", 2000)
    assert stores["alice"].free_bits("alice-bob") == 2000
    with pytest.raises(UnavailableError):
        give(managers["alice"], "alice", "dave", 1, 256)
    fill_apart(stores, "alice-bob", HOP_BITS)
    (given,) = give(managers["alice"], "alice", "dave", 1, 256)
    assert given.known_to == "bob"
    assert stores["alice"].free_bits("alice-bob") == 2000


def test_hops_of_a_link_that_is_gone_stay() -> None:
    """As they stand at both ends: what one end frees when the link is back the other has, too."""
    stores = {user: ManagerStore(IN_MEMORY) for user in USERS}
    fill_apart(stores, "alice-bob", 1000)
    keys = stores["alice"].reserve("alice-bob", [HOP_BITS], master="kme-alice", slave="kme-bob")
    stores["bob"].promise(keys)
    whole = directory(ONE_PATH)
    links = {both: link for both, link in whole.links.items() if link != "alice-bob"}
    for known in (Directory(USERS, whole.saes, links), whole):
        managers = {user: KeyManager(user, stores[user], known) for user in USERS}
        for user, manager in managers.items():
            manager.peers = {other: managers[other] for other in known.peers_of(user)}
        for manager in managers.values():
            manager.recover()
        assert sum(manager.discard_hops() for manager in managers.values()) == 0
    assert [stores[user].free_bits("alice-bob") for user in ("alice", "bob")] == [1000, 1000]
    (given,) = give(managers["alice"], "alice", "bob", 1, 256)
    assert fetch(managers["bob"], "bob", "alice", [given.id]) == (given,)


def test_somebody_dishonest() -> None:
    """On one of two paths: found, paid and lost; alone on the only one: two keys, unnoticed."""
    square = Square(10_000, RelayTerms(paths=2, dishonest=frozenset({"bob"})))
    with pytest.raises(UnavailableError):
        square.ask()
    assert [line["event"] for line in square.told] == ["relay_lost"]
    assert set(square.free_bits().values()) == {10_000 - HOP_BITS}
    square = Square(10_000, RelayTerms(dishonest=frozenset({"bob", "carol"})))
    ((given,), (fetched,)) = square.ask()
    assert given.bits != fetched.bits


# Kills -------------------------------------------------------------------------------------------


def run_killed(folder: Path, commits: int) -> tuple[int, bytes]:
    """A process that asks for a key and ends, without a word to anybody, behind so many commits."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reader)
        code = 1
        try:
            with dying(commits):
                desk = open_desk(folder)
                (key,) = give(desk.managers["alice"], "alice", "dave", 1, 256)
                os.write(writer, b"given " + key.bits.hex().encode() + b"\n")
                (key,) = fetch(desk.managers["dave"], "dave", "alice", [key.id])
                os.write(writer, b"fetched " + key.bits.hex().encode() + b"\n")
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        said = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


@contextmanager
def dying(commits: int) -> Iterator[None]:
    """Ends the process behind that many transactions of any file."""
    left, whole = [commits], Database._whole

    @contextmanager
    def counted(self: Database) -> Iterator[None]:
        with whole(self):
            yield
        left[0] -= 1
        if not left[0]:
            os._exit(9)

    Database._whole = counted  # type: ignore[method-assign]  # of this process alone
    yield


def open_desk(folder: Path) -> Desk:
    """All managers on files, after whatever was before."""
    return Desk(State(folder), directory(RelayTerms(paths=2)), lambda *_, **__: None)


def paid(folder: Path) -> dict[str, Counter[str]]:
    """Bits of hops that were delivered, by link, at each user."""
    found: dict[str, Counter[str]] = {}
    for user in USERS:
        with closing(sqlite3.connect(State(folder).manager_path(user))) as db:
            rows = db.execute("SELECT link, size_bits, state FROM cut WHERE master LIKE 'kme-%'")
            found[user] = Counter[str]()
            for link, bits, state in rows:
                assert state.startswith("delivered")
                found[user][link] += bits
    return found


def killed(folder: Path, commits: int) -> tuple[int, str, int]:
    """Exit code and words of a process on full managers, and what the next start drops."""
    desk = open_desk(folder)
    for link in LINKS:
        fill_apart(desk.stores, link, 4000)
    desk.close()
    code, said = run_killed(folder, commits)
    again = open_desk(folder)
    check_ends(again, folder)
    again.close()
    return code, said.decode(), again.dropped


@pytest.mark.parametrize("commits", [PAID_NOT_COLLECTED, AT_ONE_END])
def test_a_kill_in_between(tmp_path: Path, commits: int) -> None:
    """A hop that is paid at one end; a key that has come to one end. Nobody was told of either."""
    assert killed(tmp_path, commits) == (9, "", 1)


@pytest.mark.slow
def test_a_kill_behind_every_commit(tmp_path: Path) -> None:
    """No key at one end alone or twice; both ends of every hop have paid the same."""
    dropped, answers, code = 0, list[str](), 9
    for commits in range(1, 60):
        code, said, its = killed(tmp_path / str(commits), commits)
        dropped += its
        answers.append(said)
        if code == 0:
            break
        assert code == 9
    assert code == 0
    assert dropped == 4 + 1
    assert any("given" in said and "fetched" not in said for said in answers)


def test_a_start_without_the_terms(tmp_path: Path) -> None:
    """What was reserved on them stays until they are there again; no start fails for it."""
    desk = open_desk(tmp_path)
    for link in LINKS:
        fill_apart(desk.stores, link, 4000)
    assert desk.managers["alice"].relay is not None
    assert desk.managers["alice"].relay.bring("alice", "dave", 256)
    desk.stores["alice"].reserve("alice-dave", [256], master="alice", slave="dave")
    desk.close()
    without = Desk(State(tmp_path), directory(None), lambda *_, **__: None)
    assert without.undone == 0
    without.close()
    again = open_desk(tmp_path)
    assert again.undone == 1
    (given,) = give(again.managers["alice"], "alice", "dave", 1, 256)
    assert fetch(again.managers["dave"], "dave", "alice", [given.id]) == (given,)
    again.close()


def test_bytes_are_gone(tmp_path: Path) -> None:
    """Of the key, and of what each hop has paid; what is left of the hops' blocks is found."""
    desk = open_desk(tmp_path)
    for link in LINKS:
        fill_apart(desk.stores, link, 4000)
    (key,) = give(desk.managers["alice"], "alice", "dave", 1, 256)
    assert fetch(desk.managers["dave"], "dave", "alice", [key.id]) == (key,)
    folder = State(tmp_path).manager_path("alice").parent
    kept = b"".join(path.read_bytes() for path in folder.iterdir())
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    assert key.bits not in kept
    for link in LINKS:
        block = random.Random(f"{link} 0").randbytes(500)
        assert block[HOP_BITS // 8 :] in kept
        assert not any(block[k : k + 8] in kept for k in range(HOP_BITS // 8 - 8))
    desk.close()


def check_ends(desk: Desk, folder: Path) -> None:
    """After a restart, and one more key."""
    before = paid(folder)
    for link in LINKS:
        one, other = link.split("-")
        assert before[one][link] == before[other][link]
        free = {desk.stores[user].free_bits(link) for user in (one, other)}
        assert free == {4000 - before[one][link]}
    mine, its = (desk.stores[user] for user in ("alice", "dave"))
    assert mine.rounds("alice-dave") == its.rounds("alice-dave")
    assert mine.free_bits("alice-dave") == its.free_bits("alice-dave")
    (given,) = give(desk.managers["alice"], "alice", "dave", 1, 256)
    assert fetch(desk.managers["dave"], "dave", "alice", [given.id]) == (given,)


# What a topology says ----------------------------------------------------------------------------


def served(*relays: Mapping[str, object] | None, **changes: object) -> Directory:
    """Of four users, alice and dave in the dark, with an application of theirs for each entry."""
    applications = [
        {"name": f"a{k}", "users": ["dave", "alice"], "key_bits": 256, "arrivals": "poisson"}
        | {"options": {"rate_hz": 1.0}}
        | ({} if relay is None else {"relay": dict(relay)})
        for k, relay in enumerate(relays)
    ]
    overrides = {"applications": applications, "qnsp.source.pairs.5.factor": 0.0, **changes}
    return directory_of(load_topology("fan2025_four_user", overrides=overrides), {})


def test_terms_of_a_topology() -> None:
    """Of two users, in any order; without any there is no relay, and never by two sets of terms."""
    ends = frozenset({"alice", "dave"})
    assert served(None).relayed == {}
    assert served({"paths": 2}, None).relayed == {ends: RelayTerms(paths=2)}
    assert served({"paths": 2}, {"paths": 2}).links[ends] == "alice-dave"
    with pytest.raises(ConfigError, match="by other terms already"):
        served({"paths": 2}, {})
    with pytest.raises(ConfigError, match="not 3"):
        served({"paths": 3})
