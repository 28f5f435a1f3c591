"""What an application asks of a relay, and what has come of it: sums that add up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

Over = tuple[tuple[str, ...], ...]
"""Users on the way of a key, path by path: those of one path each know its share of the key."""


@dataclass(frozen=True, slots=True)
class RelayTerms:
    """How key is relayed.

    Attributes
    ----------
    paths : int
        Without a user in common; their shares are added up, so that nobody on fewer than all of
        them knows the key.
    through : frozenset of str or None
        Users who may be on the way; None for all.
    dishonest : frozenset of str
        Users who hand on something else.
    """

    paths: int = 1
    through: frozenset[str] | None = None
    dishonest: frozenset[str] = frozenset()

    def allows(self, user: str) -> bool:
        """Whether ``user`` may be on the way."""
        return self.through is None or user in self.through


@dataclass(slots=True)
class RelayCounts:
    """What has become of the relays of one application."""

    routes: Counter[Over] = field(default_factory=Counter)
    """Keys that were given, by who could know them."""
    paid_bits: Counter[str] = field(default_factory=Counter)
    """By link: out of the pool of each of its ends."""
    lost: int = 0
    """Relays of which the ends found that they had different keys, or that a message was false, or
    that came too late, or not before the end of the run: all thrown away, and paid for."""
    unequal: int = 0
    """Given keys that differ at the two ends, as only somebody outside knows."""
    unnoticed_probability: float = 0.0
    """Bound on one more of these, if somebody on one of its paths is honest."""


def over_text(over: Sequence[Sequence[str]]) -> str:
    """Such as ``bob > carol + eve``: anyone of each path, and all paths together, know the key."""
    return " + ".join(" > ".join(users) for users in over)
