"""Exact tails with fractions: no logarithm, no floating point before the end."""

from fractions import Fraction
from math import comb, log2


def hypergeometric_at_most(population: int, marked: int, drawn: int, most: int) -> Fraction:
    """P(at most ``most`` of ``drawn`` without replacement are marked)."""
    ways = sum(
        comb(marked, k) * comb(population - marked, drawn - k) for k in range(min(most, drawn) + 1)
    )
    return Fraction(ways, comb(population, drawn))


def worst_sampling_failure(key_bits: int, sample_bits: int, seen: int, key_errors: int) -> float:
    """Largest P, over all numbers of errors, that the sample passes and the key has too many.

    The sample passes with at most ``seen`` errors; the key has more than ``key_errors`` where in
    all there are more than what the sample shows and that.
    """
    population = key_bits + sample_bits
    worst = Fraction(0)
    for marked in range(population + 1):
        # The key has more than key_errors: the sample shows fewer than marked - key_errors.
        shown = min(seen, marked - key_errors - 1)
        if shown >= 0:
            worst = max(worst, hypergeometric_at_most(population, marked, sample_bits, shown))
    return float(worst)


def entropy_bits(share: float) -> float:
    """Entropy of a yes with this probability, above 0 and below 1, by its series of logarithms."""
    return -sum(p * log2(p) for p in (share, 1.0 - share))
