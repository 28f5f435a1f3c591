"""What both ends of a link know before they start; all of it is public."""

import hashlib
from dataclasses import asdict, dataclass

import msgpack

from protocols.keyrate import ChargePolicy

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
        Distance of the side peaks from the central one.
    coherence_rate_per_s : float
        Decay rate kappa of the biphoton (1/s): the shape of the peaks.
    lane_delays_ps : tuple of int, ascending
        Nominal arrival time at the responder minus that at the announcer, one a lane.
    offset_bound_ps, rate_bound_ppm : int, float
        Clock prior: how far the two clocks may differ.
    allan_deviation_1s : float
        Of the difference of the two clocks, at 1 s.
    frames_per_round, frames_per_announcement : int
        A round is a number of frames fixed beforehand; an announcement covers a part of it.
    reconciliation : str
        Name of the schedule.
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

    @property
    def lanes(self) -> int:
        """Number of lanes."""
        return len(self.lane_delays_ps)

    def digest(self) -> bytes:
        """Hash that both transcripts begin with: ends that differ here never agree on a tag."""
        return hashlib.sha256(msgpack.packb(asdict(self))).digest()
