"""Forged messages handed to one end of `tests.support.two_ends`, and what must hold after them."""

from collections.abc import Callable
from dataclasses import replace

from protocols.bbm92.macs import Macs, proven_vote
from protocols.codec import encode
from protocols.messages import Announce, Decision, Envelope, Message, Role, Vote
from protocols.wire.datagrams import decode_datagram, encode_datagram
from tests.support.links import LINK, session_of
from tests.support.tapped import TappedEnds
from tests.support.two_ends import TwoEnds

NOTHING = Announce(last=False, start_ticks=0, stop_ticks=0, count=0, deltas=b"")
BAD_VOTE = Vote(closing=False, pad=0, tag=bytes(16), mac=bytes(32))
"""Anybody can make it."""
BAD_COMMIT = Decision(commit=True, pad=0, tag=bytes(16))
Rewrite = Callable[[Envelope], bytes | None]
"""What becomes of a message; None: it goes on as it is."""


def forge(ends: TwoEnds, to: Role, number: int, body: Message, *, sequence: int = 0) -> None:
    """Hand a forged message to one end."""
    message = encode(Envelope(LINK, to.peer, number, sequence, body))
    ends.ends[to]._session.receive(message, ends.now_ps)


def made_up_vote(ends: TwoEnds, number: int, *, closing: bool = False) -> Vote:
    """With a wrong tag, by somebody who can make up MACs and names the right pad."""
    macs = Macs(ends.config, ends.secrets.report_key, Role.RESPONDER)
    pad = session_of(ends.ends[Role.ANNOUNCER])._pads.next_pad
    return proven_vote(macs, number, pad, bytes(16), closing=closing)


def forge_vote(ends: TwoEnds, number: int, *, closing: bool = False) -> None:
    """Hand such a vote to the announcer."""
    forge(ends, Role.ANNOUNCER, number, made_up_vote(ends, number, closing=closing))


def forge_commit(ends: TwoEnds) -> None:
    """A decision with a wrong tag on what the responder has signed last, or will sign next."""
    pad = session_of(ends.ends[Role.RESPONDER])._pads.next_pad
    forge(ends, Role.RESPONDER, 0, replace(BAD_COMMIT, pad=pad))


def rewrite(tapped: TappedEnds, to: Role, change: Rewrite) -> None:
    """Change whole messages on their way to one end."""

    def see(receiver: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        passing = tapped._see(receiver, datagram)
        sighting = tapped.chains[receiver.peer].wire.view.latest
        if receiver is not to or sighting is None or sighting.envelope is None:
            return passing
        changed = change(sighting.envelope) if sighting.is_whole_message else None
        if changed is None:
            return passing
        return [(0, encode_datagram(decode_datagram(datagram)._replace(payload=changed)))]

    tapped.ends.fault = see


def run(tapped: TappedEnds, *, until_s: float = 90.0) -> TwoEnds:
    """To the end; both must have closed, alike."""
    tapped.ends.run(until_s=until_s)
    assert tapped.faults() == []
    assert all(end.is_closed for end in tapped.ends.ends)
    return tapped.ends
