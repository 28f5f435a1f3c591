"""An attacker on the wire: never unequal bits, and both ends settle when he has gone."""

from functools import cache

import numpy as np
import pytest

from netsim.taps.kinds import ATTACKS, tap_maker
from netsim.taps.tap import TapPlan
from netsim.taps.view import StreamView
from netsim.topology.wire import TapKind
from netsim.units import PS_PER_S
from tests.support.links import link_config
from tests.support.small_round import Outcome, Place, flip, undisturbed
from tests.support.tapped import TappedEnds, recorded_session
from tests.support.two_ends import clean_ends

QUICK_SEEDS = range(5, 8)
ALL_SEEDS = range(200)
QUICK_PLACES = 120
ANNOUNCEMENT_PLACES = 500
LONGEST_S = 20.0
"""The undisturbed round is over after 1.1 s; a vote that is damaged is repeated after 2 s."""


@cache
def other_session() -> tuple[StreamView, ...]:
    """What the attacker has read off another link."""
    return tuple(recorded_session(clean_ends(77, config=link_config(link="carol-dave"))))


def attack(kind: TapKind, seed: int) -> TappedEnds:
    """Three rounds with an attack of random strength, from a random moment on to another."""
    rng = np.random.default_rng([99, seed])
    probability = 1.0 if kind == "drop-last" else 10 ** rng.uniform(-2.5, -0.5)
    start_s, lasting_s = rng.uniform(0, 3), rng.uniform(0.2, 4)
    plan = TapPlan(
        tap_maker(kind, probability=probability),
        start_ps=round(start_s * PS_PER_S),
        stop_ps=round((start_s + lasting_s) * PS_PER_S),
    )
    tapped = TappedEnds(clean_ends(seed), [plan], others=other_session(), seed=seed)
    tapped.ends.run(until_s=400.0)
    return tapped


def check_attack(kind: TapKind, seeds: range) -> None:
    """Invariant 1 at every moment, equal ends after the closing; the attack has struck at all."""
    strikes = 0
    for seed in seeds:
        tapped = attack(kind, seed)
        assert tapped.faults() == [], (kind, seed)
        strikes += tapped.strikes
    assert strikes > len(seeds)


@pytest.mark.parametrize("kind", list(ATTACKS))
def test_attacks_never_make_keys_differ(kind: TapKind) -> None:
    """Each kind of attack, some seeds: invariant 1 holds, and the link settles when it heals."""
    check_attack(kind, QUICK_SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(ATTACKS))
def test_attacks_never_make_keys_differ_in_200_seeds(kind: TapKind) -> None:
    """The same with 200 seeds each."""
    check_attack(kind, ALL_SEEDS)


def test_blocks_in_doubt_are_settled_alike_when_the_channel_heals() -> None:
    """Without final messages no block becomes usable anywhere; afterwards all do at both ends."""
    stop_ps = 8 * PS_PER_S
    tapped = TappedEnds(clean_ends(3), [TapPlan(tap_maker("drop-last"), stop_ps=stop_ps)])
    ends = tapped.ends
    ends.run(until_s=7.9)
    assert tapped.faults(healed=False) == []
    assert ends.usable == [{}, {}]
    assert len(ends.stores[1].state("alice-bob").in_doubt) == 1
    ends.run()
    assert tapped.faults() == []
    assert len(ends.usable[0]) == 3


def check_flip(place: Place, outcome: Outcome) -> None:
    """Header damage costs time at most; damage to a payload that is taken in raises an alarm.

    A round number that nobody reads changes nothing.
    """
    assert outcome.faults == (), place
    assert outcome.end_s < LONGEST_S, place
    if place.is_header or not place.is_taken or place.is_unread:
        assert outcome.is_as_without, place
        assert outcome.alarms == 0, place
    else:
        assert outcome.alarms, place


def check_places(places: list[Place]) -> None:
    """Flip one bit at each of the places, one at a time."""
    for place in places:
        check_flip(place, flip(place))


def sampled_places(count: int, *, announcements: bool) -> list[Place]:
    """Places drawn at random from the announcements, or from everything else."""
    places = [place for place in undisturbed()[0] if place.is_announcement is announcements]
    chosen = np.random.default_rng(5).choice(len(places), count, replace=False)
    return [places[k] for k in sorted(chosen)]


@pytest.mark.slow
def test_flipped_bits_at_sampled_places() -> None:
    """One flipped bit anywhere on the wire never leads to different bits."""
    check_places(sampled_places(QUICK_PLACES, announcements=False))
    check_places(sampled_places(QUICK_PLACES // 4, announcements=True))


@pytest.mark.slow
def test_every_byte_of_a_round_flipped() -> None:
    """Each byte of each datagram but the announcements, and 500 places of those."""
    check_places([place for place in undisturbed()[0] if not place.is_announcement])
    check_places(sampled_places(ANNOUNCEMENT_PLACES, announcements=True))
