"""How many parities the LDPC codes need: the measurement behind the table of `ldpc_budget`.

``python benchmarks/calibrate_ldpc.py [BITS ...]`` raises, for each size and error rate, the number
of parities until `MEASURED_FAILURES` is met, and prints how many standard deviations
``sqrt(n V(Q))`` that is above ``THRESHOLD n h(Q)``. Some twenty minutes of one core.
"""

import math
import sys

import numpy as np

from protocols.keylength.keyrate import binary_entropy
from protocols.reconciliation.ldpc_budget import (
    ERROR_RATES,
    MEASURED_FAILURES,
    THRESHOLD,
    deviation_bits,
)
from protocols.reconciliation.ldpc_pieces import CodedPiece, make_piece

BLOCKS = {600: 1000, 3000: 800, 12_000: 500, 65_536: 500}
"""Size of a block to blocks at each number of parities."""
FIRST_DEVIATIONS, STEP_DEVIATIONS = 2.1, 0.4
MOST_TIMES = 4
"""So many times the failures that are aimed at are enough to go on."""


def share_of_failures(piece: CodedPiece, error_rate: float, blocks: int, seed: int) -> float:
    """Share of random blocks whose errors are not found; cut short far above the goal."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    failed = 0
    for done in range(1, blocks + 1):
        errors = (rng.random(piece.key_bits) < error_rate).astype(np.uint8)
        found, _sweeps = piece.find_errors(piece.parities(errors), error_rate=error_rate)
        failed += not np.array_equal(found, errors)
        if failed > MOST_TIMES * MEASURED_FAILURES * blocks:
            return failed / done
    return failed / blocks


def needed_deviations(size: int, error_rate: float) -> tuple[float, int]:
    """Deviations that are enough, between two steps on a line of log share; parities."""
    shannon_bits, spread = size * binary_entropy(error_rate), deviation_bits(size, error_rate)
    deviations, earlier = FIRST_DEVIATIONS, 0.0
    while True:
        parities = math.ceil(THRESHOLD * shannon_bits + deviations * spread)
        piece = make_piece(size, parities)
        if not isinstance(piece, CodedPiece):
            return math.inf, parities
        share = share_of_failures(piece, error_rate, BLOCKS[size], seed=round(deviations * 10))
        if share <= MEASURED_FAILURES:
            break
        deviations, earlier = deviations + STEP_DEVIATIONS, share
    if earlier and share:
        back = math.log(MEASURED_FAILURES / share) / math.log(earlier / share)
        deviations -= STEP_DEVIATIONS * back
    return deviations, math.ceil(THRESHOLD * shannon_bits + deviations * spread)


def main() -> None:
    """Print the table."""
    print("   bits   QBER  deviations       f")
    for size in [int(word) for word in sys.argv[1:]] or list(BLOCKS):
        for rate in ERROR_RATES:
            deviations, parities = needed_deviations(size, rate)
            f = parities / size / binary_entropy(rate)
            print(f"{size:7}  {rate:5.3f}  {deviations:10.2f}  {f:.4f}", flush=True)


if __name__ == "__main__":
    main()
