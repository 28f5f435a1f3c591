"""Who is where: applications (SAEs), the user whose manager serves each, and the links of users."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from netsim.demand.terms import Thresholds
from netsim.errors import Fault
from netsim.relay.terms import RelayTerms

MAX_SAE_CHARACTERS = 64
"""Of a common name in a certificate (RFC 5280, ub-common-name)."""
CA_NAME = "ca"
KME_PREFIX = "kme-"


def kme_id(user: str) -> str:
    """Name of a user's manager, and of its certificate."""
    return f"{KME_PREFIX}{user}"


def file_stem(sae: str) -> str:
    """Name of an application's certificate files, whatever its id holds."""
    return quote(sae, safe="")


@dataclass(frozen=True, slots=True)
class Directory:
    """Applications and links of a network.

    Attributes
    ----------
    users : tuple of str
        In the topology's order.
    saes : mapping
        Application to user.
    links : mapping
        Both users of a link, as a set, to its name; also of two who have key relayed only.
    relayed : mapping
        Both users, as a set, to the terms on which they have key relayed.
    dark : frozenset of str
        Names of links without light: all key of theirs is relayed.
    thresholds : mapping
        Name of a link to levels of its pools; a link that is not named has none.
    """

    users: tuple[str, ...]
    saes: Mapping[str, str]
    links: Mapping[frozenset[str], str]
    relayed: Mapping[frozenset[str], RelayTerms] = field(default_factory=dict)
    dark: frozenset[str] = frozenset()
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)

    def link_between(self, one: str, other: str) -> str | None:
        """The link of two users; None if they have none."""
        return self.links.get(frozenset({one, other}))

    def may_relay(self, one: str, other: str) -> bool:
        """Whether two users may have key relayed."""
        return frozenset({one, other}) in self.relayed

    def peer_at(self, link: str, user: str) -> str:
        """The other user of a link of ``user``; KeyError if it has no such link."""
        for both, name in self.links.items():
            if name == link and user in both:
                (other,) = both - {user}
                return other
        raise KeyError(link)

    def minimum_bits(self, link: str) -> int:
        """What is left of a link's key at each of its ends."""
        return self.thresholds.get(link, Thresholds()).minimum_bits

    @property
    def maxima_bits(self) -> dict[str, int]:
        """Of links whose managers take in no more than that."""
        return {
            link: levels.maximum_bits
            for link, levels in self.thresholds.items()
            if levels.maximum_bits is not None
        }

    def peers_of(self, user: str) -> tuple[str, ...]:
        """The other users of all links of ``user``."""
        return tuple(other for both in self.links if user in both for other in both - {user})


def sae_faults(saes: Mapping[str, str], users: tuple[str, ...]) -> list[Fault]:
    """What is wrong with applications and where they are said to be."""
    faults = []
    for sae, user in saes.items():
        if user not in users:
            faults.append(Fault(f"--sae {sae}", f"{user!r} is no user of this network"))
        if not 0 < len(sae) <= MAX_SAE_CHARACTERS or not sae.isprintable():
            text = f"an application's id has 1 to {MAX_SAE_CHARACTERS} printable characters"
            faults.append(Fault("--sae", text))
        if sae == CA_NAME or sae.startswith(KME_PREFIX):
            faults.append(Fault(f"--sae {sae}", "is the name of another certificate"))
    return faults
