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
from dataclasses import dataclass, replace

from protocols.bbm92.macs import Macs
from protocols.bbm92.streams import OwnStream, Stream
from protocols.hashing.authentication import Transcript
from protocols.link import LinkConfig
from protocols.messages import Abort, AbortReason, Role, Seal

KEPT_ROUNDS = 16
"""Rounds that have ended and are remembered, for reports that come late or again."""
MAX_AWAITED = 1024
"""Rounds that have ended without a report of the peer, and are remembered until it is due."""


@dataclass(slots=True)
class _Streams:
    """What went back and forth in a round, as this end knows it."""

    sent: OwnStream
    arrived: Stream
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
        self._role = role
        self._macs = Macs(config, key, role)
        self._hash_key = self._macs.hash_key()
        self._rounds: dict[int, _Streams] = {}
        self._forgotten = last_round
        """Up to here rounds may have been known once."""
        self._awaited: dict[int, None] = {}
        """Rounds that this end has dropped and the peer has not reported yet, oldest first."""

    def begin(
        self, number: int, transcripts: tuple[Transcript, Transcript]
    ) -> tuple[Stream, Stream]:
        """A round has begun (again): streams of the announcer's and of the responder's messages.

        What has been sent and what arrives goes into these; the transcripts take it from there.
        """
        self._rounds.pop(number, None)
        sent = OwnStream(self._hash_key, transcripts[self._role])
        arrived = Stream(self._hash_key, transcripts[self._role.peer])
        self._rounds[number] = _Streams(sent, arrived)
        return (sent, arrived) if self._role is Role.ANNOUNCER else (arrived, sent)

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

    def note_arrived(self, number: int, message: bytes) -> None:
        """A message of a round that is not open here has arrived."""
        if (streams := self._rounds.get(number)) is not None:
            streams.arrived.absorb(message)

    def report(self, number: int, reason: AbortReason) -> Abort:
        """What to send when this end drops the round; the peer's own report is to come."""
        streams = self._rounds.get(number)
        if streams is None:
            # Of a round that began in an earlier life there is nothing to compare.
            streams = _Streams(OwnStream(self._hash_key), Stream(self._hash_key))
            reason = AbortReason.CONNECTION_RESET
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
