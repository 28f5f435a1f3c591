"""A made-up paper of two cheap items, for tests of the machinery."""

from collections.abc import Sequence

from netsim.report.curves import points
from netsim.report.figure import Figure, Panel
from netsim.reproduce.item import Findings, Item, Measured, Paper
from netsim.studies.comparison import Comparison
from netsim.studies.shots import Shot
from netsim.topology.load import load_topology

POWERS_MW = (0.2, 0.4)


def shots(name: str) -> Sequence[Shot]:
    """Two shots of 20 ms."""
    return [
        Shot(
            f"{name}/{mw:g}mW",
            load_topology(
                "two_user",
                overrides=[f"qnsp.source.pumps.{pump}.power_mw={mw:g}" for pump in ("C34", "C46")],
            ),
            light_s=0.02,
        )
        for mw in POWERS_MW
    ]


def item(name: str) -> Item:
    """Singles of alice at two powers."""

    def analyse(measured: Measured) -> Findings:
        singles = [measured[shot.name].singles_hz("alice") for shot in shots(name)]
        panel = Panel("power [mW]", "singles [1/s]", (points("alice", POWERS_MW, singles),))
        return Findings(
            rows=[
                {"power_mw": mw, **one.columns("singles_hz")}
                for mw, one in zip(POWERS_MW, singles, strict=True)
            ],
            figure=Figure(f"Singles, {name}", (panel,)),
            compared=[
                Comparison("singles at 0.2 mW [1/s]", singles[0], note="<b>not printed</b>"),
                Comparison("singles at 0.4 mW [1/s]", singles[1], 12345.5, "printed & known"),
            ],
            notes=("A note with <angles> & more.",),
        )

    return Item(name, f"Singles <{name}>", "About & so on.", lambda: shots(name), analyse)


PAPER = Paper(
    "made_up", "A <made-up> paper", "Nowhere", ("It says nothing.",), (item("one"), item("two"))
)
