"""What a run found, as a whole. Reading and writing it is in `netsim.results.directory`."""

import json
import math
from dataclasses import asdict, dataclass

from netsim.results.demand import DemandResult
from netsim.results.fidelity import Fidelity
from netsim.results.parts import Json, LaneResult, LinkResult, UserResult
from netsim.results.provenance import Provenance
from netsim.units import s_from_ps


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
    partial: bool = False
    """True if the run was stopped before its time."""
    fidelity: Fidelity = Fidelity.PHOTON
    paper_source: str | None = None
    """The publication that the lanes' `paper` figures are from."""
    paper_total_skr_bps: float | None = None
    demand: DemandResult | None = None
    """What applications have got; None if the topology has none, and no thresholds."""

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
            "totals": asdict(self.totals),
            **({} if self.demand is None else {"demand": self.demand.summary()}),
            "performance": self.performance.summary(),
        }

    def summary_json(self) -> str:
        """The text of ``summary.json``."""
        return json.dumps(self.summary(), indent=2, allow_nan=False) + "\n"
