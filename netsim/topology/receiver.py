"""Specs of a user's hardware: beam splitter, analysers, detectors, digitiser, clock."""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from netsim.physics.encodings.drift import Drift
from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.optics import BasisOptics, Optics
from netsim.physics.encodings.phases import ConstantPhase
from netsim.physics.encodings.registry import build_encoding, encoding_class, kinds
from netsim.topology.base import Decibel, Probability, Radian, SecondInPs, Spec

RECOVERIES = 5.0
"""Of the time constants of a detector that comes back slowly, how many its user waits: exp(-5) of
its efficiency lacks then, which is worth less than 1e-4 bit of a click that comes so soon."""


class DriftSpec(Spec):
    """A phase that wanders, and the PID lock that holds it while its user is locked."""

    walk_rad_per_sqrt_s: Annotated[float, Field(ge=0, le=100)]
    """Random walk of the free phase: its standard deviation after a second."""
    reading_rad: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Error of each reading of the lock, one every 10 ms."""
    proportional: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Of the controller."""
    integral_per_s: Annotated[float, Field(gt=0, le=200)] = 5.0
    """Of the controller: about 1 / its time to lock."""
    derivative_s: Annotated[float, Field(ge=0, le=0.02)] = 0.0
    """Of the controller."""

    @model_validator(mode="after")
    def _is_stable(self) -> Self:
        if not _locked_variance(self.drift) < 1.0:
            raise ValueError("the lock does not hold the phase to a radian: it is no lock")
        return self

    @property
    def drift(self) -> Drift:
        """In plain numbers."""
        return Drift(
            self.walk_rad_per_sqrt_s,
            self.reading_rad,
            self.proportional,
            self.integral_per_s,
            self.derivative_s,
        )


class InterferometerSpec(Spec):
    """Analyser of one basis with both output ports detected.

    In a Franson receiver an unbalanced Michelson interferometer; in a polarisation receiver a
    polarising beam splitter behind a half-wave plate, whose phase is four times the plate's angle.
    A time-bin receiver has one interferometer, that of X; its Z is two slots.
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
    drift: Annotated[DriftSpec | None, Field(exclude_if=lambda value: value is None)] = None
    """How its phase wanders; it stays where it is if absent."""

    @property
    def optics(self) -> BasisOptics:
        """In plain numbers; the noise of the phase lowers the contrast by exp(-sigma^2 / 2).

        So does what the lock leaves of a drift: an average over time.
        """
        still = self.still_optics
        return replace(still, contrast=still.contrast * math.exp(-self.locked_variance / 2.0))

    @property
    def still_optics(self) -> BasisOptics:
        """The same without drift."""
        return BasisOptics(
            delay_ps=self.delay_ps,
            phase_rad=ConstantPhase(self.phase_rad),
            contrast=self.contrast * math.exp(-(self.phase_noise_rad**2) / 2.0),
            path_error_ps=self.path_error_ps,
        )

    @property
    def locked_variance(self) -> float:
        """Of the phase under lock, rad^2; 0 without drift."""
        return 0.0 if self.drift is None else _locked_variance(self.drift.drift)

    @property
    def walk_rad2_per_s(self) -> float:
        """By how much the variance of the free phase grows in a second."""
        return 0.0 if self.drift is None else self.drift.walk_rad_per_sqrt_s**2


@lru_cache(maxsize=64)
def _locked_variance(drift: Drift) -> float:
    return drift.locked_variance


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
    recovery_ps: Annotated[float, Field(ge=0, le=1e9, exclude_if=lambda value: not value)] = 0.0
    """Afterwards its efficiency comes back exponentially, with this time constant: the more light,
    the less of it is seen. Not together with afterpulses."""
    afterpulse_probability: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Probability that a click is followed by an afterpulse."""
    afterpulse_decay_ps: Annotated[float, Field(ge=1, le=1e12)] = 1.0e6
    """Mean of the exponential delay of an afterpulse."""
    delay_ps: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """How late its clicks are tagged: cables and electronics."""
    calibration_ps: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    """What the user takes off its tags for that; the delay itself if absent."""

    @model_validator(mode="after")
    def _recovers_or_echoes(self) -> Self:
        if self.recovery_ps and self.afterpulse_probability:
            raise ValueError("recovery_ps and afterpulse_probability: not both")
        return self

    @property
    def calibrated_ps(self) -> float:
        """What the user takes off the tags."""
        return float(self.delay_ps) if self.calibration_ps is None else self.calibration_ps

    @property
    def uncalibrated_ps(self) -> float:
        """What is left of the delay."""
        return self.delay_ps - self.calibrated_ps


class ClockSpec(Spec):
    """A user's clock: what is publicly known of it, and (optionally) its actual error."""

    offset_bound_ps: SecondInPs = 1_000_000_000
    """The offset from true time lies within plus or minus this (public); 1 ms, as of network
    time, if absent."""
    rate_bound_ppm: Annotated[float, Field(ge=0, le=1000)] = 0.5
    """The frequency error lies within plus or minus this (public); that of an oven-controlled
    crystal if absent."""
    allan_deviation_1s: Annotated[float, Field(ge=0, le=1e-3)] = 5e-11
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


DEFAULT_KIND = "franson"
COUNTS = ("no", "one", "two", "three", "four")


def _check_kind(kind: str) -> str:
    known = kinds()
    if kind not in known:
        shown = kind if kind.isascii() and kind.isprintable() else ascii(kind)[1:-1]
        *others, last = map(repr, known)
        raise ValueError(f"the text {shown[:40]!r} is not {', '.join(others)} or {last}")
    return kind


def _list_kinds(schema: dict[str, Any]) -> None:
    schema["enum"] = list(kinds())


ReceiverKind = Annotated[str, AfterValidator(_check_kind), Field(json_schema_extra=_list_kinds)]
"""Name of an encoding (`netsim.physics.encodings.registry`)."""


class BellSpec(Spec):
    """Bell tests: in some frames, drawn by the user, both analysers are turned.

    What a user detects in these frames is for no key. With the frames in which exactly one of two
    users has turned, the simulator measures the S of their lanes.
    """

    share: Annotated[float, Field(gt=0, lt=1)]
    """Of the frames."""
    turn_rad: Radian = math.pi / 4
    """By how much: pi/4 is the best for bases at 0 and pi/2."""


class ReceiverSpec(Spec):
    """User hardware: beam splitter, analysers of two bases, detectors, digitiser, clock."""

    kind: ReceiverKind = DEFAULT_KIND
    """What carries the qubits: phases between two paths, polarisations, or slots of pulses."""
    z_probability: Probability
    """Share of the light that the beam splitter sends to the Z interferometer."""
    excess_loss_db: Decibel
    """Beam splitter and interferometer, common to both bases and all ports."""
    z: InterferometerSpec
    """Interferometer of the Z basis."""
    x: InterferometerSpec
    """Interferometer of the X basis."""
    detectors: Annotated[tuple[DetectorSpec, ...], Field(strict=False)]
    """One entry for equal detectors, or one for each of Z+, Z-, X+, X- (of kind delayed-basis and
    time-bin, of + and -)."""
    tick_ps: Annotated[int, Field(ge=1, le=1_000_000)]
    """Resolution of the digitiser; times are cut to whole ticks."""
    clock: ClockSpec = ClockSpec()
    """Clock that the digitiser counts."""
    bell: Annotated[BellSpec | None, Field(exclude_if=lambda value: value is None)] = None
    """Frames for Bell tests; none if absent."""
    gate_ps: Annotated[
        float | None, Field(gt=0, le=1e6, exclude_if=lambda value: value is None)
    ] = None
    """Of kind time-bin: clicks count that come within half of this of the middle of a slot; all of
    the slot if absent."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = encoding_class(self.kind).detector_names()
        if len(self.detectors) not in (1, len(names)):
            count, listed = COUNTS[len(names)], ", ".join(names)
            raise ValueError(f"give one detector for all {count}, or {count}: {listed}")
        reasons = tuple(encoding_class(self.kind).faults(self.optics))
        if reasons:
            raise ValueError("; ".join(reasons))
        return self

    @property
    def optics(self) -> Optics:
        """Beam splitter and analysers in plain numbers."""
        return Optics(self.z_probability, self.z.optics, self.x.optics, self._gate_ps)

    @property
    def _gate_ps(self) -> float:
        return math.inf if self.gate_ps is None else self.gate_ps

    @property
    def encoding(self) -> Encoding:
        """What this hardware reads out of photons."""
        return build_encoding(self.kind, self.optics)

    @property
    def analysers(self) -> tuple[InterferometerSpec, InterferometerSpec]:
        """Of Z and of X."""
        return self.z, self.x

    @property
    def drifts(self) -> bool:
        """Whether a phase of it wanders."""
        return any(analyser.walk_rad2_per_s > 0.0 for analyser in self.analysers)

    def free_encoding(self, variances_rad2: tuple[float, float] = (0.0, 0.0)) -> Encoding:
        """The mean of it with phases (of Z, of X) off at random, Gaussian of these variances."""
        if not any(variances_rad2):
            return self.encoding
        z, x = (
            replace(each.optics, contrast=each.optics.contrast * math.exp(-variance / 2.0))
            for each, variance in zip(self.analysers, variances_rad2, strict=True)
        )
        return build_encoding(self.kind, Optics(self.z_probability, z, x, self._gate_ps))

    @property
    def key_share(self) -> float:
        """Share of the frames that are for key."""
        return 1.0 if self.bell is None else 1.0 - self.bell.share

    @property
    def each_detector(self) -> tuple[DetectorSpec, ...]:
        """Detectors in the order of `Encoding.detector_names`: of most kinds Z+, Z-, X+, X-."""
        names = encoding_class(self.kind).detector_names()
        return self.detectors * len(names) if len(self.detectors) == 1 else self.detectors

    @property
    def mean_efficiency(self) -> float:
        """Of the detectors, each by the share of the photons that come to it."""
        return math.fsum(
            self.encoding.port_share(port) * detector.efficiency
            for port, detector in enumerate(self.each_detector)
        )

    @property
    def dead_time_ps(self) -> int:
        """So long after a click no other click of the user counts: the longest of any detector.

        A detector that is still blind would tell a bit by published times. So it is longer where
        these hide how close clicks are, and lasts until detectors have recovered but for 0.7 %.
        """
        longest_ps = max(
            detector.dead_time_ps + math.ceil(RECOVERIES * detector.recovery_ps)
            for detector in self.detectors
        )
        return longest_ps + math.ceil(self.encoding.hidden_ps) if longest_ps else 0
