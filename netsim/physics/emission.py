"""Emission of photon pairs and single photons, thinned to those that will be detected.

Pairs of a weakly pumped source are born as a Poisson process; photons are lost independently, and a
splitter sends each one way or another. By the marking theorem [1]_ the pairs of which both photons
arrive, and where, and the photons that arrive alone are then independent Poisson processes, so that
nothing else is ever drawn. What is folded in must be memoryless and common to all bases and ports.

References
----------
.. [1] J. F. C. Kingman, Poisson Processes (1993), section 5.2 (and 2.1 for the displaced singles).
.. [2] Z. Y. Ou and Y. J. Lu, Phys. Rev. Lett. 83, 2556 (1999): a cavity of linewidth kappa / 2 pi
   gives the two photons of a pair a delay with density (kappa / 2) exp(-kappa |t|).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.physics.normals import standard_normal
from netsim.physics.pulses import Pulses
from netsim.physics.rates import kappa_per_ps
from netsim.physics.shapes import MAX_DELAY_PS, TimeShape
from netsim.units import PS_PER_S
from protocols.compiled import kernel

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

PULSE_CLIP_SIGMA = 6.0
"""A pulse ends here (probability 2e-9)."""

ONE_STAGE, TWO_STAGES = 0.4, 0.8
"""The delay of a bunch has the density (kappa / 5) (1 + kappa |t| / 2)^2 exp(-kappa |t|): in two of
five cases it is one exponential time, in two the sum of two, in one of three; cumulated."""


@dataclass(frozen=True, slots=True, eq=False)
class SplitRates:
    """Poisson processes that one pair process splits into, by which photons arrive where.

    Attributes
    ----------
    pairs_hz : (A, B) float64
        Both photons arrive, at outlet ``i`` of the first channel and ``j`` of the second.
    first_hz, second_hz : (A,), (B,) float64
        One photon arrives alone.
    """

    pairs_hz: NDArray[np.float64]
    first_hz: NDArray[np.float64]
    second_hz: NDArray[np.float64]


def split_rates(
    rate_hz: float, first_transmittances: Sequence[float], second_transmittances: Sequence[float]
) -> SplitRates:
    """Rates of the independent streams of one pair process.

    Parameters
    ----------
    rate_hz : float
        Pairs born per second.
    first_transmittances, second_transmittances : sequence of float
        From birth to a click in the best detector, for each user that the channel goes to; each in
        [0, 1], and their sum too. Empty for a channel that is not delivered.

    Raises
    ------
    ValueError
        If a photon would arrive with a probability that is none.
    """
    first, second = (
        np.array(values, dtype=np.float64)
        for values in (first_transmittances, second_transmittances)
    )
    for transmittances in (first, second):
        if not (np.all(transmittances >= 0.0) and transmittances.sum() <= 1.0 + 1e-12):
            raise ValueError(f"a transmittance lies in [0, 1], but these are {transmittances}")
    return SplitRates(
        pairs_hz=rate_hz * np.outer(first, second),
        first_hz=rate_hz * first * (1.0 - second.sum()),
        second_hz=rate_hz * second * (1.0 - first.sum()),
    )


@kernel
def _fill(
    rng: np.random.Generator,
    times_ps: NDArray[np.int64],
    size: int,
    elapsed_ps: float,
    span_ps: float,
    mean_gap_ps: float,
    start_ps: int,
) -> tuple[int, float]:
    """Go on from ``elapsed_ps`` until the span or the array is full; new size and elapsed time."""
    while elapsed_ps < span_ps and size < times_ps.size:
        # Relative to the frame, so that no precision is lost late in a run; the origin comes last.
        times_ps[size] = start_ps + int(elapsed_ps)
        size += 1
        elapsed_ps += rng.standard_exponential() * mean_gap_ps
    return size, elapsed_ps


@kernel
def add_poisson_times(
    rng: np.random.Generator,
    rate_hz: float,
    start_ps: int,
    stop_ps: int,
    before_ps: NDArray[np.int64],
) -> NDArray[np.int64]:
    """``before_ps``, and behind it what `sample_poisson_times` gives."""
    if rate_hz <= 0.0:
        return before_ps
    span_ps = float(stop_ps - start_ps)
    mean_gap_ps = PS_PER_S / rate_hz
    mean = span_ps / mean_gap_ps
    size = before_ps.size
    times_ps = np.empty(size + int(mean + 6.0 * math.sqrt(mean)) + 16, dtype=np.int64)
    times_ps[:size] = before_ps
    elapsed_ps = rng.standard_exponential() * mean_gap_ps
    while True:
        size, elapsed_ps = _fill(rng, times_ps, size, elapsed_ps, span_ps, mean_gap_ps, start_ps)
        if elapsed_ps >= span_ps:
            return times_ps[:size]
        # Growing within the loop above would make it eight times slower.
        times_ps = np.concatenate((times_ps, np.empty(size, dtype=np.int64)))


@kernel
def sample_poisson_times(
    rng: np.random.Generator, rate_hz: float, start_ps: int, stop_ps: int
) -> NDArray[np.int64]:
    """Events of a Poisson process in one frame.

    Parameters
    ----------
    rng : Generator
    rate_hz : float
        Not negative.
    start_ps, stop_ps : int
        The frame is ``[start_ps, stop_ps)``.

    Returns
    -------
    (N,) int64, ascending
        Times, cut to whole picoseconds.
    """
    return add_poisson_times(rng, rate_hz, start_ps, stop_ps, np.empty(0, dtype=np.int64))


@kernel
def sample_pairs(
    rng: np.random.Generator, born_ps: NDArray[np.int64], kappa_per_ps: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times of the two photons of pairs born at given times.

    The earlier photon of a pair bears the pair's time of birth, the other one follows after an
    exponential time of rate kappa, `MAX_DELAY_PS` at most; which of them is late is
    random [2]_.

    Parameters
    ----------
    rng : Generator
    born_ps : (N,) int64
    kappa_per_ps : float
        2 pi times the linewidth.

    Returns
    -------
    first_ps, second_ps : (N,) int64
        In the order of ``born_ps``.
    """
    first_ps = np.empty_like(born_ps)
    second_ps = np.empty_like(born_ps)
    for k in range(born_ps.size):
        delay_ps = int(min(rng.standard_exponential() / kappa_per_ps, MAX_DELAY_PS) + 0.5)
        first_is_late = rng.random() < 0.5
        first_ps[k] = born_ps[k] + (delay_ps if first_is_late else 0)
        second_ps[k] = born_ps[k] + (0 if first_is_late else delay_ps)
    return first_ps, second_ps


@kernel
def sample_bunches(
    rng: np.random.Generator, born_ps: NDArray[np.int64], kappa_per_ps: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times of the two photons of bunches of one frame, see `netsim.physics.bunching`.

    Parameters
    ----------
    rng : Generator
    born_ps : (N,) int64
        When the earlier photon of each is born.
    kappa_per_ps : float
        2 pi times the linewidth.

    Returns
    -------
    first_ps, second_ps : (N,) int64
    """
    first_ps = born_ps.copy()
    second_ps = born_ps.copy()
    for k in range(first_ps.size):
        which = rng.random()
        lifetimes = rng.standard_exponential()
        if which >= ONE_STAGE:
            lifetimes += rng.standard_exponential()
        if which >= TWO_STAGES:
            lifetimes += rng.standard_exponential()
        delay_ps = int(min(lifetimes / kappa_per_ps, MAX_DELAY_PS) + 0.5)
        if rng.random() < 0.5:
            first_ps[k] += delay_ps
        else:
            second_ps[k] += delay_ps
    return first_ps, second_ps


@kernel
def sample_tabled(
    rng: np.random.Generator,
    born_ps: NDArray[np.int64],
    delays_ps: NDArray[np.float64],
    cumulative: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As `sample_pairs`, with the absolute delay of a table, see `wavefunction.DelayTable`."""
    first_ps = born_ps.copy()
    second_ps = born_ps.copy()
    for k in range(born_ps.size):
        which = rng.random()
        above = min(int(np.searchsorted(cumulative, which, side="right")), cumulative.size - 1)
        low, high = cumulative[above - 1], cumulative[above]
        part = (which - low) / (high - low) if high > low else 0.0
        delay = delays_ps[above - 1] + part * (delays_ps[above] - delays_ps[above - 1])
        delay_ps = int(min(delay, MAX_DELAY_PS) + 0.5)
        if rng.random() < 0.5:
            first_ps[k] += delay_ps
        else:
            second_ps[k] += delay_ps
    return first_ps, second_ps


@kernel
def _gather(
    rng: np.random.Generator,
    times_ps: NDArray[np.int64],
    slot_ps: int,
    period_ps: int,
    sigma_ps: float,
) -> NDArray[np.int64]:
    born_ps = np.empty_like(times_ps)
    for k in range(times_ps.size):
        since_ps = times_ps[k] % period_ps
        pulse = int(2 * since_ps >= period_ps)
        late = min(max(standard_normal(rng), -PULSE_CLIP_SIGMA), PULSE_CLIP_SIGMA)
        middle_ps = times_ps[k] - since_ps + pulse * slot_ps + slot_ps // 2
        born_ps[k] = middle_ps + int(np.floor(sigma_ps * late + 0.5))
    return born_ps


def sample_born(
    rng: np.random.Generator, rate_hz: float, start_ps: int, stop_ps: int, pulses: Pulses | None
) -> NDArray[np.int64]:
    """As `sample_poisson_times`, moved into the pulses of their periods if there are any.

    They are a Poisson process still, but in no order.
    """
    times_ps = sample_poisson_times(rng, rate_hz, start_ps, stop_ps)
    if pulses is None:
        return times_ps
    return _gather(rng, times_ps, pulses.slot_ps, pulses.period_ps, pulses.sigma_ps)


def sample_new(
    rng: np.random.Generator, rate_hz: float, start_ps: int, stop_ps: int, shape: TimeShape
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As `sample_apart`, of births by `sample_born`."""
    return sample_apart(rng, sample_born(rng, rate_hz, start_ps, stop_ps, shape.pulses), shape)


def sample_apart(
    rng: np.random.Generator, born_ps: NDArray[np.int64], shape: TimeShape
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times of the two photons of pairs, or bunches, that lie in time as ``shape`` says."""
    kappa = kappa_per_ps(shape.linewidth_hz)
    if not shape.is_closed:
        table = shape.table
        return sample_tabled(rng, born_ps, table.delays / kappa, table.cumulative)
    if shape.is_bunch:
        return sample_bunches(rng, born_ps, kappa)
    return sample_pairs(rng, born_ps, kappa)
