"""Cascade schedules: rows of data that say how large the blocks of each pass are.

Knows nothing of bits or messages. The sizes of pass 1, 2, ... follow from the estimated error
rate Q and the block of n bits; the last row entry is repeated until the passes are used up.

Original is [2]_, yanetal is [3]_ as quoted in [1]_, the others are optimisations (4), (7) and (8)
of [1]_. Two notes: keeping the parities of sub-blocks, which [1]_
introduces with optimisation (4), costs nothing on the wire, so the yanetal row does it too (f
falls from 1.09 to about 1.06 at 10 kbit); the original row does not, so that it shows what the
literature calls Cascade.

References
----------
.. [1] J. Martinez-Mateo, C. Pacher, M. Peev, A. Ciurana, V. Martin, Demystifying the information
   reconciliation protocol Cascade, QIC 15, 453 (2015), arXiv:1407.3257.
.. [2] G. Brassard, L. Salvail, Secret-key reconciliation by public discussion, EUROCRYPT 1993.
.. [3] H. Yan et al., Information reconciliation protocol in quantum key distribution system,
   ICNC 2008.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MIN_ERROR_RATE = 1e-4
MAX_ERROR_RATE = 0.4
"""Estimates are clipped to this range: at 0 a first block would never end, at 1/2 it has 1 bit.

An estimate too high costs parities. One far too low costs round trips, and with the few passes of
the original schedule it leaves errors, which verification finds.
"""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Block of ceil(factor / Q) bits."""

    factor: float

    def block_bits(self, error_rate: float, size_bits: int) -> int:  # noqa: ARG002
        """Block size for an error rate in (0, 1)."""
        return math.ceil(self.factor / error_rate)


@dataclass(frozen=True, slots=True)
class PowerOfTwo:
    """Block of 2^ceil(slope * log2(1/Q) + offset) bits."""

    slope: float
    offset: float

    def block_bits(self, error_rate: float, size_bits: int) -> int:  # noqa: ARG002
        """Block size for an error rate in (0, 1)."""
        return int(2 ** math.ceil(self.slope * -math.log2(error_rate) + self.offset))


@dataclass(frozen=True, slots=True)
class Half:
    """Block of half of all bits, rounded up."""

    def block_bits(self, error_rate: float, size_bits: int) -> int:  # noqa: ARG002
        """Block size for ``size_bits`` bits in all."""
        return (size_bits + 1) // 2


@dataclass(frozen=True, slots=True)
class Schedule:
    """One row: block sizes per pass, number of passes, whether sub-block parities are kept.

    Attributes
    ----------
    sizes : tuple of rules
        Of pass 1, 2, ...; the last one holds for all further passes.
    passes : int
        At least ``len(sizes)``.
    keeps_sub_blocks : bool
        A corrected bit reopens the smallest block with a known parity that holds it, instead of
        the whole block of its pass.
    """

    name: str
    sizes: tuple[Ratio | PowerOfTwo | Half, ...]
    passes: int
    keeps_sub_blocks: bool

    def block_bits(self, *, error_rate: float, size_bits: int) -> tuple[int, ...]:
        """Block size of every pass.

        Parameters
        ----------
        error_rate : float
            Estimate; clipped to `MIN_ERROR_RATE` .. `MAX_ERROR_RATE`.
        size_bits : int
            Bits to reconcile, >= 1. The first pass has blocks of at most all bits, the later ones
            of at most half, because the parity of all is known by then.

        Raises
        ------
        ValueError
            If the estimate is not a number.
        """
        if math.isnan(error_rate):
            raise ValueError("the estimated error rate is not a number")
        rate = min(max(error_rate, MIN_ERROR_RATE), MAX_ERROR_RATE)
        rules = self.sizes + self.sizes[-1:] * (self.passes - len(self.sizes))
        limits = (size_bits, *[max(1, (size_bits + 1) // 2)] * (self.passes - 1))
        wanted = (rule.block_bits(rate, size_bits) for rule in rules)
        return tuple(min(block, limit) for block, limit in zip(wanted, limits, strict=True))


_ROWS = (
    Schedule(
        "cascade-original",
        (Ratio(0.73), Ratio(1.46), Ratio(2.92), Ratio(5.84)),
        passes=4,
        keeps_sub_blocks=False,
    ),
    Schedule("cascade-yanetal", (Ratio(0.8), Ratio(4.0), Half()), passes=10, keeps_sub_blocks=True),
    Schedule("cascade-option4", (Ratio(1.0), Ratio(2.0), Half()), passes=16, keeps_sub_blocks=True),
    Schedule(
        "cascade-option7",
        (PowerOfTwo(1.0, 0.0), PowerOfTwo(1.0, 2.0), Half()),
        passes=14,
        keeps_sub_blocks=True,
    ),
    Schedule(
        "cascade-option8",
        (PowerOfTwo(1.0, -0.5), PowerOfTwo(0.5, 5.75), PowerOfTwo(0.0, 12.0), Half()),
        passes=14,
        keeps_sub_blocks=True,
    ),
)

SCHEDULES: Mapping[str, Schedule] = MappingProxyType({row.name: row for row in _ROWS})
"""Every schedule by its name."""
