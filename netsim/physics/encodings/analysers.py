"""A passive beam splitter and one analyser a basis, both ports of each detected.

What an analyser is (an interferometer, a polarising beam splitter) is said by the paths through it:
see `franson` and `polarisation`.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from netsim.physics.encodings.interface import (
    Encoding,
    Measurement,
    Outcome,
    PairSource,
    Path,
    X,
    Z,
)
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import channel_phase_rad


class AnalyserEncoding(Encoding):
    """Detectors Z+, Z-, X+, X-: number = 2 * basis + port."""

    detectors: ClassVar[tuple[Outcome, ...]] = (
        Outcome(Z, 0),
        Outcome(Z, 1),
        Outcome(X, 0),
        Outcome(X, 1),
    )

    def __init__(self, optics: Optics) -> None:
        self.analysers = (optics.z, optics.x)
        self.z_probability = optics.z_probability

    @staticmethod
    @abstractmethod
    def paths_of(analyser: BasisOptics) -> tuple[Path, ...]:
        """Ways through an analyser, the shortest one first; two at most, equally likely."""

    def analyser(self, detector: int) -> BasisOptics:
        """The one in front of a detector."""
        return self.analysers[self.detectors[detector].basis]

    def share(self, detector: int) -> float:
        """Half of what the beam splitter sends to the basis."""
        in_z = self.detectors[detector].basis == Z
        return (self.z_probability if in_z else 1.0 - self.z_probability) / 2.0

    def paths(self, detector: int) -> tuple[Path, ...]:
        """Those of the analyser."""
        return self.paths_of(self.analyser(detector))

    def contrast(self, detector: int) -> float:
        """Of the analyser."""
        return self.analyser(detector).contrast

    def phase_rad(self, detector: int, label: int, time_ps: int) -> float:
        """Of the analyser at that time, and what its path error gives the label."""
        analyser = self.analyser(detector)
        return analyser.phase_rad(time_ps) + channel_phase_rad(label, analyser.path_error_ps)

    def settings_at(self, time_ps: int) -> tuple[float, ...]:
        """Phases of the Z and the X analyser."""
        return tuple([analyser.phase_rad(time_ps) for analyser in self.analysers])

    @property
    def side_peaks_ps(self) -> Mapping[str, float]:
        """At the distance of the longest path, where there are several."""
        ways = {"z": self.paths_of(self.analysers[Z]), "x": self.paths_of(self.analysers[X])}
        return {basis: paths[-1].late_ps for basis, paths in ways.items() if len(paths) > 1}

    def measurement(self, source: PairSource) -> Measurement:
        """Late binding of the two photons of a pair: `netsim.physics.encodings.binding`."""
        # Here, so that a topology can be read without the compiler of the kernels.
        from netsim.physics.encodings.binding import AnalyserMeasurement  # noqa: PLC0415

        return AnalyserMeasurement(self, source)
