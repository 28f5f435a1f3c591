"""LDPC reconciliation: what it corrects, what it discloses, and what it makes of nonsense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, MalformedMessageError
from protocols.reconciliation import ldpc_budget
from protocols.reconciliation.ldpc import QUERY, LdpcAnnouncer, LdpcResponder
from protocols.reconciliation.ldpc_budget import plan_block
from protocols.reconciliation.ldpc_pieces import CodedPiece, PlainPiece, make_piece
from protocols.reconciliation.registry import reconciliation
from tests.unit.protocols.reconciliation.ldpc_pairs import make_ldpc_pair, pair_with
from tests.unit.protocols.reconciliation.test_cascade import gf2_rank


@pytest.mark.parametrize("error_rate", [0.0, 0.005, 0.03, 0.09])
@pytest.mark.parametrize("size", [1000, 5000])
def test_errors_are_corrected(size: int, error_rate: float) -> None:
    """With the errors as estimated, both ends end alike after one round trip."""
    pair = make_ldpc_pair(size, error_rate, seed=4)
    pair.talk()
    assert pair.is_corrected
    assert pair.responder.next_query() is None
    assert min(pair.responder.sweeps) >= 0


@pytest.mark.parametrize("size", [1, 2, 17, 64, 65, 80, 100, 200])
@pytest.mark.parametrize("estimate", [0.0, 0.05, 0.2, 0.5])
def test_blocks_of_any_size_are_taken(size: int, estimate: float) -> None:
    """From one bit on, equal blocks stay equal, and never more is disclosed than there is."""
    pair = make_ldpc_pair(size, 0.0, seed=size, estimate=estimate)
    pair.talk()
    assert pair.is_corrected
    assert 0 < pair.announcer.parities_disclosed <= size


def test_an_empty_block_asks_nothing() -> None:
    """No bits, no query."""
    assert make_ldpc_pair(0, 0.05, seed=1).responder.next_query() is None


def test_long_blocks_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of nearly equal size are corrected one by one, and their parities add up."""
    monkeypatch.setattr(ldpc_budget, "MAX_PIECE_BITS", 1500)
    pair = make_ldpc_pair(4001, 0.03, seed=8)
    pair.talk()
    pieces = plan_block(4001, 0.03).pieces
    assert [piece.key_bits for piece in pieces] == [1333, 1334, 1334]
    assert pair.is_corrected
    assert len(pair.responder.sweeps) == 3
    assert pair.responder.parities_learned == sum(piece.disclosed_bits for piece in pieces)


@pytest.mark.parametrize("size", [65, 500, 3001])
def test_every_parity_is_on_the_wire(size: int) -> None:
    """Both ends count as disclosed what the answer holds, bit for bit."""
    pair = make_ldpc_pair(size, 0.03, seed=2)
    answer = pair.talk()
    assert pair.announcer.parities_disclosed == pair.responder.parities_learned
    assert len(answer) == -(-pair.announcer.parities_disclosed // 8)


@pytest.mark.parametrize(("size", "estimate"), [(500, 0.02), (501, 0.05), (530, 0.09), (90, 0.01)])
def test_the_booked_leak_is_at_least_the_rank(size: int, estimate: float) -> None:
    """The answer is a linear function of the block alone, of a rank that is not above the books.

    Also not far below: a count that is too high by a tenth would give away key.
    """

    def answer(bits: np.ndarray) -> tuple[np.ndarray, int]:
        announcer = LdpcAnnouncer(bits, error_rate=estimate, seed=3)
        packed = np.frombuffer(announcer.answer(QUERY), dtype=np.uint8)
        return np.unpackbits(packed), announcer.parities_disclosed

    units = np.eye(size, dtype=np.uint8)
    matrix = np.array([answer(unit)[0] for unit in units])
    rng = np.random.Generator(np.random.PCG64DXSM(1))
    bits = rng.integers(0, 2, size, dtype=np.uint8)
    parities, booked = answer(bits)
    assert np.array_equal(parities, bits @ matrix % 2)
    assert 0.9 * booked <= gf2_rank(matrix) <= booked


def test_punctured_bits_mask_nothing() -> None:
    """At 500 bits some bits of the code are punctured, and checks less travel for it."""
    piece = make_piece(500, 150)
    assert isinstance(piece, CodedPiece)
    assert piece.fit.punctured_bits == piece.fit.shape.checks - 150 > 0


def test_a_failed_block_is_known_and_differs() -> None:
    """With twice the errors that the estimate tells of, the decoder gives up and says so.

    The block keeps the bits that were received, which cannot be the announcer's.
    """
    pair = make_ldpc_pair(5000, 0.06, seed=1, estimate=0.03)
    received = pair.responder.bits.copy()
    pair.talk()
    assert pair.responder.sweeps == (-1,)
    assert np.array_equal(pair.responder.bits, received)
    assert not pair.is_corrected


def test_a_code_word_of_errors_is_not_seen() -> None:
    """Errors without a trace in the parities are left in, by an end that believes to be right.

    Only the verification that follows can tell. The errors are those of a vector that the parities
    do not see, found by elimination.
    """
    size, estimate = 300, 0.02
    units = np.eye(size, dtype=np.uint8)
    rows: list[tuple[int, int]] = []
    unseen = None
    for k, unit in enumerate(units):
        announcer = LdpcAnnouncer(unit, error_rate=estimate, seed=7)
        value, made = int.from_bytes(announcer.answer(QUERY), "big"), 1 << k
        for pivot, its in rows:
            if value ^ pivot < value:
                value, made = value ^ pivot, made ^ its
        if not value:
            unseen = made
            break
        rows.append((value, made))
        rows.sort(reverse=True)
    assert unseen is not None
    errors = np.array([unseen >> k & 1 for k in range(size)], dtype=np.uint8)
    pair = pair_with(np.ones(size, dtype=np.uint8), errors, estimate, seed=7)
    pair.talk()
    assert errors.any()
    assert pair.responder.sweeps == (0,)
    assert not pair.is_corrected


def test_another_word_may_be_found() -> None:
    """Far too many errors in a short block: now and then the decoder finds others that fit."""
    wrong = 0
    for seed in range(200):
        pair = make_ldpc_pair(70, 0.12, seed=seed, estimate=0.01)
        pair.talk()
        wrong += pair.responder.sweeps[0] >= 0 and not pair.is_corrected
    assert wrong > 0


def test_the_same_seed_shuffles_alike_at_both_ends() -> None:
    """Ends with different seeds do not understand each other: the seed matters."""
    pair = make_ldpc_pair(2000, 0.0, seed=5, estimate=0.03)
    pair.responder = LdpcResponder(pair.bits, error_rate=0.03, seed=6)
    pair.talk()
    assert not pair.is_corrected or pair.responder.sweeps == (-1,)


def test_bursts_are_spread() -> None:
    """All errors side by side are corrected like scattered ones."""
    errors = np.zeros(5000, dtype=np.uint8)
    errors[1000:1150] = 1
    pair = pair_with(np.zeros(5000, dtype=np.uint8), errors, 0.03, seed=11)
    pair.talk()
    assert pair.is_corrected


@given(query=st.binary(max_size=4))
def test_any_query_is_answered_or_refused(query: bytes) -> None:
    """Bytes that are not the query raise the one remote error, and nothing is disclosed."""
    announcer = LdpcAnnouncer(np.ones(100, dtype=np.uint8), error_rate=0.03, seed=1)
    if query == QUERY:
        assert announcer.answer(query)
        return
    with pytest.raises(MalformedMessageError):
        announcer.answer(query)
    assert announcer.parities_disclosed == 0


def test_parities_are_sent_once() -> None:
    """A second query is refused and changes no count."""
    announcer = LdpcAnnouncer(np.ones(100, dtype=np.uint8), error_rate=0.03, seed=1)
    announcer.answer(QUERY)
    disclosed = announcer.parities_disclosed
    with pytest.raises(MalformedMessageError):
        announcer.answer(QUERY)
    assert announcer.parities_disclosed == disclosed


@given(answer=st.binary(max_size=30))
def test_any_answer_is_taken_or_refused(answer: bytes) -> None:
    """Bytes of the right size are taken as parities; all others raise and nothing is learnt."""
    responder = LdpcResponder(np.ones(200, dtype=np.uint8), error_rate=0.03, seed=1)
    responder.next_query()
    try:
        responder.handle_answer(answer)
    except MalformedMessageError:
        assert responder.parities_learned == responder.rounds == 0
        assert responder.bits.all()
    else:
        assert len(answer) == -(-responder.parities_learned // 8)


def test_wrong_parities_end() -> None:
    """Random parities of the right size: the decoder gives up, the bits stay as they are."""
    responder = LdpcResponder(np.ones(2000, dtype=np.uint8), error_rate=0.03, seed=1)
    responder.next_query()
    size_bits = plan_block(2000, 0.03).disclosed_bits
    rng = np.random.Generator(np.random.PCG64DXSM(2))
    responder.handle_answer(np.packbits(rng.integers(0, 2, size_bits, dtype=np.uint8)).tobytes())
    assert responder.sweeps == (-1,)
    assert responder.bits.all()


def test_filling_bits_must_be_zero() -> None:
    """There is one encoding of each answer."""
    responder = LdpcResponder(np.ones(9, dtype=np.uint8), error_rate=0.03, seed=1)
    responder.next_query()
    with pytest.raises(MalformedMessageError):
        responder.handle_answer(b"\xff\xff")
    responder.handle_answer(b"\xff\x80")
    assert responder.parities_learned == 9


def test_answers_come_after_queries() -> None:
    """An answer to nothing and a second one are refused; so is a query before the answer."""
    pair = make_ldpc_pair(100, 0.0, seed=1, estimate=0.03)
    answer = pair.announcer.answer(QUERY)
    with pytest.raises(MalformedMessageError):
        pair.responder.handle_answer(answer)
    pair.responder.next_query()
    with pytest.raises(LocalProtocolError):
        pair.responder.next_query()
    pair.responder.handle_answer(answer)
    with pytest.raises(MalformedMessageError):
        pair.responder.handle_answer(answer)


def test_the_input_is_not_changed() -> None:
    """Both ends copy their bits."""
    bits = np.zeros(300, dtype=np.uint8)
    pair = pair_with(bits, np.eye(1, 300, 5, dtype=np.uint8)[0], 0.03, seed=1)
    pair.talk()
    assert not bits.any()


@pytest.mark.parametrize("estimate", [float("nan")])
def test_an_estimate_is_a_number(estimate: float) -> None:
    """A rate that is none is refused."""
    with pytest.raises(ValueError, match="not a number"):
        plan_block(100, estimate)


@pytest.mark.parametrize("estimate", [-1.0, 0.0, 1e-9, 0.5, 0.9, float("inf")])
def test_any_estimate_gives_a_plan(estimate: float) -> None:
    """Rates out of range are clipped: an announcer gets them from a message."""
    plan = plan_block(1000, estimate)
    assert 0 < plan.disclosed_bits <= 1000
    assert isinstance(plan_block(64, estimate).pieces[0], PlainPiece)


def test_more_errors_cost_more() -> None:
    """The parities grow with the estimate, up to all bits."""
    needed = [plan_block(20_000, rate / 1000).disclosed_bits for rate in range(2, 500, 7)]
    assert needed == sorted(needed)
    assert needed[-1] == 20_000


def test_the_estimate_is_an_upper_bound() -> None:
    """It lies above the last rate by 1.5 standard deviations, and is a rate even without bits."""
    variant = reconciliation("ldpc")
    rate = variant.estimate(errors=3000, bits=100_000)
    assert rate == pytest.approx(0.03 + 1.5 * (0.03 * 0.97 / 100_000) ** 0.5, rel=1e-3)
    assert variant.estimate(errors=0, bits=0) == 0.5
    assert not variant.is_two_way
