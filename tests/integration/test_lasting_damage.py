"""What a few forged messages or a crash at a bad moment must not do for good.

The wire is not authenticated, so messages are handed to a session as an attacker would. Afterwards
the channel is sound: both ends close with equal blocks, and no pad has signed twice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from netsim.pools.store import UserStore
from netsim.taps.tap import TapPlan
from netsim.units import PS_PER_S
from protocols.bbm92 import rounds
from protocols.bbm92.announcer import AnnouncerSession
from protocols.bbm92.responder import ResponderSession
from protocols.bbm92.rounds import Signer
from protocols.datagrams import decode_datagram, encode_datagram
from protocols.events import (
    Alarm,
    BlockPrepared,
    BlockUsable,
    ClosingVoted,
    Event,
    LinkClosed,
    PadsSpent,
    RoundAborted,
)
from protocols.messages import (
    Announce,
    Beacon,
    Close,
    Decision,
    Envelope,
    Matches,
    Message,
    Ready,
    ReconciliationSetup,
    Role,
    VerificationHash,
    Vote,
    encode,
)
from protocols.tagbook import TagBook
from protocols.tags import TagFrame
from tests.integration.test_forgeries import Renumber
from tests.tapped import TappedEnds, alarms
from tests.two_ends import FRAME_PS, LINK, TwoEnds, link_config

NOTHING = Announce(last=False, start_ticks=0, stop_ticks=0, count=0, deltas=b"")
BAD_VOTE = Vote(closing=False, tag=bytes(16))
BAD_COMMIT = Decision(commit=True, tag=bytes(16))
Rewrite = Callable[[Envelope], bytes | None]
"""What becomes of a message; None: it goes on as it is."""


def forge(ends: TwoEnds, to: Role, number: int, body: Message, *, sequence: int = 0) -> None:
    """Hand a forged message to one end."""
    message = encode(Envelope(LINK, to.peer, number, sequence, body))
    ends.ends[to]._session.receive(message, ends.now_ps)


def at_s(ends: TwoEnds, time_s: float, act: Callable[[], None]) -> None:
    ends._at(round(time_s * PS_PER_S), act)


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
        return [(0, encode_datagram(replace(decode_datagram(datagram), payload=changed)))]

    tapped.ends.fault = see


def on_event(ends: TwoEnds, react: Callable[[Role, Event], None]) -> None:
    """Call back after each event that is on record."""
    record = ends._record

    def record_and_react(role: Role, event: Event) -> None:
        record(role, event)
        react(role, event)

    ends._record = record_and_react  # type: ignore[method-assign]  # a spy


def events_of(ends: TwoEnds, role: Role, kind: type[Event]) -> list[Event]:
    return [event for at, event in ends.events if at is role and isinstance(event, kind)]


def run(tapped: TappedEnds, *, until_s: float = 90.0) -> TwoEnds:
    """To the end; both must have closed, alike."""
    tapped.ends.run(until_s=until_s)
    assert tapped.faults() == []
    assert all(end.is_closed for end in tapped.ends.ends)
    return tapped.ends


# Numbers that anybody may name --------------------------------------------------------------------


def test_announcements_of_all_rounds_to_come_cost_one() -> None:
    """Fifteen empty announcements name every number that has pads: the true rounds begin still."""
    tapped = TappedEnds(TwoEnds(1, duration_s=16.0), [])
    ends = tapped.ends

    def name_all() -> None:
        for number in range(4, 19):
            forge(ends, Role.RESPONDER, number, NOTHING)

    at_s(ends, 3.6, name_all)
    assert len(run(tapped).usable[0]) >= 14


@pytest.mark.parametrize("role", list(Role))
def test_far_number_and_a_crash_cost_few_rounds(role: Role) -> None:
    """A number that one forged message has named is not taken in the next life."""
    tapped = TappedEnds(TwoEnds(1, duration_s=10.0), [])
    ends = tapped.ends
    body = NOTHING if role is Role.RESPONDER else BAD_VOTE

    def name_far() -> None:
        for number in range(15, 19):
            forge(ends, role, number, body)

    at_s(ends, 3.6, name_far)
    at_s(ends, 4.5, partial(ends.crash, role))
    assert len(run(tapped).usable[0]) >= 7


@pytest.mark.parametrize(("pads", "shift"), [(16, 15), (16, 14), (17, 15), (9, 7)])
def test_responder_votes_for_no_round_that_the_announcer_cannot_answer(
    pads: int, shift: int
) -> None:
    """Rounds renumbered to the newest pads, which one end may not have yet, do not begin.

    When round 1 is announced the responder has settled block 0, and has pads for one round more.
    """
    config = link_config(
        offset_bound_ps=50_000_000, frames_per_round=20, timeout_ps=2 * PS_PER_S, initial_pads=pads
    )
    ends = TwoEnds(1, duration_s=12.0, config=config, pairs_hz=2500.0, error=0.01)
    plan = TapPlan(
        lambda context: Renumber(context, shift),
        start_ps=round(2.4 * PS_PER_S),
        stop_ps=round(4.4 * PS_PER_S),
    )
    run(TappedEnds(ends, [plan]))
    (first, *_) = events_of(ends, Role.RESPONDER, BlockUsable)
    assert isinstance(first, BlockUsable)
    assert len(first.reserve) == 32
    assert len(ends.usable[0]) >= 3


# Pads kept for the closing ------------------------------------------------------------------------


def nearly_out_of_pads() -> TappedEnds:
    """Four pads, two rounds spoilt, one good: after the light one pad is left to close with."""
    tapped = TappedEnds(TwoEnds(1, duration_s=6.0, config=link_config(initial_pads=4)), [])

    def spoil(envelope: Envelope) -> bytes | None:
        is_early = isinstance(envelope.body, ReconciliationSetup) and envelope.round < 2
        return b"\xc0" if is_early else None

    rewrite(tapped, Role.ANNOUNCER, spoil)
    return tapped


@pytest.mark.parametrize("is_forged", [False, True])
def test_forged_vote_leaves_the_last_pad_to_the_closing(is_forged: bool) -> None:
    """No abort is signed with the pad that settles what is in doubt."""
    tapped = nearly_out_of_pads()
    ends = tapped.ends
    if is_forged:
        at_s(ends, 6.0005, partial(forge, ends, Role.ANNOUNCER, 3, BAD_VOTE))
    assert sorted(run(tapped).usable[0]) == [2]
    assert ("vote with the pads of the closing" in alarms(ends)) is is_forged


def test_votes_for_rounds_to_come_after_the_light_do_not_keep_the_responder_waiting() -> None:
    """Five aborts of rounds to come, and the sixth vote is that of a responder led astray."""
    config = link_config(offset_bound_ps=50_000_000, frames_per_announcement=10)
    ends = TwoEnds(1, duration_s=2.0, config=config, pairs_hz=1500.0, error=0.01)
    plan = TapPlan(lambda context: Renumber(context, 9), start_ps=round(1.4 * PS_PER_S))
    tapped = TappedEnds(ends, [plan])

    def vote() -> None:
        for number in range(2, 8):
            forge(ends, Role.ANNOUNCER, number, BAD_VOTE)

    at_s(ends, 1.5, vote)
    run(tapped)
    assert [event.round for event in events_of(ends, Role.RESPONDER, BlockPrepared)] == [0, 10]  # type: ignore[union-attr]


# Closing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_closed_link_stays_closed(role: Role) -> None:
    """A forged message of a round to come, then a crash: the end still knows that it has closed."""
    tapped = TappedEnds(TwoEnds(1, duration_s=3.0), [])
    ends = run(tapped)
    body = BAD_VOTE if role is Role.ANNOUNCER else NOTHING
    forge(ends, role, 5, body)
    ends._flush()
    assert all(store.state(LINK).closed is not None for store in ends.stores)
    ends.crash(role)
    run(tapped)


def test_closed_announcer_begins_no_round() -> None:
    """Whatever light its next life gets: nothing is announced, and nothing of it is kept."""
    ends = run(TappedEnds(TwoEnds(1, duration_s=3.0), []))
    ends._is_light_over = False
    ends.crash(Role.ANNOUNCER)
    end = ends.ends[Role.ANNOUNCER]
    for index in range(40, 80):
        ticks = index * FRAME_PS // 10
        tags = np.arange(ticks + 10, ticks + 1000, 300, dtype=np.int64) << 2
        end.add_tags(TagFrame(index, ticks + FRAME_PS // 10, tags), ends.now_ps)
    assert end.take_events() == ()
    assert not end._book.holds(0)


def test_signed_abort_is_remembered() -> None:
    """A pad that has signed the abort of a round to come does not sign the closing as well."""
    tapped = TappedEnds(TwoEnds(1, duration_s=3.0), [])
    ends = tapped.ends
    at_s(ends, 2.95, partial(forge, ends, Role.ANNOUNCER, 3, BAD_VOTE))
    at_s(ends, 3.0005, partial(ends.crash, Role.ANNOUNCER))
    run(tapped)
    assert [event.round for event in events_of(ends, Role.ANNOUNCER, LinkClosed)] == [4]  # type: ignore[union-attr]


def lose_closing(tapped: TappedEnds, *, until: Callable[[], bool]) -> None:
    """All closing decisions are noise until then."""

    def spoil(envelope: Envelope) -> bytes | None:
        is_closing = isinstance(envelope.body, Decision | Close) and envelope.round >= 3
        return b"\xc0" if is_closing and not until() else None

    rewrite(tapped, Role.RESPONDER, spoil)


def test_closing_under_a_later_number_is_remembered() -> None:
    """A forged vote has moved the closing by one; who has lost it is asked for that one."""
    tapped = TappedEnds(TwoEnds(1, duration_s=3.0), [])
    ends = tapped.ends
    crashed: list[int] = []

    def spoil(envelope: Envelope) -> bytes | None:
        is_last = isinstance(envelope.body, Decision) and envelope.round >= 3 and not crashed
        return b"\xc0" if is_last else None

    def crash() -> None:
        ends.crash(Role.RESPONDER)
        crashed.append(1)

    rewrite(tapped, Role.RESPONDER, spoil)
    at_s(ends, 2.95, partial(forge, ends, Role.ANNOUNCER, 3, BAD_VOTE))
    at_s(ends, 4.5, crash)
    run(tapped)
    assert [event.round for event in events_of(ends, Role.ANNOUNCER, LinkClosed)] == [4]  # type: ignore[union-attr]


@pytest.mark.parametrize("body", [Close(), Vote(closing=True, tag=bytes(16)), BAD_VOTE])
def test_announcer_that_has_closed_asks_again_whatever_was_said_meanwhile(body: Message) -> None:
    """The responder has lost its closing vote, and its new life is not heard for a while.

    Somebody makes it vote for the wrong number, or shows the announcer a vote.
    """
    tapped = TappedEnds(TwoEnds(1, duration_s=3.0), [])
    ends = tapped.ends
    is_healed: list[int] = []
    lose_closing(tapped, until=lambda: bool(is_healed))
    at_s(ends, 3.0005, partial(forge, ends, Role.RESPONDER, 3, Close()))
    at_s(ends, 3.9, partial(ends.crash, Role.RESPONDER))
    role = Role.RESPONDER if isinstance(body, Close) else Role.ANNOUNCER
    at_s(ends, 4.5, partial(forge, ends, role, 8, body))
    at_s(ends, 4.9, lambda: is_healed.append(1))
    run(tapped)
    assert [event.round for event in events_of(ends, Role.ANNOUNCER, LinkClosed)] == [3]  # type: ignore[union-attr]


def test_closing_happens_under_the_number_that_was_asked_for() -> None:
    """A closing vote for another round, though it is signed, closes nothing."""
    tapped = TappedEnds(TwoEnds(1, duration_s=3.0), [])
    ends = tapped.ends
    at_s(ends, 3.0002, partial(forge, ends, Role.RESPONDER, 7, Close()))
    run(tapped)
    voted = [event.round for event in events_of(ends, Role.RESPONDER, ClosingVoted)]  # type: ignore[union-attr]
    assert voted == [7, 3]
    assert [event.round for event in events_of(ends, Role.ANNOUNCER, LinkClosed)] == [3]  # type: ignore[union-attr]


def test_no_round_begins_after_a_closing_vote() -> None:
    """Its pad may have signed; in a later life, too, nothing but the closing is signed."""
    ends = TwoEnds(1, duration_s=3.0)
    ends.run(until_s=3.0001)
    forge(ends, Role.RESPONDER, 9, Close())
    for _ in range(2):
        forge(ends, Role.RESPONDER, 11, NOTHING)
        assert 11 not in ends.ends[Role.RESPONDER]._session._rounds
        ends._flush()
        ends.crash(Role.RESPONDER)


# Tags that are wrong ------------------------------------------------------------------------------


def test_flood_of_decisions_leaves_nothing_in_doubt() -> None:
    """Eleven hundred wrong decisions on a prepared block, and as many closing ones."""
    tapped = TappedEnds(TwoEnds(1, duration_s=4.0), [])
    ends = tapped.ends

    def flood(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, BlockPrepared | ClosingVoted):
            for _ in range(1100):
                forge(ends, Role.RESPONDER, event.round, BAD_COMMIT)

    on_event(ends, flood)
    assert len(run(tapped).usable[0]) == 4
    assert not any(end.is_stopped for end in ends.ends)


def test_every_check_of_a_tag_is_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bound of one a check the books of each end hold as many as it has made."""
    checks = [0, 0]
    check = Signer.check

    def counted(  # noqa: PLR0917 - as it is
        self: Signer,
        tag: bytes,
        pad: bytes,
        purpose: bytes,
        role: Role,
        number: int,
        digests: bytes,
    ) -> bool:
        checks[role.peer] += 1
        return check(self, tag, pad, purpose, role, number, digests)

    monkeypatch.setattr(Signer, "check", counted)
    monkeypatch.setattr(Signer, "forgery_probability", lambda _self: 1.0)
    monkeypatch.setattr(rounds, "forgery_probability", lambda _length: 0.0)
    tapped = TappedEnds(TwoEnds(1, duration_s=4.0), [])
    ends = tapped.ends

    def guess(role: Role, event: Event) -> None:
        if role is not Role.RESPONDER:
            return
        if isinstance(event, BlockPrepared) and event.round == 1:
            forge(ends, Role.ANNOUNCER, 1, BAD_VOTE)
        if isinstance(event, BlockPrepared) and event.round == 2:
            forge(ends, Role.RESPONDER, 2, BAD_COMMIT)
        if isinstance(event, ClosingVoted):
            forge(ends, Role.RESPONDER, event.round, BAD_COMMIT)
            forge(ends, Role.ANNOUNCER, event.round, Vote(closing=True, tag=bytes(16)))

    on_event(ends, guess)
    run(tapped)
    assert [booked(ends, role) for role in Role] == checks
    assert checks == [3 + 1 + 1 + 1, 3 + 1 + 1 + 1 + 1]


def booked(ends: TwoEnds, role: Role) -> float:
    """What the events of one end add to its bound on forgeries."""
    bound = 0.0
    for at, event in ends.events:
        if at is role and isinstance(event, Alarm | LinkClosed):
            bound += event.forgery_probability
        if at is role and isinstance(event, BlockUsable | RoundAborted):
            bound += event.books.forgery_probability
    return bound


def test_transcripts_are_booked() -> None:
    """A good round adds its transcripts, not only the 56 / 2^106 of a tag."""
    ends = run(TappedEnds(TwoEnds(1, duration_s=2.0), []))
    for role in Role:
        for event in events_of(ends, role, BlockUsable):
            assert isinstance(event, BlockUsable)
            assert event.books.forgery_probability > 100 * 56 * 2.0**-106


def test_decision_on_an_unknown_round_is_no_closing_while_there_is_light() -> None:
    """Nothing of it is checked: there is no closing vote that it could answer."""
    ends = TwoEnds(1, duration_s=3.0)
    at_s(ends, 1.2, partial(forge, ends, Role.RESPONDER, 9, BAD_COMMIT))
    ends.run(until_s=1.3)
    (alarm,) = events_of(ends, Role.RESPONDER, Alarm)
    assert alarm == Alarm(9, "a decision on a round that is not open")


# Crashes within a step ----------------------------------------------------------------------------


class Died(Exception):  # noqa: N818 - the end of a process, not an error
    """The process is gone."""


@contextmanager
def death_after(
    monkeypatch: pytest.MonkeyPatch,
    tapped: TappedEnds,
    role: Role,
    died_at: tuple[type[Event], int],
    provoke: Callable[[], None],
) -> Iterator[list[Event]]:
    """The process of ``role`` dies between the first such event and what follows it, once."""
    ends, (kind, number) = tapped.ends, died_at
    died: list[Event] = []
    apply, flush = UserStore._apply, ends._flush

    def apply_and_die(store: UserStore, link: str, event: Event) -> None:
        apply(store, link, event)
        is_it = store is ends.stores[role] and isinstance(event, kind)
        if is_it and not died and getattr(event, "round", number) >= number:
            died.append(event)
            raise Died

    def flush_or_crash() -> None:
        try:
            flush()
        except Died:
            ends.crash(role)
            provoke()
            flush()

    monkeypatch.setattr(UserStore, "_apply", apply_and_die)
    monkeypatch.setattr(ends, "_flush", flush_or_crash)
    yield died


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("kind", "number"), [(BlockUsable, 1), (BlockUsable, 3), (PadsSpent, 4)])
def test_a_step_is_whole_or_undone(
    role: Role, kind: type[Event], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between the events of a step leaves no pad that has signed, and the link closes.

    The new life is shown all votes again, and is asked to close under every number.
    """
    tapped = TappedEnds(TwoEnds(1, duration_s=4.0), [])
    ends = tapped.ends

    def provoke() -> None:
        for message in votes:
            ends.ends[Role.ANNOUNCER]._session.receive(message, ends.now_ps)
        for asked in range(6):
            forge(ends, Role.RESPONDER, asked, Close())

    votes: list[bytes] = []
    on_event(
        ends,
        lambda _role, event: votes.append(event.vote) if isinstance(event, BlockPrepared) else None,
    )
    with death_after(monkeypatch, tapped, role, (kind, number), provoke) as died:
        run(tapped)
    assert len(died) == 1


# Error rates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"leak_share": 0.2}, {"error_correction_charge": "both-directions"}]
)
def test_error_rate_that_was_driven_up_comes_down_again(changes: dict[str, object]) -> None:
    """Damaged verification hashes raise the estimate; a budget that it bursts lowers it."""
    config = link_config(initial_pads=40, **changes)
    tapped = TappedEnds(TwoEnds(1, duration_s=18.0, config=config), [])
    rates: list[int] = []

    def damage(envelope: Envelope) -> bytes | None:
        if not isinstance(envelope.body, VerificationHash) or not 2 <= envelope.round < 10:
            return None
        return encode(replace(envelope, body=replace(envelope.body, digest=bytes(8))))

    rewrite(tapped, Role.RESPONDER, damage)
    see = tapped.ends.fault

    def note(to: Role, datagram: bytes) -> list[tuple[int, bytes]]:
        passing = see(to, datagram)
        sighting = tapped.chains[to.peer].wire.view.latest
        if sighting is not None and sighting.envelope is not None:
            body = sighting.envelope.body
            rates.extend(body.error_rates_ppm if isinstance(body, ReconciliationSetup) else ())
        return passing

    tapped.ends.fault = note
    ends = run(tapped)
    assert max(rates) <= 150_000
    assert len([number for number in ends.usable[0] if number >= 10]) >= 5


# What no honest peer sends ------------------------------------------------------------------------


def test_message_after_the_transcripts_is_refused() -> None:
    """Nothing is absorbed by a finished transcript: an alarm, and the round is dropped."""
    ends = TwoEnds(1, duration_s=2.0)

    def add(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, BlockPrepared) and event.round == 0:
            for to in Role:
                sequence = ends.ends[to]._session._rounds[0].sequences[to.peer]
                body = NOTHING if to is Role.RESPONDER else Matches(False, 0, 0, b"", b"", b"")
                forge(ends, to, 0, body, sequence=sequence)

    on_event(ends, add)
    tapped = TappedEnds(ends, [])
    run(tapped)
    assert alarms(ends).count("a message after the end of the transcript") == 2


@pytest.mark.parametrize("body", [BAD_VOTE, Ready()])
def test_numbered_message_outside_the_transcripts_is_refused(body: Message) -> None:
    """Votes and words of being ready have no sequence number."""
    ends = TwoEnds(1, duration_s=2.0)
    forge(ends, Role.ANNOUNCER, 0, body, sequence=1)
    assert [event.what for event in ends.ends[0].take_events() if isinstance(event, Alarm)] == [
        f"a numbered {type(body).__name__}"
    ]


def test_beacon_of_another_time_is_not_kept() -> None:
    """Light announced for a far future is not looked at."""
    ends = TwoEnds(1, duration_s=2.0)
    at_s(ends, 0.35, partial(forge, ends, Role.RESPONDER, 0, Beacon(0, 2**50, 0, b"")))
    ends.run(until_s=0.38)
    session = ends.ends[Role.RESPONDER]._session
    assert isinstance(session, ResponderSession)
    assert not session._aligner.has_pending


def test_impossible_error_rate_is_refused() -> None:
    """Above one half there is nothing to correct."""
    tapped = TappedEnds(TwoEnds(1, duration_s=2.0), [])

    def raise_rate(envelope: Envelope) -> bytes | None:
        if not isinstance(envelope.body, ReconciliationSetup) or envelope.round:
            return None
        return encode(replace(envelope, body=replace(envelope.body, error_rates_ppm=(500_001,))))

    rewrite(tapped, Role.ANNOUNCER, raise_rate)
    assert "impossible error rate" in alarms(run(tapped))


# What an end keeps --------------------------------------------------------------------------------


def test_settled_decisions_are_forgotten() -> None:
    """The announcer keeps the closing decision and no older ones."""
    ends = run(TappedEnds(TwoEnds(1, duration_s=3.0), []))
    session = ends.ends[Role.ANNOUNCER]._session
    assert isinstance(session, AnnouncerSession)
    assert list(session._decisions) == [3]


def test_all_matched_clicks_are_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keep mask tells the bases of all matched clicks, so none is left to another link."""
    claimed = 0
    claim = TagBook.claim
    ends = TwoEnds(1, duration_s=2.0)

    def count(book: TagBook, ids: object) -> object:
        nonlocal claimed
        claimed += len(ids) if book is ends.ends[0]._book else 0  # type: ignore[arg-type]
        return claim(book, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(TagBook, "claim", count)
    tapped = TappedEnds(ends, [])
    run(tapped)
    view = tapped.chains[Role.RESPONDER].wire.view
    matched = [message.body.count for message in view.messages[Matches]]  # type: ignore[union-attr]
    assert claimed == sum(matched) > 2000
