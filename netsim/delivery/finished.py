"""Key of a run that has ended: it leaves the run's pools, and its ledger says so."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from netsim.delivery.filling import FillingEnd, move
from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from netsim.errors import ConfigError
from netsim.pools.key import pieces_of
from netsim.pools.ledger import Account, Movement
from netsim.pools.ledgerfile import LedgerFile, read_ledger
from netsim.pools.store import UserStore
from netsim.results.directory import (
    DELIVERY,
    LEDGER,
    USERS_DIRECTORY,
    load_run,
)
from netsim.results.files import write_whole
from netsim.results.lock import locked

Stores = Mapping[str, ManagerStore]


def move_finished(
    directory: Path,
    state: State,
    links: Iterable[str],
    stores: Stores,
    maxima_bits: Mapping[str, int],
) -> int:
    """Bring the key of the run in ``directory`` to the managers; returns its bits.

    Parameters
    ----------
    directory : Path
        What was given to ``netsim run --out``.
    state : State
        Of the serving process.
    links : iterable of str
        Of the network; one that the run has no pool of is passed over.
    stores : mapping
        User to store of its manager.
    maxima_bits : mapping
        Link to what its managers hold at most, if it is there; what comes when they do stays.

    Raises
    ------
    ConfigError
        It holds no finished run with keys, or its key has gone elsewhere.
    OutputError
        Another process is writing into it.
    """
    run = load_run(directory)
    if not run.fidelity.has_keys:
        raise ConfigError.of(directory, f"holds a run at the {run.fidelity} level, without keys")
    with locked(directory), ExitStack() as stack:
        fill = _claim(directory, state, f"{run.provenance.topology_sha256}:{run.seed}")
        pools = {
            user.name: stack.enter_context(UserStore(_pool_path(directory, user.name)))
            for user in run.users
        }
        moved_bits = 0
        for link in links:
            one, other = (_end(link, user, pools, stores) for user in link.split("-"))
            moved_bits += move(link, fill, one, other, maxima_bits.get(link))
        _book_taken(directory, pools)
    return moved_bits


def _pool_path(directory: Path, user: str) -> Path:
    path = directory / USERS_DIRECTORY / f"{user}.sqlite"
    if not path.is_file():
        raise ConfigError.of(path, "is missing")
    return path


def _end(link: str, user: str, pools: Mapping[str, UserStore], stores: Stores) -> FillingEnd:
    pool = pools[user]
    return FillingEnd(
        partial(pool.blocks, link), lambda key: pool.fetch(link, pieces_of(key)), stores[user]
    )


def _claim(directory: Path, state: State, identity: str) -> int:
    """Mark the run as ours before any key of it moves; its number among what fills the managers."""
    path = directory / DELIVERY
    if path.is_file():
        found = _read_claim(path)
        if found.get("state") != state.id:
            raise ConfigError.of(directory, "its key has gone to the managers of another --state")
        return int(found["fill"])
    fill = state.fill_of(identity)
    write_whole(path, json.dumps({"state": state.id, "fill": fill}) + "\n")
    return fill


def _read_claim(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        return {"state": str(loaded["state"]), "fill": int(loaded["fill"])}
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ConfigError.of(path, "does not say where its key has gone") from error


def _book_taken(directory: Path, pools: Mapping[str, UserStore]) -> None:
    """Book as spent what has left the pools and is not booked, after a kill too."""
    with LedgerFile(directory / LEDGER, is_new=False) as ledger:
        for row in tuple(_unbooked(directory, pools)):
            ledger.append(row)


def _unbooked(directory: Path, pools: Mapping[str, UserStore]) -> Iterator[Movement]:
    booked: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    time_ps = 0
    for row in read_ledger(directory / LEDGER):
        sign = (row.credit is Account.POOL) - (row.debit is Account.POOL)
        booked[row.link, row.end, row.block] += sign * row.bits
        time_ps = row.time_ps
    for link, end in dict.fromkeys((link, end) for link, end, _ in booked):
        for block in pools[end].blocks(link):
            left_bits = sum(piece.size_bits for piece in block.left)
            missing_bits = booked[link, end, block.round] - left_bits
            if missing_bits > 0:
                way = (Account.POOL, Account.SPENT)
                yield Movement(time_ps, link, end, block.round, *way, missing_bits)
