"""What benches work with: exponents, goals, and the limit kernel."""

import importlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netsim

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Imports a module of ``benchmarks``."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def test_an_exponent_is_the_slope_of_logarithms(bench: Callable[[str], Any]) -> None:
    """A power law gives its own exponent; a point off it an error that is worked out by hand."""
    power_law = bench("fits").PowerLaw
    exact = power_law.of((1.0, 2.0, 5.0), (3.0, 3.0 * 2**1.5, 3.0 * 5**1.5))
    assert exact.exponent == pytest.approx(1.5, abs=1e-12)
    assert exact.error == pytest.approx(0.0, abs=1e-9)
    assert exact.cost(4.0) == pytest.approx(24.0)
    # In logarithms: (-1, 0), (0, e), (1, 0); the slope is 0, squares left 2/3 e^2, one freedom.
    bent = power_law.of((1 / math.e, 1.0, math.e), (1.0, math.exp(0.3), 1.0))
    assert bent.exponent == pytest.approx(0.0, abs=1e-12)
    assert bent.error == pytest.approx(math.sqrt(2 / 3 * 0.3**2 / 2), abs=1e-12)


@pytest.mark.parametrize(("value", "most", "least"), [(1.0, True, False), (3.0, False, True)])
def test_a_goal_says_on_which_side_it_was_missed(
    bench: Callable[[str], Any], value: float, most: bool, least: bool
) -> None:
    """In the table and in JSON."""
    figures = bench("figures")
    goals = (figures.at_most("s", 2.0), figures.at_least("s", 2.0))
    row = figures.Row("a case", {"s": value}, goals)
    assert [goal["is_met"] for goal in row.record["goals"]] == [most, least]
    assert ("s <= 2 MISSED" in row.text) is not most
    assert ("s >= 2 MISSED" in row.text) is not least


def test_figures_are_kept_beside_the_limit(
    bench: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``--json FILE`` holds what the table shows."""
    figures = bench("figures")
    monkeypatch.setattr(figures, "limit_mtag_per_s", iter((15.0, 14.0)).__next__)
    path = tmp_path / "found.json"
    monkeypatch.setattr("sys.argv", ["bench", "first", "--json", str(path)])
    figures.show("a title", [figures.Row("first", {"Mbit/s": 1234.5})])
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["limit_mtag_per_s"] == [15.0, 14.0]
    assert record["rows"] == [{"name": "first", "figures": {"Mbit/s": 1234.5}, "goals": []}]
    assert "limit kernel: 15.0 Mtag/s" in capsys.readouterr().out
    assert figures.named(["first", "second"]) == ["first"]


@pytest.mark.slow
def test_the_limit_makes_the_tags_and_coincidences_of_the_network(
    bench: Callable[[str], Any],
) -> None:
    """As many as the photon level, but for dead times within 1 %; pairs come at their rate."""
    topology = netsim.load_topology("fan2025_four_user")
    limit = bench("limit").Limit.of(topology)
    tags, _ = limit.run(2.0)
    expected = 2.0 * sum(limit.clicks_hz.values())
    assert 0.98 * expected < tags < expected + 5 * math.sqrt(expected)
    simulated = netsim.simulate(topology, duration_s=2.0).performance.tags
    assert abs(tags / simulated - 1.0) < 0.01


@pytest.mark.slow
def test_the_limit_finds_its_pairs(bench: Callable[[str], Any]) -> None:
    """Of equal bases: pairs on equal paths that are near enough, and accidental coincidences."""
    module = bench("limit")
    limit = module.Limit.of(netsim.load_topology("fan2025_four_user"))
    _, found = limit.run(4.0)
    rates, window_s = limit.clicks_hz, limit.window_ps * 1e-12
    chance = sum(4.0 * window_s * rates[one] * rates[other] / 2 for one, other in limit.links)
    pairs = sum(4.0 * stream.rate_hz / 2 for stream in limit.plan.pairs)
    kappa, _, _ = limit.analyser
    expected = chance + pairs / 2 * (1.0 - math.exp(-kappa * limit.window_ps / 2))
    assert abs(found - expected) < 5 * math.sqrt(expected) + 0.02 * expected  # dead times
