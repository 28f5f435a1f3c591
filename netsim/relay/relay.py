"""Key for two users over others: chooses the paths, has every pool on them pay, and tells of it.

All that a relay needs has left the pools of both ends of each hop, under an id, before anything is
said: no two relays, and no relay and application, ever get the same bits. It takes no time.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from netsim.demand.shelf import Shelf
from netsim.demand.terms import Application, Outcome
from netsim.kernel.trace import EventName, Scalar, Trace
from netsim.relay.passing import Hop, arrives
from netsim.relay.paths import Path, disjoint_paths
from netsim.relay.terms import Over, RelayCounts, RelayTerms, over_text
from protocols.relay import hop_bits, unnoticed_probability


@dataclass(frozen=True, slots=True)
class Relays:
    """What all relays of a run have in common.

    Attributes
    ----------
    shelves : mapping
        Of all links, by their users in the order of the link.
    is_claimed : callable
        Whether the applications of a link wait for its key: relays leave it to them.
    is_up : callable
        Whether a user can hand on anything now.
    numbers : iterator of int
        One for each relay.
    trace : Trace
        Told of every hop, and of every key.
    """

    shelves: Mapping[tuple[str, str], Shelf]
    is_claimed: Callable[[Shelf], bool]
    is_up: Callable[[str], bool]
    numbers: Iterator[int]
    trace: Trace


class Relay:
    """Source of key for the applications of two users, see `netsim.demand.desk.KeySource`.

    Where the two share a link, what its pool has comes first, and nobody is to be trusted.

    Parameters
    ----------
    users : tuple of str
        From whom to whom.
    terms : RelayTerms
    relays : Relays

    """

    def __init__(self, users: tuple[str, str], terms: RelayTerms, relays: Relays) -> None:
        self._counts = defaultdict[str, RelayCounts](RelayCounts)
        self._users = users
        self._terms = terms
        self._relays = relays
        self._direct = relays.shelves.get(users) or relays.shelves.get(users[::-1])
        self._hops = {
            pair: shelf
            for pair, shelf in relays.shelves.items()
            if set(pair) != set(users) and all(map(terms.allows, set(pair).difference(users)))
        }
        self._losses = Counter[str]()
        """Relays that were lost, by the users on their way: those are rather avoided."""

    def counts_of(self, application: str) -> RelayCounts:
        """What has become of the relays of one application."""
        return self._counts[application]

    @property
    def is_low(self) -> bool:
        """Whether every way to a key has a pool below its threshold."""
        if self._direct is not None and not self._direct.is_low:
            return False
        return not self._ways(lambda shelf: not shelf.is_low, 0)

    def lack(self, time_ps: int) -> None:
        """A request has found too little key, in the link's own pool as well if there is one."""
        if self._direct is not None:
            self._direct.lack(time_ps)

    def give(self, application: Application, arrived_ps: int, time_ps: int) -> Outcome:
        """A key out of the link's own pool, else over other users."""
        direct = self._direct
        if direct is not None and not self._relays.is_claimed(direct):
            outcome = direct.give(application, arrived_ps, time_ps)
            if outcome is not Outcome.SHORT:
                return outcome
        size_bits = hop_bits(application.key_bits)
        ways = self._ways(lambda shelf: shelf.free_bits >= size_bits, size_bits)
        return self._relay(application, ways, arrived_ps, time_ps) if ways else Outcome.SHORT

    def _ways(self, has_key: Callable[[Shelf], bool], size_bits: int) -> tuple[Path, ...]:
        """Paths for ``size_bits`` a hop; none if there are too few.

        A hop costs 1, the share of its stock and the share of all its key so far that it takes: few
        trusted users first, then links that have much and make much.
        """
        costs = {
            pair: 1.0
            + size_bits / max(1, shelf.free_bits)
            + size_bits / max(1, shelf.counts.offered_bits)
            + sum(self._losses[user] for user in pair)
            for pair, shelf in self._hops.items()
            if has_key(shelf) and self._is_open(pair) and not self._relays.is_claimed(shelf)
        }
        return disjoint_paths(costs, *self._users, self._terms.paths)

    def _is_open(self, pair: tuple[str, str]) -> bool:
        return all(self._relays.is_up(user) for user in pair)

    def _relay(
        self, application: Application, ways: tuple[Path, ...], arrived_ps: int, time_ps: int
    ) -> Outcome:
        counts = self._counts[application.name]
        number, over = next(self._relays.numbers), tuple(way[1:-1] for way in ways)
        paths = [
            [self._draw(application, (number, path), hop, time_ps) for hop in pairwise(way)]
            for path, way in enumerate(ways)
        ]
        is_given, is_equal = self._arrives(over, paths)
        self._count(counts, over, is_given=is_given, is_equal=is_equal)
        counts.unnoticed_probability += unnoticed_probability(application.key_bits)
        told: dict[str, Scalar] = {"is_equal": is_equal} if is_given else {}
        self._relays.trace.emit(
            EventName.KEY_RELAYED if is_given else EventName.KEY_LOST,
            time_ps=time_ps,
            link=None,
            end=None,
            application=application.name,
            relay=number,
            bits=application.key_bits,
            over=over_text(over),
            waited_ps=time_ps - arrived_ps,
            **told,
        )
        return Outcome.SERVED if is_given else Outcome.LOST

    def _arrives(self, over: Over, paths: list[list[Hop]]) -> tuple[bool, bool]:
        """Hand the key along: whether both ends use it, and whether it is the same."""
        if any(hop.nearer for hops in paths for hop in hops):
            return arrives(paths, self._terms.dishonest)
        # The rate level has places of bits alone.
        is_equal = self._terms.dishonest.isdisjoint(user for users in over for user in users)
        return is_equal or len(paths) == 1, is_equal

    def _count(self, counts: RelayCounts, over: Over, *, is_given: bool, is_equal: bool) -> None:
        if is_given:
            counts.routes[over] += 1
            counts.unequal += not is_equal
        else:
            counts.lost += 1
            self._losses.update(user for users in over for user in users)

    def _draw(
        self, application: Application, place: tuple[int, int], hop: tuple[str, str], time_ps: int
    ) -> Hop:
        """Reserve the bits of one hop: they leave both pools for this relay."""
        shelf = self._hops.get(hop) or self._hops[hop[::-1]]
        number, path = place
        size_bits = hop_bits(application.key_bits)
        keys = shelf.draw(
            size_bits,
            time_ps,
            EventName.RELAY_HOP,
            application=application.name,
            relay=number,
            path=path,
            nearer=hop[0],
        )
        self._counts[application.name].paid_bits[shelf.link] += size_bits
        nearer, farther = keys if hop in self._hops else keys[::-1]
        label = f"{number} {path} {shelf.link} {hop[0]} {keys[0].id}".encode()
        return Hop(hop[0], label, nearer.bits, farther.bits)
