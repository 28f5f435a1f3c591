"""Fig. 3d, 3e, 3f: Franson interference of three pairs at two fixed phases."""

import math
from collections.abc import Sequence

from netsim.report.figure import Figure, Panel, Series
from netsim.reproduce.fan2025.bench import calibrated
from netsim.reproduce.fan2025.fringes import FringeScan, MeasuredFringe
from netsim.reproduce.fan2025.paper import FRINGES, SINGLES_HZ
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate, Row, mean

BETAS = {"pi/4": math.pi / 4, "pi/2": math.pi / 2}
STEPS, LIGHT_S = 20, 12.0
CURVE_STEPS = 120

Pair = tuple[str, str]


def scans(channels: Pair) -> dict[str, FringeScan]:
    """One scan a beta; alpha at the channel that is not C38."""
    scanned = next(channel for channel in channels if channel != "C38")
    return {
        beta: FringeScan(
            f"fringe/{scanned}&C38/beta={beta.replace('/', '_')}",
            calibrated(),
            (scanned, "C38"),
            beta_rad,
            STEPS,
            LIGHT_S,
        )
        for beta, beta_rad in BETAS.items()
    }


def analyse(channels: Pair, figure: str, measured: Measured) -> Findings:
    """Fit both fringes and look at the singles."""
    found = {beta: scan.read(measured) for beta, scan in scans(channels).items()}
    return Findings(
        rows=[row for beta, fringe in found.items() for row in _rows(beta, fringe)],
        figure=Figure(
            f"Fig. {figure}: Franson interference of {'&'.join(channels)}",
            (_fringe_panel(found), _singles_panel(found)),
            columns=2,
        ),
        compared=_compare(channels, found),
        notes=(
            (
                "Lines: the fitted n [1 + V cos(alpha + phase)], its errors from 1000 Poisson "
                "resamplings of the counts. Accidentals are not subtracted."
            ),
            (
                "The text gives singles of 108, 141 and 57 kHz without saying at which losses and "
                "at which pump power; here they are those of the network at 0.4 mW, at one port."
            ),
        ),
    )


def _rows(beta: str, found: MeasuredFringe) -> list[Row]:
    return [
        {
            "beta": beta,
            "alpha_rad": alpha_rad,
            "coincidences": found.counts[k],
            "coincidences_twin": found.twin[k],
            "light_s": found.light_s,
            **found.singles[k].columns("singles_hz"),
        }
        for k, alpha_rad in enumerate(found.scan.alphas_rad)
    ]


def _compare(channels: Pair, found: dict[str, MeasuredFringe]) -> Sequence[Comparison]:
    pair = "&".join(channels)
    quarter, half = found["pi/4"], found["pi/2"]
    scanned = quarter.scan.channels[0]
    return [
        Comparison(
            f"{pair} visibility at beta = pi/4",
            quarter.fringe.visibility,
            FRINGES[channels],
            "the paper's pump power is not in the text",
        ),
        Comparison(
            f"{pair} visibility at beta = pi/2",
            half.fringe.visibility,
            note="the text gives visibilities at beta = pi/4 only",
        ),
        Comparison(
            f"{pair} shift of the fringe from beta = pi/4 to pi/2 [rad]",
            _shift(quarter, half),
            note="pi/4; Fig. 3 shows it, the text prints no number",
        ),
        Comparison(
            f"{scanned} singles at one port [1/s]",
            mean([*quarter.singles, *half.singles]),
            SINGLES_HZ[scanned],
            "rounded in the text; losses and power of that run are not in the text",
        ),
        *(
            Comparison(
                f"{scanned} singles against a constant, chi-square per degree of freedom, "
                f"beta = {beta}",
                fringe.flatness(),
                note="the text: singles keep constant, no single-photon interference",
            )
            for beta, fringe in found.items()
        ),
    ]


def _shift(one: MeasuredFringe, other: MeasuredFringe) -> Estimate:
    """Difference of the fitted phases, in (-pi, pi]."""
    a, b = one.fringe.phase_rad, other.fringe.phase_rad
    return Estimate(
        math.remainder(b.value - a.value, 2.0 * math.pi),
        math.hypot(a.sigma or 0.0, b.sigma or 0.0),
        math.remainder((b.twin or 0.0) - (a.twin or 0.0), 2.0 * math.pi),
    )


def _fringe_panel(found: dict[str, MeasuredFringe]) -> Panel:
    series = []
    curve = tuple(2.0 * math.pi * k / CURVE_STEPS for k in range(CURVE_STEPS + 1))
    for beta, one in found.items():
        name, light_s = f"beta = {beta}", one.light_s
        rates = tuple(count / light_s for count in one.counts)
        errors = tuple(math.sqrt(count) / light_s for count in one.counts)
        series.append(Series(name, one.scan.alphas_rad, rates, errors))
        fitted = tuple(count / light_s for count in one.fringe.at(curve))
        series.append(Series(f"{name} (fit)", curve, fitted, style="line", like=name))
    return Panel("alpha [rad]", "coincidences [1/s]", tuple(series), from_zero=True)


def _singles_panel(found: dict[str, MeasuredFringe]) -> Panel:
    series = tuple(
        Series(
            f"beta = {beta}",
            one.scan.alphas_rad,
            tuple(1e-3 * single.value for single in one.singles),
            tuple(1e-3 * (single.sigma or 0.0) for single in one.singles),
        )
        for beta, one in found.items()
    )
    scanned = next(iter(found.values())).scan.channels[0]
    return Panel("alpha [rad]", f"singles of {scanned} [kHz]", series, from_zero=True)


def _item(name: str, channels: Pair) -> Item:
    scanned = scans(channels)["pi/4"].channels[0]
    return Item(
        name,
        f"Franson interference of {'&'.join(channels)}",
        f"Calibrated set at 0.4 mW; one interferometer each, no choice of basis; alpha turns that "
        f"of {scanned}, beta that of C38 [assumed]. Coincidences of one output port of each.",
        lambda: [shot for scan in scans(channels).values() for shot in scan.shots()],
        lambda measured: analyse(channels, name.removeprefix("fig"), measured),
    )


FIG3D = _item("fig3d", ("C30", "C38"))
FIG3E = _item("fig3e", ("C38", "C42"))
FIG3F = _item("fig3f", ("C38", "C54"))
