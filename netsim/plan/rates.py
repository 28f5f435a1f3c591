"""The analytic twin in closed form, as arrays: what a search can afford to ask a million times.

The formulas are those of `netsim.twin.prediction` (which see). Left out is what leaks from a lane
of a link into another, below 1e-4 with peaks 8 ns apart, and the clicks that another lane's pairs
silence, up to 1 % of the key of such a lane; what channels bunch that share partners counts as if
no patch fibre parted it (`netsim.plan.bunched`). It knows labels and users by index only; the power
of the pumps, one for all, is an argument.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError
from netsim.physics.encodings.interface import Outcome, X, Z
from netsim.plan.bunched import Bunched, bunched_labels
from netsim.plan.comb import Comb
from netsim.plan.cover import Sites
from netsim.plan.hardware import Hardware, bare_topology
from netsim.plan.windows import (
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

Reals = NDArray[np.float64]


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
