"""Turns what an endpoint reports into ledger rows, trace lines and what its user stores.

It is the only place where key passes from an endpoint to a store, and nothing of it goes elsewhere.
"""

import sys
from collections.abc import Mapping, Sequence
from operator import add
from typing import assert_never

from netsim.kernel.trace import EventName, Trace
from netsim.pools.counts import LinkCounts, counts_of
from netsim.pools.interface import KeyStore
from netsim.pools.ledger import NO_BLOCK, Account, Ledger, Movement
from netsim.pools.pool import Pool
from protocols import events
from protocols.books import RoundBooks
from protocols.chsh import Chsh

ALARMS_TOLD = 64
"""So many alarms of an end have a line each; then a line comes whenever their number doubles."""
STOPPED = "process_stopped"
"""Reason of a round that ended with the process, in a crash or as its user left."""
_Notice = (
    events.LinkLocked
    | events.SyncFailed
    | events.LockLost
    | events.LaneLost
    | events.LaneFound
    | events.RoundStarted
    | events.AbortSigned
    | events.DecisionsTaken
    | events.Alarm
    | events.ReportLost
    | events.RoundsPaused
    | events.ReserveEmpty
    | events.ClosingVoted
    | events.LinkClosed
)
"""Events that move no bits."""
_OF_A_ROUND = {
    events.LockLost: EventName.LOCK_LOST,
    events.ReportLost: EventName.REPORT_LOST,
    events.ReserveEmpty: EventName.RESERVE_EMPTY,
}
_OF_A_LANE = {
    events.LaneLost: EventName.LANE_LOST,
    events.LaneFound: EventName.LANE_FOUND,
}


class Bookkeeper:
    """Books of one end of one link.

    Parameters
    ----------
    link, end : str
        Names as they appear in ledger and trace.
    store : UserStore
        Makes events durable before they are booked.
    pads : bytes
        Pre-shared one-time pads; booked at time 0.
    round_epsilons : tuple
        Correctness and secrecy of a round, for those that a crash leaves without books.

    Attributes
    ----------
    pool : Pool
        Usable key of this end.
    counts : LinkCounts
        Sums over its rounds so far.
    reasons : dict
        Why rounds ended without key at this end, by round.
    tests : tuple of Chsh
        Bell tests of its rounds so far, one a lane; empty before the first.
    closed_ps : int
        When the link closed at this end; 0 if it has not.
    """

    def __init__(
        self,
        link: str,
        end: str,
        *,
        ledger: Ledger,
        trace: Trace,
        store: KeyStore,
        pads: bytes,
        round_epsilons: tuple[float, float | None] = (0.0, None),
    ) -> None:
        self.pool = Pool(link, end, store=store, ledger=ledger)
        self.counts = LinkCounts(secrecy_epsilon=None if round_epsilons[1] is None else 0.0)
        self.reasons: dict[int, str] = {}
        self.tests: tuple[Chsh, ...] = ()
        self.closed_ps = 0
        self._link, self._end = link, end
        self._ledger = ledger
        self._trace = trace
        self._open: set[int] = set()
        """Rounds that have started, and are neither in doubt nor over."""
        self._sifted: dict[int, int] = {}
        self._sampled: dict[int, int] = {}
        self._in_doubt: dict[int, int] = {}
        self._alarms = 0
        """All but wrong tags."""
        self._untold = 0
        """Of these, since the last that had a line."""
        self._store = store
        self._round_epsilons = round_epsilons
        store.open_link(link, pads)
        self._move(0, NO_BLOCK, Account.PRESHARED, Account.RESERVE, 8 * len(pads))

    def record(self, step: Sequence[events.Event], time_ps: int) -> None:
        """Make durable, all or none, and book the events of one step at simulated ``time_ps``."""
        self._store.apply(self._link, step)
        for event in step:
            self._book(event, time_ps)

    def _book(self, event: events.Event, time_ps: int) -> None:
        match event:
            case events.RoundSifted():
                self._on_sifted(event, time_ps)
            case events.RoundSampled():
                self._on_sampled(event, time_ps)
            case events.BellTested():
                self._on_tested(event, time_ps)
            case events.BlockPrepared() | events.BlockHeld():
                self._on_in_doubt(event, time_ps)
            case events.BlockUsable():
                self._on_usable(event, time_ps)
            case events.BlockDropped():
                self._on_dropped(event, time_ps)
            case events.RoundAborted():
                self._on_aborted(event, time_ps)
            case events.PadsSpent():
                self.counts += LinkCounts(auth_spent_bits=event.bits)
                self._move(time_ps, NO_BLOCK, Account.RESERVE, Account.SPENT, event.bits)
            case _:
                self._on_notice(event, time_ps)

    def _move(self, time_ps: int, block: int, debit: Account, credit: Account, bits: int) -> None:
        if bits:
            self._ledger.append(
                Movement(time_ps, self._link, self._end, block, debit, credit, bits)
            )

    def _emit(self, name: EventName, time_ps: int, **values: str | float | bool | None) -> None:
        self._trace.emit(name, time_ps=time_ps, link=self._link, end=self._end, **values)

    def _on_sifted(self, event: events.RoundSifted, time_ps: int) -> None:
        self._sifted[event.round] = event.sifted_bits
        self._move(time_ps, event.round, Account.LIGHT, Account.OPEN, event.sifted_bits)
        self._emit(
            EventName.ROUND_SIFTED, time_ps, block=event.round, sifted_bits=event.sifted_bits
        )

    def _on_sampled(self, event: events.RoundSampled, time_ps: int) -> None:
        self._sifted[event.round] -= event.sampled_bits
        self._sampled[event.round] = event.sampled_bits
        self._move(time_ps, event.round, Account.OPEN, Account.SAMPLED, event.sampled_bits)
        self._emit(
            EventName.ROUND_SAMPLED, time_ps, block=event.round, sampled_bits=event.sampled_bits
        )

    def _on_tested(self, event: events.BellTested, time_ps: int) -> None:
        before = self.tests or tuple(test - test for test in event.lanes)
        self.tests = tuple(map(add, before, event.lanes))
        for lane, test in enumerate(event.lanes):
            if test.is_measured:
                name = EventName.BELL_TESTED if test.is_violated else EventName.BELL_FALLEN
                s, sigma = round(test.s, 4), round(test.sigma, 4)
                self._emit(name, time_ps, block=event.round, lane=lane, s=s, sigma=sigma)

    def _disclose(self, time_ps: int, number: int, books: RoundBooks) -> None:
        self._move(time_ps, number, Account.PARITIES, Account.WIRE, books.parity_bits)
        self._move(time_ps, number, Account.VERIFICATION, Account.WIRE, books.verification_bits)
        self._move(time_ps, number, Account.COUNTS, Account.WIRE, books.count_bits)
        self._move(time_ps, number, Account.TESTED, Account.WIRE, books.tested_bits)

    def _on_in_doubt(self, event: events.BlockPrepared | events.BlockHeld, time_ps: int) -> None:
        number, bits = event.round, event.key_bits
        self._open.discard(number)
        self._sampled.pop(number, None)
        sifted_bits = self._sifted.pop(number)
        self._disclose(time_ps, number, event.books)
        self._move(time_ps, number, Account.OPEN, Account.AMPLIFIED, sifted_bits - bits)
        self._move(time_ps, number, Account.OPEN, Account.DOUBT, bits)
        self._in_doubt[number] = bits
        is_held = isinstance(event, events.BlockHeld)
        name = EventName.BLOCK_HELD if is_held else EventName.BLOCK_PREPARED
        self._emit(name, time_ps, block=number, key_bits=bits)

    def _on_usable(self, event: events.BlockUsable, time_ps: int) -> None:
        number = event.round
        del self._in_doubt[number]
        made_bits = event.key_bits + 8 * len(event.reserve)
        self.counts += counts_of(event.books, failed=False) + LinkCounts(deposited_bits=made_bits)
        self._move(time_ps, number, Account.DOUBT, Account.RESERVE, 8 * len(event.reserve))
        self._move(time_ps, number, Account.DOUBT, Account.POOL, event.key_bits)
        self._emit(
            EventName.BLOCK_USABLE,
            time_ps,
            block=number,
            deposited_bits=event.key_bits,
            reserve_bits=8 * len(event.reserve),
            pool_bits=self._ledger.balance(self._link, self._end, Account.POOL),
            qber=event.books.errors / event.books.raw_bits,
            parity_bits=event.books.parity_bits,
            forgery_probability=event.books.forgery_probability,
            epsilon=_epsilon(event.books),
        )

    def lose_open_rounds(self, time_ps: int, open_books: Mapping[int, RoundBooks]) -> None:
        """Book what a crash of this end costs: rounds that were in no durable block yet.

        ``open_books`` are those of the rounds under way as they stood, by round.
        """
        for number in sorted(self._open | self._sifted.keys()):
            books = open_books.get(number, RoundBooks())
            if number not in self._sifted:  # still in its light
                self._move(time_ps, number, Account.LIGHT, Account.OPEN, books.sifted_bits)
                self._sifted[number] = books.sifted_bits
            self._lose(number, books, time_ps)
        self._open.clear()

    def _lose(self, number: int, books: RoundBooks, time_ps: int) -> None:
        left_bits, sampled_bits = self._sifted.pop(number), self._sampled.pop(number, 0)
        correctness, secrecy = self._round_epsilons
        lost = books._replace(
            sifted_bits=left_bits + sampled_bits,
            sampled_bits=sampled_bits,
            correctness_epsilon=correctness,
            secrecy_epsilon=secrecy,
        )
        self._disclose(time_ps, number, lost)
        self._move(time_ps, number, Account.OPEN, Account.FAILED, left_bits)
        self.counts += counts_of(lost, failed=True)
        self._tell_aborted(number, STOPPED, lost, time_ps)

    def _tell_aborted(self, number: int, reason: str, books: RoundBooks, time_ps: int) -> None:
        self.reasons[number] = sys.intern(reason)
        self._emit(
            EventName.ROUND_ABORTED,
            time_ps,
            block=number,
            reason=reason,
            sifted_bits=books.sifted_bits,
            forgery_probability=books.forgery_probability,
            epsilon=_epsilon(books),
        )

    def _on_dropped(self, event: events.BlockDropped, time_ps: int) -> None:
        bits = self._in_doubt.pop(event.round)
        self._move(time_ps, event.round, Account.DOUBT, Account.FAILED, bits)
        self._emit(
            EventName.BLOCK_DROPPED, time_ps, block=event.round, reason=event.reason.name.lower()
        )

    def _on_aborted(self, event: events.RoundAborted, time_ps: int) -> None:
        number, books = event.round, event.books
        self._open.discard(number)
        self._sampled.pop(number, None)
        self.counts += counts_of(books, failed=True)
        if number in self._sifted:
            self._disclose(time_ps, number, books)
            self._move(time_ps, number, Account.OPEN, Account.FAILED, self._sifted.pop(number))
        self._tell_aborted(number, event.reason.name.lower(), books, time_ps)

    def _on_notice(self, event: _Notice, time_ps: int) -> None:
        """Events that move no bits."""
        match event:
            case events.LinkLocked():
                self._on_locked(event, time_ps)
            case events.SyncFailed():
                self._on_sync_failed(event, time_ps)
            case events.RoundStarted():
                self._open.add(event.round)
                self._emit(EventName.ROUND_STARTED, time_ps, block=event.round)
            case events.LockLost() | events.ReportLost() | events.ReserveEmpty():
                self._emit(_OF_A_ROUND[type(event)], time_ps, block=event.round)
            case events.RoundsPaused():
                self._emit(EventName.ROUNDS_PAUSED, time_ps, block=event.round, rounds=event.rounds)
            case events.LaneLost() | events.LaneFound():
                name = _OF_A_LANE[type(event)]
                self._emit(name, time_ps, block=event.round, lane=event.lane)
            case events.Alarm():
                self._on_alarm(event, time_ps)
            case events.LinkClosed():
                self.closed_ps = time_ps
                checked = self._count_check(event.forgery_probability)
                self._emit(EventName.LINK_CLOSED, time_ps, **checked)
            case events.AbortSigned() | events.DecisionsTaken() | events.ClosingVoted():
                pass  # for the store alone
            case _:
                assert_never(event)

    def _on_alarm(self, event: events.Alarm, time_ps: int) -> None:
        """Count it: who floods the wire fills no disk. A wrong tag, which is rare, has its line."""
        self.counts += LinkCounts(alarms=1)
        values = self._count_check(event.forgery_probability)
        if not values:
            self._alarms += 1
            if self._alarms > ALARMS_TOLD:
                if self._alarms & (self._alarms - 1):
                    self._untold += 1
                    return
                values, self._untold = {"untold": self._untold}, 0
        self._emit(EventName.ALARM, time_ps, block=event.round, what=event.what, **values)

    def _on_locked(self, event: events.LinkLocked, time_ps: int) -> None:
        self._emit(
            EventName.LINK_LOCKED,
            time_ps,
            offset_ps=round(event.offset_ps),
            rate_ppm=round(event.rate_ppm, 6),
            significance_sigma=round(event.significance_sigma, 2),
            searched_bins=event.searched_bins,
            lanes=" ".join(map(str, event.lit)),
            is_certain=event.is_certain,
        )

    def _on_sync_failed(self, event: events.SyncFailed, time_ps: int) -> None:
        self._emit(
            EventName.SYNC_FAILED,
            time_ps,
            best_sigma=round(event.best_sigma, 2),
            searched_bins=event.searched_bins,
            reason=event.reason,
        )

    def _count_check(self, forgery_probability: float) -> dict[str, float]:
        """Count the check of a tag outside of any round; what the trace says of it."""
        self.counts += LinkCounts(failure_probability=forgery_probability)
        return {"forgery_probability": forgery_probability} if forgery_probability else {}


def _epsilon(books: RoundBooks) -> float | None:
    """Correctness and secrecy of a block together; None where secrecy has no epsilon."""
    if books.secrecy_epsilon is None:
        return None
    return books.correctness_epsilon + books.secrecy_epsilon
