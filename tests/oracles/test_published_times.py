"""What published times tell of the detector behind them, to somebody who knows each emission."""

import numpy as np
import pytest

from protocols.ascending import decode_ascending
from protocols.calibration import Calibration
from protocols.tagbook import TagBook
from protocols.tags import TagFrame
from tests.oracles import times

CLICKS = 400_000
TICK_PS = 10
WINDOW_TICKS = 200
JITTER_FWHM_PS = 70.0
SPACING_PS = 10_000
PHASES_PS = (0, 37, 61, 84)
"""Emissions on and off the grid of published times (100 ps)."""
LEAK_BITS = 0.002


def published_leak_bits(delay_ps: float, calibration_ps: float) -> float:
    """Mutual information of a bit and its announced time, of which the second detector is late."""
    rng = np.random.Generator(np.random.PCG64DXSM(11))
    bits = rng.integers(0, 2, CLICKS)
    phases = np.arange(CLICKS) % len(PHASES_PS)
    emitted_ps = np.arange(1, CLICKS + 1) * SPACING_PS + np.array(PHASES_PS)[phases]
    sigma_ps = JITTER_FWHM_PS / times.FWHM_PER_SIGMA
    clicked_ps = emitted_ps + rng.normal(0.0, sigma_ps, CLICKS) + delay_ps * bits
    tags = np.floor(clicked_ps / TICK_PS).astype(np.int64) << 2 | bits
    calibration = Calibration(rng, [0.0, calibration_ps, 0.0, 0.0], tick_ps=TICK_PS)
    book = TagBook(rng, window_ticks=WINDOW_TICKS)
    book.append(calibration.apply(TagFrame(0, (CLICKS + 10) * SPACING_PS // TICK_PS, tags)))
    found = book.announcement(0, 1)
    elapsed = decode_ascending(found.deltas, count=found.count, previous=0)
    assert found.count == CLICKS
    announced_ps = (elapsed + found.start_ticks) * TICK_PS
    # A time on its own says nothing: what counts is how long after a known emission it is.
    symbols = (announced_ps - emitted_ps) * len(PHASES_PS)
    return times.information_bits(bits, symbols + phases)


@pytest.mark.parametrize("delay_ps", [10.0, 20.0, 50.0])
def test_uncalibrated_delays_leak(delay_ps: float) -> None:
    """Of the leak by integration over exact times published coarse ones still tell a good part."""
    leak_bits = times.leak_bits(delay_ps, jitter_fwhm_ps=JITTER_FWHM_PS)
    assert 0.4 * leak_bits < published_leak_bits(delay_ps, 0.0) < leak_bits


@pytest.mark.parametrize("delay_ps", [3.0, 10.0, 25.0, 50.0, 50.0 + TICK_PS / 2])
def test_calibrated_delays_do_not(delay_ps: float) -> None:
    """A delay that is known leaves less than 0.002 bit, also where it is no whole tick."""
    assert abs(published_leak_bits(delay_ps, delay_ps)) < LEAK_BITS


def test_rounding_to_ticks_would_leak() -> None:
    """Half a tick left of a delay tells more than 0.002 bit to who sees times to a tick."""
    assert times.leak_bits(TICK_PS / 2, jitter_fwhm_ps=JITTER_FWHM_PS) > LEAK_BITS
