"""`make mutants` breaks what there is, and runs tests that there are."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """``scripts/mutants.py``."""
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "scripts" / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_modules_and_their_tests_are_there(script: ModuleType) -> None:
    """A module that has moved would end the run at its place."""
    missing = [module for module in script.TESTS if not (ROOT / module).is_file()]
    tests = {test for tests in script.TESTS.values() for test in tests}
    missing += [test for test in tests if not (ROOT / "tests" / test).is_file()]
    assert not missing


def test_one_expression_is_broken_at_a_time(script: ModuleType) -> None:
    """Comparison, sum, number and result of one function: each by itself, docstrings never."""
    source = 'def f(x):\n    """At 1."""\n    return x + 1 if x < 2 else None\n'
    broken = [(words, text.splitlines()[2].strip()) for _, words, text in script.mutants(source)]
    assert ("x < 2 -> x <= 2", "return x + 1 if x <= 2 else None") in broken
    assert ("x + 1 -> x - 1", "return x - 1 if x < 2 else None") in broken
    assert ("1 -> 2", "return x + 2 if x < 2 else None") in broken
    assert len(broken) == len(set(broken)) == 5
