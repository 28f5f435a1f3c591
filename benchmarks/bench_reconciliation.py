"""Cascade and LDPC: leak, failures and speed beside the goals, both parties in one thread."""

import math
from collections.abc import Iterator

from figures import Row, at_least, at_most, show

from netsim.studies.reconcile import measure

SPEED = "Mbit/s"
RATES = (0.01, 0.034, 0.076, 0.09)
ROWS = (
    # variant, bits, blocks, goal for f, goal for Mbit/s
    ("cascade-original", 10_000, 200, None, None),
    ("cascade-yanetal", 10_000, 200, 1.08, 5.0),
    ("cascade-yanetal", 100_000, 20, 1.08, 5.0),
    ("cascade-option4", 10_000, 200, None, None),
    ("cascade-option7", 10_000, 200, None, None),
    ("cascade-option8", 10_000, 200, 1.065, None),
    ("cascade-option8", 100_000, 20, 1.055, None),
    ("ldpc", 10_000, 200, None, 0.5),
    ("ldpc", 50_000, 40, 1.20, 0.5),
    ("ldpc", 65_536, 30, 1.12, 0.5),
    ("ldpc", 1_000_000, 2, None, 0.5),
)


GOALS_FROM = {("ldpc", 50_000): 0.02, ("ldpc", 65_536): 0.034}
"""Variant and bits to the error rate at which its goal for f begins."""


def rows() -> Iterator[Row]:
    """Each schedule at each error rate."""
    for name, size, blocks, limit, speed in ROWS:
        for error_rate in RATES:
            has_limit = limit is not None and error_rate >= GOALS_FROM.get((name, size), 0.0)
            found = measure(name, qber=error_rate, block_bits=size, blocks=blocks)
            yield Row(
                f"{name}, {size} bits, {100 * error_rate:g} %",
                {
                    "f": math.nan if found.f_mean is None else found.f_mean,
                    SPEED: found.mbit_per_s,
                    "rounds": found.round_trips / blocks,
                    "blocks": blocks,
                    "failed": found.failed,
                },
                (
                    *((at_most("f", limit),) if has_limit and limit else ()),
                    *((at_least(SPEED, speed),) if speed else ()),
                ),
            )


def main() -> None:
    """Print the table."""
    show("reconciliation, both ends in one thread", rows())


if __name__ == "__main__":
    main()
