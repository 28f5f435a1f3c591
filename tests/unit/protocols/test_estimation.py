"""Estimation and its sample: sizes, uniform choice, removal from the sifted bits."""

import math

import numpy as np
import pytest

from protocols.bbm92.rounds import SiftedBits
from protocols.estimation import PublishedSample, ReconciledErrors, random_mask
from protocols.profile import Terms


@pytest.mark.parametrize(
    ("share", "bits", "expected"),
    [(0.1, 1000, 100), (0.1, 63, 0), (0.1, 64, 6), (0.999, 64, 63), (0.0, 1000, 0), (1.0, 100, 99)],
)
def test_sample_size(share: float, bits: int, expected: int) -> None:
    """The nearest whole number; none below 64 bits, never all of them."""
    assert PublishedSample().sample_bits(Terms(sample_share=share), bits) == expected
    assert ReconciledErrors().sample_bits(Terms(sample_share=share), bits) == 0


def test_which_of_them_publishes_a_random_sample() -> None:
    """Finite lengths ask for one."""
    assert PublishedSample.is_random_sample
    assert not ReconciledErrors.is_random_sample


@pytest.mark.parametrize(("size", "errors", "goes_on"), [(100, 5, True), (100, 6, False)])
def test_threshold_is_inclusive(size: int, errors: int, *, goes_on: bool) -> None:
    """Up to a share delta of errors the round goes on."""
    terms = Terms(qber_threshold=0.05)
    assert PublishedSample().accepts(terms, sampled_bits=size, errors=errors) is goes_on


def test_threshold_survives_rounding() -> None:
    """29 of 100 at 0.29: the product falls short of 29 in floating point, the count does not."""
    assert Terms(qber_threshold=0.29).tolerated_errors(100) == 29


def test_masks_are_uniform() -> None:
    """Each place, and each pair of neighbours, is chosen as often as chance says, at z = 5."""
    rng = np.random.Generator(np.random.PCG64DXSM(11))
    masks = np.array([random_mask(rng, 20, 8) for _ in range(20_000)])
    assert (masks.sum(axis=1) == 8).all()
    for hits, p in (
        *((int(column.sum()), 8 / 20) for column in masks.T),
        *((int((masks[:, i] & masks[:, i + 1]).sum()), 8 * 7 / (20 * 19)) for i in range(19)),
    ):
        assert abs(hits - 20_000 * p) <= 5 * math.sqrt(20_000 * p * (1 - p))


def test_removed_bits_are_gone() -> None:
    """What is taken out comes back with its lanes; the rest keeps its order, lane by lane."""
    rng = np.random.default_rng(5)
    sifted, columns = SiftedBits(2), []
    for size in (5, 0, 8):
        part = rng.integers(0, 2, (3, size)).astype(np.uint8)
        columns.append(part)
        sifted.add(part[0], part[1], part[2], np.ones(size, dtype=np.bool_))
    lanes, bases, bits = np.concatenate(columns, axis=1)
    mask = random_mask(np.random.default_rng(1), 13, 6)
    taken_lanes, taken = sifted.remove(mask)
    assert np.array_equal(taken, bits[mask == 1])
    assert np.array_equal(taken_lanes, lanes[mask == 1])
    assert sifted.size == 7
    for lane, (left_bases, left) in enumerate(sifted.sub_blocks()):
        where = (mask == 0) & (lanes == lane)
        assert np.array_equal(left, bits[where])
        assert np.array_equal(left_bases, bases[where])
