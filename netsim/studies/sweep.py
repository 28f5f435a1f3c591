"""A network at many points of a grid, several seeds each: means, their intervals, and the twin."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from netsim.arguments import explained
from netsim.durations import light_ps, seconds_text
from netsim.errors import ConfigError
from netsim.results.fidelity import Fidelity
from netsim.results.files import csv_text, write_whole
from netsim.results.frames import arrow_table, data_frame, html_table
from netsim.results.provenance import versions
from netsim.studies.engines import Crew, run_replicas
from netsim.studies.estimates import Row
from netsim.studies.grid import Axis, Point, axis_of, points_of
from netsim.studies.log import Log
from netsim.studies.measures import MEASURES
from netsim.studies.records import simulator_sources_sha256
from netsim.studies.replicas import Replica, ReplicaResult, replica_seed
from netsim.studies.scan import Expected, TopologyLike, expect_at, settings_row
from netsim.studies.student import mean_interval
from netsim.topology.load import topology_of
from netsim.topology.overrides import Overrides, as_texts
from netsim.topology.specs import TopologySpec
from netsim.watch import UNWATCHED, Watch

LOG = "replicas.jsonl"
TABLE = "sweep.csv"
REQUEST = "sweep.json"
"""What was asked, and how much of it is done."""
CONFIDENCE = 0.95
Values = str | Sequence[object]


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
            "axes": [asdict(axis) for axis in self.axes],
            "zipped": len(self.points) < math.prod(len(axis.values) for axis in self.axes),
            "duration_s": self.duration_s,
            "seeds": self.seeds,
            "seed": self.seed,
            "overrides": list(self.overrides),
            "fidelity": str(self.fidelity),
        }


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep found: a row a point and link.

    Attributes
    ----------
    axes : tuple of Axis
    rows : tuple of mapping
        The settings, ``link``, ``seeds`` that count, and of each measure its mean, the ends of its
        95 % interval (None of a single seed) and what the twin expects; ``reason``: what failed.
    total, done : int
        Runs asked for and ended.
    asked : mapping
        What ``sweep.json`` keeps of the request.
    """

    axes: tuple[Axis, ...]
    rows: tuple[Row, ...]
    total: int
    done: int
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_partial(self) -> bool:
        """Whether it was stopped before its end."""
        return self.done < self.total

    @property
    def has_failures(self) -> bool:
        """Whether a run failed."""
        return any(row["reason"] for row in self.rows)

    def csv(self) -> str:
        """The text of ``sweep.csv``."""
        return csv_text(self.rows)

    def save(self, directory: Path) -> None:
        """Write ``sweep.json`` and ``sweep.csv``."""
        told = {**self.asked, "total": self.total, "done": self.done, "versions": dict(versions())}
        write_whole(directory / REQUEST, json.dumps(told, indent=2) + "\n")
        write_whole(directory / TABLE, self.csv())

    def to_arrow(self) -> Any:
        """The rows as a `pyarrow.Table`; needs the extra ``arrow``."""
        return arrow_table(self.rows)

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`; needs the extra ``arrow``."""
        return data_frame(self.rows)

    def _repr_html_(self) -> str:
        """What notebooks show."""
        return html_table(self.rows)


@explained
def sweep(
    topology: TopologyLike,
    over: Mapping[str, Values],
    *,
    zipped: bool = False,
    duration_s: float | str = 60.0,
    seeds: int = 1,
    seed: int = 1,
    overrides: Overrides = (),
    fidelity: str = Fidelity.PHOTON,
    crew: Crew | None = None,
    out: Path | str | None = None,
    force: bool = False,
) -> Sweep:
    """Simulate a network at many points.

    Parameters
    ----------
    topology : TopologySpec, str or Path
        As `netsim.simulate` takes it.
    over : mapping
        Path of a number, as of an override, to the values it takes: a sequence, or a text such as
        ``"0:50e3:11"``, ``"log:0.1:1:9"`` or ``"1,2,5"``. Several paths make a grid.
    zipped : bool
        Pair the values of several paths, in place of a grid.
    duration_s : float or str
        Light of each run in seconds, or with a unit.
    seeds : int
        Runs of each point.
    seed : int
        All seeds follow from it.
    overrides : sequence of str, str or mapping
        Common to all points, as of `netsim.load_topology`.
    fidelity : str
        As of `netsim.simulate`.
    crew : Crew, optional
        Who works; this process if absent. Scripts that ask for more workers need
        ``if __name__ == "__main__":``.
    out : Path or str, optional
        Keeps what is finished, and goes on from it; gets ``sweep.csv``.
    force : bool
        Forget what is finished there.

    Returns
    -------
    Sweep

    Raises
    ------
    ConfigError
        No point can be simulated, the grid or ``fidelity`` is none, or ``out`` holds something
        else.
    ValueError
        Values, seeds or a duration that are none.
    """
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}: each point has at least one")
    axes = tuple(axis_of(path, values) for path, values in over.items())
    request = SweepRequest(
        topology=topology,
        axes=axes,
        points=points_of(axes, zipped=zipped),
        duration_s=seconds_text(light_ps(duration_s)),
        seeds=seeds,
        seed=seed,
        overrides=as_texts(overrides),
        fidelity=Fidelity.of(fidelity),
    )
    directory = None if out is None else Path(out)
    found = run_sweep(request, crew or Crew(), out=directory, force=force)
    if directory is not None:
        found.save(directory)
    return found


def run_sweep(
    request: SweepRequest,
    crew: Crew,
    *,
    out: Path | None = None,
    force: bool = False,
    watch: Watch = UNWATCHED,
) -> Sweep:
    """Run what is missing and gather all; see `sweep`.

    ``watch`` is told how many runs are done.
    """
    expected = [
        expect_at(request.topology, point, request.overrides, request.duration_s)
        for point in request.points
    ]
    if all(one.reason for one in expected):
        raise ConfigError.of("--over", expected[0].reason)
    replicas = list(_replicas(request, expected))
    log = None if out is None else Log(out / LOG, force=force, kind="sweep")
    results = _Results(replicas, log)
    with log or nullcontext():
        watch.progress(len(results.found))
        for replica, result in run_replicas(results.missing, crew, watch.should_stop):
            results.add(replica, result)
            watch.progress(len(results.found))
    rows = tuple(
        row for one in expected for row in _rows(request, one, results.of(one.point.index))
    )
    return Sweep(
        tuple(request.axes),
        rows,
        total=len(replicas),
        done=len(results.found),
        asked=request.summary(),
    )


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
        yield settings | {"link": link, **values, "reason": reason}


def _columns(name: str, values: list[float], twin: float | None) -> Row:
    mean, half = mean_interval(values, CONFIDENCE) if values else (None, None)
    low, high = (None, None) if mean is None or half is None else (mean - half, mean + half)
    return {name: mean, f"{name}_low": low, f"{name}_high": high, f"{name}_twin": twin}
