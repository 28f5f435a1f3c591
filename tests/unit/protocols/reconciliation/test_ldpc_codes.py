"""LDPC codes: their degrees, their cycles, that they are the same everywhere, and their decoder."""

import hashlib
from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.reconciliation.ldpc_adaptation import fit_code, places
from protocols.reconciliation.ldpc_codes import Code, Shape, grow_code
from protocols.reconciliation.ldpc_decoder import MAX_BELIEF, MIN_BELIEF, decode, put_in, take_out
from protocols.reconciliation.ldpc_degrees import ROWS, SCALE, SHARES, block_degrees
from protocols.reconciliation.ldpc_growth import grow
from tests.unit.protocols.reconciliation.ldpc_pairs import Bits, check_matrix

SMALL = Shape(columns=100, lift=5)


@pytest.fixture(scope="module")
def code() -> Code:
    """A code of some size."""
    return grow_code(Shape(columns=268, lift=30))


def test_codes_are_pinned() -> None:
    """The code of a shape is the same on every machine and in every version.

    If it must change, change the number in `ldpc_store.MAGIC` with it.
    """
    grown = grow_code(Shape(columns=200, lift=17))
    content = b"".join(
        numbers.astype("<i4").tobytes() for numbers in (grown.starts, grown.columns, grown.shifts)
    )
    assert hashlib.blake2b(content, digest_size=8).hexdigest() == "19ef4fefe89a0896"


def test_compiled_growth_is_the_written_one() -> None:
    """The interpreted kernel grows the same small code."""
    degrees = block_degrees(70)
    grown = np.zeros((2, 3, int(degrees.sum())), dtype=np.int32)
    with np.errstate(over="ignore"):
        grow(degrees, ROWS, 2, np.uint64(5), *grown[0])
        grow.py_func(degrees, ROWS, 2, np.uint64(5), *grown[1])
    assert np.array_equal(grown[0], grown[1])


def test_every_row_of_the_table_adds_up() -> None:
    """With the staircase, the shares of each row add up to 1 within rounding."""
    for rate, shares in SHARES.items():
        assert abs(rate * (ROWS - 1) / ROWS + sum(shares.values()) - SCALE) <= 3
        assert 2 < min(shares) <= max(shares) < ROWS


@pytest.mark.parametrize("columns", [80, 99, 130, 268, 800, 1500, 2048])
def test_degrees_are_those_of_the_table(columns: int) -> None:
    """They ascend; the twos are a staircase; the others have the table's mean degree."""
    degrees = block_degrees(columns)
    assert degrees.size == columns
    assert np.all(np.diff(degrees) >= 0)
    assert np.count_nonzero(degrees == 2) == ROWS - 1
    rates = sorted(SHARES)
    edges, bits = (
        np.interp(
            ROWS * SCALE / columns,
            rates,
            [sum(part * degree**power for degree, part in SHARES[row].items()) for row in rates],
        )
        for power in (1, 0)
    )
    assert degrees[ROWS - 1 :].mean() == pytest.approx(edges / bits, rel=0.15)


def test_a_code_has_its_degrees(code: Code) -> None:
    """Each block column enters as many block rows as it should, each once; rows are balanced."""
    degrees = np.bincount(code.columns, minlength=code.shape.columns)
    assert np.array_equal(degrees, block_degrees(code.shape.columns))
    for row in range(ROWS):
        columns = code.columns[code.starts[row] : code.starts[row + 1]]
        assert np.unique(columns).size == columns.size
    assert np.ptp(np.diff(code.starts)) <= 2


def test_twos_make_a_staircase(code: Code) -> None:
    """Block column c of degree 2 joins rows c and c + 1, unturned."""
    for column in range(ROWS - 1):
        blocks = np.flatnonzero(code.columns == column)
        rows = np.searchsorted(code.starts, blocks, side="right") - 1
        assert rows.tolist() == [column, column + 1]
        assert not code.shifts[blocks].any()


@pytest.mark.parametrize("shape", [Shape(columns=268, lift=240), Shape(columns=150, lift=128)])
def test_no_cycle_has_four_edges(shape: Shape) -> None:
    """Two checks share one bit at most, where the lift leaves room for it.

    Two block rows share a bit lane by lane where the shifts of a common column differ by the same.
    """
    grown = grow_code(shape)
    blocks = [
        dict(zip(grown.columns[first:last], grown.shifts[first:last], strict=True))
        for first, last in pairwise(grown.starts)
    ]
    for row, other in combinations(blocks, 2):
        turns = [(row[column] - other[column]) % shape.lift for column in row.keys() & other.keys()]
        assert len(set(turns)) == len(turns)


def test_syndrome_is_the_matrix_product() -> None:
    """The kernel agrees with the code written out."""
    grown = grow_code(SMALL)
    bits = np.random.Generator(np.random.PCG64DXSM(1)).integers(0, 2, SMALL.bits, dtype=np.uint8)
    assert np.array_equal(grown.syndrome(bits), check_matrix(grown) @ bits % 2)


def reference_decode(
    matrix: Bits, syndrome: Bits, ratios: NDArray[np.float64], lift: int, sweeps: int
) -> NDArray[np.float64]:
    """Layered sum-product by the textbook: log-likelihood ratios in float64, edge by edge."""
    beliefs = ratios.copy()
    sent = np.zeros(matrix.shape)
    for _ in range(sweeps):
        for first in range(0, matrix.shape[0], lift):
            for check in range(first, first + lift):
                bits = np.flatnonzero(matrix[check])
                others = beliefs[bits] - sent[check, bits]
                tanhs = np.tanh(others / 2)
                for k, bit in enumerate(bits):
                    product = np.prod(np.delete(tanhs, k)) * (1 - 2 * int(syndrome[check]))
                    sent[check, bit] = 2 * np.arctanh(product)
                beliefs[bits] = others + sent[check, bits]
    return beliefs


@pytest.mark.parametrize("sweeps", [1, 3])
def test_decoder_agrees_with_the_textbook(sweeps: int) -> None:
    """After some sweeps, each bit is judged as by log-likelihood ratios in double precision."""
    grown = grow_code(SMALL)
    rng = np.random.Generator(np.random.PCG64DXSM(3))
    errors = (rng.random(SMALL.bits) < 0.13).astype(np.uint8)
    syndrome = grown.syndrome(errors)
    priors = np.full(SMALL.bits, 0.13 / 0.87, dtype=np.float32)
    pattern, made = grown.decode(syndrome, priors=priors, max_sweeps=sweeps)
    expected = reference_decode(
        check_matrix(grown), syndrome, -np.log(priors.astype(np.float64)), SMALL.lift, sweeps
    )
    assert made == -1
    assert pattern.any()
    clear = np.abs(expected) > 1e-3
    assert np.array_equal(pattern[clear], (expected < 0)[clear].astype(np.uint8))


def test_known_and_unknown_bits() -> None:
    """A bit that is known is never flipped; one of which nothing is known is found."""
    grown = grow_code(SMALL)
    errors = np.zeros(SMALL.bits, dtype=np.uint8)
    errors[7] = errors[-1] = 1
    priors = np.full(SMALL.bits, 0.02, dtype=np.float32)
    priors[7], priors[8], priors[9], priors[-1] = 1, MIN_BELIEF, MIN_BELIEF, MAX_BELIEF
    pattern, made = grown.decode(grown.syndrome(errors), priors=priors, max_sweeps=20)
    assert made > 0
    assert np.array_equal(pattern, errors)


def test_what_is_put_in_can_be_taken_out() -> None:
    """Beliefs meet their bounds, and a message is kept as it counts: without it, the rest is back.

    Else bits of degree 48, whose 48 messages exceed any bound, would drift from what they are told.
    """
    rng = np.random.Generator(np.random.PCG64DXSM(6))
    others = (10.0 ** rng.uniform(-30, 30, 4000)).astype(np.float32)
    products = np.where(rng.random(4000) < 0.5, rng.uniform(-1, 1, 4000), rng.choice([-1, 1], 4000))
    beliefs, messages, tanhs = others.copy(), np.ones_like(others), np.empty_like(others)
    put_in(products.astype(np.float32), messages, beliefs)
    assert MIN_BELIEF <= beliefs.min() < 1e-27
    assert 1e27 < beliefs.max() <= MAX_BELIEF
    take_out(messages, beliefs, tanhs)
    assert np.allclose(beliefs, others, rtol=1e-6, atol=0)


def test_nothing_overflows() -> None:
    """Impossible syndromes of certain bits: the beliefs stay finite, the decoder ends."""
    grown = grow_code(SMALL)
    ones = np.ones(SMALL.checks, dtype=np.uint8)
    pattern = np.zeros(SMALL.bits, dtype=np.uint8)
    for prior in (MIN_BELIEF, MAX_BELIEF, np.float32(1)):
        priors = np.full(SMALL.bits, prior, dtype=np.float32)
        made = decode(
            priors, ones, grown.starts, grown.columns, grown.shifts, SMALL.lift, 50, pattern
        )
        assert made == -1
        assert pattern.max() <= 1


@pytest.mark.parametrize("key_bits", [65, 100, 1000, 9999])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_fit_holds_what_it_must(key_bits: int, share: float) -> None:
    """Key and punctured bits are different bits of the code, in the number that was asked for."""
    needed = round(share * key_bits) + 1
    fit = fit_code(key_bits, needed)
    where = places(fit)
    everything = np.concatenate((where.key, where.punctured))
    assert fit.disclosed_bits >= needed
    assert fit.disclosed_bits == needed or fit.shape.lift < 16
    assert (where.key.size, where.punctured.size) == (key_bits, fit.punctured_bits)
    assert np.unique(everything).size == everything.size
    assert 0 <= everything.min() <= everything.max() < fit.shape.bits


def test_punctured_bits_share_no_check() -> None:
    """Each has two checks, its own number and one lift further, and no other one has either."""
    fit = fit_code(1000, 250)
    matrix = check_matrix(grow_code(fit.shape))
    where, lift = places(fit), fit.shape.lift
    assert where.punctured.size > 5
    for bit in where.punctured:
        assert np.flatnonzero(matrix[:, bit]).tolist() == [bit, bit + lift]
    assert matrix[:, where.punctured].sum(axis=1).max() == 1


def test_impossible_codes_are_refused() -> None:
    """Arrays that would lead a compiled loop astray raise."""
    grown = grow_code(SMALL)
    with pytest.raises(ValueError, match="no code"):
        Code(SMALL, grown.starts, grown.columns + 1, grown.shifts)
    with pytest.raises(ValueError, match="no code"):
        Code(SMALL, grown.starts, grown.columns, grown.shifts - 1)
    with pytest.raises(ValueError, match="no code"):
        Code(SMALL, grown.starts[::-1].copy(), grown.columns, grown.shifts)
    with pytest.raises(ValueError, match="no code"):
        Shape(columns=ROWS, lift=5)
