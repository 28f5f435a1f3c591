"""Light comes and goes: links notice by themselves, rounds end cleanly, both ends stay equal."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from protocols.ascending import encode_ascending
from protocols.events import (
    BlockUsable,
    Event,
    LaneFound,
    LaneLost,
    LinkLocked,
    LockLost,
    ReserveEmpty,
    RoundAborted,
    RoundStarted,
    SyncFailed,
)
from protocols.link import LinkConfig
from protocols.messages import Beacon, Decision, Envelope, Matches, Ready, Role, Vote
from protocols.tagbook import TagBook
from tests.support.faults import block_faults
from tests.support.inspector import Booked, book_faults
from tests.support.light import LaneLight, draw_tags
from tests.support.links import link_config, session_of
from tests.support.slow import slow_but
from tests.support.whole_messages import WholeMessages

SINGLES_HZ = (60_000.0, 60_000.0)
"""Enough for a dead lane to harvest 14 accidentals a second."""
NEAR, FAR = 5_000_000, 5_040_000


def play(
    lanes: Sequence[LaneLight], seconds: int, *, seed: int = 1, config: LinkConfig | None = None
) -> WholeMessages:
    """Rounds of two seconds with lanes that have light at their times.

    Errors are corrected by the schedule that fails least, for no round to end by bad luck.
    """
    delays_ps = tuple(sorted({lane.delay_ps for lane in lanes}))
    config = replace(
        config or link_config(frames_per_round=20, reconciliation="cascade-option4"),
        lane_delays_ps=delays_ps,
        initial_pads=32,
    )
    tags = draw_tags(seed, seconds + 0.2, lanes, singles_hz=SINGLES_HZ)
    return WholeMessages(tags, duration_s=seconds, config=config).run()


def assert_sound(ends: WholeMessages) -> None:
    """Both ends closed with equal blocks, and all bits are in the books."""
    assert ends.is_closed_alike
    assert not block_faults(ends.events)
    assert not book_faults(ends) + Booked(ends).faults()


def times_s(ends: WholeMessages, *kinds: type) -> list[tuple[float, Event]]:
    """When the responder reported events of these types."""
    return [
        (time_ps / 1e12, event)
        for time_ps, (role, event) in zip(ends.event_times_ps, ends.events, strict=True)
        if role is Role.RESPONDER and isinstance(event, kinds)
    ]


def qbers(ends: WholeMessages) -> dict[int, float]:
    """Error rate of each usable round."""
    return {
        event.round: event.books.errors / event.books.raw_bits
        for _, event in ends.events
        if isinstance(event, BlockUsable)
    }


@pytest.mark.parametrize("dark_s", slow_but((3.0,), (3.0, 12.0)))
def test_link_is_found_again_after_darkness(dark_s: float) -> None:
    """A fibre is cut at 5 s and mended later: lost within 2 s, found within 2 s, key at once.

    The search in the dark is narrow: no wide one is tried in the first eight seconds.
    """
    back_s = 5.0 + dark_s
    ends = play([LaneLight(to_s=5.0), LaneLight(from_s=back_s)], round(back_s) + 7)
    assert_sound(ends)
    (first, lost, again) = times_s(ends, LinkLocked, LockLost)
    assert [type(event) for _, event in (first, lost, again)] == [LinkLocked, LockLost, LinkLocked]
    assert 5.0 < lost[0] < 7.0
    assert back_s < again[0] < back_s + 2.0
    assert len(times_s(ends, SyncFailed)) == (dark_s > 8)
    assert len([at_s for at_s, _ in times_s(ends, BlockUsable) if at_s > back_s]) >= 3
    assert max(qbers(ends).values()) < 0.05


def test_lane_that_dies_costs_its_own_bits_only() -> None:
    """One of two lanes is dark from 6 to 14 s: dropped within about a second, and found again.

    No round is lost by it, and the error rate stays that of the light.
    """
    lanes = [LaneLight(), LaneLight(FAR, to_s=6.0), LaneLight(FAR, from_s=14.0)]
    ends = play(lanes, 18)
    assert_sound(ends)
    (lost_s, lost), (found_s, found) = times_s(ends, LaneLost, LaneFound)
    assert isinstance(lost, LaneLost)
    assert isinstance(found, LaneFound)
    assert lost.lane == found.lane == 1
    assert 6.0 < lost_s < 7.6
    assert 14.0 < found_s < 15.6
    assert not times_s(ends, LockLost)
    assert list(ends.usable_bits(Role.ANNOUNCER)) == list(range(9))
    assert max(qbers(ends).values()) < 0.035


@pytest.mark.slow
def test_lanes_take_turns() -> None:
    """The light moves from one lane to the other and back, as when a channel is given away."""
    lanes = [
        LaneLight(NEAR, to_s=4.0),
        LaneLight(FAR, from_s=6.0, to_s=12.0),
        LaneLight(NEAR, from_s=15.0),
    ]
    ends = play(lanes, 20)
    assert_sound(ends)
    assert {0, 1, 3, 4, 5, 8, 9} <= set(ends.usable_bits(Role.ANNOUNCER))
    assert max(qbers(ends).values()) < 0.04


def test_dead_lane_at_the_start_does_not_ruin_the_key() -> None:
    """Of two lanes only the far one has light, the near one joins later: no round is lost by it."""
    ends = play([LaneLight(FAR), LaneLight(NEAR, from_s=5.0)], 12)
    assert_sound(ends)
    assert list(ends.usable_bits(Role.ANNOUNCER)) == list(range(6))
    assert not times_s(ends, RoundAborted)
    (lock,) = times_s(ends, LinkLocked)
    assert isinstance(lock[1], LinkLocked)
    assert not lock[1].is_certain
    assert max(qbers(ends).values()) < 0.04


def test_receivers_without_interferometers() -> None:
    """Polarisation analysers see one peak: locked, every pair is sifted, twice the key."""
    config = link_config(frames_per_round=20, umi_delay_ps=0)
    with_umi = play([LaneLight()], 6)
    without = play([LaneLight(umi_delay_ps=0)], 6, config=config)
    for ends in (with_umi, without):
        assert_sound(ends)
        assert list(ends.usable_bits(Role.ANNOUNCER)) == [0, 1, 2]
    sifted = [
        sum(
            event.books.sifted_bits
            for _, event in times_s(ends, BlockUsable)
            if isinstance(event, BlockUsable)
        )
        for ends in (with_umi, without)
    ]
    assert sifted[1] == pytest.approx(2 * sifted[0], rel=5 * 2 / np.sqrt(sifted[0]))
    assert max(qbers(without).values()) < 0.04


def long_darkness(ends: WholeMessages) -> None:
    """What must hold after a darkness that outlasts all pads."""
    assert_sound(ends)
    assert not [event for _, event in ends.events if isinstance(event, ReserveEmpty)]
    signed: dict[tuple[Role, int], set[bytes]] = {}
    for role, envelope in ends.sent:
        if isinstance(envelope.body, Vote | Decision):
            signed.setdefault((role, envelope.round), set()).add(envelope.body.tag)
    assert all(len(tags) == 1 for tags in signed.values())
    assert ends.messages(Beacon)


@pytest.mark.slow
def test_darkness_longer_than_the_pads_last() -> None:
    """Pads for eight rounds, dark for thirty: two or three rounds are lost, then beacons wait.

    Within two seconds of light rounds begin again, with the numbers that come next.
    """
    config = link_config(initial_pads=8)
    lanes = [LaneLight(to_s=4.0), LaneLight(from_s=34.0)]
    tags = draw_tags(1, 40.2, lanes, singles_hz=(2000.0, 2000.0))
    ends = WholeMessages(tags, duration_s=40, config=config).run()
    long_darkness(ends)
    started = times_s(ends, RoundStarted)
    in_the_dark = [event for at_s, event in started if 5.5 < at_s < 34.0]
    assert len(in_the_dark) <= 4
    usable = sorted(ends.usable_bits(Role.ANNOUNCER))
    assert usable[:4] == [0, 1, 2, 3]
    again_s = min(at_s for at_s, _ in started if at_s > 34.0)
    assert again_s < 36.0
    assert len([number for number in usable if number > 6]) >= 3
    assert usable[-1] < 15, "a round number without a round"


def test_link_that_is_dark_from_the_start() -> None:
    """The first light comes after five times as many rounds as there are pads: key all the same."""
    config = link_config(initial_pads=8)
    tags = draw_tags(2, 46.2, [LaneLight(from_s=41.0)], singles_hz=(2000.0, 2000.0))
    ends = WholeMessages(tags, duration_s=46, config=config).run()
    long_darkness(ends)
    assert len(ends.usable_bits(Role.ANNOUNCER)) >= 2


def test_beacons_sift_nothing_and_leave_the_clicks_to_others() -> None:
    """Of the light that beacons announce no click is claimed and no basis sent."""
    config = link_config(initial_pads=8)
    rng = np.random.Generator(np.random.PCG64DXSM(9))
    book = TagBook(rng, window_ticks=200)
    tags = draw_tags(1, 20.2, [LaneLight(to_s=2.0), LaneLight(from_s=12.0)])
    ends = WholeMessages(tags, duration_s=20, config=config, books={Role.RESPONDER: (book, 0)})
    claims: list[int] = []
    honest = book.claim

    def claim(ids: np.ndarray) -> np.ndarray:
        claims.append(ids.size)
        return honest(ids)

    book.claim = claim  # type: ignore[method-assign]
    ends.run()
    matched = sum(e.body.count for e in ends.messages(Matches) if isinstance(e.body, Matches))
    assert sum(claims) == matched > 1000


FIRST_TICK = encode_ascending(np.zeros(1, dtype=np.int64), previous=0)
FORGED: list[Beacon | Ready] = [
    Beacon(start_ticks=2**40, stop_ticks=2**40 + 1, count=1, deltas=FIRST_TICK),
    Beacon(start_ticks=10**11, stop_ticks=10**11 + 1, count=1, deltas=FIRST_TICK),
    Ready(),
]


@pytest.mark.parametrize("forged", FORGED, ids=["beacon far ahead", "old beacon", "ready"])
def test_forged_words_of_light_cost_little(forged: Beacon | Ready) -> None:
    """Beacons of other times, or a word of being ready in the dark: the link survives.

    Every tenth message is preceded by a forgery; both ends close with equal blocks.
    """
    count = [0]
    ends = WholeMessages(
        draw_tags(1, 12.2, [LaneLight(to_s=2.0), LaneLight(from_s=8.0)], singles_hz=(2e3, 2e3)),
        duration_s=12,
        config=link_config(initial_pads=12),
    )
    sender = Role.RESPONDER if isinstance(forged, Ready) else Role.ANNOUNCER
    session = session_of(ends.ends[sender.peer])
    honest = session._open

    def opened(data: bytes) -> Envelope:
        count[0] += 1
        if count[0] % 10 == 0:
            session._on_idle(forged)
        return honest(data)

    session._open = opened  # type: ignore[method-assign]
    ends.run()
    assert count[0] > 50
    assert ends.is_closed_alike
    assert not block_faults(ends.events)
    assert len(ends.usable_bits(Role.ANNOUNCER)) >= 3
