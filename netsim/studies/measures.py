"""What a sweep measures of each link and of all links together, simulated or by the twin."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netsim.results.parts import LaneResult, LinkResult
from netsim.results.run import Run
from netsim.twin.forecast import Forecast, LinkForecast

ALL_LINKS = "all links"
"""Name of the sum over a network."""

Measured = Mapping[str, Mapping[str, float | None]]
"""Link to measure to value; None where there is none."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity of a link.

    Attributes
    ----------
    name : str
        Column of ``sweep.csv``, its unit last.
    label : str
        Of an axis.
    head : str
        Of a column.
    digits : int
        Decimals that are shown.
    scale : float
        From the column to the label's unit.
    """

    name: str
    label: str
    head: str
    digits: int = 1
    scale: float = 1.0


MEASURES = (
    Measure("sifted_hz", "sifted bits [1/s]", "N_sift\n[1/s]"),
    Measure("qber", "QBER [%]", "QBER\n[%]", digits=2, scale=100.0),
    Measure("skr_bps", "asymptotic key rate [bit/s]", "SKR\n[bit/s]"),
    Measure("net_key_bps", "net key [bit/s]", "Net\n[bit/s]"),
)
"""Those that the twin knows as well."""


def measured(run: Run) -> dict[str, dict[str, float | None]]:
    """What a run found."""
    lanes: dict[tuple[str, str], list[LaneResult]] = {link.users: [] for link in run.links}
    for lane in run.lanes:
        lanes.setdefault(lane.users, []).append(lane)
    found = {_name(link.users): _of_run(lanes[link.users], [link]) for link in run.links}
    return found | {ALL_LINKS: _of_run(run.lanes, run.links)}


def notes_of(run: Run) -> dict[str, str]:
    """What must be said of each link of a run beside its numbers."""
    return {_name(link.users): link.notes for link in run.links}


def expected(forecast: Forecast) -> dict[str, dict[str, float | None]]:
    """What the twin expects."""
    found = {_name(link.users): _of_twin([link]) for link in forecast.links}
    return found | {ALL_LINKS: _of_twin(forecast.links)}


def _of_run(lanes: Sequence[LaneResult], links: Sequence[LinkResult]) -> dict[str, float | None]:
    sifted, errors = sum(lane.sifted_bits for lane in lanes), sum(lane.errors for lane in lanes)
    return {
        "sifted_hz": math.fsum(lane.sifted_hz for lane in lanes),
        "qber": errors / sifted if sifted else None,
        "skr_bps": math.fsum(lane.skr_asymptotic_bps for lane in lanes),
        "net_key_bps": math.fsum(link.net_key_bps for link in links),
    }


def _of_twin(links: Sequence[LinkForecast]) -> dict[str, float | None]:
    def total(value: Callable[[LinkForecast], float | None]) -> float | None:
        values = [value(link) for link in links]
        known = [one for one in values if one is not None]
        return math.fsum(known) if len(known) == len(values) else None

    sifted_hz = total(lambda link: link.sifted_hz) or 0.0
    errors_hz = total(lambda link: link.sifted_hz * link.qber if link.sifted_hz else 0.0) or 0.0
    return {
        "sifted_hz": sifted_hz,
        "qber": errors_hz / sifted_hz if sifted_hz else None,
        "skr_bps": total(lambda link: link.skr_bps),
        "net_key_bps": total(lambda link: link.net_key_bps),
    }


def _name(users: tuple[str, str]) -> str:
    return " & ".join(users)
