"""Runs every bench in a process of its own; tables on the terminal, all figures in one JSON file.

``python benchmarks/run_all.py [FILE]``; FILE is ``build/bench.json`` unless it is named.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
USUAL = Path("build/bench.json")


def main() -> None:
    """Run them; the exit status is that of the first bench that fails."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else USUAL
    out.parent.mkdir(parents=True, exist_ok=True)
    records = {}
    with tempfile.TemporaryDirectory() as folder:
        for bench in sorted(HERE.glob("bench_*.py")):
            path = Path(folder) / f"{bench.stem}.json"
            subprocess.run([sys.executable, bench, "--json", path], check=True)  # noqa: S603
            records[bench.stem] = json.loads(path.read_text(encoding="utf-8"))
            out.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")
    goals = [goal for each in records.values() for row in each["rows"] for goal in row["goals"]]
    met = sum(goal["is_met"] for goal in goals)
    print(f"{met} of {len(goals)} goals met; figures in {out}")


if __name__ == "__main__":
    main()
