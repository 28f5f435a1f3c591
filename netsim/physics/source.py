"""The pair source behind its demultiplexer: one photon frame per delivered channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PairLedger, PhotonFrame
from netsim.physics.emission import SplitRates, sample_poisson_times, sample_process


@dataclass(frozen=True, slots=True, eq=False)
class ProcessStream:
    """One pair process, its channels, its thinned rates and its randomness."""

    index: int
    """Number of the process; what the ledger stores."""
    channels: tuple[str, str]
    rates: SplitRates
    rng: Generator


@dataclass(frozen=True, slots=True, eq=False)
class NoiseStream:
    """Uncorrelated photons of one delivered channel, thinned to those that will be detected."""

    channel: str
    rate_hz: float
    rng: Generator


class PairSource:
    """Emits frames; holds no state but that of its random streams.

    Parameters
    ----------
    channels : sequence of str
        Delivered channels.
    processes : sequence of ProcessStream
    noises : sequence of NoiseStream
    kappa_per_ps : float
        Decay rate of the ring.
    """

    def __init__(
        self,
        channels: Sequence[str],
        processes: Sequence[ProcessStream],
        noises: Sequence[NoiseStream],
        *,
        kappa_per_ps: float,
    ) -> None:
        self._channels = tuple(channels)
        self._processes = tuple(processes)
        self._noises = tuple(noises)
        self._indices = np.array([stream.index for stream in processes], dtype=np.int64)
        self._kappa_per_ps = kappa_per_ps

    def emit(self, index: int, start_ps: int, stop_ps: int) -> dict[str, PhotonFrame]:
        """Photons born in ``[start_ps, stop_ps)``, by channel, at the source."""
        parts = {name: _Parts() for name in self._channels}
        pairs_of = np.zeros(len(self._processes), dtype=np.int64)
        for k, stream in enumerate(self._processes):
            first_row = int(pairs_of.sum())
            first_ps, second_ps, pairs = _sample(stream, self._kappa_per_ps, start_ps, stop_ps)
            for channel, times_ps in zip(stream.channels, (first_ps, second_ps), strict=True):
                if channel in parts:
                    parts[channel].add(times_ps, pairs, first_row)
            pairs_of[k] = pairs
        for noise in self._noises:
            times_ps = sample_poisson_times(noise.rng, noise.rate_hz, start_ps, stop_ps)
            parts[noise.channel].add(times_ps, 0, 0)
        ledger = PairLedger.unmeasured(np.repeat(self._indices, pairs_of))
        return {
            name: PhotonFrame(index, name, *part.joined(), ledger) for name, part in parts.items()
        }


class _Parts:
    """Photons of one channel, process by process."""

    def __init__(self) -> None:
        self._times: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        self._rows: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]

    def add(self, times_ps: NDArray[np.int64], pairs: int, first_row: int) -> None:
        """Add photons, the first ``pairs`` of which have ledger rows from ``first_row`` on."""
        rows = np.full(times_ps.size, -1, dtype=np.int64)
        rows[:pairs] = np.arange(first_row, first_row + pairs)
        self._times.append(times_ps)
        self._rows.append(rows)

    def joined(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Times and pair rows of all photons."""
        return np.concatenate(self._times), np.concatenate(self._rows)


def _sample(
    stream: ProcessStream, kappa_per_ps: float, start_ps: int, stop_ps: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    rates = stream.rates
    return sample_process(
        stream.rng,
        rates.both_hz,
        rates.only_first_hz,
        rates.only_second_hz,
        kappa_per_ps,
        start_ps,
        stop_ps,
    )
