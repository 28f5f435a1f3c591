"""The analytic twin in closed form, as arrays: what a search can afford to ask a million times.

The formulas are those of `netsim.twin` (which see); of it is left out only what leaks from one lane
of a link into another, below 1e-4 with peaks 8 ns apart. It knows labels and users by index only;
the power of the pumps, one for all, is an argument.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.physics.fibre import broadening_ps
from netsim.physics.rates import mismatch_contrast, window_share
from netsim.plan.comb import Comb
from netsim.plan.cover import Sites
from netsim.plan.topology import Hardware
from netsim.topology.processes import pair_labels
from netsim.topology.specs import (
    DetectorSpec,
    InterferometerSpec,
    ReceiverSpec,
    SourceSpec,
    UserSpec,
)
from netsim.units import FWHM_PER_SIGMA, transmittance_from_db, wavelength_nm_from_label
from protocols.compiled import kernel
from protocols.keyrate import PAPER_EFFICIENCY

Reals = NDArray[np.float64]

LEAK = 1.0 + PAPER_EFFICIENCY
"""SKR = N [1 - (1 + f) h(Q)], as `protocols.keyrate.skr_asymptotic_bps`."""
SIFTED = ((0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3))
"""Pairs of detectors (Z+, Z-, X+, X-) that sifting keeps."""
ONE = np.array([one for one, _ in SIFTED])
OTHER = np.array([other for _, other in SIFTED])
IS_ERROR = np.array([False, True, True, False, True, False, False, True])
"""Unequal ports in Z, equal ones in X."""


class Rates(NamedTuple):
    """Everything that a key rate depends on, except who has which label and the power.

    A named tuple, because kernels take it whole.

    Attributes
    ----------
    births_hz : (L,) float64
        Photons born in each label per second and mW^2 (power of a pump in the fibre, squared).
    noises_hz : (L,) float64
        Uncorrelated photons in the ring's bus per second and mW.
    pairs_hz : (L, K) float64
        Pairs of each label and its neighbour k per second and mW^2.
    provider : (L,) float64
        Transmittance from the ring to the fibre.
    user : (N,) float64
        Transmittance of the fibre and the receiver, best detector included.
    shares : (N, 4) float64
        Probability that a photon, which the best detector would see, goes to each detector and is
        seen by it.
    darks_hz, deads_s, afters : (N, 4) float64
        Dark counts, dead time, and afterpulses per click that fall outside it.
    lanes : (N, N, 8) float64
        Sifted true coincidences of each pair of detectors of `SIFTED` per pair of photons that
        reach both users, dead times not counted.
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
    lanes: Reals
    window_s: float


def build_rates(hardware: Hardware, comb: Comb, sites: Sites, users: tuple[str, ...]) -> Rates:
    """Work out the rates of ``users`` on those labels of a comb that ``sites`` lists."""
    template = hardware.template
    source, qnsp = template.qnsp.source, template.qnsp
    specs = [hardware.user(name, k) for k, name in enumerate(users)]
    receivers = [template.receivers[spec.receiver] for spec in specs]
    labels = comb.labels[sites].tolist()
    births_hz, pairs_hz = _born(source, comb, labels)
    before_db = source.escape_loss_db + source.facet_loss_db + qnsp.pump_rejection_loss_db
    noise = len(comb.pumps) * transmittance_from_db(source.facet_loss_db)
    middle_nm = wavelength_nm_from_label(comb.twice_centre // 2)
    four = [receiver.four_detectors for receiver in receivers]
    return Rates(
        births_hz=births_hz,
        noises_hz=np.full(len(labels), hardware.noise_hz_per_mw() * noise),
        pairs_hz=pairs_hz,
        provider=np.array(
            [transmittance_from_db(before_db + hardware.loss_db(label)) for label in labels]
        ),
        user=np.array([_transmittance(spec, r) for spec, r in zip(specs, receivers, strict=True)]),
        shares=np.array([_shares(receiver) for receiver in receivers]),
        darks_hz=np.array([[spec.dark_rate_hz for spec in specs] for specs in four]),
        deads_s=np.array([[1e-12 * spec.dead_time_ps for spec in specs] for specs in four]),
        afters=np.array([[_afterpulses(spec) for spec in specs] for specs in four]),
        lanes=_lane_shares(hardware, specs, receivers, middle_nm),
        window_s=1e-12 * template.protocol.window_ps,
    )


def _born(source: SourceSpec, comb: Comb, labels: list[int]) -> tuple[Reals, Reals]:
    """Photons of every label, and pairs of it with each of its neighbours, per mW^2."""
    facet = transmittance_from_db(source.facet_loss_db)
    unit_hz = source.brightness_hz_per_mw2 * facet * facet
    index = {label: k for k, label in enumerate(labels)}
    sums = {total: k for k, total in enumerate(comb.sums)}
    births_hz = np.zeros(len(labels))
    pairs_hz = np.zeros((len(labels), len(comb.sums)))
    for pair, pumps in pair_labels(index, comb.pumps, comb.spacing_labels).items():
        rate_hz = unit_hz * (1 if pumps[0] == pumps[1] else 4)
        for label in pair:
            if label in index:
                births_hz[index[label]] += rate_hz
                pairs_hz[index[label], sums[sum(pair)]] = rate_hz
    return births_hz, pairs_hz


def _transmittance(user: UserSpec, receiver: ReceiverSpec) -> float:
    fibre = user.fibre
    loss_db = fibre.attenuation_db_per_km * fibre.length_m / 1e3 + receiver.excess_loss_db
    return transmittance_from_db(loss_db) * max(d.efficiency for d in receiver.four_detectors)


def _shares(receiver: ReceiverSpec) -> list[float]:
    best = max(spec.efficiency for spec in receiver.four_detectors) or 1.0
    bases = (receiver.z_probability, 1.0 - receiver.z_probability)
    return [
        bases[k // 2] / 2.0 * spec.efficiency / best
        for k, spec in enumerate(receiver.four_detectors)
    ]


def _afterpulses(spec: DetectorSpec) -> float:
    return spec.afterpulse_probability * math.exp(-spec.dead_time_ps / spec.afterpulse_decay_ps)


def _lane_shares(
    hardware: Hardware, users: list[UserSpec], receivers: list[ReceiverSpec], middle_nm: float
) -> Reals:
    """`Rates.lanes`; users with the same receiver and fibre share the work."""
    known: dict[tuple[str, str, float, float], list[float]] = {}
    lanes = np.zeros((len(users), len(users), len(SIFTED)))
    spreads_ps = [_dispersed_ps(hardware, user, middle_nm) for user in users]
    for i, one in enumerate(users):
        for j, other in enumerate(users):
            key = (one.receiver, other.receiver, spreads_ps[i], spreads_ps[j])
            if key not in known:
                spread_ps = math.hypot(spreads_ps[i], spreads_ps[j])
                known[key] = _coincidences(hardware, receivers[i], receivers[j], spread_ps)
            lanes[i, j] = known[key]
    return lanes


def _dispersed_ps(hardware: Hardware, user: UserSpec, middle_nm: float) -> float:
    return broadening_ps(
        length_m=user.fibre.length_m,
        dispersion_ps_per_nm_km=user.fibre.dispersion_ps_per_nm_km,
        wavelength_nm=middle_nm,
        linewidth_hz=hardware.template.qnsp.source.linewidth_hz,
    )


def _coincidences(
    hardware: Hardware, one: ReceiverSpec, other: ReceiverSpec, spread_ps: float
) -> list[float]:
    """Share of the pairs that each pair of detectors of `SIFTED` registers in the window."""
    own, its = _shares(one), _shares(other)
    found = []
    for i, j in SIFTED:
        umis = (one.z, other.z) if i < 2 else (one.x, other.x)
        jitters = one.four_detectors[i].jitter_fwhm_ps, other.four_detectors[j].jitter_fwhm_ps
        spread = math.hypot(spread_ps, *(jitter / FWHM_PER_SIGMA for jitter in jitters))
        sign = 1 if i % 2 == j % 2 else -1
        found.append(own[i] * its[j] * _in_window(hardware, umis, spread, sign))
    return found


def _in_window(
    hardware: Hardware,
    umis: tuple[InterferometerSpec, InterferometerSpec],
    spread: float,
    sign: int,
) -> float:
    """Share of the pairs in the window: equal paths interfere, unequal ones leak from the sides."""
    source = hardware.template.qnsp.source
    own, its = umis
    mismatch_ps = its.delay_ps - own.delay_ps
    equal, longer, unequal, shorter = (
        window_share(
            window_ps=hardware.template.protocol.window_ps,
            offset_ps=offset_ps,
            linewidth_hz=source.linewidth_hz,
            spread_ps=spread,
        )
        for offset_ps in (0.0, mismatch_ps, its.delay_ps, -own.delay_ps)
    )
    contrast = source.contrast * own.contrast * its.contrast
    contrast *= mismatch_contrast(mismatch_ps, linewidth_hz=source.linewidth_hz)
    fringe = sign * contrast * math.cos(own.phase_rad + its.phase_rad)
    return ((equal + longer) * (1.0 + fringe) + unequal + shorter) / 4.0


class Standing(NamedTuple):
    """Who has which label, and what follows from it; kernels change it in place.

    Attributes
    ----------
    owners : (L,) int64
        User of every label; N for nobody.
    survivals, clicks_hz : (N, 4) float64
        Dead-time survival and registered clicks of each detector.
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
        np.zeros((users, 4)),
        np.zeros((users, 4)),
        np.zeros((users, users)),
        np.zeros((users, users), dtype=np.int64),
    )


@kernel
def refresh_all(standing: Standing, rates: Rates, neighbours: Sites, power_mw: float) -> None:
    """Work out everything that follows from the owners, at ``power_mw`` per pump in the fibre."""
    for user in range(rates.user.size):
        refresh_user(user, standing, rates, power_mw)
    for user in range(rates.user.size):
        refresh_links(user, standing, rates, neighbours, power_mw)


@kernel
def refresh_user(user: int, standing: Standing, rates: Rates, power_mw: float) -> None:
    """Work out a user's clicks and dead-time survivals from its labels."""
    born_hz = 0.0
    for v in range(standing.owners.size):
        if standing.owners[v] == user:
            photons_hz = rates.births_hz[v] * power_mw * power_mw + rates.noises_hz[v] * power_mw
            born_hz += photons_hz * rates.provider[v]
    light_hz = born_hz * rates.user[user]
    for k in range(4):
        # x = c + q x / (1 + x tau), as in netsim.physics.rates.arrival_rate_hz
        candidates_hz = light_hz * rates.shares[user, k] + rates.darks_hz[user, k]
        dead_s = rates.deads_s[user, k]
        slope = 1.0 - candidates_hz * dead_s - rates.afters[user, k]
        root = math.sqrt(slope * slope + 4.0 * dead_s * candidates_hz)
        if slope > 0.0:
            arrivals_hz = 2.0 * candidates_hz / (slope + root)
        else:
            arrivals_hz = (root - slope) / (2.0 * dead_s)
        standing.survivals[user, k] = 1.0 / (1.0 + arrivals_hz * dead_s)
        standing.clicks_hz[user, k] = arrivals_hz * standing.survivals[user, k]


@kernel
def refresh_links(
    user: int, standing: Standing, rates: Rates, neighbours: Sites, power_mw: float
) -> None:
    """Work out the links of a user from its labels and everybody's clicks."""
    nobody = rates.user.size
    standing.links_bps[user, :] = 0.0
    standing.lanes[user, :] = 0
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
                standing.links_bps[user, other] += lane_bps(
                    user, other, arriving_hz * rates.user[user] * rates.user[other], standing, rates
                )
                standing.lanes[user, other] += 1
    standing.links_bps[:, user] = standing.links_bps[user, :]
    standing.lanes[:, user] = standing.lanes[user, :]


@kernel
def lane_bps(user: int, other: int, pairs_hz: float, standing: Standing, rates: Rates) -> float:
    """Asymptotic key rate of a lane, of which ``pairs_hz`` would reach the best detectors."""
    sifted_hz, errors_hz = 0.0, 0.0
    for k in range(8):
        i, j = ONE[k], OTHER[k]
        rate_hz = pairs_hz * rates.lanes[user, other, k]
        rate_hz *= standing.survivals[user, i] * standing.survivals[other, j]
        rate_hz += standing.clicks_hz[user, i] * standing.clicks_hz[other, j] * rates.window_s
        sifted_hz += rate_hz
        if IS_ERROR[k]:
            errors_hz += rate_hz
    if sifted_hz <= 0.0:
        return 0.0
    qber = min(errors_hz / sifted_hz, 0.5)
    if qber <= 0.0:
        return sifted_hz
    entropy = -(qber * math.log2(qber) + (1.0 - qber) * math.log2(1.0 - qber))
    return max(0.0, sifted_hz * (1.0 - LEAK * entropy))
