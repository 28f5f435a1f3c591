"""Ascending integers as one large number: the plain reading of `protocols.ascending`."""

from collections.abc import Iterable
from itertools import pairwise


def words_of(differences: Iterable[int], width: int) -> list[int]:
    """Each difference as carries and the rest."""
    ones = 2**width - 1
    return [
        word
        for difference in differences
        for word in [*[ones] * (difference // ones), difference % ones]
    ]


def joined(words: list[int], width: int) -> bytes:
    """The width, then all words as one number, the first one in its lowest bits."""
    number = sum(word << width * place for place, word in enumerate(words))
    return bytes([width]) + number.to_bytes((width * len(words) + 7) // 8, "little")


def code_of(values: Iterable[int], width: int, *, previous: int = 0) -> bytes:
    """Ascending values in words of this width."""
    differences = [value - before for before, value in pairwise([previous, *values])]
    return joined(words_of(differences, width), width) if differences else b""
