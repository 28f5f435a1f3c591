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
"""One pad for the vote and one for the decision of each round with key."""


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
        self._next_pad = 0
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
        """Whether round ``number`` begins: not without pads, the newest of which are not for it."""
        if self._has_stopped:
            return False
        if not self._has_pads(1):
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
        else:
            self._settle(number, drawn, time_ps)

    def close(self, time_ps: int) -> None:
        """The link closes, with pads of its own."""
        if not self._has_pads(0):
            return
        pad = self._next_pad
        self._spend(time_ps)
        self._tell(events.LinkClosed(pad, b""), time_ps)

    def _settle(self, number: int, drawn: DrawnRound, time_ps: int) -> None:
        books, key_bits = drawn.books, drawn.books.key_bits
        pad = self._next_pad
        held = events.BlockHeld(number, pad, b"", key_bits, b"", books)
        prepared = events.BlockPrepared(number, pad, b"", key_bits, b"", b"", books)
        self._tell_each((held, prepared), time_ps)
        reserve_bits = self._refill(key_bits)
        # Of the reserve only the size is looked at; there is no key.
        usable = events.BlockUsable(
            number, b"", key_bits - reserve_bits, bytes(reserve_bits // 8), books
        )
        self._tell(usable, time_ps)
        self._spend(time_ps)

    def _refill(self, key_bits: int) -> int:
        """Bits of a settled block that become pads, as in `protocols.pads.PadReserve.refill`."""
        wanted = self._next_pad + 1 + self._pads_ahead - self._provisioned
        rounds = max(0, min(wanted, key_bits // ROUND_PADS_BITS)) if self._uses_pads else 0
        self._provisioned += rounds
        return rounds * ROUND_PADS_BITS

    def _has_pads(self, newer: int) -> bool:
        """Whether there are pads, and so many newer ones."""
        return not self._uses_pads or self._next_pad + newer < self._provisioned

    def _spend(self, time_ps: int) -> None:
        if self._uses_pads:
            self._next_pad += 1
            self._tell(events.PadsSpent(self._next_pad, ROUND_PADS_BITS), time_ps)

    def _tell(self, event: events.Event, time_ps: int) -> None:
        self._tell_each(repeat(event, len(self.books)), time_ps)

    def _tell_each(
        self, told: "Sequence[events.Event] | repeat[events.Event]", time_ps: int
    ) -> None:
        for books, event in zip(self.books, told, strict=False):
            books.record((event,), time_ps)
