"""Key of a simulation that runs while it is served: a process of its own fills the managers."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from netsim.delivery.filling import FillingEnd, move
from netsim.delivery.store import ManagerStore
from netsim.pools.pool import Pool
from netsim.results.directory import save_run, save_topology
from netsim.results.lock import locked
from netsim.simulation.request import RunRequest
from netsim.simulation.simulation import Simulation
from netsim.topology.specs import TopologySpec
from netsim.units import s_from_ps

LOOK_PS = 200_000_000_000
"""How often new key is looked for, in simulated time."""
NAP_S = 0.1
"""A process that waits for the time of day looks up so often, whether it is to stop."""


@dataclass(frozen=True, slots=True)
class FillRequest:
    """What a filling process is told.

    Attributes
    ----------
    topology : TopologySpec
    duration_ps : int
        Of light.
    seed : int
    out : Path
        Where the run keeps its records.
    fill : int
        Its number, see `netsim.delivery.state`.
    managers : mapping
        User to the manager's file.
    pace : float or None
        Simulated seconds per second; None for as fast as it goes.
    maxima_bits : mapping
        Link to what its managers hold at most, if it is there.
    """

    topology: TopologySpec
    duration_ps: int
    seed: int
    out: Path
    fill: int
    managers: Mapping[str, Path]
    pace: float | None
    maxima_bits: Mapping[str, int]


class _Wish:
    """Whether to stop: told by a signal, or the process that has started this one is gone."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._is_told = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self._is_told = True

    def is_to_stop(self) -> bool:
        return self._is_told or os.getppid() != self._parent


def fill(request: FillRequest) -> None:
    """Simulate, and bring key to the managers as it becomes usable at both ends; of a process."""
    wish = _Wish()
    run_request = RunRequest(
        topology=request.topology,
        duration_ps=request.duration_ps,
        seed=request.seed,
        out=request.out,
    )
    started_s = time.perf_counter()
    with locked(request.out.parent), ExitStack() as stack:
        save_topology(request.topology, request.out)
        stores = {
            user: stack.enter_context(ManagerStore(path)) for user, path in request.managers.items()
        }
        simulation = stack.enter_context(Simulation(run_request))
        look = _Look(simulation, request, stores, wish.is_to_stop)
        simulation.run(progress=look, should_stop=wish.is_to_stop)
        look.move_all()
        save_run(simulation.result(wall_s=time.perf_counter() - started_s), request.out)


class _Look:
    """Called once a frame: moves what is new, and waits for the time of day."""

    def __init__(
        self,
        simulation: Simulation,
        request: FillRequest,
        stores: Mapping[str, ManagerStore],
        is_to_stop: Callable[[], bool],
    ) -> None:
        self._simulation = simulation
        self._request = request
        self._stores = stores
        self._is_to_stop = is_to_stop
        self._started_s = time.monotonic()
        self._looked_ps = 0

    def __call__(self, done_ps: int) -> None:
        if done_ps - self._looked_ps >= LOOK_PS:
            self._looked_ps = done_ps
            self.move_all()
        if (pace := self._request.pace) is not None:
            due_s = self._started_s + s_from_ps(done_ps) / pace
            while (left_s := due_s - time.monotonic()) > 0 and not self._is_to_stop():
                time.sleep(min(NAP_S, left_s))

    def move_all(self) -> None:
        """Bring what both ends of each link have to its managers."""
        pools = self._simulation.pools
        for link in dict.fromkeys(link for link, _ in pools):
            both = [pool for (name, _), pool in pools.items() if name == link]
            if all(pool.level_bits for pool in both):
                one, other = map(self._end, both)
                move(link, self._request.fill, one, other, self._request.maxima_bits.get(link))

    def _end(self, pool: Pool) -> FillingEnd:
        take = partial(pool.get, time_ps=self._simulation.now_ps)
        return FillingEnd(pool.blocks, take, self._stores[pool.end])
