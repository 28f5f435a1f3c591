"""Cascade's schedules against the sizes of the literature."""

import pytest

from protocols.reconciliation.schedules import MAX_ERROR_RATE, MIN_ERROR_RATE, SCHEDULES

# Worked out by hand from Martinez-Mateo et al., arXiv:1407.3257, for Q = 3 %, n = 10,000.
SIZES = [
    ("cascade-original", 4, (25, 49, 98, 195)),
    ("cascade-yanetal", 10, (27, 134, 5000, 5000)),
    ("cascade-option4", 16, (34, 67, 5000, 5000)),
    ("cascade-option7", 14, (64, 256, 5000, 5000)),
    ("cascade-option8", 14, (32, 512, 4096, 5000)),
]


@pytest.mark.parametrize(("name", "passes", "first"), SIZES)
def test_sizes_are_those_of_the_literature(name: str, passes: int, first: tuple[int, ...]) -> None:
    """Number of passes and the sizes of the first four; the last size goes on."""
    sizes = SCHEDULES[name].block_bits(error_rate=0.03, size_bits=10_000)
    assert len(sizes) == passes
    assert sizes[:4] == first
    assert set(sizes[4:]) <= {5000}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("size_bits", [1, 2, 3, 17, 1000])
@pytest.mark.parametrize("error_rate", [-1.0, 0.0, 1e-9, 0.3, 0.5, 2.0, float("inf")])
def test_any_estimate_gives_usable_sizes(name: str, size_bits: int, error_rate: float) -> None:
    """Sizes are at least 1, at most all bits in the first pass and half of them later."""
    first, *later = SCHEDULES[name].block_bits(error_rate=error_rate, size_bits=size_bits)
    assert 1 <= first <= size_bits
    assert all(1 <= size <= (size_bits + 1) // 2 for size in later)


def test_estimates_are_clipped() -> None:
    """Beyond the range of estimates, nothing changes any more."""
    row = SCHEDULES["cascade-yanetal"]
    for inside, outside in ((MIN_ERROR_RATE, 0.0), (MAX_ERROR_RATE, 0.5)):
        sizes = [row.block_bits(error_rate=q, size_bits=10**5) for q in (inside, outside)]
        assert sizes[0] == sizes[1]


def test_an_estimate_that_is_no_number_is_refused() -> None:
    """NaN is an error of the caller, not a block size."""
    with pytest.raises(ValueError, match="not a number"):
        SCHEDULES["cascade-original"].block_bits(error_rate=float("nan"), size_bits=10)
