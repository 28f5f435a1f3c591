"""What a passive reader makes of one direction of a link: streams, messages, rounds.

Everything here is public: headers, message bodies, sequence numbers. It needs no secret.
"""

from collections import defaultdict, deque
from dataclasses import dataclass

from protocols.codec import decode, encode
from protocols.errors import MalformedMessageError
from protocols.messages import Envelope, Message
from protocols.wire.datagrams import Datagram, Kind, decode_datagram, encode_datagram

SEQUENCE_LIMIT = 2**32
MAX_DATAGRAMS = 1024
MAX_PIECES = 4096
MAX_PER_TYPE = 16


@dataclass(frozen=True, slots=True)
class Sighting:
    """A datagram as the reader understands it.

    Attributes
    ----------
    datagram : Datagram
        Its header and payload.
    starts_message : bool
        Whether a message begins with its payload.
    envelope : Envelope, optional
        The message that it is a part of, where all of that has been seen.
    """

    datagram: Datagram
    starts_message: bool
    envelope: Envelope | None

    @property
    def is_whole_message(self) -> bool:
        """Whether it carries one whole message by itself."""
        return self.starts_message and self.datagram.ends_message and self.envelope is not None


class StreamView:
    """Reads one direction.

    Attributes
    ----------
    datagrams : deque of bytes
        The last thousand datagrams.
    messages : dict
        The last few messages by type of their body.
    last_data : Datagram or None
        Header of the newest data: epochs and acknowledgements that are in force.
    round : int
        Round of the newest message, -1 before the first.
    latest : Sighting or None
        What was read last; None if it carried no data.
    """

    def __init__(self) -> None:
        self.datagrams: deque[bytes] = deque(maxlen=MAX_DATAGRAMS)
        self.messages: defaultdict[type[Message], deque[Envelope]] = defaultdict(_few)
        self.last_data: Datagram | None = None
        self.round = -1
        self.latest: Sighting | None = None
        self._pieces: dict[int, tuple[bytes, bool]] = {}
        self._next_sequence = 0

    @property
    def next_sequence(self) -> int:
        """Sequence number that the sender will use for its next new datagram."""
        return self._next_sequence

    def read(self, data: bytes) -> None:
        """Take in a datagram that passes."""
        self.datagrams.append(data)
        self.latest = None
        try:
            datagram = decode_datagram(data)
        except MalformedMessageError:
            return
        if datagram.kind is Kind.DATA:
            self._read_data(datagram)

    def _read_data(self, datagram: Datagram) -> None:
        is_new = self._add(datagram)
        envelope = self._message(datagram.sequence)
        if envelope is not None and is_new:
            self.messages[type(envelope.body)].append(envelope)
            self.round = envelope.round
        self.latest = Sighting(datagram, self._starts_message(datagram.sequence), envelope)

    def forged(self, payload: bytes, *, sequence: int | None = None) -> bytes | None:
        """A datagram of this stream with a whole message of one's own as payload.

        Parameters
        ----------
        payload : bytes
            Whatever the receiver shall take for a message.
        sequence : int, optional
            Its place in the stream; that of the sender's next datagram if absent.

        Returns
        -------
        bytes or None
            With sound header and checksum; None while the stream is not known yet.
        """
        if self.last_data is None:
            return None
        place = self._next_sequence if sequence is None else sequence
        header = self.last_data._replace(sequence=place, ends_message=True, payload=payload)
        return encode_datagram(header)

    def _add(self, datagram: Datagram) -> bool:
        if self.last_data is None or self.last_data.epoch != datagram.epoch:
            self._pieces.clear()
            self._next_sequence = 0
        self.last_data = datagram._replace(payload=b"")
        ahead = (datagram.sequence - self._next_sequence) % SEQUENCE_LIMIT
        if ahead < SEQUENCE_LIMIT // 2:
            self._next_sequence = (datagram.sequence + 1) % SEQUENCE_LIMIT
        is_new = datagram.sequence not in self._pieces
        self._pieces[datagram.sequence] = (datagram.payload, datagram.ends_message)
        while len(self._pieces) > MAX_PIECES:
            del self._pieces[next(iter(self._pieces))]
        return is_new

    def _starts_message(self, sequence: int) -> bool:
        before = self._pieces.get((sequence - 1) % SEQUENCE_LIMIT)
        return sequence == 0 or (before is not None and before[1])

    def _message(self, sequence: int) -> Envelope | None:
        """The whole message that the piece belongs to, if every piece of it has been seen."""
        start = sequence
        while not self._starts_message(start):
            start = (start - 1) % SEQUENCE_LIMIT
            if start not in self._pieces:
                return None
        parts: list[bytes] = []
        while (piece := self._pieces.get(start)) is not None:
            parts.append(piece[0])
            if piece[1]:
                return readable(b"".join(parts))
            start = (start + 1) % SEQUENCE_LIMIT
        return None


def _few() -> deque[Envelope]:
    return deque(maxlen=MAX_PER_TYPE)


def readable(message: bytes) -> Envelope | None:
    """The decoded ``message``; None if it is none."""
    try:
        return decode(message)
    except MalformedMessageError:
        return None


def with_body(envelope: Envelope, body: Message) -> bytes:
    """The message with another body: same link, sender, round and number."""
    return encode(envelope._replace(body=body))
