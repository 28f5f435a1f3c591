"""One relayed key on its way: hop by hop along each path, then what the two ends say of it.

It moves messages between the users, and each sees what is its own: the keys of its hops, and all
messages, which everybody sees.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from netsim.relay.dishonest import forged
from protocols.errors import RemoteProtocolError
from protocols.relay import Joined, Sealed, begin, begun, seal, unseal


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop: who hands on, what for, and its key at either end, the nearer one first."""

    user: str
    label: bytes
    nearer: bytes = field(repr=False)
    farther: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Passed:
    """What came out at both ends, and all that was said.

    Attributes
    ----------
    sent, received : bytes
        The key at either end.
    messages : tuple of Sealed
    claim : bytes
    is_accepted : bool
        Whether both ends use it.
    """

    sent: bytes = field(repr=False)
    received: bytes = field(repr=False)
    messages: tuple[Sealed, ...]
    claim: bytes
    is_accepted: bool

    @property
    def is_equal(self) -> bool:
        """Whether the ends have the same key, as only somebody outside knows."""
        return self.sent == self.received


def pass_key(paths: Iterable[Sequence[Hop]], dishonest: Collection[str] = ()) -> Passed:
    """Hand a key along several paths.

    Parameters
    ----------
    paths : iterable of sequence of Hop
    dishonest : collection of str
        Users who hand on something else; the first of a path does, and a second one, who might
        undo it, hands that on.

    Raises
    ------
    RemoteProtocolError
        A tag does not verify: nobody goes on.
    """
    passed = [_pass_share(hops, dishonest) for hops in paths]
    one, other = (Joined.of(share[end] for share, _ in passed) for end in (0, 1))
    claim = one.claim
    fits = other.fits(claim)
    messages = tuple(message for _, said in passed for message in said)
    return Passed(one.key, other.key, messages, claim, fits and one.accepts(other.answer))


def arrives(paths: Iterable[Sequence[Hop]], dishonest: Collection[str]) -> tuple[bool, bool]:
    """Whether both ends use what came, and whether it is the same."""
    try:
        passed = pass_key(paths, dishonest)
    except RemoteProtocolError:
        return False, False
    return passed.is_accepted, passed.is_equal


def _pass_share(
    hops: Sequence[Hop], dishonest: Collection[str]
) -> tuple[tuple[bytes, bytes], list[Sealed]]:
    """The share at both ends of a path, and what was said."""
    first, *others = hops
    messages = [begin(first.nearer, first.label)]
    sent, held = (begun(key, messages[0]) for key in (first.nearer, first.farther))
    forger = next((hop.user for hop in others if hop.user in dishonest), None)
    for hop in others:
        handed = forged(held) if hop.user == forger else held
        messages.append(seal(hop.nearer, hop.label, handed))
        held = unseal(hop.farther, messages[-1])
    return (sent, held), messages
