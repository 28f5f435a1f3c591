"""Time bins of double pulses by state vectors, and events drawn from them; no code of netsim."""

import cmath
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]


def interferometer(phase_rad: float) -> NDArray[np.complex128]:
    """(2, 3, 2): amplitude from either pulse to each slot and port of a balanced interferometer."""
    amplitude = np.zeros((2, 3, 2), dtype=np.complex128)
    for pulse in (0, 1):
        amplitude[pulse, pulse] = 0.5, 0.5
        amplitude[pulse, pulse + 1] = (
            0.5 * cmath.exp(1j * phase_rad),
            -0.5 * cmath.exp(1j * phase_rad),
        )
    return amplitude


def slots_and_ports(phases_rad: tuple[float, float], pair_rad: float, contrast: float) -> Table:
    """(3, 2, 3, 2): where the photons of (|first first> + exp(-i pair) |last last>) come out.

    A contrast below 1 mixes in pairs whose pulse is known to the world.
    """
    one, other = map(interferometer, phases_rad)
    weights = np.array([1.0, cmath.exp(-1j * pair_rad)]) / math.sqrt(2.0)
    parts = [w * np.multiply.outer(one[k], other[k]) for k, w in enumerate(weights)]
    coherent = np.abs(parts[0] + parts[1]) ** 2
    known = np.abs(parts[0]) ** 2 + np.abs(parts[1]) ** 2
    table: Table = contrast * coherent + (1.0 - contrast) * known
    return table


def outcomes(table: Table) -> Table:
    """(4, 4): first slot, last slot, middle slot by port, of (3, 2, 3, 2)."""
    reads = np.zeros((4, 3, 2))
    reads[0, 0, :] = reads[1, 2, :] = reads[2, 1, 0] = reads[3, 1, 1] = 1.0
    found: Table = np.einsum("asp,spuq,buq->ab", reads, table, reads)
    return found


class Bench(NamedTuple):
    """A source and two users without dead time, as events draw them."""

    slot_ps: float
    period_ps: float
    width_ps: float
    """Standard deviation of a pulse."""
    pairs: float
    """In each period."""
    seen: tuple[float, float]
    """Share of the photons that a user would see whose detectors were all like the best."""
    ports: tuple[tuple[float, float], tuple[float, float]]
    """Efficiencies of both ports of either user, over the best."""
    darks: tuple[float, float]
    """In each period and detector of either user."""
    jitters_ps: tuple[float, float]
    gate_ps: float


def count(bench: Bench, table: Table, periods: int, rng: np.random.Generator) -> Table:
    """(4, 4): coincidences of two users in the same period, by what they read."""
    period = np.repeat(np.arange(periods), rng.poisson(bench.pairs, periods))
    size = period.size
    way = rng.choice(table.size, size=size, p=(table / table.sum()).ravel())
    drawn = np.unravel_index(way, table.shape)
    born_ps = bench.width_ps * rng.standard_normal(size)
    tallies = []
    for user in (0, 1):
        slot, port = drawn[2 * user], drawn[2 * user + 1]
        efficiency = bench.seen[user] * np.array(bench.ports[user])[port]
        is_seen = rng.random(size) < efficiency
        times_ps = period * bench.period_ps + (slot + 0.5) * bench.slot_ps + born_ps
        darks = rng.poisson(2 * periods * bench.darks[user])
        times_ps = np.concatenate(
            (times_ps[is_seen], rng.random(darks) * periods * bench.period_ps)
        )
        ports = np.concatenate((port[is_seen], rng.integers(0, 2, darks)))
        times_ps = times_ps + bench.jitters_ps[user] * rng.standard_normal(times_ps.size)
        tallies.append(_tally(bench, times_ps, ports, periods))
    found: Table = np.einsum("pa,pb->ab", *tallies)
    return found


def _tally(bench: Bench, times_ps: Table, ports: NDArray[np.int64], periods: int) -> Table:
    """(periods, 4): clicks of a user by what they are read as."""
    number = np.floor(times_ps / bench.period_ps).astype(np.int64)
    within_ps = times_ps - number * bench.period_ps
    slot = np.floor(within_ps / bench.slot_ps).astype(np.int64)
    off_ps = np.abs(within_ps - (slot + 0.5) * bench.slot_ps)
    counts = (slot < 3) & (off_ps < bench.gate_ps / 2) & (number >= 0) & (number < periods)
    read = np.choose(np.minimum(slot, 2), [0, 2 + ports, 1])
    tally = np.zeros((periods, 4))
    np.add.at(tally, (number[counts], read[counts]), 1.0)
    return tally
