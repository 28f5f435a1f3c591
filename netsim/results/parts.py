"""Parts of what a run found: counts are stored, rates derived from them, and equal parts add up.

Lanes are scored by the simulator, which knows the truth; links are what the parties themselves
report.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from operator import index
from typing import Any, SupportsIndex, TypeVar

from netsim.pools.counts import LinkCounts
from netsim.pools.pool import NOTHING_COMPARED, Comparison
from netsim.results.knowledge import Knowledge
from netsim.units import s_from_ps
from protocols.chsh import Chsh
from protocols.keylength.keyrate import PAPER_EFFICIENCY, skr_asymptotic_bps, skr_error_bps
from protocols.wire.counts import WireCounts

Json = dict[str, Any]
R = TypeVar("R", "LaneResult", "LinkResult", "UserResult")
Sums = TypeVar("Sums", LinkCounts, WireCounts, Comparison)

_LINK_ENTRY = (
    "users",
    "blocks",
    "blocks_failed",
    "sifted_bits",
    "leaked_bits",
    "f_measured",
    "f_charged",
    "verification_bits",
    "auth_spent_bits",
    "deposited_bits",
    "net_key_bps",
    "messages",
    "wire_bytes",
    "round_trips",
    "retransmissions",
    "alarms",
    "equal_blocks",
    "unequal_blocks",
    "lone_blocks",
    "settle_ps",
    "sampled_bits",
    "security",
    "epsilon",
    "correctness_epsilon",
    "secrecy_epsilon",
    "failure_probability",
    "assumptions",
    "notes",
    "eve",
)
"""What the summary says of a link, in this order."""
_ADDING = int | float | LinkCounts | WireCounts | Comparison | Knowledge | Chsh
"""What is added where parts of results are."""
_FIGURES = {
    "bytes": "wire_bytes",
    "equal": "equal_blocks",
    "unequal": "unequal_blocks",
    "lone": "lone_blocks",
}
"""Names in files of fields that are called differently here."""


@dataclass(frozen=True, slots=True)
class TwinResult:
    """What the analytic twin expects of a lane."""

    sifted_hz: float
    qber: float
    skr_bps: float


@dataclass(frozen=True, slots=True)
class PaperFigures:
    """What a publication prints for a lane; shown beside the results, never used."""

    sifted_hz: float
    visibility: float
    qber: float
    skr_bps: float
    note: str | None = None


@dataclass(frozen=True, slots=True)
class LaneResult:
    """One channel pair of a link, scored by the simulator."""

    users: tuple[str, str]
    channels: tuple[str, str]
    duration_ps: int
    coincidences: int
    """Matches in the central window, before basis sifting."""
    sifted_bits: int
    errors: int
    twin: TwinResult
    paper: PaperFigures | None = None
    bias_bits: int = 0
    """What outcomes that are not fair would take from a key of all sifted bits."""
    chsh: Chsh | None = None
    """The Bell test; None where the settings make none."""

    @property
    def sifted_hz(self) -> float:
        """Sifted bits per second of light."""
        return _per_second(self.sifted_bits, self.duration_ps)

    @property
    def qber(self) -> float | None:
        """Share of errors among the sifted bits; None if there are none."""
        return self.errors / self.sifted_bits if self.sifted_bits else None

    @property
    def visibility(self) -> float | None:
        """1 - 2 QBER; None if nothing was sifted."""
        return None if self.qber is None else 1.0 - 2.0 * self.qber

    @property
    def skr_asymptotic_bps(self) -> float:
        """N [1 - 2.2 h(QBER)] of Fan et al. 2025 less the bias, zero where that is negative."""
        if self.qber is None:
            return 0.0
        fair_bps = skr_asymptotic_bps(self.sifted_hz, self.qber, PAPER_EFFICIENCY)
        return max(0.0, fair_bps - _per_second(self.bias_bits, self.duration_ps))

    @property
    def skr_error_bps(self) -> float | None:
        """Standard error of the key rate, by the scatter of count and errors; None without bits.

        As if the rate were not cut off at zero.
        """
        if self.qber is None or self.qber >= 1.0:
            return None
        return skr_error_bps(self.sifted_hz, self.qber, s_from_ps(self.duration_ps))

    def __add__(self, other: "LaneResult") -> "LaneResult":
        if _entry(self.twin) == _entry(other.twin):  # where that is undefined as well
            other = replace(other, twin=self.twin)
        return _add(self, other)

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        return {
            "users": list(self.users),
            "channels": list(self.channels),
            "coincidences": int(self.coincidences),
            "sifted_bits": int(self.sifted_bits),
            "sifted_hz": self.sifted_hz,
            "errors": int(self.errors),
            "qber": self.qber,
            "visibility": self.visibility,
            "bias_bits": int(self.bias_bits),
            "chsh": None if self.chsh is None else self.chsh.summary(),
            "skr_asymptotic_bps": self.skr_asymptotic_bps,
            "skr_error_bps": self.skr_error_bps,
            "twin": _entry(self.twin),
            "paper": None if self.paper is None else _entry(self.paper),
        }


@dataclass(frozen=True, slots=True)
class LinkResult:
    """One pair of users, as the parties themselves book it."""

    users: tuple[str, str]
    duration_ps: int
    counts: LinkCounts = field(default_factory=LinkCounts)
    """Of the announcer's end, but for the alarms, which are those of both ends."""
    wire: WireCounts = field(default_factory=WireCounts)
    """In both directions."""
    pools: Comparison = NOTHING_COMPARED
    """Of the pools of both ends, by the simulator."""
    settle_ps: int = 0
    """From the end of the light until both ends had closed; 0 if they did not."""
    security: str = "asymptotic"
    """Variant that set the key lengths."""
    assumptions: str = ""
    """What must hold for them."""
    notes: str = ""
    """What else must be said: labels, and why rounds ended without key."""
    eve: Knowledge | None = None
    """What those on the fibres know, by the simulator; None where there is nobody."""

    @property
    def epsilon(self) -> float | None:
        """Distance of all keys of this link from ideal ones; None where secrecy has no epsilon."""
        counts = self.counts
        if counts.secrecy_epsilon is None:
            return None
        parts = counts.failure_probability + counts.correctness_epsilon + counts.secrecy_epsilon
        return min(1.0, parts)

    @property
    def f_measured(self) -> float | None:
        """Parity bits disclosed over n h(Q), in verified blocks; None without a single error, or
        if nothing was disclosed because the correction is only modelled.
        """  # noqa: D205 - one sentence that does not fit one line
        disclosed_bits, shannon_bits = self.counts.verified_leak_bits, self.counts.shannon_bits
        return disclosed_bits / shannon_bits if shannon_bits > 0 and disclosed_bits > 0 else None

    @property
    def f_charged(self) -> float | None:
        """Bits charged over n h(Q), in verified blocks; None without a single error."""
        shannon_bits = self.counts.shannon_bits
        return self.counts.charged_bits / shannon_bits if shannon_bits > 0 else None

    @property
    def net_key_bps(self) -> float:
        """Key deposited less key spent on authentication, per second; may be negative."""
        net_bits = self.counts.deposited_bits - self.counts.auth_spent_bits
        return _per_second(net_bits, self.duration_ps)

    def __add__(self, other: "LinkResult") -> "LinkResult":
        notes = dict.fromkeys(filter(None, (self.notes, other.notes)))
        settled = (self.settle_ps, other.settle_ps)
        added = _add(replace(self, notes=""), replace(other, notes=""))
        settle_ps = max(settled) if all(settled) else 0  # the longest; 0 if one has not closed
        return replace(added, notes="; ".join(notes), settle_ps=settle_ps)

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        figures = figures_of(self.counts) | figures_of(self.wire) | figures_of(self.pools)
        figures["eve"] = None if self.eve is None else self.eve.summary()
        own = set(_LINK_ENTRY) - set(figures)
        figures |= {name: getattr(self, name) for name in own} | {"users": list(self.users)}
        return {name: figures[name] for name in _LINK_ENTRY}


@dataclass(frozen=True, slots=True)
class UserResult:
    """All clicks of a user's four detectors, dark counts included."""

    name: str
    duration_ps: int
    detectors: tuple[int, ...]
    """Clicks of Z+, Z-, X+, X-."""

    @property
    def singles(self) -> int:
        """All clicks."""
        return sum(self.detectors)

    @property
    def detectors_hz(self) -> list[float]:
        """Clicks per second of light of each detector."""
        return [_per_second(clicks, self.duration_ps) for clicks in self.detectors]

    @property
    def singles_hz(self) -> float:
        """Clicks per second of light."""
        return _per_second(self.singles, self.duration_ps)

    def __add__(self, other: "UserResult") -> "UserResult":
        both = zip(self.detectors, other.detectors, strict=True)
        added = tuple(one + its for one, its in both)
        return _add(replace(self, detectors=added), replace(other, detectors=added))

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        return {
            "name": self.name,
            "singles_hz": self.singles_hz,
            "detectors_hz": self.detectors_hz,
        }


def figures_of(sums: LinkCounts | WireCounts | Comparison) -> Json:
    """Numbers of a part of a link's result, by their names in files; NumPy's come out as plain."""
    return {_FIGURES.get(f.name, f.name): _plain(getattr(sums, f.name)) for f in fields(sums)}


def sums_from(kind: type[Sums], figures: Mapping[str, Any]) -> Sums:
    """Inverse of `figures_of`; KeyError where a figure is missing."""
    return kind(**{f.name: figures[_FIGURES.get(f.name, f.name)] for f in fields(kind)})


def _plain(number: SupportsIndex | float | None) -> int | float | None:
    return index(number) if isinstance(number, SupportsIndex) else number


def _per_second(count: int, duration_ps: int) -> float:
    return count / s_from_ps(duration_ps) if duration_ps else 0.0


def _entry(part: TwinResult | PaperFigures) -> Json:
    """Fields of ``part``; what is undefined (NaN) becomes null, which JSON has."""
    values = {f.name: getattr(part, f.name) for f in fields(part)}
    return {
        name: value
        if isinstance(value, str | None)
        else (None if math.isnan(value) else float(value))
        for name, value in values.items()
    }


def _add(one: R, other: R) -> R:
    """Counts summed; what identifies the part must agree."""
    changes: Json = {}
    for f in fields(one):
        mine, theirs = getattr(one, f.name), getattr(other, f.name)
        if theirs is not None and isinstance(mine, _ADDING):
            changes[f.name] = mine + theirs
        elif mine != theirs:
            raise ValueError(f"results of different {f.name} do not add up: {mine}, {theirs}")
    return replace(one, **changes)
