"""Short cuts to arrays, generators and frames."""

import numpy as np
from numpy.random import PCG64DXSM, Generator
from numpy.typing import NDArray

from netsim.frames import PairLedger, PhotonFrame
from netsim.physics.detector import DetectorSettings
from netsim.physics.interferometer import AnalyserSettings, PairTable

KAPPA_PER_PS = 2 * np.pi * 200e6 * 1e-12
"""Of a ring of 200 MHz."""


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


def pair_table(contrast: float = 1.0, phase_rad: float = 0.0) -> PairTable:
    """One pair process."""
    return PairTable(np.array([[contrast, contrast]]), np.array([phase_rad]), KAPPA_PER_PS)


def analyser(
    *,
    z_probability: float = 0.5,
    delay_ps: tuple[float, float] = (10_000.0, 10_000.0),
    phase_rad: tuple[float, float] = (0.0, np.pi / 2),
    contrast: tuple[float, float] = (1.0, 1.0),
) -> AnalyserSettings:
    """Beam splitter and two interferometers."""
    return AnalyserSettings(
        z_probability, np.array(delay_ps), np.array(phase_rad), np.array(contrast)
    )


def detectors(
    *,
    relative_efficiency: tuple[float, ...] = (1.0,) * 4,
    jitter_sigma_ps: tuple[float, ...] = (0.0,) * 4,
    dark_rate_hz: tuple[float, ...] = (0.0,) * 4,
    dead_time_ps: tuple[int, ...] = (0,) * 4,
    afterpulse_probability: tuple[float, ...] = (0.0,) * 4,
    afterpulse_decay_ps: tuple[float, ...] = (1e6,) * 4,
) -> DetectorSettings:
    """Four detectors, ideal unless told otherwise."""
    return DetectorSettings(
        np.array(relative_efficiency),
        np.array(jitter_sigma_ps),
        np.array(dark_rate_hz),
        np.array(dead_time_ps, dtype=np.int64),
        np.array(afterpulse_probability),
        np.array(afterpulse_decay_ps),
    )
