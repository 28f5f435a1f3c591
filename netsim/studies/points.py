"""Points of a grid, several seeds each, simulated and gathered; finished runs are kept.

It knows what a point measured, not what is made of many points.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from netsim.errors import ConfigError
from netsim.results.directory import save_topology
from netsim.studies.engines import Crew, run_replicas
from netsim.studies.estimates import Row
from netsim.studies.grid import Axis, Point
from netsim.studies.log import Log
from netsim.studies.measures import MEASURES
from netsim.studies.records import simulator_sources_sha256
from netsim.studies.replicas import Replica, ReplicaResult, replica_seed
from netsim.studies.scan import Expected, TopologyLike, settings_row
from netsim.studies.student import mean_interval
from netsim.topology.load import topology_of
from netsim.topology.shipped import shipped_topologies
from netsim.topology.specs import TopologySpec
from netsim.watch import UNWATCHED, Watch

LOG = "replicas.jsonl"
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """What to run.

    Attributes
    ----------
    topology : TopologySpec, str or Path
    axes : sequence of Axis
    points : sequence of Point
    duration_s : str
        Light of each run.
    seeds : int
        Replicas of each point, each with a seed of its own.
    seed : int
        Of the whole sweep.
    overrides : tuple of str
        Common to all points.
    fidelity : str
    """

    topology: TopologyLike
    axes: Sequence[Axis]
    points: Sequence[Point]
    duration_s: str = "60"
    seeds: int = 1
    seed: int = 1
    overrides: tuple[str, ...] = ()
    fidelity: str = "photon"

    def summary(self) -> dict[str, Any]:
        """What ``sweep.json`` keeps of it."""
        topology = self.topology
        return {
            "topology": topology.name if isinstance(topology, TopologySpec) else str(topology),
            "is_shipped": isinstance(topology, str) and topology in shipped_topologies(),
            "axes": [asdict(axis) for axis in self.axes],
            "zipped": len(self.points) < math.prod(len(axis.values) for axis in self.axes),
            "duration_s": self.duration_s,
            "seeds": self.seeds,
            "seed": self.seed,
            "overrides": list(self.overrides),
            "fidelity": str(self.fidelity),
        }


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of the points of a request.

    Attributes
    ----------
    rows : tuple of tuple of mapping
        Of each point, in their order: a row a link, or one with the reason alone.
    total, done : int
        Runs asked for and ended.
    """

    rows: tuple[tuple[Row, ...], ...]
    total: int
    done: int


def simulate_points(
    request: SweepRequest,
    expected: Sequence[Expected],
    crew: Crew,
    *,
    out: Path | None = None,
    force: bool = False,
    watch: Watch = UNWATCHED,
) -> Gathered:
    """Run what is missing of the points that the twin ``expected`` something of.

    Parameters
    ----------
    request : SweepRequest
    expected : sequence of Expected
        Of each of its points.
    crew : Crew
    out : Path, optional
        Keeps each run as it ends, and gives back those that it holds.
    force : bool
        Forget what it holds.
    watch : Watch
        Is told how many runs are done.
    """
    replicas = list(_replicas(request, expected))
    log = None if out is None else Log(out / LOG, force=force, kind="sweep")
    results = _Results(replicas, log)
    with log or nullcontext():
        watch.progress(len(results.found))
        for replica, result in run_replicas(results.missing, crew, watch.should_stop):
            results.add(replica, result)
            watch.progress(len(results.found))
    rows = tuple(tuple(_rows(request, one, results.of(one.point.index))) for one in expected)
    return Gathered(rows, total=len(replicas), done=len(results.found))


def keep_topology(topology: TopologyLike, out: Path | None) -> None:
    """Put the topology beside what was found of it; its file may not be there next time.

    One that is none by itself, without what changes it, is not kept.
    """
    if out is not None:
        with suppress(ConfigError):
            save_topology(topology_of(topology), out)


def _replicas(request: SweepRequest, expected: Iterable[Expected]) -> Iterator[Replica]:
    for one in expected:
        if one.reason:
            continue
        changes = (*request.overrides, *one.point.overrides)
        spec = topology_of(request.topology, overrides=changes)
        for number in range(request.seeds):
            yield Replica(
                point=one.point.index,
                number=number,
                topology=spec,
                duration_s=request.duration_s,
                seed=replica_seed(request.seed, one.point.index, number),
                fidelity=request.fidelity,
            )


@dataclass(slots=True)
class _Results:
    """What is known of each replica; new results go into the log."""

    replicas: Sequence[Replica]
    log: Log | None
    found: dict[tuple[int, int], ReplicaResult] = field(default_factory=dict)
    _keys: dict[tuple[int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sources = simulator_sources_sha256()
        self._keys = {replica.place: replica.key(sources) for replica in self.replicas}
        kept = {} if self.log is None else dict(_kept(self.log.entries()))
        for place, key in self._keys.items():
            if (result := kept.get(key)) is not None:
                self.found[place] = result

    @property
    def missing(self) -> list[Replica]:
        """Replicas without a result."""
        return [replica for replica in self.replicas if replica.place not in self.found]

    def add(self, replica: Replica, result: ReplicaResult) -> None:
        """Keep a result; failures are tried again the next time."""
        self.found[replica.place] = result
        if self.log is not None and not result.reason:
            entry = {"key": self._keys[replica.place], "result": result.to_json()}
            self.log.append(entry)

    def of(self, point: int) -> list[ReplicaResult]:
        """Results of a point, in the order of their replicas."""
        return [result for place, result in sorted(self.found.items()) if place[0] == point]


def _kept(entries: Iterable[dict[str, Any]]) -> Iterator[tuple[str, ReplicaResult]]:
    """What a log holds; a line that is none of ours is done again."""
    for entry in entries:
        try:
            yield str(entry["key"]), ReplicaResult.from_json(entry["result"])
        except (KeyError, TypeError, ValueError):
            continue


def _rows(request: SweepRequest, one: Expected, results: Sequence[ReplicaResult]) -> Iterator[Row]:
    """A row a link, or one with the reason alone where nothing was measured."""
    good = [result for result in results if not result.reason]
    reasons = dict.fromkeys(result.reason for result in results if result.reason)
    reason = "; ".join(filter(None, (one.reason, *reasons)))
    settings = settings_row(request.axes, one.point) | {"seeds": len(good)}
    for link in good[0].links if good else [""]:
        values: Row = {}
        for measure in MEASURES:
            seen = [result.links[link][measure.name] for result in good]
            twin = one.links.get(link, {}).get(measure.name)
            values |= _columns(measure.name, [value for value in seen if value is not None], twin)
        notes = _notes([result.notes.get(link, "") for result in good])
        yield settings | {"link": link, **values, "notes": notes, "reason": reason}


def _notes(texts: Iterable[str]) -> str:
    """What the notes of several runs say, once what they say alike."""
    phrases = (phrase for text in texts for phrase in text.split("; "))
    return "; ".join(dict.fromkeys(filter(None, phrases)))


def _columns(name: str, values: list[float], twin: float | None) -> Row:
    mean, half = mean_interval(values, CONFIDENCE) if values else (None, None)
    low, high = (None, None) if mean is None or half is None else (mean - half, mean + half)
    return {name: mean, f"{name}_low": low, f"{name}_high": high, f"{name}_twin": twin}
