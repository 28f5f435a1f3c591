"""Do two revisions make the same bytes? Runs every shipped topology with both and compares.

    python scripts/compare_revisions.py d0b9fdd .
    python scripts/compare_revisions.py HEAD~1 HEAD --only two_user --seeds 1

A revision is anything that git knows, or a folder that holds a working tree. Both are run by this
interpreter, so what they import must be installed in its environment. Compared are ``events.jsonl``
and ``ledger.csv`` byte by byte and ``summary.json`` without ``performance``. What a commit gave is
kept in ``--keep`` and not run again.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPARED = ("events.jsonl", "ledger.csv", "summary.json")

Digests = dict[str, str]
"""File to SHA-256, or to the reason why there is none."""


def main() -> int:
    """Compare, print a line a run; 0 if all runs agree."""
    options = _arguments().parse_args()
    cases = [(name, seed) for name in options.only or _topologies() for seed in options.seeds]
    differing = 0
    with (
        checked_out(options.old) as (old, old_key),
        checked_out(options.new) as (new, new_key),
        ThreadPoolExecutor(options.workers) as pool,
    ):

        def both(case: tuple[str, int]) -> tuple[Digests, Digests]:
            return tuple(  # type: ignore[return-value]
                _digests(tree, case, options.duration, options.keep, key)
                for tree, key in ((old, old_key), (new, new_key))
            )

        for (name, seed), (before, after) in zip(cases, pool.map(both, cases), strict=True):
            different = [file for file in COMPARED if before.get(file) != after.get(file)]
            failed = sorted({*before, *after} - set(COMPARED))
            differing += bool(different or failed)
            verdict = "same" if not different else "differs: " + ", ".join(different)
            reasons = [(before | after)[file] for file in failed]
            print(f"{name:24} seed {seed}  {'; '.join([verdict, *reasons])}", flush=True)
    print(f"{len(cases) - differing} of {len(cases)} runs the same")
    return int(bool(differing))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("old", help="revision or folder")
    parser.add_argument("new", help="revision or folder")
    parser.add_argument("--duration", default="2s")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", metavar="TOPOLOGY", help="shipped names; default all")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, default=ROOT / ".cache" / "revisions")
    return parser


def _topologies() -> list[str]:
    return sorted(path.stem for path in (ROOT / "topologies").glob("*.toml"))


@contextmanager
def checked_out(revision: str) -> Iterator[tuple[Path, str | None]]:
    """Folder of a revision, and the commit that it is; a folder of files is no commit."""
    if Path(revision).is_dir():
        yield Path(revision).resolve(), None
        return
    commit = _git("rev-parse", "--verify", revision + "^{commit}")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / commit[:12]
        _git("worktree", "add", "--detach", str(tree), commit)
        try:
            yield tree, commit
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - git, with arguments of ours
        ["git", *arguments],  # noqa: S607 - the developer's git
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def _digests(
    tree: Path, case: tuple[str, int], duration: str, keep: Path, commit: str | None
) -> Digests:
    name, seed = case
    kept = keep / f"{commit}-{name}-{seed}-{duration}.json"
    if commit is not None and kept.is_file():
        loaded: Digests = json.loads(kept.read_text(encoding="utf-8"))
        return loaded
    digests = _run(tree, name, seed, duration, keep)
    if commit is not None and set(digests) == set(COMPARED):
        kept.write_text(json.dumps(digests), encoding="utf-8")
    return digests


def _run(tree: Path, name: str, seed: int, duration: str, keep: Path) -> Digests:
    cache = keep / hashlib.sha256(str(tree).encode()).hexdigest()[:12]
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "netsim", "run", name]
        command += ["--duration", duration, "--seed", str(seed), "--out", folder]
        environment = os.environ | {"PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(cache)}
        done = subprocess.run(  # noqa: S603 - this interpreter
            command, cwd=tree, env=environment, capture_output=True, text=True, check=False
        )
        digests = {file: _digest(Path(folder) / file) for file in COMPARED}
    if done.returncode:
        digests["failed"] = f"exit {done.returncode} in {tree}: {done.stderr.strip()[-300:]}"
    return digests


def _digest(path: Path) -> str:
    if not path.is_file():
        return "missing"
    content = path.read_bytes()
    if path.suffix == ".json":
        summary = json.loads(content)
        summary.pop("performance")
        content = json.dumps(summary, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
