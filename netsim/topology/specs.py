"""Frozen specs of a network: what a topology file may say, its units and its ranges.

A spec knows its own fields and nothing of other specs; what holds between them (a channel given to
two users, a label on a pump) is checked in `netsim.topology.checks`.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Spec(BaseModel):
    """Base of all specs: frozen, unknown keys refused, no silent conversion, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _check_name(name: str) -> str:
    if not name or not all(c.isascii() and (c.isalnum() or c in "_-") for c in name):
        raise ValueError("a name consists of ASCII letters, digits, '_' and '-'")
    return name


def _check_label(channel: str) -> str:
    if not (channel.startswith("C") and channel[1:].isdecimal() and str(int(channel[1:])) == channel[1:]):
        raise ValueError("a channel is an ITU label such as 'C38'")
    return channel


Name = Annotated[str, AfterValidator(_check_name)]
Channel = Annotated[str, AfterValidator(_check_label)]
Pair = Annotated[tuple[Channel, Channel], Field(strict=False)]


def label_of(channel: str) -> int:
    """ITU label of a channel name: 38 of ``"C38"``."""
    return int(channel[1:])


def channel_of(label: int) -> str:
    """Channel name of an ITU label: ``"C38"`` of 38."""
    return f"C{label}"


class PumpSpec(Spec):
    """One continuous-wave pump laser."""

    channel: Channel
    power_mw: NonNegative
    """In the fibre before the chip."""


class PairFactorSpec(Spec):
    """What sets one pair process apart from the others."""

    channels: Pair
    factor: NonNegative = 1.0
    """Multiplies the brightness of this process (g in R = B m P_i P_j g)."""
    contrast: Probability | None = None
    """Two-photon interference contrast V0 of this process; the source's default if absent."""
    phase_rad: float = 0.0
    """What is left of the phase of this channel pair (phi_0)."""


class SourceSpec(Spec):
    """Microring pumped by continuous-wave lasers: photon pairs by spontaneous four-wave mixing."""

    brightness_hz_per_mw2: NonNegative
    """B in R = B m P_i P_j g: pairs per second and mW^2 of pump power in the chip."""
    linewidth_hz: Positive
    """Full width at half maximum of the ring's resonances; kappa = 2 pi linewidth."""
    comb_spacing_labels: Annotated[int, Field(ge=1)]
    """Free spectral range in ITU labels (2 labels are 200 GHz); pumps lie on the comb."""
    facet_loss_db: NonNegative
    """One facet of the chip: lowers the pump power going in and the photons coming out."""
    escape_loss_db: NonNegative
    """A photon born in the ring leaves it through the bus waveguide with this loss."""
    contrast: Probability
    """Default contrast V0 of the pair processes."""
    pumps: Annotated[tuple[PumpSpec, ...], Field(min_length=1, strict=False)]
    pairs: Annotated[tuple[PairFactorSpec, ...], Field(strict=False)] = ()


class DeliveredChannelSpec(Spec):
    """One wavelength channel that the provider sends to a user."""

    channel: Channel
    user: Name
    loss_db: NonNegative
    """Demultiplexer, multiplexer and connectors of this channel."""
    patch_delay_ps: Annotated[int, Field(ge=0)] = 0
    """Extra fibre at the provider that tells two lanes of one link apart."""
    noise_hz_per_mw: NonNegative = 0.0
    """Single photons (Raman, leakage) in the ring's bus per second and mW of total chip power."""


class QnspSpec(Spec):
    """Quantum network service provider: source, pump rejection, demultiplexer, multiplexer."""

    pump_rejection_loss_db: NonNegative
    channels: Annotated[tuple[DeliveredChannelSpec, ...], Field(min_length=1, strict=False)]
    source: SourceSpec


class FibreSpec(Spec):
    """Single-mode fibre from the provider to a user."""

    length_m: NonNegative
    attenuation_db_per_km: NonNegative
    group_index: Annotated[float, Field(ge=1, le=4)]
    dispersion_ps_per_nm_km: float


class InterferometerSpec(Spec):
    """Unbalanced Michelson interferometer with both output ports detected."""

    delay_ps: Positive
    phase_rad: float
    contrast: Probability = 1.0


class DetectorSpec(Spec):
    """Single-photon detector."""

    efficiency: Probability
    dark_rate_hz: NonNegative
    jitter_fwhm_ps: NonNegative
    dead_time_ps: Annotated[int, Field(ge=0)]
    afterpulse_probability: Annotated[float, Field(ge=0, lt=1)] = 0.0
    afterpulse_decay_ps: Positive = 1.0e6


class ClockSpec(Spec):
    """A user's clock: what is publicly known of it, and (optionally) its actual error."""

    offset_bound_ps: Annotated[int, Field(ge=0)]
    """The offset from true time lies within plus or minus this (public)."""
    rate_bound_ppm: NonNegative
    """The frequency error lies within plus or minus this (public)."""
    allan_deviation_1s: NonNegative
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

    z_probability: Probability
    """Share of the light that the beam splitter sends to the Z interferometer."""
    excess_loss_db: NonNegative
    """Beam splitter and interferometer, common to both bases and all ports."""
    z: InterferometerSpec
    x: InterferometerSpec
    detectors: Annotated[tuple[DetectorSpec, ...], Field(strict=False)]
    """One entry for four equal detectors, or four: Z+, Z-, X+, X-."""
    tick_ps: Annotated[int, Field(ge=1, le=1_000_000)]
    clock: ClockSpec

    @model_validator(mode="after")
    def _one_or_four(self) -> Self:
        if len(self.detectors) not in (1, 4):
            raise ValueError("give one detector for all four, or four: Z+, Z-, X+, X-")
        return self

    @property
    def four_detectors(self) -> tuple[DetectorSpec, DetectorSpec, DetectorSpec, DetectorSpec]:
        """Detectors Z+, Z-, X+, X- (index = 2 * basis + port)."""
        first, *rest = self.detectors
        if not rest:
            return (first, first, first, first)
        return (first, rest[0], rest[1], rest[2])


class UserSpec(Spec):
    """A user: a fibre from the provider and a named receiver."""

    name: Name
    receiver: Name
    fibre: FibreSpec
    clock: ClockSpec | None = None
    """Replaces the clock of the receiver."""


class ClassicalSpec(Spec):
    """Classical channel of every link: its length is the sum of the two users' fibres."""

    bandwidth_bps: Positive
    group_index: Annotated[float, Field(ge=1, le=4)]
    jitter_ps: Annotated[int, Field(ge=0)]
    """Each datagram is late by up to this, uniformly."""
    extra_length_m: NonNegative = 0.0
    max_datagram_bytes: Annotated[int, Field(ge=128, le=65_507)]


class ProtocolSpec(Spec):
    """The variant of BBM92 that all links run, and its parameters."""

    window_ps: Annotated[int, Field(ge=2)]
    """Full width of the half-open coincidence window."""
    round_s: Positive
    """Light per round."""
    reconciliation: Literal["cascade-original", "cascade-yanetal"]
    initial_qber: Annotated[float, Field(gt=0, lt=0.5)]
    """First guess; later rounds start from the previous round's."""
    error_correction_charge: Literal["paper", "measured"]
    """paper: max(bits disclosed, 1.2 n h(Q)); measured: bits disclosed."""
    verification_bits: Annotated[int, Field(ge=16, le=128, multiple_of=8)]
    abort_qber: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """A round above this is dropped; where the length formula reaches zero if absent."""


class PaperLaneSpec(Spec):
    """What a publication prints for one lane; shown beside the results, never used."""

    users: Annotated[tuple[Name, Name], Field(strict=False)]
    channels: Pair
    sifted_hz: NonNegative
    visibility: Annotated[float, Field(ge=-1, le=1)]
    qber: Probability
    skr_bps: NonNegative
    note: str | None = None


class PaperSpec(Spec):
    """Published figures to compare with."""

    source: str
    total_skr_bps: NonNegative | None = None
    lanes: Annotated[tuple[PaperLaneSpec, ...], Field(strict=False)] = ()


class TopologySpec(Spec):
    """A whole network."""

    name: Name
    description: str
    frame_s: Annotated[float, Field(ge=1e-4, le=10)] = 0.05
    qnsp: QnspSpec
    receivers: dict[Name, ReceiverSpec]
    users: Annotated[tuple[UserSpec, ...], Field(min_length=1, strict=False)]
    classical: ClassicalSpec
    protocol: ProtocolSpec
    paper: PaperSpec | None = None

    def user(self, name: str) -> UserSpec:
        """The user called ``name``; KeyError if there is none."""
        for user in self.users:
            if user.name == name:
                return user
        raise KeyError(name)

    def receiver_of(self, user: UserSpec) -> ReceiverSpec:
        """Hardware of ``user``."""
        return self.receivers[user.receiver]

    def clock_of(self, user: UserSpec) -> ClockSpec:
        """Clock of ``user``: its own, or that of its receiver."""
        return user.clock or self.receiver_of(user).clock

    def channels_of(self, user: UserSpec) -> tuple[DeliveredChannelSpec, ...]:
        """Channels delivered to ``user``, in the order of the file."""
        return tuple(channel for channel in self.qnsp.channels if channel.user == user.name)
