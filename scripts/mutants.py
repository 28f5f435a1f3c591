"""Breaks one expression at a time and runs the tests of its module: what does nobody notice.

    make mutants                                    all modules of TESTS, from where it was stopped
    python scripts/mutants.py protocols/pads.py     some modules
    python scripts/mutants.py --survivors           what has survived so far

Results are lines of JSON, one a mutant, in ``mutants.jsonl``; a mutant that has one is not run
again unless its module has changed. The sources themselves are not touched: mutants live in a copy.
A survivor is either a test that is missing or a change that changes nothing; which of the two, a
reader decides.
"""

import argparse
import ast
import copy
import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "mutants.jsonl"
COPIED = ("protocols", "netsim", "tests", "examples", "topologies", "pyproject.toml")
LIMIT_S = 120
"""Of processor time: a loop without end."""
TESTS: dict[str, tuple[str, ...]] = {
    "protocols/bbm92/decided.py": ("integration/test_crash_and_return.py",),
    "protocols/bbm92/macs.py": ("unit/protocols/bbm92/test_macs.py",),
    "protocols/bbm92/signing.py": ("unit/protocols/bbm92/test_signing.py",),
    "protocols/bbm92/tagcheck.py": ("unit/protocols/test_endpoint.py",),
    "protocols/bits.py": ("unit/protocols/test_bits.py",),
    "protocols/books.py": ("unit/netsim/pools/test_bookkeeper.py",),
    "protocols/budgets.py": (
        "unit/protocols/test_security_plans.py",
        "unit/protocols/test_security_two_basis.py",
        "unit/protocols/reconciliation/test_leak_budget.py",
    ),
    "protocols/calibration.py": ("unit/protocols/test_calibration.py",),
    "protocols/deadtime.py": ("unit/protocols/test_deadtime.py",),
    "protocols/estimation.py": ("unit/protocols/test_estimation.py",),
    "protocols/keylength/balance.py": ("unit/protocols/keylength/test_balance.py",),
    "protocols/keylength/finite.py": ("unit/protocols/keylength/test_finite.py",),
    "protocols/keylength/keyrate.py": ("unit/protocols/keylength/test_keyrate.py",),
    "protocols/pads.py": ("unit/protocols/test_pads.py",),
    **dict.fromkeys(
        ("protocols/security/asymptotic.py", "protocols/security/finite.py"),
        tuple(
            f"unit/protocols/test_security{part}.py"
            for part in (
                "",
                "_two_basis",
                "_asymptotic",
                "_refusals",
                "_plans",
                "_edges",
                "_decisions",
            )
        ),
    ),
    "protocols/ascending.py": ("unit/protocols/test_ascending.py",),
    "netsim/physics/clock.py": ("unit/netsim/physics/test_clock.py",),
    "netsim/physics/detector.py": ("unit/netsim/physics/test_detector.py",),
    "netsim/physics/rates.py": ("unit/netsim/physics/test_rates.py",),
    "netsim/physics/silences.py": ("unit/netsim/physics/test_silences.py",),
    "netsim/pools/audit.py": ("unit/netsim/pools/test_audit.py",),
    **dict.fromkeys(
        (
            *("netsim/verify/books.py", "netsim/verify/ends.py"),
            *("netsim/verify/events.py", "netsim/verify/moves.py"),
        ),
        ("unit/netsim/test_verify_by_hand.py", "unit/netsim/test_verify.py"),
    ),
    **dict.fromkeys(
        ("netsim/verify/demand.py", "netsim/verify/levels.py"),
        (
            "unit/netsim/test_verify_demand_by_hand.py",
            "unit/netsim/test_verify_levels_by_hand.py",
            "integration/test_demand.py",
        ),
    ),
    **dict.fromkeys(
        ("netsim/verify/columns.py", "netsim/verify/scored.py"),
        (
            "unit/netsim/test_verify_columns_by_hand.py",
            "unit/netsim/test_verify_scored_by_hand.py",
            "unit/netsim/test_verify_columns.py",
        ),
    ),
    "netsim/verify/records.py": ("unit/netsim/test_verify.py",),
    "netsim/verify/stores.py": ("unit/netsim/test_verify.py",),
    "netsim/verify/summary.py": ("unit/netsim/test_verify.py",),
}
"""Module to the files below ``tests`` that must notice when it is broken."""
PAIRS = (
    (ast.Lt, ast.LtE),
    (ast.Gt, ast.GtE),
    (ast.Eq, ast.NotEq),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
    (ast.And, ast.Or),
    (ast.Add, ast.Sub),
    (ast.Mult, ast.Div),
    (ast.LShift, ast.RShift),
    (ast.BitAnd, ast.BitOr),
)
"""Operators that take each other's place."""
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    **dict(PAIRS),
    **{second: first for first, second in PAIRS},
    **dict.fromkeys((ast.FloorDiv, ast.Mod, ast.Pow), ast.Add),
    ast.BitXor: ast.BitOr,
}


def sites(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes of code that runs: no annotations, decorators, docstrings."""
    skipped = {"annotation", "returns", "decorator_list", "type_params"}
    for name, value in ast.iter_fields(tree):
        children = value if isinstance(value, list) else [value]
        if name in skipped:
            continue
        for child in children:
            is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not is_text:
                yield child
                yield from sites(child)


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in the place of a node, and in words."""
    match node:
        case ast.Compare(ops=[op, *rest]) if type(op) in SWAPS:
            yield _changed(node, ops=[SWAPS[type(op)](), *rest])
        case ast.BinOp(op=op) | ast.BoolOp(op=op) if type(op) in SWAPS:
            yield _changed(node, op=SWAPS[type(op)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield f"{ast.unparse(node)} -> {ast.unparse(operand)}", operand
        case ast.Constant(value=bool() as value):
            yield f"{value} -> {not value}", ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value} -> {value + 1}", ast.Constant(value + 1)
        case ast.Return(value=ast.expr()):
            yield f"{ast.unparse(node)} -> return None", ast.Return(ast.Constant(None))


def _changed(node: ast.AST, **fields: object) -> tuple[str, ast.AST]:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return f"{ast.unparse(node)} -> {ast.unparse(other)}", other


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """(line, change in words, changed source) of each mutant."""
    number = len(list(sites(ast.parse(source))))
    for place in range(number):
        tree = ast.parse(source)
        node = list(sites(tree))[place]
        for words, new in changes(node):
            broken = ast.fix_missing_locations(_Replace(node, new).visit(tree))
            yield getattr(node, "lineno", 0), words, ast.unparse(broken)


def verdict(place: Path, tests: list[str]) -> str:
    """Run the tests in a fork, so that libraries are loaded once: killed, survived or too slow."""
    pid = os.fork()
    if pid == 0:
        _run_tests(place, tests)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return "too slow"
    return "survived" if status == 0 else "killed"


def _run_tests(place: Path, tests: list[str]) -> None:
    import pytest  # noqa: PLC0415 - in the fork

    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
    os.chdir(place)
    sys.path.insert(0, str(place))
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow"]
    os._exit(int(pytest.main([*options, *tests])))


def run(modules: list[str], results: Path) -> None:
    """Run what has no result yet."""
    known = {line["key"] for line in _read(results)}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in COPIED:
            copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
            copied(ROOT / name, place / name)
        os.environ.setdefault("NUMBA_CACHE_DIR", str(place / "kernels"))
        for module in modules:
            tests = [f"tests/{test}" for test in TESTS[module]]
            source = (ROOT / module).read_text(encoding="utf-8")
            if (found := verdict(place, tests)) != "survived":
                raise SystemExit(f"{module}: without any change {found}")
            digest = hashlib.sha256(source.encode()).hexdigest()[:12]
            for count, (line, words, broken) in enumerate(mutants(source)):
                key = f"{module}:{digest}:{count}"
                if key in known:
                    continue
                (place / module).write_text(broken, encoding="utf-8")
                result = {"key": key, "line": line, "change": words}
                result["verdict"] = verdict(place, tests)
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(result) + "\n")
            (place / module).write_text(source, encoding="utf-8")


def _read(results: Path) -> list[dict[str, Any]]:
    if not results.is_file():
        return []
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def report(results: Path) -> None:
    """Print the survivors and the count of all, module by module."""
    by_module: dict[str, list[dict[str, Any]]] = {}
    for found in _read(results):
        by_module.setdefault(found["key"].partition(":")[0], []).append(found)
    for module, found in sorted(by_module.items()):
        alive = [each for each in found if each["verdict"] == "survived"]
        print(f"{module}: {len(alive)} of {len(found)} survive")
        for each in alive:
            print(f"    line {each['line']}: {each['change']}")


def main() -> None:
    """As above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=[], metavar="MODULE", help="of TESTS")
    parser.add_argument("--survivors", action="store_true", help="list them and run nothing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if not options.survivors:
        import numba  # noqa: F401, PLC0415 - once for all forks, and NumPy with it

        run(options.modules or list(TESTS), options.results)
    report(options.results)


if __name__ == "__main__":
    main()
