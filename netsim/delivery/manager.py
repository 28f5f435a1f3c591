"""The key manager of one user (KME): gives keys to masters, and the same keys to their slaves.

Law of this module: a key is delivered once a side, and marked so on the disk before it is answered.
Requests are met several at once, so that a flush of the disk serves all of them.

Two managers agree on each key in two steps. The master's manager sets bits aside (reserved); the
slave's sets the same bits aside for that slave (promised); only then are they marked as delivered,
overwritten, and answered. What they tell each other is id, place and names, never key. Where the
second step fails or is not heard, the first is undone at both ends, the slave's first: the id has
been told to nobody, so no slave can have come for the key. A manager that was killed in between
does the same when it starts; bits of an unanswered key are free again, unless it had been marked.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from netsim.delivery.directory import Directory, kme_id
from netsim.delivery.keys import (
    UNKNOWN_KEYS,
    BadRequestError,
    Collection,
    CutKey,
    DeliveredKey,
    KeyState,
    Order,
    RefusedError,
    StrangerError,
    UnavailableError,
)
from netsim.delivery.store import ManagerStore
from netsim.errors import OutputError
from netsim.pools.key import ShortageError

Outcome = tuple[DeliveredKey, ...] | RefusedError
"""Of one request among several."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a manager gives at most; sizes in bits."""

    key_size: int = 256
    """If none is asked for."""
    min_key_size: int = 64
    max_key_size: int = 8192
    max_key_per_request: int = 128
    max_key_count: int = 2**31 - 1
    """The store has no limit of its own."""


@dataclass(frozen=True, slots=True)
class Status:
    """The answer to Get status, field by field (ETSI GS QKD 014 V1.1.1, table 9)."""

    source_KME_ID: str  # noqa: N815 - as the standard has it
    target_KME_ID: str  # noqa: N815
    master_SAE_ID: str  # noqa: N815
    slave_SAE_ID: str  # noqa: N815
    key_size: int
    stored_key_count: int
    max_key_count: int
    max_key_per_request: int
    max_key_size: int
    min_key_size: int
    max_SAE_ID_count: int = 0  # noqa: N815
    """One slave a key: no multicast."""


class Peer(Protocol):
    """What a manager asks of the one at the other end of a link."""

    def promise(self, keys: Sequence[CutKey]) -> None:
        """Set the bits of ``keys``, all of one link, aside; UnavailableError if that cannot be."""
        ...

    def release(self, ids: Sequence[str]) -> None:
        """Undo `promise`, as far as it was done; `UnavailableError` if it is not heard."""
        ...


class Relay(Protocol):
    """Who brings key for two users over others, see `netsim.delivery.relays.Relays`."""

    def within_reach_bits(self, one: str, other: str) -> int:
        """How much could be brought at once."""
        ...

    def bring(self, one: str, other: str, bits: int) -> bool:
        """Have as much come to both, if that can be."""
        ...


class KeyManager:
    """Keys of one user's applications.

    Parameters
    ----------
    user : str
    store : ManagerStore
    directory : Directory
    limits : Limits

    Attributes
    ----------
    peers : mapping
        User at the other end of a link, to the manager there.
    relay : Relay or None
    """

    def __init__(
        self, user: str, store: ManagerStore, directory: Directory, limits: Limits = Limits()
    ) -> None:
        self.user = user
        self.limits = limits
        self.peers: Mapping[str, Peer] = {}
        self.relay: Relay | None = None
        self._store = store
        self._directory = directory

    def admit(self, sae: str) -> None:
        """StrangerError for an application that is not one of this user's."""
        if self._directory.saes.get(sae) != self.user:
            raise StrangerError("this key manager does not know who asks")

    def slaves(self) -> list[str]:
        """All applications that key can be shared with."""
        users = {self.user, *self._directory.peers_of(self.user)}
        return [sae for sae, user in self._directory.saes.items() if user in users - {self.user}]

    def status(self, master: str, slave: str) -> Status:
        """What ``master`` may ask for, with ``slave``; BadRequestError as `order`."""
        peer, link = self._link_to(slave)
        limits = self.limits
        return Status(
            source_KME_ID=kme_id(self.user),
            target_KME_ID=kme_id(peer),
            master_SAE_ID=master,
            slave_SAE_ID=slave,
            key_size=limits.key_size,
            stored_key_count=min(
                self._in_reach_bits(peer, link) // limits.key_size, limits.max_key_count
            ),
            max_key_count=limits.max_key_count,
            max_key_per_request=limits.max_key_per_request,
            max_key_size=limits.max_key_size,
            min_key_size=limits.min_key_size,
        )

    def order(self, master: str, slave: str, *, number: int | None, size_bits: int | None) -> Order:
        """What ``master`` asks for; nothing is looked up in the store.

        Parameters
        ----------
        master, slave : str
            Applications; the first is one of this user's.
        number, size_bits : int, optional
            1 key of `Limits.key_size` bits by default.

        Raises
        ------
        BadRequestError
            The slave is unknown or at no link of this user, or a number is outside the limits.
        """
        peer, link = self._link_to(slave)
        count = 1 if number is None else number
        size = self.limits.key_size if size_bits is None else size_bits
        self._check(count, size)
        return Order(master, slave, peer, link, count, size)

    def give(self, orders: Sequence[Order]) -> list[Outcome]:
        """New keys for masters, which the slaves can fetch from their own manager.

        What lacks is brought over other users, where these two may have that.

        Parameters
        ----------
        orders : sequence
            All for one other user.

        Returns
        -------
        list
            For each order, all its keys; or `UnavailableError`: the link has too little key, or its
            other manager does not agree.

        Raises
        ------
        OutputError
            Nothing can be written here; no order is met.
        """
        if self._bring(orders) or len(orders) == 1:
            return self.give_own(orders)
        return [outcome for order in orders for outcome in self.give([order])]

    def _bring(self, orders: Sequence[Order]) -> bool:
        """Have come what lacks for all; False where less might."""
        peer, link = orders[0].peer, orders[0].link
        if self.relay is None or not self._directory.may_relay(self.user, peer):
            return True
        wanted_bits = sum(order.number * order.size_bits for order in orders)
        missing_bits = wanted_bits - self._free_bits(link)
        return missing_bits <= 0 or self.relay.bring(self.user, peer, missing_bits)

    def _in_reach_bits(self, peer: str, link: str) -> int:
        own_bits = max(0, self._free_bits(link))
        if self.relay is None or not self._directory.may_relay(self.user, peer):
            return own_bits
        return own_bits + self.relay.within_reach_bits(self.user, peer)

    def _free_bits(self, link: str) -> int:
        """What applications may have, above the minimum; negative below it."""
        return self._store.free_bits(link) - self._directory.minimum_bits(link)

    def give_own(self, orders: Sequence[Order]) -> list[Outcome]:
        """As `give`, of what is there."""
        try:
            return self._give_together(orders)
        except UnavailableError as error:
            if len(orders) == 1:
                return [error]
        return [outcome for order in orders for outcome in self.give_own([order])]

    def _give_together(self, orders: Sequence[Order]) -> list[Outcome]:
        """See `give`; UnavailableError if the other manager does not agree to all that it hears."""
        with self._store.together():
            reserved = [self._reserve(order) for order in orders]
        keys = [key for each in reserved if not isinstance(each, RefusedError) for key in each]
        if not keys:
            return [each for each in reserved if isinstance(each, RefusedError)]
        peer, ids = orders[0].peer, [key.id for key in keys]
        try:
            self.peers[peer].promise(keys)
        except BaseException:
            self._cancel(peer, ids)
            raise
        try:
            delivered = {key.id: key for key in self._store.deliver(ids, KeyState.TO_MASTER)}
        except OutputError:  # of a step that is undone
            self._cancel(peer, ids)
            raise
        return [
            each if isinstance(each, RefusedError) else tuple(delivered[key.id] for key in each)
            for each in reserved
        ]

    def _reserve(self, order: Order) -> tuple[CutKey, ...] | RefusedError:
        sizes_bits = [order.size_bits] * order.number
        try:
            return self._store.reserve(
                order.link,
                sizes_bits,
                master=order.master,
                slave=order.slave,
                minimum_bits=self._directory.minimum_bits(order.link),
            )
        except ShortageError as error:
            return UnavailableError(f"not enough key: {error}")

    def fetch(self, collections: Sequence[Collection]) -> list[Outcome]:
        """Keys that masters were given for their slaves.

        Returns
        -------
        list
            For each collection, all its keys, or why it gets none: `StrangerError`, one of them is
            for somebody else; `BadRequestError`, one is unknown, of another master, delivered
            already, or asked for twice.

        Raises
        ------
        OutputError
            Nothing can be written here; nobody gets a key.
        """
        with self._store.together():
            return [self._fetch(collection) for collection in collections]

    def _fetch(self, collection: Collection) -> Outcome:
        try:
            self._judge(collection)
        except RefusedError as error:
            return error
        return self._store.deliver(collection.ids, KeyState.TO_SLAVE)

    def _judge(self, collection: Collection) -> None:
        """See `fetch`."""
        found = [self._store.find(key_id) for key_id in collection.ids]
        if any(each is not None and each[0].slave != collection.slave for each in found):
            raise StrangerError("one or more keys specified are for another SAE")
        for each in found:
            if (
                each is None
                or each[0].master != collection.master
                or each[1] is not KeyState.PROMISED
            ):
                raise BadRequestError(UNKNOWN_KEYS)
        if len(set(collection.ids)) < collection.number:
            raise BadRequestError("the same key_ID twice")
        if collection.number > self.limits.max_key_per_request:
            raise BadRequestError(f"at most {self.limits.max_key_per_request} keys a request")

    def _link_to(self, slave: str) -> tuple[str, str]:
        """The user of ``slave``, and the link to it."""
        peer = self._directory.saes.get(slave)
        if peer is None:
            raise BadRequestError("slave_SAE_ID is not known")
        link = self._directory.link_between(self.user, peer)
        if link is None:
            raise BadRequestError(f"{kme_id(self.user)} has no link with {kme_id(peer)}")
        return peer, link

    def _check(self, number: int, size_bits: int) -> None:
        limits = self.limits
        if size_bits % 8:
            raise BadRequestError("size shall be a multiple of 8")
        if not limits.min_key_size <= size_bits <= limits.max_key_size:
            within = f"{limits.min_key_size} to {limits.max_key_size}"
            raise BadRequestError(f"size shall be {within} bits")
        if not 1 <= number <= limits.max_key_per_request:
            raise BadRequestError(f"number shall be 1 to {limits.max_key_per_request}")

    # Between managers --------------------------------------------------------------------------

    def promise(self, keys: Sequence[CutKey]) -> None:
        """See `Peer`."""
        minimum_bits = self._directory.minimum_bits(keys[0].link) if keys else 0
        try:
            self._store.promise(keys, minimum_bits=minimum_bits)
        except ShortageError as error:
            raise UnavailableError("the other key manager keeps its minimum") from error
        except KeyError as error:
            raise UnavailableError("the other key manager does not have these bits") from error
        except OutputError as error:
            raise UnavailableError("the other key manager cannot write") from error

    def release(self, ids: Iterable[str]) -> None:
        """See `Peer`."""
        try:
            self._store.release(ids)
        except OutputError as error:
            raise UnavailableError("the other key manager cannot write") from error

    def _cancel(self, peer: str, ids: Sequence[str]) -> None:
        """Undo a reservation at both ends, there first; until that is heard it stands here."""
        self.peers[peer].release(ids)
        self._store.release(ids)

    def recover(self) -> int:
        """Undo what a killed process has left reserved; how many keys that was.

        Reservations whose other manager does not answer, or of a link that is not there any more,
        stay, for a start that has it.
        """
        undone = 0
        for key in self._store.keys_in(KeyState.RESERVED):
            with suppress(UnavailableError, KeyError):
                self._cancel(self._directory.peer_at(key.link, self.user), [key.id])
                undone += 1
        return undone

    def discard_hops(self) -> int:
        """Overwrite keys of hops that a killed process had not collected; how many there were.

        The other manager has paid them, and nobody will ask for them. After all have recovered;
        those of a link that is not there any more stay, as its reservations do.
        """
        me, links = kme_id(self.user), frozenset(self._directory.links.values())
        promised = self._store.keys_in(KeyState.PROMISED)
        ids = [key.id for key in promised if key.slave == me and key.link in links]
        self._store.deliver(ids, KeyState.TO_SLAVE)
        return len(ids)


def drop_lone_blocks(link: str, one: ManagerStore, other: ManagerStore) -> int:
    """Forget blocks of ``link`` that came in at one end only, as the process was killed."""
    mine, its = one.rounds(link), other.rounds(link)
    one.drop(link, mine - its)
    other.drop(link, its - mine)
    return len(mine ^ its)
