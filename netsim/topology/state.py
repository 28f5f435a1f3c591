"""Frozen specs of a network as it stands: source, channels, fibres, users, what the parties do.

A spec knows its own fields and nothing of other specs; what holds between them (a channel given to
two users, a label on a pump) is checked in `netsim.topology.checks`. What happens to a network in
the course of a run is in `netsim.topology.specs`.
"""

import math
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from netsim.topology.base import (
    HUGE,
    Decibel,
    Name,
    NonNegative,
    Probability,
    SecondInPs,
    Spec,
    check_name,
)
from netsim.topology.labels import Channel
from netsim.topology.observers import ObserverSpec
from netsim.topology.receiver import ClockSpec, ReceiverSpec
from netsim.topology.source import SourceSpec
from netsim.topology.stray import LeakageSpec, RamanSpec
from netsim.topology.variants import (
    AmplificationName,
    AuthenticationName,
    BasisName,
    EstimationName,
    MatchingName,
    ProtocolName,
    ReconciliationName,
    SecurityName,
)
from netsim.topology.wire import BandwidthChangeSpec, OutageSpec
from protocols.keylength.keyrate import ChargePolicy
from protocols.profile import Profile, Terms

FIBRE_GROUP_INDEX = 1.468
"""Of a single-mode fibre at 1550 nm (data sheet of Corning SMF-28 Ultra: 1.4682)."""
GRID_S = 0.05
"""Of rounds where no frame is given: frames that are chosen are whole numbers of it."""
MAX_USER_NAME_CHARACTERS = 64
"""A link is named after both its users, and messages carry at most 160 characters of it."""


def _check_user_name(name: str) -> str:
    if len(name) > MAX_USER_NAME_CHARACTERS:
        raise ValueError(f"a user's name has at most {MAX_USER_NAME_CHARACTERS} characters")
    if "-" in name:
        raise ValueError("a user's name has no '-': it joins the two users of a link")
    return check_name(name)


UserName = Annotated[str, AfterValidator(_check_user_name)]


class DeliveredChannelSpec(Spec):
    """One wavelength channel that the provider sends to a user, or splits between several."""

    channel: Channel
    """ITU label, on the comb, neither a pump nor a stimulated line nor paired with itself."""
    user: Name | None = None
    """Who gets it; a user may get several channels."""
    users: Annotated[tuple[Name, ...], Field(strict=False)] | None = None
    """Instead of `user`: a passive splitter sends each photon to one of these, with equal
    probability; an empty list drops the channel until an event delivers it."""
    splitter_loss_db: Decibel = 0.0
    """What the splitter loses beyond its division."""
    loss_db: Decibel
    """Demultiplexer, multiplexer and connectors of this channel."""
    patch_delay_ps: SecondInPs = 0
    """Extra fibre at the provider that tells two lanes of one link apart."""
    noise_hz_per_mw: NonNegative = 0.0
    """Single photons (Raman, leakage) at the source per second and mW of total pump power."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.user is None) == (self.users is None):
            raise ValueError("give either user or users")
        if self.users is not None and len(set(self.users)) < len(self.users):
            raise ValueError("the same user twice")
        return self

    @property
    def receivers(self) -> tuple[str, ...]:
        """Who gets it, however it is given."""
        return (self.user,) if self.user is not None else self.users or ()


class QnspSpec(Spec):
    """Quantum network service provider: source, pump rejection, demultiplexer, multiplexer."""

    pump_rejection_loss_db: Decibel
    """Loss of the filters that remove the pumps, common to all channels."""
    channels: Annotated[tuple[DeliveredChannelSpec, ...], Field(min_length=1, strict=False)]
    """All channels that are delivered; the others are dropped at the demultiplexer."""
    source: SourceSpec
    """What makes the pairs: a ring and its pumps, or a crystal."""
    leakage: Annotated[LeakageSpec | None, Field(exclude_if=lambda value: value is None)] = None
    """Light of pumps in the delivered channels; none if absent."""


class FibreSpec(Spec):
    """Single-mode fibre from the provider to a user."""

    length_m: Annotated[float, Field(ge=0, le=1e7)]
    """Length; it also sets the latency of the classical channel."""
    attenuation_db_per_km: Annotated[float, Field(ge=0, le=1e5)]
    """Attenuation, the same for all channels."""
    group_index: Annotated[float, Field(ge=1, le=4)] = FIBRE_GROUP_INDEX
    """Group index at 1550 nm."""
    dispersion_ps_per_nm_km: Annotated[float, Field(ge=-1e5, le=1e5)]
    """Chromatic dispersion D: channels arrive apart by D L times their distance in wavelength."""
    extra_loss_db: Decibel = 0.0
    """Splices, connectors, attenuators."""
    rotation_walk_rad_per_sqrt_s: Annotated[
        float, Field(ge=0, le=10, exclude_if=lambda value: not value)
    ] = 0.0
    """It turns linear polarisations at random: standard deviation of the phases of both analysers a
    second after they were aligned; for polarisation receivers."""
    raman: Annotated[RamanSpec | None, Field(exclude_if=lambda value: value is None)] = None
    """A classical channel in the same fibre; none if absent."""
    is_cut: bool = False
    """Nothing comes through, until an event repairs it."""


class UserSpec(Spec):
    """A user: a fibre from the provider and a named receiver."""

    name: UserName
    """Unique; the earlier of two users in the file announces, the later one responds."""
    receiver: Name
    """Key of this user's hardware in `receivers`."""
    fibre: FibreSpec
    """From the provider to this user."""
    clock: ClockSpec | None = None
    """Replaces the clock of the receiver."""
    is_present: bool = True
    """False: gets no light, and its process is down, until an event lets it join."""
    is_locked: Annotated[bool, Field(exclude_if=lambda value: value)] = True
    """False: phases of its analysers wander freely, until an event has them locked again."""
    alignments: Annotated[int, Field(ge=0, exclude_if=lambda value: not value)] = 0
    """How often the polarisation of its fibre has been aligned again."""
    is_detecting: Annotated[bool, Field(exclude_if=lambda value: value)] = True
    """False: its detectors are off (warm, or cycled), darks and all, until an event has them on."""


class ClassicalSpec(Spec):
    """Classical channel of every link: its length is the sum of the two users' fibres."""

    bandwidth_bps: Annotated[float, Field(ge=1, le=HUGE)] = 1e9
    """Bits per second in each direction; gigabit Ethernet if absent."""
    group_index: Annotated[float, Field(ge=1, le=4)] = FIBRE_GROUP_INDEX
    """Latency is length times this over the speed of light."""
    jitter_ps: SecondInPs = 1_000_000
    """Each datagram is late by up to this, uniformly."""
    extra_length_m: Annotated[float, Field(ge=0, le=1e8)] = 0.0
    """Detour beyond the two users' fibres."""
    max_datagram_bytes: Annotated[int, Field(ge=128, le=65_507)] = 9000
    """Longer messages are cut; 65507 is the most that UDP over IPv4 carries."""
    loss_probability: Probability = 0.0
    """Each datagram is lost with this probability."""
    duplication_probability: Probability = 0.0
    """A datagram that is not lost arrives twice with this probability."""
    reordering_probability: Probability = 0.0
    """A datagram is held up by `reordering_delay_ps` with this probability."""
    reordering_delay_ps: SecondInPs = 0
    """How long; what was sent after it overtakes it."""
    bandwidth_changes: Annotated[tuple[BandwidthChangeSpec, ...], Field(strict=False)] = ()
    """From a given time on another bandwidth."""
    outages: Annotated[tuple[OutageSpec, ...], Field(strict=False)] = ()
    """Datagrams that leave their sender within an outage are lost."""


class ProtocolSpec(Spec):
    """The variant of BBM92 that all links run, and its parameters."""

    window_ps: Annotated[int, Field(ge=2, le=1_000_000_000)]
    """Full width of the half-open coincidence window."""
    round_s: Annotated[float, Field(gt=0, le=1e7)]
    """Light per round."""
    announcement_s: Annotated[float, Field(gt=0, le=10)] | None = None
    """Light per announcement of click times: longer ones are fewer messages, and rounds end later.
    Whole frames, at most a round; coincidence runs announce frame by frame. Chosen if absent: 2 s,
    down to 0.5 s where the network changes or clocks wander."""
    reconciliation: ReconciliationName
    """How errors are corrected: a schedule of Cascade (arXiv:1407.3257), or modelled, which needs
    the charge paper."""
    initial_qber: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """First guess; later rounds start from the previous round's. Securities with a leak budget
    and ldpc start from what the analytic twin expects instead."""
    error_correction_charge: ChargePolicy
    """paper: max(bits disclosed, 1.2 n h(Q)); measured: bits disclosed; both-directions: with what
    the responder's questions disclose. Finite securities charge a budget fixed beforehand."""
    verification_bits: Annotated[int, Field(ge=16, le=128, multiple_of=8)] = 64
    """Length of the Toeplitz hash that compares the two corrected keys; disclosed and booked."""
    abort_qber: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """A round above this is dropped. If absent: where the length formula reaches zero, or (finite
    securities) the threshold chosen from the analytic twin before the first round."""
    protocol: ProtocolName = "bbm92"
    """What the two ends of a link run."""
    estimation: EstimationName = "reconciled"
    """Where the error rate comes from: all corrected errors, or a random published sample."""
    amplification: AmplificationName = "toeplitz-clmul"
    """How the key is hashed; both give the same bits."""
    security: SecurityName = "asymptotic"
    """How long a key may be; all but asymptotic state with which probability it is not secret."""
    authentication: AuthenticationName = "wegman-carter"
    """How messages are authenticated; none is for study."""
    basis: BasisName = "symmetric"
    """Whether both bases are equally likely, as `receivers.*.z_probability` must say."""
    matching: MatchingName = "earliest"
    """Which clicks within the window make a pair where several could: the earliest, the nearest, or
    none of them."""
    epsilon: Annotated[float, Field(gt=0, lt=1)] = 1e-10
    """Failure probability of one round, correctness and secrecy together; for finite securities."""
    sample_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the sifted bits in the sample; chosen from the analytic twin if absent."""
    leak_efficiency: Annotated[float, Field(ge=1, le=10)] | None = None
    """Factor f of the leak budget f n h(Q) of the finite securities; that of the error correction
    if absent."""

    @property
    def profile(self) -> Profile:
        """Variants and terms; thresholds and shares that tie nothing where the twin chooses."""
        return Profile(
            protocol=self.protocol,
            estimation=self.estimation,
            reconciliation=self.reconciliation,
            amplification=self.amplification,
            security=self.security,
            authentication=self.authentication,
            basis=self.basis,
            matching=self.matching,
            initial_qber=self.initial_qber,
            terms=self._terms,
        )

    @property
    def _terms(self) -> Terms:
        return Terms(
            sample_share=self.sample_share or 0.0,
            qber_threshold=self.abort_qber or 0.5,
            epsilon=self.epsilon,
            verification_bits=self.verification_bits,
            charge=self.error_correction_charge,
        )


class LinkSpec(Spec):
    """What is different on one link."""

    users: Annotated[tuple[Name, Name], Field(strict=False)]
    """The two users, in any order."""
    round_s: Annotated[float, Field(gt=0, le=1e7)]
    """Light per round on this link."""


class StateSpec(Spec):
    """A network as it stands at one moment: all that there is."""

    name: Name
    """Appears in every result."""
    description: str = ""
    """One sentence for people."""
    frame_s: Annotated[float, Field(ge=1e-4, le=10)] | None = None
    """Simulated time is cut into frames of this length; results do not depend on it. Chosen if
    absent: up to 0.5 s, by how bright the light is and what goes on in it."""
    qnsp: QnspSpec
    """Quantum network service provider."""
    receivers: dict[Name, ReceiverSpec]
    """Kinds of user hardware, by name."""
    users: Annotated[tuple[UserSpec, ...], Field(min_length=1, strict=False)]
    """All users, in the order of their roles."""
    classical: ClassicalSpec = ClassicalSpec()
    """Classical channel of every link."""
    protocol: ProtocolSpec
    """What the parties do with their tags."""
    links: Annotated[tuple[LinkSpec, ...], Field(strict=False)] = ()
    """Links that differ from what `protocol` says."""
    observers: Annotated[
        tuple[ObserverSpec, ...], Field(strict=False, exclude_if=lambda entries: not entries)
    ] = ()
    """Those who sit on users' fibres; left out of what is written where there are none."""

    @property
    def grid_s(self) -> float:
        """Rounds are whole numbers of it: a frame, or what chosen frames are made of."""
        return GRID_S if self.frame_s is None else self.frame_s

    def user(self, name: str) -> UserSpec:
        """Find the user called ``name``; KeyError if there is none."""
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

    def round_s_of(self, users: tuple[str, str]) -> float:
        """Light per round on the link between ``users``."""
        for link in self.links:
            if set(link.users) == set(users):
                return link.round_s
        return self.protocol.round_s

    def key_share_of(self, users: tuple[str, str]) -> float:
        """Share of the frames in which neither of two users tests Bell's inequality."""
        return math.prod(self.receiver_of(self.user(name)).key_share for name in users)

    def observers_of(self, user: str) -> tuple[ObserverSpec, ...]:
        """Those on the fibre of ``user``, from the provider on; of two in one place the earlier."""
        found = (observer for observer in self.observers if observer.user == user)
        return tuple(sorted(found, key=lambda observer: observer.position))

    def channels_of(self, user: UserSpec) -> tuple[DeliveredChannelSpec, ...]:
        """Channels delivered to ``user``, in the order of the file."""
        return tuple(channel for channel in self.qnsp.channels if user.name in channel.receivers)
