"""Accidentals and coincidences of users whose clicks silence each other, by plain Monte Carlos."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from netsim.physics.silences import live_together
from netsim.topology.network import build_network
from netsim.topology.receiver import DetectorSpec, InterferometerSpec
from netsim.twin.prediction import LanePrediction, Prediction, predict
from tests.oracles import blind, times
from tests.oracles.lane import Station, Tally, run_lane
from tests.support.topologies import receiver_spec, two_user_topology

Z_SIGMA = 4.0
PAIRS_HZ, SEEN = 10e6, 0.6
JITTER_FWHM_PS, WINDOW_PS = 70.0, 2000


@dataclass(frozen=True)
class Case:
    """Two users who see 60 % of ten million pairs a second."""

    dead_times_ps: tuple[int, int] = (25_000, 25_000)
    kind: str = "franson"
    delay_ps: float = 10_000.0
    linewidth_hz: float = 200e6

    def predicted(self) -> Prediction:
        """What the twin expects."""
        z, x = (
            InterferometerSpec(delay_ps=self.delay_ps, phase_rad=phase_rad)
            for phase_rad in (0.0, math.pi / 2)
        )
        receivers = [
            receiver_spec(
                DetectorSpec(
                    efficiency=1.0,
                    dark_rate_hz=0.0,
                    jitter_fwhm_ps=JITTER_FWHM_PS,
                    dead_time_ps=dead_time_ps,
                    afterpulse_probability=0.0,
                    afterpulse_decay_ps=1.0,
                ),
                z=z,
                x=x,
                kind=self.kind,
            )
            for dead_time_ps in self.dead_times_ps
        ]
        topology = two_user_topology(
            rate_hz=PAIRS_HZ,
            etas=(SEEN, SEEN),
            linewidth_hz=self.linewidth_hz,
            receivers=(receivers[0], receivers[1]),
            window_ps=WINDOW_PS,
        )
        return predict(build_network(topology))

    def counted(self, duration_s: float) -> Tally:
        """What comes, photon by photon."""
        first, second = (
            Station(
                survival=SEEN,
                jitter_ps=JITTER_FWHM_PS / times.FWHM_PER_SIGMA,
                dead_time_ps=dead_time_ps,
                delay_ps=self.delay_ps,
            )
            for dead_time_ps in self.dead_times_ps
        )
        return run_lane(
            11,
            duration_s=duration_s,
            pairs_hz=PAIRS_HZ,
            contrast=1.0,
            linewidth_hz=self.linewidth_hz,
            window_ps=WINDOW_PS,
            stations=(first, second),
        )


def errors_hz(lane: LanePrediction) -> float:
    """Of pairs with full contrast there are none: all are of accidentals."""
    return lane.sifted_hz * lane.qber


@pytest.mark.parametrize(
    ("case", "duration_s"),
    [
        (Case(), 0.01),
        *(
            pytest.param(case, 0.2, marks=pytest.mark.slow)
            for case in (
                Case(),
                Case(dead_times_ps=(25_000, 80_000)),
                Case(dead_times_ps=(5_000, 5_000)),
                Case(delay_ps=3_700.0, linewidth_hz=50e9),
                Case(kind="polarisation", delay_ps=0.0),
                Case(kind="polarisation", delay_ps=0.0, linewidth_hz=50e9),
            )
        ),
    ],
)
def test_pairs_silence_accidentals_and_both_users(case: Case, duration_s: float) -> None:
    """Coincidences and errors within four sigma; those of independent clicks would be far off."""
    prediction, tally = case.predicted(), case.counted(duration_s)
    (lane,) = prediction.lanes
    for count, mean_hz in (
        (tally.coincidences, lane.coincidences_hz),
        (tally.sifted, lane.sifted_hz),
        (tally.errors, errors_hz(lane)),
    ):
        mean = mean_hz * duration_s
        assert abs(count - mean) <= Z_SIGMA * math.sqrt(mean)
    independent_hz = math.prod(user.live_hz for user in prediction.users) * WINDOW_PS * 1e-12 / 4.0
    naive = independent_hz * duration_s
    assert naive - tally.errors > 4.0 * math.sqrt(naive)


@pytest.mark.parametrize("rates_hz", [(0.2, 0.2), (0.5, 0.5), (0.3, 1.2)])
def test_two_blind_detectors_are_live_together(rates_hz: tuple[float, float]) -> None:
    """1 + G t L, times in units of the dead time; within 5 % for the next order, and four sigma.

    Long runs scatter by 0.2 / sqrt(clicks).
    """
    both_hz, clicks = 0.1 * min(rates_hz), 50_000
    one, other, both = blind.live_shares(
        5, clicks=clicks, rates_hz=rates_hz, both_hz=both_hz, dead_time_s=1.0
    )
    first, second = (np.array([1.0 / (1.0 + rate_hz)]) for rate_hz in rates_hz)
    excess = both_hz * float(live_together(first, second)[0])
    tolerance = 0.05 * excess + Z_SIGMA * 0.2 / math.sqrt(clicks)
    assert abs(both / (one * other) - 1.0 - excess) < tolerance
    assert excess > 3.0 * tolerance
