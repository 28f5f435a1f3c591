"""What channels that share partners add to the windows of a link, as arrays for a search.

Which channels these are, and how strongly, says `netsim.topology.bunches`; what a window holds of
it, the joint of two detectors, as in `netsim.twin.prediction`. Patch fibres come after the plan,
and long fibres part channels by their dispersion: here all bunches of two users fall into the
middle of each window of their link, so that a plan counts too many rather than too few.
"""

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.plan.windows import Fringe, coincidences
from netsim.topology.labels import channel_of
from netsim.topology.network import Network
from netsim.topology.receiver import ReceiverSpec
from protocols.compiled import kernel

Reals = NDArray[np.float64]
Sites = NDArray[np.int64]


class Bunched(NamedTuple):
    """Bunches of every label with every other one.

    A named tuple, because kernels take it whole.

    Attributes
    ----------
    sites : (L, D) int64
        Labels that share partners with each label, by index; -1 for none.
    born_hz : (L, D) float64
        Bunches of the two per second at the source, with pumps of 1 mW in the fibre.
    kinds : (L, D) int64
        Which of K fringes they have.
    flat : (N, N, S) float64
        Coincidences of each of S pairs of detectors, per bunch of which both photons reach the two
        users and without dead times, as they are without interference.
    fringe : (N, N, K, S) float64
        What interference adds to them where the phases are equal.
    """

    sites: Sites
    born_hz: Reals
    kinds: Sites
    flat: Reals
    fringe: Reals


def bunched_labels(network: Network, labels: list[int], receivers: list[ReceiverSpec]) -> Bunched:
    """Bunches of all ``labels`` that a network delivers, of which each pump has 1 mW.

    Residual phases, which planned sources have none of, are left out.
    """
    index = {channel_of(label): k for k, label in enumerate(labels)}
    shape = network.topology.qnsp.source.bunch_shape
    fringes: dict[Fringe, int] = {}
    found: list[list[tuple[int, float, int]]] = [[] for _ in labels]
    for bunching in network.bunchings:
        one, other = (index[channel] for channel in bunching.channels)
        if one != other and bunching.strength_hz2 > 0.0:
            fringe = (bunching.contrast, bunching.frequency_noise_hz)
            kind = fringes.setdefault(fringe, len(fringes))
            born_hz = bunching.strength_hz2 * shape.span_s
            found[one].append((other, born_hz, kind))
            found[other].append((one, born_hz, kind))
    return Bunched(*_padded(found), *coincidences(network, receivers, shape, list(fringes)))


def _padded(found: list[list[tuple[int, float, int]]]) -> tuple[Sites, Reals, Sites]:
    """`Bunched.sites`, `Bunched.born_hz` and `Bunched.kinds`."""
    width = max(map(len, found), default=0)
    rows = [[*own, *[(-1, 0.0, 0)] * (width - len(own))] for own in found]
    table = np.array(rows, dtype=np.float64).reshape(len(found), width, 3)
    sites, born_hz, kinds = (np.ascontiguousarray(table[:, :, k]) for k in range(3))
    return sites.astype(np.int64), born_hz, kinds.astype(np.int64)


@kernel
def bunches_of(
    user: int,
    owners: Sites,
    bunched: Bunched,
    provider: Reals,
    ways: Reals,
    phases_rad: Reals,
    power_mw: float,
) -> Reals:
    """Bunches of a user's photons with those of every other one.

    Parameters
    ----------
    user : int
    owners : (L,) int64
        User of every label; N for nobody.
    bunched : Bunched
    provider : (L,) float64
        Transmittance from birth into the fibre.
    ways : (N,) float64
        Transmittance of each user's fibre and receiver, best detector included.
    phases_rad : (N, L, 2) float64
        Phase that a user's Z and X analyser give a photon of each label.
    power_mw : float
        Of every pump, in the fibre: bunches follow the square of the pairs' rates.

    Returns
    -------
    (N, S) float64
        Coincidences per second, before dead times; those in Z first.
    """
    users, pairs = ways.size, bunched.flat.shape[2]
    found_hz = np.zeros((users, pairs))
    for v in range(owners.size):
        if owners[v] != user:
            continue
        for d in range(bunched.sites.shape[1]):
            w = bunched.sites[v, d]
            if w < 0:
                break
            other = owners[w]
            if other in (users, user):
                continue
            arriving_hz = bunched.born_hz[v, d] * power_mw**4
            arriving_hz *= provider[v] * provider[w] * ways[user] * ways[other]
            fringe = bunched.fringe[user, other, bunched.kinds[v, d]]
            for k in range(pairs):
                basis = 2 * k // pairs
                apart_rad = phases_rad[user, v, basis] - phases_rad[other, w, basis]
                share = bunched.flat[user, other, k] + fringe[k] * math.cos(apart_rad)
                found_hz[other, k] += arriving_hz * share
    return found_hz
