"""`simulate`, the one way to run a simulation: the command line and the Python API both call it."""

# ruff: noqa: PLC0415  # one level is imported, where it is chosen, and files where there are any

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from netsim.arguments import explained
from netsim.devices.world import WorldBuilder, build_world
from netsim.durations import light_ps
from netsim.errors import ConfigError, writing
from netsim.kernel.trace import TraceSink
from netsim.pools.ledger import MovementSink
from netsim.results.fidelity import Fidelity
from netsim.results.lock import locked
from netsim.results.provenance import collect_provenance
from netsim.results.run import Run
from netsim.simulation.control import Controller
from netsim.simulation.memory import keep_freed_memory
from netsim.simulation.refusals import refusals
from netsim.simulation.request import RunRequest
from netsim.taps.tap import TapPlan
from netsim.topology.load import topology_of
from netsim.topology.overrides import Overrides
from netsim.topology.specs import TopologySpec
from netsim.units import PS_PER_S
from netsim.watch import TextProgress

if TYPE_CHECKING:
    from netsim.results.asked import Asked
    from netsim.simulation.rate.run import RateSimulation
    from netsim.simulation.simulation import Simulation


@explained
def simulate(
    topology: TopologySpec | str | Path,
    *,
    duration_s: float | str,
    seed: int = 1,
    overrides: Overrides = (),
    out: Path | str | None = None,
    save_tags: bool = False,
    histograms: bool = False,
    progress: Callable[[int], None] | bool | None = None,
    should_stop: Callable[[], bool] | None = None,
    sink: TraceSink | None = None,
    movements: MovementSink | None = None,
    taps: Sequence[TapPlan] = (),
    controller: Controller | None = None,
    build: WorldBuilder = build_world,
    fidelity: str = Fidelity.PHOTON,
    workers: int = 1,
) -> Run:
    """Simulate ``topology``.

    Parameters
    ----------
    topology : TopologySpec, str or Path
        From `netsim.load_topology`, or what that takes: a shipped name or the path of a file.
    duration_s : float or str
        Seconds of light, > 0; a decimal string is exact, and may have a unit: ``"500ms"``,
        ``"1min"``.
    seed : int
        >= 0. The same seed gives the same results, bit for bit.
    overrides : sequence of str, str or mapping
        Changes of the topology, as of `netsim.load_topology`.
    out : Path or str, optional
        A directory to write into; events and ledger grow while the run goes on. The files of an
        earlier run are replaced.
    save_tags : bool
        Write every user's tags to ``out/tags/USER.npy`` (int64, ``time_ticks << 2 | detector``);
        needs ``out``.
    histograms : bool
        Count how far apart the clicks of two users come, about the window of each lane and as far
        as side peaks go: `Run.histograms`, and ``out/histograms.csv``. Only photon by photon.
    progress : callable or bool, optional
        Called with the simulated picoseconds done, once a frame; True writes how far it is to
        stderr, which notebooks show.
    should_stop : callable, optional
        Asked once a frame; True ends the run there and marks it partial.
    sink : TraceSink, optional
        Where events go if there is no ``out``.
    movements : MovementSink, optional
        Where the rows of the ledger go if there is no ``out``; a list will do.
    taps : sequence of TapPlan
        Attackers on the classical channels, beside those of the topology.
    controller : Controller, optional
        Takes the reports of all links, beside or instead of the topology's.
    build : callable
        Builds the photon level; another one than `build_world` may replay recorded frames.
    fidelity : str
        ``photon``; ``coincidence`` for clicks that coincide and no others; or ``rate`` for rounds
        that are drawn by the twin's rates. `netsim.results.fidelity.Fidelity` says what each
        leaves out, and `netsim.simulation.refusals` what it does not take.
    workers : int
        Processes that work on this run; the results are the same, byte for byte. With two or more
        the light is made ahead of the parties in one of its own, unless something here acts upon
        it (an observer on a fibre, a controller, another ``build``), there is none (``rate``), or
        this is a daemonic process, which may not start any. It is started as `multiprocessing` does
        by ``spawn``: a script needs the guard ``if __name__ == "__main__":``, and a file.

    Returns
    -------
    Run
        Lanes as scored by the simulator, links as booked by the parties.

    Raises
    ------
    ConfigError
        The topology is none, or has more light than can be simulated; or a ``fidelity`` that is
        none, or that does not go with the topology or the other parameters.
    ValueError
        ``duration_s`` is no duration, there are tags to save but no ``out``, or ``workers`` is
        below 1.
    OutputError
        Another run is writing into ``out``, or it cannot be written to, as on a full disk.
    WorkerError
        The process that makes the light has ended by itself.
    """
    started_s = time.perf_counter()
    spec = topology_of(topology, overrides=overrides)
    directory = None if out is None else Path(out)
    if save_tags and directory is None:
        raise ValueError("save_tags needs out, a directory to save them in")
    if workers < 1:
        raise ValueError(f"one worker at least, not {workers}")
    request = RunRequest(
        topology=spec,
        duration_ps=light_ps(duration_s),
        seed=seed,
        out=directory,
        save_tags=save_tags,
        histograms=histograms,
        sink=sink,
        movements=movements,
        taps=taps,
        controller=controller,
        build=build,
        fidelity=Fidelity.of(fidelity),
        workers=workers,
    )
    chosen = _level(request)
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    with locked(directory):
        if directory is not None:
            _begin(request, directory)
        with chosen as simulation:
            tell = _teller(request.duration_ps, progress=progress)
            simulation.run(progress=tell, should_stop=should_stop)
            run = simulation.result(wall_s=time.perf_counter() - started_s)
        if directory is not None:
            from netsim.results.directory import save_run

            run = save_run(run, directory)
    return run


def _begin(request: RunRequest, directory: Path) -> None:
    """Keep what is asked for, in place of an earlier run."""
    from netsim.results.asked import save_asked
    from netsim.results.directory import remove_earlier, save_topology

    with writing(directory):
        remove_earlier(directory)
    save_topology(request.topology, directory)
    save_asked(_asked(request), directory)


def _teller(
    duration_ps: int, *, progress: Callable[[int], None] | bool | None
) -> Callable[[int], None] | None:
    """Whom to tell of progress."""
    if isinstance(progress, bool):
        return TextProgress(duration_ps, "s of light", 1.0 / PS_PER_S) if progress else None
    return progress


def _level(request: RunRequest) -> "Simulation | RateSimulation":
    """What runs it, loaded now; ConfigError if it asks for what its level does not have."""
    if faults := tuple(refusals(request)):
        raise ConfigError(faults)
    match request.fidelity:
        case Fidelity.PHOTON | Fidelity.COINCIDENCE:
            from netsim.simulation.simulation import Simulation

            return Simulation(request)
        case Fidelity.RATE:
            from netsim.simulation.rate.run import RateSimulation

            return RateSimulation(request)
        case _:
            assert_never(request.fidelity)


def _asked(request: RunRequest) -> "Asked":
    """What must be known to run it again."""
    from netsim.results.asked import Asked

    from_python = (*request.taps, *filter(None, (request.controller,)))
    return Asked(
        seed=request.seed,
        duration_ps=request.duration_ps,
        fidelity=request.fidelity,
        save_tags=request.save_tags,
        histograms=request.histograms,
        is_whole=not from_python,
        versions=collect_provenance(request.topology.model_dump(mode="json")).versions,
    )
