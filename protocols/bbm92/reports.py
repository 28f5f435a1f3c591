"""Reports on rounds that were given up: whether the wire has damaged them.

Votes compare the transcripts of rounds that get so far. A round that ends before has no vote, so
damage on the wire would look like bad light: bits that verification finds unequal, or a correction
that leaks too much. So each end that drops a round reports how many messages of the peer it has
taken in, and a digest of them, and the peer compares that with what it has sent: alarm if they
differ, none if the light was to blame.

The report is authentic by HMAC-SHA-256 [1]_ under a secret of its own. That is computational
security, unlike the Wegman-Carter tags of votes and decisions, and costs no pad: whoever breaks it
can hide that he has spoilt rounds, and nothing more. No key rests on it.

Both ends report, in the order of all that they send, so a report that was suppressed is missed as
soon as something signed proves that the peer has sent it. What ends with the connection (a process
that came back, or somebody who plays that) is not reported: its reason says so.

References
----------
.. [1] RFC 2104 and RFC 6234.
"""

import hmac
import struct
from dataclasses import dataclass, field
from hashlib import sha256

from protocols.authentication import LENGTH_BYTES
from protocols.bbm92.config import LinkConfig
from protocols.messages import Abort, AbortReason, Role

DIGEST_BYTES = 32
KEPT_ROUNDS = 16
"""Reports on older rounds are not compared; more than an end ever has open."""


class Stream:
    """Digests of all beginnings of a stream of messages, the empty one included.

    Attributes
    ----------
    messages : int
        How many there have been.
    """

    def __init__(self) -> None:
        self.messages = 0
        self._hasher = sha256()
        self._digests = bytearray(self._hasher.digest())

    def absorb(self, message: bytes) -> None:
        """Append a message of less than 2^32 bytes (OverflowError otherwise)."""
        self._hasher.update(len(message).to_bytes(LENGTH_BYTES, "big"))
        self._hasher.update(message)
        self._digests += self._hasher.digest()
        self.messages += 1

    def digest(self, messages: int) -> bytes:
        """Of the first so many messages, 32 bytes; b"" if there have not been that many."""
        if not 0 <= messages <= self.messages:
            return b""
        return bytes(self._digests[messages * DIGEST_BYTES : (messages + 1) * DIGEST_BYTES])


@dataclass(slots=True)
class _Streams:
    sent: Stream = field(default_factory=Stream)
    taken: Stream = field(default_factory=Stream)


class Reporter:
    """Remembers what was sent and taken in of the latest rounds; makes and judges reports.

    Parameters
    ----------
    config : LinkConfig
        The same at both ends.
    key : bytes
        16 bytes: the secret of the reports.
    role : Role
        Which end this is.
    """

    def __init__(self, config: LinkConfig, key: bytes, role: Role) -> None:
        self._config_digest = config.digest()
        self._key = key
        self._role = role
        self._rounds: dict[int, _Streams] = {}
        self._awaited: set[int] = set()
        """Rounds that this end has dropped and the peer has not reported yet."""

    def begin(self, number: int) -> None:
        """A round has begun (again); the oldest is forgotten."""
        self._rounds.pop(number, None)
        self._rounds[number] = _Streams()
        if len(self._rounds) > KEPT_ROUNDS:
            del self._rounds[next(iter(self._rounds))]

    def note_sent(self, number: int, message: bytes) -> None:
        """A message of the round's transcript has been sent."""
        if (streams := self._rounds.get(number)) is not None:
            streams.sent.absorb(message)

    def note_taken(self, number: int, message: bytes) -> None:
        """A message of the round's transcript has been taken in."""
        if (streams := self._rounds.get(number)) is not None:
            streams.taken.absorb(message)

    def report(self, number: int, reason: AbortReason) -> Abort:
        """What to send when this end drops the round; the peer's own report is to come."""
        taken = self._rounds[number].taken if number in self._rounds else Stream()
        if taken.messages:  # else the peer need not know of the round
            self._awaited.add(number)
        digest = taken.digest(taken.messages)
        mac = self._mac(self._role, number, int(reason), taken.messages, digest)
        return Abort(int(reason), taken.messages, digest, mac)

    def note_reported(self, number: int) -> None:
        """The peer has reported the round, or need not do so."""
        self._awaited.discard(number)

    def forget_awaited(self) -> None:
        """The connection was lost, and with it what the peer may have sent."""
        self._awaited.clear()

    def missing(self, stop: int) -> list[int]:
        """Rounds before ``stop`` whose reports should have come by now; each is told once."""
        missing = sorted(number for number in self._awaited if number < stop)
        self._awaited.difference_update(missing)
        return missing

    def judge(self, number: int, report: Abort) -> str | None:
        """What a report of the peer says of the wire; None if nothing is wrong, or not known."""
        mac = self._mac(self._role.peer, number, report.reason, report.taken, report.digest)
        if not hmac.compare_digest(mac, report.mac):
            return "an abort that the peer has not sent"
        self.note_reported(number)
        streams = self._rounds.get(number)
        if streams is None or streams.sent.digest(report.taken) == report.digest:
            return None
        return "the peer has given up a round whose messages were changed on the way"

    def _mac(self, role: Role, number: int, reason: int, taken: int, digest: bytes) -> bytes:
        head = struct.pack(">Bqqq", role, number, reason, taken)
        return hmac.digest(self._key, self._config_digest + head + digest, sha256)
