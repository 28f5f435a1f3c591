"""Reports on rounds that were given up: what they show, and what nobody can make them hide."""

import tracemalloc
from dataclasses import replace

import pytest

from protocols.bbm92.reports import KEPT_ROUNDS, Reporter, Stream
from protocols.messages import Abort, AbortReason, Role
from tests.two_ends import link_config

KEY = bytes(range(16))
REASON = AbortReason.LEAK_TOO_HIGH
SENT = [b"one", b"", b"three"]
CHANGED = "changed on the way"
FORGED = "has not sent"


def reporters(*, responder_key: bytes = KEY, **changes: object) -> list[Reporter]:
    """Both ends; ``changes`` are those of the responder's settings."""
    return [
        Reporter(link_config(), KEY, Role.ANNOUNCER),
        Reporter(link_config(**changes), responder_key, Role.RESPONDER),
    ]


def after(sent: list[bytes], taken: list[bytes], number: int = 7) -> list[Reporter]:
    """Both ends after the announcer has sent some messages and the responder has taken others."""
    ends = reporters()
    for end in ends:
        end.begin(number)
    for message in sent:
        ends[0].note_sent(number, message)
    for message in taken:
        ends[1].note_taken(number, message)
    return ends


@pytest.mark.parametrize("count", range(4))
def test_any_beginning_is_in_order(count: int) -> None:
    """Messages that are still on their way, or were lost with the connection, are no damage."""
    announcer, responder = after(SENT, SENT[:count])
    report = responder.report(7, REASON)
    assert (report.reason, report.taken) == (REASON, count)
    assert announcer.judge(7, report) is None


@pytest.mark.parametrize(
    "taken",
    [[b"One"], [b"on", b"e"], [b"one", b"three"], [b"one", b"\0"], [*SENT, b""], [b"", b"one"]],
    ids=repr,
)
def test_anything_else_was_changed(taken: list[bytes]) -> None:
    """Other bytes, other borders, an order that was changed, a message left out or too many."""
    announcer, responder = after(SENT, taken)
    assert CHANGED in (announcer.judge(7, responder.report(7, REASON)) or "")


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": AbortReason.NO_KEY},
        {"reason": -1},
        {"taken": 2},
        {"taken": -1},
        {"taken": 2**62},
        {"digest": b""},
        {"digest": bytes(17)},
        {"mac": b""},
        {"mac": bytes(16)},
    ],
    ids=str,
)
def test_changed_report_is_not_believed(changes: dict[str, object]) -> None:
    """Every field is under the code, whatever stands in it."""
    announcer, responder = after(SENT, SENT)
    report = responder.report(7, REASON)
    assert FORGED in (announcer.judge(7, replace(report, **changes)) or "")  # type: ignore[arg-type]  # wrong on purpose


def test_report_fits_nowhere_else() -> None:
    """Not in another round, not reflected, not on a link with another secret or other settings."""
    announcer, responder = after(SENT, SENT)
    report = responder.report(7, REASON)
    assert FORGED in (announcer.judge(8, report) or "")
    assert FORGED in (responder.judge(7, report) or "")
    for stranger in (reporters(responder_key=bytes(16))[1], reporters(abort_qber=0.05)[1]):
        stranger.begin(7)
        for message in SENT:
            stranger.note_taken(7, message)
        assert FORGED in (announcer.judge(7, stranger.report(7, REASON)) or "")


def test_whoever_changed_a_message_cannot_hide_it() -> None:
    """The digest that would fit is no secret; the code over it is."""
    announcer, responder = after(SENT, [b"ONE"])
    told = responder.report(7, REASON)
    stream = Stream()
    stream.absorb(b"one")
    hidden = Abort(told.reason, 1, stream.digest(1), told.mac)
    assert FORGED in (announcer.judge(7, hidden) or "")


def test_rounds_of_a_former_life_are_not_judged() -> None:
    """What an end no longer knows, or never knew, is no reason for an alarm; forgeries are."""
    announcer, responder = after(SENT, [b"ONE"])
    report = responder.report(7, REASON)
    fresh = reporters()[0]
    assert fresh.judge(7, report) is None
    assert fresh.judge(7, replace(report, mac=bytes(16)))
    assert announcer.judge(7, report)
    for number in range(8, 8 + KEPT_ROUNDS):
        announcer.begin(number)
    assert announcer.judge(7, report) is None
    announcer.note_sent(7, b"late")
    unknown = reporters()[1].report(7, REASON)
    assert unknown.taken == 0
    assert announcer.judge(7, unknown) is None


def test_round_that_begins_again_starts_anew() -> None:
    """A number may have been made up on the wire before it was a round's by right."""
    announcer, responder = after(SENT, [b"made up"])
    responder.begin(7)
    for message in SENT:
        responder.note_taken(7, message)
    assert announcer.judge(7, responder.report(7, REASON)) is None


def test_missing_reports_are_told_once() -> None:
    """A report that this end has sent calls for the peer's, which what is signed shows to be lost.

    Not for a round of which nothing was taken in: the peer need not know it.
    """
    announcer, responder = after(SENT, SENT)
    responder.report(7, REASON)
    announcer.report(7, REASON)
    assert responder.missing(7) == announcer.missing(8) == []
    assert responder.missing(8) == [7]
    assert responder.missing(8) == []


@pytest.mark.parametrize("is_believed", [True, False])
def test_only_a_true_report_is_one(is_believed: bool) -> None:
    """Before or after this end's own; a forged one leaves the true one missing."""
    announcer, responder = after(SENT, SENT)
    responder.report(7, REASON)
    told = announcer.report(7, REASON)
    responder.judge(7, told if is_believed else replace(told, mac=bytes(16)))
    assert responder.missing(8) == ([] if is_believed else [7])


def test_no_report_is_missed_that_was_lost_with_the_connection() -> None:
    """Nor one that something signed stands for."""
    _, responder = after(SENT, SENT)
    responder.report(7, REASON)
    responder.forget_awaited()
    assert responder.missing(8) == []
    responder.report(7, REASON)
    responder.note_reported(7)
    assert responder.missing(8) == []


def test_digests_of_streams() -> None:
    """One for each beginning, all different; none beyond the end."""
    stream = Stream()
    for message in SENT:
        stream.absorb(message)
    digests = [stream.digest(count) for count in range(4)]
    assert len(set(digests)) == 4
    assert {len(digest) for digest in digests} == {32}
    assert stream.digest(4) == stream.digest(-1) == b""


def test_memory_is_that_of_the_digests() -> None:
    """32 bytes a message and direction, whatever is sent, and of few rounds."""
    reporter, message = reporters()[0], bytes(10_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(5 * KEPT_ROUNDS):
        reporter.begin(number)
        for _ in range(100):
            reporter.note_sent(number, message)
            reporter.note_taken(number, message)
    after_all, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after_all - before < KEPT_ROUNDS * 2 * (100 * 32 * 1.5 + 1000)
