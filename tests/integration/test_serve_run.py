"""Key of a run, finished or under way, in the hands of key managers."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from netsim.cli import run_command
from netsim.delivery.finished import move_finished
from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from netsim.errors import ConfigError
from netsim.pools.store import UserStore
from netsim.results.directory import DELIVERY, LEDGER, load_run
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.verify import verify_run
from tests.support.serving import Serving, key_ids, serve

LINK = "alice-bob"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run with key on its one link."""
    out = tmp_path_factory.mktemp("run") / "out"
    topology = load_topology("two_user", overrides={"protocol.round_s": 1})
    simulate(topology, duration_s=3, seed=5, out=out)
    return out


def move(directory: Path, state: State, maximum_bits: int | None = None) -> tuple[int, int, int]:
    """Bits that come, and what both managers have free then."""
    stores = {user: ManagerStore(state.manager_path(user)) for user in ("alice", "bob")}
    maxima_bits = {} if maximum_bits is None else {LINK: maximum_bits}
    moved = move_finished(directory, state, [LINK], stores, maxima_bits)
    found = [store.free_bits(LINK) for store in stores.values()]
    for store in stores.values():
        store.close()
    return moved, found[0], found[1]


def pool_bits(directory: Path) -> list[int]:
    """What is left in the run's pools."""
    found = []
    for user in ("alice", "bob"):
        with UserStore(directory / "users" / f"{user}.sqlite") as store:
            found.append(store.stock_bits(LINK))
    return found


def test_key_leaves_the_run_and_its_books_say_so(kept: Path, tmp_path: Path) -> None:
    """All of it, once; `netsim verify` finds the run in order, and the summary is unchanged."""
    directory, state = Path(shutil.copytree(kept, tmp_path / "run")), State(tmp_path / "state")
    before = pool_bits(directory)
    assert before[0] == before[1] > 1000
    assert move(directory, state) == (before[0], *before)
    assert pool_bits(directory) == [0, 0]
    assert verify_run(directory) == ()
    assert load_run(directory) == load_run(kept)
    assert move(directory, state) == (0, *before)
    with pytest.raises(ConfigError, match="gone to the managers of another"):
        move(directory, State(tmp_path / "other"))


def test_managers_that_are_full_take_nothing_in(kept: Path, tmp_path: Path) -> None:
    """Of three rounds two come in, the third stays in the run, and comes in when there is room."""
    directory, state = Path(shutil.copytree(kept, tmp_path / "run")), State(tmp_path / "state")
    (whole_bits, _), first_bits = pool_bits(directory), move(directory, state, maximum_bits=1)[0]
    assert 0 < first_bits < whole_bits
    moved_bits, *free = move(directory, state, maximum_bits=first_bits + 1)
    assert 0 < moved_bits < whole_bits - first_bits
    assert free == [first_bits + moved_bits] * 2
    assert pool_bits(directory) == [whole_bits - first_bits - moved_bits] * 2
    assert move(directory, state, maximum_bits=first_bits + 1)[0] == 0
    assert verify_run(directory) == ()
    assert move(directory, state) == (whole_bits - free[0], whole_bits, whole_bits)


def test_the_same_run_again_makes_no_new_key(kept: Path, tmp_path: Path) -> None:
    """Same topology and seed, same bits: the managers do not take them a second time."""
    state = State(tmp_path / "state")
    first, second = (shutil.copytree(kept, tmp_path / name) for name in ("one", "two"))
    moved, *free = move(Path(first), state)
    assert move(Path(second), state) == (0, *free)
    assert moved == free[0]
    assert pool_bits(Path(second)) == [0, 0]


def test_books_after_a_kill(kept: Path, tmp_path: Path) -> None:
    """A process that ended between pools and ledger, in the midst of a row: mended by the next."""
    directory, state = Path(shutil.copytree(kept, tmp_path / "run")), State(tmp_path / "state")
    before = (directory / LEDGER).read_bytes()
    moved, *_ = move(directory, state)
    (directory / LEDGER).write_bytes(before + b"3000000000000,alice-bob,al")
    assert verify_run(directory)
    assert move(directory, state)[0] == 0
    assert verify_run(directory) == ()
    assert moved


def test_what_cannot_be_served(tmp_path: Path) -> None:
    """No run; one without keys; a folder that holds something else; a claim that says nothing."""
    state = State(tmp_path / "state")
    with pytest.raises(ConfigError, match="no run directory"):
        move(tmp_path, state)
    simulate("two_user", duration_s=60, seed=1, out=tmp_path / "rate", fidelity="rate")
    with pytest.raises(ConfigError, match="without keys"):
        move(tmp_path / "rate", state)
    with pytest.raises(ConfigError, match="holds something else"):
        State(tmp_path / "rate")
    assert not (tmp_path / "rate" / DELIVERY).exists()


def test_an_application_without_a_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused with all else that is wrong; nothing is made."""
    words = ["--state", str(tmp_path / "state"), "--sae", "tunnel", "--sae", "=bob"]
    assert run_command(["serve", "two_user", *words, "--light", "soon"]) == 2
    said = capsys.readouterr().err
    assert all(text in said for text in ("'tunnel' is not of the form ID=USER", "'=bob'", "soon"))
    assert not (tmp_path / "state").exists()


@pytest.mark.slow
def test_served_while_it_is_simulated(tmp_path: Path) -> None:
    """Key of a running simulation, paced, is the same at both ends; after a kill no key comes
    twice, and new light makes more.
    """  # noqa: D205 - one sentence that does not fit one line
    options = ("--light", "6s", "--pace", "1", "--set", "protocol.round_s=1")
    seen: set[str] = set()
    for _ in range(2):
        serving = serve("two_user", tmp_path / "state", *options)
        for _ in range(3):
            given = wait_for_key(serving)
            asked = serving.ask("bob", "bob", "/api/v1/keys/alice/dec_keys", key_ids(given["keys"]))
            assert asked == (200, given)
            assert given["keys"][0]["key"] not in seen
            seen.add(given["keys"][0]["key"])
        serving.kill()


def wait_for_key(serving: Serving) -> dict[str, Any]:
    """The next key, whenever it comes."""
    due_s = time.monotonic() + 120
    while time.monotonic() < due_s:
        code, given = serving.ask("alice", "alice", "/api/v1/keys/bob/enc_keys?size=1024")
        if code == 200:
            return dict(given)
        time.sleep(0.2)
    raise AssertionError("no key comes")
