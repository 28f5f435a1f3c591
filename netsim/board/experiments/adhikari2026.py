"""Adhikari et al. 2026: a bright source, two lossy arms, wide jitter; nothing is fitted."""

from collections.abc import Sequence

from netsim.board.bench import pair_link
from netsim.board.experiment import (
    BoardRow,
    Experiment,
    Measured,
    Prediction,
    coincidences,
    error_rate,
    lane_of,
    rate_of,
)
from netsim.studies.shots import Shot
from protocols.keylength.keyrate import skr_asymptotic_bps

RUN, LIGHT_S = "adhikari2026/run", 60.0
JITTER_PS = 467.0
CAUSE = (
    "accidentals of 4.4e8 pairs/s in 400 ps are 39 /s, and 400 ps hold two thirds of a peak of 467 "
    "ps (a third if that is a standard deviation, as their precision of 467 ps / sqrt(216 x 0.25) "
    "takes it): rate, visibility, window and jitter as printed do not go together in this "
    "model. With all of the peak in the window 221 /s would come, and a QBER of 7.1 % at V = 88 % "
    "would allow a seventh of these accidentals"
)


def shots() -> Sequence[Shot]:
    """A minute of the 33."""
    topology = pair_link(
        "adhikari2026",
        pairs_hz=4.4e8,
        visibility=0.88,
        losses_db=(32.5, 30.5),
        dark_hz=25.0,
        jitter_fwhm_ps=JITTER_PS / 2**0.5,
        window_ps=400,
    )
    return (Shot(RUN, topology, LIGHT_S),)


def rows(measured: Measured) -> Sequence[BoardRow]:
    """Coincidences, errors, asymptotic key."""
    lane, light_s = lane_of(measured[RUN]), measured[RUN].light_s
    qber = error_rate(lane, percent=False)
    key_bps = skr_asymptotic_bps(lane.sifted_bits / light_s, qber.value)
    return (
        BoardRow(
            "coincidences [1/s]",
            "experiment",
            rate_of(coincidences(lane), light_s),
            216.0,
            0.05 * 216.0,
            note=f"5 % allowed; {CAUSE}",
        ),
        BoardRow(
            "QBER [%]", "experiment", error_rate(lane), 7.1, 0.7, note=f"0.7 allowed; {CAUSE}"
        ),
        BoardRow(
            "asymptotic key [bit/s]",
            "experiment",
            Prediction(max(0.0, key_bps)),
            13.13,
            0.25 * 13.13,
            note="25 % allowed, f = 1.2 assumed; follows the error rate",
        ),
    )


EXPERIMENT = Experiment(
    "adhikari2026",
    "Bright source, long lossy arms",
    "Adhikari et al., arXiv:2608.24092 (2026), as quoted by others",
    (
        ("4.4e8 pairs/s, V 88 %, losses 32.5 and 30.5 dB in all", "paper, quoted"),
        ("dark 100 /s, a quarter in each of four detectors", "paper, quoted; [assumed] split"),
        ("467 ps of both ends together, window 400 ps", "paper, quoted; [assumed] split"),
    ),
    shots,
    rows,
    ("efficiency of the error correction, block length, split of the jitter",),
)
