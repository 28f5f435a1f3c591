"""Two detectors and the basis in a delay: the receivers of Joshi et al. 2020 and Wang et al. 2026.

A beam splitter sends a photon at once, or through a half-wave plate and a delay, to one and the
same polarising beam splitter with a detector at either port. Two users on the same path, which is
the same basis, meet in the central peak; on different ones, in a side peak each. The two paths come
to the polarising beam splitter from different sides, so that behind it the polarisation still
tells them apart: they do not interfere with each other.

A click does not say its basis, and neither does the central peak, for both of its bases lie there.
So the bit is the port, which has to agree in either basis: the source is set to the state whose
fringe is in the difference of the two phases. Sifted bits are the whole peak, half of each basis;
their error rate is the mean of both, and there is none of each. All clicks count as of one basis,
so accidentals are not halved by sifting as those of four detectors are.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import PhotonFrame
from netsim.physics.encodings.interface import (
    AT_HAND,
    Encoding,
    Measurement,
    Outcome,
    PairSource,
    Path,
    X,
    Z,
)
from netsim.physics.encodings.joint import Joint, Peak, Window
from netsim.physics.encodings.optics import Optics
from netsim.physics.encodings.polarisation import Polarisation
from protocols.tags import DETECTOR_BITS

_LONG = 2
"""Bit of a packed click behind two analysers that says which of them it was."""
_ALIGNED_RAD = 1e-9


class Port(Outcome):
    """A detector of both bases; counted as one of the first."""

    def __str__(self) -> str:
        return "+-"[self.port]


@dataclass(frozen=True, slots=True)
class PathsApart(Joint):
    """Paths that do not interfere with each other: each peak has a correlation of its own.

    Attributes
    ----------
    correlations : tuple of float
        What both analysers leave to the pairs of each peak.
    """

    correlations: tuple[float, ...] = ()

    def shares(self, window: Window) -> tuple[float, float]:
        """As of any `Joint`, correlations counted with what interferes."""
        return math.fsum(self.terms(window)), math.fsum(map(window.share, self.peaks))

    def terms(self, window: Window) -> tuple[float, ...]:
        """Of each peak of equal paths."""
        return tuple(
            correlation * window.share(peak)
            for correlation, peak in zip(self.correlations, self.peaks, strict=True)
            if peak.interferes
        )


class DelayedBasis(Encoding):
    """Detectors + and -, each reached by the short path (Z) and by the long one (X)."""

    carrier: ClassVar[str] = "delayed-basis polarisation"
    is_turned: ClassVar[bool] = True
    modes: ClassVar[int] = 2
    tells_bases: ClassVar[bool] = False
    partner_sign: ClassVar[int] = -1
    detectors: ClassVar[tuple[Outcome, ...]] = (Port(Z, 0), Port(Z, 1))

    def __init__(self, optics: Optics) -> None:
        self._late_ps = optics.x.delay_ps
        self._analysers = Polarisation(replace(optics, x=replace(optics.x, delay_ps=0.0)))

    @classmethod
    def faults(cls, optics: Optics) -> Iterator[str]:
        """Delays, phases and shares with which the bases are not two, or not alike."""
        if optics.z.delay_ps or not optics.x.delay_ps:
            yield "a receiver with its basis in a delay has a delay_ps above 0 in x and none in z"
        if optics.z_probability != 0.5:
            yield "z_probability is 0.5 where nobody can tell the bases apart"
        phases_rad = optics.z.phase_rad(0), optics.x.phase_rad(0)
        if any(
            abs(is_rad - meant_rad) > _ALIGNED_RAD
            for is_rad, meant_rad in zip(phases_rad, (0.0, math.pi / 2), strict=True)
        ):
            yield "phase_rad of z is 0 and that of x pi/2: both bases have to agree in their ports"
        if optics.z.path_error_ps or optics.x.path_error_ps:
            yield "paths that do not interfere have no path_error_ps"

    @property
    def side_peaks_ps(self) -> Mapping[str, float]:
        """At the delay."""
        return {"x": self._late_ps}

    def share(self, detector: int) -> float:  # noqa: ARG002 - both get the same
        """Half of the light."""
        return 0.5

    def bases_of(self, detector: int) -> tuple[int, ...]:  # noqa: ARG002 - they are the same to both
        """Both, each by its path."""
        return Z, X

    def paths(self, detector: int) -> tuple[Path, ...]:  # noqa: ARG002 - they are the same to both
        """The short one and the long one."""
        return Path(0.0, 0.5), Path(self._late_ps, 0.5)

    def contrast(self, detector: int) -> float:
        """Mean of both analysers; pairs have that of their path, see `joint`."""
        bases = (self._analysers.contrast(detector + _LONG * basis) for basis in (Z, X))
        return math.fsum(bases) / 2.0

    def phase_rad(self, detector: int, label: int, time_ps: int) -> float:  # noqa: ARG002
        """None: the analysers of two users stand alike."""
        return 0.0

    def settings_at(self, time_ps: int) -> tuple[float, ...]:
        """Phases of both analysers."""
        return self._analysers.settings_at(time_ps)

    def joint(self, detector: int, other: Encoding, its: int) -> Joint:
        """Pairs on equal paths agree in their ports, by the contrast of both analysers."""
        if not isinstance(other, DelayedBasis):
            raise TypeError(f"{other.carrier} shares no basis with {self.carrier}")
        own, theirs = self.paths(detector), other.paths(its)
        ways = [(i, j) for i in (Z, X) for j in (Z, X)]
        return PathsApart(
            peaks=tuple(
                Peak(
                    theirs[j].late_ps - own[i].late_ps,
                    own[i].probability * theirs[j].probability,
                    i == j,
                )
                for i, j in ways
            ),
            contrasts=(1.0, 1.0),
            late_ps=(0.0, 0.0),
            sign=self.detectors[detector].sign * other.detectors[its].sign,
            correlations=tuple(
                self._contrast_of(i) * other._contrast_of(j) if i == j else 0.0  # noqa: SLF001
                for i, j in ways
            ),
        )

    def _contrast_of(self, basis: int) -> float:
        return self._analysers.contrast(_LONG * basis)

    def measurement(self, source: PairSource) -> Measurement:
        """That of two polarisation analysers whose ports share two detectors."""
        # Here, so that a topology can be read without the compiler of the kernels.
        from netsim.physics.encodings.binding import AnalyserMeasurement  # noqa: PLC0415

        analysers = AnalyserMeasurement(self._analysers, source, partner_sign=self.partner_sign)
        return _Shared(analysers, self._late_ps)


class _Shared:
    """Four outcomes of two analysers at two detectors, those of the second one late."""

    def __init__(self, analysers: Measurement, late_ps: float) -> None:
        self._analysers = analysers
        self._late = round(late_ps) << DETECTOR_BITS

    def measure(
        self,
        rng: Generator,
        frames: Sequence[PhotonFrame],
        *,
        time_ps: int,
        ahead_ps: Mapping[str, int] = AT_HAND,
    ) -> NDArray[np.int64]:
        """As `netsim.physics.encodings.interface.Measurement`."""
        arrivals = self._analysers.measure(rng, frames, time_ps=time_ps, ahead_ps=ahead_ps)
        is_long = (arrivals & _LONG) // _LONG
        return arrivals + is_long * (self._late - _LONG)
