"""Key for two users over others: chooses the paths, has every pool on them pay, and tells of it.

All that a relay needs has left the pools of both ends of each hop, under an id, before anything is
said: no two relays, and no relay and application, ever get the same bits. How long it takes is the
courier's; a key that comes too late, or not before the end of the run, is lost, and paid for.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from netsim.demand.desk import OnGiven
from netsim.demand.shelf import Shelf
from netsim.demand.terms import Application
from netsim.kernel.trace import EventName, Scalar, Trace
from netsim.relay.courier import Courier, Errand, at_once
from netsim.relay.passing import Hop, arrives
from netsim.relay.paths import Path, disjoint_paths
from netsim.relay.terms import Over, RelayCounts, RelayTerms, over_text
from protocols.relay import hop_bits, message_bytes, unnoticed_probability, word_bytes


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
    courier : Courier
        Brings what users say.
    """

    shelves: Mapping[tuple[str, str], Shelf]
    is_claimed: Callable[[Shelf], bool]
    is_up: Callable[[str], bool]
    numbers: Iterator[int]
    trace: Trace
    courier: Courier = at_once


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A relay for which every pool has paid, until its messages have arrived."""

    application: Application
    number: int
    over: Over
    paths: list[list[Hop]]
    arrived_ps: int
    on_given: OnGiven


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
        """Relays that went astray, by the users on their way: those are rather avoided."""
        self._under_way: dict[int, _UnderWay] = {}

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

    def give(
        self, application: Application, arrived_ps: int, time_ps: int, on_given: OnGiven
    ) -> bool:
        """A key out of the link's own pool, else over other users."""
        direct = self._direct
        is_free = direct is not None and not self._relays.is_claimed(direct)
        if direct and is_free and direct.give(application, arrived_ps, time_ps, on_given):
            return True
        size_bits = hop_bits(application.key_bits)
        ways = self._ways(lambda shelf: shelf.free_bits >= size_bits, size_bits)
        if ways:
            self._begin(application, ways, arrived_ps, time_ps, on_given)
        return bool(ways)

    def finish(self, time_ps: int) -> None:
        """The run is over: what is still on its way comes to nothing."""
        for number in tuple(self._under_way):
            self._end(self._under_way.pop(number), time_ps, is_given=False)

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

    def _begin(
        self,
        application: Application,
        ways: tuple[Path, ...],
        arrived_ps: int,
        time_ps: int,
        on_given: OnGiven,
    ) -> None:
        """Have every pool on the way pay, and the messages set out."""
        number, over = next(self._relays.numbers), tuple(way[1:-1] for way in ways)
        paths = [
            [self._draw(application, (number, path), hop, time_ps) for hop in pairwise(way)]
            for path, way in enumerate(ways)
        ]
        started = _UnderWay(application, number, over, paths, arrived_ps, on_given)
        self._under_way[number] = started
        errand = _errand(ways, paths, application.key_bits)
        self._relays.courier(errand, time_ps, partial(self._arrive, number))

    def _arrive(self, number: int, time_ps: int) -> None:
        """All has been said: whether both ends use the key, and whether that is in time."""
        if (it := self._under_way.pop(number, None)) is None:
            return
        is_given, is_equal = self._arrives(it.over, it.paths)
        if not is_given:
            self._losses.update(user for users in it.over for user in users)
        is_given = is_given and not it.application.is_late(it.arrived_ps, time_ps)
        self._end(it, time_ps, is_given=is_given, is_equal=is_equal)
        if is_given:
            it.on_given(time_ps)

    def _end(self, it: _UnderWay, time_ps: int, *, is_given: bool, is_equal: bool = True) -> None:
        """Count and tell."""
        counts = self._counts[it.application.name]
        if is_given:
            counts.routes[it.over] += 1
            counts.unequal += not is_equal
        else:
            counts.lost += 1
        counts.unnoticed_probability += unnoticed_probability(it.application.key_bits)
        told: dict[str, Scalar] = {"is_equal": is_equal} if is_given else {}
        self._relays.trace.emit(
            EventName.KEY_RELAYED if is_given else EventName.KEY_LOST,
            time_ps=time_ps,
            link=None,
            end=None,
            application=it.application.name,
            relay=it.number,
            bits=it.application.key_bits,
            over=over_text(it.over),
            waited_ps=time_ps - it.arrived_ps,
            **told,
        )

    def _arrives(self, over: Over, paths: list[list[Hop]]) -> tuple[bool, bool]:
        """Hand the key along: whether both ends use it, and whether it is the same."""
        if any(hop.nearer for hops in paths for hop in hops):
            return arrives(paths, self._terms.dishonest)
        # The rate level has places of bits alone.
        is_equal = self._terms.dishonest.isdisjoint(user for users in over for user in users)
        return is_equal or len(paths) == 1, is_equal

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


def _errand(ways: tuple[Path, ...], paths: list[list[Hop]], key_bits: int) -> Errand:
    shares_bytes = tuple(
        tuple(
            message_bytes(hop.label, key_bits, is_first=not place) for place, hop in enumerate(hops)
        )
        for hops in paths
    )
    return Errand(ways, shares_bytes, word_bytes(paths[0][0].label))
