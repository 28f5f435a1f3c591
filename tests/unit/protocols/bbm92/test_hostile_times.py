"""Times that nobody clicked: forged announcements cost little work, a clock led astray no key."""

import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from netsim.units import MAX_TIME_PS
from protocols.ascending import encode_ascending
from protocols.bbm92 import clocksearch, synchronise
from protocols.bbm92.alignment import MAX_PENDING_CLICKS, LinkAligner, announced_times_ps
from protocols.bbm92.coarse import Places
from protocols.bbm92.coincidence import Alignment
from protocols.bbm92.prior import is_possible, wide_prior
from protocols.bbm92.responder import ResponderSession
from protocols.bbm92.search import (
    FIRST_CREDIT,
    OWN_WAIT_PS,
    WORK_PER_S,
    Brightness,
    SearchPlan,
    WorkAccount,
)
from protocols.bbm92.synchronise import MAX_COARSE_CLICKS, NoLock, acquire
from protocols.clockprior import COARSE_SLICE_PS
from protocols.codec import encode
from protocols.errors import RemoteProtocolError
from protocols.events import BlockUsable, LinkLocked, LockLost
from protocols.link import PS_PER_S
from protocols.messages import Beacon, Envelope, Role
from tests.support.links import LINK, link_config
from tests.support.two_ends import TwoEnds, clean_ends
from tests.support.words import code_of

WIDE = {"offset_bound_ps": 1_000_000_000, "rate_bound_ppm": 0.5}
KNOWN = np.diag([1e4, 1e-24])
"""Covariance of a clock known to 100 ps and 1e-12."""


def beacon(start_ps: int, times_ps: np.ndarray, stop_ps: int) -> Beacon:
    """Times in ps from ``start_ps`` on, in ticks of 10 ps."""
    ticks = np.asarray(times_ps, dtype=np.int64) // 10
    return Beacon(start_ps // 10, stop_ps // 10, ticks.size, encode_ascending(ticks, previous=0))


def unlocked_responder(until_s: float = 4.05) -> TwoEnds:
    """A link of which no datagram gets through, so that the responder has found no clock."""
    ends = clean_ends(duration_s=6.0, config=link_config(**WIDE))
    ends.fault = lambda _role, _datagram: []
    ends.run(until_s=until_s)
    return ends


def aligner_of(ends: TwoEnds) -> LinkAligner:
    """The responder's view of the announcer's clock."""
    session = ends.ends[Role.RESPONDER]._session
    assert isinstance(session, ResponderSession)
    return session._aligner


def forge(ends: TwoEnds, body: Beacon) -> None:
    """Put a beacon in front of the responder's session."""
    message = encode(Envelope(LINK, Role.ANNOUNCER, 0, 0, body))
    ends.ends[Role.RESPONDER]._session.receive(message, ends.now_ps)


def spend_and(note: Callable[[float], None]) -> Callable[[WorkAccount, float], None]:
    """`WorkAccount.spend`, which somebody notes."""
    spend = WorkAccount.spend

    def spend_noted(account: WorkAccount, work: float) -> None:
        note(work)
        spend(account, work)

    return spend_noted


# Work ---------------------------------------------------------------------------------------------


def test_last_looks_are_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody leads the clock astray again and again when no more light comes."""
    ends = unlocked_responder()
    spent: list[float] = []
    search = aligner_of(ends)._search
    monkeypatch.setattr(clocksearch, "acquire", lambda *_, **__: NoLock(0.0, 0))
    monkeypatch.setattr(WorkAccount, "spend", spend_and(spent.append))
    stop_ps = ends.now_ps - PS_PER_S // 2
    first_ps = stop_ps - 2 * PS_PER_S
    search.light.add(np.arange(first_ps, stop_ps, 2_000_000), stop_ps)
    for _ in range(100):
        search.plan.lost(wide_prior(link_config(**WIDE)), stop_ps)
        while (attempt := search.last_attempt()) is not None and search.look(attempt):
            pass
    assert len(spent) > 3
    earned = FIRST_CREDIT + WORK_PER_S * ends.now_ps / PS_PER_S
    assert sum(spent) <= earned + spent[0]


def test_forged_changes_of_light_cause_one_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beacons that are bright and dim in turn, all at one own time, are searched through once."""
    ends, searches = unlocked_responder(), []

    def search(*arguments: object, slice_ps: int) -> NoLock:
        assert slice_ps == COARSE_SLICE_PS
        searches.append(arguments)
        return NoLock(0.0, 0)

    monkeypatch.setattr(clocksearch, "acquire", search)
    start_ps = ends.now_ps - 2 * PS_PER_S
    forge(ends, beacon(start_ps, np.arange(1000) * 39_000_000, start_ps + PS_PER_S // 10))
    for k in range(8):
        stop_ps = start_ps + 9 * PS_PER_S // 10 + k * 1_000_000
        times_ps = np.linspace(0, 10_000_000, 2 if k % 2 else 4000).astype(np.int64)
        forge(ends, beacon(stop_ps - 50_000_000, times_ps, stop_ps))
    assert len(searches) == 1


def test_changed_light_is_searched_again_in_own_time() -> None:
    """A change of brightness ends the wait, but not before own light has come."""
    plan = SearchPlan(link_config(**WIDE))
    dim, bright = (Brightness((clicks, 1000), PS_PER_S) for clicks in (1000, 9000))
    assert plan.due(PS_PER_S, PS_PER_S, dim) is plan.wide
    plan.failed(plan.wide, PS_PER_S, PS_PER_S, dim)
    assert plan.due(9 * PS_PER_S, PS_PER_S + OWN_WAIT_PS - 1, bright) is None
    assert plan.due(PS_PER_S, PS_PER_S + OWN_WAIT_PS, dim) is None
    assert plan.due(PS_PER_S, PS_PER_S + OWN_WAIT_PS, bright) is plan.wide


@pytest.mark.parametrize("is_forged", [False, True])
def test_searches_are_paid_with_own_time(*, is_forged: bool) -> None:
    """In two minutes of nothing, at whatever brightness: no more work than is earned, all of it.

    Deeper searches cost four times as much up to 1e9, and from the second on are tried twice; first
    ones cost 1e7, and come again and again where the light is made to look changed.
    """
    plan, spent, deep = SearchPlan(link_config(**WIDE)), 0.0, []
    for k in range(1, 480):
        now_ps = k * OWN_WAIT_PS
        brightness = Brightness((9000 if is_forged and k % 2 else 1000, 1000), PS_PER_S)
        if plan.due(now_ps, now_ps, brightness) is None:
            continue
        depth = plan.depth(plan.wide)
        work = min(1e8 * 4.0 ** (depth - 1), 1e9) if depth else 1e7
        if plan.pays(work, now_ps):
            deep += [work] if depth else []
        elif plan.is_due(now_ps, now_ps):
            work = 1e7
            plan.spend(work)
        else:
            continue
        spent += work
        plan.failed(plan.wide, now_ps, now_ps, brightness)
        assert spent <= FIRST_CREDIT + WORK_PER_S * now_ps / PS_PER_S + 1e7
    assert spent > 0.5 * WORK_PER_S * 120
    assert (not deep) if is_forged else (deep[:4] == [1e8, 4e8, 4e8, 1e9])


def searches(
    plan: SearchPlan, *, start_s: int, stop_s: int, clicks: int, first: float = 1e7
) -> list[tuple[int, float]]:
    """When a plan searches, and the work, in light of so many clicks that never shows anything.

    It is asked every four seconds. Deep searches cost 5e8, ``first`` ones less, as those that are
    done in place of deep ones.
    """
    done = []
    for second in range(start_s, stop_s, 4):
        now_ps = second * PS_PER_S
        brightness = Brightness((clicks, 1000), PS_PER_S)
        if plan.due(now_ps, now_ps, brightness) is None:
            continue
        work = 5e8 if plan.depth(plan.wide) else first
        if not plan.pays(work, now_ps):
            if not plan.is_due(now_ps, now_ps):
                continue
            work = first
            plan.spend(work)
        done.append((second, work))
        plan.failed(plan.wide, now_ps, now_ps, brightness)
    return done


def test_a_search_that_goes_on_for_hours_costs_less_and_less() -> None:
    """Two minutes are paid in full, and each doubling up to a day as much as ln 2 of them.

    From then on seconds pay a 720th. Other light is looked for as hard as the first.
    """
    plan = SearchPlan(link_config(**WIDE))
    day_s = 86_400
    first_day = sum(work for _, work in searches(plan, start_s=1, stop_s=day_s, clicks=1000))
    paid = FIRST_CREDIT + WORK_PER_S * 120 * (1 + math.log(720))
    assert 0.8 * paid < first_day <= paid + 1e7
    later = sum(
        work for _, work in searches(plan, start_s=day_s, stop_s=3 * day_s, clicks=1000, first=1e8)
    )
    assert 0.6 < later / (WORK_PER_S * 120 * 2) < 1.4
    other = searches(plan, start_s=3 * day_s, stop_s=3 * day_s + 120, clicks=9000)
    assert sum(work for _, work in other) > 0.7 * WORK_PER_S * 120


@pytest.mark.parametrize("first", [1e6, 1e7, 1e8])
def test_deep_searches_go_on_after_a_day_without_light(first: float) -> None:
    """What only a deep search finds is found after any time; each wait is as long as all before."""
    plan = SearchPlan(link_config(**WIDE))
    done = searches(plan, start_s=1, stop_s=2 * 86_400, clicks=1000, first=first)
    deep_s = [second for second, work in done if work > first]
    assert max(later / early for early, later in pairwise([*deep_s[1:], 2 * 86_400])) < 2.5


def test_a_crowded_slice_costs_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a million times in 39 ms the coarse search takes as many as bright light has."""
    looked_at: list[int] = []

    def search(
        _config: object,
        _prior: object,
        _grid: object,
        times_ps: np.ndarray,
        *_rest: object,
        later_ps: int,
    ) -> Places:
        assert later_ps <= PS_PER_S
        looked_at.append(times_ps.size)
        return Places([], 1)

    monkeypatch.setattr(synchronise, "coarse_search", search)
    config = link_config(**WIDE)
    crowded_ps = np.concatenate((np.arange(10**6) * 39_000, [PS_PER_S]))
    found = acquire(config, wide_prior(config), crowded_ps, np.arange(100) * 10**10)
    assert isinstance(found, NoLock)
    assert looked_at == [MAX_COARSE_CLICKS]


@pytest.mark.parametrize("gap_ps", [0, 10, 1990])
def test_times_closer_than_clicks_can_be(gap_ps: int) -> None:
    """Clicks of one user within the window merge: announced times that do not are refused."""
    config = link_config()
    close, apart = (beacon(0, np.array([0, gap]), PS_PER_S // 2) for gap in (gap_ps, 2000))
    assert list(announced_times_ps(config, apart)) == [0, 2000]
    with pytest.raises(RemoteProtocolError, match="too close"):
        announced_times_ps(config, close)


def test_more_times_than_can_be_kept_take_no_memory() -> None:
    """A message of 2 MB would hold 16 million times of a bit each, eight bytes in memory."""
    count = MAX_PENDING_CLICKS + 8
    crowded = Beacon(0, PS_PER_S // 20, count, b"\x01" + bytes(count // 8))
    tracemalloc.start()
    with pytest.raises(RemoteProtocolError, match="more announced"):
        announced_times_ps(link_config(), crowded)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_times_in_wide_words_are_the_same() -> None:
    """An announcer may choose any width: the times are what counts."""
    config, times = link_config(), [0, 300, 900]
    for width in (3, 9, 40):
        body = Beacon(50, 2000, len(times), code_of(times, width))
        assert announced_times_ps(config, body).tolist() == [500, 3500, 9500]


@pytest.mark.parametrize("edge_ps", [-(2**63), 2**63, -(2**62), 2**62])
def test_times_that_no_clock_shows(edge_ps: int) -> None:
    """Times that would leave int64, or differ by more, are refused: in ps they would go back."""
    config = link_config()
    start_ps = edge_ps // 10 * 10 - 5000
    with pytest.raises(RemoteProtocolError, match="out of range"):
        announced_times_ps(config, beacon(start_ps, np.array([0, 10_000]), start_ps + 20_000))


def test_times_of_a_month_are_announced() -> None:
    """A clock of 1 ps may go as long as the longest run."""
    config = replace(link_config(), announcer_tick_ps=1)
    body = Beacon(MAX_TIME_PS - 10**6, MAX_TIME_PS, 1, encode_ascending(np.array([5]), previous=0))
    assert announced_times_ps(config, body).tolist() == [MAX_TIME_PS - 10**6 + 5]


@pytest.mark.parametrize(("late_s", "is_kept"), [(-60, False), (-1, True), (60, False)])
def test_beacons_of_another_time_are_not_kept(late_s: int, *, is_kept: bool) -> None:
    """A beacon is kept where this end has clicks of late, not of light long gone or to come."""
    ends = unlocked_responder(until_s=2.05)
    aligner = aligner_of(ends)
    assert not aligner.has_pending
    start_ps = ends.now_ps + late_s * PS_PER_S
    forge(ends, beacon(start_ps, np.arange(10) * 10**9, start_ps + PS_PER_S // 10))
    assert aligner.has_pending is is_kept


# Bounds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset_us", "rate_ppm", "is_inside"),
    [
        (0.0, 0.0, True),
        (95.0, 0.19, True),
        (105.0, 0.0, True),  # after 50 s of 0.2 ppm
        (-112.0, 0.0, False),
        (112.0, 0.0, False),
        (0.0, 0.202, False),
        (0.0, -0.202, False),
    ],
)
def test_bounds_of_a_clock(offset_us: float, rate_ppm: float, *, is_inside: bool) -> None:
    """Bounds of 100 us and 0.2 ppm: 110 us after 50 s, a microsecond of delays, no more rate."""
    found = Alignment(50 * PS_PER_S, offset_us * 1e6, rate_ppm * 1e-6)
    assert is_possible(wide_prior(link_config()), found, KNOWN) is is_inside


def test_a_clock_out_of_its_bounds_makes_no_key() -> None:
    """A tracked clock that has left its bounds is lost: an event, no relock near it, no key."""
    ends = clean_ends(duration_s=8.0)
    aligner = aligner_of(ends)
    wide = aligner._search.plan.wide

    def move_bounds() -> None:
        """The clock is at 40 us: from now on it should not be."""
        aligner._search.plan.wide = replace(wide, offset_bound_ps=30e6, rate_bound=0.0)

    ends.at(33 * PS_PER_S // 10 + 5, move_bounds)  # light from 3 s on is still to come
    ends.run()
    events = [event for role, event in ends.events if role is Role.RESPONDER]
    kinds = [type(event) for event in events]
    assert kinds.count(LinkLocked) == kinds.count(LockLost) == 1
    made = [event.round for event in events if isinstance(event, BlockUsable)]
    assert made == [0, 1, 2]
    assert ends.usable[0] == ends.usable[1]
