"""What a run found, as a whole. Reading and writing it is in `netsim.results.directory`."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from html import escape
from typing import Any, TypeVar

from netsim.results.demand import DemandResult
from netsim.results.fidelity import Fidelity
from netsim.results.frames import arrow_table, data_frame, html_table
from netsim.results.histograms import LaneHistogram
from netsim.results.parts import Json, LaneResult, LinkResult, UserResult
from netsim.results.provenance import Provenance
from netsim.results.rows import lane_row, link_row, user_row
from netsim.units import s_from_ps

P = TypeVar("P", LaneResult, LinkResult, UserResult, LaneHistogram)
"""A part of a run; equal parts add."""
KEPT_TABLES = ("rounds", "ledger", "pools")
"""Those that a run directory holds."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the network."""

    skr_asymptotic_bps: float
    skr_error_bps: float
    """Standard error of the former, lanes being independent."""
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

    def __add__(self, other: "Performance") -> "Performance":
        return Performance(self.wall_s + other.wall_s, self.tags + other.tags)

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
    histograms: tuple[LaneHistogram, ...] = ()
    """Of each lane, where they were asked for; in the order of `lanes`."""
    more_seeds: tuple[int, ...] = ()
    """Of a sum of runs, the seeds of all but the first."""
    kept: Callable[[str], list[Json]] | None = field(default=None, compare=False, repr=False)
    """Rows of what lies in its directory, by the name of the table; None if none was kept."""

    def __post_init__(self) -> None:
        parts: tuple[LaneResult | LinkResult | UserResult, ...] = (
            *self.lanes,
            *self.links,
            *self.users,
        )
        for part in parts:
            if part.duration_ps != self.duration_ps:
                raise ValueError(f"{part} does not cover the run's {self.duration_ps} ps")

    def __add__(self, other: "Run") -> "Run":
        """More light of the same network: counts and times add, so that errors shrink.

        A sum has no directory, and histograms only where both runs have them.

        Raises
        ------
        ValueError
            The runs are of different networks, levels or versions, share a seed (the same light
            would count twice), have applications, whose waits do not add, or are of a network that
            changes and not equally long.
        """
        if not isinstance(other, Run):
            return NotImplemented
        _check_sum(self, other)
        has_both = bool(self.histograms and other.histograms)
        return replace(
            self,
            lanes=_sums(self.lanes, other.lanes),
            links=_sums(self.links, other.links),
            users=_sums(self.users, other.users),
            duration_ps=self.duration_ps + other.duration_ps,
            performance=self.performance + other.performance,
            partial=self.partial or other.partial,
            histograms=_sums(self.histograms, other.histograms) if has_both else (),
            more_seeds=(*self.more_seeds, *other.seeds),
            kept=None,
        )

    @property
    def seeds(self) -> tuple[int, ...]:
        """One, or those of all runs of a sum."""
        return (self.seed, *self.more_seeds)

    @property
    def duration_s(self) -> float:
        """Seconds of light that were simulated."""
        return s_from_ps(self.duration_ps)

    @property
    def announcers(self) -> dict[str, str]:
        """Name of each link to the user who announces."""
        return {"-".join(link.users): link.users[0] for link in self.links}

    def rows(self, table: str) -> list[Json]:
        """A table of the run, a mapping from column to value each row.

        Parameters
        ----------
        table : str
            ``lanes``, ``links`` and ``users`` of any run; ``rounds``, ``ledger`` and ``pools``
            (levels over time, at each end and at both alike) of one that was kept in a directory.

        Raises
        ------
        ValueError
            There is no such table, or the run was not kept.
        """
        if table in _OWN_TABLES:
            return _OWN_TABLES[table](self)
        if table not in KEPT_TABLES:
            known = ", ".join((*_OWN_TABLES, *KEPT_TABLES))
            raise ValueError(f"no table {table!a}; there are {known}")
        if self.kept is None:
            if self.more_seeds:
                raise ValueError(f"{table} are of one run: those that were added have their own")
            raise ValueError(f"{table} are of a run that was kept: simulate(..., out=DIR)")
        return self.kept(table)

    def to_arrow(self, table: str) -> Any:
        """A table as a `pyarrow.Table`; names as in `rows`, needs the extra ``arrow``."""
        return arrow_table(self.rows(table))

    def to_pandas(self, table: str) -> Any:
        """A table as a `pandas.DataFrame`; names as in `rows`, needs the extra ``arrow``."""
        return data_frame(self.rows(table))

    def _repr_html_(self) -> str:
        """What notebooks show: lanes beside the twin, and links."""
        light = f"{self.duration_s:g} s of light, seed {' + '.join(map(str, self.seeds))}"
        head = f"<p>{escape(self.topology)}: {light}{', partial' * self.partial}</p>"
        lanes, links = (html_table(self.rows(name)) for name in ("lanes", "links"))
        return f"{head}{lanes}{links}"

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
            skr_error_bps=math.hypot(*(lane.skr_error_bps or 0.0 for lane in self.lanes)),
            net_key_bps=math.fsum(link.net_key_bps for link in self.links),
        )

    def summary(self) -> Json:
        """Content of ``summary.json``; the same for each run of one seed, but for `performance`."""
        return {
            "topology": self.topology,
            "seed": int(self.seed),
            **({"more_seeds": list(self.more_seeds)} if self.more_seeds else {}),
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


def _sums(mine: tuple[P, ...], theirs: tuple[P, ...]) -> tuple[P, ...]:
    return tuple(one + other for one, other in zip(mine, theirs, strict=True))


def _check_sum(one: Run, other: Run) -> None:
    """Raise ValueError where two runs do not add up."""
    if one.provenance.topology_sha256 != other.provenance.topology_sha256:
        names = dict.fromkeys((one.topology, other.topology))
        which = " and ".join(names) if len(names) > 1 else f"{one.topology}'s numbers differ"
        raise ValueError(f"runs of different networks do not add up: {which}")
    for name in ("fidelity", "provenance"):
        if getattr(one, name) != getattr(other, name):
            raise ValueError(f"runs of different {name} do not add up")
    if shared := set(one.seeds) & set(other.seeds):
        raise ValueError(f"both runs have seed {min(shared)}: the same light would count twice")
    if one.demand is not None or other.demand is not None:
        raise ValueError("runs with applications do not add up: their waits are of one run")
    pairs = zip(one.lanes, other.lanes, strict=True)
    if any(mine.summary()["twin"] != its.summary()["twin"] for mine, its in pairs):
        raise ValueError(
            "runs of a network that changes add up where they are equally long: what is expected "
            f"differs in {one.duration_s:g} s and {other.duration_s:g} s"
        )


_OWN_TABLES: Mapping[str, Callable[[Run], list[Json]]] = {
    "lanes": lambda run: list(map(lane_row, run.lanes)),
    "links": lambda run: list(map(link_row, run.links)),
    "users": lambda run: list(map(user_row, run.users)),
}
