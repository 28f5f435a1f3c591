"""Polarisation receivers: each basis is an angle of a polarising beam splitter.

There is one path, so every pair interferes and there are no side peaks. The phase of an analyser is
four times the angle of the half-wave plate in front of it.
"""

from collections.abc import Iterator
from typing import ClassVar

from netsim.physics.encodings.analysers import AnalyserEncoding
from netsim.physics.encodings.interface import Path
from netsim.physics.encodings.optics import BasisOptics, Optics


class Polarisation(AnalyserEncoding):
    """One path to each detector."""

    carrier: ClassVar[str] = "polarisation"
    is_turned: ClassVar[bool] = True
    modes: ClassVar[int] = 2

    @classmethod
    def faults(cls, optics: Optics) -> Iterator[str]:
        """An analyser that delays."""
        if optics.z.delay_ps or optics.x.delay_ps:
            yield "a polarisation receiver has no delay_ps"

    @staticmethod
    def paths_of(analyser: BasisOptics) -> tuple[Path, ...]:  # noqa: ARG004 - none has a delay
        """The only one."""
        return (Path(0.0, 1.0),)
