"""What `netsim inspect` finds in made-up recordings whose every number is known."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from netsim.cli import run_command
from netsim.recordings.correlation import correlate, poisson_tail
from netsim.recordings.inspection import facts_of
from netsim.recordings.lateness import histograms_of, late_of
from netsim.recordings.maps import plausible_maps
from netsim.recordings.reading import Recording
from netsim.recordings.writing import WRITTEN

PS = Fraction(1)
SECOND = 10**12


def light(
    *, pairs_hz: float = 400.0, darks_hz: float = 8000.0, light_s: float = 5.0, seed: int = 3
) -> tuple[Recording, Recording]:
    """Two recordings: pairs with 4 % of errors in Z, none in X (flipped).

    The second clock is 300 us and 0.4 ppm off, and its channel 2 answers 900 ps late.
    """
    rng = np.random.default_rng(seed)
    count = rng.poisson(pairs_hz * light_s)
    true_ps = np.sort(rng.uniform(0, light_s * SECOND, count))
    bases = rng.integers(0, 2, (2, count))
    bits = rng.integers(0, 2, (2, count))
    same = bases[0] == bases[1]
    wrong = (bases[0] == 0) & (rng.random(count) < 0.04)
    bits[1] = np.where(same, bits[0] ^ (bases[0] == 1) ^ wrong, bits[1])
    found = []
    for side in (0, 1):
        darks = rng.poisson(darks_hz * light_s)
        times = np.concatenate([true_ps, rng.uniform(0, light_s * SECOND, darks)])
        channels = np.concatenate([2 * bases[side] + bits[side], rng.integers(0, 4, darks)])
        times = times + rng.normal(0, 50, times.size) + 900.0 * ((channels == 2) & (side == 1))
        if side:
            times = times * (1 + 0.4e-6) + 300e6
        order = np.argsort(times)
        whole = np.rint(times[order]).astype(np.int64)
        found.append(Recording(whole, channels[order].astype(np.int64)))
    return found[0], found[1]


def test_facts_of_one_recording() -> None:
    """Clicks, rates, shortest intervals, silences and steps back, each made on purpose."""
    times = np.arange(0, SECOND, 10**8)
    times[5000:] += 10**11
    times[[100, 101]] = times[[101, 100]]
    facts = facts_of(Recording(times, np.arange(10_000) % 2, lost=3), PS)
    assert (facts.clicks, facts.lost, facts.back_steps, facts.gaps) == (10_000, 3, 1, 1)
    assert facts.largest_back_ps == 10**8
    assert facts.longest_gap_ps == 10**11 + 10**8
    assert facts.shortest_ps == 10**8
    assert [one.clicks for one in facts.channels] == [5000, 5000]
    assert facts.channels[0].shortest_ps == 10**8  # two that were exchanged are of one neighbour
    assert facts.channels[1].rate_hz == pytest.approx(5000 / (facts.span_ps / SECOND))


def test_a_tick_scales_all_times() -> None:
    """Of 80.955 ps, as some recorders have."""
    facts = facts_of(Recording(np.array([0, 10, 30]), np.zeros(3, np.int64)), Fraction("80.955"))
    assert facts.span_ps == pytest.approx(30 * 80.955)
    assert facts.shortest_ps == pytest.approx(10 * 80.955)


def test_clocks_and_pairs_are_found() -> None:
    """Offset, rate, coincidences and error rates within four standard errors of what was made."""
    one, other = light()
    found = correlate(one, other, (PS, PS), offset_ps=0.0, bound_ps=2e9, rate_bound_ppm=1.0)
    assert found is not None
    assert found.is_sure
    assert found.rate_ppm == pytest.approx(0.4, abs=0.02)
    assert found.offset_ps == pytest.approx(300e6 + 0.4e-6 * one.times_ticks[0], abs=2000)
    channels = (0, 1, 2, 3)
    matrix = found.matrix(channels, channels, 4000.0)
    pairs = 400 * 5.0
    chance = 8400.0**2 * 4e-9 * 5.0
    assert abs(matrix.sum() - pairs - chance) < 4 * np.sqrt(pairs + chance)
    places = {channel: channel for channel in channels}
    middles, counts = found.histogram()
    assert counts[np.abs(middles) < 2000].sum() == matrix.sum()
    best = plausible_maps(matrix, channels, places, flip_x=True)[0]
    assert best.channels == channels
    assert best.z_errors == pytest.approx(0.04, abs=4 * np.sqrt(0.04 / 500))
    assert best.x_errors < 0.02
    straight = plausible_maps(matrix, channels, places, flip_x=False)[0]
    assert straight.channels == (0, 1, 3, 2)


def test_a_late_detector_is_named() -> None:
    """Channel 2 of the second recording, by its 900 ps."""
    one, other = light()
    found = correlate(one, other, (PS, PS), offset_ps=0.0, bound_ps=2e9, rate_bound_ppm=1.0)
    assert found is not None
    first, second = found.late_ps(1000.0)
    assert (list(first), list(second)) == ([], [2])
    assert second[2] == pytest.approx(900, abs=60)


def test_a_detector_that_is_late_at_both_ends_is_named() -> None:
    """Channel 2 of both, by 900 ps: its pairs with itself are where they should be."""
    one, other = light()
    shifted = one.times_ticks + 900 * (one.detectors == 2)
    both = Recording(shifted, one.detectors)
    found = correlate(both, other, (PS, PS), offset_ps=0.0, bound_ps=2e9, rate_bound_ppm=1.0)
    assert found is not None
    for late in found.late_ps(1000.0):
        assert list(late) == [2]
        assert late[2] == pytest.approx(900, abs=60)


def differences(seed: int, late_ps: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pairs of all detectors in a broad peak, bob's third one late, and chance."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 4, (2, 4000))
    apart_ps = rng.laplace(0.0, 800.0, 4000) + np.where(other == 2, late_ps, 0.0)
    off_ps = np.concatenate([apart_ps, rng.uniform(-20_000, 20_000, 30_000)])
    return off_ps, np.concatenate([4 * one + other, rng.integers(0, 16, 30_000)])


@pytest.mark.slow
def test_chance_is_no_late_detector() -> None:
    """None of sixty-four that are not late, and the one that is."""
    for seed in range(8):
        found = late_of(histograms_of(*differences(seed, 0.0), 20_000.0), 2000.0)
        assert found == (), seed
    ((end, detector, late_ps),) = late_of(histograms_of(*differences(1, 900.0), 20_000.0), 2000.0)
    assert (end, detector) == (1, 2)
    assert late_ps == pytest.approx(900, abs=150)


def test_side_peaks_are_not_late_detectors() -> None:
    """Paths 2 ns apart, ports opposite in the side peaks only: no detector is called late."""
    rng = np.random.default_rng(5)
    count, light_ps = 20_000, 5 * SECOND
    true_ps = np.sort(rng.uniform(0, light_ps, count))
    paths, bases, ports = rng.integers(0, 2, (3, 2, count))
    interferes = (paths[0] == paths[1]) & (bases[0] == bases[1])
    ports[1] = np.where(interferes, ports[0], ports[1])
    found = []
    for side in (0, 1):
        times_ps = true_ps + 2000 * paths[side] + rng.normal(0, 50, count)
        order = np.argsort(times_ps)
        channels = 2 * bases[side] + ports[side]
        found.append(Recording(np.rint(times_ps[order]).astype(np.int64), channels[order]))
    peak = correlate(found[0], found[1], (PS, PS), offset_ps=0, bound_ps=1e9, rate_bound_ppm=1.0)
    assert peak is not None
    assert peak.late_ps(1000.0) == ({}, {})


@pytest.mark.slow
def test_unrelated_light_is_not_sure() -> None:
    """Six pairs of recordings that have nothing in common: no peak is called one."""
    for seed in range(6):
        one, _ = light(pairs_hz=0.1, light_s=0.5, seed=seed)
        _, other = light(pairs_hz=0.1, light_s=0.5, seed=1000 + seed)
        found = correlate(one, other, (PS, PS), offset_ps=0.0, bound_ps=2e9, rate_bound_ppm=1.0)
        assert found is not None
        assert not found.is_sure


@pytest.mark.parametrize(("least", "mean"), [(3, 0.01), (9, 2.0), (40, 18.5), (2, 5.0), (1, 0.0)])
def test_tails_of_poisson(least: int, mean: float) -> None:
    """A bound that is tight: scipy's value, at most a quarter more."""
    exact = stats.poisson.sf(least - 1, mean)
    if least > mean:
        assert exact <= poisson_tail(least, mean) * (1 + 1e-12)
        assert poisson_tail(least, mean) <= 1.25 * exact
    else:
        assert poisson_tail(least, mean) == 1.0


def test_no_time_in_common_is_none() -> None:
    """A day apart."""
    one, other = light(light_s=0.5)
    later = Recording(other.times_ticks + 86_400 * SECOND, other.detectors)
    for first, second in ((one, later), (later, one)):
        bounds = {"offset_ps": 0.0, "bound_ps": 2e9, "rate_bound_ppm": 1.0}
        assert correlate(first, second, (PS, PS), **bounds) is None


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """The light of this module as files of a tagger."""
    paths = []
    for name, recording in zip("ab", light(light_s=1.5), strict=True):
        path = tmp_path / f"{name}.dump"
        WRITTEN["swabian"].write(path, recording.times_ticks, recording.detectors, 1)
        paths.append(str(path))
    return paths[0], paths[1]


def test_the_command_says_why_there_is_no_key(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exchanged maps and late detectors are named, with the option that mends them."""
    wrong = ["--map-b", "0=X0,1=X1,2=Z0,3=Z1", "--window", "2000"]
    assert run_command(["inspect", *files, *wrong]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--map-b 0=Z0,1=Z1,2=X0,3=X1" in shown
    assert "--detector-delays-b 2=" in shown
    assert run_command(["inspect", *files, "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry["correlation"]["is_sure"]
    assert entry[files[0]]["channels"][0]["channel"] == 0


def test_the_command_without_a_peak_returns_1(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The offset lies outside what was allowed; one file alone is no link."""
    assert run_command(["inspect", *files, "--offset-bound", "100us"]) == 1
    assert "No correlation" in capsys.readouterr().out
    assert run_command(["inspect", files[0]]) == 0
    assert "Shortest interval" in capsys.readouterr().out
    assert run_command(["inspect", files[0], "--map", "0=Y"]) == 2
