"""Figures of Fan et al. 2025 to fit to, and what an independent fit found from them.

`STRUCTURED` and `CALIBRATED` were fitted elsewhere to Table 2 of Fan et al., Light Sci. Appl. 14
(2025), doi 10.1038/s41377-025-01805-1 (0.4 mW per pump, 858 Hz for row C50&C30), with a model
without dead time and jitter: pair rates in the ring, transmittances without the basis choice,
contrasts.
"""

from pathlib import Path

from netsim.topology.network import Network
from tests.unit.netsim.topology.texts import FOUR_USERS, STRUCTURED, damaged

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

DEGENERATE_HZ = 410204.0
"""Structured set: rate of a process of one pump; with two pumps four times this."""
STRUCTURED_CONTRAST = 0.986123
STRUCTURED_ETA = {
    "C26": 0.0400274,
    "C30": 0.0622461,
    "C38": 0.0785379,
    "C42": 0.0716357,
    "C50": 0.0445619,
    "C54": 0.0363111,
}
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
CALIBRATED_RATE_HZ = {
    "C14&C54": 314319.0,
    "C18&C50": 599690.0,
    "C26&C42": 400797.0,
    "C26&C54": 1525150.0,
    "C26&C66": 467432.0,
    "C30&C38": 465091.0,
    "C30&C50": 1680510.0,
    "C30&C62": 360189.0,
    "C38&C42": 1639850.0,
    "C38&C54": 476281.0,
    "C42&C50": 385902.0,
}
CALIBRATED_ETA = {
    "C26": 0.0432077,
    "C30": 0.0576712,
    "C38": 0.0745662,
    "C42": 0.0722495,
    "C50": 0.0465642,
    "C54": 0.0347114,
}
CALIBRATED_CONTRAST = {
    "C38&C42": 0.992286,
    "C38&C54": 0.995524,
    "C30&C38": 0.987556,
    "C42&C50": 0.980155,
    "C26&C42": 0.994581,
    "C30&C50": 0.990919,
    "C26&C54": 0.953299,
}


def ideal(text: str) -> str:
    """The same topology without dead time and jitter."""
    return damaged(
        damaged(text, "dead_time_ps = 25_000", "dead_time_ps = 0"),
        "jitter_fwhm_ps = 70.0",
        "jitter_fwhm_ps = 0.0",
    )


IDEAL_STRUCTURED = ideal(STRUCTURED)
IDEAL_FOUR_USERS = ideal(FOUR_USERS)


def rates_hz(network: Network) -> dict[str, float]:
    """Pair rate of every process."""
    return {"&".join(process.channels): process.rate_hz for process in network.processes}


def contrasts(network: Network) -> dict[str, float]:
    """Contrast of every process."""
    return {"&".join(process.channels): process.contrast for process in network.processes}


def transmittances(network: Network) -> dict[str, float]:
    """Transmittance of every delivered channel."""
    return {channel.channel: channel.transmittance for channel in network.channels}
