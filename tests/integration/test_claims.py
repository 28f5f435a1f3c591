"""Clicks that one link takes from the user's others: no more than its light has, and given back."""

import tracemalloc
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from protocols.ascending import encode_ascending
from protocols.bbm92.rounds import Claims
from protocols.codec import encode
from protocols.events import RoundSifted
from protocols.link import PS_PER_S
from protocols.messages import Announce, Envelope, Keep, Matches, Role
from protocols.tagbook import TagBook
from protocols.tags import TagFrame
from tests.support.light import LaneLight, Tags, draw_tags
from tests.support.light import light as quiet_light
from tests.support.links import FRAME_PS, TICK_PS, link_config
from tests.support.whole_messages import Tamper, WholeMessages

CONFIG = link_config(match_rate_hz=1500.0)
"""Each partner sees half of the pairs, of which half fall into the central peak."""
SECOND_TICKS = PS_PER_S // TICK_PS
BEYOND = "far more matches than the light has"


@cache
def light() -> tuple[Tags, Tags]:
    """Far more clicks than pairs, as in a real network."""
    return draw_tags(1, 3.2, (LaneLight(),), singles_hz=(20_000.0, 20_000.0))


class Starved:
    """One user on two links, whose first is tapped; each partner sees half of the photons."""

    def __init__(self, role: Role, tamper: Tamper | None) -> None:
        rng = np.random.Generator(np.random.PCG64DXSM(9))
        self.book = TagBook(rng, window_ticks=200, links=2)
        seen = np.random.default_rng(1).random(light()[role.peer].size) < 0.5
        self.links = []
        for k, mask in enumerate((seen, ~seen)):
            tags = list(light())
            tags[role.peer] = tags[role.peer][mask]
            ends = WholeMessages(
                (tags[0], tags[1]), config=CONFIG, seed=k, books={role: (self.book, k)}
            )
            self.links.append(ends)
        if tamper is not None:
            self.links[0].tamper = tamper
        for stop in range(1, 150):
            for ends in self.links:
                ends.run(until_s=stop * FRAME_PS / 1e12)

    def sifted_bits(self, k: int) -> int:
        """Of all rounds of a link, at the announcer."""
        told = self.links[k].told(Role.ANNOUNCER, RoundSifted)
        return sum(event.sifted_bits for event in told)


class AllMatched:
    """Every click that was announced has matched, says somebody on the wire."""

    def __init__(self) -> None:
        self.clicks: dict[tuple[int, int], int] = {}

    def __call__(self, _sender: Role, envelope: Envelope, data: bytes) -> bytes:
        """Note announcements, change answers."""
        match envelope.body:
            case Announce(count=count):
                self.clicks[envelope.round, envelope.sequence] = count
            case Matches():
                count = self.clicks[envelope.round, envelope.body.announcement]
                body = replace(
                    envelope.body,
                    count=count,
                    positions=encode_ascending(np.arange(1, count + 1), previous=0),
                    lanes=bytes(count),
                    bases=bytes(-(-count // 8)),
                )
                return encode(envelope._replace(body=body))
            case _:
                pass
        return data


@pytest.mark.parametrize("role", Role)
def test_honest_light_is_within_the_bound(role: Role) -> None:
    """Two links of one user share its clicks, and no round of either is refused."""
    honest = Starved(role, None)
    assert [ends.alarms() for ends in honest.links] == [[], []]
    assert all(ends.usable[0] for ends in honest.links)


def test_all_matched_is_refused_before_anything_is_claimed() -> None:
    """The other link sifts what it does without the tap; the tapped one tells."""
    honest, starved = Starved(Role.ANNOUNCER, None), Starved(Role.ANNOUNCER, AllMatched())
    assert honest.sifted_bits(1) > 1500
    assert starved.sifted_bits(1) == pytest.approx(honest.sifted_bits(1), rel=0.02)
    assert BEYOND in starved.links[0].alarms(Role.ANNOUNCER)
    assert not starved.links[0].messages(Keep)


def more_than_announced(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
    """A million matches of each announcement, a bit each."""
    if not isinstance(envelope.body, Matches):
        return data
    body = replace(envelope.body, count=10**6, positions=b"\x01" + bytes(125_000))
    return encode(envelope._replace(body=body))


def test_more_matches_than_clicks_are_not_read() -> None:
    """Refused by their number, whatever is said of the light."""
    ends = WholeMessages(light(), config=link_config(), seed=1)
    ends.tamper = more_than_announced
    ends.run(until_s=2.0)
    assert "more matches than clicks" in ends.alarms(Role.ANNOUNCER)
    assert not ends.messages(Keep)


class OwnTimes:
    """What the responder clicks at, announced to it as if the other end had clicked then.

    Its times are public where it announces them on another link.
    """

    def __init__(self) -> None:
        ticks = (light()[Role.RESPONDER] >> 2) * (1 - 1e-7) - (40e6 + 5e6) / TICK_PS
        self.ticks = np.rint(ticks).astype(np.int64)

    def __call__(self, _sender: Role, envelope: Envelope, data: bytes) -> bytes:
        """Change the second round's announcements: in the first the clocks are found."""
        body = envelope.body
        if not isinstance(body, Announce) or envelope.round != 1 or not body.count:
            return data
        inside = (self.ticks >= body.start_ticks) & (self.ticks < body.stop_ticks)
        times = self.ticks[inside]
        times = times[np.diff(times, prepend=-(10**9)) >= CONFIG.window_ps // TICK_PS]
        deltas = encode_ascending(times, previous=body.start_ticks)
        return encode(envelope._replace(body=replace(body, count=times.size, deltas=deltas)))


def test_a_responder_gives_away_no_more_than_its_light_has() -> None:
    """Announced its own times, it refuses; what it answers on the other link is as without."""
    honest, starved = Starved(Role.RESPONDER, None), Starved(Role.RESPONDER, OwnTimes())
    assert starved.sifted_bits(1) == pytest.approx(honest.sifted_bits(1), rel=0.02)
    assert BEYOND in starved.links[0].alarms(Role.RESPONDER)


def spoilt_light(number: int) -> Tamper:
    """End a round in its light: the last matches of it never arrive."""

    def tamper(_sender: Role, envelope: Envelope, data: bytes) -> bytes:
        if isinstance(envelope.body, Matches) and envelope.round == number and envelope.body.last:
            return encode(envelope._replace(sequence=99))
        return data

    return tamper


def kept_by_another(**changes: object) -> tuple[WholeMessages, TagBook]:
    """A link whose announcer has another one, which needs all of its clicks for long."""
    book = TagBook(np.random.default_rng(9), window_ticks=200, links=2)
    config = link_config(**changes)
    return WholeMessages(quiet_light(), config=config, books={Role.ANNOUNCER: (book, 0)}), book


def taken(book: TagBook, number: int) -> Tags:
    """Times within round ``number``, in ticks, of the clicks that are not free."""
    low, ticks = book.between(number * SECOND_TICKS, (number + 1) * SECOND_TICKS)
    return ticks[~book.is_free(low, ticks.size)] - number * SECOND_TICKS


@pytest.mark.parametrize("number", [0, 1])
def test_clicks_of_a_round_that_ends_in_its_light_are_free_again(number: int) -> None:
    """They have matched and their bases are public, but nothing has been said of their bits."""
    ends, book = kept_by_another()
    ends.tamper = spoilt_light(number)
    ends.run(until_s=number + 1.3)
    aborted = ends.aborted(Role.ANNOUNCER)[number]
    assert aborted.books.sifted_bits > 500
    assert not taken(book, number).size


def test_clicks_of_a_round_that_ends_later_are_not() -> None:
    """Once a sample may have been published, or a parity, nothing is given back."""
    ends, book = kept_by_another(qber_threshold=0.001)
    ends.run(until_s=1.3)
    aborted = ends.aborted(Role.ANNOUNCER)[0]
    assert taken(book, 0).size > 2 * 0.9 * aborted.books.sifted_bits > 1000


def test_the_newest_clicks_are_not_given_back() -> None:
    """Their partner, which a source may hold back, need not be detected when the basis is told."""
    book = TagBook(np.random.default_rng(1), window_ticks=1, links=2)
    ticks = np.arange(0, SECOND_TICKS, SECOND_TICKS // 100, dtype=np.int64)
    book.append(TagFrame(0, SECOND_TICKS, ticks << 2))
    ids = np.arange(ticks.size)
    claims = Claims(book, TICK_PS)
    assert book.claim(ids).all()
    claims.add(ids)
    claims.give_back()
    assert taken(book, 0).tolist() == ticks[90:].tolist()


def test_what_is_given_back_does_not_depend_on_the_order_of_clicks() -> None:
    """Where lanes have delays, own clicks are not in the order of what was announced."""
    book = TagBook(np.random.default_rng(1), window_ticks=1)
    ticks = np.arange(0, SECOND_TICKS, SECOND_TICKS // 100, dtype=np.int64)
    book.append(TagFrame(0, SECOND_TICKS, ticks << 2))
    ids = np.roll(np.arange(ticks.size), 30)
    claims = Claims(book, TICK_PS)
    assert book.claim(ids).all()
    claims.add(ids)
    claims.give_back()
    assert taken(book, 0).tolist() == ticks[90:].tolist()


def test_what_the_book_has_forgotten_is_not_remembered() -> None:
    """A round of hours claims far more clicks than the book holds and takes back."""
    book = TagBook(np.random.default_rng(1), window_ticks=1)
    claims = Claims(book, TICK_PS)
    ticks = np.arange(0, SECOND_TICKS, SECOND_TICKS // 10_000, dtype=np.int64)
    tracemalloc.start()
    for frame in range(50):
        stop_ticks = (frame + 1) * SECOND_TICKS
        book.append(TagFrame(frame, stop_ticks, (ticks + frame * SECOND_TICKS) << 2))
        first_id, found = book.between(stop_ticks - SECOND_TICKS, stop_ticks)
        claims.add(np.arange(first_id, first_id + found.size))
        book.release(0, first_id, stop_frame=frame)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 20 * ticks.nbytes
