"""Neumann et al. 2022: 248 km between two countries, at 79 dB."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from netsim.board.bench import pair_link
from netsim.board.experiment import (
    BoardRow,
    Experiment,
    Measured,
    Prediction,
    coincidences,
    lane_of,
    rate_of,
)
from netsim.studies.shots import Shot
from netsim.topology.specs import TopologySpec
from protocols.keylength.keyrate import skr_asymptotic_bps

LOSS_DB = 79.0
DETECTED_HZ, IN_WINDOW_HZ, VISIBILITY = 9.0, 7.7, 0.86
WINDOW_PS = 114
KEY_BPS = 403e3 / (82 * 3600.0)
PAIRS_HZ = DETECTED_HZ * 10 ** (LOSS_DB / 10)
FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
CONTRAST = 0.942
RUN, LIGHT_S = "neumann2022/run", 60.0
FITTED = 3
CAUSE = (
    "half of the coincidences are of different bases here; of 7.7 /s in equal bases and 86 % key "
    "would be 1.50 bit/s, but at 79 dB they ask for twice the pairs, whose accidentals alone leave "
    "84 % and 1.06 bit/s (twin, worked out after the miss was seen). f is not printed: 1 would "
    "leave 1.13 bit/s"
)


def jitter_ps() -> float:
    """Of each detector (full width), so that the window holds what it held of the peak."""
    inside = IN_WINDOW_HZ / DETECTED_HZ
    sigma_ps = WINDOW_PS / 2 / NormalDist().inv_cdf((1 + inside) / 2)
    return FWHM_PER_SIGMA * sigma_ps / math.sqrt(2.0)


def topology() -> TopologySpec:
    """The link in the few numbers that are printed, its loss halved."""
    return pair_link(
        "neumann2022",
        pairs_hz=PAIRS_HZ,
        visibility=CONTRAST,
        losses_db=(LOSS_DB / 2, LOSS_DB / 2),
        jitter_fwhm_ps=jitter_ps(),
        window_ps=WINDOW_PS,
    )


def shots() -> Sequence[Shot]:
    """A minute of the 110 hours; key is the twin's, whose rates have no error of counting."""
    return (Shot(RUN, topology(), LIGHT_S),)


def rows(measured: Measured) -> Sequence[BoardRow]:
    """What was fitted, and the key that follows from it."""
    found = measured[RUN]
    (expected,) = found.prediction.lanes
    key_bps = skr_asymptotic_bps(expected.sifted_hz, expected.qber)
    return (
        BoardRow(
            "pairs in the window of 114 ps [1/s]",
            "experiment",
            rate_of(coincidences(lane_of(found)), found.light_s),
            IN_WINDOW_HZ,
            0.1 * IN_WINDOW_HZ,
            FITTED,
            is_fitted=True,
            note="pair rate and jitter are fitted to 9 and 7.7 /s; here with accidentals",
        ),
        BoardRow(
            "visibility",
            "experiment",
            Prediction(expected.visibility),
            VISIBILITY,
            0.005,
            FITTED,
            is_fitted=True,
            note="the contrast is fitted to it, by the twin",
        ),
        BoardRow(
            "asymptotic key [bit/s]",
            "experiment",
            Prediction(key_bps),
            KEY_BPS,
            0.25 * KEY_BPS,
            FITTED,
            note=f"403 kbit in 82 h; f = 1.2, 25 % allowed, by the twin. Likely cause: {CAUSE}",
        ),
    )


EXPERIMENT = Experiment(
    "neumann2022",
    "248 km of fibre at 79 dB",
    "Neumann et al., Nat. Commun. 13, 6134 (2022), captions",
    (
        ("79 dB, window 114 ps", "paper"),
        ("loss halved between the arms, no darks", "[assumed]"),
        (f"{PAIRS_HZ:.3g} pairs/s", "[fit] to 9 pairs/s detected"),
        (f"jitter {jitter_ps():.1f} ps of each detector", "[fit] to 7.7 of 9 /s in the window"),
        (f"contrast {CONTRAST}", "[fit] to V = 86 %"),
    ),
    shots,
    rows,
    (
        "pair rate, split of the arms, jitter, efficiency of the error correction",
        "the finite key of 258 kbit and the walk of the polarisation",
    ),
)
