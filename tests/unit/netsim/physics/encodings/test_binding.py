"""Measurement of photons: against the interpreted kernel, the ledger's rules, the edges."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.frames import CONSUMED, UNMEASURED, PairLedger
from netsim.physics.encodings import binding
from netsim.physics.rates import mismatch_visibility
from tests.unit.netsim.physics.helpers import (
    KAPPA_PER_PS,
    PairFacts,
    analyser,
    generator,
    int64,
    measured,
    pair_ledger,
    pair_source,
    photon_frame,
)

PAIRS = 400


def measured_twice(
    monkeypatch: pytest.MonkeyPatch, *, interpreted: bool
) -> list[NDArray[np.int64]]:
    """Arrivals of both photons of many pairs, and the ledger in between."""
    if interpreted:
        monkeypatch.setattr(binding, "_measure", binding._measure.py_func)
    rng = generator()
    ledger = PairLedger.unmeasured(np.arange(PAIRS, dtype=np.int64) % 2)
    source = pair_source(PairFacts(1.0, 0.3), PairFacts(0.4, -2.0))
    times_ps = 1000 * np.arange(PAIRS, dtype=np.int64)
    rows = np.arange(PAIRS, dtype=np.int64)
    rows[::7] = -1
    first = measured(rng, photon_frame(times_ps, rows, ledger), analyser(), source)
    between = ledger.outcome.copy()
    other = analyser(z_probability=0.3, delay_ps=(9_000.4, 10_200.6), contrast=(0.9, 0.8))
    second = measured(rng, photon_frame(times_ps, rows, ledger), other, source)
    return [first, between, second, ledger.outcome]


def test_kernel_is_its_interpreted_self(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled and interpreted measurements agree bit for bit, ledger included."""
    compiled = measured_twice(monkeypatch, interpreted=False)
    interpreted = measured_twice(monkeypatch, interpreted=True)
    for one, other in zip(compiled, interpreted, strict=True):
        assert np.array_equal(one, other)


def test_ledger_holds_what_the_first_measurement_fixed() -> None:
    """Path, port, phase, delay and contrast are those of the first photon's interferometer."""
    ledger = pair_ledger(PAIRS)
    rows = np.arange(PAIRS, dtype=np.int64)
    settings = analyser(delay_ps=(9_000.0, 11_000.0), phase_rad=(0.1, 0.2), contrast=(0.9, 0.8))
    frame = photon_frame(np.zeros(PAIRS, dtype=np.int64), rows, ledger)
    arrivals = measured(generator(), frame, settings)
    basis, port, late_ps = (arrivals >> 1) & 1, arrivals & 1, arrivals >> 2
    assert set(late_ps.tolist()) == {0, 9_000, 11_000}
    assert np.array_equal(ledger.outcome, 2 * (late_ps > 0) + port)
    assert np.array_equal(ledger.phase_rad, np.array([0.1, 0.2])[basis])
    assert np.array_equal(ledger.delay_ps, np.array([9_000.0, 11_000.0])[basis])
    assert np.array_equal(ledger.contrast, np.array([0.9, 0.8])[basis])


def test_long_path_is_the_delay_of_the_basis() -> None:
    """A photon on the long path comes later by the delay of its own interferometer, rounded."""
    settings = analyser(delay_ps=(9_000.4, 11_000.6))
    frame = photon_frame(np.zeros(4000, dtype=np.int64))
    arrivals = measured(generator(), frame, settings)
    basis, late_ps = (arrivals >> 1) & 1, arrivals >> 2
    assert set(late_ps[basis == 0].tolist()) == {0, 9_000}
    assert set(late_ps[basis == 1].tolist()) == {0, 11_001}


def test_pair_takes_two_measurements() -> None:
    """Two photons consume a row; a third one is an error."""
    ledger = pair_ledger(1)
    assert ledger.outcome.tolist() == [UNMEASURED]
    frame = photon_frame(int64(0), int64(0), ledger)
    measured(generator(), frame, analyser())
    assert ledger.outcome[0] >= 0
    measured(generator(), frame, analyser())
    assert ledger.outcome.tolist() == [CONSUMED]
    with pytest.raises(ValueError, match="third"):
        measured(generator(), frame, analyser())


def test_lone_partner_is_measured_like_any_photon() -> None:
    """A pair whose other photon was lost on the way stays half measured: no error."""
    ledger = pair_ledger(2)
    frame = photon_frame(int64(0), int64(1), ledger)
    measured(generator(), frame, analyser())
    assert ledger.outcome[0] == UNMEASURED
    assert ledger.outcome[1] >= 0


@pytest.mark.parametrize(("z_probability", "basis"), [(0.0, 1), (1.0, 0)])
def test_extreme_beam_splitters(z_probability: float, basis: int) -> None:
    """All light goes to one basis where the splitter says so."""
    frame = photon_frame(np.zeros(2000, dtype=np.int64))
    arrivals = measured(generator(), frame, analyser(z_probability=z_probability), pair_source())
    assert np.all((arrivals >> 1) & 1 == basis)


@pytest.mark.parametrize("mismatch_ps", [0.0, -3.0, 100.0, 2500.0])
@pytest.mark.parametrize("apart_ps", [0.0, 800.0, -4000.0])
def test_mismatch_of_one_pair(mismatch_ps: float, apart_ps: float) -> None:
    """The kernel's own formula is the product of two amplitudes over the mean of their squares."""
    compiled = binding._mismatch_visibility
    assert compiled.py_func is mismatch_visibility
    short, long = (
        math.exp(-0.5 * KAPPA_PER_PS * abs(t)) for t in (apart_ps, apart_ps - mismatch_ps)
    )
    expected = 2.0 * short * long / (short**2 + long**2)
    assert compiled(apart_ps, mismatch_ps, KAPPA_PER_PS) == pytest.approx(expected, rel=1e-12)


def test_photon_frames_are_read_only() -> None:
    """What has been emitted cannot be changed by who sees it."""
    frame = photon_frame(int64(1, 2))
    with pytest.raises(ValueError, match="read-only"):
        frame.times_ps[0] = 5
    with pytest.raises(ValueError, match="one pair row per photon"):
        replace(frame, times_ps=int64(1))
    with pytest.raises(TypeError, match="int64"):
        replace(frame, times_ps=np.array([1.0, 2.0]))
