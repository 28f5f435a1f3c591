"""Light comes and goes: links notice by themselves, rounds end cleanly, both ends stay equal."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from protocols.bbm92.config import LinkConfig
from protocols.events import (
    BlockUsable,
    Event,
    LaneFound,
    LaneLost,
    LinkLocked,
    LockLost,
    RoundAborted,
    SyncFailed,
)
from protocols.messages import Role
from tests.inspector import Booked, book_faults
from tests.protocol_pump import LaneLight, Pump, draw_tags, is_closed_alike, unequal_bits
from tests.two_ends import link_config

SINGLES_HZ = (60_000.0, 60_000.0)
"""Enough for a dead lane to harvest 14 accidentals a second."""
NEAR, FAR = 5_000_000, 5_040_000


def play(
    lanes: Sequence[LaneLight], seconds: int, *, seed: int = 1, config: LinkConfig | None = None
) -> Pump:
    """Rounds of two seconds with lanes that have light at their times."""
    delays_ps = tuple(sorted({lane.delay_ps for lane in lanes}))
    config = replace(
        config or link_config(frames_per_round=20),
        lane_delays_ps=delays_ps,
        initial_pads=32,
    )
    tags = draw_tags(seed, seconds + 0.2, lanes, singles_hz=SINGLES_HZ)
    return Pump(tags, seconds=seconds, config=config).run()


def assert_sound(pump: Pump) -> None:
    """Both ends closed with equal blocks, and all bits are in the books."""
    assert is_closed_alike(pump)
    assert not unequal_bits(pump)
    assert not book_faults(pump) + Booked(pump).faults()


def times_s(pump: Pump, *kinds: type) -> list[tuple[float, Event]]:
    """When the responder reported events of these types."""
    return [
        (time_ps / 1e12, event)
        for time_ps, (role, event) in zip(pump.event_times_ps, pump.events, strict=True)
        if role is Role.RESPONDER and isinstance(event, kinds)
    ]


def qbers(pump: Pump) -> dict[int, float]:
    """Error rate of each usable round."""
    return {
        event.round: event.books.errors / event.books.raw_bits
        for _, event in pump.events
        if isinstance(event, BlockUsable)
    }


@pytest.mark.parametrize("dark_s", [3.0, 12.0])
def test_link_is_found_again_after_darkness(dark_s: float) -> None:
    """A fibre is cut at 5 s and mended later: lost within 2 s, found within 2 s, key at once.

    The search in the dark is narrow: no wide one is tried in the first eight seconds.
    """
    back_s = 5.0 + dark_s
    pump = play([LaneLight(to_s=5.0), LaneLight(from_s=back_s)], round(back_s) + 7)
    assert_sound(pump)
    (first, lost, again) = times_s(pump, LinkLocked, LockLost)
    assert [type(event) for _, event in (first, lost, again)] == [LinkLocked, LockLost, LinkLocked]
    assert 5.0 < lost[0] < 7.0
    assert back_s < again[0] < back_s + 2.0
    assert len(times_s(pump, SyncFailed)) == (dark_s > 8)
    assert max(pump.usable(Role.RESPONDER)) == (back_s + 6) // 2
    assert max(qbers(pump).values()) < 0.05


def test_lane_that_dies_costs_its_own_bits_only() -> None:
    """One of two lanes is dark from 6 to 14 s: dropped within about a second, and found again.

    No round is lost by it, and the error rate stays that of the light.
    """
    lanes = [LaneLight(), LaneLight(FAR, to_s=6.0), LaneLight(FAR, from_s=14.0)]
    pump = play(lanes, 18)
    assert_sound(pump)
    (lost_s, lost), (found_s, found) = times_s(pump, LaneLost, LaneFound)
    assert isinstance(lost, LaneLost)
    assert isinstance(found, LaneFound)
    assert lost.lane == found.lane == 1
    assert 6.0 < lost_s < 7.6
    assert 14.0 < found_s < 15.6
    assert not times_s(pump, LockLost)
    assert list(pump.usable(Role.ANNOUNCER)) == list(range(9))
    assert max(qbers(pump).values()) < 0.035


def test_lanes_take_turns() -> None:
    """The light moves from one lane to the other and back, as when a channel is given away."""
    lanes = [
        LaneLight(NEAR, to_s=4.0),
        LaneLight(FAR, from_s=6.0, to_s=12.0),
        LaneLight(NEAR, from_s=15.0),
    ]
    pump = play(lanes, 20)
    assert_sound(pump)
    assert {0, 1, 3, 4, 5, 8, 9} <= set(pump.usable(Role.ANNOUNCER))
    assert max(qbers(pump).values()) < 0.04


def test_dead_lane_at_the_start_does_not_ruin_the_key() -> None:
    """Of two lanes only the far one has light, the near one joins later: no round is lost by it."""
    pump = play([LaneLight(FAR), LaneLight(NEAR, from_s=5.0)], 12)
    assert_sound(pump)
    assert list(pump.usable(Role.ANNOUNCER)) == list(range(6))
    assert not times_s(pump, RoundAborted)
    (lock,) = times_s(pump, LinkLocked)
    assert isinstance(lock[1], LinkLocked)
    assert not lock[1].is_certain
    assert max(qbers(pump).values()) < 0.04


def test_receivers_without_interferometers() -> None:
    """Polarisation analysers see one peak: locked, every pair is sifted, twice the key."""
    config = link_config(frames_per_round=20, umi_delay_ps=0)
    with_umi = play([LaneLight()], 6)
    without = play([LaneLight(umi_delay_ps=0)], 6, config=config)
    for pump in (with_umi, without):
        assert_sound(pump)
        assert list(pump.usable(Role.ANNOUNCER)) == [0, 1, 2]
    sifted = [
        sum(
            event.books.sifted_bits
            for _, event in times_s(pump, BlockUsable)
            if isinstance(event, BlockUsable)
        )
        for pump in (with_umi, without)
    ]
    assert sifted[1] == pytest.approx(2 * sifted[0], rel=5 * 2 / np.sqrt(sifted[0]))
    assert max(qbers(without).values()) < 0.04
