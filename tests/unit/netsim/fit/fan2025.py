"""Figures of Fan et al. 2025 to fit to, and what an independent fit found from them.

What that fit found is in `tests.support.fan2025`.
"""

from pathlib import Path

from netsim.topology.network import Network
from tests.support.fan2025 import CALIBRATED_CONTRASTS, CALIBRATED_RATES_HZ
from tests.unit.netsim.topology.texts import ELSEWHERE, damaged

TOPOLOGIES = Path(__file__).parents[4] / "topologies"
TABLE_2 = TOPOLOGIES / "fan2025_table2.csv"
PRINTED = TOPOLOGIES / "fan2025_table2_printed.csv"
FIG_3A = TOPOLOGIES / "fan2025_fig3a.csv"

BRIGHTNESS = "qnsp.source.brightness_hz_per_mw2"
CONTRAST = "qnsp.source.contrast"
LOSSES = "qnsp.channels.*.loss_db"
FACTORS = "qnsp.source.pairs.*.factor"
CONTRASTS = "qnsp.source.pairs.*.contrast"
EIGHT = (BRIGHTNESS, CONTRAST, LOSSES)

STRUCTURED_PREDICTION = {
    "C38&C42": (1685.25, 0.0169529),
    "C38&C54": (247.852, 0.0837919),
    "C38&C30": (407.488, 0.0660289),
    "C42&C50": (269.438, 0.0714343),
    "C42&C26": (254.915, 0.0931119),
    "C50&C30": (864.273, 0.0356251),
    "C54&C26": (476.803, 0.058937),
}
"""Sifted rate and error rate."""

LANES = ("C26&C42", "C26&C54", "C30&C38", "C30&C50", "C38&C42", "C38&C54", "C42&C50")
SINGLES_ONLY = ("C14&C54", "C18&C50", "C26&C66", "C30&C62")
"""Processes whose second photon goes to nobody."""
CALIBRATED_RATE_HZ = {"&".join(pair): rate for pair, rate in CALIBRATED_RATES_HZ.items()}
CALIBRATED_CONTRAST = {"&".join(sorted(pair)): v for pair, v in CALIBRATED_CONTRASTS.items()}


def ideal(text: str) -> str:
    """The same topology without dead time and jitter."""
    return damaged(
        damaged(text, "dead_time_ps = 25_000", "dead_time_ps = 0"),
        "jitter_fwhm_ps = 70.0",
        "jitter_fwhm_ps = 0.0",
    )


IDEAL_STRUCTURED = ideal(ELSEWHERE["fan2025_structured"])
IDEAL_FOUR_USERS = ideal(ELSEWHERE["fan2025_four_user"])


def rates_hz(network: Network) -> dict[str, float]:
    """Pair rate of every process."""
    return {"&".join(process.channels): process.rate_hz for process in network.processes}


def contrasts(network: Network) -> dict[str, float]:
    """Contrast of every process."""
    return {"&".join(process.channels): process.contrast for process in network.processes}


def transmittances(network: Network) -> dict[str, float]:
    """Transmittance of every delivered channel."""
    return {channel.channel: channel.transmittance for channel in network.channels}
