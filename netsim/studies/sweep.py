"""A network at many points of a grid, several seeds each: means, their intervals, and the twin."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netsim.arguments import explained
from netsim.durations import light_ps, seconds_text
from netsim.errors import ConfigError
from netsim.results.fidelity import Fidelity
from netsim.results.files import write_whole
from netsim.results.frames import Tabular
from netsim.results.provenance import versions
from netsim.studies.engines import Crew
from netsim.studies.estimates import Row
from netsim.studies.grid import Axis, axis_of, points_of
from netsim.studies.points import SweepRequest, keep_topology, simulate_points
from netsim.studies.scan import TopologyLike, expect_at
from netsim.topology.overrides import Overrides, as_texts
from netsim.watch import UNWATCHED, Watch, watch_of

TABLE = "sweep.csv"
REQUEST = "sweep.json"
"""What was asked, and how much of it is done."""
Values = str | Sequence[object]


@dataclass(frozen=True, slots=True)
class Sweep(Tabular):
    """What a sweep found: a row a point and link.

    Attributes
    ----------
    axes : tuple of Axis
    rows : tuple of mapping
        The settings, ``link``, ``seeds`` that count, and of each measure its mean, the ends of its
        95 % interval (None of a single seed) and what the twin expects; ``notes``: what
        ``summary.json`` says of the link, as why rounds ended without key; ``reason``: what failed.
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

    def save(self, directory: Path) -> None:
        """Write ``sweep.json`` and ``sweep.csv``."""
        told = {**self.asked, "total": self.total, "done": self.done, "versions": dict(versions())}
        write_whole(directory / REQUEST, json.dumps(told, indent=2) + "\n")
        write_whole(directory / TABLE, self.csv())


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
    progress: bool = False,
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
    progress : bool
        Write to stderr how many runs are done, which notebooks show.

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
    watch = watch_of(len(request.points) * seeds, "runs", is_shown=progress)
    found = run_sweep(request, crew or Crew(), out=directory, force=force, watch=watch)
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
    found = simulate_points(request, expected, crew, out=out, force=force, watch=watch)
    keep_topology(request.topology, out)
    return Sweep(
        tuple(request.axes),
        tuple(row for rows in found.rows for row in rows),
        total=found.total,
        done=found.done,
        asked=request.summary(),
    )
