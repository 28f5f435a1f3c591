"""A network of key managers that serves: opens what is kept, fills it, listens, stops cleanly."""

import asyncio
import multiprocessing
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from itertools import combinations
from multiprocessing.process import BaseProcess
from pathlib import Path

from aiohttp import web

from netsim.delivery.certificates import LOOPBACK, make_certificates, server_context
from netsim.delivery.directory import Directory, sae_faults
from netsim.delivery.finished import move_finished
from netsim.delivery.journal import Journal
from netsim.delivery.manager import KeyManager, drop_lone_blocks
from netsim.delivery.metrics import Metrics
from netsim.delivery.relays import Relays, Tell
from netsim.delivery.server import SILENCE_S, SILENT, Counter014
from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from netsim.errors import ConfigError, Fault, OutputError
from netsim.relay.terms import RelayTerms
from netsim.results.lock import locked
from netsim.results.provenance import collect_provenance
from netsim.simulation.demand import wayless
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import network_of_all_states

IS_SERVED = "another process serves from it; end that one or choose another --state"
IS_FILLED = "a process that an earlier one has started still fills it; end that one"
SEED_BITS = 62
CHILD_POLL_S = 0.2
PATIENCE_S = 10.0
"""For a filling process that has been told to stop."""
ANSWER_S = 2.0
"""For requests under way when the server has been told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """What to serve.

    Attributes
    ----------
    topology : TopologySpec
    finished : Path or None
        A run whose key is served; None for a simulation.
    light_ps : int
        To simulate; 0 for none.
    pace : float or None
        Simulated seconds per second; None for as fast as it goes.
    state : Path
    port : int
        Of the first user; 0 for any free ones.
    saes : mapping
        Further applications to their users.
    """

    topology: TopologySpec
    finished: Path | None
    light_ps: int
    pace: float | None
    state: Path
    port: int
    saes: Mapping[str, str]


def directory_of(topology: TopologySpec, saes: Mapping[str, str]) -> Directory:
    """Who is where: an application named like each user, and further ones.

    Raises
    ------
    ConfigError
        An application is nowhere, or has no usable name.
    """
    users = tuple(user.name for user in topology.users)
    all_saes = {user: user for user in users} | dict(saes)
    if faults := sae_faults(all_saes, users):
        raise ConfigError(tuple(dict.fromkeys(faults)))
    lit = network_of_all_states(topology).links
    if faults := [*_relay_conflicts(topology), *wayless(topology, lit)]:
        raise ConfigError(tuple(faults))
    relayed = {
        frozenset(spec.users): spec.relay.terms
        for spec in topology.applications
        if spec.relay is not None
    }
    linked = set(map(frozenset, lit))
    links = {
        frozenset(both): "-".join(both)
        for both in combinations(users, 2)
        if frozenset(both) in linked | relayed.keys()
    }
    dark = frozenset(name for both, name in links.items() if both not in linked)
    thresholds = {links[frozenset(spec.users)]: spec.thresholds for spec in topology.pools}
    return Directory(users, all_saes, links, relayed, dark, thresholds)


def _relay_conflicts(topology: TopologySpec) -> Iterator[Fault]:
    """A manager knows users, and not which application of theirs asks."""
    known: dict[frozenset[str], RelayTerms] = {}
    for index, spec in enumerate(topology.applications):
        if spec.relay is not None:
            terms = known.setdefault(frozenset(spec.users), spec.relay.terms)
            if terms != spec.relay.terms:
                names = " and ".join(spec.users)
                text = f"{names} have key relayed by other terms already: key managers need one"
                yield Fault(f"applications.{index}.relay", text)


class Desk:
    """All managers of a network, open; to be used by one thread.

    Parameters
    ----------
    state : State
    directory : Directory
    tell : callable
        Told of relays.

    Attributes
    ----------
    managers, stores : dict
        By user.
    undone, dropped : int
        Reservations, and lone blocks or keys of hops, that a killed process had left.
    """

    def __init__(self, state: State, directory: Directory, tell: Tell) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self.stores = {
            user: self._stack.enter_context(ManagerStore(state.manager_path(user)))
            for user in directory.users
        }
        self.managers = {
            user: KeyManager(user, store, directory) for user, store in self.stores.items()
        }
        relays = Relays(directory, self.managers, self.stores, tell)
        for user, manager in self.managers.items():
            manager.peers = {other: self.managers[other] for other in directory.peers_of(user)}
            manager.relay = relays
        self.undone = sum(manager.recover() for manager in self.managers.values())
        self.dropped = sum(
            drop_lone_blocks(link, *(self.stores[user] for user in both))
            for both, link in directory.links.items()
        )
        self.dropped += sum(manager.discard_hops() for manager in self.managers.values())

    def free_bits(self) -> dict[tuple[str, str], int]:
        """(user, link) to bits that are in no key."""
        return {
            (user, link): self.stores[user].free_bits(link)
            for both, link in self._directory.links.items()
            for user in sorted(both)
        }

    def close(self) -> None:
        """Close all files."""
        self._stack.close()


def serve(request: ServeRequest, on_listening: Callable[[Mapping[str, str]], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Parameters
    ----------
    request : ServeRequest
    on_listening : callable
        Told the URL of each user's manager, once all of them listen.

    Raises
    ------
    ConfigError
        What is asked for cannot be served.
    OutputError
        Another process serves from the same state, or it cannot be written to.
    """
    directory = directory_of(request.topology, request.saes)
    state = State(request.state)
    with locked(state.path, IS_SERVED), Journal(state.journal) as journal:
        _wait_for_orphan(state)
        make_certificates(state.certificates, directory)
        asyncio.run(_Service(request, state, directory, journal).run(on_listening))


def _wait_for_orphan(state: State) -> None:
    """A filling process of a serving one that was killed may be in the midst of a block."""
    due_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            with locked(state.fills, IS_FILLED):
                return
        except OutputError:
            if time.monotonic() > due_s:
                raise
        time.sleep(CHILD_POLL_S)


class _Service:
    """One serving process."""

    def __init__(
        self, request: ServeRequest, state: State, directory: Directory, journal: Journal
    ) -> None:
        self._request = request
        self._state = state
        self._directory = directory
        self._journal = journal
        self._metrics = Metrics()

    async def run(self, on_listening: Callable[[Mapping[str, str]], None]) -> None:
        """All of it, from opening to closing."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with AsyncExitStack() as stack:
            worker = stack.enter_context(ThreadPoolExecutor(max_workers=1))
            desk = await loop.run_in_executor(worker, self._open)
            stack.push_async_callback(loop.run_in_executor, worker, desk.close)
            urls = {
                user: await self._listen(stack, desk, user, worker)
                for user in self._directory.users
            }
            on_listening(urls)
            self._journal.tell("listening", undone=desk.undone, dropped=desk.dropped)
            await self._fill_until(stop)
            self._journal.tell("stopping")

    def _open(self) -> Desk:
        """In the worker's thread, whose the files are from now on."""
        desk = Desk(self._state, self._directory, self._journal.tell)
        if self._request.finished is not None:
            links = self._directory.links.values()
            moved = move_finished(
                self._request.finished, self._state, links, desk.stores, self._directory.maxima_bits
            )
            self._journal.tell("taken_in", bits=moved)
        return desk

    async def _listen(
        self, stack: AsyncExitStack, desk: Desk, user: str, worker: ThreadPoolExecutor
    ) -> str:
        face = Counter014(
            desk.managers[user],
            worker,
            self._journal,
            self._metrics,
            lambda: self._metrics.text(desk.free_bits(), self._directory.thresholds),
        )
        runner = web.AppRunner(
            face.application(),
            access_log=None,
            logger=SILENT,
            handle_signals=False,
            keepalive_timeout=SILENCE_S,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        place = self._directory.users.index(user)
        port = self._request.port + place if self._request.port else 0
        context = server_context(self._state.certificates, user)
        site = web.TCPSite(runner, LOOPBACK, port, ssl_context=context, shutdown_timeout=ANSWER_S)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError.of(
                "--port", f"{port} cannot be listened at: {error.strerror}"
            ) from error
        return f"https://{LOOPBACK}:{runner.addresses[0][1]}"

    async def _fill_until(self, stop: asyncio.Event) -> None:
        """Let a simulation fill the managers, if one is asked for, until ``stop`` is set."""
        child = self._start_filling() if self._request.light_ps else None
        while child is not None and not stop.is_set():
            if not child.is_alive():
                self._journal.tell("filled", exit_code=child.exitcode)
                child = None
                break
            await asyncio.sleep(CHILD_POLL_S)
        await stop.wait()
        if child is not None:
            await asyncio.get_running_loop().run_in_executor(None, _end, child)

    def _start_filling(self) -> BaseProcess:
        from netsim.delivery.simulated import FillRequest, fill  # noqa: PLC0415  # loads slowly

        # Who draws key, and down to where, is for the managers to see.
        unused = {"applications": (), "pools": ()}
        topology = self._request.topology.model_copy(update=unused)
        seed = secrets.randbits(SEED_BITS)
        digest = collect_provenance(topology.model_dump(mode="json")).topology_sha256
        number = self._state.fill_of(f"{digest}:{seed}")
        request = FillRequest(
            topology=topology,
            duration_ps=self._request.light_ps,
            seed=seed,
            out=self._state.fill_path(number),
            fill=number,
            managers={user: self._state.manager_path(user) for user in self._directory.users},
            maxima_bits=self._directory.maxima_bits,
            pace=self._request.pace,
        )
        child = multiprocessing.get_context("spawn").Process(target=fill, args=(request,))
        child.start()
        self._journal.tell("filling", fill=number)
        return child


def _end(child: BaseProcess) -> None:
    """Ask it to stop; one that does not is ended."""
    child.terminate()
    child.join(PATIENCE_S)
    if child.is_alive():
        child.kill()
        child.join()
