"""Fan et al. 2025: Table 2, to which both parameter sets were fitted; how near they come."""

from collections.abc import Iterator, Sequence

from netsim.board.experiment import BoardRow, Experiment, Measured, Prediction
from netsim.studies.estimates import total
from netsim.studies.measurement import Measurement
from netsim.studies.shots import Shot
from netsim.topology.load import load_topology

LIGHT_S = 60.0
FITTED = {"fan2025_four_user": 24, "fan2025_structured": 8}
"""Parameter set to how many of its numbers are fitted to the table."""
NOTE = "fitted to the table: how near the set comes, no agreement"


def shots() -> Sequence[Shot]:
    """Light and detectors of both sets."""
    return [Shot(f"fan2025/{name}", load_topology(name), LIGHT_S) for name in FITTED]


def rows(measured: Measured) -> Sequence[BoardRow]:
    """Totals and error rates."""
    return [
        row
        for name, fitted in FITTED.items()
        for row in _rows(measured[f"fan2025/{name}"], name, fitted)
    ]


def _rows(found: Measurement, name: str, fitted: int) -> Iterator[BoardRow]:
    paper = found.shot.topology.paper
    if paper is None:
        raise ValueError(f"{name} has lost its section paper")
    lanes = [(printed, found.lane(printed.channels)) for printed in paper.lanes]
    if paper.total_skr_bps is not None:
        summed = total([lane.skr_bps for _, lane in lanes])
        yield BoardRow(
            f"{name}: total SKR [bit/s]",
            "experiment",
            Prediction(summed.value, summed.sigma),
            paper.total_skr_bps,
            0.05 * paper.total_skr_bps,
            fitted,
            is_fitted=True,
            note=NOTE,
        )
    for printed, lane in lanes:
        sigma = lane.qber.sigma
        yield BoardRow(
            f"{name}: QBER of {'&'.join(printed.channels)} [%]",
            "experiment",
            Prediction(100 * lane.qber.value, None if sigma is None else 100 * sigma),
            100 * printed.qber,
            5 * printed.qber,
            fitted,
            is_fitted=True,
            note=NOTE,
        )


EXPERIMENT = Experiment(
    "fan2025",
    "Four users on a microring",
    "Fan et al., Light Sci. Appl. 14 (2025), doi 10.1038/s41377-025-01805-1, Table 2",
    (("all", "marks in both topologies; [fit] are 24 and 8 numbers"),),
    shots,
    rows,
    ("netsim reproduce fan2025 has every figure, fitted and not",),
)
