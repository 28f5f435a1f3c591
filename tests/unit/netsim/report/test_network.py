"""A network as text."""

import io
from collections.abc import Mapping

from netsim import load_topology
from netsim.report.console import PlainConsole
from netsim.report.network import print_network


def test_loss_is_that_of_the_mean_photon() -> None:
    """Of unequal detectors the best one is not what a photon meets."""
    parts = [0.8, 0.4, 0.2, 0.2]
    detectors = [
        {"efficiency": part, "dark_rate_hz": 0, "jitter_fwhm_ps": 50, "dead_time_ps": 0}
        for part in parts
    ]
    changes: dict[str, object] = {
        "receivers.bench.detectors": detectors,
        "receivers.bench.z_probability": 0.25,
        "protocol.basis": "biased",
    }
    alike: dict[str, object] = {"receivers.bench.detectors": [detectors[0]]}
    unequal, equal = (_losses_db(overrides) for overrides in (changes, alike))
    # A quarter of the light meets 0.6 in the mean, the rest 0.2: 0.3 in place of 0.8, 4.26 dB.
    assert len(unequal) == 2
    for more, less in zip(unequal, equal, strict=True):
        assert abs(more - less - 4.26) < 0.11


def _losses_db(overrides: Mapping[str, object]) -> list[float]:
    out = io.StringIO()
    print_network(load_topology("two_user", overrides=overrides), PlainConsole(file=out, width=120))
    lines = [line for line in out.getvalue().splitlines() if "from its birth to a click" in line]
    return [float(line.split(": ")[1].split(" dB")[0]) for line in lines]
