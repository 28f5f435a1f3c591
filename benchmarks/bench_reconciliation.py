"""Cascade: leak, failures and speed beside the goals, both parties in one thread."""

import time

import numpy as np

from protocols.keyrate import binary_entropy
from protocols.reconciliation.cascade import SCHEDULES, CascadeAnnouncer, CascadeResponder

RATES = (0.01, 0.034, 0.076, 0.09)
ROWS = (
    # schedule, bits, blocks, goal for f, goal for Mbit/s
    ("cascade-original", 10_000, 200, None, None),
    ("cascade-yanetal", 10_000, 200, 1.08, 5.0),
    ("cascade-yanetal", 100_000, 20, 1.08, 5.0),
    ("cascade-option4", 10_000, 200, None, None),
    ("cascade-option7", 10_000, 200, None, None),
    ("cascade-option8", 10_000, 200, 1.065, None),
    ("cascade-option8", 100_000, 20, 1.055, None),
)


def run_block(name: str, size: int, error_rate: float, seed: int) -> tuple[float, float, int, bool]:
    """One block: f, seconds, round trips, and whether errors are left."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    bits = rng.integers(0, 2, size, dtype=np.uint8)
    errors = (rng.random(size) < error_rate).astype(np.uint8)
    row = SCHEDULES[name]
    start_s = time.perf_counter()
    announcer = CascadeAnnouncer(bits, schedule=row, error_rate=error_rate, seed=seed)
    responder = CascadeResponder(bits ^ errors, schedule=row, error_rate=error_rate, seed=seed)
    while (query := responder.next_query()) is not None:
        responder.handle_answer(announcer.answer(query))
    elapsed_s = time.perf_counter() - start_s
    efficiency = announcer.parities_disclosed / (size * binary_entropy(float(errors.mean())))
    failed = not np.array_equal(responder.bits, bits)
    return efficiency, elapsed_s, responder.rounds, failed


def goal(value: float | None) -> str:
    """A goal, or a dash."""
    return "-" if value is None else f"{value:g}"


def main() -> None:
    """Print the table."""
    run_block("cascade-yanetal", 1000, 0.05, 0)
    print("schedule             bits  QBER  f (goal)         Mbit/s (goal)  rounds  failed")
    for name, size, blocks, limit, speed in ROWS:
        for error_rate in RATES:
            results = [run_block(name, size, error_rate, seed) for seed in range(blocks)]
            efficiencies, seconds, rounds, failed = zip(*results, strict=True)
            speed_mbit = size * blocks / sum(seconds) / 1e6
            print(
                f"{name:17} {size:7} {error_rate:5.3f}"
                f"  {np.mean(efficiencies):.4f} ({goal(limit):5})"
                f"  {speed_mbit:6.2f} ({goal(speed):2})"
                f"  {np.mean(rounds):8.0f}  {sum(failed)}/{blocks}"
            )


if __name__ == "__main__":
    main()
