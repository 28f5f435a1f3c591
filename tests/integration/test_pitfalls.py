"""Every known mistake of a key distillation, played on purpose: each is caught, and by whom."""

from collections.abc import Callable
from functools import cache

import msgpack
import numpy as np
import pytest

from netsim.pools.bookkeeper import Bookkeeper
from netsim.pools.counts import LinkCounts, counts_of
from protocols.bbm92.announcer import AnnouncerSession
from protocols.bbm92.announcer_round import AnnouncerRound
from protocols.bbm92.rounds import RoundCore, SiftedBits, Steps
from protocols.bits import pack_bits
from protocols.books import RoundBooks
from protocols.codec import decode, encode
from protocols.errors import LocalProtocolError, MalformedMessageError
from protocols.estimation import random_mask
from protocols.events import RoundAborted
from protocols.messages import Amplify, Announce, Envelope, Keep, Role, Sample
from protocols.pads import PadReserve
from protocols.tagbook import TagBook
from tests.support.faults import block_faults
from tests.support.inspector import Booked, book_faults, kept_ticks, mirrored
from tests.support.light import Tags, draw_tags
from tests.support.links import FRAME_PS, link_config
from tests.support.whole_messages import WholeMessages

SECONDS = 3


@cache
def light() -> tuple[Tags, Tags]:
    return draw_tags(1, SECONDS + 0.2)


def play(**changes: object) -> WholeMessages:
    """Three rounds of a second."""
    return WholeMessages(light(), config=link_config(**changes)).run(until_s=300)


def has_key(ends: WholeMessages) -> bool:
    return any(ends.usable_bits(role) for role in Role)


SAMPLE = {"estimation": "sample", "sample_share": 0.2}


@pytest.mark.parametrize("changes", [{}, SAMPLE], ids=["reconciled", "sample"])
def test_without_a_mistake_nothing_is_found(changes: dict[str, object]) -> None:
    """The guards below are silent on an honest link."""
    ends = play(**changes)
    assert has_key(ends)
    assert not ends.alarms()
    assert not block_faults(ends.events) + book_faults(ends) + Booked(ends).faults()


# Pads ---------------------------------------------------------------------------------------------


def test_pad_that_has_signed_signs_nothing_else() -> None:
    """The reserve refuses to sign two messages with one pad."""
    reserve = PadReserve(bytes(range(64)))
    reserve.pad_to_sign(1, Role.RESPONDER)
    with pytest.raises(LocalProtocolError, match="signed already"):
        reserve.pad_to_sign(1, Role.RESPONDER)


def test_reused_pad_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An end that signs every round with the first pad has one round accepted, no more."""
    honest = PadReserve.pad_to_sign
    first: dict[Role, bytes] = {}

    def again(self: PadReserve, number: int, role: Role) -> bytes:
        return first.setdefault(role, honest(self, number, role))

    monkeypatch.setattr(PadReserve, "pad_to_sign", again)
    ends = play()
    assert set(ends.usable_bits(Role.RESPONDER)) == {0}
    assert set(ends.usable_bits(Role.ANNOUNCER)) <= {0}
    assert any("bad" in what for what in ends.alarms())


# Order of messages --------------------------------------------------------------------------------


def _hash_before_correction(
    honest: Callable[..., Steps], self: AnnouncerRound, body: object
) -> Steps:
    yield from honest(self, body)
    state = self.state
    yield from self._send_hash()
    self.state = state


def _amplify_before_verification(honest: Callable[..., Steps], self: AnnouncerRound) -> Steps:
    yield Amplify(1000, self._rng.bytes(200))
    yield from honest(self)


def _sample_before_the_last_match(
    honest: Callable[..., Steps], self: AnnouncerRound, body: object
) -> Steps:
    mask = random_mask(self._rng, 100, 10)
    yield Sample(pack_bits(mask), bytes(2))
    yield from honest(self, body)


@pytest.mark.parametrize(
    ("method", "early"),
    [
        ("_on_setup", _hash_before_correction),
        ("_send_hash", _amplify_before_verification),
        ("_on_matches", _sample_before_the_last_match),
    ],
)
def test_seed_sent_early_is_refused(
    monkeypatch: pytest.MonkeyPatch, method: str, early: Callable[..., Steps]
) -> None:
    """A hash seed, a key seed or a sample that comes before the data are fixed: alarm, no key."""
    honest = getattr(AnnouncerRound, method)

    def changed(self: AnnouncerRound, *arguments: object) -> Steps:
        return early(honest, self, *arguments)

    monkeypatch.setattr(AnnouncerRound, method, changed)
    ends = play()
    assert any("in state" in what for what in ends.alarms(Role.RESPONDER))
    assert not has_key(ends)


def test_keep_mask_before_the_matches_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An announcer that says which bases it has before the responder has matched gets no key."""
    honest = AnnouncerSession._send_times

    def eager(self: AnnouncerSession, round_: AnnouncerRound, *a: object, **kw: object) -> None:
        honest(self, round_, *a, **kw)  # type: ignore[arg-type]  # passed on as they are
        sequence = round_.sequences[Role.ANNOUNCER] - 1
        self._send(round_, Keep(sequence, b"\xff"))

    monkeypatch.setattr(AnnouncerSession, "_send_times", eager)
    ends = play()
    assert any("keep mask" in what for what in ends.alarms(Role.RESPONDER))
    assert not has_key(ends)


def test_announcement_has_no_room_for_bases() -> None:
    """A field more than times is no message."""
    body = Announce(last=True, start_ticks=0, stop_ticks=9, count=1, deltas=b"\0")
    items = msgpack.unpackb(encode(Envelope("alice-bob", Role.ANNOUNCER, 0, 0, body)))
    with pytest.raises(MalformedMessageError):
        decode(msgpack.packb([*items, b"\xff"]))


def test_announcements_do_not_depend_on_bases() -> None:
    """Turning every basis and port round changes no byte of what is announced."""
    one, other = light()
    turned = WholeMessages((mirrored(one), other), config=link_config()).run(until_s=2)
    plain = WholeMessages((one, other), config=link_config()).run(until_s=2)
    sent = [[e.body for e in ends.messages(Announce)] for ends in (plain, turned)]
    assert sent[0] == sent[1]
    assert len(sent[0]) >= 3


# Books --------------------------------------------------------------------------------------------


def _forget_to_remove(self: SiftedBits, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is published stays in the key."""
    published = self._packed[mask == 1]
    return published >> 2, published & 1


def test_sample_left_in_the_key_at_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends agree, but the bits of the key are not those that sifting and sample leave."""
    monkeypatch.setattr(SiftedBits, "remove", _forget_to_remove)
    with pytest.raises(ValueError, match=r"bits in the key of \d+ sifted and \d+ published"):
        play(**SAMPLE)


def test_sample_left_in_the_key_at_one_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ends differ in length: the first seed that does not fit ends the round."""
    honest = SiftedBits.remove

    def forget_once(self: SiftedBits, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        removes = forget if next(turns) else honest
        return removes(self, mask)

    forget, turns = _forget_to_remove, iter([True, False] * 10)
    monkeypatch.setattr(SiftedBits, "remove", forget_once)
    ends = play(**SAMPLE)
    assert not has_key(ends)
    assert any(isinstance(event, RoundAborted) for _, event in ends.events)
    assert ends.alarms()


def _book_without(name: str) -> Callable[..., None]:
    def book(self: RoundCore, **changes: object) -> None:
        changes.pop(name, None)
        self.books = self.books._replace(**changes)  # type: ignore[arg-type]  # as the original

    return book


@pytest.mark.parametrize(("name", "changes"), [("verification_bits", {}), ("sampled_bits", SAMPLE)])
def test_disclosed_bits_that_are_not_booked(
    monkeypatch: pytest.MonkeyPatch, name: str, changes: dict[str, object]
) -> None:
    """Verification or sample missing from the books: whoever counts messages finds it."""
    monkeypatch.setattr(RoundCore, "book", _book_without(name))
    if name == "sampled_bits":
        with pytest.raises(ValueError, match="0 published"):
            play(**changes)
        return
    faults = book_faults(play(**changes))
    assert any("0 bits of verification booked, 64 sent" in fault for fault in faults)


def test_key_is_shorter_by_what_is_booked() -> None:
    """Verification is in the length: with a hash of 128 bits the key is 64 bits shorter."""
    short, long = (play(verification_bits=bits) for bits in (64, 128))
    sizes = [ends.bits_in_doubt(Role.RESPONDER)[0].size for ends in (short, long)]
    assert sizes[0] - sizes[1] == 64


def _skip_failed(books: RoundBooks, *, failed: bool) -> LinkCounts:
    return LinkCounts() if failed else counts_of(books, failed=failed)


def test_failed_block_missing_from_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate from good rounds alone does not agree with the sifted bits of the ledger."""
    config = link_config(frames_per_round=25)
    ends = WholeMessages(light(), config=config).run()
    strict = link_config(frames_per_round=25, qber_threshold=0.001)
    aborting = WholeMessages(light(), config=strict).run()
    aborted, usable = aborting.aborted(Role.ANNOUNCER), ends.usable_bits(Role.ANNOUNCER)
    assert aborted
    assert usable
    assert not Booked(aborting).faults()
    monkeypatch.setattr("netsim.pools.bookkeeper.counts_of", _skip_failed)
    assert any("a rate from" in fault for fault in Booked(aborting).faults())
    assert not Booked(ends).faults()


def test_aborted_round_left_open_in_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bits of a round that has ended but stays open are found when the link has closed."""
    ends = WholeMessages(light(), config=link_config(qber_threshold=0.001)).run()
    assert not Booked(ends).faults()
    monkeypatch.setattr(Bookkeeper, "_on_aborted", lambda _self, _event, _time_ps: None)
    assert any("in no round that has ended" in fault for fault in Booked(ends).faults())


# One tag, two links -------------------------------------------------------------------------------


class _TwoLinks:
    """Alice on two links; each partner sees seven of ten photons, so some of them are shared."""

    def __init__(self) -> None:
        rng = np.random.Generator(np.random.PCG64DXSM(9))
        self.book = TagBook(rng, window_ticks=200, links=2)
        alice, other = light()
        seen = [np.random.default_rng(k).random(other.size) < 0.7 for k in range(2)]
        self.links = [
            WholeMessages((alice, other[seen[k]]), seed=k, books={Role.ANNOUNCER: (self.book, k)})
            for k in range(2)
        ]

    def run(self) -> list[WholeMessages]:
        """Both links in turns of one frame."""
        for stop in range(1, 10 * (SECONDS + 10)):
            for ends in self.links:
                ends.run(until_s=stop * FRAME_PS / 1e12)
        return self.links


def test_one_tag_in_two_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """No click is kept on two links; with a book that grants all, the messages show it."""
    honest = [kept_ticks(ends) for ends in _TwoLinks().run()]
    assert min(map(len, honest)) > 50
    assert not honest[0] & honest[1]
    monkeypatch.setattr(TagBook, "claim", lambda _self, ids: np.ones(ids.shape, dtype=np.bool_))
    double = [kept_ticks(ends) for ends in _TwoLinks().run()]
    assert len(double[0] & double[1]) > 100
