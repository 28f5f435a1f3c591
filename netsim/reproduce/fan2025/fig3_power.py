"""Fig. 3a, 3b, 3c: singles, coincidences and CAR of four channels against pump power."""

import math
from collections.abc import Sequence

from netsim.report.figure import Figure, Panel, Series
from netsim.report.scan import Scan
from netsim.reproduce.fan2025.characterisation import (
    ABOUT,
    BIN_PS,
    DEGENERATE,
    HISTOGRAMS,
    NON_DEGENERATE,
    PAIRS,
    POWERS_MW,
    REFERENCE_MW,
    by_power,
    car,
    coincidences_hz,
    histogram,
    shots,
    twin_car,
    twin_singles_hz,
)
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate, ratio
from netsim.studies.fits import fit_line
from netsim.studies.measurement import Measurement

SINGLES = ("C30", "C42", "C54")
INSET_REACH_PS = 6000
POWER = "power per pump [mW]"


def analyse_singles(measured: Measured) -> Findings:
    """Fig. 3a."""
    found = {name: [shot.singles_hz(name) for shot in by_power(measured)] for name in SINGLES}
    scan = Scan("power_mw", POWERS_MW, "channel", "singles_hz", found)
    series = scan.series(twin_singles_hz, scale=1e-3)
    return Findings(
        rows=scan.rows(),
        figure=Figure(
            "Fig. 3a: singles against pump power",
            (Panel(POWER, "singles [kHz]", series, log_x=True, log_y=True),),
        ),
        compared=scan.compared(
            lambda name, mw: f"{name} singles at {mw:g} mW [1/s]",
            "the text prints no number of Fig. 3a",
        ),
        notes=(
            "The text gives singles during the Franson interference only (items fig3d to fig3f).",
            "Singles rise with the square of the power, less what dead time takes at the top.",
        ),
    )


def analyse_coincidences(measured: Measured) -> Findings:
    """Fig. 3b."""
    shots_by_power = by_power(measured)
    found = {pair: [coincidences_hz(shot, pair) for shot in shots_by_power] for pair in PAIRS}
    scan = Scan("power_mw", POWERS_MW, "pair", "coincidences_hz", found)
    return Findings(
        rows=scan.rows(),
        figure=Figure(
            "Fig. 3b: coincidences against pump power, and histograms at 1 mW",
            (
                Panel(POWER, "coincidences [1/s]", scan.series(), log_x=True, log_y=True),
                _inset(shots_by_power[-1]),
            ),
            columns=2,
        ),
        compared=scan.compared(
            lambda pair, mw: f"{pair} coincidences at {mw:g} mW [1/s]",
            "the text prints no number of Fig. 3b",
        ),
        notes=(
            (
                "The non-degenerate pair C38&C42 has more coincidences than the degenerate ones, "
                "as the text says: its process is four times as fast."
            ),
        ),
    )


def _inset(shot: Measurement) -> Panel:
    """Histograms at the last power, 1 mW as in the paper's inset."""
    series = []
    for pair, ranges in HISTOGRAMS.items():
        window = ranges.bins_between(-INSET_REACH_PS, INSET_REACH_PS)
        rates = tuple(count / shot.light_s for count in histogram(shot, pair)[window])
        series.append(Series(pair, ranges.centres_ns[window], rates, style="steps"))
    label = f"coincidences per {BIN_PS} ps [1/s]"
    return Panel("difference of arrival [ns]", label, tuple(series))


def analyse_car(measured: Measured) -> Findings:
    """Fig. 3c."""
    found = {pair: [car(shot, pair) for shot in by_power(measured)] for pair in PAIRS}
    scan = Scan("power_mw", POWERS_MW, "pair", "car", found)
    return Findings(
        rows=scan.rows(),
        figure=Figure(
            "Fig. 3c: coincidence-to-accidental ratio against pump power",
            (Panel(POWER, "CAR", scan.series(twin_car), log_x=True, log_y=True),),
        ),
        compared=[
            *_exponents(found),
            *_ratios(found),
            *scan.compared(
                lambda pair, mw: f"{pair} CAR at {mw:g} mW", "the text prints no number of Fig. 3c"
            ),
        ],
        notes=(
            (
                "CAR = coincidences in 2 ns around the peak over accidentals in 2 ns, counted 60 "
                "to 300 ns beside it. Behind interferometers, where half of the pairs leave the "
                "central peak, CAR - 1 is half of this."
            ),
        ),
    )


def _exponents(found: dict[str, list[Estimate]]) -> list[Comparison]:
    note = "-2 where pair singles dominate dark counts; the text prints no exponent"
    return [
        Comparison(f"{pair} exponent of CAR - 1 against power", exponent(cars), note=note)
        for pair, cars in found.items()
    ]


def exponent(cars: Sequence[Estimate]) -> Estimate:
    """Slope of log(CAR - 1) against log(power) over all powers; NaN without a peak."""
    logs = []
    for one in cars:
        if not one.value > 1.0 or one.twin is None:
            return Estimate(math.nan)
        error = (one.sigma or 0.0) / (one.twin - 1.0)
        logs.append(Estimate(math.log(one.value - 1.0), error, math.log(one.twin - 1.0)))
    return fit_line([math.log(power_mw) for power_mw in POWERS_MW], logs)[1]


def _ratios(found: dict[str, list[Estimate]]) -> list[Comparison]:
    at = POWERS_MW.index(REFERENCE_MW)
    return [
        Comparison(
            f"CAR of {NON_DEGENERATE} over that of {pair} at {REFERENCE_MW:g} mW",
            ratio(found[NON_DEGENERATE][at], found[pair][at]),
            note="the text: higher in the non-degenerate case",
        )
        for pair in DEGENERATE
    ]


FIG3A = Item(
    "fig3a",
    "Singles against pump power",
    ABOUT + "Singles of C30, C42 and C54.",
    shots,
    analyse_singles,
)
FIG3B = Item(
    "fig3b",
    "Coincidences against pump power",
    ABOUT + "Coincidences with C38, the channel in common; on the right the histograms at 1 mW.",
    shots,
    analyse_coincidences,
)
FIG3C = Item(
    "fig3c",
    "Coincidence-to-accidental ratio against pump power",
    ABOUT + "CAR of C30, C42 and C54 with C38.",
    shots,
    analyse_car,
)
