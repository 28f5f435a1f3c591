"""Cascade and LDPC: leak, failures and speed beside the goals, both parties in one thread."""

from netsim.studies.reconcile import measure

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


def goal(value: float | None) -> str:
    """A goal, or a dash."""
    return "-" if value is None else f"{value:g}"


GOALS_FROM = {("ldpc", 50_000): 0.02, ("ldpc", 65_536): 0.034}
"""Variant and bits to the error rate at which its goal for f begins."""


def main() -> None:
    """Print the table."""
    print("schedule             bits  QBER  f (goal)         Mbit/s (goal)  rounds  failed")
    for name, size, blocks, limit, speed in ROWS:
        for error_rate in RATES:
            f_limit = limit if error_rate >= GOALS_FROM.get((name, size), 0.0) else None
            found = measure(name, qber=error_rate, block_bits=size, blocks=blocks)
            print(
                f"{name:17} {size:7} {error_rate:5.3f}"
                f"  {found.f_mean:.4f} ({goal(f_limit):5})"
                f"  {found.mbit_per_s:6.2f} ({goal(speed):2})"
                f"  {found.round_trips / blocks:8.0f}  {found.failed}/{blocks}"
            )


if __name__ == "__main__":
    main()
