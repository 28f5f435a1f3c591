"""Privacy amplification and verification: input rate beside the goals, single thread."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from figures import Row, at_least, show

from protocols.hashing import clmul
from protocols.hashing.amplification import toeplitz_amplify, toeplitz_amplify_clmul
from protocols.hashing.verification import toeplitz_hash

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
REPEATS = 5
SPEED = "Mbit/s"
GOALS = {(1_000_000, "fft"): 15.0, (1_000_000, "clmul"): 250.0}


def best_s(function: Callable[[], object]) -> float:
    """Least CPU time of some runs, after one to compile; other load does not count."""
    function()
    times_s = []
    for _ in range(REPEATS):
        start_s = time.thread_time()
        function()
        times_s.append(time.thread_time() - start_s)
    return min(times_s)


def rows() -> Iterator[Row]:
    """Each size by each way; output is half of the input, the slowest share."""
    rng = np.random.Generator(np.random.PCG64DXSM(1))
    for size in SIZES:
        bits = rng.integers(0, 2, size, dtype=np.uint8)
        seed = rng.integers(0, 2, size + 63, dtype=np.uint8)
        for name, hash_once in (
            ("fft", partial(toeplitz_amplify, output_bits=size // 2)),
            ("clmul", partial(toeplitz_amplify_clmul, output_bits=size // 2)),
            ("hash", partial(toeplitz_hash, hash_bits=64)),
        ):
            seed_bits = seed if name == "hash" else seed[: size - 1]
            seconds = best_s(partial(hash_once, bits, seed_bits=seed_bits))
            goals = (at_least(SPEED, GOALS[size, name]),) if (size, name) in GOALS else ()
            yield Row(f"{name}, {size} bits", {SPEED: size / seconds / 1e6}, goals)


def main() -> None:
    """Print the table."""
    words = clmul.VECTOR_WORDS // 2 if clmul.is_available() else 0
    show(f"amplification, output half of the input; {words} carry-less products at once", rows())


if __name__ == "__main__":
    main()
