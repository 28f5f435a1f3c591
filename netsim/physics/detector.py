"""Single-photon detectors of one receiver: efficiency, jitter, dark counts, dead time, afterpulses.

Clicks are packed, ``time_ps << 2 | detector``, so that one sort orders them and one number tells
time and detector. What crosses a frame boundary is `DetectorState`: cutting a stream of candidates
anywhere changes no click.

References
----------
.. [1] G. F. Knoll, Radiation Detection and Measurement, 4th ed., section 4.VII: non-paralysable
   dead time.
.. [2] S. Cova, A. Lacaita, G. Ripamonti, IEEE Electron Device Lett. 12, 685 (1991): carriers
   trapped in an avalanche are released at exponentially distributed times after it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsim.frames import DETECTOR_MASK, DETECTORS, NEVER_PS
from netsim.physics.emission import sample_poisson_times
from netsim.physics.normals import standard_normal
from protocols.compiled import kernel
from protocols.tags import DETECTOR_BITS

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

JITTER_CLIP_SIGMA = 8.0
"""Jitter is clipped here (probability 1e-15), so that frames can rely on it."""

_NEVER_PACKED = 2**63 - 1
_ROOM = 16


@dataclass(frozen=True, slots=True, eq=False)
class DetectorSettings:
    """Detectors of a receiver by number, four (D) at most.

    Attributes
    ----------
    relative_efficiency : (D,) float64
        Efficiency over that of the best of them, which the source has folded in.
    jitter_sigma_ps : (D,) float64
    dark_rate_hz : (D,) float64
    dead_time_ps : (D,) int64
        A click blinds its detector for this long; exactly this much later it is registered again.
    recovery_ps : (D,) float64
        Time constant with which its efficiency comes back from then on, `netsim.physics.recovery`.
    afterpulse_probability : (D,) float64
        Probability that a registered click is followed by an afterpulse candidate.
    afterpulse_decay_ps : (D,) float64
        Mean of its exponential delay, counted from the click [2]_; candidates that fall into the
        dead time are lost.
    delay_ps : (D,) int64
        How late clicks are tagged: behind the detector, so that dead times do not know of it.
    """

    relative_efficiency: NDArray[np.float64]
    jitter_sigma_ps: NDArray[np.float64]
    dark_rate_hz: NDArray[np.float64]
    dead_time_ps: NDArray[np.int64]
    recovery_ps: NDArray[np.float64]
    afterpulse_probability: NDArray[np.float64]
    afterpulse_decay_ps: NDArray[np.float64]
    delay_ps: NDArray[np.int64]


def _never() -> NDArray[np.int64]:
    return np.full(DETECTORS, NEVER_PS, dtype=np.int64)


def _nothing() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(slots=True, eq=False)
class DetectorState:
    """What detectors remember from one frame to the next.

    Attributes
    ----------
    last_click_ps : (4,) int64
        Last registered click of each detector.
    pending : (P,) int64, ascending
        Packed afterpulse candidates still to come.
    """

    last_click_ps: NDArray[np.int64] = field(default_factory=_never)
    pending: NDArray[np.int64] = field(default_factory=_nothing)


@kernel
def detect(
    rng: np.random.Generator,
    arrivals: NDArray[np.int64],
    relative_efficiency: NDArray[np.float64],
    jitter_sigma_ps: NDArray[np.float64],
    candidates: NDArray[np.int64],
) -> int:
    """As `detect_photons`, in kernels: into ``candidates``; how many there are."""
    size = np.uint64(0)
    for k in range(np.uint64(arrivals.size)):
        arrival = arrivals[k]
        detector = np.uint64(arrival & DETECTOR_MASK)
        efficiency = relative_efficiency[detector]
        if efficiency < 1.0 and rng.random() >= efficiency:
            continue
        sigma_ps = jitter_sigma_ps[detector]
        if sigma_ps > 0.0:
            normal = min(max(standard_normal(rng), -JITTER_CLIP_SIGMA), JITTER_CLIP_SIGMA)
            # A shift of the packed time by a multiple of 4 leaves the detector alone.
            arrival += int(np.floor(sigma_ps * normal + 0.5)) << DETECTOR_BITS
        candidates[size] = arrival
        size += np.uint64(1)
    return int(np.int64(size))


def detect_photons(
    rng: np.random.Generator, arrivals: NDArray[np.int64], settings: DetectorSettings
) -> NDArray[np.int64]:
    """Candidate clicks of photons that hit the detectors: efficiency and Gaussian jitter.

    Parameters
    ----------
    rng : Generator
    arrivals : (N,) int64
        Packed, in any order.
    settings : DetectorSettings

    Returns
    -------
    (M,) int64
        Packed candidates, M <= N, in the order of the arrivals.
    """
    candidates = np.empty_like(arrivals)
    efficiency, sigma_ps = settings.relative_efficiency, settings.jitter_sigma_ps
    return candidates[: detect(rng, arrivals, efficiency, sigma_ps, candidates)]


@kernel
def sample_dark_counts(
    rng: np.random.Generator, dark_rate_hz: NDArray[np.float64], start_ps: int, stop_ps: int
) -> NDArray[np.int64]:
    """Dark counts of all detectors in ``[start_ps, stop_ps)``.

    Parameters
    ----------
    rng : Generator
    dark_rate_hz : (D,) float64
    start_ps, stop_ps : int

    Returns
    -------
    (N,) int64
        Packed candidates, times ascending.
    """
    total_hz = dark_rate_hz.sum()
    candidates = sample_poisson_times(rng, total_hz, start_ps, stop_ps)
    for k in range(candidates.size):
        share = rng.random() * total_hz
        detector = 0
        while detector < dark_rate_hz.size - 1 and share >= dark_rate_hz[detector]:
            share -= dark_rate_hz[detector]
            detector += 1
        candidates[k] = (candidates[k] << DETECTOR_BITS) | detector
    return candidates


@kernel
def count_detectors(clicks: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Add packed clicks to (4,) int64 ``counts`` by detector."""
    # Bits add up without a branch, and side by side (not so in a loop over the array itself).
    low, high, both = 0, 0, 0
    for k in range(clicks.size):
        click = clicks[k]
        low += click & 1
        high += (click >> 1) & 1
        both += click & (click >> 1) & 1
    counts[0] += clicks.size - low - high + both
    counts[1] += low - both
    counts[2] += high - both
    counts[3] += both


@kernel
def _insert(pending: NDArray[np.int64], head: int, tail: int, candidate: int) -> None:
    """Put ``candidate`` in its place within the ascending ``pending[head:tail + 1]``."""
    at = tail
    while at > head and pending[at - 1] > candidate:
        pending[at] = pending[at - 1]
        at -= 1
    pending[at] = candidate


@kernel
def _is_sure(recovery_ps: NDArray[np.float64], afterpulse_probability: NDArray[np.float64]) -> bool:
    """Whether nothing is drawn of any detector."""
    for recovery, probability in zip(recovery_ps, afterpulse_probability):  # noqa: B905 - in kernels
        if recovery > 0.0 or probability > 0.0:
            return False
    return True


@kernel
def _register_sure(
    candidates: NDArray[np.int64],
    stop: int,
    last_click_ps: NDArray[np.int64],
    dead_time_ps: NDArray[np.int64],
) -> tuple[NDArray[np.int64], int]:
    """Clicks of detectors of which nothing is drawn, and the candidates that are used."""
    used = np.uint64(np.searchsorted(candidates, stop))
    clicks = np.empty(int(np.int64(used)), dtype=np.int64)
    size = np.uint64(0)
    for k in range(used):
        candidate = candidates[k]
        time_ps, detector = candidate >> DETECTOR_BITS, np.uint64(candidate & DETECTOR_MASK)
        if time_ps - last_click_ps[detector] >= dead_time_ps[detector]:
            last_click_ps[detector] = time_ps
            clicks[size] = candidate
            size += np.uint64(1)
    return clicks[:size], clicks.size


@kernel
def _register_some(
    rng: np.random.Generator,
    candidates: NDArray[np.int64],
    used: int,
    stop: int,
    last_click_ps: NDArray[np.int64],
    pending: NDArray[np.int64],
    head: int,
    tail: int,
    clicks: NDArray[np.int64],
    size: int,
    dead_time_ps: NDArray[np.int64],
    recovery_ps: NDArray[np.float64],
    afterpulse_probability: NDArray[np.float64],
    afterpulse_decay_ps: NDArray[np.float64],
) -> tuple[int, int, int, int]:
    """Go on until nothing is left before ``stop``, or ``clicks`` or ``pending`` is full."""
    k, made, one = np.uint64(used), np.uint64(size), np.uint64(1)
    while made < np.uint64(clicks.size) and tail < pending.size:
        candidate = candidates[k] if k < np.uint64(candidates.size) else _NEVER_PACKED
        if head < tail and pending[head] < candidate:
            candidate = pending[head]
            if candidate >= stop:
                break
            head += 1
        else:
            if candidate >= stop:
                break
            k += one
        time_ps = candidate >> DETECTOR_BITS
        detector = np.uint64(candidate & DETECTOR_MASK)
        ready_ps = time_ps - last_click_ps[detector] - dead_time_ps[detector]
        if ready_ps < 0:
            continue
        tau_ps = recovery_ps[detector]
        if tau_ps > 0.0 and rng.random() < np.exp(-ready_ps / tau_ps):
            continue
        last_click_ps[detector] = time_ps
        clicks[made] = candidate
        made += one
        probability = afterpulse_probability[detector]
        if probability > 0.0 and rng.random() < probability:
            late_ps = int(rng.standard_exponential() * afterpulse_decay_ps[detector])
            # What falls into the dead time of its own click can never be registered.
            if late_ps >= dead_time_ps[detector]:
                _insert(pending, head, tail, (late_ps << DETECTOR_BITS) + candidate)
                tail += 1
    return int(np.int64(k)), head, tail, int(np.int64(made))


@kernel
def register(
    rng: np.random.Generator,
    candidates: NDArray[np.int64],
    stop_ps: int,
    last_click_ps: NDArray[np.int64],
    pending: NDArray[np.int64],
    dead_time_ps: NDArray[np.int64],
    recovery_ps: NDArray[np.float64],
    afterpulse_probability: NDArray[np.float64],
    afterpulse_decay_ps: NDArray[np.float64],
) -> tuple[NDArray[np.int64], int, NDArray[np.int64]]:
    """As `register_clicks`, in kernels; what is still to come is returned, too."""
    if not pending.size and _is_sure(recovery_ps, afterpulse_probability):
        clicks, used = _register_sure(
            candidates, stop_ps << DETECTOR_BITS, last_click_ps, dead_time_ps
        )
        return clicks, used, pending
    room = np.empty(_ROOM, dtype=np.int64)
    clicks = np.empty(candidates.size + _ROOM, dtype=np.int64)
    used, head, tail, size = 0, 0, pending.size, 0
    pending = np.concatenate((pending, room))
    while True:
        used, head, tail, size = _register_some(
            rng,
            candidates,
            used,
            stop_ps << DETECTOR_BITS,
            last_click_ps,
            pending,
            head,
            tail,
            clicks,
            size,
            dead_time_ps,
            recovery_ps,
            afterpulse_probability,
            afterpulse_decay_ps,
        )
        if size < clicks.size and tail < pending.size:
            return clicks[:size], used, pending[head:tail].copy()
        # Growing within the inner loop would slow down every step of it.
        if size == clicks.size:
            clicks = np.concatenate((clicks, np.empty(size, dtype=np.int64)))
        pending = np.concatenate(
            (pending[head:tail], np.empty(tail - head + _ROOM, dtype=np.int64))
        )
        head, tail = 0, tail - head


def register_clicks(
    rng: np.random.Generator,
    candidates: NDArray[np.int64],
    state: DetectorState,
    settings: DetectorSettings,
    *,
    stop_ps: int,
) -> tuple[NDArray[np.int64], int]:
    """Clicks before ``stop_ps``: non-paralysable dead time [1]_ and afterpulses [2]_.

    Afterpulses are candidates like others: subject to dead time, and themselves followed by
    afterpulses.

    Parameters
    ----------
    rng : Generator
        Drawn from once per click of a detector with afterpulses, and once per candidate of one that
        recovers, in the order of the clicks.
    candidates : (N,) int64, ascending
        Packed; none earlier than the ``stop_ps`` of the call before.
    state : DetectorState
        Updated.
    settings : DetectorSettings
    stop_ps : int
        Candidates at or after it are left for the next call.

    Returns
    -------
    clicks : (M,) int64, ascending
        Packed.
    used : int
        ``candidates[used:]`` are at or after ``stop_ps``.
    """
    clicks, used, state.pending = register(
        rng,
        candidates,
        stop_ps,
        state.last_click_ps,
        state.pending,
        settings.dead_time_ps,
        settings.recovery_ps,
        settings.afterpulse_probability,
        settings.afterpulse_decay_ps,
    )
    return clicks, used
