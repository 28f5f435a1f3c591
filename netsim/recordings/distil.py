"""The protocol on real data: two files of time tags in, key and its books out.

Both ends run in this process, on tags that someone else recorded; what they say to each other goes
through a wire of fixed latency (`netsim.recordings.exchange`). Their pre-shared secret and all
their random choices come from one seed, so that a run can be repeated: the keys are for study, not
for use.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from netsim.errors import writing
from netsim.kernel.rng import RngTree
from netsim.kernel.trace import EventName, FileSink, Trace
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.database import IN_MEMORY
from netsim.pools.ledger import Ledger
from netsim.pools.ledgerfile import LedgerFile
from netsim.pools.pool import compare_pools
from netsim.pools.store import UserStore
from netsim.recordings.exchange import LATENCY_PS, Exchange, cut_frames
from netsim.recordings.outcomes import outcomes_of
from netsim.recordings.recording import DistilOptions, LinkTags
from netsim.results.directory import (
    EVENTS,
    LEDGER,
    SUMMARY,
    USERS_DIRECTORY,
    make_private,
    remove_earlier,
)
from netsim.results.distilled import USERS, BlockMade, Distilled, LockFound
from netsim.results.files import write_whole
from netsim.results.lock import locked
from netsim.units import ps_from_s, s_from_ps
from netsim.watch import UNWATCHED, Watch
from protocols import events
from protocols.bbm92.synchronise import ACQUISITION_PS
from protocols.endpoint import Endpoint
from protocols.link import LinkSecrets
from protocols.messages import AbortReason, Role
from protocols.tagbook import TagBook
from protocols.tags import DETECTOR_BITS, TagFrame
from protocols.variants import SECURITIES, study_notes


def distil(
    tags: LinkTags,
    options: DistilOptions,
    *,
    out: Path | None = None,
    watch: Watch = UNWATCHED,
) -> Distilled:
    """Synchronise, sift and distil two recordings.

    Parameters
    ----------
    tags : LinkTags
        From `netsim.recordings.recording.load_link_tags`, with the same options.
    options : DistilOptions
    out : Path, optional
        A directory to write into: ledger, events, summary, and both users' stores (with the keys).
    watch : Watch
        Told the ps of light done, and asked, once a frame; what it stops is marked partial.
    """
    link = _Link(tags, options)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        if out is not None:
            with writing(out):
                remove_earlier(out)
        with ExitStack() as stack:
            link.open(out, stack)
            found = link.run(watch)
        if out is not None:
            write_whole(out / SUMMARY, found.summary_json())
    return found


class _Link:
    """Both ends of the link, their books, and what is noted on the way."""

    def __init__(self, tags: LinkTags, options: DistilOptions) -> None:
        self._tags = tags
        self._options = options
        self._rng_tree = RngTree(options.seed)
        size = LinkSecrets.size_bytes(tags.config.initial_pads)
        secret = self._rng_tree.stream(f"{tags.config.link}/preshared").bytes(size)
        self._secrets = LinkSecrets.from_bytes(secret)
        self._found = Distilled(
            paths=tags.paths,
            light_ps=tags.light_ps,
            assumptions=SECURITIES.get(tags.config.profile.security).assumptions,
            notes=study_notes(tags.config.profile),
            attempt_ps=ACQUISITION_PS,
            dead_times_ps=tags.dead_times_ps,
        )
        self._books: tuple[Bookkeeper, ...] = ()

    def open(self, out: Path | None, stack: ExitStack) -> None:
        """Open books, trace and stores; in ``out`` if there is one."""
        if out is not None:
            make_private(out / USERS_DIRECTORY)
        ledger = Ledger(None if out is None else stack.enter_context(LedgerFile(out / LEDGER)))
        trace = Trace(None if out is None else FileSink(out / EVENTS))
        self._trace = stack.enter_context(trace)
        self._books = tuple(
            Bookkeeper(
                self._tags.config.link,
                user,
                ledger=ledger,
                trace=trace,
                store=stack.enter_context(UserStore(_store_path(out, user))),
                pads=self._secrets.pads,
            )
            for user in USERS
        )

    def run(self, watch: Watch) -> Distilled:
        """Let both ends exchange all tags and sum up."""
        found, (announcer, responder) = self._found, Role
        found.clicks = (self._count(announcer), self._count(responder))
        found.tags = (sum(found.clicks[0]), sum(found.clicks[1]))
        exchange = Exchange(
            (self._endpoint(announcer), self._endpoint(responder)), on_events=self._on_events
        )
        self._trace.emit(EventName.RUN_STARTED, time_ps=0, seed=self._options.seed)
        frames = zip(self._frames(announcer), self._frames(responder), strict=True)
        done = exchange.play(frames, frame_ps=self._tags.config.frame_ps, watch=watch)
        name = EventName.RUN_ENDED if done else EventName.RUN_INTERRUPTED
        self._trace.emit(name, time_ps=exchange.now_ps)
        found.partial = not done
        if not done:
            found.light_ps = min(found.light_ps, exchange.now_ps)
        return self._summed_up(exchange)

    def _frames(self, role: Role) -> Iterator[TagFrame]:
        tags = self._tags
        return cut_frames(
            tags.packed[role],
            tick_ps=tags.ticks_ps[role],
            start_ps=tags.start_ps,
            stop_ps=tags.stop_ps,
            frame_ps=tags.config.frame_ps,
            margin_ps=self._margin_ps(role),
        )

    def _margin_ps(self, role: Role) -> int:
        """How much earlier and later than the light's the tags of one end may be."""
        return self._tags.margin_ps if role is Role.RESPONDER else 0

    def _count(self, role: Role) -> tuple[int, ...]:
        """Tags of each detector in the common light."""
        tags, tick_ps = self._tags, self._tags.ticks_ps[role]
        margin_ps = self._margin_ps(role)
        edges_ps = (tags.start_ps - margin_ps, tags.stop_ps + margin_ps)
        low, high = np.searchsorted(
            tags.packed[role],
            [(at_ps // tick_ps + k) << DETECTOR_BITS for k, at_ps in enumerate(edges_ps)],
        )
        detectors = tags.packed[role][low:high] & (1 << DETECTOR_BITS) - 1
        return tuple(np.bincount(detectors, minlength=1 << DETECTOR_BITS).tolist())

    def _endpoint(self, role: Role) -> Endpoint:
        config, user = self._tags.config, USERS[role]
        tick_ps = self._tags.ticks_ps[role]
        book_rng = self._rng_tree.stream(f"{user}/tagbook")
        return Endpoint(
            role,
            config,
            self._secrets,
            book=TagBook(
                book_rng,
                window_ticks=max(1, config.window_ps // tick_ps),
                dead_ticks=self._tags.dead_ticks[role],
            ),
            rng=self._rng_tree.stream(f"{config.link}/{user}"),
            initial_timeout_ps=4 * LATENCY_PS + ps_from_s("0.05"),
        )

    def _summed_up(self, exchange: Exchange) -> Distilled:
        found, announcer = self._found, self._books[0].counts
        found.auth_spent_bits = announcer.auth_spent_bits
        found.round_trips = announcer.round_trips
        found.messages, found.wire_bytes = exchange.wire.messages, exchange.wire.bytes
        found.pools = compare_pools(self._books[0].pool, self._books[1].pool)
        if not found.partial:
            clock = self._clock()
            found.outcomes = outcomes_of(self._tags, flip_x=self._options.flip_x, lock=clock)
        return found

    def _clock(self) -> tuple[float, float, int] | None:
        """Bob's clock as first found, in the tags that both ends have."""
        lock = self._found.lock
        if lock is None:
            return None
        offset_ps = lock.offset_ps - self._options.offset_ps
        return offset_ps, lock.rate_ppm * 1e-6, ps_from_s(lock.at_s)

    def _on_events(self, role: Role, step: Sequence[events.Event], time_ps: int) -> None:
        self._books[role].record(step, time_ps)
        for event in step:
            self._note(role, event, time_ps)

    def _note(self, role: Role, event: events.Event, time_ps: int) -> None:
        found = self._found
        match event:
            case events.LinkLocked() if found.lock is None:
                found.lock = self._lock(event, time_ps)
            case events.SyncFailed():
                found.attempts += 1
                if event.is_bent:
                    found.lost_reason = event.reason
                if event.best_sigma >= found.best_sigma:
                    found.best_sigma = float(event.best_sigma)
                    found.searched_bins = int(event.searched_bins)
                    found.no_lock_test = event.reason
            case events.LockLost():
                found.locks_lost += 1
                found.lost_reason = found.lost_reason or event.reason
            case events.Alarm():
                found.alarms.append(f"{USERS[role]}: {event.what}")
            case events.RoundAborted():
                self._on_aborted(role, event)
            case events.BlockUsable() if role is Role.ANNOUNCER:
                bits = event.key_bits + 8 * len(event.reserve)
                found.blocks.append(BlockMade(event.round, event.books, bits))
            case _:
                pass

    def _lock(self, event: events.LinkLocked, time_ps: int) -> LockFound:
        return LockFound(
            offset_ps=float(event.offset_ps) + self._options.offset_ps,
            rate_ppm=float(event.rate_ppm),
            significance_sigma=float(event.significance_sigma),
            searched_bins=int(event.searched_bins),
            at_s=s_from_ps(time_ps),
        )

    def _on_aborted(self, role: Role, event: events.RoundAborted) -> None:
        if event.reason is not AbortReason.PEER_ABORTED or event.round not in self._found.aborts:
            self._found.aborts[event.round] = event.reason.name.lower()
        if role is Role.ANNOUNCER:
            self._found.failed.append(event.books)


def _store_path(out: Path | None, user: str) -> Path:
    return IN_MEMORY if out is None else out / USERS_DIRECTORY / f"{user}.sqlite"
