"""Fig. 4a and 4b: visibility, sifted rate, QBER and key rate of Bob and Dave against pump power."""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np

from netsim.report.curves import SIMULATED, points, printed, twin_curve
from netsim.report.figure import Figure, Panel
from netsim.reproduce.fan2025.bench import (
    NETWORK_POWER_MW,
    calibrated,
    with_channels,
    with_power,
)
from netsim.reproduce.fan2025.paper import LIMIT_QBER, LIMIT_VISIBILITY
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate, LaneEstimates, Row
from netsim.studies.fits import crossing, generator, peak
from netsim.studies.shots import Shot
from netsim.topology.network import build_network
from netsim.topology.specs import PaperLaneSpec, TopologySpec
from netsim.twin.prediction import predict
from protocols.keylength.keyrate import qber_limit

POWERS_MW = (0.16, 0.20, 0.24, 0.28, 0.32, 0.36, 0.40, 0.44, 0.48)
PEAK_MW = (0.2, 0.4)
"""Range of the parabola through the key rates."""
LIGHT_S = 300.0

LANE = ("C42", "C26")
CHANNELS = ("C42", "C30", "C26")
"""All that Bob's and Dave's detectors see; what others get changes nothing for these two."""

VISIBILITY_LIMIT = 1.0 - 2.0 * qber_limit()

LABELS = {
    "visibility": ("visibility", ""),
    "sifted_hz": ("N_sift", " [1/s]"),
    "qber": ("QBER", ""),
    "skr_bps": ("SKR", " [bit/s]"),
}
"""Field of an estimate to its name and unit."""

ABOUT = (
    "Calibrated set; both pumps at nine equal powers. Only the channels that "
    "reach Bob (C42) and Dave (C30, C26) are delivered: the others change nothing here. "
)


def shots() -> tuple[Shot, ...]:
    """One shot a power, the same for both figures."""
    return tuple(Shot(_name(mw), _topology(mw), LIGHT_S) for mw in POWERS_MW)


def _name(power_mw: float) -> str:
    return f"bob_dave/{power_mw:g}mW"


def _topology(power_mw: float) -> TopologySpec:
    return with_power(with_channels(calibrated(), CHANNELS), power_mw)


def by_power(measured: Measured) -> list[LaneEstimates]:
    """The lane at every power."""
    return [measured[_name(power_mw)].lane(LANE) for power_mw in POWERS_MW]


@cache
def twin_at(name: str, power_mw: float) -> float:
    """What the twin expects of the lane at any power: the field ``name``."""
    prediction = predict(build_network(_topology(power_mw))).lane(LANE)
    value: float = getattr(prediction, name)
    return value


def vanishing_mw(lanes: Sequence[LaneEstimates]) -> Estimate:
    """Power at which the key vanishes.

    1 / V = (1 + A / T) / V0 is a straight line in P^2: accidentals A rise with its square, true
    coincidences T with itself. It is fitted over all powers and crossed with the limit.
    """
    inverse = [_inverse(lane.visibility) for lane in lanes]
    squares = [power_mw**2 for power_mw in POWERS_MW]
    return _root(crossing(generator("fig4/limit"), squares, inverse, 1.0 / VISIBILITY_LIMIT))


def _inverse(one: Estimate) -> Estimate:
    twin = one.twin or 1.0
    return Estimate(1.0 / one.value, (one.sigma or 0.0) / twin**2, 1.0 / twin)


def _root(square: Estimate) -> Estimate:
    value = max(square.value, 0.0) ** 0.5
    return Estimate(
        value, (square.sigma or 0.0) / (2.0 * value or 1.0), (square.twin or 0.0) ** 0.5
    )


def best_mw(lanes: Sequence[LaneEstimates]) -> Estimate:
    """Power of the largest key rate: a parabola through the points of `PEAK_MW`."""
    low, high = PEAK_MW
    inside = [k for k, power_mw in enumerate(POWERS_MW) if low <= power_mw <= high]
    return peak(
        generator("fig4/peak"), [POWERS_MW[k] for k in inside], [lanes[k].skr_bps for k in inside]
    )


def analyse_visibility(measured: Measured) -> Findings:
    """Fig. 4a."""
    lanes = by_power(measured)
    return Findings(
        rows=_rows(lanes, "visibility", "sifted_hz"),
        figure=Figure(
            "Fig. 4a: visibility and sifted rate of Bob and Dave",
            (
                _panel(lanes, "visibility", "visibility [%]", VISIBILITY_LIMIT),
                _panel(lanes, "sifted_hz", "N_sift [1/s]"),
            ),
            columns=2,
        ),
        compared=[
            Comparison(
                "limit of the visibility for f = 1.2",
                Estimate(VISIBILITY_LIMIT, None, VISIBILITY_LIMIT),
                LIMIT_VISIBILITY,
                "by formula: 1 - 2.2 h((1 - V) / 2) = 0",
            ),
            *_compare(lanes, "visibility"),
            *_compare(lanes, "sifted_hz"),
        ],
    )


def analyse_key(measured: Measured) -> Findings:
    """Fig. 4b."""
    lanes = by_power(measured)
    return Findings(
        rows=_rows(lanes, "qber", "skr_bps"),
        figure=Figure(
            "Fig. 4b: QBER and key rate of Bob and Dave",
            (
                _panel(lanes, "qber", "QBER [%]", qber_limit()),
                _panel(lanes, "skr_bps", "SKR [bit/s]"),
            ),
            columns=2,
        ),
        compared=[
            Comparison(
                "limit of the QBER for f = 1.2",
                Estimate(qber_limit(), None, qber_limit()),
                LIMIT_QBER,
                "by formula: 1 - 2.2 h(Q) = 0",
            ),
            Comparison(
                "B&D power per pump at which the key vanishes [mW]",
                vanishing_mw(lanes),
                note='the text: at 0.4 mW visibility and QBER "approach the limit"',
            ),
            Comparison(
                "B&D power per pump of the largest key rate [mW]",
                best_mw(lanes),
                note="the text prints no optimum and runs all users at 0.4 mW",
            ),
            *_compare(lanes, "qber"),
            *_compare(lanes, "skr_bps"),
        ],
        notes=(
            (
                "The power at which the key vanishes comes from a line through 1 / V against P^2 "
                "over all powers, the best power from a parabola through the key rates from 0.2 "
                "to 0.4 mW; the twin's figures from the same fits to its values. The twin's own "
                f"curve peaks at {_twin_best_mw():.3f} mW."
            ),
        ),
    )


def _twin_best_mw() -> float:
    powers_mw = [round(float(mw), 3) for mw in np.arange(POWERS_MW[0], POWERS_MW[-1], 1e-3)]
    return max(powers_mw, key=partial(twin_at, "skr_bps"))


def table_2_row() -> PaperLaneSpec:
    """What the paper prints of this lane at 0.4 mW."""
    paper = calibrated().paper
    return next(row for row in (paper.lanes if paper else ()) if set(row.channels) == set(LANE))


def _estimates(lanes: Sequence[LaneEstimates], name: str) -> list[Estimate]:
    return [getattr(lane, name) for lane in lanes]


def _rows(lanes: Sequence[LaneEstimates], *names: str) -> list[Row]:
    rows: list[Row] = [{"power_mw": power_mw} for power_mw in POWERS_MW]
    for name in names:
        for row, one in zip(rows, _estimates(lanes, name), strict=True):
            row.update(one.columns(name))
    return rows


def _panel(
    lanes: Sequence[LaneEstimates], name: str, label: str, limit: float | None = None
) -> Panel:
    scale = 100.0 if label.endswith("[%]") else 1.0
    paper: float = getattr(table_2_row(), name)
    marks = () if limit is None else ((scale * limit, f"limit {scale * limit:.1f} %"),)
    return Panel(
        "power per pump [mW]",
        label,
        (
            points(SIMULATED, POWERS_MW, _estimates(lanes, name), scale),
            twin_curve(SIMULATED, POWERS_MW, partial(twin_at, name), scale),
            printed("Table 2", [NETWORK_POWER_MW], [scale * paper]),
        ),
        marks=marks,
    )


def _compare(lanes: Sequence[LaneEstimates], name: str) -> list[Comparison]:
    label, unit = LABELS[name]
    printed_value: float = getattr(table_2_row(), name)
    compared = []
    for power_mw, one in zip(POWERS_MW, _estimates(lanes, name), strict=True):
        is_printed = power_mw == NETWORK_POWER_MW
        compared.append(
            Comparison(
                f"B&D {label} at {power_mw:g} mW{unit}",
                one,
                printed_value if is_printed else None,
                "printed in Table 2" if is_printed else "the text prints no number",
            )
        )
    return compared


FIG4A = Item(
    "fig4a",
    "Visibility and sifted rate of Bob and Dave against power",
    ABOUT + "The dashed line is the least visibility that leaves a key.",
    shots,
    analyse_visibility,
)
FIG4B = Item(
    "fig4b",
    "QBER and key rate of Bob and Dave against power",
    ABOUT + "The dashed line is the largest QBER that leaves a key.",
    shots,
    analyse_key,
)
