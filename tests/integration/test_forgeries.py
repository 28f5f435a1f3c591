"""Single forged datagrams that once stopped a link for good, or killed a process.

Each takes the place of one true datagram; afterwards the channel is sound. Both ends must close
with equal blocks, and rounds after the attack must hold key.
"""

from collections.abc import Callable, Sequence

import pytest

from netsim.taps.finals import abort_message
from netsim.taps.tap import Forward, Tap, TapContext, TapPlan
from netsim.units import PS_PER_S
from protocols.bbm92.reports import Reporter
from protocols.codec import encode
from protocols.events import AbortSigned, BlockPrepared
from protocols.messages import (
    MAX_ROUND,
    Abort,
    Announce,
    Close,
    Decision,
    Envelope,
    Keep,
    Matches,
    Message,
    Role,
    Vote,
)
from protocols.wire.datagrams import Datagram, Kind, encode_datagram
from tests.support.links import LINK, link_config
from tests.support.tapped import TappedEnds
from tests.support.two_ends import TwoEnds, clean_ends

Forgery = Callable[[TapContext, bytes], Sequence[Forward] | None]


class Once:
    """Strikes with a forgery at the first datagram of a sender from a time on that it suits."""

    def __init__(self, context: TapContext, role: Role, from_ps: int, forgery: Forgery) -> None:
        self._context = context
        self._is_waiting = context.wire.role is role
        self._from_ps = from_ps
        self._forgery = forgery

    def see(self, datagram: bytes, now_ps: int) -> Sequence[Forward]:
        """Forward, once, what the forgery makes of it."""
        if self._is_waiting and now_ps >= self._from_ps:
            made = self._forgery(self._context, datagram)
            if made is not None:
                self._is_waiting = False
                return made
        return ((0, datagram),)


def strike(role: Role, forgery: Forgery, *, from_s: float = 1.5) -> TwoEnds:
    """Six rounds with one forgery; everything that must hold afterwards."""
    plan = TapPlan(lambda context: Once(context, role, round(from_s * PS_PER_S), forgery))
    tapped = TappedEnds(clean_ends(5, duration_s=6.0), [plan])
    tapped.ends.run(until_s=60.0)
    assert tapped.faults() == []
    return tapped.ends


def slipped_in(body: Message, number: int) -> Forgery:
    """A forged message in the place of a true one."""

    def forge(context: TapContext, datagram: bytes) -> Sequence[Forward] | None:
        view = context.wire.view
        if view.latest is None or not view.latest.starts_message:
            return None
        message = encode(Envelope(LINK, context.wire.role, number, 0, body))
        forged = view.forged(message, sequence=view.latest.datagram.sequence)
        return None if forged is None else ((0, forged), (0, datagram))

    return forge


NOTHING = Announce(last=False, start_ticks=0, stop_ticks=100, count=0, deltas=b"")
FAR = Announce(last=False, start_ticks=0, stop_ticks=2**50, count=0, deltas=b"")


@pytest.mark.parametrize("number", [4, 10, 15, 16, 10_000, MAX_ROUND])
def test_announcement_of_a_round_far_ahead(number: int) -> None:
    """It neither stops the link for lack of pads nor blocks the rounds before it."""
    ends = strike(Role.ANNOUNCER, slipped_in(NOTHING, number))
    assert len(ends.usable[0]) >= 4


def test_announcement_of_times_far_ahead() -> None:
    """Announcements behind one that ends in the far future do not wait for it."""
    forgery = slipped_in(FAR, 3)
    plan = TapPlan(lambda c: Once(c, Role.ANNOUNCER, round(2.9 * PS_PER_S), forgery))
    tapped = TappedEnds(clean_ends(5, duration_s=8.0), [plan])
    tapped.ends.run(until_s=7.9)
    assert max(tapped.ends.usable[1]) == 6
    tapped.ends.run(until_s=60.0)
    assert tapped.faults() == []


@pytest.mark.parametrize("number", [6, 7, 9, 15])
def test_request_to_close_another_round(number: int) -> None:
    """A responder that was made to sign the wrong closing vote signs the right one as well."""
    ends = strike(Role.ANNOUNCER, slipped_in(Close(), number), from_s=6.001)
    assert len(ends.usable[0]) >= 5


def _control(kind: Kind, view_header: Datagram, **changes: int) -> bytes:
    header = view_header._replace(kind=kind, sequence=0, received=0, payload=b"")
    return encode_datagram(header._replace(**changes))  # type: ignore[arg-type]  # integers only


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("received", [0, 0b111])
def test_acknowledgement_of_what_was_dropped(role: Role, received: int) -> None:
    """A datagram that is dropped and acknowledged costs its round, not the connection."""

    def forge(context: TapContext, _datagram: bytes) -> Sequence[Forward] | None:
        sighting, peer = context.wire.view.latest, context.reverse.view.last_data
        if sighting is None or peer is None:
            return None
        acknowledged = (sighting.datagram.sequence + (0 if received else 1)) % 2**32
        forged = _control(Kind.ACKNOWLEDGE, peer, acknowledged=acknowledged, received=received)
        context.reverse.inject(forged, 0)
        return ()

    assert len(strike(role, forge).usable[0]) >= 4


@pytest.mark.parametrize("role", list(Role))
def test_stream_said_to_go_on_far_ahead(role: Role) -> None:
    """A receiver sent too far ahead is noticed by the sender, who starts over and says why."""

    def forge(context: TapContext, datagram: bytes) -> Sequence[Forward] | None:
        known = context.wire.view.last_data
        if known is None:
            return None
        ahead = (known.sequence + 5000) % 2**32
        forged = _control(Kind.BASE, known, acknowledged=ahead, ends_message=1)
        return ((0, forged), (0, datagram))

    assert [what for what in strike(role, forge).alarms() if "forged headers" in what]


class Renumber:
    """Shows each end the rounds of the other under different numbers."""

    def __init__(self, context: TapContext, shift: int) -> None:
        self._view = context.wire.view
        self._shift = shift if context.wire.role is Role.ANNOUNCER else -shift

    def see(self, datagram: bytes, now_ps: int) -> Sequence[Forward]:
        """Forward it with the round shifted."""
        _ = now_ps
        sighting = self._view.latest
        if sighting is None or sighting.envelope is None or not sighting.is_whole_message:
            return ((0, datagram),)
        envelope = sighting.envelope
        if isinstance(envelope.body, Vote | Decision | Close | Abort):
            return ((0, datagram),)
        message = encode(envelope._replace(round=envelope.round + self._shift))
        return ((0, encode_datagram(sighting.datagram._replace(payload=message))),)


def led_astray(shift: int) -> TwoEnds:
    """The responder takes round 0 for another one."""
    config = link_config(offset_bound_ps=50_000_000, frames_per_announcement=10)
    ends = clean_ends(1, duration_s=6.0, config=config, pairs_hz=1500.0, error=0.01)
    plan = TapPlan(lambda context: Renumber(context, shift), stop_ps=round(1.5 * PS_PER_S))
    tapped = TappedEnds(ends, [plan])
    ends.run(until_s=60.0)
    assert tapped.faults() == []
    assert len(ends.usable[0]) >= 3
    return ends


def test_responder_does_not_vote_for_a_round_that_is_not_sealed() -> None:
    """It was led through a round that is not: no pad of either end signs anything for it."""
    ends = led_astray(9)
    assert "a round that is not what the announcer has sealed" in ends.alarms()
    assert 9 not in [event.round for event in ends.told(Role.RESPONDER, BlockPrepared)]
    assert not ends.told(Role.ANNOUNCER, AbortSigned)


@pytest.mark.parametrize("shift", [1, 2, 9, 14])
def test_responder_led_through_a_round_that_is_not(
    shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a forged seal its vote for a round to come gets a signed abort; true rounds go on."""
    monkeypatch.setattr(Reporter, "is_sealed", lambda *_: True)
    ends = led_astray(shift)
    assert any("not complete here" in what for what in ends.alarms())
    assert ends.told(Role.RESPONDER, BlockPrepared)[0].round == shift
    assert len(ends.told(Role.ANNOUNCER, AbortSigned)) == 1


class HoldBack:
    """Takes the last keep mask of round 1 off the wire."""

    def __init__(self, context: TapContext) -> None:
        self._context = context
        self.held = b""

    def see(self, datagram: bytes, now_ps: int) -> Sequence[Forward]:
        """Forward something harmless in its place."""
        _ = now_ps
        sighting = self._context.wire.view.latest
        if self.held or sighting is None or not self._is_last_keep(sighting.envelope):
            return ((0, datagram),)
        self.held = sighting.datagram.payload
        harmless = sighting.datagram._replace(payload=abort_message(self._context, MAX_ROUND))
        return ((0, encode_datagram(harmless)),)

    def _is_last_keep(self, envelope: Envelope | None) -> bool:
        if envelope is None or envelope.round != 1 or not isinstance(envelope.body, Keep):
            return False
        matches = [m.body for m in self._context.reverse.view.messages[Matches] if m.round == 1]
        last = matches[-1]
        return (
            isinstance(last, Matches)
            and last.last
            and last.announcement == envelope.body.announcement
        )


@pytest.mark.parametrize("size", [100, 20_000, 200_000])
def test_announcement_for_a_block_in_doubt(size: int) -> None:
    """However long it is, an end that has come back with the block takes it for what it is."""
    ends = clean_ends()

    def come_back(_count: int) -> None:
        prepared = [event for _, event in ends.events if isinstance(event, BlockPrepared)]
        if prepared:
            ends.on_delivery = lambda _count: None
            ends.crash(Role.RESPONDER)
            body = Announce(last=False, start_ticks=0, stop_ticks=10, count=1, deltas=bytes(size))
            number = prepared[0].round
            message = encode(Envelope(ends.config.link, Role.ANNOUNCER, number, 1, body))
            ends.ends[Role.RESPONDER]._session.receive(message, ends.now_ps)

    ends.on_delivery = come_back
    ends.run(until_s=60.0)
    assert ends.alarms(Role.RESPONDER)
    assert ends.is_done


def test_round_held_back_until_its_pads_are_gone() -> None:
    """A round that comes back to life after a later one was settled cannot be signed any more."""
    taps: list[HoldBack] = []

    def make(context: TapContext) -> Tap:
        taps.append(HoldBack(context))
        return taps[-1]

    tapped = TappedEnds(clean_ends(5, duration_s=5.0), [TapPlan(make, sender="alice")])
    ends = tapped.ends

    def revive(_count: int) -> None:
        if 2 in ends.usable[1] and taps[0].held:
            ends.ends[Role.RESPONDER]._session.receive(taps[0].held, ends.now_ps)
            taps[0].held = b""
            ends.on_delivery = lambda _count: None

    ends.on_delivery = revive
    ends.run(until_s=60.0)
    assert tapped.faults() == []
    assert 1 not in ends.usable[0]
    assert len(ends.usable[0]) >= 3
