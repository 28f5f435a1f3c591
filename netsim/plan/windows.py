"""What a window holds of two photons that are looked for at two receivers, as arrays."""

import math

import numpy as np
from numpy.typing import NDArray

from netsim.physics.encodings.analysers import AnalyserEncoding
from netsim.physics.encodings.interface import joints_of
from netsim.physics.encodings.joint import Window
from netsim.physics.encodings.sifting import sifting_between
from netsim.physics.shapes import TimeShape
from netsim.topology.network import Network
from netsim.topology.receiver import ReceiverSpec
from netsim.units import FWHM_PER_SIGMA

Reals = NDArray[np.float64]

Fringe = tuple[float, float]
"""Contrast of two photons, and wander in Hz of the sum (of bunches: difference) of their
frequencies."""

PLANNED = AnalyserEncoding.detectors
"""What the detectors of all receivers stand for: Z+, Z-, X+, X-."""
SIFTING = sifting_between(PLANNED, PLANNED)
SIFTED = [(int(one), int(other)) for one, other in np.argwhere(SIFTING.kept)]
"""Pairs of detectors that sifting keeps, those in Z first."""
ONE = np.array([one for one, _ in SIFTED])
OTHER = np.array([other for _, other in SIFTED])
IS_ERROR = SIFTING.errors[SIFTING.kept]


def shares_of(receiver: ReceiverSpec) -> list[float]:
    """Probability that a photon, which the best detector would see, is seen by each detector."""
    best = max(spec.efficiency for spec in receiver.each_detector) or 1.0
    return [
        receiver.encoding.share(number) * spec.efficiency / best
        for number, spec in enumerate(receiver.each_detector)
    ]


def coincidences(
    network: Network, receivers: list[ReceiverSpec], born: TimeShape, fringes: list[Fringe]
) -> tuple[Reals, Reals]:
    """What windows hold of two photons that reach two users, for all users of a network.

    Parameters
    ----------
    network : Network
        Delivers a channel to each of its N users.
    receivers : list of ReceiverSpec
        Theirs.
    born : TimeShape
        Of the two photons.
    fringes : list of (float, float)
        K of them.

    Returns
    -------
    (N, N, 8) float64
        Share of each pair of detectors of `SIFTED`, as it is without interference.
    (N, N, K, 8) float64
        What interference adds to it where the phase is 0.
    """
    users = network.topology.users
    ways_ps2 = [network.channels_of(user.name)[0].dispersion_ps2 for user in users]
    flat = np.zeros((len(users), len(users), len(SIFTED)))
    fringe = np.zeros((len(users), len(users), len(fringes), len(SIFTED)))
    known: dict[tuple[str, str, TimeShape], tuple[Reals, Reals]] = {}  # Users alike share the work.
    for i, one in enumerate(users):
        for j, other in enumerate(users):
            shape = born.behind(ways_ps2[i], ways_ps2[j])
            key = (one.receiver, other.receiver, shape)
            if key not in known:
                known[key] = _of_two(network, (receivers[i], receivers[j]), shape, fringes)
            flat[i, j], fringe[i, j] = known[key]
    return flat, fringe


def _of_two(
    network: Network,
    receivers: tuple[ReceiverSpec, ReceiverSpec],
    shape: TimeShape,
    fringes: list[Fringe],
) -> tuple[Reals, Reals]:
    """Of two receivers: (8,) without interference, (K, 8) what it adds at phase 0."""
    one, other = receivers
    own, its = shares_of(one), shares_of(other)
    joints = joints_of(one.encoding, other.encoding)
    flat, fringe = np.zeros(len(SIFTED)), np.zeros((len(fringes), len(SIFTED)))
    for k, (i, j) in enumerate(SIFTED):
        jitters = one.each_detector[i].jitter_fwhm_ps, other.each_detector[j].jitter_fwhm_ps
        window = Window(
            width_ps=network.topology.protocol.window_ps,
            offset_ps=0.0,
            shape=shape,
            spread_ps=math.hypot(*(jitter / FWHM_PER_SIGMA for jitter in jitters)),
        )
        joint = joints[i][j]
        coherent, everything = joint.shares(window)
        flat[k] = own[i] * its[j] * everything
        for s, (contrast, noise_hz) in enumerate(fringes):
            left = joint.visibility(contrast, frequency_noise_hz=noise_hz)
            fringe[s, k] = own[i] * its[j] * coherent * joint.sign * left
    return flat, fringe
