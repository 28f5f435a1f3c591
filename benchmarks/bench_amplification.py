"""Privacy amplification and verification: input rate beside the goals, single thread."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from protocols.hashing import clmul
from protocols.hashing.amplification import toeplitz_amplify, toeplitz_amplify_clmul
from protocols.hashing.verification import toeplitz_hash

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
REPEATS = 5


def best_s(function: Callable[[], object]) -> float:
    """Least CPU time of some runs, after one to compile; other load does not count."""
    function()
    times_s = []
    for _ in range(REPEATS):
        start_s = time.thread_time()
        function()
        times_s.append(time.thread_time() - start_s)
    return min(times_s)


def main() -> None:
    """Print the table; output is half of the input, the slowest share."""
    rng = np.random.Generator(np.random.PCG64DXSM(1))
    print(f"carry-less multiplication available: {clmul.is_available()}")
    print("    bits  method  Mbit/s  goal")
    for size in SIZES:
        bits = rng.integers(0, 2, size, dtype=np.uint8)
        seed = rng.integers(0, 2, size + 63, dtype=np.uint8)
        for name, hash_once, goal in (
            ("fft", partial(toeplitz_amplify, output_bits=size // 2), "15 at 1e6"),
            ("clmul", partial(toeplitz_amplify_clmul, output_bits=size // 2), "250 at 1e6"),
            ("hash", partial(toeplitz_hash, hash_bits=64), "-"),
        ):
            seed_bits = seed if name == "hash" else seed[: size - 1]
            seconds = best_s(partial(hash_once, bits, seed_bits=seed_bits))
            print(f"{size:8}  {name:6}  {size / seconds / 1e6:6.1f}  {goal}")


if __name__ == "__main__":
    main()
