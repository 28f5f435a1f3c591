"""The key manager of one user (KME): gives keys to masters, and the same keys to their slaves.

Law of this module: a key is delivered once a side, and marked so on the disk before it is answered.

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
    CutKey,
    DeliveredKey,
    KeyState,
    StrangerError,
    UnavailableError,
)
from netsim.delivery.store import ManagerStore
from netsim.errors import OutputError
from netsim.pools.key import ShortageError


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
        """Set the bits of ``keys`` aside; `UnavailableError` if that cannot be."""
        ...

    def release(self, ids: Sequence[str]) -> None:
        """Undo `promise`, as far as it was done; `UnavailableError` if it is not heard."""
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
    """

    def __init__(
        self, user: str, store: ManagerStore, directory: Directory, limits: Limits = Limits()
    ) -> None:
        self.user = user
        self.limits = limits
        self.peers: Mapping[str, Peer] = {}
        self._store = store
        self._directory = directory

    def admit(self, sae: str) -> None:
        """StrangerError for an application that is not one of this user's."""
        if self._directory.saes.get(sae) != self.user:
            raise StrangerError("this key manager does not know who asks")

    def status(self, master: str, slave: str) -> Status:
        """What ``master`` may ask for, with ``slave``; RefusedError as `give`."""
        peer, link = self._link_to(slave)
        limits = self.limits
        return Status(
            source_KME_ID=kme_id(self.user),
            target_KME_ID=kme_id(peer),
            master_SAE_ID=master,
            slave_SAE_ID=slave,
            key_size=limits.key_size,
            stored_key_count=min(
                self._store.free_bits(link) // limits.key_size, limits.max_key_count
            ),
            max_key_count=limits.max_key_count,
            max_key_per_request=limits.max_key_per_request,
            max_key_size=limits.max_key_size,
            min_key_size=limits.min_key_size,
        )

    def give(
        self, master: str, slave: str, *, number: int | None, size_bits: int | None
    ) -> tuple[DeliveredKey, ...]:
        """New keys for ``master``, which ``slave`` can fetch from its own manager.

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
        UnavailableError
            The link has too little key, or its other manager does not agree.
        """
        peer, link = self._link_to(slave)
        count = 1 if number is None else number
        size = self.limits.key_size if size_bits is None else size_bits
        self._check(count, size)
        try:
            keys = self._store.reserve(link, [size] * count, master=master, slave=slave)
        except ShortageError as error:
            raise UnavailableError(f"not enough key: {error}") from error
        ids = [key.id for key in keys]
        try:
            self.peers[peer].promise(keys)
        except BaseException:
            self._cancel(peer, ids)
            raise
        try:
            return self._store.deliver(ids, KeyState.TO_MASTER)
        except OutputError:  # of a step that is undone
            self._cancel(peer, ids)
            raise

    def fetch(self, slave: str, master: str, ids: Sequence[str]) -> tuple[DeliveredKey, ...]:
        """Keys that ``master`` was given for ``slave``; a batch that is refused loses none.

        Raises
        ------
        StrangerError
            One of them is for somebody else.
        BadRequestError
            One of them is unknown, of another master, delivered already, or asked for twice.
        """
        found = [self._store.find(key_id) for key_id in ids]
        if any(each is not None and each[0].slave != slave for each in found):
            raise StrangerError("one or more keys specified are for another SAE")
        for each in found:
            if each is None or each[0].master != master or each[1] is not KeyState.PROMISED:
                raise BadRequestError(UNKNOWN_KEYS)
        if len(set(ids)) < len(ids):
            raise BadRequestError("the same key_ID twice")
        if len(ids) > self.limits.max_key_per_request:
            raise BadRequestError(f"at most {self.limits.max_key_per_request} keys a request")
        return self._store.deliver(ids, KeyState.TO_SLAVE)

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
        try:
            self._store.promise(keys)
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

        Reservations whose other manager does not answer stay, for the next start.
        """
        undone = 0
        for key in self._store.keys_in(KeyState.RESERVED):
            with suppress(UnavailableError):
                self._cancel(self._directory.peer_at(key.link, self.user), [key.id])
                undone += 1
        return undone


def drop_lone_blocks(link: str, one: ManagerStore, other: ManagerStore) -> int:
    """Forget blocks of ``link`` that came in at one end only, as the process was killed."""
    mine, its = one.rounds(link), other.rounds(link)
    one.drop(link, mine - its)
    other.drop(link, its - mine)
    return len(mine ^ its)
