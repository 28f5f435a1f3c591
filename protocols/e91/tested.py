"""The matches of a round that test Bell's inequality: what is kept of them, and the verdict.

A match is tested if exactly one of the two users had turned its analysers. It knows no wire.
"""

from collections.abc import Iterator
from functools import reduce
from operator import add

import numpy as np

from protocols.bbm92.distillation import MAX_ROUND_BITS
from protocols.bbm92.rounds import Bits, RoundCore, RoundDropped
from protocols.chsh import count_tests
from protocols.events import BellTested
from protocols.messages import AbortReason
from protocols.profile import MIN_SIFTED_BITS

MAX_TESTED = MAX_ROUND_BITS // 2
"""Bases and ports of so many fit into a message."""


class Tested:
    """Columns of the tested matches of a round, in the same order at both ends.

    Parameters
    ----------
    columns : int
        Lanes, own bases, own ports, and whatever else is known of a match; (N,) uint8 each.
    """

    def __init__(self, columns: int) -> None:
        self._parts: list[tuple[Bits, ...]] = [(np.empty(0, dtype=np.uint8),) * columns]

    def add(self, *columns: Bits) -> None:
        """Append those of one announcement."""
        self._parts.append(columns)

    @property
    def columns(self) -> tuple[Bits, ...]:
        """Of the round so far."""
        return tuple(np.concatenate(column) for column in zip(*self._parts, strict=True))


def is_tested(core: RoundCore) -> bool:
    """Whether outcomes are published: not of a round that has no key in it anyway."""
    return core.sifted.size >= MIN_SIFTED_BITS


def judge(
    core: RoundCore, lanes: Bits, bases: tuple[Bits, Bits], ports: tuple[Bits, Bits]
) -> Iterator[BellTested]:
    """Tell of the tests; RoundDropped if S of all lanes together is not above what is local.

    Both ends ask it with the same outcomes.

    Parameters
    ----------
    lanes : (N,) uint8
    bases, ports : ((N,) uint8, (N,) uint8)
        Of the announcer and of the responder.
    """
    are_equal = ports[0] == ports[1]
    tests = tuple(
        count_tests((bases[0][chosen], bases[1][chosen]), are_equal[chosen])
        for chosen in (lanes == lane for lane in range(core.config.lanes))
    )
    yield BellTested(core.number, tests)
    if not reduce(add, tests).is_violated:
        raise RoundDropped(AbortReason.NO_VIOLATION)
