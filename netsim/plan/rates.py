"""The analytic twin in closed form, as arrays: what a search can afford to ask a million times.

The formulas are those of `netsim.twin.prediction` (which see). Left out is what leaks from a lane
of a link into another, below 1e-4 with peaks 8 ns apart, and the clicks that another lane's pairs
silence, up to 1 % of the key of such a lane; what channels bunch that share partners counts as if
no patch fibre parted it (`netsim.plan.bunched`). It knows labels and users by index only; the power
of the pumps, one for all, is an argument.
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.frames import DETECTORS
from netsim.physics.encodings.interface import Outcome, X, Z
from netsim.plan.bunched import Bunched, bunched_labels, bunches_of
from netsim.plan.comb import Comb
from netsim.plan.cover import Sites
from netsim.plan.hardware import Hardware, bare_topology
from netsim.plan.windows import (
    IS_ERROR,
    ONE,
    OTHER,
    PLANNED,
    Fringe,
    coincidences,
    shares_of,
    silencing,
)
from netsim.topology.labels import channel_of, label_of
from netsim.topology.network import Network, build_network
from netsim.topology.receiver import DetectorSpec, ReceiverSpec
from netsim.topology.specs import TopologySpec
from protocols.compiled import kernel
from protocols.keylength.keyrate import PAPER_EFFICIENCY

Reals = NDArray[np.float64]

LEAK = 1.0 + PAPER_EFFICIENCY
"""SKR = N [1 - (1 + f) h(Q)], as `protocols.keylength.keyrate.skr_asymptotic_bps`."""
TINY_HZ = 1e-300
"""Less than any rate of clicks."""
FAIR = 1e-6
"""Shares of ones within this of 1/2 cost less than 1e-11 of a key: no need to work it out."""


class Rates(NamedTuple):
    """Everything that a key rate depends on, except who has which label and the power.

    A named tuple, because kernels take it whole.

    Attributes
    ----------
    births_hz : (L,) float64
        Photons born in each label per second, with pumps of 1 mW in the fibre.
    noises_hz : (L,) float64
        Uncorrelated photons at the source per second, with the same pumps.
    pairs_hz : (L, K) float64
        Pairs of each label and its neighbour k, with the same pumps.
    provider : (L,) float64
        Transmittance from birth into the fibre.
    user : (N,) float64
        Transmittance of the fibre and the receiver, best detector included.
    shares : (N, 4) float64
        Probability that a photon, which the best detector would see, goes to each detector and is
        seen by it.
    darks_hz, deads_s, afters : (N, 4) float64
        Dark counts, dead time, and afterpulses per click that fall outside it.
    flat : (N, N, 8) float64
        Sifted true coincidences of each pair of detectors of `SIFTED`, per pair of photons that
        reach both users and without dead times, as they are without interference.
    fringe : (N, N, K, 8) float64
        What interference adds to them where the phase is 0; K sums of labels.
    phases_rad : (N, L, 2) float64
        Phase that a user's Z and X analyser give a photon of each label.
    bunched : Bunched
        What other labels of the same two users add to their lanes.
    silenced : (N, N, 2, 2) float64
        As of `netsim.plan.windows.silencing`.
    window_s : float
    """

    births_hz: Reals
    noises_hz: Reals
    pairs_hz: Reals
    provider: Reals
    user: Reals
    shares: Reals
    darks_hz: Reals
    deads_s: Reals
    afters: Reals
    flat: Reals
    fringe: Reals
    phases_rad: Reals
    bunched: Bunched
    silenced: Reals
    window_s: float


def build_rates(hardware: Hardware, comb: Comb, sites: Sites, users: tuple[str, ...]) -> Rates:
    """Work out the rates of ``users`` on those labels of a comb that ``sites`` lists.

    Raises
    ------
    ConfigError
        If the detectors of a receiver stand for something else than `PLANNED`.
    """
    labels = comb.labels[sites].tolist()
    source = hardware.source(comb, 1.0)
    # The first label goes to everybody, which shows what each user's way loses.
    receivers_of = [users, *[users[:1]] * (len(labels) - 1)]
    channels = list(map(hardware.channel, labels, receivers_of))
    topology = bare_topology(hardware, users, source, channels, name="survey")
    network = build_network(topology)
    ways = {channel_of(label): network.channel(channel_of(label), users[0]) for label in labels}
    known = [way for way in ways.values() if way is not None]
    provider = np.array([way.provider_transmittance for way in known])
    provider[0] *= len(users)
    receivers = _receivers(hardware, topology)
    detectors = [receiver.each_detector for receiver in receivers]
    births_hz, pairs_hz = _born(network, comb, labels)
    fringes = _fringes(network, comb)
    flat, fringe = coincidences(network, receivers, source.pair_shape, fringes)
    return Rates(
        births_hz=births_hz,
        noises_hz=np.array([way.noise_hz for way in known]),
        pairs_hz=pairs_hz,
        provider=provider,
        user=np.array([_transmittance(network, user) for user in users]),
        shares=np.array([shares_of(receiver) for receiver in receivers]),
        darks_hz=np.array([[spec.dark_rate_hz for spec in specs] for specs in detectors]),
        deads_s=np.array([[1e-12 * spec.dead_time_ps for spec in specs] for specs in detectors]),
        afters=np.array([[_afterpulses(spec) for spec in specs] for specs in detectors]),
        flat=flat,
        fringe=fringe,
        phases_rad=np.array([_phases_rad(receiver, labels) for receiver in receivers]),
        bunched=bunched_labels(network, labels, receivers),
        silenced=silencing(network, receivers, source.pair_shape),
        window_s=1e-12 * topology.protocol.window_ps,
    )


def _receivers(hardware: Hardware, topology: TopologySpec) -> list[ReceiverSpec]:
    receivers = [topology.receiver_of(user) for user in topology.users]
    if any(receiver.encoding.detectors != PLANNED for receiver in receivers):
        names = ", ".join(map(str, PLANNED))
        message = f"{hardware.template.name} has other detectors: only {names} are planned"
        raise ConfigError.of("--topology", message)
    return receivers


def _born(network: Network, comb: Comb, labels: list[int]) -> tuple[Reals, Reals]:
    """Photons of every label, and pairs of it with each of its neighbours, per second."""
    index = {label: k for k, label in enumerate(labels)}
    sums = {total: k for k, total in enumerate(comb.sums)}
    births_hz = np.zeros(len(labels))
    pairs_hz = np.zeros((len(labels), len(sums)))
    for process in network.processes:
        pair = [label_of(channel) for channel in process.channels]
        for label in pair:
            if label in index:
                births_hz[index[label]] += process.rate_hz
                pairs_hz[index[label], sums[sum(pair)]] = process.rate_hz
    return births_hz, pairs_hz


def _transmittance(network: Network, user: str) -> float:
    way = network.channels_of(user)[0]
    return way.fibre_transmittance * way.receiver_transmittance


def _afterpulses(spec: DetectorSpec) -> float:
    return spec.afterpulse_probability * math.exp(-spec.dead_time_ps / spec.afterpulse_decay_ps)


def _phases_rad(receiver: ReceiverSpec, labels: list[int]) -> list[list[float]]:
    encoding = receiver.encoding
    numbers = [PLANNED.index(Outcome(basis, port=0)) for basis in (Z, X)]
    return [
        [encoding.phase_rad(number, label, time_ps=0) for number in numbers] for label in labels
    ]


def _fringes(network: Network, comb: Comb) -> list[Fringe]:
    """Contrast and frequency noise of the pairs of each sum."""
    by_sum = {
        sum(label_of(channel) for channel in process.channels): process
        for process in network.processes
    }
    found = (by_sum.get(total) for total in comb.sums)
    return [(0.0, 0.0) if p is None else (p.contrast, p.frequency_noise_hz) for p in found]


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


# Rows are filled and summed in loops: numba takes far longer to compile slices and reductions.


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
