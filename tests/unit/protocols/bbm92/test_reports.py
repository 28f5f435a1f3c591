"""Reports on rounds that were given up: what they show, and what nobody can make them hide."""

import tracemalloc
from dataclasses import replace

import pytest

from protocols.bbm92.reports import KEPT_ROUNDS, MAX_AWAITED, Reporter
from protocols.bbm92.streams import OwnStream, Stream
from protocols.hashing.authentication import Transcript
from protocols.messages import Abort, AbortReason, Role
from tests.support.links import link_config

KEY = bytes(range(16))
REASON = AbortReason.LEAK_TOO_HIGH
SENT = [b"one", b"", b"three"]
CHANGED = "changed on the way"
FORGED = "has not sent"


def reporters(*, responder_key: bytes = KEY, **changes: object) -> list[Reporter]:
    """Both ends; ``changes`` are those of the responder's settings."""
    return [
        Reporter(link_config(), KEY, Role.ANNOUNCER, -1),
        Reporter(link_config(**changes), responder_key, Role.RESPONDER, -1),
    ]


def begin(end: Reporter, number: int) -> tuple[Stream, Stream]:
    """Begin a round: streams of the announcer's and of the responder's messages."""
    return end.begin(number, (Transcript(KEY), Transcript(KEY)))


def after(sent: list[bytes], taken: list[bytes], number: int = 7) -> list[Reporter]:
    """Both ends after the announcer has sent some messages and the responder has taken others."""
    ends = reporters()
    (announcers, _), (arrived, _) = (begin(end, number) for end in ends)
    for message in sent:
        announcers.absorb(message)
    for message in taken:
        arrived.absorb(message)
    return ends


def judged(end: Reporter, number: int, report: Abort, *, is_ignored: bool = False) -> str | None:
    """What ``end`` says of a report."""
    return end.judge(number, report, is_ignored=is_ignored)


def complaints(sent: list[bytes], arrived: list[bytes], *, is_cut: bool = False) -> list[str]:
    """What either end says of the other's report on a round of the announcer's messages."""
    ends = after(sent, arrived)
    reason = AbortReason.CONNECTION_RESET if is_cut else REASON
    reports = [end.report(7, reason) for end in ends]
    found = [judged(end, 7, report) for end, report in zip(ends, reversed(reports), strict=True)]
    return [complaint for complaint in found if complaint is not None]


def test_round_as_it_was_sent() -> None:
    """No complaint at either end, with messages or without any."""
    assert complaints(SENT, SENT) == complaints([], []) == []


@pytest.mark.parametrize("count", range(3))
def test_last_messages_are_missed_unless_the_connection_was_lost(count: int) -> None:
    """Reports come behind all messages of the round: one that has not come by then was deleted."""
    (complaint,) = complaints(SENT, SENT[:count])
    assert CHANGED in complaint
    assert complaints(SENT, SENT[:count], is_cut=True) == []


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize(
    "arrived",
    [[b"One"], [b"on", b"e"], [b"one", b"three"], [b"one", b"\0"], [*SENT, b""], [b"", b"one"]],
    ids=repr,
)
def test_anything_else_was_changed(arrived: list[bytes], *, is_cut: bool) -> None:
    """Other bytes, other borders, an order that was changed, a message left out or too many."""
    found = complaints(SENT, arrived, is_cut=is_cut)
    assert [CHANGED in complaint for complaint in found] == [True] * (1 if is_cut else 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": AbortReason.NO_KEY},
        {"reason": -1},
        {"arrived": 2},
        {"arrived": -1},
        {"arrived": 2**62},
        {"sent": 1},
        {"sent": -(2**62)},
        {"arrived_digest": b""},
        {"sent_digest": b""},
        {"arrived_digest": bytes(33)},
        {"mac": b""},
        {"mac": bytes(32)},
    ],
    ids=str,
)
def test_changed_report_is_not_believed(changes: dict[str, object]) -> None:
    """Every field is under the code, whatever stands in it."""
    announcer, responder = after(SENT, SENT)
    report = responder.report(7, REASON)
    assert FORGED in (judged(announcer, 7, replace(report, **changes)) or "")  # type: ignore[arg-type]  # wrong on purpose


def test_report_fits_nowhere_else() -> None:
    """Not in another round, not reflected, not on a link with another secret or other settings."""
    announcer, responder = after(SENT, SENT)
    report = responder.report(7, REASON)
    assert FORGED in (judged(announcer, 8, report) or "")
    assert FORGED in (judged(responder, 7, report) or "")
    for stranger in (reporters(responder_key=bytes(16))[1], reporters(qber_threshold=0.05)[1]):
        begin(stranger, 7)
        for message in SENT:
            stranger.note_arrived(7, message)
        assert FORGED in (judged(announcer, 7, stranger.report(7, REASON)) or "")


def test_whoever_changed_a_message_cannot_hide_it() -> None:
    """The digest that would fit is no secret; the code over it is."""
    announcer, responder = after(SENT, [b"ONE"])
    stream = Stream(b"")
    stream.absorb(b"one")
    hidden = replace(responder.report(7, REASON), arrived_digest=stream.digest)
    assert FORGED in (judged(announcer, 7, hidden) or "")


def test_report_on_a_round_that_never_began_here() -> None:
    """All of its messages were taken away, unless it is one that this end takes no notice of."""
    announcer, responder = after(SENT, [])
    report = announcer.report(7, REASON)
    assert "not known" in (judged(reporters()[1], 7, report) or "")
    assert judged(reporters()[1], 7, report, is_ignored=True) is None
    assert judged(reporters()[1], 7, responder.report(7, REASON)), "a reflection"
    silent, unasked = after([], [])
    assert judged(reporters()[1], 7, silent.report(7, REASON)) is None, "nothing was sent"
    assert judged(reporters()[0], 7, unasked.report(7, REASON)) is None
    cut = after(SENT, [])[0].report(7, AbortReason.CONNECTION_RESET)
    assert judged(reporters()[1], 7, cut) is None


def test_rounds_of_a_former_life_are_not_judged() -> None:
    """What an end no longer knows is no reason for an alarm; forgeries are."""
    report = after(SENT, [b"ONE"])[1].report(7, REASON)
    fresh = Reporter(link_config(), KEY, Role.ANNOUNCER, 7)
    assert judged(fresh, 7, report) is None
    assert judged(fresh, 7, replace(report, mac=bytes(32)))


def test_rounds_that_ended_long_ago_are_forgotten() -> None:
    """Not before their reports have come, nor while they are open."""
    announcer, responder = after(SENT, [b"ONE"])
    announcer.note_arrived(7, b"answer")
    responder._rounds[7].sent.absorb(b"answer")
    announcer.report(7, REASON)
    for number in range(8, 8 + 2 * KEPT_ROUNDS):
        begin(announcer, number)
    begin(announcer, 100)
    for number in range(8, 8 + 2 * KEPT_ROUNDS):
        announcer.report(number, REASON)
    report = responder.report(7, REASON)
    assert CHANGED in (judged(announcer, 7, report) or "")
    announcer.report(100, REASON)
    assert judged(announcer, 7, report) is None
    announcer.note_arrived(7, b"late")
    assert announcer.missing(200) == []


def test_report_of_a_later_life_is_no_complaint() -> None:
    """An end that came back with a block in doubt, and is told to drop it, knows no messages."""
    announcer, _ = after(SENT, SENT)
    announcer.note_arrived(7, b"answer")
    back = Reporter(link_config(), KEY, Role.RESPONDER, 7)
    assert judged(announcer, 7, back.report(7, AbortReason.PEER_ABORTED)) is None
    assert back.missing(8) == []


def test_round_that_begins_again_starts_anew() -> None:
    """A number may have been made up on the wire before it was a round's by right."""
    announcer, responder = after(SENT, [b"made up"])
    begin(responder, 7)
    for message in SENT:
        responder.note_arrived(7, message)
    assert judged(announcer, 7, responder.report(7, REASON)) is None
    assert judged(responder, 7, announcer.report(7, REASON)) is None


def test_missing_reports_are_told_once() -> None:
    """A report that this end has sent calls for the peer's, which what is signed shows to be lost.

    Not for a round without any message: the peer cannot know it.
    """
    announcer, responder = after(SENT, [])
    responder.report(7, REASON)
    announcer.report(7, REASON)
    assert announcer.missing(7) == responder.missing() == []
    assert announcer.missing(8) == [7]
    assert announcer.missing() == []
    announcer.report(7, REASON)
    assert announcer.missing() == [7]


@pytest.mark.parametrize("is_believed", [True, False])
def test_only_a_true_report_is_one(is_believed: bool) -> None:
    """Before or after this end's own; a forged one leaves the true one missing."""
    announcer, responder = after(SENT, SENT)
    responder.report(7, REASON)
    told = announcer.report(7, REASON)
    judged(responder, 7, told if is_believed else replace(told, mac=bytes(32)))
    assert responder.missing(8) == ([] if is_believed else [7])


def test_no_report_is_missed_that_was_lost_with_the_connection() -> None:
    """Nor one that something signed stands for."""
    _, responder = after(SENT, SENT)
    responder.report(7, REASON)
    assert responder.forget_awaited() == [7]
    assert responder.missing(8) == responder.forget_awaited() == []
    responder.report(7, REASON)
    responder.note_reported(7)
    assert responder.missing(8) == []


def test_digests_of_streams() -> None:
    """One for each beginning, all different; none beyond the end; the last is that of all."""
    own, stream = OwnStream(b""), Stream(b"")
    for message in SENT:
        own.absorb(message)
        stream.absorb(message)
    digests = [own.digest_of(count) for count in range(4)]
    assert len(set(digests)) == 4
    assert {len(digest) for digest in digests} == {32}
    assert own.digest_of(4) == own.digest_of(-1) == b""
    assert own.digest_of(3) == own.digest == stream.digest


@pytest.mark.slow
def test_memory_is_that_of_the_digests() -> None:
    """32 bytes a message that this end has sent, of few rounds; nothing grows with what arrives."""
    reporter, message = reporters()[0], bytes(10_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(5 * KEPT_ROUNDS):
        sent, _ = begin(reporter, number)
        for _ in range(100):
            sent.absorb(message)
        for _ in range(1000):  # as many as somebody likes
            reporter.note_arrived(number, message)
        reporter.report(number, REASON)
        reporter.note_reported(number)
    for number in range(10_000, 10_000 + 3 * MAX_AWAITED):
        begin(reporter, number)
        reporter.note_arrived(number, b"")
        reporter.report(number, REASON)
    after_all, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after_all - before < KEPT_ROUNDS * (100 * 32 * 1.5 + 2000) + MAX_AWAITED * 3000


def test_rounds_that_have_ended_keep_no_messages() -> None:
    """Neither what came in them, either way, nor what still comes of them."""
    reporter = reporters()[0]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(KEPT_ROUNDS):
        sent, _ = begin(reporter, number)
        sent.absorb(bytes(20_000))
        reporter.note_arrived(number, bytes(20_000))
        reporter.settle(number)
        reporter.note_arrived(number, bytes(20_000))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < KEPT_ROUNDS * 3_000
