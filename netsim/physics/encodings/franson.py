"""Franson receivers: each basis is a phase between the two paths of an interferometer.

An analyser is an unbalanced Michelson interferometer (UMI): a photon comes out early or late. Pairs
on equal paths, which cannot be told apart, interfere [1]_; the others make side peaks.

References
----------
.. [1] J. D. Franson, Phys. Rev. Lett. 62, 2205 (1989).
"""

from collections.abc import Iterator
from typing import ClassVar

from netsim.physics.encodings.analysers import AnalyserEncoding
from netsim.physics.encodings.interface import Path
from netsim.physics.encodings.optics import BasisOptics, Optics


class Franson(AnalyserEncoding):
    """Short path and long path, equally likely."""

    carrier: ClassVar[str] = "time-bin"

    @classmethod
    def faults(cls, optics: Optics) -> Iterator[str]:
        """An interferometer with equal paths."""
        if not (optics.z.delay_ps and optics.x.delay_ps):
            yield "both interferometers need a delay_ps above 0, or kind = polarisation"

    @staticmethod
    def paths_of(analyser: BasisOptics) -> tuple[Path, ...]:
        """The short one and the long one."""
        return Path(0.0, 0.5), Path(analyser.delay_ps, 0.5)
