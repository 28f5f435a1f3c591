"""Measuring error correction on blocks of chosen sizes and error rates, for `netsim reconcile`."""

import math
from collections.abc import Sequence
from fractions import Fraction

from netsim.errors import ConfigError, Fault
from netsim.twin.efficiency import Bench, Efficiency
from netsim.watch import UNWATCHED, Watch
from protocols.registry import VariantError
from protocols.variants import RECONCILIATIONS

MAX_BLOCK_BITS = 2**26
MAX_BLOCKS = 10**9
MAX_POINTS = 10_000
RANGE = "range first:last:step"
SLACK = Fraction(1, 10**6)
"""A range reaches its end if it misses it by this share of a step."""


def measure(
    variant: str,
    *,
    qber: float,
    block_bits: int = 10_000,
    blocks: int = 200,
    seed: int = 1,
    watch: Watch = UNWATCHED,
) -> Efficiency:
    """Correct ``blocks`` random blocks with both ends of ``variant``.

    Parameters
    ----------
    variant : str
        Name of a reconciliation variant, see `protocols.variants`.
    qber : float
        Probability that a bit is wrong, 0 to below 1/2; also the estimate both ends start from.
    block_bits, blocks : int
        Size and number.
    seed : int
        >= 0. The same seed gives the same blocks to every variant, however many blocks there are.
    watch : Watch
        Told the number of blocks done, after each; asked before each block, and if it stops there,
        the result has fewer blocks.

    Raises
    ------
    ConfigError
        A value out of range, or a variant that is unknown or takes no such blocks.
    """
    faults = find_faults([variant], [qber], block_bits=block_bits, blocks=blocks, seed=seed)
    if faults:
        raise ConfigError(faults)
    bench = Bench(variant, qber, block_bits, seed)
    found = Efficiency(variant, qber, block_bits)
    for done in range(blocks):
        if watch.should_stop():
            break
        found += bench.block()
        watch.progress(done + 1)
    return found


def find_faults(
    variants: Sequence[str], qbers: Sequence[float], *, block_bits: int, blocks: int, seed: int
) -> tuple[Fault, ...]:
    """What is wrong with the values of measurements, all at once."""
    faults = []
    for variant in variants:
        try:
            RECONCILIATIONS.get(variant)
        except VariantError as error:
            faults.append(Fault("--variant", str(error)))
    faults += [
        Fault("--qber", f"{qber:g} does not lie between 0 and 0.5, 0.5 excluded")
        for qber in qbers
        if not 0.0 <= qber < 0.5
    ]
    rules = (
        ("--block", f"lies between 1 and {MAX_BLOCK_BITS} bits", 1 <= block_bits <= MAX_BLOCK_BITS),
        ("--blocks", f"lies between 1 and {MAX_BLOCKS}", 1 <= blocks <= MAX_BLOCKS),
        ("--seed", "is not negative", seed >= 0),
    )
    return (*faults, *(Fault(option, rule) for option, rule, is_met in rules if not is_met))


def parse_qbers(text: str) -> tuple[float, ...]:
    """Numbers and ranges, separated by commas: ``0.034``, ``0.01,0.02``, ``0.01:0.09:0.01``.

    A range is ``first:last:step``, the last one included.

    Raises
    ------
    ValueError
        Something that is no number and no range, or more than 10000 of them.
    """
    found = [value for part in text.split(",") for value in _values(part.strip())]
    if len(found) > MAX_POINTS:
        raise ValueError(f"{len(found)} error rates are too many")
    return tuple(dict.fromkeys(found))


def _values(part: str) -> list[float]:
    try:
        numbers = [Fraction(number) for number in part.split(":")]
        float(sum(numbers))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise ValueError(f"{part[:40]!a} is no number and no {RANGE}") from error
    match numbers:
        case [value]:
            return [float(value)]
        case [first, last, step] if step > 0 and last >= first:
            steps = math.floor((last - first) / step + SLACK)
            return [float(first + k * step) for k in range(min(steps, MAX_POINTS) + 1)]
        case _:
            raise ValueError(f"{part[:40]!a} is no {RANGE}, last >= first, step > 0")
