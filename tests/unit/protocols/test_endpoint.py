"""Endpoint: deadlines, clicks shared by the links of a user, junk, restarts of the peer."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from protocols import endpoint
from protocols.ascending import decode_ascending
from protocols.bbm92.tagcheck import MAX_WRONG_TAGS
from protocols.bits import unpack_bits
from protocols.codec import decode, encode
from protocols.endpoint import Endpoint
from protocols.errors import LocalProtocolError
from protocols.events import (
    AbortSigned,
    Alarm,
    BlockUsable,
    ReportLost,
    ReserveEmpty,
    RoundAborted,
    RoundSifted,
)
from protocols.messages import (
    Abort,
    AbortReason,
    Announce,
    Decision,
    Envelope,
    Keep,
    Matches,
    Role,
)
from protocols.tagbook import TagBook
from protocols.wire.counts import WireCounts
from tests.support.forging import BAD_VOTE, forge, forge_vote, made_up_vote
from tests.support.light import Tags, draw_tags
from tests.support.links import link_config, session_of
from tests.support.whole_messages import WholeMessages

NOTHING = np.empty(0, dtype=np.int64)
Body = TypeVar("Body", Announce, Matches, Keep)


def bodies_of(ends: WholeMessages, kind: type[Body]) -> list[tuple[int, int, Body]]:
    """(round, sequence, body) of all messages of a type."""
    return [
        (envelope.round, envelope.sequence, envelope.body)
        for envelope in ends.messages(kind)
        if isinstance(envelope.body, kind)
    ]


def kept_clicks(ends: WholeMessages) -> set[tuple[int, int]]:
    """(round, number of the announcer's click within it) of all sifted clicks, off the wire."""
    masks = {(number, body.announcement): body for number, _, body in bodies_of(ends, Keep)}
    announced = bodies_of(ends, Announce)
    found: set[tuple[int, int]] = set()
    for number, _, body in bodies_of(ends, Matches):
        mine = [(sequence, other) for at, sequence, other in announced if at == number]
        before = sum(other.count for sequence, other in mine if sequence < body.announcement)
        (clicks,) = (other.count for sequence, other in mine if sequence == body.announcement)
        positions = decode_ascending(body.positions, count=body.count, previous=0) - 1
        assert positions.size == 0 or positions[-1] < clicks
        mask = unpack_bits(masks[number, body.announcement].mask, body.count)
        found |= {(number, before + int(position)) for position in positions[mask == 1]}
    return found


# Clicks shared by links ---------------------------------------------------------------------------


def shared_book(tags: tuple[Tags, Tags], role: Role) -> tuple[WholeMessages, WholeMessages]:
    """One user with two links; the partners see the very same clicks, so that all are contested."""
    rng = np.random.Generator(np.random.PCG64DXSM(8))
    book = TagBook(rng, window_ticks=200, links=2)
    first = WholeMessages(tags, seed=1, books={role: (book, 0)}).run()
    return first, WholeMessages(tags, seed=2, books={role: (book, 1)}).run()


@pytest.mark.parametrize("role", list(Role))
def test_a_click_is_sifted_with_one_partner_only(role: Role) -> None:
    """The second link of a user gets none of the clicks that the first one has sifted."""
    tags = draw_tags(1, 3.2)
    first, second = shared_book(tags, role)
    assert len(kept_clicks(first)) > 3000
    if role is Role.ANNOUNCER:
        assert not kept_clicks(first) & kept_clicks(second)
    assert len(kept_clicks(second)) < 0.01 * len(kept_clicks(first))
    assert first.is_closed_alike
    assert second.is_closed_alike
    assert not second.usable_bits(Role.ANNOUNCER)


def test_both_ends_count_the_same_clicks() -> None:
    """Sifted bits at both ends are the clicks kept on the wire, round by round."""
    ends = WholeMessages(draw_tags(2, 3.2)).run()
    kept = kept_clicks(ends)
    for _, event in ends.events:
        if isinstance(event, RoundSifted):
            assert event.sifted_bits == sum(number == event.round for number, _ in kept)


# Junk ---------------------------------------------------------------------------------------------


def test_junk_on_the_wire_changes_nothing() -> None:
    """Ten thousand datagrams of noise at either end: the same keys as without."""
    tags = draw_tags(3, 3.2)
    quiet, noisy = WholeMessages(tags).run(), WholeMessages(tags)
    rng = np.random.default_rng(1)
    for end in noisy.ends:
        for size in rng.integers(0, 200, 10_000):
            end.receive_message(rng.bytes(int(size)), 0)
    noisy.run()
    for role in Role:
        assert {n: bits.tobytes() for n, bits in noisy.usable_bits(role).items()} == {
            n: bits.tobytes() for n, bits in quiet.usable_bits(role).items()
        }
    assert not any(isinstance(event, Alarm) for _, event in noisy.events)


@pytest.mark.parametrize("junk", [b"\xc0", b"", b"\x91" * 5000, b"\xc1"])
def test_messages_that_are_none_cost_rounds_and_raise_an_alarm(junk: bytes) -> None:
    """Whatever the transport delivers, the session neither fails nor makes unequal key."""
    tampered: list[int] = []

    def tamper(_sender: Role, envelope: object, data: bytes) -> bytes:
        if isinstance(getattr(envelope, "body", None), Keep) and not tampered:
            tampered.append(1)
            return junk or b"\0"
        return data

    ends = WholeMessages(draw_tags(3, 3.2), tamper=tamper).run()
    assert tampered
    assert ends.is_closed_alike
    assert ends.usable_bits(Role.ANNOUNCER)
    assert any(isinstance(event, Alarm) for _, event in ends.events)


# Time ---------------------------------------------------------------------------------------------


def test_nothing_to_do_no_deadline() -> None:
    """Before the first frame there is nothing to wait for, nothing to send, nothing to tell."""
    end = WholeMessages((NOTHING, NOTHING)).ends[0]
    assert end.next_deadline_ps() is None
    assert end.next_event() is None
    assert end.messages_to_send(0) == []
    assert end.wire == WireCounts()
    assert not end.is_closed
    assert not end.is_stopped
    assert end.is_idle


def test_silent_peer_times_out() -> None:
    """Without a peer each round is dropped after its time-out, and the announcer asks to close."""
    config = link_config(timeout_ps=5 * 10**12)
    ends = WholeMessages(draw_tags(4, 3.2), config=config)
    ends.tamper = lambda _sender, _envelope, _data: None
    ends.run(until_s=30)
    dropped = ends.aborted(Role.ANNOUNCER)
    assert {event.reason for event in dropped.values()} == {AbortReason.TIMED_OUT}
    assert sorted(dropped) == [0, 1, 2]
    times = [
        time_ps
        for (role, event), time_ps in zip(ends.events, ends.event_times_ps, strict=True)
        if isinstance(event, RoundAborted)
    ]
    # A round counts from its last message received: here from its beginning.
    assert times[0] == pytest.approx(5.5e12, abs=0.2e12)
    assert not ends.ends[0].is_closed


def test_deadlines_are_never_in_the_past_for_long() -> None:
    """After a deadline has been handled the next one lies ahead: an owner's loop always sleeps."""
    ends = WholeMessages(draw_tags(5, 3.2))
    ends.run()
    for end in ends.ends:
        due_ps = end.next_deadline_ps()
        for _ in range(10):
            if due_ps is None:
                break
            end.handle_deadline(due_ps)
            end.messages_to_send(due_ps)
            following_ps = end.next_deadline_ps()
            assert following_ps is None or following_ps > due_ps
            due_ps = following_ps


def test_settings_are_checked() -> None:
    """A datagram that cannot hold its header is our caller's fault."""
    ends = WholeMessages((NOTHING, NOTHING))
    rng = np.random.Generator(np.random.PCG64DXSM(1))
    with pytest.raises(LocalProtocolError):
        Endpoint(
            Role.ANNOUNCER,
            ends.config,
            ends.secrets,
            book=TagBook(rng, window_ticks=200),
            rng=rng,
            max_datagram_bytes=40,
        )


def test_wire_counts_add() -> None:
    """Counts of several lives of one end add up, field by field."""
    assert WireCounts(1, 2, 3) + WireCounts(10, 20, 30) == WireCounts(11, 22, 33)


def test_forged_decisions_are_checked_few_at_a_time_and_the_right_one_in_its_turn() -> None:
    """Of a thousand wrong tags four are looked at, each booked; after a while the true one counts.

    Nothing stops, and nothing stays in doubt longer than the forger goes on.
    """
    decisions: list[bytes] = []

    def swallow(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        if not isinstance(envelope.body, Decision):
            return data
        decisions.append(data)
        return b"\xc0"

    ends = WholeMessages(draw_tags(7, 1.2), duration_s=1, tamper=swallow).run(until_s=20)
    session, now_ps = ends.ends[1]._session, ends.now_ps
    right = decode(decisions[0])
    assert isinstance(right.body, Decision)
    for k in range(1000):
        forged = replace(right.body, tag=k.to_bytes(16, "big"))
        session.receive(encode(right._replace(body=forged)), now_ps)
    session.receive(decisions[0], now_ps + ends.config.resend_ps - 1)
    events = ends.ends[1].take_events()
    bounds = [event.forgery_probability for event in events if isinstance(event, Alarm)]
    assert bounds == [56 * 2.0**-106] * MAX_WRONG_TAGS + [0.0] * (1001 - MAX_WRONG_TAGS)
    assert not any(isinstance(event, BlockUsable | ReserveEmpty) for event in events)
    session.receive(decisions[0], now_ps + ends.config.resend_ps)
    assert any(isinstance(event, BlockUsable) for event in ends.ends[1].take_events())


# Floods -------------------------------------------------------------------------------------------


def drained(end: Endpoint, now_ps: int) -> list[object]:
    """Events since the last time; what it wants to send is taken and lost."""
    events: list[object] = []
    while (event := end.next_event()) is not None:
        events.append(event)
    end.messages_to_send(now_ps)
    return events


def test_flood_of_votes_for_rounds_to_come_uses_up_one_pad() -> None:
    """A thousand, by somebody who can make up MACs: one abort is signed, the rest is refused."""
    ends = WholeMessages(draw_tags(1, 1.2), duration_s=1)
    end = ends.ends[0]
    for number in range(1000):
        forge_vote(ends, number)
    events = drained(end, 0)
    assert [event.pad for event in events if isinstance(event, AbortSigned)] == [0]
    assert session_of(end)._pads.left_pads == 15


def test_flood_of_votes_without_macs_uses_up_no_pad() -> None:
    """A thousand for every pad: alarms."""
    end = WholeMessages(draw_tags(1, 1.2), duration_s=1).ends[0]
    for number in range(1000):
        vote = Envelope("alice-bob", Role.RESPONDER, number, 0, replace(BAD_VOTE, pad=number % 16))
        end._session.receive(encode(vote), 0)
    assert {type(event) for event in drained(end, 0)} == {Alarm}
    assert session_of(end)._pads.left_pads == 16


def test_flood_of_announcements_in_one_round_is_cut_off() -> None:
    """Somebody who announces without end, in sequence: an alarm at the fourth, nothing is kept."""
    end = WholeMessages(draw_tags(1, 1.2), duration_s=1).ends[1]
    refused: list[object] = []
    for sequence in range(100):
        body = Announce(last=False, start_ticks=0, stop_ticks=100, count=0, deltas=b"")
        forged = Envelope("alice-bob", Role.ANNOUNCER, 3, sequence, body)
        end._session.receive(encode(forged), 0)
        refused += [event for event in drained(end, 0) if isinstance(event, Alarm)]
    assert refused
    assert "more announcements" in str(refused[0])
    assert not session_of(end)._rounds


def test_connection_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forged votes are answered into a dead wire: what waits stays bounded, and nothing raises."""
    monkeypatch.setattr(endpoint, "GIVEN_UP_BYTES", 20_000)
    ends = WholeMessages(draw_tags(1, 1.2), duration_s=1)
    end = ends.ends[0]
    vote = made_up_vote(ends, 0)
    for _ in range(3000):
        forge(ends, Role.ANNOUNCER, 0, vote)
        end.messages_to_send(0)
        end.receive_message(b"", 0)
        assert end._transport.queued_bytes < 21_000
    assert len(drained(end, 0)) < 10


def test_nothing_of_an_old_connection_is_posted_to_a_new_one() -> None:
    """An announcement that waited when the peer came back is of a round that is lost."""
    ends = WholeMessages(draw_tags(1, 3.2))
    announcer = ends.ends[Role.ANNOUNCER]
    while not any(envelope.round == 0 for _, envelope in ends.sent):
        ends.run(until_s=ends.now_ps / 1e12 + 0.05)
    session = session_of(announcer)
    session._post(b"of the old connection")
    session.peer_restarted(ends.now_ps)
    posted = list(iter(session.next_message, None))
    assert [type(decode(message).body) for message in posted] == [Abort]


def test_report_that_a_lost_connection_takes_along_is_told() -> None:
    """The round had ended before; whether it was damaged stays unknown, which is no alarm."""
    ends = WholeMessages(draw_tags(1, 3.2))
    session = session_of(ends.ends[Role.RESPONDER])
    while not session._rounds:
        ends.run(until_s=ends.now_ps / 1e12 + 0.05)
    (number,) = session._rounds
    session._drop(session._rounds[number], AbortReason.TIMED_OUT)
    for _ in range(2):
        session.peer_restarted(ends.now_ps)
    told = list(iter(session.next_event, None))
    assert [event for event in told if isinstance(event, ReportLost)] == [ReportLost(number)]
    assert not [event for event in told if isinstance(event, Alarm)]
