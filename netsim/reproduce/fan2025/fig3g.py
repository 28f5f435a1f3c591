"""Fig. 3g: coincidences of the 24 pairs at 0.32 mW."""

from netsim.report.figure import Figure, Panel, Series
from netsim.reproduce.fan2025.bench import RATE_POWER_MW, bare_bench, structured, with_power
from netsim.reproduce.fan2025.paper import CLASS_MEANS, Table1Row, table_1
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate, mean, rate_hz
from netsim.studies.shots import Shot

LIGHT_S = 15.0


def shots() -> list[Shot]:
    """One a pair."""
    topology = with_power(structured(), RATE_POWER_MW)
    return [Shot(_name(row), bare_bench(topology, row.channels), LIGHT_S) for row in table_1()]


def _name(row: Table1Row) -> str:
    return f"fig3g/{row.pair}"


def analyse(measured: Measured) -> Findings:
    """Every pair beside the twin."""
    found = {row: _coincidences_hz(measured, row) for row in table_1()}
    return Findings(
        rows=[
            {"process": row.process, "pair": row.pair, **one.columns("coincidences_hz")}
            for row, one in found.items()
        ],
        figure=_figure(found),
        compared=[
            *(
                Comparison(
                    f"mean coincidences, {kind} [1/s]",
                    mean([one for row, one in found.items() if row.kind == kind]),
                    note="the text prints no number of Fig. 3g",
                )
                for kind in CLASS_MEANS
            ),
            *(
                Comparison(
                    f"{row.pair} coincidences [1/s]",
                    one,
                    note=f"{row.process}; the text prints no number of Fig. 3g",
                )
                for row, one in found.items()
            ),
        ],
        notes=(
            (
                "Pairs of a class differ by their channels' losses only; those of the paper also "
                "by the resonances, of which the text says nothing."
            ),
        ),
    )


def _coincidences_hz(measured: Measured, row: Table1Row) -> Estimate:
    shot = measured[_name(row)]
    (tally,) = shot.result.lanes
    count = sum(map(sum, tally.matches or ()))
    return rate_hz(count, shot.expected_hz(row.channels)[0], shot.light_s)


def _figure(found: dict[Table1Row, Estimate]) -> Figure:
    places = tuple(float(k) for k in range(len(found)))
    panel = Panel(
        "coincidences [1/s]",
        "",
        (
            Series(
                "simulated",
                tuple(one.value for one in found.values()),
                places,
                x_error=tuple(one.sigma or 0.0 for one in found.values()),
            ),
            Series(
                "twin", tuple(one.twin or 0.0 for one in found.values()), places, style="hollow"
            ),
        ),
        rows=tuple(f"{row.pair} ({row.process})" for row in found),
        from_zero=True,
    )
    return Figure("Fig. 3g: coincidences of the 24 pairs at 0.32 mW per pump", (panel,))


ITEM = Item(
    "fig3g",
    "Coincidences of the 24 pairs at 0.32 mW",
    "Structured set; every pair by itself on two bare detectors without interferometers.",
    shots,
    analyse,
)
