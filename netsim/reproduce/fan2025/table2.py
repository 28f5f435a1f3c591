"""Table 2: sifted rate, visibility, QBER and key rate of all lanes, out of the whole protocol."""

from collections.abc import Iterator

from netsim.report.figure import Figure, Panel, Series
from netsim.reproduce.fan2025.bench import calibrated
from netsim.reproduce.fan2025.paper import PRINTED_CD_HZ
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate, LaneEstimates, Row, total
from netsim.studies.measurement import Measurement
from netsim.studies.shots import Shot
from netsim.topology.specs import PaperLaneSpec, PaperSpec

NAME = "table2"
LIGHT_S = 300.0
PRINTED_NOTE = (
    "as printed; it contradicts the QBER, the key rate and the total beside it (see above)"
)
MEANT_NOTE = "printed 585.0; 858.0 is inferred (digits swapped) and fits the rest of the row"

COLUMNS = {
    "sifted_hz": "N_sift [1/s]",
    "visibility": "visibility",
    "qber": "QBER",
    "skr_bps": "SKR [bit/s]",
}
"""Field of an estimate, and of the printed row, to its heading."""


def shots() -> tuple[Shot, ...]:
    """The whole network with all its parties, once."""
    return (Shot(NAME, calibrated(), LIGHT_S, distils_key=True),)


def _paper() -> PaperSpec:
    paper = calibrated().paper
    if paper is None:
        raise ValueError("the calibrated topology has lost its section paper")
    return paper


def analyse(measured: Measured) -> Findings:
    """Every cell of the table beside twin and print, and the total."""
    shot = measured[NAME]
    found = {row: shot.lane(row.channels) for row in _paper().lanes}
    return Findings(
        rows=[_row(row, one) for row, one in found.items()],
        figure=_figure(found),
        compared=[
            Comparison(
                "total SKR [bit/s]",
                total([one.skr_bps for one in found.values()]),
                _paper().total_skr_bps,
                "lanes scored by the simulator with the paper's formula",
            ),
            *(one for row, lane in found.items() for one in _compare(row, lane)),
            *_net_keys(shot),
        ],
        notes=(
            (
                "N_sift, visibility, QBER and SKR = N [1 - 2.2 h(QBER)] are scored by the "
                "simulator; net key is what the parties themselves booked after error correction, "
                "verification, privacy amplification and authentication."
            ),
            "585.0 or 858.0: see at the top of the page. Both are compared.",
        ),
    )


def _label(row: PaperLaneSpec) -> str:
    users = "&".join(user[0].upper() for user in row.users)
    return f"{users} {'&'.join(row.channels)}"


def _row(row: PaperLaneSpec, one: LaneEstimates) -> Row:
    cells: Row = {"lane": _label(row)}
    for name in COLUMNS:
        cells |= getattr(one, name).columns(name) | {f"{name}_paper": getattr(row, name)}
    return cells


def _compare(row: PaperLaneSpec, one: LaneEstimates) -> Iterator[Comparison]:
    is_swapped = row.note is not None
    for name, heading in COLUMNS.items():
        quantity, estimate = f"{_label(row)} {heading}", getattr(one, name)
        note = MEANT_NOTE if is_swapped and name == "sifted_hz" else ""
        yield Comparison(quantity, estimate, getattr(row, name), note)
    if is_swapped:
        quantity = f"{_label(row)} N_sift [1/s], against the print"
        yield Comparison(quantity, one.sifted_hz, PRINTED_CD_HZ, PRINTED_NOTE)


def _net_keys(shot: Measurement) -> Iterator[Comparison]:
    for link, net_bps in (shot.result.net_key_bps or {}).items():
        users = "&".join(user[0].upper() for user in link.split("-"))
        yield Comparison(
            f"{users} net key booked by the parties [bit/s]",
            Estimate(net_bps),
            note="the paper prints asymptotic key rates only; no twin",
        )


def _figure(found: dict[PaperLaneSpec, LaneEstimates]) -> Figure:
    places = tuple(float(k) for k in range(len(found)))

    def panel(name: str, scale: float, label: str) -> Panel:
        estimates: list[Estimate] = [getattr(one, name) for one in found.values()]
        return Panel(
            label,
            "",
            (
                Series(
                    "simulated",
                    tuple(scale * one.value for one in estimates),
                    places,
                    x_error=tuple(scale * (one.sigma or 0.0) for one in estimates),
                ),
                Series(
                    "paper",
                    tuple(scale * getattr(row, name) for row in found),
                    places,
                    style="hollow",
                ),
            ),
            rows=tuple(map(_label, found)),
            from_zero=True,
        )

    panels = (
        panel("sifted_hz", 1.0, "N_sift [1/s]"),
        panel("qber", 100.0, "QBER [%]"),
        panel("skr_bps", 1.0, "SKR [bit/s]"),
    )
    return Figure("Table 2: key distribution at 0.4 mW per pump", panels, columns=3)


ITEM = Item(
    NAME,
    "Key distribution between all four users",
    "Calibrated set at 0.4 mW, the whole protocol in rounds of 30 s.",
    shots,
    analyse,
)
