"""Cascade: what it corrects, what it discloses, and what it makes of nonsense."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, MalformedMessageError
from protocols.reconciliation.cascade import SCHEDULES, CascadeAnnouncer, CascadeResponder
from protocols.reconciliation.cascade_layout import BLOCKS, SPLIT, layout_passes
from tests.unit.protocols.reconciliation.pairs import make_pair

NAMES = list(SCHEDULES)
TINY = [0, 1, 2, 3, 5, 17, 64, 65]


def gf2_rank(matrix: NDArray[np.uint8]) -> int:
    """Rank over GF(2), rows as Python integers."""
    pivots: dict[int, int] = {}
    for row in matrix:
        value = int.from_bytes(np.packbits(row).tobytes(), "big")
        while value and (top := value.bit_length()) in pivots:
            value ^= pivots[top]
        if value:
            pivots[value.bit_length()] = value
    return len(pivots)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error_rate", [0.0, 0.01, 0.05, 0.11])
def test_all_errors_are_corrected(name: str, error_rate: float) -> None:
    """At 2,000 bits both ends end alike, and the corrected positions are the errors."""
    pair = make_pair(name, 2000, error_rate, seed=3)
    pair.talk()
    assert np.array_equal(pair.responder.bits, pair.bits)
    assert np.array_equal(pair.responder.errors_corrected, pair.errors.astype(np.bool_))


@pytest.mark.parametrize("name", NAMES)
def test_what_was_in_memory_does_not_matter(name: str) -> None:
    """Flags of nodes are not read before they are known: the same questions, whatever was there."""
    asked = []
    for stale in (0, 0xFF):
        pair = make_pair(name, 2000, 0.05, seed=3)
        pair.responder._nodes[:] = stale
        asked.append(pair.queries())
        assert np.array_equal(pair.responder.bits, pair.bits)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", TINY)
def test_tiny_blocks_work(name: str, size: int) -> None:
    """Blocks from no bit on end; a block with a single error is always corrected."""
    for seed in range(max(size, 1)):
        pair = make_pair(name, size, 0.0, seed=seed, estimate=0.05)
        if size:
            pair.responder.bits[seed] ^= 1
            wrong = pair.responder.bits
            pair.responder = CascadeResponder(
                wrong, schedule=SCHEDULES[name], error_rate=0.05, seed=seed
            )
        pair.talk()
        assert np.array_equal(pair.responder.bits, pair.bits)
        assert pair.responder.errors_corrected.sum() == min(size, 1)


def test_an_empty_block_asks_nothing() -> None:
    """No bits, no query."""
    pair = make_pair("cascade-yanetal", 0, 0.05, seed=1)
    assert pair.responder.next_query() is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("estimate", [0.0, 0.001, 0.2, 0.5, 1.0])
def test_wrong_estimates_only_cost(name: str, estimate: float) -> None:
    """With an estimate far off, 3 % of errors in 1,000 bits are corrected all the same.

    Except with the four passes of the original schedule, if the estimate is too low.
    """
    if name == "cascade-original" and estimate < 0.03:
        return
    pair = make_pair(name, 1000, 0.03, seed=8, estimate=estimate)
    pair.talk()
    assert np.array_equal(pair.responder.bits, pair.bits)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [37, 500])
def test_answers_are_the_parities_asked_for(name: str, size: int) -> None:
    """Each answer is the product of the questions, read back from the query, with the bits."""
    pair = make_pair(name, size, 0.06, seed=size)
    asked = 0

    def check(query: bytes, answer: bytes) -> None:
        nonlocal asked
        matrix = pair.questions(query)
        asked += len(matrix)
        parities = (matrix.astype(np.int64) @ pair.bits) & 1
        assert np.packbits(parities.astype(np.uint8)).tobytes() == answer

    pair.talk(check)
    assert asked == pair.announcer.parities_disclosed == pair.responder.parities_learned


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error_rate", [0.01, 0.034, 0.09])
def test_booked_leak_covers_the_rank(name: str, error_rate: float) -> None:
    """At 500 bits the count is at least the rank over GF(2), and wastes at most 6 % of it."""
    booked = rank = 0
    for seed in range(4):
        pair = make_pair(name, 500, error_rate, seed=seed)
        block_rank = gf2_rank(np.concatenate([pair.questions(query) for query in pair.queries()]))
        assert pair.announcer.parities_disclosed >= block_rank
        booked += pair.announcer.parities_disclosed
        rank += block_rank
    assert booked <= 1.06 * rank


@pytest.mark.parametrize("name", [name for name in NAMES if SCHEDULES[name].keeps_sub_blocks])
def test_nothing_is_asked_twice(name: str) -> None:
    """Rules (a), (b), (d): no question repeats another, is a sibling, or follows from the total."""
    pair = make_pair(name, 500, 0.05, seed=2)
    per_pass: dict[int, list[NDArray[np.uint8]]] = {}
    for query in pair.queries():
        per_pass.setdefault(query[0], []).append(pair.questions(query))
    total = np.ones((1, 500), dtype=np.uint8)
    for index, matrices in per_pass.items():
        asked = np.concatenate(matrices if index == 0 else [*matrices, total])
        assert gf2_rank(asked) == len(asked)


def test_round_trips_are_counted() -> None:
    """One round per answer, and all first questions of a pass travel together."""
    pair = make_pair("cascade-yanetal", 1000, 0.05, seed=4)
    seen = pair.queries()
    assert pair.responder.rounds == len(seen)
    assert [query[0] for query in seen if query[1] == BLOCKS] == list(range(10))


def test_same_seed_same_messages() -> None:
    """The queries of two runs are equal byte for byte, and another seed gives others."""
    runs = []
    for shuffle_seed in (6, 6, 7):
        pair = make_pair("cascade-option8", 800, 0.05, seed=6)
        row = SCHEDULES["cascade-option8"]
        pair.announcer = CascadeAnnouncer(
            pair.bits, schedule=row, error_rate=0.05, seed=shuffle_seed
        )
        pair.responder = CascadeResponder(
            pair.bits ^ pair.errors, schedule=row, error_rate=0.05, seed=shuffle_seed
        )
        runs.append(pair.queries())
    assert runs[0] == runs[1] != runs[2]


def test_inputs_are_not_changed() -> None:
    """The caller's arrays stay what they were."""
    bits = np.zeros(100, dtype=np.uint8)
    wrong = bits.copy()
    wrong[5] = 1
    row = SCHEDULES["cascade-original"]
    responder = CascadeResponder(wrong, schedule=row, error_rate=0.1, seed=0)
    announcer = CascadeAnnouncer(bits, schedule=row, error_rate=0.1, seed=0)
    while (query := responder.next_query()) is not None:
        responder.handle_answer(announcer.answer(query))
    assert wrong[5] == 1
    assert not responder.bits.any()


def test_asking_twice_is_our_own_mistake() -> None:
    """While an answer is outstanding there is no next query."""
    pair = make_pair("cascade-yanetal", 100, 0.05, seed=1)
    pair.responder.next_query()
    with pytest.raises(LocalProtocolError, match="not answered"):
        pair.responder.next_query()


def test_wrong_answers_are_refused() -> None:
    """Answers unasked for, of wrong size or with filling bits set are refused and not counted."""
    pair = make_pair("cascade-yanetal", 100, 0.05, seed=1)
    with pytest.raises(MalformedMessageError, match="answer of 1 bytes"):
        pair.responder.handle_answer(b"\0")
    query = pair.responder.next_query()
    assert query is not None
    answer = pair.announcer.answer(query)
    padded = answer[:-1] + bytes([answer[-1] | 1])
    for wrong in (b"", answer[:-1], answer + b"\0", padded):
        with pytest.raises(MalformedMessageError):
            pair.responder.handle_answer(wrong)
    assert pair.responder.parities_learned == pair.responder.rounds == 0
    pair.responder.handle_answer(answer)
    assert pair.responder.rounds == 1


HUGE = b"\xff\xff\xff\xff\x0f"


@pytest.mark.parametrize(
    "query",
    [
        b"",
        bytes([0]),
        bytes([10, BLOCKS]),
        bytes([255, BLOCKS]),
        bytes([0, 2]),
        bytes([0, BLOCKS, 0]),
        bytes([0, SPLIT]),
        bytes([0, SPLIT, 0]),
        bytes([0, SPLIT, 1]),
        bytes([0, SPLIT, 128]),
        bytes([0, SPLIT]) + HUGE,
        bytes([0, SPLIT]) + b"\xff" * 6,
        bytes([0, SPLIT]) + b"\x80\x80\x80\x80\x80\x01",
        bytes([0, SPLIT, 62]),
        bytes([2, SPLIT, 2]) + b"\0" * 51,
    ],
)
def test_malformed_queries_disclose_nothing(query: bytes) -> None:
    """Each wrong query is refused: short, long, unknown pass or kind, no node, a single bit."""
    pair = make_pair("cascade-yanetal", 100, 0.05, seed=1)
    with pytest.raises(MalformedMessageError):
        pair.announcer.answer(query)
    assert pair.announcer.parities_disclosed == 0


def test_an_announcer_without_bits_answers_nothing() -> None:
    """An empty block has no pass to ask about."""
    pair = make_pair("cascade-yanetal", 0, 0.05, seed=1)
    with pytest.raises(MalformedMessageError):
        pair.announcer.answer(bytes([0, BLOCKS]))


def test_impossible_blocks_are_refused() -> None:
    """Too many bits, no bit array, a bad seed: errors of the caller."""
    row = SCHEDULES["cascade-original"]
    with pytest.raises(ValueError, match="too many"):
        layout_passes(size_bits=2**26 + 1, schedule=row, error_rate=0.05, seed=0)
    for end in (CascadeAnnouncer, CascadeResponder):
        with pytest.raises(ValueError, match="bits"):
            end(np.full(3, 2, np.uint8), schedule=row, error_rate=0.05, seed=0)
        with pytest.raises(ValueError, match="64 bits"):
            end(np.zeros(3, np.uint8), schedule=row, error_rate=0.05, seed=2**64)
        with pytest.raises(ValueError, match="64 bits"):
            end(np.zeros(0, np.uint8), schedule=row, error_rate=0.05, seed=-1)


def test_what_only_the_search_needs_is_given_up() -> None:
    """At the end a responder holds its bits and their corrections: other rounds need the room."""
    pair = make_pair("cascade-yanetal", 20_000, 0.03, seed=4)
    pair.talk()
    arrays = [part for part in vars(pair.responder).values() if isinstance(part, np.ndarray)]
    held = [array.nbytes for array in arrays if array.base is None]
    assert sum(held) <= 3 * pair.bits.size
    assert pair.responder.next_query() is None
    assert np.array_equal(pair.responder.bits, pair.bits)
