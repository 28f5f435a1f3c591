"""The best of a network over ranges of its numbers, by optuna: judged by the twin or simulated.

Trials are chosen by a tree-structured Parzen estimator: J. Bergstra et al., Adv. Neural Inf.
Process. Syst. 24, 2546 (2011), in its multivariate form. A search is a function of its request
alone, so that one that was stopped goes on by being made again from what is kept.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netsim.arguments import explained
from netsim.durations import light_ps, seconds_text
from netsim.errors import ConfigError
from netsim.results.fidelity import Fidelity
from netsim.results.provenance import collect_provenance
from netsim.studies.engines import Crew
from netsim.studies.estimates import Row
from netsim.studies.goal import POOREST, Goal, parse_goal
from netsim.studies.grid import Axis, Point, value_text
from netsim.studies.log import Log
from netsim.studies.measures import ALL_LINKS
from netsim.studies.optimum import Optimum
from netsim.studies.points import SweepRequest, keep_topology, simulate_points
from netsim.studies.ranges import Range, check_ranges, range_of, settings_as_they_are
from netsim.studies.records import simulator_sources_sha256
from netsim.studies.scan import Expected, TopologyLike, expect_at, twin_rows
from netsim.topology.load import topology_of
from netsim.topology.network import build_network
from netsim.topology.overrides import Overrides, as_texts
from netsim.topology.specs import TopologySpec
from netsim.watch import UNWATCHED, Watch, watch_of

EXTRA_HINT = "needs the extra optimise, pip install 'qnsp-netsim[optimise]'"
LOG = "trials.jsonl"
"""What the twin said; simulated runs are kept as those of a sweep."""
TRIALS = 100
TOGETHER = 8
"""Simulated trials that are chosen at a time, however many workers there are."""

Judged = tuple[tuple[Row, ...], ...] | None
"""Rows of each point; None if it was stopped before they were whole."""


@dataclass(frozen=True, slots=True)
class OptimiseRequest:
    """What to look for.

    Attributes
    ----------
    topology : TopologySpec, str or Path
    goal : Goal
    ranges : sequence of Range
    trials : int
    seed : int
        All choices follow from it, and all seeds of runs.
    overrides : tuple of str
        Common to all trials.
    duration_s : str or None
        Light of each run; None has the twin judge.
    seeds : int
        Runs of each trial.
    fidelity : str
    """

    topology: TopologyLike
    goal: Goal
    ranges: Sequence[Range]
    trials: int = TRIALS
    seed: int = 1
    overrides: tuple[str, ...] = ()
    duration_s: str | None = None
    seeds: int = 1
    fidelity: str = "photon"

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Of the ranges."""
        return tuple(one.axis for one in self.ranges)

    @property
    def runs(self) -> int:
        """Pieces of work in all."""
        return self.trials * (1 if self.duration_s is None else self.seeds)

    def simulated(self, spec: TopologySpec) -> SweepRequest:
        """The sweep whose points are trials, none yet."""
        return SweepRequest(
            topology=spec,
            axes=self.axes,
            points=(),
            duration_s=self.duration_s or "",
            seeds=self.seeds,
            seed=self.seed,
            fidelity=self.fidelity,
        )

    def summary(self) -> dict[str, Any]:
        """What ``optimise.json`` keeps of it."""
        told = replace(self.simulated(topology_of(self.topology)), topology=self.topology).summary()
        del told["axes"], told["zipped"]
        return {
            **told,
            "goal": self.goal.label,
            "ranges": [one.to_json() for one in self.ranges],
            "overrides": list(self.overrides),
            "duration_s": self.duration_s,
        }


@explained
def optimise(
    topology: TopologyLike,
    goal: str,
    over: Mapping[str, str | Sequence[object]],
    *,
    trials: int = TRIALS,
    seed: int = 1,
    overrides: Overrides = (),
    duration_s: float | str | None = None,
    seeds: int = 1,
    fidelity: str = Fidelity.PHOTON,
    crew: Crew | None = None,
    out: Path | str | None = None,
    force: bool = False,
    progress: bool = False,
) -> Optimum:
    """Look for the best of a network over ranges of its numbers; needs the extra ``optimise``.

    Parameters
    ----------
    topology : TopologySpec, str or Path
        As `netsim.simulate` takes it.
    goal : str
        ``sifted_hz``, ``skr_bps`` and ``net_key_bps`` are to be high, ``qber`` low; of all links
        together, or ``MEASURE@LINK``, or ``MEASURE@poorest`` of the link that is worst off.
    over : mapping
        Path of a number, as of an override, to what it may be: ``"0.1:2"``, ``"log:0.1:10"``, or a
        sequence of choices.
    trials : int
        What the topology has comes first, if the ranges hold it.
    seed : int
        All choices and runs follow from it.
    overrides : sequence of str, str or mapping
        Common to all trials, as of `netsim.load_topology`.
    duration_s : float or str, optional
        Light to simulate for each trial. Without it the twin judges, in milliseconds.
    seeds : int
        Simulated runs of each trial, whose mean counts.
    fidelity : str
        As of `netsim.simulate`.
    crew : Crew, optional
        Who simulates; this process if absent.
    out : Path or str, optional
        Keeps what is finished, and goes on from it; gets ``optimise.csv``.
    force : bool
        Forget what is finished there.
    progress : bool
        Write to stderr how far it is, which notebooks show.

    Returns
    -------
    Optimum
        `Optimum.best` has the settings, ready as overrides.

    Raises
    ------
    ConfigError
        The topology is none, ranges or goal do not fit it, optuna is not installed, or ``out``
        holds something else.
    ValueError
        A goal, range or duration that is none.
    """
    if trials < 1 or seeds < 1:
        raise ValueError(f"trials is {trials} and seeds {seeds}: there is at least one of each")
    request = OptimiseRequest(
        topology=topology,
        goal=parse_goal(goal),
        ranges=tuple(range_of(path, values) for path, values in over.items()),
        trials=trials,
        seed=seed,
        overrides=as_texts(overrides),
        duration_s=None if duration_s is None else seconds_text(light_ps(duration_s)),
        seeds=seeds,
        fidelity=Fidelity.of(fidelity),
    )
    directory = None if out is None else Path(out)
    unit = "trials" if request.duration_s is None else "runs"
    watch = watch_of(request.runs, unit, is_shown=progress)
    found = run_optimise(request, crew or Crew(), out=directory, force=force, watch=watch)
    if directory is not None:
        found.save(directory)
    return found


def run_optimise(
    request: OptimiseRequest,
    crew: Crew,
    *,
    out: Path | None = None,
    force: bool = False,
    watch: Watch = UNWATCHED,
) -> Optimum:
    """Make all trials; see `optimise`.

    ``watch`` is told how many of `OptimiseRequest.runs` are done.
    """
    check_ranges(request.ranges)
    spec = topology_of(request.topology, overrides=request.overrides)
    _check_link(request.goal, spec)
    search = _Search.begin(request, spec)
    if request.duration_s is None:
        found = _by_twin(request, spec, search, out, force=force, watch=watch)
    else:
        found = _by_simulation(request, spec, search, crew, out, force=force, watch=watch)
    rows = tuple(row for trial in found for row in trial)
    keep_topology(request.topology, out)
    asked = {**request.summary(), "begins_as_it_is": search.begins_as_it_is}
    asked["optuna"] = search.optuna.__version__
    return Optimum(request.goal, tuple(request.ranges), rows, request.trials, asked)


def _check_link(goal: Goal, spec: TopologySpec) -> None:
    known = [" & ".join(users) for users in build_network(spec).links]
    if goal.link not in (ALL_LINKS, POOREST, *known):
        links = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        raise ConfigError.of("--optimise", f"no link {goal.link!a}; there are {links}")


def _by_twin(
    request: OptimiseRequest,
    spec: TopologySpec,
    search: "_Search",
    out: Path | None,
    *,
    force: bool,
    watch: Watch,
) -> list[tuple[Row, ...]]:
    with _kept_twin(spec, out, force=force) as expect:

        def judge(points: Sequence[Point], _watch: Watch) -> Judged:
            return tuple(tuple(twin_rows(request.axes, [expect(point)])) for point in points)

        return search.run(judge, together=1, watch=watch)


def _by_simulation(
    request: OptimiseRequest,
    spec: TopologySpec,
    search: "_Search",
    crew: Crew,
    out: Path | None,
    *,
    force: bool,
    watch: Watch,
) -> list[tuple[Row, ...]]:
    sweep = request.simulated(spec)

    def judge(points: Sequence[Point], watch: Watch) -> Judged:
        expected = [expect_at(spec, point, (), request.duration_s) for point in points]
        # What was there before is forgotten once, not what this search has made.
        forget = force and points[0].index == 0
        asked = replace(sweep, points=points)
        found = simulate_points(asked, expected, crew, out=out, force=forget, watch=watch)
        return found.rows if found.done == found.total else None

    return search.run(judge, together=TOGETHER, watch=watch)


@contextmanager
def _kept_twin(
    spec: TopologySpec, out: Path | None, *, force: bool
) -> Iterator[Callable[[Point], Expected]]:
    """The twin at a point; with ``out``, what it has said before is not worked out again."""
    if out is None:
        yield lambda point: expect_at(spec, point)
        return
    sha256 = collect_provenance(spec.model_dump(mode="json")).topology_sha256
    log = Log(out / LOG, force=force, kind="optimisation")
    known = {str(entry.get("key")): entry for entry in log.entries()}

    def expect(point: Point) -> Expected:
        parts = [sha256, simulator_sources_sha256(), *point.overrides]
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        if key not in known:
            said = expect_at(spec, point)
            known[key] = {"key": key, "links": said.links, "reason": said.reason}
            log.append(known[key])
        return Expected(point, known[key]["links"], known[key]["reason"])

    with log:
        yield expect


@dataclass(slots=True)
class _Search:
    """Asks optuna what to try, and tells it what came of it."""

    request: OptimiseRequest
    optuna: Any
    study: Any
    space: Mapping[str, Any]
    begins_as_it_is: bool
    _done: list[tuple[Row, ...]] = field(default_factory=list)

    @classmethod
    def begin(cls, request: OptimiseRequest, spec: TopologySpec) -> "_Search":
        """A study without trials; what the topology has is to be the first."""
        optuna = _optuna()
        sampler = optuna.samplers.TPESampler(
            seed=request.seed, multivariate=True, constant_liar=request.duration_s is not None
        )
        direction = "minimize" if request.goal.is_minimum else "maximize"
        with _silent(optuna):
            study = optuna.create_study(sampler=sampler, direction=direction)
        raw = spec.model_dump(mode="json", exclude_none=True)
        first = settings_as_they_are(raw, request.ranges)
        if first is not None:
            study.enqueue_trial(dict(first))
        space = {one.path: _distribution(optuna, one) for one in request.ranges}
        return cls(request, optuna, study, space, begins_as_it_is=first is not None)

    def run(
        self, judge: Callable[[Sequence[Point], Watch], Judged], *, together: int, watch: Watch
    ) -> list[tuple[Row, ...]]:
        """Rows of all trials that were made before a stop, a few at a time."""
        pieces = self.request.runs // self.request.trials
        while len(self._done) < self.request.trials and not watch.should_stop():
            before = len(self._done)
            asked = [self._ask() for _ in range(min(together, self.request.trials - before))]
            points = [_point(before + k, trial.params) for k, trial in enumerate(asked)]
            rows = judge(points, watch.after(before * pieces))
            if rows is None:
                break
            for trial, some in zip(asked, rows, strict=True):
                self._tell(trial, some)
            watch.progress(len(self._done) * pieces)
        return self._done

    def _ask(self) -> Any:
        return self.study.ask(dict(self.space))

    def _tell(self, trial: Any, rows: Sequence[Row]) -> None:
        value = self.request.goal.value(rows)
        failed = self.optuna.trial.TrialState.FAIL
        self.study.tell(trial, value, state=failed if value is None else None)
        reason = "" if value is not None else f"no {self.request.goal.label}"
        self._done.append(
            tuple(
                {"trial": len(self._done), "value": value} | row
                | {"reason": str(row["reason"]) or reason}
                for row in rows
            )
        )  # fmt: skip


def _point(number: int, params: Mapping[str, object]) -> Point:
    return Point(number, tuple((path, value_text(value)) for path, value in params.items()))


def _distribution(optuna: Any, one: Range) -> Any:
    if one.is_choice:
        return optuna.distributions.CategoricalDistribution(one.axis.values)
    low, high = one.ends
    if one.is_whole:
        return optuna.distributions.IntDistribution(int(low), int(high), log=one.axis.is_log)
    return optuna.distributions.FloatDistribution(low, high, log=one.axis.is_log)


def _optuna() -> Any:
    try:
        import optuna  # noqa: PLC0415  # of an extra
    except ImportError as error:
        raise ConfigError.of("--optimise", EXTRA_HINT) from error
    return optuna


@contextmanager
def _silent(optuna: Any) -> Iterator[None]:
    """Optuna says on stderr that a study begins; what it was told before holds again after."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
