"""What a window holds of two photons that are looked for at two receivers, as arrays."""

import math
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from netsim.physics.encodings.analysers import AnalyserEncoding
from netsim.physics.encodings.interface import joints_of
from netsim.physics.encodings.joint import Window
from netsim.physics.encodings.sifting import sifting_between
from netsim.physics.shapes import TimeShape
from netsim.physics.silences import NODES, silencing_spans
from netsim.topology.network import Network
from netsim.topology.receiver import ReceiverSpec
from netsim.units import FWHM_PER_SIGMA

Reals = NDArray[np.float64]

Found = TypeVar("Found")

Receivers = tuple[ReceiverSpec, ReceiverSpec]
"""Of two users."""

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
    window_ps = network.topology.protocol.window_ps
    users = len(receivers)
    flat = np.zeros((users, users, len(SIFTED)))
    fringe = np.zeros((users, users, len(fringes), len(SIFTED)))

    def work(pair: Receivers, shape: TimeShape) -> tuple[Reals, Reals]:
        return _of_two(window_ps, pair, shape, fringes)

    for place, found in _of_users(network, receivers, born, work):
        flat[place], fringe[place] = found
    return flat, fringe


def silencing(network: Network, receivers: list[ReceiverSpec], born: TimeShape) -> Reals:
    """Pairs of which one photon silences somebody else's, see `netsim.physics.silences`.

    Parameters
    ----------
    network, receivers, born
        As of `coincidences`.

    Returns
    -------
    (N, N, 2, 2) float64
        Share of the pairs that two users see, detectors together. Third axis: at which of `NODES`;
        last axis: the partner of the first user's click silences the second one's, or the other
        way round.
    """
    window_ps = network.topology.protocol.window_ps
    users = len(receivers)
    shares = np.zeros((users, users, len(NODES), 2))

    def work(pair: Receivers, shape: TimeShape) -> Reals:
        return _silencing_of_two(window_ps, pair, shape)

    for place, found in _of_users(network, receivers, born, work):
        shares[place] = found
    return shares


def _of_users(
    network: Network,
    receivers: list[ReceiverSpec],
    born: TimeShape,
    work: Callable[[Receivers, TimeShape], Found],
) -> Iterator[tuple[tuple[int, int], Found]]:
    """What ``work`` finds of all two users of a network, by their numbers."""
    users = network.topology.users
    ways_ps2 = [network.channels_of(user.name)[0].dispersion_ps2 for user in users]
    known: dict[tuple[str, str, TimeShape], Found] = {}  # Users alike share the work.
    for i, one in enumerate(users):
        for j, other in enumerate(users):
            shape = born.behind(ways_ps2[i], ways_ps2[j])
            key = (one.receiver, other.receiver, shape)
            if key not in known:
                known[key] = work((receivers[i], receivers[j]), shape)
            yield (i, j), known[key]


def _of_two(
    window_ps: float, receivers: Receivers, shape: TimeShape, fringes: list[Fringe]
) -> tuple[Reals, Reals]:
    """Of two receivers: (8,) without interference, (K, 8) what it adds at phase 0."""
    own, its = map(shares_of, receivers)
    joints = joints_of(receivers[0].encoding, receivers[1].encoding)
    flat, fringe = np.zeros(len(SIFTED)), np.zeros((len(fringes), len(SIFTED)))
    for k, (i, j) in enumerate(SIFTED):
        joint = joints[i][j]
        window = Window(window_ps, 0.0, shape, _spread_ps(receivers, i, j))
        coherent, everything = joint.shares(window)
        flat[k] = own[i] * its[j] * everything
        for s, (contrast, noise_hz) in enumerate(fringes):
            left = joint.visibility(contrast, frequency_noise_hz=noise_hz)
            fringe[s, k] = own[i] * its[j] * coherent * joint.sign * left
    return flat, fringe


def _silencing_of_two(window_ps: float, receivers: Receivers, shape: TimeShape) -> Reals:
    """(2, 2) of two receivers."""
    one, other = receivers
    dead_times_ps = one.dead_time_ps, other.dead_time_ps
    return np.array(
        [
            [_share_within(span, receivers, shape) for span in spans]
            for spans in (silencing_spans(node * window_ps, dead_times_ps) for node in NODES)
        ]
    )


def _share_within(span_ps: tuple[float, float], receivers: Receivers, shape: TimeShape) -> float:
    """Of the pairs that two receivers see, those whose difference of times is in a span."""
    low_ps, high_ps = span_ps
    if high_ps == low_ps:
        return 0.0
    one, other = receivers
    joints = joints_of(one.encoding, other.encoding)
    weights = np.outer(shares_of(one), shares_of(other))
    found = 0.0
    for (i, j), weight in np.ndenumerate(weights):
        spread_ps = _spread_ps(receivers, i, j)
        window = Window(high_ps - low_ps, -0.5 * (low_ps + high_ps), shape, spread_ps)
        found += weight * math.fsum(window.share(peak) for peak in joints[i][j].peaks)
    return float(found / weights.sum())


def _spread_ps(receivers: Receivers, one: int, other: int) -> float:
    """Standard deviation of the jitter of two detectors' difference."""
    jitters_ps = (
        receiver.each_detector[number].jitter_fwhm_ps / FWHM_PER_SIGMA
        for receiver, number in zip(receivers, (one, other), strict=True)
    )
    return math.hypot(*jitters_ps)
