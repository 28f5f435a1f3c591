"""The limit that the photon level is measured by: what cannot be left out, in one loop per stream.

Arrival times, which of two paths, basis and port, jitter, dark counts, dead time, order, and the
coincidences of all links, with nothing carried over the edges of frames: no devices, no protocol,
no clocks, no fields of frames. The rates are those of the network, so that it makes as many tags.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.devices.qnsp import emission_plan
from netsim.devices.receiver import detector_settings
from netsim.physics.rates import kappa_per_ps
from netsim.physics.source import EmissionPlan
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.units import PS_PER_S
from protocols.compiled import kernel

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

FRAME_S = 0.1
VISIBILITY = 0.99

Buffer = NDArray[np.int64]


@kernel
def draw_pairs(
    rng: np.random.Generator,
    rate: float,
    span_ps: float,
    analyser: tuple[float, float, float],
    first: tuple[Buffer, int],
    second: tuple[Buffer, int],
) -> tuple[int, int]:
    """Both clicks of pairs at ``rate`` per ps; sizes of the two buffers then."""
    kappa, late_ps, jitter_ps = analyser
    (ones, size), (others, room) = first, second
    born_ps = rng.standard_exponential() / rate
    while born_ps < span_ps:
        coins = int(rng.random() * 1024.0)
        paths, bases = coins & 3, coins >> 2 & 3
        port, is_late = coins >> 4 & 1, coins >> 5 & 1
        has_fringe = paths in {0, 3} and bases in {0, 3}
        agree = 0.5 * (1.0 + VISIBILITY) if has_fringe else 0.5
        other_port = port if rng.random() < agree else 1 - port
        apart_ps = rng.standard_exponential() / kappa * (2 * is_late - 1)
        at_ps = born_ps + (paths & 1) * late_ps + jitter_ps * rng.standard_normal()
        ones[size] = int(at_ps) << 2 | (bases & 1) << 1 | port
        at_ps = born_ps + apart_ps + (paths >> 1) * late_ps + jitter_ps * rng.standard_normal()
        others[room] = int(at_ps) << 2 | bases & 2 | other_port
        size, room = size + 1, room + 1
        born_ps += rng.standard_exponential() / rate
    return size, room


@kernel
def draw_singles(
    rng: np.random.Generator, rate: float, span_ps: float, buffer: Buffer, size: int
) -> int:
    """Clicks that nothing else belongs to; size of the buffer then."""
    at_ps = rng.standard_exponential() / rate
    while at_ps < span_ps:
        buffer[size] = int(at_ps) << 2 | int(rng.random() * 4.0)
        size += 1
        at_ps += rng.standard_exponential() / rate
    return size


@kernel
def drop_dead(clicks: Buffer, dead_ps: int) -> int:
    """Keep, at the front, clicks that do not follow another of their detector; how many."""
    last_ps = np.full(4, -(1 << 60))
    kept = 0
    for k in range(clicks.size):
        detector, at_ps = clicks[k] & 3, clicks[k] >> 2
        if at_ps - last_ps[detector] >= dead_ps:
            last_ps[detector] = at_ps
            clicks[kept] = clicks[k]
            kept += 1
    return kept


@kernel
def count_coincidences(first: Buffer, second: Buffer, low_ps: int, high_ps: int) -> int:
    """Pairs with low <= second - first < high of which bases agree."""
    found = start = 0
    for k in range(first.size):
        at_ps = first[k] >> 2
        while start < second.size and (second[start] >> 2) - at_ps < low_ps:
            start += 1
        at = start
        while at < second.size and (second[at] >> 2) - at_ps < high_ps:
            found += 1 - ((first[k] ^ second[at]) >> 1 & 1)
            at += 1
    return found


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of one network.

    Attributes
    ----------
    plan : EmissionPlan
        What will be detected.
    links : tuple of (str, str)
    dark_hz : mapping
        User to the dark counts of all its detectors.
    analyser : (float, float, float)
        Decay of a pair (per ps), delay of the long path and jitter (ps).
    dead_ps, window_ps : int
    """

    plan: EmissionPlan
    links: tuple[tuple[str, str], ...]
    dark_hz: Mapping[str, float]
    analyser: tuple[float, float, float]
    dead_ps: int
    window_ps: int

    @classmethod
    def of(cls, topology: TopologySpec) -> "Limit":
        """Of a network whose receivers are all like that of its first user."""
        timeline = Timeline(topology, stop_ps=PS_PER_S)
        network = timeline.network_at(0)
        receiver = topology.receiver_of(topology.users[0])
        settings = detector_settings(receiver)
        kappa = kappa_per_ps(topology.qnsp.source.bandwidth_hz)
        jitter_ps = float(settings.jitter_sigma_ps[0])
        return cls(
            emission_plan(network, timeline.process_indices),
            network.links,
            {user.name: float(settings.dark_rate_hz.sum()) for user in topology.users},
            (kappa, receiver.encoding.longest_ps, jitter_ps),
            int(settings.dead_time_ps[0]),
            topology.protocol.window_ps,
        )

    @property
    def singles_hz(self) -> dict[str, float]:
        """User to the clicks that belong to no pair; photons that bunch count as such."""
        found = dict(self.dark_hz)
        for (_, user), rate_hz in self.plan.singles_hz.items():
            found[user] += rate_hz
        for stream in self.plan.bunches:
            for _, user in stream.outlets:
                found[user] += stream.rate_hz
        return found

    @property
    def clicks_hz(self) -> dict[str, float]:
        """User to all clicks that are drawn."""
        found = self.singles_hz
        for stream in self.plan.pairs:
            for _, user in stream.outlets:
                found[user] += stream.rate_hz
        return found

    def frames(self, rng: np.random.Generator, light_s: float) -> Iterator[dict[str, Buffer]]:
        """Clicks of all users, frame by frame."""
        span_ps, singles_hz = FRAME_S * PS_PER_S, self.singles_hz
        room = math.ceil(1.5 * FRAME_S * max(self.clicks_hz.values())) + 1000
        buffers = {user: np.empty(room, dtype=np.int64) for user in self.dark_hz}
        for _ in range(round(light_s / FRAME_S)):
            sizes = dict.fromkeys(buffers, 0)
            for stream in self.plan.pairs:
                one, other = (user for _, user in stream.outlets)
                ends = ((buffers[one], sizes[one]), (buffers[other], sizes[other]))
                rate = stream.rate_hz / PS_PER_S
                sizes[one], sizes[other] = draw_pairs(rng, rate, span_ps, self.analyser, *ends)
            for user, buffer in buffers.items():
                rate = singles_hz[user] / PS_PER_S
                sizes[user] = draw_singles(rng, rate, span_ps, buffer, sizes[user])
            clicks = {user: np.sort(buffers[user][:size]) for user, size in sizes.items()}
            yield {user: each[: drop_dead(each, self.dead_ps)] for user, each in clicks.items()}

    def run(self, light_s: float) -> tuple[int, int]:
        """Tags and coincidences of so much light."""
        rng = np.random.Generator(np.random.PCG64DXSM(1))
        half_ps, tags, coincidences = self.window_ps // 2, 0, 0
        for clicks in self.frames(rng, light_s):
            tags += sum(each.size for each in clicks.values())
            for one, other in self.links:
                coincidences += count_coincidences(clicks[one], clicks[other], -half_ps, half_ps)
        return tags, coincidences


def tags_per_cpu_s(run: Any, *args: Any) -> float:
    """Of something that runs and says first how many tags it has made."""
    start_s = time.process_time()
    tags, *_ = run(*args)
    return float(tags / (time.process_time() - start_s))
