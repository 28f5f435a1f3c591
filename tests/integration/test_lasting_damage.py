"""What a few forged messages must not do for good.

The wire is not authenticated, so messages are handed to a session as an attacker would. Afterwards
the channel is sound: both ends close with equal blocks, and no pad has signed twice.
"""

from dataclasses import replace
from functools import partial

import pytest

from netsim.taps.tap import TapPlan
from netsim.units import PS_PER_S
from protocols.bbm92 import announcer
from protocols.bbm92.announcer import AnnouncerSession
from protocols.bbm92.reports import Reporter
from protocols.bbm92.responder import ResponderSession
from protocols.codec import encode
from protocols.events import (
    AbortSigned,
    Alarm,
    BlockHeld,
    BlockPrepared,
    BlockUsable,
    ClosingVoted,
    Event,
    PadsSpent,
    ReserveEmpty,
    RoundSifted,
    RoundsPaused,
    RoundStarted,
)
from protocols.messages import (
    Abort,
    AbortReason,
    Beacon,
    Envelope,
    Matches,
    Message,
    Ready,
    ReconciliationSetup,
    Role,
    Seal,
    VerificationHash,
    Vote,
)
from protocols.pads import BITS_PER_INDEX
from protocols.tagbook import TagBook
from tests.integration.test_forgeries import Renumber
from tests.support.forging import BAD_VOTE, NOTHING, forge, forge_vote, rewrite, run
from tests.support.links import LINK, link_config, session_of
from tests.support.tapped import TappedEnds
from tests.support.two_ends import TwoEnds, clean_ends

# Numbers that anybody may name --------------------------------------------------------------------


def test_announcements_of_all_rounds_to_come_cost_one() -> None:
    """Fifteen empty announcements name every number that has pads: the true rounds begin still."""
    tapped = TappedEnds(clean_ends(1, duration_s=16.0), [])
    ends = tapped.ends

    def name_all() -> None:
        for number in range(4, 19):
            forge(ends, Role.RESPONDER, number, NOTHING)

    ends.at_s(3.6, name_all)
    assert len(run(tapped).usable[0]) >= 14


@pytest.mark.parametrize("role", list(Role))
def test_far_number_and_a_crash_cost_few_rounds(role: Role) -> None:
    """A number that one forged message has named is not taken in the next life."""
    tapped = TappedEnds(clean_ends(1, duration_s=10.0), [])
    ends = tapped.ends

    def name_far() -> None:
        for number in range(15, 19):
            if role is Role.RESPONDER:
                forge(ends, role, number, NOTHING)
            else:
                forge_vote(ends, number)

    ends.at_s(3.6, name_far)
    ends.at_s(4.5, partial(ends.crash, role))
    assert len(run(tapped).usable[0]) >= 7


@pytest.mark.parametrize(("pads", "shift"), [(16, 15), (16, 14), (17, 15), (9, 7)])
def test_responder_votes_for_no_round_that_the_announcer_cannot_answer(
    pads: int, shift: int
) -> None:
    """Renumbered rounds, and pads of which one end may not have the newest: the link goes on.

    When round 1 is announced the responder has settled block 0, and has pads for one round more.
    """
    config = link_config(
        offset_bound_ps=50_000_000, frames_per_round=20, timeout_ps=2 * PS_PER_S, initial_pads=pads
    )
    ends = clean_ends(1, duration_s=12.0, config=config, pairs_hz=2500.0, error=0.01)
    plan = TapPlan(
        lambda context: Renumber(context, shift),
        start_ps=round(2.4 * PS_PER_S),
        stop_ps=round(4.4 * PS_PER_S),
    )
    run(TappedEnds(ends, [plan]))
    (first, *_) = ends.told(Role.RESPONDER, BlockUsable)
    assert isinstance(first, BlockUsable)
    assert len(first.reserve) == 32
    assert len(ends.usable[0]) >= 3


@pytest.mark.parametrize("numbers", [(10, 11, 12, 13), (4, 8, 9, 10)])
def test_rounds_made_up_take_nothing_from_the_true_one_and_are_told(
    numbers: tuple[int, ...],
) -> None:
    """Four of them while round 1 is under way, and what the responder says of them is swallowed."""
    tapped = TappedEnds(clean_ends(1, duration_s=4.0), [])
    ends = tapped.ends

    def swallow(envelope: Envelope) -> bytes | None:
        is_made_up = envelope.round in numbers and not isinstance(envelope.body, Vote | Ready)
        return encode(Envelope(LINK, Role.RESPONDER, 0, 0, Ready())) if is_made_up else None

    rewrite(tapped, Role.ANNOUNCER, swallow)
    for number in numbers:
        ends.at_s(1.9, partial(forge, ends, Role.RESPONDER, number, NOTHING))
    run(tapped)
    assert 1 in ends.usable[0]
    assert ends.alarms()


def test_vote_in_the_midst_of_a_round_is_told() -> None:
    """It costs the round, for a pad answers it; no honest responder votes so early."""
    tapped = TappedEnds(clean_ends(1, duration_s=4.0), [])
    ends = tapped.ends
    ends.at_s(1.6, partial(forge_vote, ends, 1))
    run(tapped)
    assert 1 not in ends.usable[0]
    assert "a vote for a round that is not complete here" in ends.alarms()


def test_vote_that_anybody_can_make_costs_nothing() -> None:
    """Votes for every round, in its midst and when its key waits: alarms, all rounds have key."""
    tapped = TappedEnds(clean_ends(1, duration_s=4.0), [])
    ends = tapped.ends

    def strike(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, RoundSifted | BlockPrepared):
            for pad in range(5):
                forge(ends, Role.ANNOUNCER, event.round, replace(BAD_VOTE, pad=pad))

    ends.on_event = strike
    assert sorted(run(tapped).usable[0]) == [0, 1, 2, 3]
    assert set(ends.alarms()) == {"a vote that the peer has not sent"}
    assert [end.reserve_bits for end in ends.ends] == [(16 - 1) * BITS_PER_INDEX] * 2


def test_nothing_unproven_ends_a_round_whose_vote_is_on_its_way() -> None:
    """Junk and a forged abort just then: alarms, no round is lost and no pad signs an abort."""
    tapped = TappedEnds(clean_ends(1, duration_s=3.0), [])
    ends = tapped.ends

    def strike(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, BlockPrepared):
            ends.ends[0]._session.receive(b"junk", ends.now_ps)
            forged = Abort(int(AbortReason.NO_KEY), 0, b"", 0, b"", bytes(32))
            forge(ends, Role.ANNOUNCER, event.round, forged)

    ends.on_event = strike
    assert sorted(run(tapped).usable[0]) == [0, 1, 2]
    assert len(ends.alarms()) == 6
    assert [end.reserve_bits for end in ends.ends] == [(16 - 1) * BITS_PER_INDEX] * 2


# Pads kept for the closing ------------------------------------------------------------------------


@pytest.mark.parametrize("is_forged", [False, True])
def test_forged_votes_leave_the_last_pad_to_the_closing(*, is_forged: bool) -> None:
    """No abort is signed with the pad that settles what is in doubt."""
    config = link_config(initial_pads=5)
    tapped = TappedEnds(clean_ends(3, duration_s=3.0, config=config, error=0.07), [])
    ends = tapped.ends

    def strike(role: Role, event: Event) -> None:
        if is_forged and role is Role.RESPONDER and isinstance(event, ClosingVoted):
            for _ in range(6):
                forge_vote(ends, 3)

    ends.on_event = strike
    blocks = run(tapped).told(Role.ANNOUNCER, BlockUsable)
    assert [len(block.reserve) for block in blocks] == [0, 0, 0]
    assert ("a vote with the pads of the closing" in ends.alarms()) is is_forged
    assert [end.reserve_bits for end in ends.ends] == [(0 if is_forged else 1) * BITS_PER_INDEX] * 2


def test_votes_for_rounds_to_come_after_the_light_do_not_keep_the_responder_waiting() -> None:
    """Five aborts of rounds to come; the next vote is that of a responder led astray."""
    config = link_config(offset_bound_ps=50_000_000, frames_per_announcement=10)
    ends = clean_ends(1, duration_s=2.0, config=config, pairs_hz=1500.0, error=0.01)
    plan = TapPlan(lambda context: Renumber(context, 9), start_ps=round(1.4 * PS_PER_S))
    tapped = TappedEnds(ends, [plan])

    def vote() -> None:
        for number in range(2, 8):
            forge_vote(ends, number)

    def believe_all(_reporter: Reporter, _number: int, _seal: Seal) -> bool:
        return True  # the renumbered seals too: as if their MACs had been made up

    ends.at_s(1.5, vote)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reporter, "is_sealed", believe_all)
        patch.setattr(announcer, "is_proven", lambda _macs, _number, _vote: True)
        run(tapped)
    assert [event.round for event in ends.told(Role.RESPONDER, BlockPrepared)] == [0, 10]


# What spoilt rounds cost --------------------------------------------------------------------------


def abort_every_round(ends: TwoEnds, *, until_s: float) -> None:
    """A forged abort in every round, half a second after it begins, until then."""

    def abort(role: Role, event: Event) -> None:
        if role is Role.ANNOUNCER and isinstance(event, RoundStarted):
            number = event.round
            forged = Abort(int(AbortReason.NO_KEY), 0, b"", 0, b"", bytes(32))
            if ends.now_ps < until_s * PS_PER_S:
                at_ps = ends.now_ps + PS_PER_S // 2
                ends.at(at_ps, partial(forge, ends, Role.ANNOUNCER, number, forged))

    ends.on_event = abort


def test_rounds_spoilt_before_anything_is_signed_cost_no_pad() -> None:
    """63 forged aborts, one a round, and sixteen pads: the next rounds have key, none was spent."""
    tapped = TappedEnds(clean_ends(1, duration_s=66.0), [])
    ends = tapped.ends
    abort_every_round(ends, until_s=63.0)
    run(tapped, until_s=120.0)
    aborted = ends.aborted(Role.ANNOUNCER)
    assert len(aborted) == 63
    assert not ends.told(Role.ANNOUNCER, RoundsPaused)
    assert sorted(ends.usable[0]) == sorted(ends.usable[1]) == [63, 64, 65]
    spent = sum(event.bits for event in ends.told(Role.ANNOUNCER, PadsSpent))
    assert spent == 4 * BITS_PER_INDEX  # three rounds and the closing


PAUSES = [1, 2, 4, 8, 16]


@pytest.mark.slow
def test_who_can_make_up_macs_does_not_use_up_the_reserve() -> None:
    """A vote made up in every round is answered by a pad: behind half of them pauses double.

    Thirty rounds long, with sixteen pads. Then there is key again.
    """
    tapped = TappedEnds(clean_ends(1, duration_s=60.0), [])
    ends = tapped.ends

    def strike(role: Role, event: Event) -> None:
        is_time = role is Role.ANNOUNCER and ends.now_ps < 30 * PS_PER_S
        if is_time and isinstance(event, RoundStarted):
            at_ps = ends.now_ps + PS_PER_S // 2
            ends.at(at_ps, partial(forge_vote, ends, event.round))

    ends.on_event = strike
    run(tapped, until_s=120.0)
    assert [event.rounds for event in ends.told(Role.ANNOUNCER, RoundsPaused)] == PAUSES
    assert not ends.told(Role.ANNOUNCER, ReserveEmpty)
    assert ends.usable[0]


@pytest.mark.parametrize("spoilt", [(1, 2, 3, 5), (1, 2, 3, 4)])
def test_refilled_pads_are_of_use_at_once(spoilt: tuple[int, ...]) -> None:
    """Four votes of the first five come to an announcer that has lost their rounds.

    Six pads: behind them the responder has those only that the one block has refilled. The next
    rounds have key all the same.
    """
    config = link_config(initial_pads=6)
    ends = clean_ends(1, duration_s=11.0, config=config, error=0.01)
    tapped = TappedEnds(ends, [])

    def strike(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, BlockPrepared):
            votes.append(event.pad)
            if len(votes) in spoilt:
                ends.at(ends.now_ps + 1, partial(ends.give_up, Role.ANNOUNCER))

    votes: list[int] = []
    ends.on_event = strike
    run(tapped)
    assert votes[:5] == [0, 1, 2, 3, 4]
    assert len(ends.told(Role.ANNOUNCER, AbortSigned)) == len(spoilt)
    assert len(ends.usable[0]) >= 5
    assert not ends.told(Role.ANNOUNCER, ReserveEmpty)


# Error rates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"leak_share": 0.2}, {"charge": "both-directions"}])
def test_error_rate_that_was_driven_up_comes_down_again(changes: dict[str, object]) -> None:
    """Damaged verification hashes raise the estimate; a budget that it bursts lowers it."""
    config = link_config(initial_pads=40, **changes)
    tapped = TappedEnds(clean_ends(1, duration_s=18.0, config=config), [])
    rates: list[int] = []

    def damage(envelope: Envelope) -> bytes | None:
        if not isinstance(envelope.body, VerificationHash) or not 2 <= envelope.round < 10:
            return None
        return encode(envelope._replace(body=replace(envelope.body, digest=bytes(8))))

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
    ends = clean_ends(1, duration_s=2.0)

    def add(role: Role, event: Event) -> None:
        if role is Role.RESPONDER and isinstance(event, BlockPrepared) and event.round == 0:
            for to in Role:
                sequence = session_of(ends.ends[to])._rounds[0].sequences[to.peer]
                body = NOTHING if to is Role.RESPONDER else Matches(False, 0, 0, b"", b"", b"")
                forge(ends, to, 0, body, sequence=sequence)

    ends.on_event = add
    tapped = TappedEnds(ends, [])
    run(tapped)
    assert ends.alarms().count("a message after the end of the transcript") == 2


@pytest.mark.parametrize("body", [BAD_VOTE, Ready()])
def test_numbered_message_outside_the_transcripts_is_refused(body: Message) -> None:
    """Votes and words of being ready have no sequence number."""
    ends = clean_ends(1, duration_s=2.0)
    forge(ends, Role.ANNOUNCER, 0, body, sequence=1)
    assert [event.what for event in ends.ends[0].take_events() if isinstance(event, Alarm)] == [
        f"a numbered {type(body).__name__}"
    ]


def test_beacon_of_another_time_is_not_kept() -> None:
    """Light announced for a far future is not looked at."""
    ends = clean_ends(1, duration_s=2.0)
    ends.at_s(0.35, partial(forge, ends, Role.RESPONDER, 0, Beacon(0, 2**50, 0, b"")))
    ends.run(until_s=0.38)
    session = ends.ends[Role.RESPONDER]._session
    assert isinstance(session, ResponderSession)
    assert not session._aligner.has_pending


def test_impossible_error_rate_is_refused() -> None:
    """Above one half there is nothing to correct."""
    tapped = TappedEnds(clean_ends(1, duration_s=2.0), [])

    def raise_rate(envelope: Envelope) -> bytes | None:
        if not isinstance(envelope.body, ReconciliationSetup) or envelope.round:
            return None
        return encode(envelope._replace(body=replace(envelope.body, error_rates_ppm=(500_001,))))

    rewrite(tapped, Role.ANNOUNCER, raise_rate)
    assert "impossible error rate" in run(tapped).alarms()


# What an end keeps --------------------------------------------------------------------------------


def test_settled_decisions_are_forgotten() -> None:
    """The announcer keeps the closing decision and no older ones."""
    ends = run(TappedEnds(clean_ends(1, duration_s=3.0), []))
    session = ends.ends[Role.ANNOUNCER]._session
    assert isinstance(session, AnnouncerSession)
    assert list(session._decided.messages) == [3]


def test_all_matched_clicks_are_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keep mask tells the bases of all matched clicks, so none is left to another link."""
    claimed = 0
    claim = TagBook.claim
    ends = clean_ends(1, duration_s=2.0)

    def count(book: TagBook, ids: object) -> object:
        nonlocal claimed
        claimed += len(ids) if book is ends.ends[0].book else 0  # type: ignore[arg-type]
        return claim(book, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(TagBook, "claim", count)
    tapped = TappedEnds(ends, [])
    run(tapped)
    view = tapped.chains[Role.RESPONDER].wire.view
    matched = [message.body.count for message in view.messages[Matches]]  # type: ignore[union-attr]
    assert claimed == sum(matched) > 2000


def test_answers_to_a_repeated_vote_do_not_pile_up() -> None:
    """Ten thousand copies of a vote while nothing gets through to the responder: a few wait."""
    ends = clean_ends(1, duration_s=2.0)
    votes: list[BlockPrepared] = []

    def flood(role: Role, event: Event) -> None:
        if isinstance(event, BlockPrepared) and role is Role.RESPONDER and not votes:
            votes.append(event)
            ends.fault = lambda to, datagram: [] if to is Role.RESPONDER else [(0, datagram)]
            ends.at_s(2.5, repeat)

    def repeat() -> None:
        session = ends.ends[Role.ANNOUNCER]._session
        for _ in range(10_000):
            session.receive(votes[0].vote, ends.now_ps)
            ends.flush()

    ends.on_event = flood
    ends.run(until_s=2.6)
    assert ends.told(Role.ANNOUNCER, BlockHeld)
    transport = ends.ends[Role.ANNOUNCER]._transport
    sizes = [len(piece.payload) for piece in transport._queue]
    assert sizes.count(len(ends.told(Role.ANNOUNCER, BlockHeld)[0].decision)) <= 1
