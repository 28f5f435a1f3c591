"""What a run found: counts are stored, rates derived from them, and results of equal parts add up.

Lanes are scored by the simulator, which knows the truth; links are what the parties themselves
report. Reading and writing of run directories is in `netsim.results.directory`.
"""

import hashlib
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib import metadata
from typing import Any, TypeVar

from netsim.pools.ledger import Movement
from netsim.units import s_from_ps
from protocols.keylength.keyrate import PAPER_EFFICIENCY, skr_asymptotic_bps

Json = dict[str, Any]
R = TypeVar("R", "LaneResult", "LinkResult", "UserResult")


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
        """N [1 - 2.2 h(QBER)] of Fan et al. 2025, zero where that is negative."""
        if self.qber is None:
            return 0.0
        return skr_asymptotic_bps(self.sifted_hz, self.qber, PAPER_EFFICIENCY)

    def __add__(self, other: "LaneResult") -> "LaneResult":
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
            "skr_asymptotic_bps": self.skr_asymptotic_bps,
            "twin": _entry(self.twin),
            "paper": None if self.paper is None else _entry(self.paper),
        }


@dataclass(frozen=True, slots=True)
class LinkResult:
    """One pair of users, as the parties themselves book it (figures of the announcer's end)."""

    users: tuple[str, str]
    duration_ps: int
    blocks: int = 0
    """Rounds that ended, failed ones included."""
    blocks_failed: int = 0
    sifted_bits: int = 0
    leaked_bits: int = 0
    """Parity bits on the wire, those of failed blocks included."""
    verified_leak_bits: int = 0
    """Parity bits of the blocks that verified."""
    charged_bits: int = 0
    """What the key length formula was charged for error correction in those blocks."""
    shannon_bits: float = 0.0
    """Sum of n h(exact error rate) over those blocks, sub-block by sub-block."""
    verification_bits: int = 0
    auth_spent_bits: int = 0
    """One-time pads used for authentication tags, at one end."""
    deposited_bits: int = 0
    """Secret bits that entered the pool or refilled the reserve, at one end."""
    messages: int = 0
    """Protocol messages in both directions."""
    wire_bytes: int = 0
    """Bytes in both directions, transport included."""
    round_trips: int = 0
    retransmissions: int = 0
    """Datagrams sent again."""
    alarms: int = 0
    """Messages that no honest peer sends, tags that did not verify, damage to rounds without key;
    both ends."""
    equal_blocks: int = 0
    """Blocks that the pools of both ends hold with the same bits, compared by the simulator."""
    unequal_blocks: int = 0
    """Blocks of which the two ends hold different bits: never, whatever happens on the wire."""
    lone_blocks: int = 0
    """Blocks in one pool only, in doubt at the other end when the run ended."""
    settle_ps: int = 0
    """From the end of the light until both ends had closed; 0 if they did not."""
    sampled_bits: int = 0
    """Sifted bits that were published to estimate the error rate."""
    failure_probability: float = 0.0
    """Bound on having accepted a forged message, all rounds together."""
    correctness_epsilon: float = 0.0
    """Bound on a block that differs at the two ends, all rounds together, aborted ones included."""
    secrecy_epsilon: float | None = None
    """The same for a block that is not secret; None where the key length does not claim any."""
    security: str = "asymptotic"
    """Variant that set the key lengths."""
    assumptions: str = ""
    """What must hold for them."""
    notes: str = ""
    """What else must be said: labels, and why rounds ended without key."""

    @property
    def epsilon(self) -> float | None:
        """Distance of all keys of this link from ideal ones; None where secrecy has no epsilon."""
        if self.secrecy_epsilon is None:
            return None
        parts = self.failure_probability + self.correctness_epsilon + self.secrecy_epsilon
        return min(1.0, parts)

    @property
    def f_measured(self) -> float | None:
        """Parity bits disclosed over n h(Q), in verified blocks; None without a single error, or
        if nothing was disclosed because the correction is only modelled.
        """  # noqa: D205 - one sentence that does not fit one line
        is_known = self.shannon_bits > 0 and self.verified_leak_bits > 0
        return self.verified_leak_bits / self.shannon_bits if is_known else None

    @property
    def f_charged(self) -> float | None:
        """Bits charged over n h(Q), in verified blocks; None without a single error."""
        return self.charged_bits / self.shannon_bits if self.shannon_bits > 0 else None

    @property
    def net_key_bps(self) -> float:
        """Key deposited less key spent on authentication, per second; may be negative."""
        return _per_second(self.deposited_bits - self.auth_spent_bits, self.duration_ps)

    def __add__(self, other: "LinkResult") -> "LinkResult":
        notes = dict.fromkeys(filter(None, (self.notes, other.notes)))
        added = _add(replace(self, notes=""), replace(other, notes=""))
        return replace(added, notes="; ".join(notes))

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        return {
            "users": list(self.users),
            "blocks": int(self.blocks),
            "blocks_failed": int(self.blocks_failed),
            "sifted_bits": int(self.sifted_bits),
            "leaked_bits": int(self.leaked_bits),
            "f_measured": self.f_measured,
            "f_charged": self.f_charged,
            "verification_bits": int(self.verification_bits),
            "auth_spent_bits": int(self.auth_spent_bits),
            "deposited_bits": int(self.deposited_bits),
            "net_key_bps": self.net_key_bps,
            "messages": int(self.messages),
            "wire_bytes": int(self.wire_bytes),
            "round_trips": int(self.round_trips),
            "retransmissions": int(self.retransmissions),
            "alarms": int(self.alarms),
            "equal_blocks": int(self.equal_blocks),
            "unequal_blocks": int(self.unequal_blocks),
            "lone_blocks": int(self.lone_blocks),
            "settle_ps": int(self.settle_ps),
            "sampled_bits": int(self.sampled_bits),
            "security": self.security,
            "epsilon": self.epsilon,
            "correctness_epsilon": self.correctness_epsilon,
            "secrecy_epsilon": self.secrecy_epsilon,
            "failure_probability": self.failure_probability,
            "assumptions": self.assumptions,
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True)
class UserResult:
    """All clicks of a user's four detectors, dark counts included."""

    name: str
    duration_ps: int
    singles: int

    @property
    def singles_hz(self) -> float:
        """Clicks per second of light."""
        return _per_second(self.singles, self.duration_ps)

    def __add__(self, other: "UserResult") -> "UserResult":
        return _add(self, other)

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        return {"name": self.name, "singles_hz": self.singles_hz}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the network."""

    skr_asymptotic_bps: float
    net_key_bps: float


@dataclass(frozen=True, slots=True)
class Performance:
    """How fast it went; the only part of a summary that may differ between two equal runs."""

    wall_s: float
    tags: int

    @property
    def tags_per_s(self) -> float:
        """Time tags per second of wall time."""
        return self.tags / self.wall_s if self.wall_s > 0 else 0.0

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        return {
            "wall_s": float(self.wall_s),
            "tags": int(self.tags),
            "tags_per_s": self.tags_per_s,
        }


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from."""

    topology_sha256: str
    """Of the topology as canonical JSON: keys sorted, no spaces."""
    versions: tuple[tuple[str, str], ...]
    """Name and version of python, numpy, numba and this distribution."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run found."""

    topology: str
    seed: int
    duration_ps: int
    """Light that was simulated; less than asked for in a partial run."""
    lanes: tuple[LaneResult, ...]
    links: tuple[LinkResult, ...]
    users: tuple[UserResult, ...]
    performance: Performance
    provenance: Provenance
    ledger: tuple[Movement, ...] = field(default=(), repr=False)
    partial: bool = False
    """True if the run was stopped before its time."""
    fidelity: str = "photon"
    paper_source: str | None = None
    """The publication that the lanes' `paper` figures are from."""
    paper_total_skr_bps: float | None = None

    def __post_init__(self) -> None:
        parts: tuple[LaneResult | LinkResult | UserResult, ...] = (
            *self.lanes,
            *self.links,
            *self.users,
        )
        for part in parts:
            if part.duration_ps != self.duration_ps:
                raise ValueError(f"{part} does not cover the run's {self.duration_ps} ps")

    @property
    def duration_s(self) -> float:
        """Seconds of light that were simulated."""
        return s_from_ps(self.duration_ps)

    @property
    def link_skr_bps(self) -> dict[tuple[str, str], float]:
        """Asymptotic key rate of every link, its lanes together."""
        rates = dict.fromkeys((link.users for link in self.links), 0.0)
        for lane in self.lanes:
            rates[lane.users] = rates.get(lane.users, 0.0) + lane.skr_asymptotic_bps
        return rates

    @property
    def totals(self) -> Totals:
        """Sums over all lanes and links."""
        return Totals(
            skr_asymptotic_bps=math.fsum(lane.skr_asymptotic_bps for lane in self.lanes),
            net_key_bps=math.fsum(link.net_key_bps for link in self.links),
        )

    def summary(self) -> Json:
        """Content of ``summary.json``; the same for each run of one seed, but for `performance`."""
        return {
            "topology": self.topology,
            "seed": int(self.seed),
            "duration_s": self.duration_s,
            "fidelity": self.fidelity,
            "partial": self.partial,
            "lanes": [lane.summary() for lane in self.lanes],
            "links": [link.summary() for link in self.links],
            "users": [user.summary() for user in self.users],
            "totals": _entry(self.totals),
            "performance": self.performance.summary(),
        }

    def summary_json(self) -> str:
        """The text of ``summary.json``."""
        return json.dumps(self.summary(), indent=2, allow_nan=False) + "\n"


def collect_provenance(topology: Mapping[str, Any]) -> Provenance:
    """Hash of `topology` (a JSON-able mapping, such as a spec dumped in JSON mode), versions."""
    canonical = json.dumps(topology, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return Provenance(
        topology_sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        versions=(
            ("python", platform.python_version()),
            *((name, _version(name)) for name in ("numpy", "numba", "qnsp-netsim")),
        ),
    )


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _per_second(count: int, duration_ps: int) -> float:
    return count / s_from_ps(duration_ps) if duration_ps else 0.0


def _entry(part: TwinResult | PaperFigures | Totals) -> Json:
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
        if isinstance(mine, int | float):
            changes[f.name] = mine + theirs
        elif mine != theirs:
            raise ValueError(f"results of different {f.name} do not add up: {mine}, {theirs}")
    return replace(one, **changes)
