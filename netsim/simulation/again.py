"""Goes on with a run that was stopped or killed, or has ended: it is run again, and further.

What is promised holds at every level: the files come out byte for byte, and keys bit for bit, as
those of a run that was never stopped. For that everything is drawn anew, from the same streams, in
a folder of its own inside the run's; so it takes as long as from the beginning. Only when it has
ended well, and all that lies in the directory has come out again, does it take the place of that.
Until then nothing there is touched: if this is killed as well, it can be done again.

A key that somebody has taken would come back into the pool: then nothing is done.
"""

import json
from itertools import zip_longest
from pathlib import Path

import numpy as np

from netsim.arguments import explained
from netsim.durations import light_ps, seconds_text
from netsim.errors import ConfigError, writing
from netsim.pools.rounds import read_rounds
from netsim.pools.store import UserStore
from netsim.results.asked import ASKED, Asked, load_asked
from netsim.results.directory import (
    AGAIN_DIRECTORY,
    DELIVERY,
    EVENTS,
    LEDGER,
    NOT_OF_ALL,
    ROUNDS,
    RUN_FILES,
    SUMMARY,
    TAGS_DIRECTORY,
    TOPOLOGY,
    USERS_DIRECTORY,
    load_run,
    make_private,
    remove_again,
)
from netsim.results.lock import locked
from netsim.results.provenance import collect_provenance
from netsim.results.run import Run
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.cadence import round_ps
from netsim.watch import UNWATCHED, Watch


@explained
def resume(
    directory: Path | str,
    *,
    watch: Watch = UNWATCHED,
    workers: int = 1,
) -> Run:
    """Bring the run in ``directory``, which was stopped or killed, to its end.

    Parameters
    ----------
    directory : Path or str
        What was given to `simulate` as ``out``.
    watch : Watch
        Of the run; one that is stopped again leaves the directory as it was.
    workers : int
        As of `simulate`.

    Returns
    -------
    Run
        The result of a run that was never stopped.

    Raises
    ------
    ConfigError
        There is nothing to go on with: it has ended, was made by other versions, was given
        something from Python, key has been taken from it, or something else comes out than lies
        there.
    OutputError
        Another run is writing into it, or it cannot be written to.
    """
    directory = Path(directory)
    asked = load_asked(directory)
    if _has_ended(directory):
        raise ConfigError.of(directory, "this run has ended: netsim extend goes on with it")
    return _run_again(directory, asked, asked.duration_ps, None, watch, workers=workers)


@explained
def extend(
    directory: Path | str,
    duration_s: float | str,
    *,
    watch: Watch = UNWATCHED,
    workers: int = 1,
) -> Run:
    """Go on with the run in ``directory``, which has ended, up to ``duration_s`` of light in all.

    It is as if the links had not been closed: what closing has spent is spent on the next round.

    Parameters
    ----------
    directory : Path or str
        As of `resume`.
    duration_s : float or str
        Light in all, as of `simulate`: more than it has, and that must be whole rounds of every
        link.
    watch, workers
        As of `resume`.

    Returns
    -------
    Run
        The result of a run of that length.

    Raises
    ------
    ConfigError
        As of `resume`; or it has not ended, its last round was cut short, or there is no more light
        to add.
    ValueError
        ``duration_s`` is no duration.
    OutputError
        As of `resume`.
    """
    directory, duration_ps = Path(directory), light_ps(duration_s)
    asked = load_asked(directory)
    if not _has_ended(directory):
        raise ConfigError.of(directory, "this run has not ended: netsim run --resume comes first")
    if duration_ps <= asked.duration_ps:
        raise ConfigError.of("--duration", "is light in all: there is as much already")
    topology = load_topology(directory / TOPOLOGY)
    for users in build_network(topology).links:
        if asked.duration_ps % round_ps(topology, users):
            message = f"the last round of {'-'.join(users)} was cut short, and would change"
            raise ConfigError.of(directory, message)
    return _run_again(directory, asked, duration_ps, asked.duration_ps, watch, workers=workers)


def _run_again(
    directory: Path,
    asked: Asked,
    duration_ps: int,
    until_ps: int | None,
    watch: Watch,
    *,
    workers: int,
) -> Run:
    """Run, compare and replace; what has happened from ``until_ps`` on may come out otherwise."""
    topology = load_topology(directory / TOPOLOGY)
    _check_asked(directory, asked, topology)
    fresh = directory / AGAIN_DIRECTORY
    with locked(directory):
        _check_untaken(directory, topology)
        remove_again(directory)
        make_private(fresh)
        try:
            run = simulate(
                topology,
                duration_s=seconds_text(duration_ps),
                seed=asked.seed,
                out=fresh,
                save_tags=asked.save_tags,
                histograms=asked.histograms,
                fidelity=asked.fidelity,
                workers=workers,
                progress=watch.progress,
                should_stop=watch.should_stop,
            )
            if not run.partial:
                _check_same(directory, fresh, until_ps)
                _replace(directory, fresh)
        finally:
            remove_again(directory)
    return run


def _has_ended(directory: Path) -> bool:
    return (directory / SUMMARY).is_file() and not load_run(directory).partial


def _check_asked(directory: Path, asked: Asked, topology: TopologySpec) -> None:
    """Whether the same would come out again."""
    if not asked.is_whole:
        message = "this run was given attackers, a controller or light from Python, which are gone"
        raise ConfigError.of(directory / ASKED, message)
    versions = collect_provenance(topology.model_dump(mode="json")).versions
    changed = [
        f"{name} {version} now, {earlier} then"
        for (name, version), (_, earlier) in zip(versions, asked.versions, strict=True)
        if version != earlier
    ]
    if changed:
        raise ConfigError.of(directory / ASKED, f"other versions draw others: {'; '.join(changed)}")


def _check_untaken(directory: Path, topology: TopologySpec) -> None:
    """Refuse if key has left a pool: it would be in it again."""
    if (directory / DELIVERY).is_file():
        raise ConfigError.of(
            directory / DELIVERY, "key has been delivered, and would be there again"
        )
    users = [user.name for user in topology.users]
    for user in users:
        path = directory / USERS_DIRECTORY / f"{user}.sqlite"
        if not path.is_file():
            continue
        with UserStore(path) as store:
            for link in store.links():
                for block in store.blocks(link):
                    if sum(piece.size_bits for piece in block.left) < block.size_bits:
                        message = f"key of {link} has been taken, and would be there again"
                        raise ConfigError.of(path, message)


# Compare and replace ------------------------------------------------------------------------------


def _check_same(directory: Path, fresh: Path, until_ps: int | None) -> None:
    """All that was written before ``until_ps`` has come out again."""
    for name, time_of in ((EVENTS, _event_time_ps), (LEDGER, _movement_time_ps)):
        with (directory / name).open("rb") as old, (fresh / name).open("rb") as new:
            for number, line in enumerate(old, start=1):
                if not line.endswith(b"\n") or _is_end(line):
                    break  # cut off by a kill, or the word of the stop itself
                if until_ps is not None and number > 1 and time_of(line) >= until_ps:
                    break
                if new.readline() != line:
                    where, message = directory / name, "something else comes out now"
                    raise ConfigError.of(f"{where}:{number}", message)
    if (directory / ROUNDS).is_file():
        _check_same_rounds(directory / ROUNDS, fresh / ROUNDS, until_ps)


def _check_same_rounds(old: Path, new: Path, until_ps: int | None) -> None:
    # Batches of both are as long but for the last ones.
    for earlier, now in zip_longest(read_rounds(old), read_rounds(new)):
        if earlier is None:
            return
        count = len(earlier)
        if until_ps is not None:
            count = int(np.searchsorted(earlier["stop_ps"], until_ps))
        if now is None or earlier[:count].tobytes() != now[:count].tobytes():
            raise ConfigError.of(old, "something else comes out now")


def _is_end(line: bytes) -> bool:
    return b'"event":"run_interrupted"' in line


def _event_time_ps(line: bytes) -> int:
    return int(json.loads(line)["time_ps"])


def _movement_time_ps(line: bytes) -> int:
    return int(line.partition(b",")[0])


def _replace(directory: Path, fresh: Path) -> None:
    """Put the new files in the place of the old ones, the summary last: where it is, all is.

    The new hold all that the old do: a mixture of both, should this be killed, can be resumed.
    """
    with writing(directory):
        for folder in (USERS_DIRECTORY, TAGS_DIRECTORY):
            if (fresh / folder).is_dir():
                make_private(directory / folder)
                for path in sorted((fresh / folder).iterdir()):
                    path.replace(directory / folder / path.name)
        (directory / SUMMARY).unlink(missing_ok=True)
        names = [*(name for name in RUN_FILES if name != SUMMARY), SUMMARY]
        for name in names:
            if name not in NOT_OF_ALL or (fresh / name).is_file():
                (fresh / name).replace(directory / name)
