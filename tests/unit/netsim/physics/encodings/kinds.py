"""Receivers of other kinds, as somebody would add them: one class each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import CONSUMED, UNMEASURED, PhotonFrame
from netsim.physics.encodings.interface import AT_HAND, Encoding, Outcome, PairSource, Path, Z
from netsim.physics.encodings.optics import Optics
from netsim.physics.encodings.polarisation import Polarisation

STEP_PS = 200_000_000_000
"""When the plates of `Stepped` turn."""


class Turned(Polarisation):
    """All plates turned by an eighth: two users together see pi more, equal becomes opposite."""

    def phase_rad(self, detector: int, label: int, time_ps: int) -> float:
        """That of the analyser, turned."""
        return super().phase_rad(detector, label, time_ps) + math.pi / 2


@dataclass(frozen=True)
class Step:
    """A phase that jumps by pi / 2 at `STEP_PS`."""

    start_rad: float

    def __call__(self, time_ps: int) -> float:
        """Before and after the step."""
        return self.start_rad + (math.pi / 2 if time_ps >= STEP_PS else 0.0)


class Stepped(Polarisation):
    """Polarisation whose plates turn during a run."""

    def __init__(self, optics: Optics) -> None:
        z, x = (replace(b, phase_rad=Step(b.phase_rad(0))) for b in (optics.z, optics.x))
        super().__init__(replace(optics, z=z, x=x))


class OneBasis(Encoding):
    """A polarising beam splitter and two detectors; there is no other basis."""

    carrier: ClassVar[str] = "polarisation"
    modes: ClassVar[int] = 2
    detectors: ClassVar[tuple[Outcome, ...]] = (Outcome(Z, 0), Outcome(Z, 1))

    def __init__(self, optics: Optics) -> None:
        self.optics = optics

    @property
    def side_peaks_ps(self) -> Mapping[str, float]:
        """None."""
        return {}

    def share(self, detector: int) -> float:  # noqa: ARG002
        """Half of the light."""
        return 0.5

    def paths(self, detector: int) -> tuple[Path, ...]:  # noqa: ARG002
        """One."""
        return (Path(0.0, 1.0),)

    def contrast(self, detector: int) -> float:  # noqa: ARG002
        """That of the Z analyser."""
        return self.optics.z.contrast

    def phase_rad(self, detector: int, label: int, time_ps: int) -> float:  # noqa: ARG002
        """That of the Z analyser."""
        return self.optics.z.phase_rad(time_ps)

    def settings_at(self, time_ps: int) -> tuple[float, ...]:
        """The only phase."""
        return (self.optics.z.phase_rad(time_ps),)

    def measurement(self, source: PairSource) -> "OneBasisMeasurement":
        """A slow one."""
        return OneBasisMeasurement(self, source)


class OneBasisMeasurement:
    """Photon by photon."""

    def __init__(self, encoding: OneBasis, source: PairSource) -> None:
        self._encoding, self._source = encoding, source

    def measure(
        self,
        rng: Generator,
        frames: Sequence[PhotonFrame],
        *,
        time_ps: int,
        ahead_ps: Mapping[str, int] = AT_HAND,
    ) -> NDArray[np.int64]:
        """Frame by frame."""
        return np.concatenate(
            [
                self._measured(rng, frame, time_ps) + (ahead_ps.get(frame.channel, 0) << 2)
                for frame in frames
            ]
        )

    def _measured(self, rng: Generator, frame: PhotonFrame, time_ps: int) -> NDArray[np.int64]:
        """Ports at random; the second of a pair by the first."""
        ports = rng.integers(0, 2, frame.times_ps.size)
        rows, ledger = frame.pair_rows, frame.ledger
        phase_rad = self._encoding.phase_rad(0, 0, time_ps)
        for k in np.flatnonzero(rows >= 0):
            row, earlier = rows[k], ledger.outcome[rows[k]]
            if earlier == UNMEASURED:
                ledger.outcome[row], ledger.phase_rad[row] = ports[k], phase_rad
                continue
            pairs = (*self._source.processes, *self._source.bunchings)[ledger.process[row]]
            sign = 1 if ledger.process[row] < len(self._source.processes) else -1
            total_rad = phase_rad + sign * ledger.phase_rad[row] + pairs.phase_rad
            is_same = rng.random() < 0.5 * (1 + pairs.contrast * math.cos(total_rad))
            ports[k] = earlier if is_same else 1 - earlier
            ledger.outcome[row] = CONSUMED
        packed: NDArray[np.int64] = (frame.times_ps << 2) | ports
        return packed
