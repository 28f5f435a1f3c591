"""From announced times and own clicks to coincidences: lock, follow, match, claim.

It keeps announcements until the clocks are locked and the own clicks have caught up, both bounded.
Times decide what matches; bases and ports are only copied out of the own clicks that matched.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.coincidence import NearPairs, match_lane
from protocols.bbm92.config import PS_PER_S, LinkConfig
from protocols.bbm92.synchronise import ACQUISITION_PS, Lock, NoLock, Tracker, acquire
from protocols.events import Event, LinkLocked, LockLost, SyncFailed
from protocols.tagbook import TagBook

KEEP_ANNOUNCED_PS = 4 * PS_PER_S
"""Light kept while there is no lock."""
KEEP_OWN_PS = 30 * PS_PER_S
"""Own clicks kept for announcements that are late."""
MAX_RETRY_PS = 2 * PS_PER_S
"""Light between two attempts to lock, after the first failures."""
MARGIN_PS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Announced:
    """Click times of one announcement in the announcer's clock: (N,) int64 ps, ascending."""

    round: int
    sequence: int
    last: bool
    stop_ps: int
    times_ps: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Coincidences:
    """Matches of one announcement, in its order; all arrays (N,)."""

    positions: NDArray[np.int64]
    lanes: NDArray[np.uint8]
    bases: NDArray[np.uint8]
    ports: NDArray[np.uint8]


def no_coincidences() -> Coincidences:
    """Nothing matched."""
    empty = np.empty(0, dtype=np.uint8)
    return Coincidences(np.empty(0, dtype=np.int64), empty, empty, empty)


class LinkAligner:
    """The responder's view of the announcer's clock, and the matches that follow from it."""

    def __init__(self, config: LinkConfig, book: TagBook, book_index: int) -> None:
        self._config = config
        self._book = book
        self._book_index = book_index
        self._pending: deque[Announced] = deque()
        self._tracker: Tracker | None = None
        self._events: list[Event] = []
        self._next_attempt_ps = -(2**62)
        self._retry_ps = PS_PER_S // 2
        self._done_ps: int | None = None

    @property
    def is_locked(self) -> bool:
        """Whether the clocks are aligned."""
        return self._tracker is not None

    def take_events(self) -> list[Event]:
        """Locks found, refused and lost since the last call."""
        events, self._events = self._events, []
        return events

    def add(self, announced: Announced) -> None:
        """Queue an announcement."""
        self._pending.append(announced)

    def forget_round(self, number: int) -> None:
        """Drop what is queued of a round that has ended: nothing behind it waits for it."""
        self._pending = deque(kept for kept in self._pending if kept.round != number)

    def advance(self, *, is_light_over: bool) -> Iterator[tuple[Announced, Coincidences]]:
        """Announcements that are finished now, in order, with what matched."""
        if self._tracker is None:
            self._try_to_lock(is_light_over=is_light_over)
        while (
            self._tracker is not None
            and self._pending
            and self._is_covered(self._tracker, is_light_over=is_light_over)
        ):
            announced = self._pending.popleft()
            yield announced, self._match(announced, self._tracker)
            self._forget_before(announced)
        while (
            self._tracker is None
            and self._pending
            and self._is_overdue(is_light_over=is_light_over)
        ):
            announced = self._pending.popleft()
            yield announced, no_coincidences()
            self._forget_before(announced)
        self._release()

    # Lock ---------------------------------------------------------------------------------------

    def _own_stop_ps(self) -> int:
        return self._book.stop_ticks * self._config.responder_tick_ps

    def _bounds_ps(self) -> tuple[int, int]:
        """How far before and after an announced time the own partner may lie, unlocked."""
        config = self._config
        reach_ps = config.offset_bound_ps + config.umi_delay_ps + MARGIN_PS
        return min(config.lane_delays_ps) - reach_ps, max(config.lane_delays_ps) + reach_ps

    def _try_to_lock(self, *, is_light_over: bool) -> None:
        filled = [announced for announced in self._pending if announced.times_ps.size]
        if not filled or self._pending[-1].stop_ps < self._next_attempt_ps:
            return
        stop_ps = filled[-1].stop_ps
        if stop_ps - int(filled[0].times_ps[0]) < ACQUISITION_PS:
            return
        low_ps, high_ps = self._bounds_ps()
        if self._own_stop_ps() < stop_ps + high_ps and not is_light_over:
            return
        recent = [a for a in filled if a.stop_ps > stop_ps - ACQUISITION_PS - PS_PER_S // 2]
        announced_ps = np.concatenate([announced.times_ps for announced in recent])
        _, own_ps = self._own_between(
            int(announced_ps[0]) + low_ps, int(announced_ps[-1]) + high_ps
        )
        self._take_outcome(acquire(self._config, announced_ps, own_ps), stop_ps)

    def _take_outcome(self, outcome: Lock | NoLock, stop_ps: int) -> None:
        if isinstance(outcome, Lock):
            self._tracker = Tracker(self._config, outcome.alignment)
            self._retry_ps = PS_PER_S // 2
            alignment = outcome.alignment
            self._events.append(
                LinkLocked(
                    alignment.offset_ps,
                    alignment.rate * 1e6,
                    outcome.significance_sigma,
                    outcome.searched_bins,
                )
            )
        else:
            self._next_attempt_ps = stop_ps + self._retry_ps
            self._retry_ps = min(2 * self._retry_ps, MAX_RETRY_PS)
            self._events.append(SyncFailed(outcome.best_sigma, outcome.searched_bins))

    def _is_overdue(self, *, is_light_over: bool) -> bool:
        newest = self._pending[-1]
        is_complete = is_light_over and newest.last  # before that more may be on its way
        return is_complete or newest.stop_ps - self._pending[0].stop_ps > KEEP_ANNOUNCED_PS

    # Match --------------------------------------------------------------------------------------

    def _own_between(self, start_ps: int, stop_ps: int) -> tuple[int, NDArray[np.int64]]:
        """Number of the first own click in [start, stop) and all their times ((M,) int64, ps)."""
        tick_ps = self._config.responder_tick_ps
        first_id, tags = self._book.between(start_ps // tick_ps, stop_ps // tick_ps)
        return first_id, (tags >> 2) * tick_ps

    def _reach_ps(self) -> int:
        config = self._config
        return max(abs(delay) for delay in config.lane_delays_ps) + config.umi_delay_ps + MARGIN_PS

    def _is_covered(self, tracker: Tracker, *, is_light_over: bool) -> bool:
        """Whether the own clicks reach beyond the next announcement."""
        needed_ps = tracker.alignment.predict_one(self._pending[0].stop_ps) + self._reach_ps()
        return is_light_over or self._own_stop_ps() >= needed_ps

    def _match(self, announced: Announced, tracker: Tracker) -> Coincidences:
        times_ps = announced.times_ps
        if times_ps.size == 0:
            tracker.follow(times_ps, times_ps)
            return no_coincidences()
        reach_ps = self._reach_ps()
        start_ps = tracker.alignment.predict_one(int(times_ps[0])) - reach_ps
        stop_ps = tracker.alignment.predict_one(int(times_ps[-1])) + reach_ps
        first_id, own_ps = self._own_between(start_ps, stop_ps)
        pairs = tracker.follow(times_ps, own_ps)
        if tracker.is_lost:
            self._lose_lock(announced.round)
        if pairs is None:
            return no_coincidences()
        return self._pair(pairs, times_ps.size, first_id, own_ps.size)

    def _lose_lock(self, number: int) -> None:
        self._tracker = None
        self._next_attempt_ps = -(2**62)
        self._events.append(LockLost(number))

    def _pair(self, pairs: NearPairs, announced: int, first_id: int, own: int) -> Coincidences:
        partner = np.full(announced, -1, dtype=np.int64)
        lanes = np.zeros(announced, dtype=np.uint8)
        own_free = self._book.is_free(first_id, own)
        for lane, delay_ps in enumerate(self._config.lane_delays_ps):
            matched = match_lane(
                pairs,
                delay_ps=delay_ps,
                window_ps=self._config.window_ps,
                partner=partner,
                own_free=own_free,
            )
            lanes[matched] = lane
        positions = np.flatnonzero(partner >= 0)
        ids = first_id + partner[positions]
        self._book.claim(ids)
        detectors = self._book.tags_of(ids) & 3
        bases, ports = (detectors >> 1).astype(np.uint8), (detectors & 1).astype(np.uint8)
        return Coincidences(positions, lanes[positions], bases, ports)

    # Memory -------------------------------------------------------------------------------------

    def _forget_before(self, announced: Announced) -> None:
        self._done_ps = announced.stop_ps

    def _release(self) -> None:
        """Let the book forget own clicks that no later announcement can match."""
        oldest_ps = self._own_stop_ps() - KEEP_OWN_PS
        if self._done_ps is not None:
            if self._tracker is not None:
                needed_ps = self._tracker.alignment.predict_one(self._done_ps) - self._reach_ps()
            else:
                needed_ps = self._done_ps + self._bounds_ps()[0]
            oldest_ps = max(oldest_ps, needed_ps)
        first_id, _ = self._own_between(oldest_ps, oldest_ps)
        self._book.release(self._book_index, first_id)
