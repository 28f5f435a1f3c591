"""A run directory: what a run leaves on disk, how it is written and read back.

``asked.json``, ``manifest.json``, ``summary.json``, ``lanes.csv``, ``links.csv``, ``ledger.csv``
and ``events.jsonl``. Every file appears whole or not at all, except the two that are written during
the run (ledger and events), which are readable up to their last complete line.
"""

import csv
import json
import math
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from netsim.arguments import explained
from netsim.errors import ConfigError, writing
from netsim.pools.counts import LinkCounts
from netsim.pools.pool import Comparison
from netsim.results.asked import ASKED
from netsim.results.books import Books
from netsim.results.chsh import chsh_from
from netsim.results.demand import DemandResult, demand_from
from netsim.results.fidelity import Fidelity
from netsim.results.files import csv_text, write_whole
from netsim.results.histograms import LaneHistogram, histogram_rows, histograms_from
from netsim.results.kept import KeptRows
from netsim.results.knowledge import knowledge_from
from netsim.results.leftovers import remove_leftovers
from netsim.results.lock import locked
from netsim.results.parts import (
    Json,
    LaneResult,
    LinkResult,
    PaperFigures,
    TwinResult,
    UserResult,
    sums_from,
)
from netsim.results.provenance import Provenance, circumstances
from netsim.results.rows import LINK_COUNTS, lane_row, link_row
from netsim.results.run import Performance, Run
from netsim.topology.specs import TopologySpec
from netsim.units import s_from_ps
from protocols.wire.counts import WireCounts

MANIFEST = "manifest.json"
SUMMARY = "summary.json"
TOPOLOGY = "topology.json"
"""All numbers that were simulated, defaults and ``--set`` included; it runs again."""
LANES = "lanes.csv"
LINKS = "links.csv"
LEDGER = "ledger.csv"
EVENTS = "events.jsonl"
ROUNDS = "rounds.npy"
"""Rounds of a run at the rate level, see `netsim.pools.rounds`; its ledger and its events hold what
belongs to no round."""
HISTOGRAMS = "histograms.csv"
"""Arrival differences about the window of each lane, of a run that was asked for them."""
DELIVERY = "delivery.json"
"""Where the key of a finished run has gone, see `netsim.delivery`."""
RUN_FILES = (ASKED, MANIFEST, SUMMARY, TOPOLOGY, LANES, LINKS, LEDGER, EVENTS, ROUNDS, HISTOGRAMS)
NOT_OF_ALL = {ROUNDS, HISTOGRAMS}
"""Files that some runs have."""
TAGS_DIRECTORY = "tags"
USERS_DIRECTORY = "users"
AGAIN_DIRECTORY = ".netsim-again"
"""Where a run that is resumed or extended is run anew; there only meanwhile."""
PRIVATE_MODE = 0o700
"""Of the three folders above."""
FORMAT = 2
"""Raised when a reader of older directories would misread newer ones."""


def prepare_run_directory(directory: Path, *, force: bool, users: Iterable[str] = ()) -> None:
    """Make `directory` ready to take a run.

    Parameters
    ----------
    directory : Path
        Made, parents included, if it does not exist.
    force : bool
        Write into a directory that is not empty: the files of an earlier run are removed, anything
        else stays.
    users : iterable of str
        Of the run to come.

    Raises
    ------
    ConfigError
        It is a file, it is not empty (without `force`), it cannot be written to, or something that
        no run has left lies where a store will be.
    OutputError
        Another run is writing into it.
    """
    if directory.exists() and not directory.is_dir():
        raise ConfigError.of(directory, "is a file, not a directory")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with locked(directory):
            _make_ready(directory, force=force, users=users)
    except OSError as error:
        raise ConfigError.of(directory, f"cannot be written to: {error.strerror}") from error


def _make_ready(directory: Path, *, force: bool, users: Iterable[str]) -> None:
    """Check what lies there, and remove what an earlier run has left."""
    if not force and any(directory.iterdir()):
        raise ConfigError.of(directory, "is not empty; give --force to write into it all the same")
    with tempfile.TemporaryFile(dir=directory):
        pass
    remove_earlier(directory)
    for user in users:
        _refuse_foreign(directory, user)


def remove_earlier(directory: Path) -> None:
    """Remove the files of an earlier run from ``directory``; anything else stays."""
    remove_again(directory)
    remove_leftovers(
        directory,
        (*RUN_FILES, DELIVERY),
        tags=TAGS_DIRECTORY,
        stores=USERS_DIRECTORY,
        ledger=LEDGER,
        topology=TOPOLOGY,
    )


def remove_again(directory: Path) -> None:
    """Remove what a run that was being resumed has left in ``directory``, its keys among it."""
    again = directory / AGAIN_DIRECTORY
    if again.is_symlink():
        raise ConfigError.of(again, "is a link, which is not followed")
    if again.exists():
        with writing(again):
            shutil.rmtree(again)


def _refuse_foreign(directory: Path, user: str) -> None:
    """Refuse what no run has left where a store will be, and links where tags may be written."""
    store, tags = directory / USERS_DIRECTORY / f"{user}.sqlite", directory / TAGS_DIRECTORY
    if store.exists() or store.is_symlink():
        raise ConfigError.of(store, "is in the way, and is of no run that lies here")
    if (found := tags / f"{user}.npy").is_symlink():
        raise ConfigError.of(found, "is a link, which is not followed")


def make_private(directory: Path) -> Path:
    """Make a folder for key, or for tags that give it away: its owner's alone, mode 0700."""
    with writing(directory):
        directory.mkdir(mode=PRIVATE_MODE, exist_ok=True)
        directory.chmod(PRIVATE_MODE)
    return directory


def save_topology(topology: TopologySpec, directory: Path) -> None:
    """Keep what is being simulated, so that it can be looked up and run again."""
    text = topology.model_dump_json(indent=2, exclude_none=True)
    write_whole(directory / TOPOLOGY, text + "\n")


def save_run(run: Run, directory: Path) -> Run:
    """Write `run` into `directory`, which exists; the summary last: where it is, all is.

    Ledger and events are written while it goes on.

    Returns
    -------
    Run
        The same, which finds its ledger and its events there.
    """
    write_whole(directory / MANIFEST, json.dumps(_manifest(run), indent=2, allow_nan=False) + "\n")
    write_whole(directory / LANES, csv_text(map(lane_row, run.lanes)))
    write_whole(directory / LINKS, csv_text(map(link_row, run.links)))
    if run.histograms:
        rows = chain.from_iterable(map(histogram_rows, run.histograms))
        write_whole(directory / HISTOGRAMS, csv_text(rows))
    write_whole(directory / SUMMARY, run.summary_json())
    return _with_kept(run, directory)


def _with_kept(run: Run, directory: Path) -> Run:
    return replace(run, kept=KeptRows(books_of(directory), run.announcers))


def books_of(directory: Path) -> Books:
    """Rows and events of the run in ``directory``, which may still go on."""
    return Books(*(directory / name for name in (LEDGER, EVENTS, ROUNDS, TOPOLOGY)))


@explained
def load_run(directory: str | Path) -> Run:
    """The run that `save_run` wrote into `directory`; its ledger is read by itself.

    Parameters
    ----------
    directory : Path or str
        What was given to `netsim.simulate` as ``out``, or to `netsim run` as ``--out``.

    Raises
    ------
    ConfigError
        There is no such directory, or what lies there is not a whole run.
    """
    directory = Path(directory)
    manifest = _read_json(directory, MANIFEST)
    summary = _read_json(directory, SUMMARY)
    counts = _read_rows(directory, LINKS)
    if manifest.get("format") != FORMAT:
        raise ConfigError.of(
            directory / MANIFEST, f"is of format {manifest.get('format')}, not {FORMAT}"
        )
    try:
        run = _build(manifest, summary, counts, _read_histograms(directory))
        return _with_kept(run, directory)
    except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ConfigError.of(directory, f"holds no whole run: {error!r}") from error


def load_demand(directory: Path) -> DemandResult | None:
    """What applications have got in the run in `directory`; None if nobody asked, or it was killed.

    Raises
    ------
    ConfigError
        Its summary is none.
    """
    if not (directory / MANIFEST).is_file() or not (directory / SUMMARY).is_file():
        return None
    return load_run(directory).demand


def duration_ps_of(directory: Path) -> int:
    """Simulated time of the run in `directory`; 0 if it did not get to its end."""
    if not (directory / MANIFEST).is_file():
        return 0
    duration_ps = _read_json(directory, MANIFEST).get("duration_ps")
    return duration_ps if isinstance(duration_ps, int) else 0


def _manifest(run: Run) -> Json:
    return {
        "format": FORMAT,
        "topology": run.topology,
        "topology_sha256": run.provenance.topology_sha256,
        "seed": int(run.seed),
        "duration_ps": int(run.duration_ps),
        "fidelity": run.fidelity,
        "partial": run.partial,
        "versions": dict(run.provenance.versions),
        "made": circumstances(),
        "wall_s": float(run.performance.wall_s),
        "paper": {"source": run.paper_source, "total_skr_bps": run.paper_total_skr_bps},
    }


def _read_histograms(directory: Path) -> tuple[LaneHistogram, ...]:
    if not (directory / HISTOGRAMS).is_file():
        return ()
    return tuple(histograms_from(_read_rows(directory, HISTOGRAMS)))


def _build(
    manifest: Json,
    summary: Json,
    counts: list[dict[str, str]],
    histograms: tuple[LaneHistogram, ...],
) -> Run:
    duration_ps = int(manifest["duration_ps"])
    performance = summary["performance"]
    return Run(
        topology=summary["topology"],
        seed=summary["seed"],
        duration_ps=duration_ps,
        lanes=tuple(_lane(entry, duration_ps) for entry in summary["lanes"]),
        links=tuple(
            _link(entry, row, duration_ps)
            for entry, row in zip(summary["links"], counts, strict=True)
        ),
        users=tuple(_user(entry, duration_ps) for entry in summary["users"]),
        performance=Performance(wall_s=performance["wall_s"], tags=performance["tags"]),
        provenance=Provenance(manifest["topology_sha256"], tuple(manifest["versions"].items())),
        partial=summary["partial"],
        fidelity=Fidelity(summary["fidelity"]),
        paper_source=manifest["paper"]["source"],
        paper_total_skr_bps=manifest["paper"]["total_skr_bps"],
        demand=demand_from(summary["demand"]) if "demand" in summary else None,
        histograms=histograms,
    )


def _pair(names: list[str]) -> tuple[str, str]:
    first, second = names
    return first, second


def _lane(entry: Json, duration_ps: int) -> LaneResult:
    return LaneResult(
        users=_pair(entry["users"]),
        channels=_pair(entry["channels"]),
        duration_ps=duration_ps,
        coincidences=entry["coincidences"],
        sifted_bits=entry["sifted_bits"],
        errors=entry["errors"],
        twin=TwinResult(
            **{name: math.nan if value is None else value for name, value in entry["twin"].items()}
        ),
        paper=None if entry["paper"] is None else PaperFigures(**entry["paper"]),
        bias_bits=entry["bias_bits"],
        chsh=chsh_from(entry["chsh"]),
    )


def _link(entry: Json, row: Mapping[str, str], duration_ps: int) -> LinkResult:
    figures = entry | {name: read(row[name]) for name, read in LINK_COUNTS.items()}
    return LinkResult(
        users=_pair(entry["users"]),
        duration_ps=duration_ps,
        counts=sums_from(LinkCounts, figures),
        wire=sums_from(WireCounts, figures),
        eve=knowledge_from(entry["eve"]),
        pools=sums_from(Comparison, figures),
        **{name: entry[name] for name in ("settle_ps", "security", "assumptions", "notes")},
    )


def _user(entry: Json, duration_ps: int) -> UserResult:
    # The file holds rates; the counts come back exactly: rounding errs by some 2^-52 of them.
    clicks = (round(rate_hz * s_from_ps(duration_ps)) for rate_hz in entry["detectors_hz"])
    return UserResult(entry["name"], duration_ps, tuple(clicks))


def _read_json(directory: Path, name: str) -> Json:
    loaded: Any
    try:
        loaded = json.loads(_read_text(directory, name))
    except (ValueError, RecursionError) as error:
        raise ConfigError.of(directory / name, "is no JSON") from error
    if not isinstance(loaded, dict):
        raise ConfigError.of(directory / name, "is no JSON object")
    return loaded


def _read_rows(directory: Path, name: str) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(_read_text(directory, name).splitlines()))
    except csv.Error as error:
        raise ConfigError.of(directory / name, f"is no table: {error}") from error


def _read_text(directory: Path, name: str) -> str:
    if not directory.is_dir():
        raise ConfigError.of(directory, "is no run directory: there is no such directory")
    try:
        return (directory / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if (directory / ASKED).is_file() and not (directory / MANIFEST).is_file():
            raise ConfigError.of(
                directory,
                f"holds no {MANIFEST}: this run has not ended; if it was killed, netsim run "
                "--resume brings it to its end, and netsim pools shows what there is",
            ) from error
        raise ConfigError.of(directory, f"is no run directory: it holds no {name}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError.of(directory / name, "cannot be read") from error
