"""Whether the key that the twin expects is enough for a topology's applications, and what would be.

In the long run, by mean rates: pools even out the rest, see `netsim.relay.flow`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from netsim.demand.kinds import ARRIVALS
from netsim.errors import ConfigError
from netsim.relay.flow import Fulfilled, ShareOut, Wish, share_out
from netsim.relay.terms import RelayTerms
from netsim.topology.applications import ApplicationSpec
from netsim.topology.source import CrystalSourceSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.twin.forecast import Forecast, predict
from protocols.relay import hop_bits

ENOUGH = 1.0 - 1e-6
"""Share of a wish that counts as all of it: it is fulfilled in parts."""
FACTORS = tuple(2.0 ** (step / 4) for step in (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 8, -8))
"""Of the pumps' power, the nearest first, from a quarter to four times."""
PATHS = (1, 2)
"""So many paths are tried for who has no relay."""


@dataclass(frozen=True, slots=True)
class ApplicationForecast:
    """What one application should get.

    Attributes
    ----------
    wish : Wish
    fulfilled : Fulfilled
    """

    wish: Wish
    fulfilled: Fulfilled

    @property
    def share(self) -> float:
        """Of what it wants."""
        return self.fulfilled.key_bps / self.wish.key_bps

    def summary(self) -> dict[str, Any]:
        """As ``netsim twin --json`` prints it; who knows a relayed key, path by path."""
        return {
            "name": self.wish.name,
            "users": self.wish.users,
            "wanted_bps": self.wish.key_bps,
            "direct_bps": self.fulfilled.direct_bps,
            "relayed": [
                {"known_to": over, "key_bps": bps}
                for over, bps in self.fulfilled.relayed_bps.items()
            ],
            "share": self.share,
        }


@dataclass(frozen=True, slots=True)
class DemandForecast:
    """What all applications should get.

    Attributes
    ----------
    applications : tuple of ApplicationForecast
    made_bps, left_bps : dict
        Net key of each link that makes some, and what nobody takes, by users.
    """

    applications: tuple[ApplicationForecast, ...]
    made_bps: dict[tuple[str, str], float]
    left_bps: dict[tuple[str, str], float]

    @property
    def short(self) -> tuple[ApplicationForecast, ...]:
        """Those that do not get all that they want."""
        return tuple(each for each in self.applications if each.share < ENOUGH)

    def summary(self) -> dict[str, Any]:
        """As ``netsim twin --json`` prints it; links by their users."""
        return {
            "applications": [each.summary() for each in self.applications],
            "left": [
                {"users": users, "made_bps": made_bps, "left_bps": self.left_bps[users]}
                for users, made_bps in self.made_bps.items()
            ],
        }


def expect_demand(topology: TopologySpec, forecast: Forecast | None = None) -> DemandForecast:
    """What the applications of a topology should get.

    Parameters
    ----------
    topology : TopologySpec
    forecast : Forecast, optional
        Of it, if there is one already.

    Raises
    ------
    ConfigError
        The arrivals of an application cannot be made.
    """
    return _share(tuple(_wishes(topology)), forecast or predict(topology))


def wanted_bps(topology: TopologySpec) -> dict[tuple[str, str], float]:
    """Key that all applications of two users want together; ConfigError as `expect_demand`."""
    return _by_users(tuple(_wishes(topology)))


def _by_users(wishes: Iterable[Wish]) -> dict[tuple[str, str], float]:
    wanted: dict[tuple[str, str], float] = {}
    for wish in wishes:
        one, other = sorted(wish.users)
        wanted[one, other] = wanted.get((one, other), 0.0) + wish.key_bps
    return wanted


def _share(wishes: Sequence[Wish], forecast: Forecast) -> DemandForecast:
    made = {link.users: max(0.0, link.net_key_bps or 0.0) for link in forecast.links}
    found: ShareOut = share_out(wishes, made)
    applications = tuple(ApplicationForecast(wish, found.fulfilled[wish.name]) for wish in wishes)
    return DemandForecast(applications, made, found.left_bps)


def remedies(topology: TopologySpec, found: DemandForecast) -> Iterator[str]:
    """What would serve those who fall short, in words; nothing if nobody does."""
    for each in found.short:
        yield from _relays(topology, found, each)
    if found.short:
        yield _power(topology, found)


def another_allocation(found: DemandForecast) -> Iterator[str]:
    """How to plan channels for those who fall short, and all others; nothing if nobody does."""
    if found.short:
        yield f"another allocation: netsim plan {_options(found)}"


def _relays(
    topology: TopologySpec, found: DemandForecast, short: ApplicationForecast
) -> Iterator[str]:
    """Ways over others, for one that has none."""
    if short.wish.terms is not None:
        return
    forecast = predict(topology)
    for paths in PATHS:
        wish = replace(short.wish, terms=RelayTerms(paths))
        wishes = [wish if each.wish == short.wish else each.wish for each in found.applications]
        tried = _share(wishes, forecast)
        (got,) = (each for each in tried.applications if each.wish == wish)
        harmed = {each.wish.name for each in tried.short} - {each.wish.name for each in found.short}
        if got.share > short.share and not harmed:
            yield f"{wish.name}: relay = {{paths = {paths}}} would bring {got.share:.0%}"


def _power(topology: TopologySpec, found: DemandForecast) -> str:
    best_factor, best_share = 1.0, min(each.share for each in found.applications)
    for factor in FACTORS:
        tried = expect_demand(_pumped(topology, factor))
        share = min(each.share for each in tried.applications)
        if share > best_share:
            best_factor, best_share = factor, share
        if share >= ENOUGH:
            return f"{factor:.2f} times the pump power would serve all"
    best = f"at {best_factor:.2f} times the present one the poorest gets {best_share:.0%}"
    return f"no pump power between a quarter and four times serves all: {best}"


def _options(found: DemandForecast) -> str:
    wanted = _by_users(each.wish for each in found.applications)
    least_bps = min(wanted.values())
    users = sorted({user for pair in wanted for user in pair})
    demand = ",".join(f"{'-'.join(pair)}={bps / least_bps:.3g}" for pair, bps in wanted.items())
    return f"--users {','.join(users)} --demand {demand} --objective poorest"


def _pumped(topology: TopologySpec, factor: float) -> TopologySpec:
    source = topology.qnsp.source
    match source:
        case RingSourceSpec():
            pumps = tuple(
                pump.model_copy(update={"power_mw": factor * pump.power_mw})
                for pump in source.pumps
            )
            changed: RingSourceSpec | CrystalSourceSpec = source.model_copy(update={"pumps": pumps})
        case CrystalSourceSpec():
            power_mw = factor * source.pump_power_mw
            changed = source.model_copy(update={"pump_power_mw": power_mw})
        case _:
            assert_never(source)
    qnsp = topology.qnsp.model_copy(update={"source": changed})
    return topology.model_copy(update={"qnsp": qnsp})


def _wishes(topology: TopologySpec) -> Iterator[Wish]:
    for index, spec in enumerate(topology.applications):
        yield Wish(
            spec.name,
            spec.users,
            spec.key_bits * _rate_hz(index, spec),
            hop_bits(spec.key_bits) / spec.key_bits,
            None if spec.relay is None else spec.relay.terms,
            spec.priority,
        )


def _rate_hz(index: int, spec: ApplicationSpec) -> float:
    try:
        return ARRIVALS.get(spec.arrivals).rate_hz(spec.options)
    except ValueError as error:
        raise ConfigError.of(f"applications.{index}.options", str(error)) from error
