"""From announced times and own clicks to coincidences: lock, follow, match, claim.

It keeps announcements until the clocks are locked and the own clicks have caught up, both bounded.
Times decide what matches; bases and ports are only copied out of the own clicks that matched.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.ascending import decode_ascending
from protocols.bbm92.bend import too_fast
from protocols.bbm92.clocksearch import Attempt, ClockSearch, OwnClicks
from protocols.bbm92.coincidence import match_lanes
from protocols.bbm92.synchronise import ACQUISITION_PS, Lock
from protocols.bbm92.tracking import Tracker
from protocols.compiled import kernel
from protocols.errors import RemoteProtocolError
from protocols.events import Alarm, Event, LaneFound, LaneLost, LinkLocked, LockLost, SyncFailed
from protocols.link import PS_PER_S, LinkConfig
from protocols.matching import NearPairs
from protocols.messages import Announce, Beacon
from protocols.tagbook import TagBook
from protocols.variants import MATCHINGS

KEEP_ANNOUNCED_PS, KEEP_BRIGHT_PS = 30 * PS_PER_S, 4 * PS_PER_S
"""Light that waits for a lock; less where rounds are so short that too many would be open, or where
so many clicks wait that light is not what a search lacks."""
MANY_CLICKS = 1 << 22
LEAST_KEPT_PS = 2 * ACQUISITION_PS
KEPT_ROUNDS = 2
KEPT_ANNOUNCEMENTS = 4
"""Announcements that wait for a lock however long they are: a search looks once in each. Fewer
where the announcer, who gives up a round that it hears nothing of, would not wait for so many."""
KEEP_OWN_PS = 30 * PS_PER_S
"""Own clicks kept for announcements that are late."""
LATE_ANNOUNCEMENTS = 2
"""Of which own clicks are kept beyond those that wait."""
SPARE_PS = 2 * PS_PER_S
MAX_PENDING, MAX_PENDING_CLICKS = 256, 1 << 24
"""Announcements that wait, and clicks in them: four seconds of 4 MHz."""
MAX_ANNOUNCED_PS = 2**62 - 1
"""Twice as long as clocks of a run may go; differences of such times are int64."""


@dataclass(frozen=True, slots=True, eq=False)
class Announced:
    """Click times of one announcement in the announcer's clock: (N,) int64 ps, ascending."""

    round: int | None
    """None for a beacon: it is followed, and nothing of it is matched."""
    sequence: int
    last: bool
    stop_ps: int
    times_ps: NDArray[np.int64]


def announced_times_ps(config: LinkConfig, body: Announce | Beacon) -> NDArray[np.int64]:
    """(N,) ascending int64: announced times in the announcer's clock.

    Raises
    ------
    RemoteProtocolError
        For times that no honest announcement of the link holds.
    """
    if body.count > MAX_PENDING_CLICKS:
        raise RemoteProtocolError("more announced than can be kept")
    elapsed_ticks = decode_ascending(body.deltas, count=body.count, previous=0)
    last_ticks = body.start_ticks + (int(elapsed_ticks[-1]) if body.count else 0)
    tick_ps = config.announcer_tick_ps
    furthest_ticks = max(abs(body.start_ticks), abs(body.stop_ticks), last_ticks)
    if furthest_ticks * tick_ps > MAX_ANNOUNCED_PS:
        raise RemoteProtocolError("announced times out of range")
    # Closer clicks of one user merge before they are announced.
    if _least_gap(elapsed_ticks) < max(1, config.window_ps // tick_ps):
        raise RemoteProtocolError("announced times too close to each other")
    if body.count and last_ticks >= body.stop_ticks:
        raise RemoteProtocolError("an announced time after its watermark")
    # A frame more for clicks held back at its beginning.
    longest_ps = (config.frames_per_announcement + 1) * config.frame_ps
    if body.count and (body.stop_ticks - body.start_ticks) * tick_ps > longest_ps:
        raise RemoteProtocolError("an announcement of too much light")
    _to_ps(elapsed_ticks, body.start_ticks, tick_ps)
    return elapsed_ticks


@kernel
def _least_gap(ticks: NDArray[np.int64]) -> int:
    """From one of (N,) ascending times to the next; very long where there are fewer than two."""
    least = 2**62
    for k in range(1, ticks.size):
        least = min(least, ticks[k] - ticks[k - 1])
    return least


@kernel
def _to_ps(ticks: NDArray[np.int64], start_ticks: int, tick_ps: int) -> None:
    """Ticks from a start become ps, where they are."""
    for k in range(ticks.size):
        ticks[k] = (ticks[k] + start_ticks) * tick_ps


@dataclass(frozen=True, slots=True, eq=False)
class Coincidences:
    """Matches of one announcement, in its order; all arrays (N,)."""

    positions: NDArray[np.int64]
    ids: NDArray[np.int64]
    """Own clicks, by their numbers in the book."""
    lanes: NDArray[np.uint8]
    bases: NDArray[np.uint8]
    ports: NDArray[np.uint8]


def no_coincidences() -> Coincidences:
    """Nothing matched."""
    none, empty = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8)
    return Coincidences(none, none, empty, empty, empty)


class LinkAligner:
    """The responder's view of the announcer's clock, and the matches that follow from it."""

    def __init__(self, config: LinkConfig, book: TagBook, book_index: int) -> None:
        self._config = config
        self._book = book
        self._book_index = book_index
        self._pending: deque[Announced] = deque()
        self._tracker: Tracker | None = None
        self._own = OwnClicks(config, book)
        self._search = ClockSearch(config, self._own)
        rounds_ps = KEPT_ROUNDS * config.frames_per_round * config.frame_ps
        announcement_ps = config.frames_per_announcement * config.frame_ps
        most_ps = max(KEEP_ANNOUNCED_PS, KEPT_ANNOUNCEMENTS * announcement_ps)
        # With one more, the answer would come less than half of one before the announcer gives up.
        heard_ps = max(0, config.timeout_ps - 3 * announcement_ps // 2)
        self._keep_ps = min(most_ps, max(LEAST_KEPT_PS, rounds_ps), heard_ps)
        self._keep_own_ps = max(KEEP_OWN_PS, self._keep_ps + LATE_ANNOUNCEMENTS * announcement_ps)
        self._events: list[Event] = []
        self._done_ps: int | None = None
        self._round = 0
        self._has_news = False
        """Whether what waits has changed since the last `advance`."""
        self._known: tuple[int, bool] | None = None
        """Of the light, at the last `advance`: how far own clicks reach, and whether it is over."""

    @property
    def is_locked(self) -> bool:
        """Whether the clocks are aligned."""
        return self._tracker is not None

    def take_events(self) -> list[Event]:
        """Locks found, refused and lost since the last call."""
        events, self._events = self._events, []
        return events

    @property
    def has_pending(self) -> bool:
        """Whether announcements wait."""
        return bool(self._pending)

    def add(self, announced: Announced) -> None:
        """Queue an announcement; RemoteProtocolError if more wait than any honest light makes."""
        waiting = sum(kept.times_ps.size for kept in self._pending) + announced.times_ps.size
        if len(self._pending) >= MAX_PENDING or waiting > MAX_PENDING_CLICKS:
            raise RemoteProtocolError("more announced than can be kept")
        self._pending.append(announced)
        self._has_news = True
        if self._tracker is None:
            self._search.light.add(announced.times_ps, announced.stop_ps)

    def is_plausible(self, stop_ps: int) -> bool:
        """Whether announced light up to ``stop_ps`` lies where this end has clicks of late."""
        low_ps, high_ps = self._search.plan.wide.window_ps(stop_ps)
        own_stop_ps = self._own.stop_ps
        return stop_ps + low_ps <= own_stop_ps + SPARE_PS and (
            stop_ps + high_ps >= own_stop_ps - self._keep_own_ps
        )

    def forget_beacons(self) -> None:
        """Rounds begin: what was announced before them is no longer needed."""
        self._pending = deque(kept for kept in self._pending if kept.round is not None)
        self._has_news = True

    def forget_round(self, number: int) -> None:
        """Drop what is queued of a round that has ended: nothing behind it waits for it."""
        self._pending = deque(kept for kept in self._pending if kept.round != number)
        self._has_news = True

    def advance(self, *, is_light_over: bool) -> Iterator[tuple[Announced, Coincidences]]:
        """Announcements that are finished now, in order, with what matched."""
        if self._tracker is not None and not self._is_anything_new(is_light_over=is_light_over):
            return
        self._drop_stale_clock()
        if self._tracker is None:
            self._try_to_lock(self._search.next_attempt(is_light_over=is_light_over))
        if self._is_complete(is_light_over=is_light_over):
            while self._tracker is None and self._try_to_lock(self._search.last_attempt()):
                pass  # deeper and deeper
        while (
            self._tracker is not None
            and self._pending
            and self._is_covered(self._tracker, is_light_over=is_light_over)
        ):
            announced = self._pending.popleft()
            yield announced, self._match(announced, self._tracker)
            self._forget_before(announced)
            self._drop_stale_clock()
        while (
            self._tracker is None
            and self._pending
            and self._is_overdue(is_light_over=is_light_over)
        ):
            announced = self._pending.popleft()
            yield announced, no_coincidences()
            self._forget_before(announced)
        self._release()

    def _is_anything_new(self, *, is_light_over: bool) -> bool:
        """Whether announcements or own clicks have come since the last call."""
        known = (self._own.stop_ps, is_light_over)
        is_new = self._has_news or known != self._known
        self._has_news, self._known = False, known
        return is_new

    # Lock ---------------------------------------------------------------------------------------

    def _try_to_lock(self, attempt: Attempt | None) -> bool:
        """Whether anything was looked through."""
        outcome = None if attempt is None else self._search.look(attempt)
        if attempt is None or outcome is None:
            return False
        if isinstance(outcome, Lock):
            self._begin(outcome, int(attempt.newest.times_ps[0]))
        elif attempt.prior is self._search.plan.wide:
            self._events.append(
                SyncFailed(
                    outcome.best_sigma, outcome.searched_bins, outcome.reason, outcome.is_bent
                )
            )
        return True

    def _begin(self, lock: Lock, lit_ps: int) -> None:
        """Follow the clock from here on; announcements from ``lit_ps`` on had light for certain."""
        self._tracker = Tracker(self._config, lock, lit_ps=lit_ps)
        self._tracker.retrace(self._back_from(lock.last_ps, self._tracker))
        self._search.light.clear()
        alignment = lock.alignment
        self._events.append(
            LinkLocked(
                alignment.offset_ps,
                alignment.rate * 1e6,
                lock.significance_sigma,
                lock.searched_bins,
                lock.lit,
                is_certain=not lock.shifts_ps,
            )
        )

    def _back_from(
        self, last_ps: int, tracker: Tracker
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Announced times that wait, up to ``last_ps``, and the own ones near: last first."""
        for announced in reversed(self._pending):
            times_ps = announced.times_ps[announced.times_ps <= last_ps]
            if times_ps.size:
                yield times_ps, self._own_near(tracker, times_ps)[1]

    def _own_near(
        self, tracker: Tracker, times_ps: NDArray[np.int64]
    ) -> tuple[int, NDArray[np.int64]]:
        """Number of the first own click that a locked announcement may match, and all of them."""
        start_ps = tracker.alignment.predict_one(int(times_ps[0])) - tracker.reach_ps
        stop_ps = tracker.alignment.predict_one(int(times_ps[-1])) + tracker.reach_ps
        return self._own.between(start_ps, stop_ps)

    def _is_overdue(self, *, is_light_over: bool) -> bool:
        newest, keep_ps = self._pending[-1], self._keep_ps
        if sum(kept.times_ps.size for kept in self._pending) > MANY_CLICKS:
            keep_ps = min(keep_ps, KEEP_BRIGHT_PS)
        is_late = newest.stop_ps - self._pending[0].stop_ps > keep_ps
        return is_late or self._is_complete(is_light_over=is_light_over)

    def _is_complete(self, *, is_light_over: bool) -> bool:
        """Whether the newest round is announced to its end, and own light has ended."""
        return is_light_over and bool(self._pending) and self._pending[-1].last

    # Match --------------------------------------------------------------------------------------

    def _is_covered(self, tracker: Tracker, *, is_light_over: bool) -> bool:
        """Whether the own clicks reach beyond the next announcement."""
        needed_ps = tracker.alignment.predict_one(self._pending[0].stop_ps) + tracker.reach_ps
        return is_light_over or self._own.stop_ps >= needed_ps

    def _match(self, announced: Announced, tracker: Tracker) -> Coincidences:
        times_ps, before, was_settled = announced.times_ps, tracker.lit, tracker.is_settled
        self._round = self._round if announced.round is None else announced.round
        first_id, own_ps = 0, times_ps
        if times_ps.size:
            first_id, own_ps = self._own_near(tracker, times_ps)
        pairs = tracker.follow(
            times_ps, own_ps, stop_ps=announced.stop_ps, light_ps=self._light_ps(announced)
        )
        has_left = not tracker.is_within(self._search.plan.wide)
        if tracker.is_lost or has_left:
            self._lose_lock(announced.stop_ps, tracker)
        elif was_settled:
            self._report_lanes(before, tracker.lit)
        if pairs is None or has_left or announced.round is None:
            return no_coincidences()
        lanes = np.flatnonzero(tracker.lit)
        return self._pair(pairs, lanes, times_ps.size, first_id, own_ps.size)

    def _light_ps(self, announced: Announced) -> int:
        """Light that an announcement covers."""
        longest_ps = self._config.frames_per_announcement * self._config.frame_ps
        if self._done_ps is None:
            return longest_ps
        return min(max(announced.stop_ps - self._done_ps, 0), longest_ps)

    def _drop_stale_clock(self) -> None:
        """Look for the clock again after a while without announcements.

        One of a time that own clicks have not reached may be a forgery, and has no say.
        """
        tracker = self._tracker
        if tracker is None or not self._pending or not self._pending[0].times_ps.size:
            return
        first = self._pending[0]
        if self._is_covered(tracker, is_light_over=False) and tracker.is_stale(
            int(first.times_ps[0])
        ):
            self._lose_lock(first.stop_ps, tracker, "the clock was not seen for a while")

    def _lose_lock(self, stop_ps: int, tracker: Tracker, reason: str = "") -> None:
        self._tracker = None
        self._search.plan.lost(tracker.prior(), stop_ps)
        reason = too_fast(tracker.drift_per_s) or reason
        self._events.append(LockLost(self._round, reason))
        for kept in self._pending:
            self._search.light.add(kept.times_ps, kept.stop_ps)

    def _report_lanes(self, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> None:
        for lane in np.flatnonzero(before != after):
            kind = LaneFound if after[lane] else LaneLost
            self._events.append(kind(self._round, int(lane)))

    def _pair(
        self,
        pairs: NearPairs,
        lit: NDArray[np.int64],
        announced: int,
        first_id: int,
        own: int,
    ) -> Coincidences:
        """Match the lanes that have light."""
        delays_ps = {int(lane): self._config.lane_delays_ps[lane] for lane in lit}
        with MATCHINGS.using(self._config.profile.matching) as matching:
            positions, own_clicks, lanes = match_lanes(
                matching,
                pairs,
                delays_ps,
                window_ps=self._config.window_ps,
                announced=announced,
                own_free=self._book.is_free(first_id, own),
            )
        if self._config.is_beyond_light(positions.size):
            self._events.append(Alarm(self._round, "far more matches than the light has"))
            return no_coincidences()
        ids = first_id + own_clicks
        self._book.claim(ids)
        detectors = self._book.detectors_of(ids)
        bases, ports = detectors >> np.uint8(1), detectors & np.uint8(1)
        return Coincidences(positions, ids, lanes, bases, ports)

    # Memory -------------------------------------------------------------------------------------

    def _forget_before(self, announced: Announced) -> None:
        self._done_ps = announced.stop_ps

    def _release(self) -> None:
        """Let the book forget own clicks that no later announcement can match."""
        oldest_ps = self._own.stop_ps - self._keep_own_ps
        if self._done_ps is not None:
            if self._tracker is not None:
                tracker = self._tracker
                needed_ps = tracker.alignment.predict_one(self._done_ps) - tracker.reach_ps
            else:
                done_ps = self._done_ps
                if self._search.light.start_ps is not None:
                    done_ps = min(done_ps, self._search.light.start_ps)
                needed_ps = done_ps + self._search.bounds_ps(self._search.plan.wide, done_ps)[0]
            oldest_ps = max(oldest_ps, needed_ps)
        first_id = self._book.id_from(oldest_ps // self._config.responder_tick_ps)
        self._book.release(self._book_index, first_id, stop_frame=self._book.frames)
