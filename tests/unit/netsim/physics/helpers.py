"""Short cuts to arrays, generators and frames."""

from dataclasses import dataclass

import numpy as np
from numpy.random import PCG64DXSM, Generator
from numpy.typing import NDArray

from netsim.frames import PairLedger, PhotonFrame
from netsim.physics.detector import DetectorSettings
from netsim.physics.encodings.franson import Franson
from netsim.physics.encodings.interface import Encoding, PairSource
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import ConstantPhase

LINEWIDTH_HZ = 200e6
KAPPA_PER_PS = 2 * np.pi * LINEWIDTH_HZ * 1e-12
"""Of a ring of 200 MHz."""


@dataclass(frozen=True)
class PairFacts:
    """What a receiver knows of a pair process."""

    contrast: float = 1.0
    phase_rad: float = 0.0
    frequency_noise_hz: float = 0.0
    sum_shift_hz: float = 0.0


def generator(seed: int = 1) -> Generator:
    """The kind of generator that every component has."""
    return Generator(PCG64DXSM(seed))


def int64(*values: int) -> NDArray[np.int64]:
    """Array of integers."""
    return np.array(values, dtype=np.int64)


def pack(times_ps: NDArray[np.int64], detectors: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """``time_ps << 2 | detector``."""
    packed: NDArray[np.int64] = (times_ps << 2) | detectors
    return packed


def photon_frame(
    times_ps: NDArray[np.int64],
    pair_rows: NDArray[np.int64] | None = None,
    ledger: PairLedger | None = None,
) -> PhotonFrame:
    """A frame of channel C38; photons alone unless rows are given."""
    rows = np.full(times_ps.size, -1, dtype=np.int64) if pair_rows is None else pair_rows
    return PhotonFrame(0, "C38", times_ps.copy(), rows.copy(), ledger or pair_ledger(0))


def pair_ledger(pairs: int) -> PairLedger:
    """Pairs of process 0, not yet measured."""
    return PairLedger.unmeasured(np.zeros(pairs, dtype=np.int64))


def pair_source(*processes: PairFacts) -> PairSource:
    """Pair processes of one ring; a perfect one unless told otherwise."""
    return PairSource(processes or (PairFacts(),), LINEWIDTH_HZ)


def analyser(
    *,
    z_probability: float = 0.5,
    delay_ps: tuple[float, float] = (10_000.0, 10_000.0),
    phase_rad: tuple[float, float] = (0.0, np.pi / 2),
    contrast: tuple[float, float] = (1.0, 1.0),
) -> Franson:
    """Beam splitter and two interferometers."""
    z, x = (
        BasisOptics(delay, ConstantPhase(phase), left)
        for delay, phase, left in zip(delay_ps, phase_rad, contrast, strict=True)
    )
    return Franson(Optics(z_probability, z, x))


def measured(
    rng: Generator, frame: PhotonFrame, encoding: Encoding, source: PairSource | None = None
) -> NDArray[np.int64]:
    """Arrivals of the photons of a frame, packed."""
    return encoding.measurement(source or pair_source()).measure(rng, [frame], time_ps=0)


def detectors(
    *,
    relative_efficiency: tuple[float, ...] = (1.0,) * 4,
    jitter_sigma_ps: tuple[float, ...] = (0.0,) * 4,
    dark_rate_hz: tuple[float, ...] = (0.0,) * 4,
    dead_time_ps: tuple[int, ...] = (0,) * 4,
    recovery_ps: tuple[float, ...] = (0.0,) * 4,
    afterpulse_probability: tuple[float, ...] = (0.0,) * 4,
    afterpulse_decay_ps: tuple[float, ...] = (1e6,) * 4,
    delay_ps: tuple[int, ...] = (0,) * 4,
) -> DetectorSettings:
    """Four detectors, ideal unless told otherwise."""
    return DetectorSettings(
        np.array(relative_efficiency),
        np.array(jitter_sigma_ps),
        np.array(dark_rate_hz),
        np.array(dead_time_ps, dtype=np.int64),
        np.array(recovery_ps),
        np.array(afterpulse_probability),
        np.array(afterpulse_decay_ps),
        np.array(delay_ps, dtype=np.int64),
    )
