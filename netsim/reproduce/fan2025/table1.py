"""Table 1: fringe visibilities of the 24 pairs, and where the paper scatters."""

from collections.abc import Sequence

from netsim.report.figure import Figure, Panel, Series
from netsim.reproduce.fan2025.bench import structured
from netsim.reproduce.fan2025.fringes import FringeScan
from netsim.reproduce.fan2025.paper import CLASS_MEANS, Table1Row, table_1
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate, Row, mean
from netsim.studies.shots import Shot

STEPS, LIGHT_S = 16, 10.0
FAR_POINTS = 3.0
"""Rows this far from the twin are named: several times the largest error printed but for two."""


def scan(row: Table1Row) -> FringeScan:
    """The fringe of one row."""
    return FringeScan(f"table1/{row.pair}", structured(), row.channels, 0.0, STEPS, LIGHT_S)


def shots() -> list[Shot]:
    """All phases of all pairs."""
    return [shot for row in table_1() for shot in scan(row).shots()]


def visibilities(measured: Measured) -> dict[Table1Row, Estimate]:
    """Fitted visibility of every row."""
    return {row: scan(row).read(measured).fringe.visibility for row in table_1()}


def class_means(found: dict[Table1Row, Estimate]) -> dict[str, Estimate]:
    """Mean over the rows of each class."""
    return {
        kind: mean([one for row, one in found.items() if row.kind == kind]) for kind in CLASS_MEANS
    }


def analyse(measured: Measured) -> Findings:
    """Every row beside the twin and the print, and the means of the classes."""
    found = visibilities(measured)
    return Findings(
        rows=[_row(row, one) for row, one in found.items()],
        figure=_figure(found),
        compared=[
            *(
                Comparison(
                    f"mean visibility, {kind}",
                    one,
                    CLASS_MEANS[kind],
                    f"mean of the printed rows; {_points(CLASS_MEANS[kind], one):+.1f} points "
                    "from the twin",
                )
                for kind, one in class_means(found).items()
            ),
            *(
                Comparison(f"{row.pair} visibility", one, row.visibility, _scatter(row, one))
                for row, one in found.items()
            ),
        ],
        notes=_notes(found),
    )


def _row(row: Table1Row, one: Estimate) -> Row:
    points = _points(row.visibility, one)
    return {
        "process": row.process,
        "pair": row.pair,
        **one.columns("visibility"),
        "paper": row.visibility,
        "paper_sigma": row.sigma,
        "paper_less_twin_points": points,
        "paper_less_twin_in_its_sigma": points / 100.0 / row.sigma,
    }


def _points(printed: float, one: Estimate) -> float:
    return 100.0 * (printed - (one.twin or 0.0))


def _scatter(row: Table1Row, one: Estimate) -> str:
    points = _points(row.visibility, one)
    return (
        f"{row.process}; paper {points:+.1f} points from the twin, {points / 100 / row.sigma:+.0f} "
        "of its own errors"
    )


def _notes(found: dict[Table1Row, Estimate]) -> tuple[str, ...]:
    far = [
        f"{row.pair} {_points(row.visibility, one):+.1f}"
        for row, one in found.items()
        if abs(_points(row.visibility, one)) > FAR_POINTS
    ]
    return (
        (
            "In the structured set all pairs of a class are alike: one brightness and one "
            "contrast for all, so that transmittances drop out but for dark counts. Rows of the "
            "paper scatter about that far beyond their printed errors, by causes that its text "
            "does not give (brightness and Q of single resonances, path errors of the "
            "interferometers, noise)."
        ),
        f"More than {FAR_POINTS:g} points from the twin: {', '.join(far)}.",
        (
            "C24&C44 and C24&C56 are printed with 99.8 and 99.9 %: more than accidentals at the "
            "class's rates leave of a perfect contrast."
        ),
        (
            "Channels that the network does not deliver have the mean loss of the six that it "
            "does [assumed]. Photons whose partners lie outside C12 to C60 are made and counted. "
            "C40, which pairs with itself through both pumps, is delivered here."
        ),
    )


def _figure(found: dict[Table1Row, Estimate]) -> Figure:
    rows, places = list(found), tuple(float(k) for k in range(len(found)))
    estimates: Sequence[Estimate] = list(found.values())
    simulated = Series(
        "simulated",
        tuple(100.0 * one.value for one in estimates),
        places,
        x_error=tuple(100.0 * (one.sigma or 0.0) for one in estimates),
    )
    paper = Series(
        "paper",
        tuple(100.0 * row.visibility for row in rows),
        places,
        x_error=tuple(100.0 * row.sigma for row in rows),
        style="hollow",
    )
    panel = Panel(
        "visibility [%]",
        "",
        (simulated, *_twin_lines(found), paper),
        rows=tuple(f"{row.pair} ({row.process})" for row in rows),
    )
    return Figure("Table 1: fringe visibilities of the 24 pairs", (panel,))


def _twin_lines(found: dict[Table1Row, Estimate]) -> list[Series]:
    """One line a class."""
    lines = []
    for kind in CLASS_MEANS:
        points = [
            (100.0 * (one.twin or 0.0), float(place))
            for place, (row, one) in enumerate(found.items())
            if row.kind == kind
        ]
        x, y = zip(*points, strict=True)
        lines.append(Series("twin", x, y, style="line"))
    return lines


ITEM = Item(
    "table1",
    "Fringe visibilities of the 24 pairs",
    "Structured set at 0.4 mW: every pair by itself behind two interferometers, the phase of one "
    "scanned over a turn, one output port of each.",
    shots,
    analyse,
)
