"""What applications have got of the key of a run: counts as the desks have kept them, and rates."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from netsim.demand.terms import ApplicationCounts, PoolCounts
from netsim.relay.terms import RelayCounts
from netsim.units import s_from_ps

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RelayResult:
    """Keys of one application that came over other users, so many ``paths`` each."""

    paths: int
    counts: RelayCounts = field(default_factory=RelayCounts)

    def summary(self) -> Json:
        """What the entry of ``summary.json`` says of it."""
        counts = self.counts
        return {
            "paths": self.paths,
            "routes": [
                {"over": [list(users) for users in over], "keys": keys}
                for over, keys in counts.routes.items()
            ],
            "paid": [{"link": link, "bits": bits} for link, bits in counts.paid_bits.items()],
            "lost": counts.lost,
            "unequal": counts.unequal,
            "unnoticed_probability": counts.unnoticed_probability,
        }


@dataclass(frozen=True, slots=True)
class ApplicationResult:
    """One application."""

    name: str
    users: tuple[str, str]
    key_bits: int
    counts: ApplicationCounts = field(default_factory=ApplicationCounts)
    relay: RelayResult | None = None

    @property
    def blocked_share(self) -> float | None:
        """Requests that went away or came to nothing, of all; None without any."""
        counts = self.counts
        blocked = counts.rejected + counts.given_up + counts.expired
        blocked += self.relay.counts.lost if self.relay else 0
        return blocked / counts.arrived if counts.arrived else None

    @property
    def mean_wait_s(self) -> float | None:
        """Of those that were served; None if none was."""
        counts = self.counts
        return s_from_ps(counts.waited_ps) / counts.served if counts.served else None

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        own = {"name": self.name, "users": list(self.users), "key_bits": self.key_bits}
        rates = {"blocked_share": self.blocked_share, "mean_wait_s": self.mean_wait_s}
        relay = {"relay": self.relay.summary()} if self.relay else {}
        return own | asdict(self.counts) | rates | relay


@dataclass(frozen=True, slots=True)
class PoolResult:
    """The pools of one link, as far as both ends have the same."""

    users: tuple[str, str]
    counts: PoolCounts = field(default_factory=PoolCounts)

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        return {"users": list(self.users)} | asdict(self.counts)


@dataclass(frozen=True, slots=True)
class DemandResult:
    """All applications of a run, and the pools that they draw from."""

    applications: tuple[ApplicationResult, ...]
    pools: tuple[PoolResult, ...]

    def summary(self) -> Json:
        """The entry of ``summary.json``."""
        return {
            "applications": [each.summary() for each in self.applications],
            "pools": [each.summary() for each in self.pools],
        }


def demand_from(entry: Json) -> DemandResult:
    """Inverse of `DemandResult.summary`; LookupError, TypeError or ValueError for what is none."""
    return DemandResult(
        tuple(_application(each) for each in entry["applications"]),
        tuple(
            PoolResult(_pair(each["users"]), PoolCounts(**_counts(PoolCounts, each)))
            for each in entry["pools"]
        ),
    )


def _application(entry: Json) -> ApplicationResult:
    counts = ApplicationCounts(**_counts(ApplicationCounts, entry))
    relay = None if entry.get("relay") is None else _relay(entry["relay"])
    return ApplicationResult(entry["name"], _pair(entry["users"]), entry["key_bits"], counts, relay)


def _relay(entry: Json) -> RelayResult:
    routes = {tuple(map(tuple, each["over"])): each["keys"] for each in entry["routes"]}
    paid_bits = {each["link"]: each["bits"] for each in entry["paid"]}
    sums = (entry["lost"], entry["unequal"], entry["unnoticed_probability"])
    return RelayResult(entry["paths"], RelayCounts(Counter(routes), Counter(paid_bits), *sums))


def _counts(kind: type[ApplicationCounts] | type[PoolCounts], entry: Json) -> Json:
    return {name: entry[name] for name in asdict(kind())}


def _pair(names: list[str]) -> tuple[str, str]:
    first, second = names
    return first, second
