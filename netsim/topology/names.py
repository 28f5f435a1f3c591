"""Whether names in a topology are unique, and name users, links and receivers that exist.

As every check, it asks for what it needs of a topology that may be valid in part only
(`netsim.topology.reading`).
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from netsim.errors import Fault, suggestion
from netsim.topology.applications import PoolSpec
from netsim.topology.changes import Deliver, UserChange
from netsim.topology.reading import has, having
from netsim.topology.receiver import ReceiverSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import DeliveredChannelSpec, LinkSpec

MAX_SHOWN = 80
"""Characters of an unknown name in a message."""

Reference = tuple[str, str | None]
"""Where something is named, and its name; None where all are meant."""


def name_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Names that stand for nothing or for two things, and users without a channel."""
    yield from _repeated_users(topology)
    if has(topology, "receivers"):
        users = having(topology.users, "receiver")
        named = ((f"users.{index}.receiver", user.receiver) for index, user in users)
        yield from _unknown("receiver", named, list(topology.receivers))
    names = [user.name for _, user in having(topology.users, "name")]
    if names and len(names) == len(topology.users):
        links = [f"{first}-{second}" for first, second in combinations(names, 2)]
        yield from _unknown("user", _named_users(topology), names)
        yield from _unknown("link", _named_links(topology), links)
    if len(topology.users) == 1:
        yield Fault("users", "one user alone has nobody to share key with: two are needed")
    yield from _repeated_links("links", topology.links)
    yield from _repeated_links("pools", topology.pools)
    yield from _repeated_applications(topology)
    yield from _unserved_users(topology)


def receivers_of(topology: TopologySpec) -> Mapping[str, ReceiverSpec]:
    """Receivers by name; none where that is no table."""
    return topology.receivers if has(topology, "receivers") else {}


def outlet_of(entry: DeliveredChannelSpec) -> tuple[str, ...] | None:
    """Who gets a channel; None where that is not valid."""
    if not has(entry, "user", "users") or (entry.user is None) == (entry.users is None):
        return None
    return entry.receivers


def _named_users(topology: TopologySpec) -> Iterator[Reference]:
    """Everywhere that a user is named."""
    for index, entry in enumerate(topology.qnsp.channels):
        for position, name in enumerate(outlet_of(entry) or ()):
            key = "user" if entry.users is None else f"users.{position}"
            yield f"qnsp.channels.{index}.{key}", name
    lanes = () if topology.paper is None else topology.paper.lanes
    pairs = {f"paper.lanes.{k}": lane.users for k, lane in having(lanes, "users")}
    pairs |= {f"applications.{k}": e.users for k, e in having(topology.applications, "users")}
    pairs |= {f"pools.{k}": pool.users for k, pool in having(topology.pools, "users")}
    pairs |= {f"links.{k}": link.users for k, link in having(topology.links, "users")}
    for path, names in pairs.items():
        yield from ((f"{path}.users.{position}", name) for position, name in enumerate(names))
    yield from _named_on_the_way(topology)
    yield from ((f"crashes.{k}.user", crash.user) for k, crash in having(topology.crashes, "user"))
    yield from ((f"taps.{k}.sender", tap.sender) for k, tap in having(topology.taps, "sender"))
    yield from (
        (f"events.{k}.user", event.user)
        for k, event in having(topology.events, "user")
        if isinstance(event, UserChange)
    )
    yield from (
        (f"observers.{k}.user", each.user) for k, each in having(topology.observers, "user")
    )


def _named_on_the_way(topology: TopologySpec) -> Iterator[Reference]:
    """Everywhere that a user is named whom a relayed key may pass."""
    for index, each in having(topology.applications, "relay"):
        for key in ("through", "dishonest"):
            names = getattr(each.relay, key) if each.relay and has(each.relay, key) else None
            for position, name in enumerate(names or ()):
                yield f"applications.{index}.relay.{key}.{position}", name


def _named_links(topology: TopologySpec) -> Iterator[Reference]:
    """Everywhere that a link is named."""
    changes, outages = topology.classical.bandwidth_changes, topology.classical.outages
    named = {f"classical.bandwidth_changes.{k}": e.link for k, e in having(changes, "link")}
    named |= {f"classical.outages.{k}": outage.link for k, outage in having(outages, "link")}
    named |= {f"taps.{k}": tap.link for k, tap in having(topology.taps, "link")}
    yield from ((f"{path}.link", link) for path, link in named.items())


def _unknown(kind: str, named: Iterable[Reference], known: list[str]) -> Iterator[Fault]:
    """References to what does not exist, with what was probably meant."""
    existing = set(known)
    for path, name in named:
        if name is not None and name not in existing:
            turned = "-".join(reversed(name.split("-")))
            meant = turned if turned in existing else suggestion(name, known)
            hint = f", did you mean {meant}?" if meant else ""
            yield Fault(path, f"unknown {kind} {name[:MAX_SHOWN]}{hint}")


def _repeated_users(topology: TopologySpec) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, user in having(topology.users, "name"):
        if user.name in seen:
            yield Fault(f"users.{index}.name", f"there are two users called {user.name}")
        seen.add(user.name)


def _repeated_links(section: str, entries: Iterable[LinkSpec | PoolSpec]) -> Iterator[Fault]:
    """Links that are described twice in a section, or join a user to itself."""
    seen: set[frozenset[str]] = set()
    for index, link in having(entries, "users"):
        pair = frozenset(link.users)
        if len(pair) == 1:
            yield Fault(f"{section}.{index}.users", "one user, no link")
        elif pair in seen:
            yield Fault(f"{section}.{index}.users", "this link is given twice")
        seen.add(pair)


def _repeated_applications(topology: TopologySpec) -> Iterator[Fault]:
    """Applications of one name, or between a user and itself."""
    seen: set[str] = set()
    for index, each in having(topology.applications, "name", "users"):
        if each.users[0] == each.users[1]:
            yield Fault(f"applications.{index}.users", "one user, no link")
        if each.name in seen:
            yield Fault(f"applications.{index}.name", f"there are two called {each.name}")
        seen.add(each.name)


def _unserved_users(topology: TopologySpec) -> Iterator[Fault]:
    """Users who get no channel, neither at first nor by an event."""
    outlets = [outlet_of(entry) for entry in topology.qnsp.channels]
    if not outlets or None in outlets:
        return
    served = {name for outlet in outlets for name in outlet or ()}
    events = (event for _, event in having(topology.events, "users"))
    served |= {name for event in events if isinstance(event, Deliver) for name in event.users}
    for index, user in having(topology.users, "name"):
        if user.name not in served:
            yield Fault(f"users.{index}", f"{user.name} gets no channel")
