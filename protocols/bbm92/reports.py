"""Reports on rounds that were given up: whether the wire has damaged them.

Votes compare the transcripts of rounds that get so far. A round that ends before has no vote, so
damage on the wire would look like bad light: bits that verification finds unequal, or a correction
that leaks too much. So each end that drops a round reports how many messages it has sent in it, how
many of the peer's have arrived, and a digest of either; the peer compares that with what it knows:
alarm if they differ, none if the light was to blame. Messages and reports come in the order in
which they were sent, so nothing that the peer has sent in the round is still on its way.

Both ends report, so a report that was suppressed is missed as soon as a commit or the closing
proves that the peer must have sent it. What a lost connection takes along (a process that came back
from a crash, or somebody who plays that) is not missed, but told.

The same counts and digests seal a round whose transcripts are complete: the announcer says what it
has sent and got, and a responder that knows better votes for nothing.

Reports and seals are authentic by `protocols.bbm92.macs`, which is computational and costs no pad.
"""

import struct
from dataclasses import dataclass, field, replace
from hashlib import sha256

from protocols.bbm92.macs import Macs
from protocols.hashing.backlog import Backlog, framed
from protocols.link import LinkConfig
from protocols.messages import Abort, AbortReason, Role, Seal

DIGEST_BYTES = 32
KEPT_ROUNDS = 16
"""Rounds that have ended and are remembered, for reports that come late or again."""
MAX_AWAITED = 1024
"""Rounds that have ended without a report of the peer, and are remembered until it is due."""


class Stream(Backlog):
    """Count and digest of a stream of messages."""

    def __init__(self) -> None:
        super().__init__()
        self._hasher = sha256()

    def _hash(self, messages: list[bytes]) -> None:
        self._hasher.update(framed(messages))

    @property
    def digest(self) -> bytes:
        """Of all of them, 32 bytes."""
        self.catch_up()
        return self._hasher.digest()


class OwnStream(Stream):
    """The same with the digests of all beginnings: of what this end itself has sent.

    They are made when one of them is asked for, or when the messages cannot wait any longer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._digests = bytearray(super().digest)
        self._is_settled = False

    def _hash(self, messages: list[bytes]) -> None:
        if self._is_settled:
            super()._hash(messages)
            return
        for message in messages:
            super()._hash([message])
            self._digests += self._hasher.digest()

    @property
    def digest(self) -> bytes:
        """Of all of them, 32 bytes; what waits goes on waiting."""
        hasher = self._hasher.copy()
        hasher.update(framed(self._waiting))
        return hasher.digest()

    def settle(self) -> None:
        """Nobody will ask for a beginning any more that has no digest yet."""
        self._is_settled = True
        self.close()

    def digest_of(self, messages: int) -> bytes:
        """Of the first so many messages, 32 bytes; b"" if there have not been that many.

        Once settled, of those alone that were asked for or could not wait; b"" of the others.
        """
        if not 0 <= messages <= self.messages:
            return b""
        self.catch_up()
        return bytes(self._digests[messages * DIGEST_BYTES : (messages + 1) * DIGEST_BYTES])


@dataclass(slots=True)
class _Streams:
    """What went back and forth in a round, as this end knows it."""

    sent: OwnStream = field(default_factory=OwnStream)
    arrived: Stream = field(default_factory=Stream)
    is_open: bool = True

    def close(self) -> None:
        """The round has ended: it may be kept for long, and no message with it."""
        self.is_open = False
        self.sent.close()
        self.arrived.close()


class Reporter:
    """Remembers what was sent and has arrived in the latest rounds; makes and judges reports.

    Parameters
    ----------
    config : LinkConfig
        The same at both ends.
    key : bytes
        16 bytes: the secret of the reports.
    role : Role
        Which end this is.
    last_round : int
        The last that began in an earlier life of this end; -1 without one.
    """

    def __init__(self, config: LinkConfig, key: bytes, role: Role, last_round: int) -> None:
        self._macs = Macs(config, key, role)
        self._rounds: dict[int, _Streams] = {}
        self._forgotten = last_round
        """Up to here rounds may have been known once."""
        self._awaited: dict[int, None] = {}
        """Rounds that this end has dropped and the peer has not reported yet, oldest first."""

    def begin(self, number: int) -> None:
        """A round has begun (again)."""
        self._rounds.pop(number, None)
        self._rounds[number] = _Streams()

    def settle(self, number: int) -> None:
        """The round has ended by something signed: the peer will not give it up."""
        if number in self._rounds:
            self._rounds[number].sent.settle()
        self._end(number)

    def _end(self, number: int) -> None:
        """The round has ended, by a report or by something signed: the oldest are forgotten."""
        if number in self._rounds:
            self._rounds[number].close()
        ended = [
            number
            for number, streams in self._rounds.items()
            if not streams.is_open and number not in self._awaited
        ]
        for old in ended[: max(0, len(ended) - KEPT_ROUNDS)]:
            del self._rounds[old]
            self._forgotten = max(self._forgotten, old)

    def note_sent(self, number: int, message: bytes) -> None:
        """A message of the round's transcript has been sent."""
        if (streams := self._rounds.get(number)) is not None:
            streams.sent.absorb(message)

    def note_arrived(self, number: int, message: bytes) -> None:
        """A message of the round has arrived, whatever this end makes of it."""
        if (streams := self._rounds.get(number)) is not None:
            streams.arrived.absorb(message)

    def report(self, number: int, reason: AbortReason) -> Abort:
        """What to send when this end drops the round; the peer's own report is to come."""
        streams = self._rounds.get(number)
        if streams is None:
            # Of a round that began in an earlier life there is nothing to compare.
            streams, reason = _Streams(), AbortReason.CONNECTION_RESET
        arrived, sent = streams.arrived, streams.sent
        if arrived.messages or sent.messages:  # else the peer cannot know of the round
            self._await(number)
        self._end(number)
        plain = Abort(
            int(reason), arrived.messages, arrived.digest, sent.messages, sent.digest, b""
        )
        return replace(plain, mac=self._macs.own(b"report", number, _facts_of(plain)))

    def _await(self, number: int) -> None:
        self._awaited[number] = None
        if len(self._awaited) > MAX_AWAITED:
            del self._awaited[next(iter(self._awaited))]

    def note_reported(self, number: int) -> None:
        """The peer has reported the round, or need not do so."""
        self._awaited.pop(number, None)

    def forget_awaited(self) -> list[int]:
        """The connection was lost, and with it what the peer may have sent of these rounds."""
        awaited = list(self._awaited)
        self._awaited.clear()
        return awaited

    def missing(self, stop: int | None = None) -> list[int]:
        """Rounds (before ``stop``) whose reports should have come by now; each is told once."""
        missing = [number for number in self._awaited if stop is None or number < stop]
        for number in missing:
            del self._awaited[number]
        return missing

    def judge(self, number: int, report: Abort, *, is_ignored: bool) -> str | None:
        """What a report of the peer says of the wire; None if nothing is wrong.

        ``is_ignored`` says that this end takes no notice of such a round, if it does not know it.
        """
        if not self.is_proven(number, report):
            return "an abort that the peer has not sent"
        self.note_reported(number)
        is_cut = report.reason == AbortReason.CONNECTION_RESET
        streams = self._rounds.get(number)
        if streams is None:
            is_strange = number > self._forgotten and report.sent > 0
            if is_strange and not is_cut and not is_ignored:
                return "the peer has given up a round that is not known here"
            return None
        is_sent = streams.sent.digest_of(report.arrived) == report.arrived_digest
        # Over a lost connection the last messages may not have come.
        here = (streams.arrived.messages, streams.arrived.digest)
        has_come = is_cut or here == (report.sent, report.sent_digest)
        if is_sent and has_come:
            return None
        return "the peer has given up a round whose messages were changed on the way"

    def is_proven(self, number: int, report: Abort) -> bool:
        """Whether the peer has made the report."""
        return self._macs.is_peers(report.mac, b"report", number, _facts_of(report))

    def seal(self, number: int) -> Seal:
        """What this end has sent and got in an open round whose last message is out."""
        streams = self._rounds[number]
        facts = streams.sent.digest + streams.arrived.digest
        return Seal(self._macs.own(b"seal", number, facts))

    def is_sealed(self, number: int, seal: Seal) -> bool:
        """Whether the peer has sent and got in an open round what has arrived and was sent here."""
        streams = self._rounds[number]
        facts = streams.arrived.digest + streams.sent.digest
        return self._macs.is_peers(seal.mac, b"seal", number, facts)


def _facts_of(report: Abort) -> bytes:
    counts = (report.reason, report.arrived, report.sent, len(report.arrived_digest))
    return struct.pack(">qqqq", *counts) + report.arrived_digest + report.sent_digest
