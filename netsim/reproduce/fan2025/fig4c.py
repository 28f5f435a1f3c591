"""Fig. 4c: coincidence histograms of the six links."""

import math

from netsim.report.figure import Figure, Panel, Series
from netsim.reproduce.fan2025.bench import calibrated
from netsim.reproduce.item import Findings, Item, Measured
from netsim.studies.comparison import Comparison
from netsim.studies.estimates import Estimate, Row
from netsim.studies.measurement import Measurement
from netsim.studies.shots import HistogramRange, Shot
from netsim.topology.network import Lane, build_network
from netsim.twin.coincidences import detector_rates_hz

NAME = "fig4c"
LIGHT_S = 60.0
BIN_PS, REACH_PS = 200, 80_000
WINDOW_PS, SIDE_PS = 2000, 10_000
"""Coincidence window, and where the side peaks are: the delay of the interferometers."""
FLOOR_PS = (-24_000, -16_000)
"""Where a lane has accidentals only, from the edge of its window: 6 ns from its own side peak, and
from that of a lane 40 ns earlier."""

Link = tuple[str, str]


def _lanes() -> dict[Link, tuple[Lane, ...]]:
    network = build_network(calibrated())
    return {users: network.lanes_of(users) for users in network.links}


def _range(users: Link, lanes: tuple[Lane, ...]) -> HistogramRange:
    """Around the first lane of a link, so that its window begins at an edge."""
    low_ps = round(lanes[0].delay_ps) - REACH_PS
    return HistogramRange(users, low_ps, BIN_PS, 2 * REACH_PS // BIN_PS)


def shots() -> tuple[Shot, ...]:
    """The whole network once."""
    ranges = tuple(_range(users, lanes) for users, lanes in _lanes().items())
    return (Shot(NAME, calibrated(), LIGHT_S, histograms=ranges),)


def analyse(measured: Measured) -> Findings:
    """Six histograms, and the ratio of side to central peak of every lane."""
    shot = measured[NAME]
    return Findings(
        rows=_rows(shot),
        figure=Figure(
            "Fig. 4c: coincidence histograms of the six links",
            tuple(_panel(shot, k, wanted) for k, wanted in enumerate(shot.shot.histograms)),
            columns=2,
        ),
        compared=[
            Comparison(
                f"{'&'.join(lane.channels)} side peaks over central peak",
                side_ratio(shot, users, lane),
                note="1/2: half of the pairs take equal paths; the text prints no numbers",
            )
            for users, lanes in _lanes().items()
            for lane in lanes
        ],
        notes=(
            (
                "Each lane has three peaks 1 : 2 : 1, 10 ns apart, on a floor of accidentals; "
                "those of the central one interfere. Charlie and Dave share two lanes, told apart "
                "by 40 ns of patch fibre [assumed]."
            ),
        ),
    )


def side_ratio(shot: Measurement, users: Link, lane: Lane) -> Estimate:
    """Mean of the side peaks over the central one, accidentals subtracted, bases not sifted."""
    centre_ps = _window_start_ps(shot, users, lane)
    floor = _count(shot, users, centre_ps + FLOOR_PS[0], centre_ps + FLOOR_PS[1])
    floor *= WINDOW_PS / (FLOOR_PS[1] - FLOOR_PS[0])
    middle = _count(shot, users, centre_ps, centre_ps + WINDOW_PS)
    sides = [
        _count(shot, users, centre_ps + at_ps, centre_ps + at_ps + WINDOW_PS)
        for at_ps in (-SIDE_PS, SIDE_PS)
    ]
    true_hz, accidental_hz = detector_rates_hz(shot.network, lane, is_tagger=True)
    true, accidental = (float(r.sum()) * shot.light_s for r in (true_hz, accidental_hz))
    # Of the mean of the sides, of the middle, and of the floor, which is taken from both.
    error = math.sqrt(
        (true / 2.0 + accidental) / 2.0
        + (true + accidental) / 4.0
        + accidental * WINDOW_PS / (FLOOR_PS[1] - FLOOR_PS[0]) / 4.0
    )
    value = (sum(sides) / 2.0 - floor) / (middle - floor) if middle > floor else math.nan
    return Estimate(value, error / true, 0.5)


def _window_start_ps(shot: Measurement, users: Link, lane: Lane) -> int:
    """Lower edge of the lane's window, to the nearest bin."""
    wanted = _histogram(shot, users)[0]
    low_ps = round(lane.delay_ps) - WINDOW_PS // 2
    return wanted.low_ps + BIN_PS * round((low_ps - wanted.low_ps) / BIN_PS)


def _histogram(shot: Measurement, users: Link) -> tuple[HistogramRange, list[int]]:
    for wanted, counts in zip(shot.shot.histograms, shot.result.histograms, strict=True):
        if wanted.users == users:
            return wanted, list(counts)
    raise KeyError(users)


def _count(shot: Measurement, users: Link, low_ps: int, high_ps: int) -> float:
    wanted, counts = _histogram(shot, users)
    return float(sum(counts[wanted.bins_between(low_ps, high_ps)]))


def _rows(shot: Measurement) -> list[Row]:
    return [
        {
            "link": "-".join(wanted.users),
            "difference_ns": centre_ns,
            "coincidences": count,
            "light_s": shot.light_s,
        }
        for wanted, counts in zip(shot.shot.histograms, shot.result.histograms, strict=True)
        for centre_ns, count in zip(wanted.centres_ns, counts, strict=True)
    ]


def _panel(shot: Measurement, k: int, wanted: HistogramRange) -> Panel:
    zero_ns = wanted.centres_ns[0] - 0.5e-3 * BIN_PS + 1e-3 * REACH_PS
    name = " & ".join(user.capitalize() for user in wanted.users)
    return Panel(
        "difference of arrival from the first lane [ns]",
        f"coincidences per {BIN_PS} ps in {shot.light_s:g} s",
        (
            Series(
                name,
                tuple(centre_ns - zero_ns for centre_ns in wanted.centres_ns),
                tuple(float(count) for count in shot.result.histograms[k]),
                style="steps",
            ),
        ),
        title=name,
    )


ITEM = Item(
    "fig4c",
    "Coincidence histograms of the six links",
    "Calibrated set, the whole network at 0.4 mW; all detectors of both users.",
    shots,
    analyse,
)
