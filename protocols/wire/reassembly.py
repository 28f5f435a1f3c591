"""Pieces of messages that arrive in any order become whole messages in order.

Memory is bounded whatever arrives: early pieces by the window, the message under way by its length.
"""

from collections import deque
from dataclasses import dataclass, field

from protocols.messages import MAX_MESSAGE_BYTES
from protocols.wire.datagrams import SACK_BITS, SHORT_BYTES, Datagram, Payload

WINDOW = SACK_BITS
"""Datagrams in flight; what arrives further ahead is dropped."""
ACKNOWLEDGE_EVERY = 16
SEQUENCE_LIMIT = 2**32


def is_ahead(sequence: int, other: int) -> bool:
    """Whether ``sequence`` comes after ``other``, as numbers that wrap around."""
    return 0 < (sequence - other) % SEQUENCE_LIMIT < SEQUENCE_LIMIT // 2


@dataclass(slots=True)
class Incoming:
    """The stream of one life of the peer.

    Attributes
    ----------
    messages : deque of bytes
        Where whole messages go.
    """

    messages: deque[bytes]
    epoch: int = 0
    """0: nothing is known of the peer yet."""
    next_sequence: int = 0
    early: dict[int, tuple[Payload, bool]] = field(default_factory=dict)
    pieces: list[Payload | bytearray] = field(default_factory=list)
    """What has come of the message under way: its memory is about its length, short ones joined."""
    message_bytes: int = 0
    """Length of that."""
    is_skipping: bool = False
    """Inside a message that is too long, or whose beginning was missed: dropped at its end."""
    unacknowledged: int = 0
    latest_turn: int = 0
    """Of the data that came last."""

    @property
    def received(self) -> int:
        """Which datagrams after the next one are here: bit 0 for the first of them."""
        mask = 0
        for early in self.early:
            mask |= 1 << ((early - self.next_sequence - 1) % SEQUENCE_LIMIT)
        return mask

    def is_new(self, datagram: Datagram) -> bool:
        """Whether this end has use for the data: it has not come before, nor from too far ahead."""
        ahead = (datagram.sequence - self.next_sequence) % SEQUENCE_LIMIT
        return ahead < WINDOW and datagram.sequence not in self.early

    def take(self, datagram: Datagram, payload: Payload) -> bool:
        """Take in data, whose header is ``datagram``; whether to acknowledge it at once."""
        ahead = (datagram.sequence - self.next_sequence) % SEQUENCE_LIMIT
        self.unacknowledged += 1
        self.latest_turn = datagram.turn
        if ahead:
            if ahead < WINDOW:
                self.early.setdefault(datagram.sequence, (payload, datagram.ends_message))
            return True
        ends_message = datagram.ends_message
        self._append(payload, ends_message=ends_message)
        if self.early:  # the sender waits to hear of a gap filled: RFC 5681, section 4.2
            self._append_early()
            return True
        return ends_message or self.unacknowledged >= ACKNOWLEDGE_EVERY

    def skip_to(self, base: int, *, starts_message: bool) -> bool:
        """Go on from a later place; early pieces from there on are good. Whether it is later."""
        if not is_ahead(base, self.next_sequence):
            return False
        self.next_sequence = base
        self._forget_message()
        self.is_skipping = not starts_message
        self.early = {
            sequence: piece
            for sequence, piece in self.early.items()
            if (sequence - base) % SEQUENCE_LIMIT < WINDOW
        }
        self._append_early()
        return True

    def _append_early(self) -> None:
        while (piece := self.early.pop(self.next_sequence, None)) is not None:
            self._append(piece[0], ends_message=piece[1])

    def _append(self, payload: Payload, *, ends_message: bool) -> None:
        self.next_sequence = (self.next_sequence + 1) % SEQUENCE_LIMIT
        if self.message_bytes + len(payload) > MAX_MESSAGE_BYTES:
            self._forget_message()
            self.is_skipping = True
        if not ends_message:
            if not self.is_skipping:
                self._keep(payload)
            return
        if not self.is_skipping:  # most are of one piece
            self.messages.append(b"".join((*self.pieces, payload)))
        if self.pieces:
            self._forget_message()
        self.is_skipping = False

    def _keep(self, payload: Payload) -> None:
        """Add a piece to the message under way."""
        self.message_bytes += len(payload)
        if len(payload) > SHORT_BYTES // 2:
            self.pieces.append(payload)
        elif self.pieces and isinstance(self.pieces[-1], bytearray):
            self.pieces[-1] += payload
        else:
            self.pieces.append(bytearray(payload))

    def _forget_message(self) -> None:
        self.pieces.clear()
        self.message_bytes = 0
