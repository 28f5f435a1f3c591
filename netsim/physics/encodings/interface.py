"""What an encoding is: paths, peaks, fringe, detectors and the measurement of photons.

An encoding is built from plain optics and never changes. Of two users the one asked is the first,
the other the argument; detectors are numbered as in the clicks.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PhotonFrame
from netsim.physics.encodings.optics import Optics
from netsim.physics.encodings.peaks import Peak, Window
from netsim.physics.pairs import drift_contrast
from netsim.physics.rates import kappa_per_ps, mismatch_contrast

Z, X = 0, 1


class Outcome(NamedTuple):
    """What a click of a detector says."""

    basis: int
    """`Z` or `X`."""
    port: int
    """0 for +, 1 for -."""

    @property
    def sign(self) -> int:
        """+1 or -1: the output port."""
        return 1 - 2 * self.port

    def __str__(self) -> str:
        return "ZX"[self.basis] + "+-"[self.port]


class Path(NamedTuple):
    """One way through the receiver to a detector."""

    late_ps: float
    """Behind the shortest one."""
    probability: float
    """That a photon which this detector gets has come this way."""


class Coherence(Protocol):
    """How pure the interference of one pair process is."""

    @property
    def contrast(self) -> float:
        """V0, with perfect analysers."""
        ...

    @property
    def phase_rad(self) -> float:
        """phi_0: what is left of the phase of the two channels."""
        ...

    @property
    def frequency_noise_hz(self) -> float:
        """Rms wander of the sum of the two photons' frequencies."""
        ...


@dataclass(frozen=True, slots=True)
class PairSource:
    """What the interference of pairs depends on, besides the two receivers.

    Attributes
    ----------
    processes : sequence of Coherence
        In the order of the ledger's indices.
    linewidth_hz : float
        Of the ring.
    """

    processes: Sequence[Coherence]
    linewidth_hz: float


class Measurement(Protocol):
    """Measures the photons of one source, frame by frame."""

    def measure(self, rng: Generator, frame: PhotonFrame, *, time_ps: int) -> NDArray[np.int64]:
        """Send the photons of a frame through the receiver, up to its detectors.

        The frame's ledger is updated: a row takes two measurements.

        Parameters
        ----------
        rng : Generator
        frame : PhotonFrame
            At the receiver.
        time_ps : int
            True time at which settings that depend on it are taken.

        Returns
        -------
        (N,) int64
            ``time_ps << 2 | detector`` of each photon, in the order of the frame.

        Raises
        ------
        ValueError
            If a pair is measured a third time.
        """
        ...


class Encoding(ABC):
    """One user's receiver as what it reads out of photons."""

    carrier: ClassVar[str]
    """What carries the qubit: two receivers with different carriers share no basis."""
    detectors: ClassVar[tuple[Outcome, ...]]
    """What each detector stands for, by its number; packed clicks hold four numbers."""

    @abstractmethod
    def __init__(self, optics: Optics) -> None: ...

    @classmethod
    def faults(cls, optics: Optics) -> Iterator[str]:  # noqa: ARG003 - for those that refuse some
        """Reasons why no such receiver has these optics."""
        yield from ()

    @property
    @abstractmethod
    def side_peaks_ps(self) -> Mapping[str, float]:
        """How far side peaks lie from the central one, by basis (``"z"``, ``"x"``).

        A basis without side peaks is left out.
        """

    @property
    def longest_ps(self) -> float:
        """How much later than on the shortest path a photon can come."""
        return max(
            path.late_ps for detector in range(len(self.detectors)) for path in self.paths(detector)
        )

    @abstractmethod
    def share(self, detector: int) -> float:
        """Probability that a photon goes to a detector; over all detectors they add up to 1."""

    @abstractmethod
    def paths(self, detector: int) -> tuple[Path, ...]:
        """Ways to a detector."""

    def peaks(self, detector: int, other: "Encoding", its: int) -> tuple[Peak, ...]:
        """Coincidences of a detector of each user; weights add up to 1.

        Paths with the same place in both lists cannot be told apart, so pairs on them interfere.
        """
        return tuple(
            Peak(theirs.late_ps - own.late_ps, own.probability * theirs.probability, i == j)
            for i, own in enumerate(self.paths(detector))
            for j, theirs in enumerate(other.paths(its))
        )

    @abstractmethod
    def contrast(self, detector: int) -> float:
        """Contrast that the analyser in front of a detector leaves to pairs."""

    def visibility(
        self,
        detector: int,
        other: "Encoding",
        its: int,
        *,
        contrast: float,
        frequency_noise_hz: float,
        linewidth_hz: float,
    ) -> float:
        """Contrast of pairs where they interfere.

        Lowered by both analysers, by a sum frequency that wanders, and by delays that differ.

        Parameters
        ----------
        detector, its : int
            Of this receiver, and of the ``other`` one.
        other : Encoding
        contrast, frequency_noise_hz : float
            V0 of the pairs, and the rms wander of the sum of their frequencies.
        linewidth_hz : float
            Of the ring.
        """
        own_ps, its_ps = self.paths(detector)[-1].late_ps, other.paths(its)[-1].late_ps
        left = contrast * self.contrast(detector) * other.contrast(its)
        left *= drift_contrast(frequency_noise_hz=frequency_noise_hz, delay_ps=its_ps)
        return left * mismatch_contrast(its_ps - own_ps, kappa_per_ps(linewidth_hz))

    @abstractmethod
    def phase_rad(self, detector: int, label: int, time_ps: int) -> float:
        """Phase that a photon of an ITU label gets on its way to a detector."""

    def pair_share(
        self,
        detector: int,
        other: "Encoding",
        its: int,
        *,
        pairs: Coherence,
        labels: tuple[int, int],
        window: Window,
        time_ps: int,
    ) -> float:
        """Share of the pairs that the window holds, relative to independent ports.

        Of all pairs with a photon for either of the two detectors; where they interfere, they weigh
        1 + s t V cos(phi_u + phi_v + phi_0), with s and t the signs of the ports.
        """
        interfering, others = window.shares(self.peaks(detector, other, its))
        phase_rad = pairs.phase_rad + (
            self.phase_rad(detector, labels[0], time_ps) + other.phase_rad(its, labels[1], time_ps)
        )
        visibility = self.visibility(
            detector,
            other,
            its,
            contrast=pairs.contrast,
            frequency_noise_hz=pairs.frequency_noise_hz,
            linewidth_hz=window.linewidth_hz,
        )
        sign = self.detectors[detector].sign * other.detectors[its].sign
        return interfering * (1.0 + sign * visibility * math.cos(phase_rad)) + others

    @abstractmethod
    def measurement(self, source: PairSource) -> Measurement:
        """Measurement of the photons of this source.

        A photon that belongs to no pair whose partner will be detected is one like any other.
        """
