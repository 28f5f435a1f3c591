"""What both ends of a link know before they start; all of it is public."""

import hashlib
from dataclasses import asdict, dataclass

import msgpack

from protocols.interfaces import Terms
from protocols.keylength.keyrate import ChargePolicy
from protocols.variants import SECURITIES, is_two_way

PS_PER_S = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Public description of a link and of the protocol variant that it runs.

    Attributes
    ----------
    link : str
        Name of the link, ``announcer-responder``.
    announcer_tick_ps, responder_tick_ps : int
        Digitiser ticks.
    announcer_window_ticks, responder_window_ticks : int
        Coincidence window in each user's ticks: closer clicks of one user merge.
    window_ps : int
        Full width of the half-open coincidence window.
    umi_delay_ps : int
        Distance of the side peaks from the central one; 0 for receivers without interferometers
        (polarisation analysers), which see one peak.
    coherence_rate_per_s : float
        Decay rate kappa of the biphoton (1/s): the shape of the peaks.
    lane_delays_ps : tuple of int, ascending
        Nominal arrival time at the responder minus that at the announcer, one a lane that may ever
        have light; which of them have it at a time is for the protocol to find.
    offset_bound_ps, rate_bound_ppm : int, float
        Clock prior: how far the two clocks may differ at ``clock_zero_ps``, and how much further
        with every second that has passed since.
    allan_deviation_1s : float
        Of the difference of the two clocks, at 1 s.
    frames_per_round, frames_per_announcement : int
        A round is a number of frames fixed beforehand; an announcement covers a part of it.
    reconciliation : str
        Name of the error correction, see `protocols.reconciliation.registry`.
    error_correction_charge : str
        ``paper`` or ``measured``.
    verification_bits : int
        Length t of the verification hash.
    initial_qber : float
        First guess of the error rate.
    abort_qber : float
        A round above this is dropped.
    timeout_ps : int
        A round that is not decided this long after its light is dropped where it may be.
    resend_ps : int
        A vote is repeated after this time without a valid decision.
    initial_pads : int
        Pre-shared one-time pads per direction.
    clock_zero_ps : int
        Announcer's time at which ``offset_bound_ps`` holds: both clocks count from 0 together in a
        simulation; recordings say when theirs were compared.
    protocol, estimation, amplification, security, authentication, basis : str
        Names of variants, see `protocols.variants`.
    sample_share, qber_threshold, leak_share, epsilon : float
        Fixed before the first round, see `protocols.interfaces.Terms`.
    """

    link: str
    announcer: str
    responder: str
    announcer_tick_ps: int
    responder_tick_ps: int
    window_ps: int
    umi_delay_ps: int
    coherence_rate_per_s: float
    lane_delays_ps: tuple[int, ...]
    offset_bound_ps: int
    rate_bound_ppm: float
    allan_deviation_1s: float
    frame_ps: int
    frames_per_round: int
    frames_per_announcement: int
    reconciliation: str
    error_correction_charge: ChargePolicy
    verification_bits: int
    initial_qber: float
    abort_qber: float
    timeout_ps: int = 120 * PS_PER_S
    resend_ps: int = 2 * PS_PER_S
    initial_pads: int = 64
    clock_zero_ps: int = 0
    protocol: str = "bbm92"
    estimation: str = "reconciled"
    amplification: str = "toeplitz-fft"
    security: str = "asymptotic"
    authentication: str = "wegman-carter"
    basis: str = "symmetric"
    sample_share: float = 0.0
    qber_threshold: float = 0.5
    leak_share: float = 1.0
    epsilon: float = 1e-10

    @property
    def lanes(self) -> int:
        """Number of lanes."""
        return len(self.lane_delays_ps)

    @property
    def peaks(self) -> tuple[tuple[int, float], ...]:
        """Peaks of a lane: distance (ps) from its delay, and weight. The one place that knows them.

        Behind unbalanced interferometers 1:2:1, of which the central one is matched; without them
        the central one alone.
        """
        if self.umi_delay_ps == 0:
            return ((0, 1.0),)
        return ((-self.umi_delay_ps, 1.0), (0, 2.0), (self.umi_delay_ps, 1.0))

    @property
    def is_two_way(self) -> bool:
        """Whether error correction asks questions that depend on the responder's bits."""
        return is_two_way(self.reconciliation)

    @property
    def terms(self) -> Terms:
        """What the key length may depend on beside the counts of the round."""
        return Terms(
            sample_share=self.sample_share,
            qber_threshold=min(self.qber_threshold, self.abort_qber),
            leak_share=self.leak_share,
            epsilon=self.epsilon,
            verification_bits=self.verification_bits,
            charge=self.error_correction_charge,
        )

    @property
    def correctness_epsilon(self) -> float:
        """What a round may add to the probability that the ends' keys differ."""
        return self.terms.correctness_epsilon

    @property
    def secrecy_epsilon(self) -> float | None:
        """What a round may add to the probability that its key is known; None if not claimed."""
        if not SECURITIES.get(self.security).has_secrecy_epsilon:
            return None
        return self.epsilon - self.correctness_epsilon

    def digest(self) -> bytes:
        """Hash that both transcripts begin with: ends that differ here never agree on a tag."""
        return hashlib.sha256(msgpack.packb(asdict(self))).digest()
