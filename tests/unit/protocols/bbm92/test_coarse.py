"""How long a slice a coarse search takes."""

import numpy as np
import pytest

from protocols.bbm92.coarse import _LightOfEffort, _work, effort_of, grid_of
from protocols.bbm92.prior import wide_prior
from protocols.clockprior import COARSE_SLICE_PS
from protocols.link import PS_PER_S
from tests.unit.protocols.bbm92.test_clock_course import POLARISATION


@pytest.mark.parametrize(
    ("light_s", "hz", "slice_ms"),
    [(0.84, 2.7e3, 40), (10.0, 2.7e3, 40), (24.0, 2.7e3, 160), (24.0, 1e4, 160), (3.4, 1e5, 40)],
)
def test_long_light_is_looked_through_in_longer_slices(
    light_s: float, hz: float, slice_ms: int
) -> None:
    """Where rates that a short one leaves open make more work of its places than it saves."""
    times_ps = np.linspace(0, light_s * PS_PER_S, int(light_s * hz)).astype(np.int64)
    prior, light = wide_prior(POLARISATION), _LightOfEffort.of(times_ps, times_ps)
    first = effort_of(POLARISATION, prior, times_ps, times_ps, 0)
    assert first.slice_ps == slice_ms * PS_PER_S // 1000
    short = _work(POLARISATION, prior, grid_of(POLARISATION, prior, COARSE_SLICE_PS), light)
    assert first.work == short if slice_ms == 40 else first.work < 2 / 3 * short
    assert effort_of(POLARISATION, prior, times_ps, times_ps, 1).slice_ps >= first.slice_ps
