"""Key for two users without light, or without enough key, over others who have to be trusted.

The key of a hop is given by the manager at its nearer end and collected by the one at its farther
end as any other key is, for applications that are these managers: both ends of every hop pay, each
bit once, whatever is killed. What the two ends then agree to have the same of, they take in as a
block, from which keys are cut like from any block. A process that is killed in between leaves hops
that are paid and lost, or a block at one end, which the next start drops.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netsim.delivery.directory import Directory, kme_id
from netsim.delivery.keys import Collection, DeliveredKey, Order, RefusedError
from netsim.delivery.manager import KeyManager, Outcome
from netsim.delivery.store import ManagerStore
from netsim.errors import OutputError
from netsim.pools.key import KeyBlock, Piece
from netsim.relay.passing import Hop, Passed, pass_key
from netsim.relay.paths import Path, disjoint_paths
from netsim.relay.terms import RelayTerms, over_text
from protocols.errors import RemoteProtocolError
from protocols.relay import hop_bits

Tell = Callable[..., None]
"""Takes what has happened, and values without key."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The key of one hop, and its id at both ends."""

    id: str
    hop: Hop


class Relays:
    """All relays of one process; of the thread of its managers.

    Parameters
    ----------
    directory : Directory
        With who may have key relayed.
    managers, stores : mapping
        By user.
    tell : callable
    """

    def __init__(
        self,
        directory: Directory,
        managers: Mapping[str, KeyManager],
        stores: Mapping[str, ManagerStore],
        tell: Tell,
    ) -> None:
        self._directory = directory
        self._managers = managers
        self._stores = stores
        self._tell = tell

    def within_reach_bits(self, one: str, other: str) -> int:
        """How much the fullest ways would bring at once, whole bytes; 0 if there are none."""
        terms = self._directory.relayed.get(frozenset({one, other}))
        if terms is None:
            return 0
        free_bits, least_bits = self._free_bits(), hop_bits(0)
        sizes_bits = sorted({least_bits, *(b for b in free_bits.values() if b > least_bits)})
        count = bisect_left(
            sizes_bits,
            True,  # noqa: FBT003 - from where on there are no ways
            key=lambda size_bits: not _ways(free_bits, one, other, terms, size_bits),
        )
        return (sizes_bits[count - 1] - least_bits) // 8 * 8 if count else 0

    def bring(self, one: str, other: str, bits: int) -> bool:
        """Have ``bits``, or a few more, come to both users; False where that cannot be.

        Raises
        ------
        OutputError
            A file cannot be written; what is paid is lost.
        """
        terms = self._directory.relayed.get(frozenset({one, other}))
        whole_bits = -(-bits // 8) * 8
        if terms is None:
            return False
        ways = _ways(self._free_bits(), one, other, terms, hop_bits(whole_bits))
        if not ways:
            return False
        over = over_text([way[1:-1] for way in ways])
        told = {"between": f"{one}-{other}", "over": over, "bits": whole_bits}
        try:
            paths = [self._draw(way, hop_bits(whole_bits)) for way in ways]
            passed = pass_key([[each.hop for each in path] for path in paths], terms.dishonest)
        except (RefusedError, RemoteProtocolError):
            self._tell("relay_lost", **told)
            return False
        if not passed.is_accepted:
            self._tell("relay_lost", **told)
            return False
        self._take_in(one, other, passed, over, [each.id for path in paths for each in path])
        self._tell("relayed", **told, paid_bits=hop_bits(whole_bits))
        return True

    def _free_bits(self) -> dict[tuple[str, str], int]:
        """What both ends of each link may give; nothing of what was itself relayed."""
        return {
            (nearer, farther): min(self._stores[user].light_bits(link) for user in both)
            - self._directory.minimum_bits(link)
            for both, link in self._directory.links.items()
            if link not in self._directory.dark
            for nearer, farther in (sorted(both),)
        }

    def _draw(self, way: Path, size_bits: int) -> list[_Drawn]:
        return [self._draw_hop(hop, size_bits) for hop in pairwise(way)]

    def _draw_hop(self, hop: tuple[str, str], size_bits: int) -> _Drawn:
        """RefusedError where one of the two managers does not have it."""
        nearer, farther = hop
        link, ends = self._directory.link_between(*hop), (kme_id(nearer), kme_id(farther))
        order = Order(*ends, farther, str(link), 1, size_bits)
        given = _met(self._managers[nearer].give_own([order]))
        collection = Collection(ends[1], ends[0], (given.id,))
        fetched = _met(self._managers[farther].fetch([collection]))
        label = f"{link} {nearer} {given.id}".encode()
        return _Drawn(given.id, Hop(nearer, label, given.bits, fetched.bits))

    def _take_in(
        self, one: str, other: str, passed: Passed, over: str, hops: Sequence[str]
    ) -> None:
        """Into both files; into none if the second cannot be written."""
        link = str(self._directory.link_between(one, other))
        stores = self._stores[one], self._stores[other]
        number = max(store.next_relayed(link) for store in stores)
        stores[0].take_in_relayed(link, _block(number, passed.sent), over, hops)
        try:
            stores[1].take_in_relayed(link, _block(number, passed.received), over, hops)
        except OutputError:
            stores[0].drop(link, [number])
            raise


def _ways(
    free_bits: Mapping[tuple[str, str], int],
    one: str,
    other: str,
    terms: RelayTerms,
    size_bits: int,
) -> tuple[Path, ...]:
    """Those of the least cost; a hop costs 1 and the share of its stock that it takes."""
    costs = {
        pair: 1.0 + size_bits / bits
        for pair, bits in free_bits.items()
        if (between := set(pair) - {one, other}) and all(map(terms.allows, between))
        if bits >= size_bits
    }
    return disjoint_paths(costs, one, other, terms.paths)


def _block(number: int, key: bytes) -> KeyBlock:
    size_bits = 8 * len(key)
    return KeyBlock(number, key, size_bits, (Piece(number, 0, size_bits),))


def _met(outcomes: Iterable[Outcome]) -> DeliveredKey:
    """The key of a request for one."""
    (outcome,) = outcomes
    if isinstance(outcome, RefusedError):
        raise outcome
    (key,) = outcome
    return key
