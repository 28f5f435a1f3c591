"""How long it takes until a new user can authenticate with everybody, having met one of them.

Authentication transfer with flooding [1]_, with the sizes and times of [2]_: one after the other
gives the newcomer an initial key. It comes over all users whom the newcomer has keys with by then,
over paths without a user in common, and is the XOR of what comes along each; then the link of the
two makes as much by itself, and nobody who was on the way is to be trusted any more.

References
----------
.. [1] N. R. Solomons et al., Scalable authentication and optimal flooding in a quantum network, PRX
   Quantum 3, 020311 (2022).
.. [2] Y. Wang et al., Dynamic entanglement distribution for multi-user and multi-protocol quantum
   networking, arXiv:2607.15262 (2026).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netsim.relay.paths import Path, disjoint_paths


@dataclass(frozen=True, slots=True)
class LinkRate:
    """What a link makes.

    Attributes
    ----------
    key_bps : float
        Above 0.
    classical_bps : float
        Said on its classical channel, both ways, and to be authenticated.
    """

    key_bps: float
    classical_bps: float


Rates = Mapping[tuple[str, str], LinkRate]
"""By the two users of each link, in any order."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """One step: the newcomer and ``user`` have a key of ``key_bits`` in the end.

    Attributes
    ----------
    user : str
    key_bits : float
    paths : tuple of tuple of str
        Over which the first key came.
    transfer_s : float
        It takes: each path is as slow as its slowest link, and all have to have come.
    direct_s : float
        Until the link of the two has made as much.
    """

    user: str
    key_bits: float
    paths: tuple[Path, ...]
    transfer_s: float
    direct_s: float

    @property
    def total_s(self) -> float:
        """Of the whole step."""
        return self.transfer_s + self.direct_s


def authentication_bits(
    classical_bits_per_key_bit: float, *, epsilon: float, key_share: float = 1.0
) -> float:
    """Key that authenticates all that is said until a link has replaced it, by [2]_.

    The solution of ``a = 4 (log2(2 / epsilon) + log2 log2(g a / eta)) log2(g a / eta)``.

    Parameters
    ----------
    classical_bits_per_key_bit : float
        g, at least 1.
    epsilon : float
        Probability of a forgery, above 0 and below 1.
    key_share : float
        eta: share of the link's key that is set aside for authentication, above 0 and at most 1.

    Raises
    ------
    ValueError
        For what is out of range.
    """
    ratio = classical_bits_per_key_bit
    if not (1 <= ratio < math.inf and 0 < epsilon < 1 and 0 < key_share <= 1):
        raise ValueError(f"no authentication with g = {ratio}, {epsilon} and {key_share}")
    bits, before = 1.0, 0.0
    while abs(bits - before) > 1e-9 * bits:
        words = max(2.0, math.log2(ratio * bits / key_share))
        bits, before = 4.0 * (math.log2(2.0 / epsilon) + math.log2(words)) * words, bits
    return bits


def admit(
    newcomer: str,
    met: str,
    order: Sequence[str],
    rates: Rates,
    *,
    epsilon: float,
    key_share: float = 1.0,
) -> tuple[Admitted, ...]:
    """Steps of a newcomer who shares a key with ``met`` alone.

    Parameters
    ----------
    newcomer, met : str
    order : sequence of str
        In which the others follow.
    rates : mapping
    epsilon, key_share : float
        Of `authentication_bits`.

    Raises
    ------
    ValueError
        The newcomer has no link with one of them, there is no path to one, or a number is out of
        range.
    """
    steps: list[Admitted] = []
    for place, user in enumerate(order):
        own = _rate(rates, (newcomer, user))
        ratio = own.classical_bps / own.key_bps
        bits = authentication_bits(ratio, epsilon=epsilon, key_share=key_share)
        paths = _paths(newcomer, user, [met, *order[:place]], rates)
        slowest_bps = min(_rate(rates, hop).key_bps for path in paths for hop in pairwise(path))
        direct_s = bits / (key_share * own.key_bps)
        steps.append(Admitted(user, bits, paths, bits / slowest_bps, direct_s))
    return tuple(steps)


def _paths(newcomer: str, user: str, known: Sequence[str], rates: Rates) -> tuple[Path, ...]:
    """As many as there are that leave the newcomer by users it has keys with; short ones first."""
    fastest_bps = max(rate.key_bps for rate in rates.values())
    costs = {
        pair: 1.0 + (fastest_bps / rate.key_bps) * 1e-6
        for pair, rate in rates.items()
        if newcomer not in pair or set(pair) & set(known)
    }
    for count in range(len(known), 0, -1):
        if paths := disjoint_paths(costs, newcomer, user, count):
            return paths
    raise ValueError(f"{newcomer} has no path to {user}")


def _rate(rates: Rates, pair: tuple[str, str]) -> LinkRate:
    for users in (pair, pair[::-1]):
        if users in rates:
            return rates[users]
    raise ValueError(f"{' and '.join(pair)} share no link that makes key")
