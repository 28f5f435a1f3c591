"""Security statements: how long a key may be, what must hold for it, what fails with which epsilon.

The formulas are in `protocols.keylength`; here they meet the counts of a round.
"""

from protocols.security.assumptions import DEVICES, ONE_WAY_COUNT, SYMMETRIC
from protocols.security.asymptotic import Asymptotic, AsymptoticMixed
from protocols.security.finite import (
    MAX_ROUND_SCALE,
    Finite,
    FiniteExact,
    TwoBasis,
    expected_bias_bits,
    expected_plan,
    label,
    smallest_scale,
)

__all__ = [
    "DEVICES",
    "MAX_ROUND_SCALE",
    "ONE_WAY_COUNT",
    "SYMMETRIC",
    "Asymptotic",
    "AsymptoticMixed",
    "Finite",
    "FiniteExact",
    "TwoBasis",
    "expected_bias_bits",
    "expected_plan",
    "label",
    "smallest_scale",
]
