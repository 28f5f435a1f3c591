"""A pair of which one photon is caught, measured and sent anew: amplitudes, no draw.

Photons live on a ring of time slots one interferometer delay apart, or have two polarisations. An
analyser is the matrix of its amplitudes, outcome by input; the first half of its outcomes are those
of port +. A pair is the same slot, or polarisation, on both sides, all with equal amplitudes.
"""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Amplitudes = NDArray[np.complex128]
Probabilities = NDArray[np.float64]

SLOTS = 8
"""More than twice the two slots that anything is moved by."""


def interferometer(phase_rad: float) -> Amplitudes:
    """Half of the amplitude stays in its slot, half is one later, with a sign at port -."""
    stay = np.eye(SLOTS, dtype=np.complex128)
    late = np.roll(stay, 1, axis=0) * cmath.exp(1j * phase_rad)
    return np.vstack([(stay + sign * late) / 2.0 for sign in (1, -1)])


def polariser(phase_rad: float) -> Amplitudes:
    """Ports along (1, +-exp(i phase)) / sqrt(2)."""
    phase = cmath.exp(-1j * phase_rad)
    rows = np.array([[1.0, phase], [1.0, -phase]], dtype=np.complex128)
    return rows / math.sqrt(2.0)


def intact(first: Amplitudes, second: Amplitudes) -> Probabilities:
    """Joint probabilities of a pair, outcome of the first by outcome of the second."""
    joint: Probabilities = np.abs(first @ second.T) ** 2 / first.shape[1]
    return joint


def resent(first: Amplitudes, eve: Amplitudes, second: Amplitudes) -> Probabilities:
    """The same if the second photon is measured by ``eve`` and sent on as she has found it."""
    size = first.shape[1]
    total = np.zeros((first.shape[0], second.shape[0]))
    for row in eve:
        left = np.abs(first @ row) ** 2 / size
        found = row.conj() / np.linalg.norm(row)
        total += np.outer(left, np.abs(second @ found) ** 2)
    return total


@dataclass(frozen=True)
class Figures:
    """What two users with passive bases find."""

    peaks: tuple[float, ...]
    """Shares of the pairs by how many slots the second photon is late, from -2 to 2."""
    sifted: float
    """Share of the pairs in the central peak and in equal bases."""
    qber: float
    """Different ports in Z, equal ones in X are wrong."""


def figures(share: float, analysers: Sequence[Amplitudes]) -> Figures:
    """With a share of the photons caught; all three have the same two analysers, Z and X."""
    peaks, sifted, wrong = np.zeros(5), 0.0, 0.0
    for basis, first in enumerate(analysers):
        for its, second in enumerate(analysers):
            caught = sum(resent(first, eve, second) for eve in analysers) / 2.0
            joint = (share * caught + (1.0 - share) * intact(first, second)) / 4.0
            by_lateness, unequal = _read(joint)
            peaks += by_lateness
            if basis == its:
                sifted += by_lateness[2]
                wrong += unequal if basis == 0 else by_lateness[2] - unequal
    return Figures(tuple(peaks.tolist()), float(sifted), float(wrong / sifted))


def _read(joint: Probabilities) -> tuple[Probabilities, float]:
    """Share of each lateness, and of unequal ports at none."""
    slots = joint.shape[0] // 2
    by_lateness, unequal = np.zeros(5), 0.0
    for (one, other), probability in np.ndenumerate(joint):
        late = (other % slots - one % slots + 2) % slots if slots > 1 else 2
        if late < by_lateness.size:
            by_lateness[late] += probability
        if late == 2 and one // slots != other // slots:
            unequal += float(probability)
    return by_lateness, unequal
