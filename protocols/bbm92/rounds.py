"""What both ends keep of a round.

A round, message by message, with the states of both ends::

    announcer                                               responder
    LIGHT         Announce ->                               LIGHT
                              <- Matches
                  Keep ->
    SAMPLING      Sample ->                                 SAMPLING  (if one is taken)
                              <- SampleReply
    SIFTED                    <- ReconciliationSetup        QUEUED
    RECONCILING               <- ParityQuery                RECONCILING
                  ParityReply ->
                              <- Reconciled
    VERIFYING     VerificationHash ->                       VERIFYING
                              <- VerificationResult
                  Amplify ->                                AMPLIFYING
    VOTING        Seal ->                                   SEALING
                              <- Vote                       PREPARED
    (block held)  Decision ->                               (block usable)
    (block usable)            <- Settled

Up to Amplify the rounds do it themselves (`announcer_round`, `responder_round`); what follows is
for the sessions that own them (`announcer`, `responder`); the moves of all four are tables
(`states`). Either end may drop a round before it has voted or decided, and sends an Abort then
(`reports`).

A round's transcript is every message up to the final seed, in order, once, per direction; what
follows stands outside. Votes and decisions may be repeated and are signed with pads, whose index
they name (`protocols.pads`); seals, aborts and acknowledgements have a MAC (`macs`).
"""

import struct
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.bbm92.states import Cause, Machine
from protocols.bbm92.streams import NO_KEY, Stream
from protocols.bits import unpack_bits
from protocols.books import RoundBooks
from protocols.compiled import kernel
from protocols.errors import RemoteProtocolError
from protocols.events import Event, RoundSifted
from protocols.hashing.authentication import Transcript, forgery_probability
from protocols.keylength.balance import Balance
from protocols.keylength.keyrate import LaneCounts
from protocols.link import PS_PER_S, LinkConfig, LinkSecrets
from protocols.messages import AbortReason, Message
from protocols.tagbook import TagBook
from protocols.variants import round_epsilons

Bits = NDArray[np.uint8]
BASES = 2
DETECTED_PS = PS_PER_S // 10
"""So long after a click all its partners are detected: clocks and fibres of a network's users
differ by less."""


@kernel
def kept(values: Bits, keep: NDArray[np.bool_]) -> Bits:
    """Those of (N,) ``values`` that are marked; many times as fast as an index of N coin tosses."""
    out = np.empty(values.size, dtype=np.uint8)
    count = 0
    for k in range(values.size):
        out[count] = values[k]
        count += keep[k]
    return out[:count].copy()


@kernel
def put_kept(  # noqa: PLR0917 (compiled kernels take arrays, and numba passes them by place)
    lanes: Bits, bases: Bits, bits: Bits, keep: NDArray[np.bool_], row: Bits, start: int
) -> int:
    """Write those that are marked to ``row``, packed, from ``start`` on; where they stop.

    As many places as there are marks must be left.
    """
    stop = start
    for k in range(keep.size):
        row[stop] = lanes[k] << 2 | bases[k] << 1 | bits[k]
        stop += keep[k]
    return stop


class SiftedBits:
    """Bits of a round as sifting delivers them, in the same order at both ends.

    Attributes
    ----------
    size : int
        How many there are.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes_count = lanes
        self._row = np.empty(0, dtype=np.uint8)
        """``lane << 2 | basis << 1 | bit`` of each (a link has `MAX_LANES` at most), and room."""
        self.size = 0

    def add(self, lanes: Bits, bases: Bits, bits: Bits, keep: NDArray[np.bool_]) -> None:
        """Append those that are marked of (N,) uint8 lanes, bases (0 = Z, 1 = X) and bits."""
        most = self.size + keep.size
        if most > self._row.size:
            row = np.empty(1 << (most - 1).bit_length(), dtype=np.uint8)
            row[: self.size] = self._packed
            self._row = row
        self.size = put_kept(lanes, bases, bits, keep, self._row, self.size)

    def remove(self, mask: Bits) -> tuple[Bits, Bits]:
        """Take out the bits marked in ``mask`` ((size,) uint8); their lanes and the bits."""
        is_taken = mask.astype(np.bool_)
        taken = kept(self._packed, is_taken)
        self._row = kept(self._packed, ~is_taken)
        self.size = self._row.size
        return taken >> np.uint8(2), taken & np.uint8(1)

    def sub_blocks(self) -> list[tuple[Bits, Bits]]:
        """(bases, bits) of each lane."""
        packed, one = self._packed, np.uint8(1)
        blocks = [packed]
        if self._lanes_count > 1:
            lanes = packed >> np.uint8(2)
            blocks = [kept(packed, lanes == lane) for lane in range(self._lanes_count)]
        return [(block >> one & one, block & one) for block in blocks]

    @property
    def _packed(self) -> Bits:
        return self._row[: self.size]


def received_bits(packed: bytes, size_bits: int) -> Bits:
    """(size_bits,) uint8 bits from a message; RemoteProtocolError if they are not that many."""
    try:
        return unpack_bits(packed, size_bits)
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from error


def lane_counts(blocks: list[tuple[Bits, Bits]], errors: tuple[int, ...]) -> tuple[LaneCounts, ...]:
    """Bits (from ``blocks``) and errors (Z, X of lane 0, of lane 1, ...) per lane and basis.

    RemoteProtocolError for more errors than bits.
    """
    try:
        sizes = [sizes_by_basis(bases) for bases, _ in blocks]
        return tuple(
            LaneCounts(
                z_bits=in_z,
                z_errors=errors[BASES * k],
                x_bits=in_x,
                x_errors=errors[BASES * k + 1],
            )
            for k, (in_z, in_x) in enumerate(sizes)
        )
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from error


def sizes_by_basis(bases: Bits) -> tuple[int, int]:
    """How many of (N,) ``bases`` are Z, and how many X."""
    in_x = int(np.count_nonzero(bases))
    return bases.size - in_x, in_x


def ones_by_basis(bases: Bits, bits: Bits) -> tuple[int, int]:
    """How many of (N,) ``bits`` are 1 in Z, and how many in X."""
    in_x = int(np.count_nonzero(bits & bases))
    return int(np.count_nonzero(bits)) - in_x, in_x


def balances(blocks: list[tuple[Bits, Bits]]) -> list[Balance]:
    """Zeros and ones of each lane and basis; ``blocks`` are bases and corrected bits of lanes."""
    return [
        Balance(size, ones)
        for bases, bits in blocks
        for size, ones in zip(sizes_by_basis(bases), ones_by_basis(bases, bits), strict=True)
    ]


class RoundDropped(Exception):  # noqa: N818 - control flow between a round and its session
    """The round ends without key.

    The peer is told even where it should find the same by itself: damage on the wire may have left
    it with other counts, and it would wait until the round times out.
    """

    def __init__(self, reason: AbortReason) -> None:
        super().__init__(reason)
        self.reason = reason


Steps = Iterator[Message | Event]
"""What a round makes of something: messages for the peer and events for the owner, in order.

Each message has been sent, and is part of the transcript, before the line behind its yield runs.
"""


class Claims:
    """Own clicks that a round has claimed in its light, and may give back.

    A basis is public once its match is answered. A click is given back only if its partner has been
    detected by then, wherever it is: a source that holds a photon back must not learn its basis.
    """

    def __init__(self, book: TagBook, tick_ps: int) -> None:
        self._book = book
        self._detected_ticks = DETECTED_PS // tick_ps
        self._ids: deque[NDArray[np.int64]] = deque()

    def add(self, ids: NDArray[np.int64]) -> None:
        """Clicks ((N,) int64) that belong to the round from now on, their bases public.

        In the order of their partners: numbers ascend with time, but lanes have delays.
        """
        stop_id = self._book.id_from(self._book.stop_ticks - self._detected_ticks)
        returnable = ids[ids < stop_id]
        if returnable.size:
            self._ids.append(returnable)
        while self._ids and not self._book.holds(int(self._ids[0][-1])):
            self._ids.popleft()  # the book has forgotten them, and takes none back

    def give_back(self) -> None:
        """The round ends, and nothing has been said about its bits."""
        for ids in self._ids:
            self._book.give_back(ids)
        self.keep()

    def keep(self) -> None:
        """Something may have been said about the bits: the clicks stay the round's."""
        self._ids.clear()


class RoundCore:
    """The part of a round that announcer and responder keep alike.

    Parameters
    ----------
    number : int
        Of the round.
    config : LinkConfig
        Of its link.
    secrets : LinkSecrets
        For the transcripts.
    now_ps : int
        Own clock.
    """

    MOVES: ClassVar[Machine[Any]]
    """The states of this end's rounds."""
    state: Enum
    claims: Claims

    def __init__(self, number: int, config: LinkConfig, secrets: LinkSecrets, now_ps: int) -> None:
        self.number = number
        self.config = config
        announcer_r, responder_r = secrets.transcript_rs
        self.transcripts = (Transcript(announcer_r), Transcript(responder_r))
        """Of the announcer's and of the responder's messages."""
        self.streams: tuple[Stream, Stream] = (Stream(NO_KEY), Stream(NO_KEY))
        """What fills them, as `protocols.bbm92.reports` has begun it; of a block in doubt, none."""
        self.sifted = SiftedBits(config.lanes)
        self.sequences = [0, 0]
        """Next sequence number of the announcer and of the responder."""
        correctness, secrecy = round_epsilons(config.profile)
        self.books = RoundBooks(correctness_epsilon=correctness, secrecy_epsilon=secrecy)
        self.leak_limit_bits = 0
        """As many parities may be disclosed, see `protocols.bbm92.distillation`."""
        self.active_ps = now_ps
        """Own clock at the last message; the round's time-out counts from here."""
        self.digests = b""
        """Of both finished transcripts."""
        self.key: Bits = np.empty(0, dtype=np.uint8)
        """Empty until both ends can make it."""

    def take(self, body: Message) -> Steps:
        """Act on a message in sequence.

        Raises
        ------
        RemoteProtocolError
            The state of the round does not allow the message, or what it says is impossible.
        RoundDropped
            The round ends here, after the steps that came before.
        """
        kind = type(body)
        if not self.MOVES.allows(self.state, kind):
            raise RemoteProtocolError(f"{kind.__name__} in state {self.state.name}")
        return self._act_on(body)

    def _act_on(self, body: Message) -> Steps:
        """Act on a message that the state allows."""
        raise NotImplementedError

    def _move(self, cause: Cause | type[Message], state: Enum) -> None:
        self.state = self.MOVES.move(self.state, cause, state)

    @property
    def books(self) -> RoundBooks:
        """Counts so far; the two that every round trip changes are kept apart from the others."""
        return self._books._replace(parity_bits=self.parity_bits, round_trips=self.round_trips)

    @books.setter
    def books(self, books: RoundBooks) -> None:
        self._books = books
        self.parity_bits, self.round_trips = books.parity_bits, books.round_trips

    def book(self, **changes: object) -> None:
        """Replace counts in the books."""
        self.books = self.books._replace(**changes)  # type: ignore[arg-type]  # names checked at run time

    def book_sifted(self) -> RoundSifted:
        """Sifting of the round has ended: its bits are fixed."""
        self.book(sifted_bits=self.sifted.size)
        return RoundSifted(self.number, self.sifted.size)

    def count_round_trip(self) -> None:
        """The announcer has answered, or has been heard: the responder's round was waiting."""
        self.round_trips += 1

    def count_parities(self, parity_bits: int) -> None:
        """The announcer has answered with parities: so many are disclosed by now.

        RoundDropped if that is too much for any key, whatever correction still finds.
        """
        self.round_trips += 1
        self.parity_bits = parity_bits
        if parity_bits > self.leak_limit_bits:
            raise RoundDropped(AbortReason.LEAK_TOO_HIGH)

    def finish_transcripts(self) -> None:
        """Close both transcripts: what is tagged can no longer change."""
        length_bytes = [stream.length_bytes for stream in self.streams]
        bound = sum(forgery_probability(length) for length in length_bytes)
        self.book(forgery_probability=self.books.forgery_probability + bound)
        self.digests = b"".join(
            struct.pack(">Q", length) + stream.finish_transcript()
            for length, stream in zip(length_bytes, self.streams, strict=True)
        )
