"""Specs of a user's hardware: beam splitter, analysers, detectors, digitiser, clock."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from netsim.topology.base import Decibel, Probability, Radian, SecondInPs, Spec


class InterferometerSpec(Spec):
    """Analyser of one basis with both output ports detected.

    In a Franson receiver an unbalanced Michelson interferometer; in a polarisation receiver a
    polarising beam splitter behind a half-wave plate, whose phase is four times the plate's angle.
    """

    delay_ps: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    """Long path minus short path, there and back; none in a polarisation receiver."""
    phase_rad: Radian
    """Phase of the long path against the short one; 0 for Z and pi/2 for X by convention."""
    contrast: Probability = 1.0
    """Two-photon interference contrast that this interferometer leaves (1: perfect)."""
    phase_noise_rad: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Rms of what the lock of the phase leaves, fast against a round; lowers the contrast."""
    path_error_ps: Annotated[float, Field(ge=-1e3, le=1e3)] = 0.0
    """What the delay misses, too small to see but in the phase of each channel: 2 pi (f - f_ref)
    times this, f_ref being 1550 nm."""

    @property
    def effective_contrast(self) -> float:
        """Contrast with the noise of the phase averaged: exp(-sigma^2 / 2) of a Gaussian one."""
        return self.contrast * math.exp(-(self.phase_noise_rad**2) / 2.0)


class DetectorSpec(Spec):
    """Single-photon detector."""

    efficiency: Probability
    """Detection efficiency, coupling included."""
    dark_rate_hz: Annotated[float, Field(ge=0, le=1e9)]
    """Counts per second without light."""
    jitter_fwhm_ps: Annotated[float, Field(ge=0, le=1e6)]
    """Gaussian timing jitter, full width at half maximum."""
    dead_time_ps: SecondInPs
    """Non-paralysable: a click blinds the detector for this long."""
    afterpulse_probability: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Probability that a click is followed by an afterpulse."""
    afterpulse_decay_ps: Annotated[float, Field(ge=1, le=1e12)] = 1.0e6
    """Mean of the exponential delay of an afterpulse."""


class ClockSpec(Spec):
    """A user's clock: what is publicly known of it, and (optionally) its actual error."""

    offset_bound_ps: SecondInPs
    """The offset from true time lies within plus or minus this (public)."""
    rate_bound_ppm: Annotated[float, Field(ge=0, le=1000)]
    """The frequency error lies within plus or minus this (public)."""
    allan_deviation_1s: Annotated[float, Field(ge=0, le=1e-3)]
    """White frequency noise: Allan deviation at 1 s."""
    offset_ps: int | None = None
    """Actual offset; drawn uniformly within the bound if absent."""
    rate_ppm: float | None = None
    """Actual frequency error; drawn uniformly within the bound if absent."""

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if self.offset_ps is not None and abs(self.offset_ps) > self.offset_bound_ps:
            raise ValueError("offset_ps lies outside offset_bound_ps")
        if self.rate_ppm is not None and abs(self.rate_ppm) > self.rate_bound_ppm:
            raise ValueError("rate_ppm lies outside rate_bound_ppm")
        return self


class ReceiverSpec(Spec):
    """User hardware: beam splitter, two interferometers, four detectors, digitiser, clock."""

    kind: Literal["franson", "polarisation"] = "franson"
    """Whether the bases are phases between two paths, or polarisations."""
    z_probability: Probability
    """Share of the light that the beam splitter sends to the Z interferometer."""
    excess_loss_db: Decibel
    """Beam splitter and interferometer, common to both bases and all ports."""
    z: InterferometerSpec
    """Interferometer of the Z basis."""
    x: InterferometerSpec
    """Interferometer of the X basis."""
    detectors: Annotated[tuple[DetectorSpec, ...], Field(strict=False)]
    """One entry for four equal detectors, or four: Z+, Z-, X+, X-."""
    tick_ps: Annotated[int, Field(ge=1, le=1_000_000)]
    """Resolution of the digitiser; times are cut to whole ticks."""
    clock: ClockSpec
    """Clock that the digitiser counts."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.detectors) not in (1, 4):
            raise ValueError("give one detector for all four, or four: Z+, Z-, X+, X-")
        delays_ps = (self.z.delay_ps, self.x.delay_ps)
        if self.kind == "franson" and not all(delays_ps):
            raise ValueError("both interferometers need a delay_ps above 0, or kind = polarisation")
        if self.kind == "polarisation" and any(delays_ps):
            raise ValueError("a polarisation receiver has no delay_ps")
        return self

    @property
    def four_detectors(self) -> tuple[DetectorSpec, DetectorSpec, DetectorSpec, DetectorSpec]:
        """Detectors Z+, Z-, X+, X- (index = 2 * basis + port)."""
        first, *rest = self.detectors
        if not rest:
            return (first, first, first, first)
        return (first, rest[0], rest[1], rest[2])
