"""What a manager cuts out of a link's key, how far it has got, and what is refused."""

from dataclasses import dataclass, field
from enum import StrEnum

UNKNOWN_KEYS = "one or more keys specified are not found on KME"
"""As clients match it (ETSI GS QKD 014 V1.1.1, 6.4)."""


class KeyState(StrEnum):
    """Of a key, at one of its two ends; what is in no key is free.

    The bits of a key that was delivered are overwritten in the same transaction.
    """

    RESERVED = "reserved"
    """Master's end: the other manager has not been heard yet, or the answer is under way."""
    PROMISED = "promised"
    """Slave's end: set aside for a slave, who may come for it at any time."""
    TO_MASTER = "delivered to master"
    TO_SLAVE = "delivered to slave"


IN_STOCK = frozenset({KeyState.RESERVED, KeyState.PROMISED})
"""States in which the bits are still there."""


@dataclass(frozen=True, slots=True)
class CutKey:
    """A key by its name and place; none of this is secret.

    Attributes
    ----------
    id : str
        A random UUID: who does not know it cannot ask for it.
    link, pieces : str
        Where the bits are, the same at both ends (`netsim.pools.key.id_of`).
    size_bits : int
        A multiple of 8.
    master, slave : str
        Applications (SAEs).
    """

    id: str
    link: str
    pieces: str
    size_bits: int
    master: str
    slave: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a master asks for, within the limits of its manager.

    Attributes
    ----------
    master, slave : str
        Applications (SAEs).
    peer, link : str
        The user of the slave, and the link to it.
    number : int
        Of keys.
    size_bits : int
        Of each.
    """

    master: str
    slave: str
    peer: str
    link: str
    number: int
    size_bits: int


@dataclass(frozen=True, slots=True)
class Collection:
    """What a slave comes for: ids of keys that ``master`` was given."""

    slave: str
    master: str
    ids: tuple[str, ...]

    @property
    def number(self) -> int:
        """Of keys."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class DeliveredKey:
    """A key that leaves a manager, once."""

    id: str
    bits: bytes = field(repr=False)
    known_to: str = ""
    """Users who could know some of it, as it was relayed (`netsim.relay.terms.over_text`)."""


class RefusedError(Exception):
    """A request that is not met; nothing has changed.

    Parameters
    ----------
    message : str
        For whoever asked.
    """

    code = 503
    """Of HTTP, as in ETSI GS QKD 014."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StrangerError(RefusedError):
    """Who asks has no right to."""

    code = 401


class BadRequestError(RefusedError):
    """What is asked for has no meaning, or is not there."""

    code = 400


class UnavailableError(RefusedError):
    """There is no key for it now, or the other manager does not answer."""
