"""Channels that are measured together, and photons that are still on their way."""

import math

import numpy as np
import pytest

from netsim.frames import PairLedger, PhotonFrame, PreparedStates
from netsim.physics.encodings.delayed import DelayedBasis
from netsim.physics.encodings.interface import Encoding, PairSource
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import ConstantPhase
from netsim.physics.encodings.timebin import TimeBin
from netsim.physics.propagation import propagate
from netsim.physics.pulses import Pulses
from tests.unit.netsim.physics.helpers import PairFacts, analyser, generator

WAYS_PS = {"C38": 48_000_017, "C42": 51_000_003}
CHANNELS = tuple(WAYS_PS)
PAIRS, SINGLES = 3000, 500
SPAN_PS = 10**9


def delayed() -> Encoding:
    """Two detectors, the second basis 10 ns late."""
    z, x = BasisOptics(0.0, ConstantPhase(0.0)), BasisOptics(1e4, ConstantPhase(math.pi / 2))
    return DelayedBasis(Optics(0.5, z, x))


def slots() -> Encoding:
    """An interferometer of 1 ns."""
    z, x = BasisOptics(0.0, ConstantPhase(0.0)), BasisOptics(1000.0, ConstantPhase(0.3))
    return TimeBin(Optics(0.5, z, x))


def source(encoding: Encoding) -> PairSource:
    """Two pair processes; in pulses, if the receiver needs them."""
    pulses = Pulses(1000, 10_000, 20.0) if encoding.needs_pulses else None
    processes = PairFacts(0.9, 0.4), PairFacts(0.8, -0.2)
    return PairSource(processes, 200e6, pulses=pulses)


def own_light() -> list[PhotonFrame]:
    """Prepared states on one channel, bright pulses on the other."""
    rng, ledger = generator(7), PairLedger.unmeasured(np.empty(0, dtype=np.int64))
    times_ps, nobody = rng.integers(0, SPAN_PS, SINGLES), np.full(SINGLES, -1)
    states = PreparedStates(
        rng.uniform(0.0, 6.0, SINGLES), np.full(SINGLES, 1e4), np.full(SINGLES, 1.0)
    )
    return [
        PhotonFrame(0, CHANNELS[0], times_ps, nobody, ledger, states),
        PhotonFrame(0, CHANNELS[1], times_ps, nobody, ledger, fired=rng.integers(0, 4, SINGLES)),
    ]


def light() -> tuple[list[PhotonFrame], list[PhotonFrame]]:
    """Of two users: pairs of both channels, and photons alone; at the source."""
    rng = generator(5)
    ledger = PairLedger.unmeasured(np.repeat([0, 1], PAIRS))
    users: tuple[list[PhotonFrame], list[PhotonFrame]] = [], []
    for channel, rows in zip(CHANNELS, np.split(np.arange(2 * PAIRS), 2), strict=True):
        pairs_ps = rng.integers(0, SPAN_PS, PAIRS)
        for frames in users:
            alone_ps = rng.integers(0, SPAN_PS, SINGLES)
            late_ps = rng.integers(0, 300, PAIRS)
            times_ps = np.concatenate((alone_ps, pairs_ps + late_ps))
            all_rows = np.concatenate((np.full(SINGLES, -1), rows))
            frames.append(PhotonFrame(0, channel, times_ps, all_rows, ledger))
    return users


@pytest.mark.parametrize("encoding", [analyser(), delayed(), slots()])
@pytest.mark.parametrize("with_own", [False, True])
def test_a_way_ahead_is_a_way_behind(encoding: Encoding, with_own: bool) -> None:
    """Photons before their fibre are measured as those behind it, one channel or several."""
    if with_own and encoding.needs_pulses:
        return
    found = []
    for is_ahead in (False, True):
        rngs, arrivals = (generator(1), generator(2)), []
        for rng, frames in zip(rngs, light(), strict=True):
            measurement = encoding.measurement(source(encoding))
            everything = [frames[0], *own_light(), frames[1]] if with_own else frames
            if is_ahead:
                arrivals.append(
                    measurement.measure(rng, everything, time_ps=0, ahead_ps=WAYS_PS).tolist()
                )
                continue
            here = [propagate(each, delay_ps=WAYS_PS[each.channel]) for each in everything]
            parts = [measurement.measure(rng, [each], time_ps=0) for each in here]
            arrivals.append(np.concatenate(parts).tolist())
        found.append(arrivals)
    assert found[0] == found[1]
    shortest_ps = min(arrival >> 2 for arrival in found[0][0])
    assert min(WAYS_PS.values()) <= shortest_ps < min(WAYS_PS.values()) + SPAN_PS // 100
