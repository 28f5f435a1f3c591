"""TagBook: merging, numbering, announcing, claiming, forgetting."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols import tagbook
from protocols.ascending import decode_ascending
from protocols.tagbook import TagBook, announced_grain
from protocols.tags import TagFrame
from tests.support.bounds import assert_binomial

WINDOW_TICKS = 200
FRAME_TICKS = 100_000
GRAIN_TICKS = 10


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64DXSM(seed))


def packed(*clicks: tuple[int, int]) -> NDArray[np.int64]:
    """Tags of (tick, detector)."""
    return np.array([tick << 2 | detector for tick, detector in clicks], dtype=np.int64)


def book_of(*frames: NDArray[np.int64], links: int = 1, seed: int = 1, first: int = 0) -> TagBook:
    """A book with the given frames of `FRAME_TICKS`."""
    book = TagBook(generator(seed), window_ticks=WINDOW_TICKS, links=links)
    for k, tags in enumerate(frames, start=first):
        book.append(TagFrame(k, (k + 1) * FRAME_TICKS, tags))
    return book


def all_tags(book: TagBook) -> NDArray[np.int64]:
    first_id, ticks = book.between(-(2**40), 2**40)
    return book.tags_of(first_id + np.arange(ticks.size))


# Merging ------------------------------------------------------------------------------------------


def merged_detector(fired: tuple[int, ...], seed: int) -> int:
    """What becomes of clicks of the detectors ``fired``, one tick apart."""
    tags = packed(*((1000 + k, detector) for k, detector in enumerate(fired)))
    (tag,) = all_tags(book_of(tags, seed=seed))
    assert tag >> 2 == 1000, "a group has the time of its first click"
    return int(tag & 3)


FIRED = [
    fired for size in (1, 2, 3, 4) for fired in itertools.permutations(range(4), size)
]  # fmt: skip


def shares_of(fired: set[int]) -> dict[int, float]:
    """A random basis if both fired, then a random port if both ports of that basis did."""
    bases = {detector >> 1 for detector in fired}
    shares: dict[int, float] = {}
    for basis in bases:
        ports = [detector for detector in fired if detector >> 1 == basis]
        shares |= {port: 1 / len(bases) / len(ports) for port in ports}
    return shares


@pytest.mark.parametrize("fired", FIRED, ids=lambda fired: "".join(map(str, fired)))
def test_every_combination_of_detectors(fired: tuple[int, ...]) -> None:
    """One click each, as probable as the rule says, in whatever order they fired (z = 5)."""
    trials, shares = 400, shares_of(set(fired))
    found = [merged_detector(fired, seed) for seed in range(trials)]
    assert set(found) <= set(shares)
    for detector, share in shares.items():
        assert_binomial(found.count(detector), trials, share)


def test_repeated_detector_counts_once() -> None:
    """Two clicks of one detector and one of the other port: still a fair bit."""
    found = [merged_detector((0, 0, 1), seed) for seed in range(400)]
    assert_binomial(found.count(0), 400, 0.5)


def test_window_is_half_open_and_anchored_at_the_first_click() -> None:
    """A click 199 ticks after the first joins, one after 200 does not; chains do not grow."""
    assert all_tags(book_of(packed((0, 2), (199, 2)))).size == 1
    assert all_tags(book_of(packed((0, 2), (200, 2)))).size == 2
    chain = all_tags(book_of(packed((0, 2), (150, 2), (300, 2), (450, 2)))) >> 2
    assert chain.tolist() == [0, 300]


def test_kernel_agrees_with_its_interpreted_self() -> None:
    """Same tags, same random draws, compiled or not."""
    rng = generator(3)
    times = np.cumsum(rng.exponential(150, 3000)).astype(np.int64)
    tags = np.sort(times << 2 | (rng.random(3000) * 4).astype(np.int64))
    out, plain = np.empty_like(tags), np.empty_like(tags)
    settings = (WINDOW_TICKS, 500, -1000)
    kept = tagbook._merge(generator(4), tags, *settings, out)
    assert tagbook._merge.py_func(generator(4), tags, *settings, plain) == kept
    assert np.array_equal(out[:kept], plain[:kept])


def test_dropped_clicks_are_those_of_the_rate() -> None:
    """At rate r a click survives with 1 / (1 + r w): merging is a non-paralysable dead time."""
    rng, mean_ticks = generator(5), 1000.0
    times = np.cumsum(rng.exponential(mean_ticks, 100_000)).astype(np.int64)
    tags = times << 2
    book = TagBook(generator(), window_ticks=WINDOW_TICKS)
    book.append(TagFrame(0, int(times[-1]) + 10_000, tags))
    share = 1 / (1 + WINDOW_TICKS / mean_ticks)
    found = all_tags(book).size
    # Renewal process of period w + exponential: variance N (mean / (mean + w))^2 of the count.
    sigma = math.sqrt(times.size * share) * share
    assert abs(found - times.size * share) < 5 * sigma + 0.5 * share * times.size / mean_ticks


# Dead time ----------------------------------------------------------------------------------------


def counted(*times_ticks: int, dead_ticks: int) -> list[int]:
    """Times of the clicks that count, each on another detector than the one before."""
    book = TagBook(generator(), window_ticks=WINDOW_TICKS, dead_ticks=dead_ticks)
    tags = packed(*((time, k % 4) for k, time in enumerate(times_ticks)))
    book.append(TagFrame(0, FRAME_TICKS, tags))
    return [int(time) for time in all_tags(book) >> 2]


def test_no_click_counts_soon_after_another() -> None:
    """999 ticks after any click, whatever its detector, is too soon; 1000 are enough."""
    assert counted(0, 999, dead_ticks=1000) == [0]
    assert counted(0, 1000, dead_ticks=1000) == [0, 1000]


def test_clicks_that_do_not_count_are_followed_by_a_dead_time_too() -> None:
    """At 1500 the detector of the click at 900, which does not count, is blind."""
    assert counted(0, 900, 1500, 2500, dead_ticks=1000) == [0, 2500]


@pytest.mark.parametrize("dead_ticks", [600, 1000, 3000])
def test_dead_time_goes_on_in_the_next_frame(dead_ticks: int) -> None:
    """Clicks cut into frames, empty ones among them, count as they do in one."""
    rng = np.random.default_rng(dead_ticks)
    times = np.sort(rng.choice(100_000, 150, replace=False))
    book = TagBook(generator(), window_ticks=WINDOW_TICKS, dead_ticks=dead_ticks)
    for index in range(110):
        inside = times[times // 1000 == index]
        book.append(TagFrame(index, 1000 * (index + 1), inside << 2))
    found = [int(time) for time in all_tags(book) >> 2]
    assert found == counted(*times.tolist(), dead_ticks=dead_ticks)


def test_last_click_of_a_group_begins_the_dead_time() -> None:
    """A group of two at 0 and 150 is one click, at 0; both its detectors are blind up to 1150."""
    assert counted(0, 150, 1100, dead_ticks=1000) == [0]
    assert counted(0, 150, 1150, dead_ticks=1000) == [0, 1150]


# Frames -------------------------------------------------------------------------------------------


def test_last_clicks_wait_for_the_next_frame() -> None:
    """A click that the next frame may still join is not out yet, and the watermark says so."""
    edge = FRAME_TICKS
    book = book_of(packed((10, 0), (edge - 50, 0)))
    assert (all_tags(book) >> 2).tolist() == [10]
    assert book.stop_ticks == edge - WINDOW_TICKS
    book.append(TagFrame(1, 2 * edge, packed((edge + 100, 0), (edge + 500, 0))))
    assert (all_tags(book) >> 2).tolist() == [10, edge - 50, edge + 500]
    assert book.stop_ticks == 2 * edge - WINDOW_TICKS


def test_watermark_never_passes_a_waiting_click() -> None:
    """A chain of close clicks that began before the watermark holds it back."""
    clicks = [(FRAME_TICKS - 150 * k, 0) for k in range(9, 0, -1)]
    book = book_of(packed((10, 0), *clicks))
    assert book.stop_ticks == clicks[0][0]
    assert (all_tags(book) >> 2).tolist() == [10]


def test_frames_offered_by_several_links_are_taken_once() -> None:
    """All endpoints of a user offer each frame; only the first offer counts."""
    book = TagBook(generator(), window_ticks=WINDOW_TICKS, links=3)
    for k in range(3):
        frame = TagFrame(k, (k + 1) * FRAME_TICKS, packed((k * FRAME_TICKS + 5, 1)))
        for _ in range(3):
            book.append(frame)
    assert book.frames == 3
    assert all_tags(book).size == 3


def test_empty_frames_carry_time() -> None:
    """Silence moves the watermark; a book that begins late numbers its frames as the user does."""
    nothing = packed()
    book = book_of(nothing, nothing, first=7)
    assert (book.first_frame, book.frames) == (7, 9)
    assert book.stop_ticks == 9 * FRAME_TICKS - WINDOW_TICKS
    assert TagBook(generator(), window_ticks=1).frames == 0


# Announcing ---------------------------------------------------------------------------------------


def test_announcement_holds_times_and_nothing_else() -> None:
    """The code decodes to the times of its frames, whichever detectors clicked."""
    times = [5, 400, FRAME_TICKS - 10, FRAME_TICKS + 600, 3 * FRAME_TICKS - 5000]
    frames = [
        packed(*((t, d) for t in times if t // FRAME_TICKS == k)) for d in (0,) for k in range(4)
    ]
    others = [frame | 3 for frame in frames]
    one, other = (book_of(*found).announcement(0, 3) for found in (frames, others))
    assert one.deltas == other.deltas
    elapsed = decode_ascending(one.deltas, count=one.count, previous=0)
    coarse = [time // GRAIN_TICKS * GRAIN_TICKS for time in times]
    assert (elapsed + one.start_ticks).tolist() == coarse
    assert one.first_id == 0
    assert one.stop_ticks == 3 * FRAME_TICKS - WINDOW_TICKS


@pytest.mark.parametrize(
    ("window_ticks", "grain"), [(200, 10), (2000, 125), (130, 5), (131, 1), (31, 1), (1, 1)]
)
def test_grain_of_published_times(window_ticks: int, grain: int) -> None:
    """As coarse as a 16th of the window allows, and a divisor of it."""
    assert announced_grain(window_ticks) == grain


def test_published_times_stay_apart() -> None:
    """Clicks a window apart are announced a window apart, wherever they lie on the grid."""
    clicks = [(k * (FRAME_TICKS // 20) + k, 0) for k in range(10)]
    clicks += [(time + WINDOW_TICKS, 1) for time, _ in clicks]
    found = book_of(packed(*sorted(clicks))).announcement(0, 1)
    elapsed = decode_ascending(found.deltas, count=found.count, previous=0)
    assert found.count == 20
    assert np.diff(elapsed).min() == WINDOW_TICKS


def test_announcements_tile_the_light() -> None:
    """Consecutive announcements hold every click once, before their watermark, numbered on."""
    rng = generator(6)
    times = np.unique((rng.random(2000) * 10 * FRAME_TICKS).astype(np.int64))
    frames = [times[times // FRAME_TICKS == k] << 2 for k in range(10)]
    book = book_of(*frames)
    seen, watermark = 0, -1
    for start in range(0, 10, 2):
        found = book.announcement(start, start + 2)
        assert found.first_id == seen
        elapsed = decode_ascending(found.deltas, count=found.count, previous=0)
        assert watermark <= elapsed[0] + found.start_ticks
        assert elapsed[-1] + found.start_ticks < found.stop_ticks
        seen, watermark = seen + found.count, found.stop_ticks
    assert seen == all_tags(book).size


def test_one_encoding_serves_all_links() -> None:
    """The second link that announces the same frames gets the very same object."""
    book = book_of(packed((5, 0)), packed(), links=2)
    assert book.announcement(0, 1) is book.announcement(0, 1)
    empty = book.announcement(1, 2)
    assert (empty.count, empty.deltas) == (0, b"")


# Claiming and forgetting --------------------------------------------------------------------------


def test_a_click_goes_to_one_link_only() -> None:
    """Whoever claims first has it; the others see it taken."""
    book = book_of(packed(*((1000 * k, 0) for k in range(1, 11))), links=2)
    assert book.is_free(0, 10).all()
    assert book.claim(np.array([2, 5, 7])).all()
    assert book.is_free(0, 10).tolist() == [k not in {2, 5, 7} for k in range(10)]
    assert book.claim(np.array([1, 2, 3, 7])).tolist() == [True, False, True, False]
    assert not book.claim(np.array([1, 2, 3, 5, 7])).any()


def test_random_claims_never_overlap() -> None:
    """Three links that claim at random get disjoint clicks, while the book forgets old ones."""
    rng, book = generator(8), TagBook(generator(), window_ticks=1, links=3)
    owned: list[set[int]] = [set(), set(), set()]
    for k in range(40):
        times = k * FRAME_TICKS + np.unique((rng.random(60) * 90_000).astype(np.int64))
        book.append(TagFrame(k, (k + 1) * FRAME_TICKS, times << 2))
        stop = book.stop_id(k)
        for link in range(3):
            if k > 5:
                book.release(link, book.stop_id(k - 3 - link), stop_frame=k - 3 - link)
            ids = np.unique(stop - 1 - (rng.random(50) * min(stop, 60)).astype(np.int64))
            owned[link] |= set(ids[book.claim(ids)].tolist())
    assert sum(len(found) for found in owned) == len(set.union(*owned)) > 500


def test_book_forgets_what_all_links_have_released() -> None:
    """Memory stays bounded; numbers, times and claims of the rest do not change."""
    book = TagBook(generator(), window_ticks=WINDOW_TICKS, links=2)
    for k in range(200):
        base = k * FRAME_TICKS
        tags = packed(*((base + 1000 * j, j & 3) for j in range(1, 51)))
        book.append(TagFrame(k, base + FRAME_TICKS, tags))
        announced = book.announcement(k, k + 1)
        assert (announced.first_id, announced.count) == (50 * k, 50)
        book.claim(np.array([50 * k]))
        for link in range(2):
            book.release(link, max(0, 50 * (k - 3 - link)), stop_frame=k - 3 - link)
        assert book._tags.values.size <= 50 * 12
        assert len(book._frame_stop_ids) <= 12
        assert len(book._announcements) <= 12
        assert book.tags_of(np.array([50 * k + 6])) == (base + 7000) << 2 | 3
        assert book.is_free(50 * k, 2).tolist() == [False, True]
        assert book.between(base, base + 2000)[0] == 50 * k
    assert not book.holds(0)
    assert book.holds(50 * 199)


def test_one_slow_link_keeps_the_clicks() -> None:
    """Nothing is forgotten that one link has not released."""
    book = book_of(*(packed((k * FRAME_TICKS + 5, 0)) for k in range(50)), links=2)
    book.release(0, 50, stop_frame=50)
    assert book.holds(0)
    book.release(1, 49, stop_frame=49)
    assert not book.holds(0)
    assert book.holds(49)


def test_release_does_not_go_back() -> None:
    """A link that names an older click later takes nothing back."""
    book = book_of(*(packed((k * FRAME_TICKS + 5, 0)) for k in range(50)))
    book.release(0, 40, stop_frame=40)
    book.release(0, 10, stop_frame=10)
    assert book.holds(40)
    assert not book.holds(39)


def test_darkness_costs_no_memory() -> None:
    """Six minutes of frames without a click: a few frames are kept, and times and numbers go on.

    The last click before the dark is announced once; the first one after it has the next number.
    """
    book = book_of(packed((5, 0)), links=2)
    for k in range(1, 7_200):
        book.append(TagFrame(k, (k + 1) * FRAME_TICKS, packed()))
        announced = book.announcement(k - 1, k)
        assert (announced.first_id, announced.count) == (int(k > 1), int(k == 1))
        for link in range(2):
            book.release(link, 1, stop_frame=k)
        assert len(book._frame_stop_ids) + len(book._announcements) < 10
    assert book.frames == 7_200
    book.append(TagFrame(7_200, 7_201 * FRAME_TICKS, packed((7_200 * FRAME_TICKS + 7, 1))))
    last = book.announcement(7_199, 7_201)
    assert (last.first_id, last.count, last.start_ticks) == (1, 1, 7_200 * FRAME_TICKS)


def test_frames_that_are_not_announced_yet_are_kept() -> None:
    """In the dark a link that lags behind by a hundred frames still finds their watermarks."""
    book = TagBook(generator(), window_ticks=WINDOW_TICKS, links=2)
    for k in range(300):
        book.append(TagFrame(k, (k + 1) * FRAME_TICKS, packed()))
        book.release(0, 0, stop_frame=k)
        book.release(1, 0, stop_frame=max(0, k - 100))
        if k >= 100:
            late = book.announcement(k - 100, k - 99)
            assert late.stop_ticks == (k - 99) * FRAME_TICKS - WINDOW_TICKS


def test_times_are_those_of_the_clicks_that_are_there() -> None:
    """As frames come in and clicks are forgotten, however often somebody has asked before."""
    ticks = np.arange(0, FRAME_TICKS - WINDOW_TICKS, 5 * WINDOW_TICKS, dtype=np.int64)
    book = book_of(ticks << 2 | 1)
    assert np.array_equal(book.between(0, FRAME_TICKS)[1], ticks)
    book.append(TagFrame(1, 2 * FRAME_TICKS, (ticks + FRAME_TICKS) << 2 | 2))
    first_id, found = book.between(FRAME_TICKS, 2 * FRAME_TICKS)
    assert (first_id, found.size) == (ticks.size, ticks.size)
    assert np.array_equal(found, ticks + FRAME_TICKS)
    book.release(0, ticks.size + 3, stop_frame=2)
    first_id, found = book.between(-(2**40), 2**40)
    assert first_id == ticks.size + 3
    assert np.array_equal(found, ticks[3:] + FRAME_TICKS)


def test_times_in_ps_are_those_in_ticks() -> None:
    """Asked for now and then, by ticks of two lengths, while frames come and clicks go."""
    book, rng = TagBook(generator(), window_ticks=WINDOW_TICKS), np.random.default_rng(3)
    for k in range(60):
        ticks = k * FRAME_TICKS + np.arange(0, FRAME_TICKS - WINDOW_TICKS, 9 * WINDOW_TICKS)
        book.append(TagFrame(k, (k + 1) * FRAME_TICKS, ticks << 2))
        if rng.random() < 0.4:
            start = (k - int(rng.integers(0, 9))) * FRAME_TICKS
            first_id, expected = book.between(start, start + 3 * FRAME_TICKS)
            tick_ps = 10 if k < 40 else 4
            asked, found = book.times_between(start, start + 3 * FRAME_TICKS, tick_ps)
            assert asked == first_id
            assert np.array_equal(found, expected * tick_ps)
        if rng.random() < 0.3:
            book.release(0, max(book.stop_id(k) - 2 * ticks.size, 0), stop_frame=k)
    assert not book.holds(0)


def test_a_column_moves_seldom_and_takes_no_more_room_than_twice_what_it_held() -> None:
    """A thousand small frames, each forgotten 50 later: what is kept stays, in the same room."""
    column, rooms, starts = tagbook._Column(np.int64), list[object](), set[tuple[int, int]]()
    for k in range(1000):
        column.room(15)[:10] = np.arange(10 * k, 10 * k + 10)
        column.keep(10)
        if k >= 50:
            column.drop(10)
        if not rooms or rooms[-1] is not column._room:
            rooms.append(column._room)
        starts.add((len(rooms), column._stop - 10 * k))  # a move makes it less
        assert column.values.tolist() == list(range(max(0, 10 * (k - 49)), 10 * k + 10))
        assert column._room.size <= 2 * 515
    assert len(rooms) < 10
    assert 10 < len(starts) < 40
