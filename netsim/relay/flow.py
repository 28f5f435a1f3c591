"""Which of several wishes for key the links can fulfil in the long run, directly and over others.

Rates alone, and no time: what pools hold at first and how requests bunch is not in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from netsim.relay.paths import Path, disjoint_paths
from netsim.relay.terms import Over, RelayTerms

SLICES = 64
"""A wish is fulfilled over others part by part: so finely may it be spread over several ways."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants how much.

    Attributes
    ----------
    name : str
    users : tuple of str
    key_bps : float
    hop_factor : float
        Bits that each hop of a relay pays for one of key.
    terms : RelayTerms or None
        None if nobody else is to be on the way.
    priority : int
        The higher one is fulfilled first.
    """

    name: str
    users: tuple[str, str]
    key_bps: float
    hop_factor: float
    terms: RelayTerms | None = None
    priority: int = 0


@dataclass(slots=True)
class Fulfilled:
    """What a wish gets, bit/s."""

    direct_bps: float = 0.0
    relayed_bps: dict[Over, float] = field(default_factory=dict)

    @property
    def key_bps(self) -> float:
        """All of it."""
        return self.direct_bps + sum(self.relayed_bps.values())


@dataclass(frozen=True, slots=True)
class ShareOut:
    """What becomes of all key.

    Attributes
    ----------
    fulfilled : dict
        By the name of the wish.
    left_bps : dict
        Of each link, by its users.
    """

    fulfilled: dict[str, Fulfilled]
    left_bps: dict[tuple[str, str], float]


def share_out(wishes: Sequence[Wish], made_bps: Mapping[tuple[str, str], float]) -> ShareOut:
    """Give every wish what there is.

    Each gets its own link's key first, those of one priority alike. What is lacking then comes over
    others where it may, part by part, over the paths of the least cost: a hop costs 1 and the share
    of what is left of its link that it takes.

    Parameters
    ----------
    wishes : sequence of Wish
        Each with a name of its own.
    made_bps : mapping
        Key that the links make, by their users in any order; below 0 as 0.
    """
    left = {pair: max(0.0, bps) for pair, bps in made_bps.items()}
    found = ShareOut({wish.name: Fulfilled() for wish in wishes}, left)
    priorities = sorted({wish.priority for wish in wishes}, reverse=True)
    for priority in priorities:
        _fulfil_directly([wish for wish in wishes if wish.priority == priority], found)
    for priority in priorities:
        _fulfil_over_others([wish for wish in wishes if wish.priority == priority], found)
    return found


def _fulfil_directly(wishes: Iterable[Wish], found: ShareOut) -> None:
    """Of one priority: all alike, where there is not enough."""
    by_link: dict[tuple[str, str], list[Wish]] = {}
    for wish in wishes:
        for pair in found.left_bps.keys() & {wish.users, wish.users[::-1]}:
            by_link.setdefault(pair, []).append(wish)
    for pair, at_link in by_link.items():
        wanted_bps = sum(wish.key_bps for wish in at_link)
        share = min(1.0, found.left_bps[pair] / wanted_bps)
        found.left_bps[pair] -= share * wanted_bps
        for wish in at_link:
            found.fulfilled[wish.name].direct_bps = share * wish.key_bps


def _fulfil_over_others(wishes: Iterable[Wish], found: ShareOut) -> None:
    """Of one priority: in turn, a part of each at a time."""
    lacking = [
        (wish, wish.terms, (wish.key_bps - found.fulfilled[wish.name].key_bps) / SLICES)
        for wish in wishes
        if wish.terms is not None
    ]
    for _ in range(SLICES):
        for wish, terms, slice_bps in lacking:
            _pass(wish, terms, slice_bps, found)


def _pass(wish: Wish, terms: RelayTerms, slice_bps: float, found: ShareOut) -> None:
    """As much of a part as there are paths for: each time all of it, or a link is used up."""
    least_bps = 1e-9 * wish.key_bps
    relayed_bps = found.fulfilled[wish.name].relayed_bps
    while slice_bps > least_bps:
        ways = _ways(wish, terms, slice_bps, found.left_bps)
        hops = [_pair(hop, found.left_bps) for way in ways for hop in pairwise(way)]
        if not hops:
            return
        passed_bps = min(slice_bps, min(found.left_bps[pair] for pair in hops) / wish.hop_factor)
        for pair in hops:
            left_bps = found.left_bps[pair] - passed_bps * wish.hop_factor
            found.left_bps[pair] = left_bps if left_bps > least_bps else 0.0
        over = tuple(way[1:-1] for way in ways)
        relayed_bps[over] = relayed_bps.get(over, 0.0) + passed_bps
        slice_bps -= passed_bps


def _ways(
    wish: Wish, terms: RelayTerms, key_bps: float, left: Mapping[tuple[str, str], float]
) -> tuple[Path, ...]:
    costs = {
        pair: 1.0 + key_bps * wish.hop_factor / left_bps
        for pair, left_bps in left.items()
        if left_bps
        and set(pair) != set(wish.users)
        and all(map(terms.allows, set(pair).difference(wish.users)))
    }
    return disjoint_paths(costs, *wish.users, terms.paths)


def _pair(hop: tuple[str, str], left: Mapping[tuple[str, str], float]) -> tuple[str, str]:
    return hop if hop in left else hop[::-1]
