"""Who has which label, and the key rates that follow: kernels, asked a million times by a climb.

They know rates (`netsim.plan.rates`, whose docstring says which formulas these are), and labels and
users by index only. Rows are filled and summed in loops: numba takes far longer to compile slices
and reductions.
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTORS
from netsim.plan.bunched import bunches_of
from netsim.plan.cover import Sites
from netsim.plan.rates import Rates, Reals
from netsim.plan.windows import IS_ERROR, ONE, OTHER
from protocols.compiled import kernel
from protocols.keylength.keyrate import PAPER_EFFICIENCY

LEAK = 1.0 + PAPER_EFFICIENCY
"""SKR = N [1 - (1 + f) h(Q)], as `protocols.keylength.keyrate.skr_asymptotic_bps`."""
TINY_HZ = 1e-300
"""Less than any rate of clicks."""
FAIR = 1e-6
"""Shares of ones within this of 1/2 cost less than 1e-11 of a key: no need to work it out."""


class Standing(NamedTuple):
    """Who has which label, and what follows from it; kernels change it in place.

    Attributes
    ----------
    owners : (L,) int64
        User of every label; N for nobody.
    survivals, clicks_hz : (N, 4) float64
        Of a photon at each detector, the probability that its click counts, and the clicks that
        count: none of the user's detectors has clicked within the dead time.
    links_bps : (N, N) float64
        Asymptotic key rate of every pair of users, all its lanes together; symmetric.
    lanes : (N, N) int64
        How many lanes every pair has; symmetric.
    """

    owners: NDArray[np.int64]
    survivals: Reals
    clicks_hz: Reals
    links_bps: Reals
    lanes: NDArray[np.int64]


def new_standing(owners: NDArray[np.int64], users: int) -> Standing:
    """A standing of ``users`` users of which nothing but the owners is worked out yet."""
    return Standing(
        owners.copy(),
        np.zeros((users, DETECTORS)),
        np.zeros((users, DETECTORS)),
        np.zeros((users, users)),
        np.zeros((users, users), dtype=np.int64),
    )


@kernel
def refresh(
    users: Sites, standing: Standing, rates: Rates, neighbours: Sites, power_mw: float
) -> None:
    """Work out what follows from the labels of ``users``, at ``power_mw`` per pump in the fibre.

    ``users`` are all of whom anything has changed; nobody (N) among them is passed over.
    """
    for user in users:
        if user < rates.user.size:
            refresh_user(user, standing, rates, power_mw)
    for user in users:
        if user < rates.user.size:
            refresh_links(user, standing, rates, neighbours, power_mw)


@kernel
def refresh_user(user: int, standing: Standing, rates: Rates, power_mw: float) -> None:
    """Work out from a user's labels which clicks count."""
    born_hz = 0.0
    for v in range(standing.owners.size):
        if standing.owners[v] == user:
            photons_hz = rates.births_hz[v] * power_mw * power_mw + rates.noises_hz[v] * power_mw
            born_hz += photons_hz * rates.provider[v]
    light_hz = born_hz * rates.user[user]
    longest_s = 0.0
    for k in range(DETECTORS):
        longest_s = max(longest_s, rates.deads_s[user, k])
    live = 1.0
    for k in range(DETECTORS):
        # x = c + q x / (1 + x tau), as in netsim.physics.rates.arrival_rate_hz
        candidates_hz = light_hz * rates.shares[user, k] + rates.darks_hz[user, k]
        dead_s = rates.deads_s[user, k]
        slope = 1.0 - candidates_hz * dead_s - rates.afters[user, k]
        root = math.sqrt(slope * slope + 4.0 * dead_s * candidates_hz)
        if slope > 0.0:
            arrivals_hz = 2.0 * candidates_hz / (slope + root)
        else:
            arrivals_hz = (root - slope) / (2.0 * dead_s)
        # As in netsim.physics.rates.silence.
        live *= math.exp(-arrivals_hz * (longest_s - dead_s)) / (1.0 + arrivals_hz * dead_s)
        standing.clicks_hz[user, k] = arrivals_hz
    for k in range(DETECTORS):
        standing.survivals[user, k] = live
        standing.clicks_hz[user, k] *= live


@kernel
def refresh_links(
    user: int, standing: Standing, rates: Rates, neighbours: Sites, power_mw: float
) -> None:
    """Work out the links of a user from its labels and everybody's clicks."""
    nobody = rates.user.size
    bunched_hz = bunches_of(
        user,
        standing.owners,
        rates.bunched,
        rates.provider,
        rates.user,
        rates.phases_rad,
        power_mw,
    )
    for other in range(nobody):
        standing.links_bps[user, other] = 0.0
        standing.lanes[user, other] = 0
    for v in range(standing.owners.size):
        if standing.owners[v] != user:
            continue
        for k in range(neighbours.shape[1]):
            w = neighbours[v, k]
            if w < 0:
                continue
            other = standing.owners[w]
            if other not in (nobody, user):
                arriving_hz = rates.pairs_hz[v, k] * power_mw * power_mw
                arriving_hz *= rates.provider[v] * rates.provider[w]
                arriving_hz *= rates.user[user] * rates.user[other]
                standing.links_bps[user, other] += lane_bps(
                    user, other, v, w, k, arriving_hz, bunched_hz[other], standing, rates
                )
                standing.lanes[user, other] += 1
    for other in range(nobody):
        standing.links_bps[other, user] = standing.links_bps[user, other]
        standing.lanes[other, user] = standing.lanes[user, other]


@kernel
def lane_bps(
    user: int,
    other: int,
    own_label: int,
    its_label: int,
    total: int,
    pairs_hz: float,
    bunched_hz: Reals,
    standing: Standing,
    rates: Rates,
) -> float:
    """Asymptotic key rate of a lane, of which ``pairs_hz`` would reach the best detectors.

    ``bunched_hz``, (8,), are the coincidences of the link's bunches, but for dead times.
    """
    together = silent_together(user, other, pairs_hz, standing, rates)
    own = partners_of(user, other, pairs_hz, standing, rates)
    its = partners_of(other, user, pairs_hz, standing, rates)
    sifted_hz, errors_hz, known_hz = 0.0, 0.0, 0.0
    for basis in range(2):
        basis_hz, ones_hz = 0.0, 0.0
        phase_rad = rates.phases_rad[user, own_label, basis]
        cosine = math.cos(phase_rad + rates.phases_rad[other, its_label, basis])
        for k in range(4 * basis, 4 * basis + 4):
            i, j = ONE[k], OTHER[k]
            share = rates.flat[user, other, k] + rates.fringe[user, other, total, k] * cosine
            rate_hz = pairs_hz * share + bunched_hz[k]
            rate_hz *= standing.survivals[user, i] * standing.survivals[other, j]
            met_hz = standing.clicks_hz[user, i] * standing.clicks_hz[other, j] * rates.window_s
            rate_hz += met_hz * chance_share(own[i], its[j], rates.silenced[user, other])
            rate_hz *= together
            # The key is made of the earlier user's bits; bit and port of a detector are its parity.
            basis_hz += rate_hz
            ones_hz += rate_hz * ((i if user < other else j) & 1)
            if IS_ERROR[k]:
                errors_hz += rate_hz
        sifted_hz += basis_hz
        if abs(ones_hz - 0.5 * basis_hz) > FAIR * basis_hz:
            known_hz += basis_hz * (1.0 - entropy_of(ones_hz / basis_hz))
    if sifted_hz <= 0.0:
        return 0.0
    qber = min(errors_hz / sifted_hz, 0.5)
    return max(0.0, sifted_hz * (1.0 - LEAK * entropy_of(qber)) - known_hz)


@kernel
def silent_together(
    user: int, other: int, pairs_hz: float, standing: Standing, rates: Rates
) -> float:
    """How much more often two users are silent together, see `netsim.physics.silences`.

    Their detectors are taken as alike: what all four leave is the fourth power of what one does.
    """
    own, its, own_s, its_s = 0.0, 0.0, 0.0, 0.0
    for k in range(DETECTORS):
        own += rates.shares[user, k]
        its += rates.shares[other, k]
        own_s = max(own_s, rates.deads_s[user, k])
        its_s = max(its_s, rates.deads_s[other, k])
    both_hz = pairs_hz * own * its
    live = (standing.survivals[user, 0] * standing.survivals[other, 0]) ** 0.125
    shared_s = min(own_s, its_s)
    return 1.0 + float(both_hz * live * shared_s)


@kernel
def partners_of(user: int, other: int, pairs_hz: float, standing: Standing, rates: Rates) -> Reals:
    """(4,): share of each detector's clicks that are of a pair of which ``other`` sees a photon."""
    its = 0.0
    for k in range(DETECTORS):
        its += rates.shares[other, k]
    found = np.empty(DETECTORS)
    for k in range(DETECTORS):
        seen_hz = pairs_hz * its * rates.shares[user, k] * standing.survivals[user, k]
        found[k] = seen_hz / max(standing.clicks_hz[user, k], TINY_HZ)
    return found


@kernel
def chance_share(own: float, its: float, silenced: Reals) -> float:
    """Chance coincidences, of those of independent clicks, see `netsim.physics.silences`."""
    found = 0.0
    for node in range(2):
        found += 0.5 * (1.0 - own * silenced[node, 0]) * (1.0 - its * silenced[node, 1])
    return found


@kernel
def entropy_of(share: float) -> float:
    """Binary entropy, for kernels; as `protocols.keylength.keyrate.binary_entropy`."""
    if share <= 0.0 or share >= 1.0:
        return 0.0
    return -(share * math.log2(share) + (1.0 - share) * math.log2(1.0 - share))
