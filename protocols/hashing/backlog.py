"""Messages that wait to be hashed, many at a time.

A hash function that nobody has called for a while takes several times as long to call as a short
message takes to hash. Digests are asked for once a round, so messages can wait until then.
"""

LENGTH_BYTES = 4
MAX_WAITING_BYTES = 1 << 16
"""So much waits at most; a longer message is hashed at once."""


class Backlog:
    """A stream of messages on its way into a hash function.

    Each message is preceded by its length (4 bytes, big-endian), so that no two streams have the
    same bytes.

    Attributes
    ----------
    messages : int
        How many there have been.
    length_bytes : int
        Their bytes, lengths included.
    """

    def __init__(self) -> None:
        self.messages = self.length_bytes = 0
        self._hashed_bytes = 0
        self._most_waiting_bytes = MAX_WAITING_BYTES
        self._waiting: list[bytes] = []

    def absorb(self, message: bytes) -> None:
        """Append a message of less than 2^32 bytes."""
        self._waiting.append(message)
        self.messages += 1
        self.length_bytes += LENGTH_BYTES + len(message)
        if self.length_bytes - self._hashed_bytes > self._most_waiting_bytes:
            self.catch_up()

    def catch_up(self) -> None:
        """Hash what waits."""
        if self._waiting:
            self._hash(self._waiting)
            self._forget_waiting()

    def _forget_waiting(self) -> None:
        """What waits is hashed."""
        self._waiting.clear()
        self._hashed_bytes = self.length_bytes

    def close(self) -> None:
        """Hash what waits; whatever still comes is hashed at once."""
        self._most_waiting_bytes = 0
        self.catch_up()

    def _hash(self, messages: list[bytes]) -> None:
        """Take in the next messages, at least one."""
        raise NotImplementedError


def length_of(message: bytes) -> bytes:
    """What precedes a message."""
    return len(message).to_bytes(LENGTH_BYTES, "big")


def framed(messages: list[bytes]) -> bytes:
    """Messages one after the other, each behind its length."""
    parts: list[bytes] = []
    for message in messages:
        parts += (length_of(message), message)
    return b"".join(parts)
