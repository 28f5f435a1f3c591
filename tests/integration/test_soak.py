"""Hours of a link on which nothing stays whole; in the end all books agree.

`scripts/soak.py` has a day of them.
"""

from pathlib import Path

import pytest

from netsim.results.fidelity import Fidelity
from tests.support.soaking import ROUND_S, soak


@pytest.mark.slow
@pytest.mark.parametrize("fidelity", [Fidelity.PHOTON, Fidelity.COINCIDENCE])
def test_an_hour_of_everything(fidelity: Fidelity, tmp_path: Path) -> None:
    """Crashes, cuts, outages, losses, locks off and clocks that wander, for 720 rounds.

    Two thirds of the rounds have key.
    """
    found = soak(tmp_path, 3600.0, 7, fidelity)
    assert found.is_sound, found
    assert found.crashes > 5
    assert found.blocks - found.failed > 2 * 3600.0 / ROUND_S / 3
