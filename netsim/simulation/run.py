"""`simulate`, the one way to run a simulation: the command line and the Python API both call it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from netsim.devices.world import WorldBuilder, build_world
from netsim.kernel.trace import TraceSink
from netsim.pools.ledger import MovementSink
from netsim.results.directory import TAGS_DIRECTORY, save_run, save_topology
from netsim.results.lock import locked
from netsim.results.run import Run
from netsim.simulation.control import Controller
from netsim.simulation.simulation import RunRequest, Simulation
from netsim.taps.tap import TapPlan
from netsim.topology.specs import TopologySpec
from netsim.units import ps_from_s


def simulate(
    topology: TopologySpec,
    *,
    duration_s: float | str,
    seed: int,
    out: Path | None = None,
    save_tags: bool = False,
    progress: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    sink: TraceSink | None = None,
    movements: MovementSink | None = None,
    taps: Sequence[TapPlan] = (),
    controller: Controller | None = None,
    build: WorldBuilder = build_world,
) -> Run:
    """Simulate ``topology``.

    Parameters
    ----------
    topology : TopologySpec
        From `netsim.load_topology`.
    duration_s : float or str
        Seconds of light, > 0; a decimal string is exact.
    seed : int
        >= 0. The same seed gives the same results, bit for bit.
    out : Path, optional
        A directory to write into; events and ledger grow while the run goes on.
    save_tags : bool
        Write every user's tags to ``out/tags/USER.npy`` (int64, ``time_ticks << 2 | detector``).
    progress : callable, optional
        Called with the simulated picoseconds done, once a frame.
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

    Returns
    -------
    Run
        Lanes as scored by the simulator, links as booked by the parties.

    Raises
    ------
    ConfigError
        There is more light than can be simulated.
    OutputError
        Another run is writing into ``out``, or it cannot be written to, as on a full disk.
    """
    started_s = time.perf_counter()
    request = RunRequest(
        topology=topology,
        duration_ps=ps_from_s(duration_s),
        seed=seed,
        out=out,
        sink=sink,
        movements=movements,
        taps=taps,
        controller=controller,
        build=build,
    )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        if out is not None:
            save_topology(topology, out)
        with Simulation(request) as simulation:
            if save_tags and out is not None:
                simulation.save_tags(out / TAGS_DIRECTORY)
            simulation.run(progress=progress, should_stop=should_stop)
            run = simulation.result(wall_s=time.perf_counter() - started_s)
        if out is not None:
            save_run(run, out)
    return run
