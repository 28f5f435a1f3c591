"""Specs of the pair source: a ring with any number of pumps, or a crystal.

Both say how bright a pair of channels is and how pure its interference; which channels pair is
worked out in `netsim.topology.processes`.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from netsim.physics.pulses import Pulses
from netsim.physics.shapes import BunchShape, PairShape
from netsim.physics.wavefunction import FilterShape
from netsim.topology.base import (
    Decibel,
    LinewidthHz,
    NonNegative,
    Positive,
    Probability,
    Radian,
    Spec,
)
from netsim.topology.labels import Channel, Pair, label_of
from netsim.units import FWHM_PER_SIGMA, frequency_hz_from_label

Statistics = Literal["poisson", "thermal", "gaussian"]
PowerMw = Annotated[float, Field(ge=0, le=1e6)]


class PumpSpec(Spec):
    """One continuous-wave pump laser."""

    channel: Channel
    """ITU label; all pumps lie on the comb of the ring."""
    power_mw: PowerMw
    """Power in the fibre before the chip."""
    frequency_noise_hz: Annotated[float, Field(ge=0, le=1e12)] = 0.0
    """Rms wander of its frequency, which blurs the phase of the pairs."""


class PairFactorSpec(Spec):
    """What sets one pair process apart from the others."""

    channels: Pair
    """The two channels of the process, in any order; one of them at least is delivered."""
    factor: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    """Multiplies the brightness of this process (g in R = B m P_i P_j g)."""
    contrast: Probability | None = None
    """Two-photon interference contrast V0 of this process; the source's default if absent."""
    phase_rad: Radian = 0.0
    """What is left of the phase of this channel pair (phi_0)."""


class DetuningSpec(Spec):
    """How far the pumps stand from the resonances of the ring, and the lock that follows these.

    All resonances move alike with the temperature of the ring. Under lock the pumps follow them,
    which moves the sum of the frequencies of each pair; without lock the pumps stay, and lose power
    in the ring.
    """

    temperature_k: Annotated[float, Field(ge=-100, le=100)] = 0.0
    """Of the ring, less that at which resonances and free pumps meet."""
    tuning_hz_per_k: Annotated[float, Field(ge=0, le=1e12)] = 2.5e9
    """By how much resonances fall with each kelvin; some 2.5 GHz in silicon nitride."""
    is_locked: bool = True
    """Whether the pumps follow the resonances."""
    residual_hz: NonNegative = 0.0
    """Rms of the detuning that the lock leaves, fast against a round."""
    wander_k: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Rms of what the temperature does without being followed, fast against a round."""

    @property
    def pump_shift_hz(self) -> float:
        """By how much each pump stands off where it is at the temperature 0."""
        return -self.temperature_k * self.tuning_hz_per_k if self.is_locked else 0.0

    @property
    def mean_hz(self) -> float:
        """Each pump less its resonance."""
        return 0.0 if self.is_locked else self.temperature_k * self.tuning_hz_per_k

    @property
    def rms_hz(self) -> float:
        """About that mean."""
        return self.residual_hz if self.is_locked else self.wander_k * self.tuning_hz_per_k


class RingDataSpec(Spec):
    """Numbers of the chip that its brightness follows from."""

    gamma_per_w_m: Annotated[float, Field(gt=0, le=1e9)]
    """Nonlinear coefficient of the waveguide."""
    group_index: Annotated[float, Field(ge=1, le=10)]
    """Of the waveguide."""
    radius_um: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Of the ring; from its free spectral range if absent."""


MIN_PERIOD_SLOTS = 3
MAX_WIDTH_SLOTS = 0.25


class PulsesSpec(Spec):
    """Double pulses of the pump, for time bins: pairs are born in either of two slots.

    Both are cut out of one continuous wave: where its frequency moves, so does their phase.
    """

    slot_ps: Annotated[int, Field(ge=10, le=100_000)]
    """From the first pulse to the second, and the delay of the users' interferometers."""
    period_ps: Annotated[int, Field(ge=30, le=10_000_000)]
    """From one double pulse to the next, at least three slots."""
    width_fwhm_ps: Annotated[float, Field(ge=0, le=25_000)] = 0.0
    """Gaussian, full width at half maximum, timing jitter of the pump included; at most a quarter
    of a slot."""
    modes: Annotated[float, Field(ge=1, le=1e9)] | None = None
    """Modes of the pairs of a pulse: 1 makes their number thermal; Poissonian if absent."""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.period_ps < MIN_PERIOD_SLOTS * self.slot_ps:
            raise ValueError(f"period_ps is at least {MIN_PERIOD_SLOTS} slots")
        if self.width_fwhm_ps > MAX_WIDTH_SLOTS * self.slot_ps:
            raise ValueError("width_fwhm_ps is at most a quarter of a slot")
        return self

    @property
    def pulses(self) -> Pulses:
        """In plain numbers."""
        modes = math.inf if self.modes is None else self.modes
        return Pulses(self.slot_ps, self.period_ps, self.width_fwhm_ps / FWHM_PER_SIGMA, modes)


class _SourceSpec(Spec):
    """What both kinds of source have."""

    linewidth_hz: LinewidthHz | None = None
    """Full width at half maximum of the photons' line; kappa = 2 pi linewidth."""
    filter_shape: FilterShape = "lorentzian"
    """What the time between two photons follows from: resonances or filters of either photon with
    this line, a band of this full width, or a Gaussian spectrum of this full width of the pairs."""
    contrast: Probability
    """Default contrast V0 of the pair processes."""
    pairs: Annotated[tuple[PairFactorSpec, ...], Field(strict=False)] = ()
    """Processes that differ from the others."""
    self_pairs: Literal["refuse", "deliver"] = "refuse"
    """Whether a channel may be delivered both of whose photons of one process are born in it."""
    statistics: Statistics = "poisson"
    """thermal: pairs of a process come in bunches within the coherence time, as in one mode.
    gaussian: so do photons of each channel, and of channels that share partners."""
    hidden_bits: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """A source under Eve's control: each photon is told beforehand what to do, so that bases at 0
    and pi/2 look as they should and Bell's inequality holds; the key is hers."""
    pulses: Annotated[PulsesSpec | None, Field(exclude_if=lambda value: value is None)] = None
    """Of the pump, whose mean power makes the mean rate; it is continuous if absent."""

    @model_validator(mode="after")
    def _plain_pulses(self) -> Self:
        if self.pulses is None:
            return self
        if self.statistics != "poisson":
            raise ValueError("with pulses, statistics is poisson: say pulses.modes instead")
        if self.hidden_bits:
            raise ValueError("a pulsed source hides no bits")
        return self

    @property
    def pump_pulses(self) -> Pulses | None:
        """Its pulses in plain numbers."""
        return None if self.pulses is None else self.pulses.pulses

    @property
    def bandwidth_hz(self) -> float:
        """Width of the photons' line (full at half maximum), however it is given."""
        raise NotImplementedError

    @property
    def exit_loss_db(self) -> float:
        """What a photon loses between its birth and the provider's filters."""
        raise NotImplementedError

    @property
    def pair_shape(self) -> PairShape:
        """How the photons of a pair lie in time where they are born."""
        return PairShape(self.bandwidth_hz, self.filter_shape, pulses=self.pump_pulses)

    @property
    def bunch_shape(self) -> BunchShape:
        """The same of two photons that share a partner."""
        return BunchShape(self.bandwidth_hz, self.filter_shape)


class RingSourceSpec(_SourceSpec):
    """Microring pumped by continuous-wave lasers: photon pairs by spontaneous four-wave mixing."""

    kind: Literal["ring"] = "ring"
    """Kind of source."""
    brightness_hz_per_mw2: NonNegative | None = None
    """B in R = B m P_i P_j g: pairs per second and mW^2 of pump power in the chip."""
    ring: RingDataSpec | None = None
    """Device numbers instead of a brightness."""
    quality_factor: Annotated[float, Field(ge=1, le=1e12)] | None = None
    """Loaded Q of the resonances at the first pump, instead of their linewidth."""
    comb_spacing_labels: Annotated[int, Field(ge=1, le=1000)]
    """Free spectral range in ITU labels (2 labels are 200 GHz); pumps lie on the comb."""
    dispersion_hz: Annotated[float, Field(ge=-1e12, le=1e12)] = 0.0
    """D_2 / (2 pi): change of the free spectral range from one resonance to the next; pairs far
    from the pumps get weaker with it."""
    facet_loss_db: Decibel
    """One facet of the chip: lowers the pump power going in and the photons coming out."""
    escape_loss_db: Decibel
    """A photon born in the ring leaves it through the bus waveguide with this loss."""
    pumps: Annotated[tuple[PumpSpec, ...], Field(min_length=1, strict=False)]
    """Pairs are born where the labels of two photons add up to those of two pumps."""
    detuning: Annotated[DetuningSpec | None, Field(exclude_if=lambda value: value is None)] = None
    """How far pumps stand from their resonances; on them if absent."""
    statistics: Statistics = "gaussian"
    """As of a crystal; but processes of one comb share their channels, and with them vacuum."""

    @model_validator(mode="after")
    def _one_way_each(self) -> Self:
        if (self.brightness_hz_per_mw2 is None) == (self.ring is None):
            raise ValueError("give either brightness_hz_per_mw2 or the numbers of the ring")
        if (self.linewidth_hz is None) == (self.quality_factor is None):
            raise ValueError("give either linewidth_hz or quality_factor")
        return self

    @property
    def bandwidth_hz(self) -> float:
        """Width of the resonances."""
        if self.linewidth_hz is not None:
            return self.linewidth_hz
        frequency_hz = frequency_hz_from_label(label_of(self.pumps[0].channel))
        return frequency_hz / (self.quality_factor or 1.0)

    @property
    def exit_loss_db(self) -> float:
        """From the ring into the fibre."""
        return self.escape_loss_db + self.facet_loss_db


class CrystalSourceSpec(_SourceSpec):
    """Crystal or waveguide pumped by one laser: spontaneous parametric down-conversion (SPDC)."""

    kind: Literal["spdc"]
    """Kind of source."""
    brightness_hz_per_mw: NonNegative
    """Pairs per second and mW of pump power, in two channels at the centre of the spectrum."""
    pump_power_mw: PowerMw
    """Of the one pump, which has twice the frequency of the photons' mean."""
    sum_labels: Annotated[int, Field(ge=0, le=2000)]
    """Labels of the two photons add up to this."""
    bandwidth_labels: Positive | None = None
    """Spectrum of single photons: full width at half maximum; flat if absent."""
    coupling_loss_db: Decibel
    """From the crystal into the fibre."""

    @model_validator(mode="after")
    def _has_a_line(self) -> Self:
        if self.linewidth_hz is None:
            raise ValueError("linewidth_hz is missing: that of the channels' filters")
        return self

    @property
    def bandwidth_hz(self) -> float:
        """Width of the channels' filters, which the photons' line is cut to."""
        return self.linewidth_hz or 0.0

    @property
    def exit_loss_db(self) -> float:
        """From the crystal into the fibre."""
        return self.coupling_loss_db


RING, SPDC = "ring", "spdc"


def _kind(source: object) -> str:
    """Which of the two a source is; a ring unless it says otherwise."""
    kind = source.get("kind") if isinstance(source, Mapping) else getattr(source, "kind", RING)
    return SPDC if kind == SPDC else RING


SourceSpec = Annotated[
    Annotated[RingSourceSpec, Tag(RING)] | Annotated[CrystalSourceSpec, Tag(SPDC)],
    Discriminator(_kind),
]
"""Either kind; the key ``kind`` tells them apart."""
