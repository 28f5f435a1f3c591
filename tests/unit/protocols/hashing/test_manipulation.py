"""The code that shows manipulation: the field, the polynomial, and its bound over small fields."""

from itertools import product

import numpy as np
import pytest

from protocols.hashing.manipulation import (
    FIELD,
    BinaryField,
    blocks_of,
    check,
    miss_probability,
)

NIBBLES = BinaryField(4, 0b0011)


def reduced(polynomial: int, modulus: int) -> int:
    """Remainder of long division over GF(2)."""
    size = modulus.bit_length()
    while polynomial.bit_length() >= size:
        polynomial ^= modulus << (polynomial.bit_length() - size)
    return polynomial


def times(one: int, other: int, field: BinaryField) -> int:
    """Product by way of a convolution of coefficients."""
    ones, others = ([int(digit) for digit in f"{value:b}"] for value in (one, other))
    digits = np.convolve(ones, others) % 2
    whole = int("".join(map(str, digits)), 2)
    return reduced(whole, 1 << field.size_bits | field.tail)


@pytest.mark.parametrize("field", [FIELD, NIBBLES])
def test_products(field: BinaryField) -> None:
    """Those of polynomials, reduced by long division."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        one, other = (
            int.from_bytes(rng.bytes(8), "big") >> (64 - field.size_bits) for _ in range(2)
        )
        assert field.multiply(one, other) == times(one, other, field)


def test_the_polynomial_is_irreducible() -> None:
    """Rabin's test: y^(2^64) = y, and y^(2^32) - y has no common factor with the modulus."""
    modulus = 1 << FIELD.size_bits | FIELD.tail
    power = 0b10
    for step in range(1, 65):
        power = times(power, power, FIELD)
        if step == 32:
            one, other = modulus, power ^ 0b10
            while other:
                one, other = other, reduced(one, other)
            assert one == 1
    assert power == 0b10


def power(x: int, exponent: int) -> int:
    """Of an element of the small field."""
    value = 1
    for _ in range(exponent):
        value = times(value, x, NIBBLES)
    return value


def test_the_check_is_the_polynomial() -> None:
    """Of three blocks, term by term."""
    for x, s1, s2, s3 in [(3, 5, 9, 15), (7, 0, 0, 1), (0, 4, 4, 4), (1, 1, 2, 3)]:
        terms = [power(x, 5), times(s3, power(x, 3), NIBBLES)]
        terms += [times(s2, power(x, 2), NIBBLES), times(s1, x, NIBBLES)]
        assert check(x, (s1, s2, s3), NIBBLES) == np.bitwise_xor.reduce(terms)


@pytest.mark.parametrize("blocks", [1, 3])
def test_manipulation_is_missed_as_seldom_as_promised(blocks: int) -> None:
    """All that anyone can add, to all points: at most (d + 1) of 16 points pass, and some do."""
    rng = np.random.default_rng(blocks)
    strings = rng.integers(0, 16, (6, blocks)).tolist()
    checks = {tuple(s): [check(x, s, NIBBLES) for x in range(16)] for s in strings}
    others = list(product(range(16), repeat=blocks))
    if blocks > 1:
        others = [others[k] for k in rng.choice(len(others), 40, replace=False)]
    worst = 0
    for string, values in checks.items():
        for other in others:
            if other == string:
                continue
            changed = [check(x, other, NIBBLES) for x in range(16)]
            for shift in range(16):
                sums = [values[x] ^ changed[x ^ shift] for x in range(16)]
                worst = max(worst, *map(sums.count, sums))
    assert worst == blocks + 1


def test_strings_are_cut_into_an_odd_number_of_blocks() -> None:
    """Filled up with zeros; the bound counts the same blocks."""
    assert blocks_of(bytes(7) + b"\1") == (1,)
    assert blocks_of(b"\1") == (1 << 56,)
    assert blocks_of(b"\0" * 15 + b"\2") == (0, 2, 0)
    assert len(blocks_of(bytes(32))) == 5
    assert miss_probability(32) == 6 * 2.0**-64
    with pytest.raises(ValueError, match="odd"):
        check(1, (1, 2))
