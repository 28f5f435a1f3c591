"""Four channels on bare detectors at nine powers: what Fig. 3a, 3b and 3c are made of."""

import math
from functools import cache

from netsim.reproduce.fan2025.bench import bare_bench, calibrated, with_power
from netsim.reproduce.item import Measured
from netsim.studies.estimates import Estimate, rate_hz
from netsim.studies.measurement import Measurement
from netsim.studies.shots import HistogramRange, Shot
from netsim.topology.network import build_network
from netsim.twin.coincidences import detector_rates_hz
from netsim.twin.prediction import predict

POWERS_MW = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Per pump."""
REFERENCE_MW, PAIR_LIGHT_S = 0.4, 8.0
"""Light at the reference power; elsewhere as much as gives the same number of pairs."""

CHANNELS = ("C30", "C38", "C42", "C54")
PAIRS = {"C30&C38": ("C30", "C38"), "C38&C42": ("C38", "C42"), "C38&C54": ("C38", "C54")}
DEGENERATE, NON_DEGENERATE = ("C30&C38", "C38&C54"), "C38&C42"

WINDOW_PS = 2000
BIN_PS, REACH_PS, NEAR_PS = 200, 300_000, 60_000
"""Accidentals are counted from `NEAR_PS` to `REACH_PS` away from the peak, on both sides."""
HISTOGRAMS = {
    name: HistogramRange(pair, -REACH_PS, BIN_PS, 2 * REACH_PS // BIN_PS)
    for name, pair in PAIRS.items()
}

ABOUT = (
    "Channels C30, C38, C42 and C54 of the calibrated set, each on a bare detector without "
    "interferometer (its excess loss of 3 dB is left out), at nine powers per pump. "
)


def shots() -> tuple[Shot, ...]:
    """One shot a power, the same for all three figures."""
    return tuple(
        Shot(
            _name(power_mw),
            bare_bench(with_power(calibrated(), power_mw), CHANNELS),
            light_s=PAIR_LIGHT_S * (REFERENCE_MW / power_mw) ** 2,
            histograms=tuple(HISTOGRAMS.values()),
        )
        for power_mw in POWERS_MW
    )


def _name(power_mw: float) -> str:
    return f"characterisation/{power_mw:g}mW"


def by_power(measured: Measured) -> list[Measurement]:
    """The shots in the order of `POWERS_MW`."""
    return [measured[_name(power_mw)] for power_mw in POWERS_MW]


def histogram(shot: Measurement, pair: str) -> list[int]:
    """Differences of arrival of a pair, in the bins of `HISTOGRAMS`."""
    return list(shot.result.histograms[list(PAIRS).index(pair)])


def coincidences_hz(shot: Measurement, pair: str) -> Estimate:
    """All differences within the window; a histogram counts them, as a time tagger does."""
    return rate_hz(_in_window(shot, pair), shot.tagger_hz(PAIRS[pair])[0], shot.light_s)


def _in_window(shot: Measurement, pair: str) -> int:
    window = HISTOGRAMS[pair].bins_between(-WINDOW_PS // 2, WINDOW_PS // 2)
    return sum(histogram(shot, pair)[window])


def car(shot: Measurement, pair: str) -> Estimate:
    """Coincidences in the window over those in windows far from the peak."""
    counts, ranges = histogram(shot, pair), HISTOGRAMS[pair]
    sides = ((-REACH_PS, -NEAR_PS), (NEAR_PS, REACH_PS))
    floor = sum(sum(counts[ranges.bins_between(*side)]) for side in sides)
    windows = sum(high - low for low, high in sides) / WINDOW_PS
    all_hz, accidental_hz = shot.tagger_hz(PAIRS[pair])
    relative = 1.0 / all_hz + 1.0 / (accidental_hz * windows)
    expected = all_hz / accidental_hz
    value = _in_window(shot, pair) * windows / floor if floor else math.nan
    return Estimate(value, expected * math.sqrt(relative / shot.light_s), expected)


@cache
def _twin(power_mw: float) -> tuple[dict[str, float], dict[str, float]]:
    network = build_network(bare_bench(with_power(calibrated(), power_mw), CHANNELS))
    singles_hz = {user.name: user.singles_hz for user in predict(network).users}
    cars = {}
    for lane in network.lanes:
        true_hz, accidental_hz = detector_rates_hz(network, lane, is_tagger=True)
        cars["&".join(lane.channels)] = 1.0 + float(true_hz.sum() / accidental_hz.sum())
    return singles_hz, cars


def twin_singles_hz(channel: str, power_mw: float) -> float:
    """What the twin expects at any power."""
    return _twin(power_mw)[0][channel]


def twin_car(pair: str, power_mw: float) -> float:
    """The same of the CAR."""
    return _twin(power_mw)[1][pair]
