"""A Franson fringe: one interferometer a side, the phase of one of them scanned.

Shared by Fig. 3d-f and Table 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netsim.reproduce.fan2025.bench import fringe_bench
from netsim.reproduce.item import Measured
from netsim.studies.estimates import Estimate
from netsim.studies.fits import Fringe, fit_fringe, generator, reduced_chi_square
from netsim.studies.shots import Shot
from netsim.topology.specs import TopologySpec

PORT = 0
"""Detector Z+: the one output port of each interferometer that is looked at."""


@dataclass(frozen=True, slots=True)
class FringeScan:
    """A scan of alpha at fixed beta.

    Attributes
    ----------
    name : str
        Path of its shots.
    channels : (str, str)
        Alpha turns the interferometer of the first, beta that of the second.
    steps : int
        Phases, equally spaced over one turn.
    light_s : float
        At each phase.
    """

    name: str
    topology: TopologySpec
    channels: tuple[str, str]
    beta_rad: float
    steps: int
    light_s: float

    @property
    def alphas_rad(self) -> tuple[float, ...]:
        """All phases."""
        return tuple(2.0 * math.pi * k / self.steps for k in range(self.steps))

    def shots(self) -> tuple[Shot, ...]:
        """One a phase."""
        return tuple(
            Shot(
                f"{self.name}/alpha{k}",
                fringe_bench(self.topology, self.channels, (alpha_rad, self.beta_rad)),
                self.light_s,
            )
            for k, alpha_rad in enumerate(self.alphas_rad)
        )

    def read(self, measured: Measured) -> "MeasuredFringe":
        """What the shots counted."""
        counts, twin, singles = [], [], []
        for k in range(self.steps):
            shot = measured[f"{self.name}/alpha{k}"]
            count, expected = shot.matches(self.channels, PORT, PORT)
            counts.append(count)
            twin.append(expected)
            singles.append(shot.singles_hz(self.channels[0], PORT))
        light_s = measured[f"{self.name}/alpha0"].light_s
        fringe = fit_fringe(generator(self.name), self.alphas_rad, counts, twin)
        return MeasuredFringe(self, light_s, tuple(counts), tuple(twin), fringe, tuple(singles))


@dataclass(frozen=True, slots=True)
class MeasuredFringe:
    """Counts of a scan and the fitted fringe.

    Attributes
    ----------
    counts : tuple of int
        Coincidences of ports Z+ and Z+ at each phase.
    twin : tuple of float
        How many the twin expects.
    singles : tuple of Estimate
        Of the scanned channel's port Z+ at each phase.
    """

    scan: FringeScan
    light_s: float
    counts: tuple[int, ...]
    twin: tuple[float, ...]
    fringe: Fringe
    singles: Sequence[Estimate]

    def flatness(self) -> Estimate:
        """Chi-square per degree of freedom of the singles against a constant."""
        clicks = [round(single.value * self.light_s) for single in self.singles]
        expected_hz = math.fsum(single.twin or 0.0 for single in self.singles) / len(clicks)
        return reduced_chi_square(clicks, expected_hz * self.light_s)
