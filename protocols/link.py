"""What both ends of a link know before they start: its description, which is public, their secret.

It knows no variant and no message; what a link's names of variants stand for is in
`protocols.variants`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any

import msgpack

from protocols.messages import TAG_BYTES, Role
from protocols.profile import Profile, Terms

PS_PER_S = 1_000_000_000_000
EARLIEST_PS = -(2**62)
"""Before every time of every clock: what is due then is due now."""
NEVER_PS = 2**62
"""After every time of every clock."""
KEPT_BYTES = 4 * TAG_BYTES
"""Of the pre-shared secret: what is not pads."""
MATCH_FACTOR, MATCH_SPARE = 4, 64
"""One announcement may have so many times the matches that are expected of it, and a few more."""


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Public description of a link and of the protocol variant that it runs.

    Attributes
    ----------
    link : str
        Name of the link, ``announcer-responder``.
    announcer, responder : str
        Names of the two users.
    announcer_tick_ps, responder_tick_ps : int
        Digitiser ticks.
    window_ps : int
        Full width of the half-open coincidence window; closer clicks of one user merge.
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
    frame_ps : int
        Tags come in frames of this length.
    frames_per_round, frames_per_announcement : int
        A round is a number of frames fixed beforehand; an announcement covers a part of it.
    profile : Profile
        Variants and terms.
    timeout_ps : int
        A round that is not decided this long after its light is dropped where it may be.
    resend_ps : int
        A vote is repeated after this time without a valid decision.
    initial_pads : int
        Pre-shared one-time pads per direction.
    clock_zero_ps : int
        Announcer's time at which ``offset_bound_ps`` holds: both clocks count from 0 together in a
        simulation; recordings say when theirs were compared.
    match_rate_hz : float
        Coincidences in the window that both ends expect, all lanes together, while most come; 0
        where nothing is known, and then matches have no bound.
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
    profile: Profile
    timeout_ps: int = 120 * PS_PER_S
    resend_ps: int = 2 * PS_PER_S
    initial_pads: int = 64
    clock_zero_ps: int = 0
    match_rate_hz: float = 0.0

    @property
    def terms(self) -> Terms:
        """What the key length may depend on beside the counts of the round."""
        return self.profile.terms

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

    def is_beyond_light(self, matches: int) -> bool:
        """Whether one announcement cannot have so many matches, whatever the light.

        A click that matched is lost to the user's other links, so who names them on the wire must
        not name them all.
        """
        # A frame more for clicks held back at its beginning.
        longest_s = (self.frames_per_announcement + 1) * self.frame_ps / PS_PER_S
        most = MATCH_FACTOR * self.match_rate_hz * longest_s + MATCH_SPARE
        return self.match_rate_hz > 0.0 and matches > most

    def tick_ps(self, role: Role) -> int:
        """Digitiser tick of the user who plays ``role``."""
        return self.announcer_tick_ps if role is Role.ANNOUNCER else self.responder_tick_ps

    def flat(self) -> dict[str, object]:
        """All that is known by its name, what the profile and its terms hold included."""
        facts: dict[str, object] = asdict(self)
        for part in (self.profile, self.profile.terms):
            facts |= asdict(part)
        return {name: fact for name, fact in facts.items() if name not in {"profile", "terms"}}

    def digest(self) -> bytes:
        """Hash that both transcripts begin with: ends that differ here never agree on a tag."""
        return _digest(self)


@lru_cache(maxsize=1024)
def _digest(config: LinkConfig) -> bytes:
    """Asked for by both ends, and again by every round."""
    return hashlib.sha256(msgpack.packb(asdict(config))).digest()


def nested(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What `LinkConfig.flat` gives, with profile and terms where `LinkConfig` has them.

    Values are not looked at; a name that is none stays among the link's own.
    """
    own = dict(facts)
    terms = {name.name: own.pop(name.name) for name in fields(Terms) if name.name in own}
    profile = {name.name: own.pop(name.name) for name in fields(Profile) if name.name in own}
    return own | {"profile": profile | {"terms": terms}}


@dataclass(frozen=True, slots=True)
class LinkSecrets:
    """What the two ends of a link share before they start; never sent, never logged.

    Attributes
    ----------
    tag_r : bytes
        16 bytes: the hash key of all tags, kept.
    transcript_rs : tuple of bytes
        16 bytes each: hash keys of the announcer's and the responder's transcripts, kept.
    report_key : bytes
        16 bytes: for reports on rounds that were given up, kept; no key rests on it.
    pads : bytes
        32 bytes a round, see `protocols.pads`.
    """

    tag_r: bytes = field(repr=False)
    transcript_rs: tuple[bytes, bytes] = field(repr=False)
    report_key: bytes = field(repr=False)
    pads: bytes = field(repr=False)

    @classmethod
    def from_bytes(cls, secret: bytes) -> "LinkSecrets":
        """Cut a pre-shared secret of `size_bytes`."""
        tag_r, announcer_r, responder_r, report_key = (
            secret[start : start + TAG_BYTES] for start in range(0, KEPT_BYTES, TAG_BYTES)
        )
        return cls(tag_r, (announcer_r, responder_r), report_key, secret[KEPT_BYTES:])

    @staticmethod
    def size_bytes(initial_pads: int) -> int:
        """How long a pre-shared secret is with pads for so many rounds."""
        return KEPT_BYTES + len(Role) * TAG_BYTES * initial_pads
