"""Detectors that recover slowly, event by event, against the renewal process that the twin has."""

import math

import numpy as np
import pytest

from netsim.physics.detector import DetectorState, register_clicks
from netsim.physics.rates import dead_time_survival, silence
from netsim.physics.recovery import registered_share, silent_share
from netsim.topology.load import load_topology
from tests.unit.netsim.physics.helpers import detectors

RATE_HZ, DEAD_PS, RECOVERY_PS, SILENT_PS = 8e6, 20_000, 40_000.0, 50_000
LIGHT_S = 0.25


def clicked() -> tuple[np.ndarray, int]:
    """Times in ps of the clicks of one detector, and how many candidates there were."""
    rng = np.random.default_rng(3)
    count = rng.poisson(RATE_HZ * LIGHT_S)
    candidates = np.sort(rng.integers(0, round(LIGHT_S * 1e12), count)) << 2
    settings = detectors(dead_time_ps=(DEAD_PS,) * 4, recovery_ps=(RECOVERY_PS,) * 4)
    clicks, _ = register_clicks(
        rng, candidates, DetectorState(), settings, stop_ps=round(LIGHT_S * 1e12)
    )
    return clicks >> 2, count


def test_what_is_registered_and_what_counts() -> None:
    """Shares of all candidates, and the share of time after a silence, within four sigma."""
    times_ps, count = clicked()
    gaps_ps = np.diff(times_ps)
    terms = {"dead_time_ps": DEAD_PS, "recovery_ps": RECOVERY_PS}
    for silent_ps in (DEAD_PS, SILENT_PS):
        share = registered_share(RATE_HZ, **terms, silent_ps=silent_ps)
        found = np.count_nonzero(gaps_ps >= silent_ps) / count
        assert abs(found - share) < 4 * math.sqrt(share * (1 - share) / count)
    quiet = silent_share(RATE_HZ, **terms, silent_ps=SILENT_PS)
    spare_s = np.maximum(gaps_ps - SILENT_PS, 0) * 1e-12
    error = 4 * float(spare_s.std()) * math.sqrt(spare_s.size) / LIGHT_S
    assert abs(float(spare_s.sum()) / LIGHT_S - quiet) < error


def test_none_is_an_ordinary_dead_time() -> None:
    """The same as the formula of a dead time, and at low rates a dead time longer by tau."""
    terms = {"dead_time_ps": DEAD_PS, "recovery_ps": 0.0}
    assert registered_share(RATE_HZ, **terms, silent_ps=DEAD_PS) == pytest.approx(
        dead_time_survival(RATE_HZ, dead_time_ps=DEAD_PS), rel=1e-12
    )
    assert silent_share(RATE_HZ, **terms, silent_ps=SILENT_PS) == pytest.approx(
        silence(RATE_HZ, dead_time_ps=DEAD_PS, silent_ps=SILENT_PS), rel=1e-12
    )
    dim = registered_share(1e4, dead_time_ps=DEAD_PS, recovery_ps=RECOVERY_PS, silent_ps=DEAD_PS)
    longer = dead_time_survival(1e4, dead_time_ps=DEAD_PS + RECOVERY_PS)
    assert dim == pytest.approx(longer, rel=1e-6)


def test_times_of_clicks_that_count_tell_no_detector() -> None:
    """Of clicks that follow one another a quarter is of the same detector, within four sigma.

    Behind the dead time alone the one that has clicked is half blind, and hardly ever the next.
    """
    kept = (f"dead_time_ps={DEAD_PS}", f"recovery_ps={RECOVERY_PS}")
    overrides = [f"receivers.bench.detectors.0.{each}" for each in kept]
    counts_ps = load_topology("two_user", overrides=overrides).receivers["bench"].dead_time_ps
    rng = np.random.default_rng(4)
    count = rng.poisson(RATE_HZ * LIGHT_S)
    stop_ps = round(LIGHT_S * 1e12)
    times_ps = np.sort(rng.integers(0, stop_ps, count))
    candidates = times_ps << 2 | rng.integers(0, 4, count)
    settings = detectors(dead_time_ps=(DEAD_PS,) * 4, recovery_ps=(RECOVERY_PS,) * 4)
    clicks, _ = register_clicks(rng, candidates, DetectorState(), settings, stop_ps=stop_ps)
    apart_ps, is_same = np.diff(clicks >> 2), np.diff(clicks & 3) == 0
    counting = is_same[(apart_ps >= counts_ps) & (apart_ps < counts_ps + 20_000)]
    assert counting.mean() == pytest.approx(0.25, abs=4.0 * math.sqrt(0.1875 / counting.size))
    soon = is_same[(apart_ps >= DEAD_PS) & (apart_ps < DEAD_PS + 20_000)]
    assert soon.mean() < 0.15
