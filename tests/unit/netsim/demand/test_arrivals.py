"""When applications ask: rates, order, and what each kind is told."""

from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from netsim.demand.kinds import ARRIVALS
from netsim.units import PS_PER_S


def times(kind: str, options: dict[str, object], seed: int = 1) -> Iterator[int]:
    return ARRIVALS.get(kind).times_ps(options, np.random.default_rng(seed))


def before(kind: str, options: dict[str, object], stop_s: float, seed: int = 1) -> list[float]:
    """Times in s."""
    found = takewhile(lambda time_ps: time_ps < stop_s * PS_PER_S, times(kind, options, seed))
    return [time_ps / PS_PER_S for time_ps in found]


def test_periodic_times_are_rounded_one_by_one() -> None:
    """The thirty-thousandth third of a second is where it belongs."""
    found = list(islice(times("periodic", {"every_s": 1 / 3, "start_s": 0.5}), 30_001))
    assert found[:3] == [500_000_000_000, 833_333_333_333, 1_166_666_666_667]
    assert found[-1] == 10_000 * PS_PER_S + 500_000_000_000


@pytest.mark.parametrize(
    ("kind", "options", "mean_hz", "index"),
    [
        ("poisson", {"rate_hz": 2.0}, 2.0, 1.0),
        ("on-off", {"rate_hz": 6.0, "on_s": 5.0, "off_s": 10.0}, 2.0, 1.0 + 2 * 4.0 * 50 / 15),
        ("daily", {"rate_hz": 2.0, "profile": [1] * 24}, 2.0, 1.0),
    ],
)
def test_rates(kind: str, options: dict[str, object], mean_hz: float, index: float) -> None:
    """Counts within five standard deviations of their mean, and ascending times.

    ``index`` is the variance of the count over its mean: 1 of Poisson; of a Poisson process that is
    switched, 1 + 2 r (off share) / (1/on + 1/off) [Fischer & Meier-Hellstern 1993, of an IPP].
    """
    stop_s = 20_000.0
    found = before(kind, options, stop_s)
    assert found == sorted(found)
    sigma = (index * mean_hz * stop_s) ** 0.5
    assert abs(len(found) - mean_hz * stop_s) < 5 * sigma
    assert ARRIVALS.get(kind).rate_hz(options) == pytest.approx(mean_hz)


def test_rates_that_nobody_says_are_counted(tmp_path: Path) -> None:
    """Over a day: of a file that is longer, and of a period which has its own."""
    (tmp_path / "times").write_text("0\n10\n86399.5\n86400\n90000\n")
    trace = ARRIVALS.get("trace").rate_hz({"path": str(tmp_path / "times")})
    assert trace == pytest.approx(3 / 86_400)
    assert ARRIVALS.get("periodic").rate_hz({"every_s": 0.25}) == pytest.approx(4.0)


def test_a_daily_profile_is_followed() -> None:
    """Hour by hour, from the hour on that the run begins at; none where the weight is zero."""
    profile = [0] * 8 + [3] * 8 + [1] * 8
    found = before("daily", {"rate_hz": 1.0, "profile": profile, "start_h": 7.5}, 5 * 86_400)
    hours = (np.array(found) / 3600 + 7.5) % 24
    counts = np.histogram(hours, bins=24, range=(0, 24))[0]
    expected = np.array(profile) / (32 / 24) * 5 * 3600
    assert not counts[expected == 0].any()
    away = (counts - expected)[expected > 0] / np.sqrt(expected[expected > 0])
    assert np.abs(away).max() < 5


def test_trace_file(tmp_path: Path) -> None:
    """Exact decimal seconds."""
    path = tmp_path / "times.txt"
    path.write_text("0.1\n0.1\n2\n")
    assert list(times("trace", {"path": str(path)})) == [10**11, 10**11, 2 * 10**12]


@pytest.mark.parametrize("text", ["2\n1\n", "-1\n", "x\n", "1/0\n", "\xff"])
def test_trace_files_that_are_none(tmp_path: Path, text: str) -> None:
    """Named in the fault."""
    path = tmp_path / "times.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="times"):
        times("trace", {"path": str(path)})


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("periodic", {}),
        ("periodic", {"every_s": 0.0}),
        ("periodic", {"every_s": 1.0, "rate_hz": 1.0}),
        ("poisson", {"rate_hz": float("nan")}),
        ("daily", {"rate_hz": 1.0, "profile": [1] * 23}),
        ("daily", {"rate_hz": 1.0, "profile": [0] * 24}),
        ("daily", {"rate_hz": 1.0, "profile": [1] * 24, "start_h": 24.0}),
        ("trace", {"path": ""}),
    ],
)
def test_options_that_are_none(kind: str, options: dict[str, object]) -> None:
    """Missing, too many, out of range."""
    with pytest.raises(ValidationError):
        times(kind, options)
