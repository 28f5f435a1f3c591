"""Runs a link on which nothing stays whole for hours of light, and rechecks what each hour leaves.

    python scripts/soak.py                              24 runs of an hour, coincidence level
    python scripts/soak.py --hours 2 --fidelity photon

Crashes of both users, cuts, outages, locks and detectors off, a wire that loses, doubles and
reorders, clocks and phases that wander. One line an hour; 1 if an hour is not sound.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from netsim.results.fidelity import Fidelity  # noqa: E402
from tests.support.soaking import Soaked, soak  # noqa: E402

COUNTED = tuple(field.name for field in fields(Soaked) if field.type is int)


def main() -> int:
    """Soak, print a line an hour and the sums."""
    options = _arguments().parse_args()
    sums = dict.fromkeys(COUNTED, 0)
    broken = 0
    print("seed", *COUNTED, "faults", "seconds", sep="\t")
    for seed in range(options.seed, options.seed + options.hours):
        started_s = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            hour = soak(Path(folder) / "run", 3600.0, seed, Fidelity(options.fidelity))
        took_s = time.perf_counter() - started_s
        counts = {name: getattr(hour, name) for name in COUNTED}
        sums = {name: sums[name] + count for name, count in counts.items()}
        broken += not hour.is_sound
        print(seed, *counts.values(), len(hour.faults), f"{took_s:.0f}", sep="\t", flush=True)
        for fault in hour.faults[:10]:
            print(f"  {fault}", flush=True)
    print(f"{options.hours} h of light:", ", ".join(f"{n} {name}" for name, n in sums.items()))
    print(f"{broken} hours are not sound")
    return int(broken > 0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1, help="of the first hour")
    parser.add_argument(
        "--fidelity", choices=("photon", "coincidence"), default="coincidence", help="level"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
