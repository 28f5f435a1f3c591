"""Both ends of a link at the rate level: what they would tell of each round, to the same books."""

from collections.abc import Sequence
from itertools import repeat

from netsim.kernel.trace import Trace
from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.ledger import Ledger
from netsim.pools.levels import StockLevels
from netsim.simulation.rate.rounds import DrawnRound
from protocols import events
from protocols.link import LinkConfig
from protocols.messages import TAG_BYTES, Role
from protocols.variants import round_epsilons

ROUND_PADS_BITS = 8 * TAG_BYTES * len(Role)
"""One pad for the vote and one for the decision of each round."""


class LinkEnds:
    """The books of a link, announcer's first; pads are counted, not kept.

    A round is settled as its light ends: there is nobody to wait for.

    Parameters
    ----------
    config : LinkConfig
    ledger, trace : Ledger, Trace

    Attributes
    ----------
    books : tuple of Bookkeeper
    """

    def __init__(self, config: LinkConfig, *, ledger: Ledger, trace: Trace) -> None:
        self._pads_ahead = self._provisioned = config.initial_pads
        self._uses_pads = bool(config.initial_pads)
        self._has_stopped = False
        self._spoilt = 0
        """Rounds in a row without key."""
        self._paused_rounds = 0
        announcer, responder = (
            Bookkeeper(
                config.link,
                end,
                ledger=ledger,
                trace=trace,
                store=StockLevels(),
                pads=bytes(ROUND_PADS_BITS // 8 * config.initial_pads),
                round_epsilons=round_epsilons(config.profile),
            )
            for end in (config.announcer, config.responder)
        )
        self.books = announcer, responder

    def begin(self, number: int, time_ps: int) -> bool:
        """Whether round ``number`` begins: not in a pause, and not without pads."""
        if self._paused_rounds or self._has_stopped:
            self._paused_rounds = max(0, self._paused_rounds - 1)
            return False
        if not self._has_pads(number):
            self._has_stopped = True
            self._tell(events.ReserveEmpty(number), time_ps)
            return False
        self._tell(events.RoundStarted(number), time_ps)
        return True

    def end(self, number: int, drawn: DrawnRound, time_ps: int) -> None:
        """The light of round ``number`` is over."""
        books = drawn.books
        self._tell(events.RoundSifted(number, books.sifted_bits), time_ps)
        if books.sampled_bits:
            self._tell(events.RoundSampled(number, books.sampled_bits), time_ps)
        if drawn.reason is not None:
            self._tell(events.RoundAborted(number, drawn.reason, books), time_ps)
            self._count_spoilt(number, time_ps)
        else:
            self._spoilt = 0
            self._settle(number, drawn, time_ps)
        self._spend(number, time_ps)

    def _count_spoilt(self, number: int, time_ps: int) -> None:
        """Pause behind half of the reserve, as `protocols.bbm92.announcer` does."""
        self._spoilt += 1
        beyond = self._spoilt - self._pads_ahead // 2
        if self._uses_pads and beyond > 0:
            self._paused_rounds = 2 ** (beyond - 1)
            announcer, _ = self.books
            announcer.record((events.RoundsPaused(number, self._paused_rounds),), time_ps)

    def close(self, number: int, time_ps: int) -> None:
        """The link closes, with the pads of round ``number``."""
        if self._has_stopped or not self._has_pads(number):
            return
        self._spend(number, time_ps)
        self._tell(events.LinkClosed(number, b""), time_ps)

    def _settle(self, number: int, drawn: DrawnRound, time_ps: int) -> None:
        books, key_bits = drawn.books, drawn.books.key_bits
        held = events.BlockHeld(number, b"", key_bits, b"", books)
        prepared = events.BlockPrepared(number, b"", key_bits, b"", b"", books)
        self._tell_each((held, prepared), time_ps)
        reserve_bits = self._refill(number, key_bits)
        # Of the reserve only the size is looked at; there is no key.
        usable = events.BlockUsable(
            number, b"", key_bits - reserve_bits, bytes(reserve_bits // 8), books
        )
        self._tell(usable, time_ps)

    def _refill(self, number: int, key_bits: int) -> int:
        """Bits of a settled block that become pads, as in `protocols.pads.PadReserve.refill`."""
        wanted = number + 1 + self._pads_ahead - self._provisioned
        rounds = max(0, min(wanted, key_bits // ROUND_PADS_BITS)) if self._uses_pads else 0
        self._provisioned += rounds
        return rounds * ROUND_PADS_BITS

    def _has_pads(self, number: int) -> bool:
        return not self._uses_pads or number < self._provisioned

    def _spend(self, number: int, time_ps: int) -> None:
        if self._uses_pads:
            spent = events.PadsSpent(number + 1, ROUND_PADS_BITS, number)
            self._tell(spent, time_ps)

    def _tell(self, event: events.Event, time_ps: int) -> None:
        self._tell_each(repeat(event, len(self.books)), time_ps)

    def _tell_each(
        self, told: "Sequence[events.Event] | repeat[events.Event]", time_ps: int
    ) -> None:
        for books, event in zip(self.books, told, strict=False):
            books.record((event,), time_ps)
