"""Photons behind a beam splitter and analysers of two bases: at which port they come out, and when.

Joint outcomes are bound late: the first measurement of a pair draws from the marginal and leaves in
the ledger what it fixed; the second draws conditionally on it. Two hidden bits per photon would
give the same statistics in two bases and fail a Bell test; this passes it.

On equal paths (both short or both long, which cannot be told apart) the ports s, t = +-1 of a pair
have P(s, t | equal paths) = (1 + s t V cos(phi_u + phi_v + phi_0)) / 4 [1]_; on unequal paths, and
for a photon alone, ports are uniform and independent. All phases add: with Z at 0 and X at pi/2,
equal ports go together in Z-Z, opposite ones in X-X, and mixed bases are uncorrelated. For bunches
(`netsim.physics.bunching`) phi_v is subtracted: equal ports go together in both bases. Where the
delays of two interferometers differ, V depends on when the two photons come.

A source that hides bits has the best local fringe instead of the cosine: both photons carry one
angle, and come out by the side of their analyser on which it lies, so the correlation falls by
2 / pi a radian [2]_. At sums of phases of 0, pi/2 and pi, those of key, that is the same.

References
----------
.. [1] J. D. Franson, Phys. Rev. Lett. 62, 2205 (1989).
.. [2] J. S. Bell, Physics 1, 195 (1964), section III.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, groupby

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsim.frames import CONSUMED, UNMEASURED, PhotonFrame, PreparedStates
from netsim.physics.bunching import bunch_visibility
from netsim.physics.columns import joined
from netsim.physics.encodings.interface import AT_HAND, Encoding, PairSource, Z
from netsim.physics.encodings.joint import Coherence
from netsim.physics.encodings.prepared import measure_prepared
from netsim.physics.normals import next_uint64
from netsim.physics.pairs import drift_contrast, shift_rad
from netsim.physics.rates import kappa_per_ps, mismatch_visibility
from protocols.compiled import kernel
from protocols.tags import DETECTOR_BITS

# ruff: noqa: PLR0917 (compiled kernels take arrays, not objects, and numba passes them by place)

_PARTS = 2.0**53
"""`Generator.random` yields so many numbers; their two lowest bits choose path and port."""

PLUS = (0, 2)
"""One detector of each basis, Z+ and X+."""

_mismatch_visibility = kernel(mismatch_visibility)
_bunch_visibility = kernel(bunch_visibility)


@kernel
def _fringe(total_rad: float, is_local: int) -> float:
    """Correlation of ports at a sum of phases: 1 at 0, -1 at pi."""
    if not is_local:
        return math.cos(total_rad)
    apart_rad = abs((total_rad + math.pi) % (2.0 * math.pi) - math.pi)
    return 1.0 - 2.0 * apart_rad / math.pi


@kernel
def _measure_channel(
    arrivals: NDArray[np.int64],
    rng: np.random.Generator,
    times_ps: NDArray[np.int64],
    pair_rows: NDArray[np.int64],
    ledger_process: NDArray[np.int64],
    ledger_outcome: NDArray[np.int64],
    ledger_sent_ps: NDArray[np.int64],
    ledger_phase_rad: NDArray[np.float64],
    ledger_delay_ps: NDArray[np.float64],
    ledger_contrast: NDArray[np.float64],
    pair_contrast: NDArray[np.float64],
    pair_phase_rad: NDArray[np.float64],
    processes: int,
    partner_sign: int,
    has_hidden_bits: int,
    kappa_per_ps: float,
    way_ps: int,
    ahead_ps: int,
    z_probability: float,
    has_paths: NDArray[np.int64],
    delay_ps: NDArray[np.float64],
    phase_rad: NDArray[np.float64],
    contrast: NDArray[np.float64],
) -> None:
    """Arrivals of photons that have come ``way_ps`` and have ``ahead_ps`` before them."""
    late_ps = (delay_ps + 0.5).astype(np.int64)
    z_parts = int(np.ceil(z_probability * _PARTS))
    for k in range(times_ps.size):
        # That of `Generator.random`, before it is made a float.
        uniform = np.int64(next_uint64(rng.bit_generator) >> np.uint64(11))
        basis = np.uint64(uniform >= z_parts)
        path = uniform & has_paths[basis]
        port = (uniform >> 1) & 1
        if pair_rows[k] >= 0:
            row = np.uint64(pair_rows[k])
            earlier = ledger_outcome[row]
            if earlier == UNMEASURED:
                ledger_outcome[row] = 2 * path + port
                ledger_sent_ps[row] = times_ps[k] - way_ps
                ledger_phase_rad[row] = phase_rad[basis]
                ledger_delay_ps[row] = delay_ps[basis]
                ledger_contrast[row] = contrast[basis]
            else:
                if earlier == CONSUMED:
                    raise ValueError("a pair has two photons, but a third one was measured")
                ledger_outcome[row] = CONSUMED
                if earlier >> 1 == path:
                    process = np.uint64(ledger_process[row])
                    mismatch_ps = delay_ps[basis] - ledger_delay_ps[row]
                    apart_ps = times_ps[k] - way_ps - ledger_sent_ps[row] + path * mismatch_ps
                    visibility = (
                        pair_contrast[process, basis] * ledger_contrast[row] * contrast[basis]
                    )
                    earlier_rad = partner_sign * ledger_phase_rad[row]
                    if process < np.uint64(processes):
                        visibility *= _mismatch_visibility(apart_ps, mismatch_ps, kappa_per_ps)
                    else:
                        visibility *= _bunch_visibility(apart_ps, mismatch_ps, kappa_per_ps)
                        earlier_rad = -ledger_phase_rad[row]
                    total_rad = phase_rad[basis] + earlier_rad + pair_phase_rad[process, basis]
                    fringe = _fringe(total_rad, has_hidden_bits)
                    same = rng.random() < 0.5 * (1.0 + visibility * fringe)
                    port = (earlier & 1) if same else 1 - (earlier & 1)
        time_ps = times_ps[k] + ahead_ps + path * late_ps[basis]
        arrivals[k] = (time_ps << DETECTOR_BITS) | np.int64(basis) << 1 | port


@kernel
def _measure(
    rng: np.random.Generator,
    times_ps: NDArray[np.int64],
    pair_rows: NDArray[np.int64],
    ledger: tuple[
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
    ],
    parts: NDArray[np.int64],
    phase_rad: NDArray[np.float64],
    pairs: tuple[NDArray[np.float64], NDArray[np.float64], int, int, int, float],
    analysers: tuple[float, NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.int64]:
    """Channel by channel; ``parts`` is (C, 3): where each stops, its way so far and ahead."""
    process, outcome, sent_ps, earlier_rad, earlier_ps, earlier_contrast = ledger
    pair_contrast, pair_phase_rad, processes, partner_sign, has_hidden_bits, kappa_per_ps = pairs
    z_probability, has_paths, delay_ps, contrast = analysers
    arrivals = np.empty(times_ps.size, dtype=np.int64)
    begin = 0
    for channel in range(parts.shape[0]):
        stop, way_ps, ahead_ps = parts[channel, 0], parts[channel, 1], parts[channel, 2]
        _measure_channel(
            arrivals[begin:stop],
            rng,
            times_ps[begin:stop],
            pair_rows[begin:stop],
            process,
            outcome,
            sent_ps,
            earlier_rad,
            earlier_ps,
            earlier_contrast,
            pair_contrast,
            pair_phase_rad[channel],
            processes,
            partner_sign,
            has_hidden_bits,
            kappa_per_ps,
            way_ps,
            ahead_ps,
            z_probability,
            has_paths,
            delay_ps,
            phase_rad[channel],
            contrast,
        )
        begin = stop
    return arrivals


class AnalyserMeasurement:
    """Measurement by a beam splitter and two analysers: detectors Z+, Z-, X+, X-.

    Parameters
    ----------
    encoding : Encoding
        With at most two paths through an analyser, equally likely.
    source : PairSource
    partner_sign : int
        1 where the fringe of a pair is in the sum of both phases, -1 in their difference.
    """

    def __init__(self, encoding: Encoding, source: PairSource, *, partner_sign: int = 1) -> None:
        self._partner_sign = partner_sign
        paths = [encoding.paths(detector) for detector in PLUS]
        self._encoding = encoding
        self._z_probability = 2.0 * encoding.share(PLUS[Z])
        self._has_paths = np.array([len(ways) > 1 for ways in paths], dtype=np.int64)
        self._delay_ps = np.array([ways[-1].late_ps for ways in paths], dtype=np.float64)
        self._contrast = np.array([encoding.contrast(detector) for detector in PLUS])
        self._known: dict[tuple[str, ...], tuple[tuple[float, ...], NDArray[np.float64]]] = {}
        self._kappa_per_ps = kappa_per_ps(source.linewidth_hz)
        self._pair_contrast = _pair_contrast(source, self._delay_ps)
        self._processes = len(source.processes)
        self._source = source
        self._pair_phase_rad: dict[tuple[str, ...], NDArray[np.float64]] = {}

    def measure(
        self,
        rng: Generator,
        frames: Sequence[PhotonFrame],
        *,
        time_ps: int,
        ahead_ps: Mapping[str, int] = AT_HAND,
    ) -> NDArray[np.int64]:
        """As `netsim.physics.encodings.interface.Measurement`.

        The long path adds the interferometer's delay, rounded to picoseconds.
        """
        arrivals = [
            self._measure_own(rng, each, time_ps, ahead_ps)
            if is_own
            else self._measure_born(rng, tuple(each), time_ps, ahead_ps)
            for is_own, each in groupby(frames, _is_own)
        ]
        return joined(arrivals)

    def _measure_born(
        self,
        rng: Generator,
        frames: Sequence[PhotonFrame],
        time_ps: int,
        ahead_ps: Mapping[str, int],
    ) -> NDArray[np.int64]:
        """Photons of the source, and others without a state, of all channels in one go."""
        channels = tuple([frame.channel for frame in frames])
        stops = accumulate([frame.times_ps.size for frame in frames])
        parts = [
            (stop, frame.delay_ps, ahead_ps.get(frame.channel, 0))
            for stop, frame in zip(stops, frames, strict=True)
        ]
        ledger = frames[0].ledger
        return _measure(
            rng,
            joined([frame.times_ps for frame in frames]),
            joined([frame.pair_rows for frame in frames]),
            (
                ledger.process,
                ledger.outcome,
                ledger.sent_ps,
                ledger.phase_rad,
                ledger.delay_ps,
                ledger.contrast,
            ),
            np.array(parts, dtype=np.int64),
            self._phases_rad(channels, time_ps),
            (
                self._pair_contrast,
                self._pair_phases_rad(channels),
                self._processes,
                self._partner_sign,
                int(self._source.has_hidden_bits),
                self._kappa_per_ps,
            ),
            (self._z_probability, self._has_paths, self._delay_ps, self._contrast),
        )

    def _measure_own(
        self,
        rng: Generator,
        frames: Iterable[PhotonFrame],
        time_ps: int,
        ahead_ps: Mapping[str, int],
    ) -> NDArray[np.int64]:
        """Light that somebody on the way has sent."""
        arrivals = []
        for frame in frames:
            times_ps = frame.times_ps + ahead_ps.get(frame.channel, 0)
            if frame.fired is not None:
                arrivals.append(times_ps << DETECTOR_BITS | frame.fired)
            elif frame.prepared is not None:
                (phases_rad,) = self._phases_rad((frame.channel,), time_ps)
                arrivals.append(self._measure_prepared(rng, times_ps, frame.prepared, phases_rad))
        return joined(arrivals)

    def _measure_prepared(
        self,
        rng: Generator,
        times_ps: NDArray[np.int64],
        states: PreparedStates,
        phases_rad: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        return measure_prepared(
            rng,
            times_ps,
            states.phase_rad,
            states.delay_ps,
            states.contrast,
            self._kappa_per_ps,
            self._z_probability,
            self._has_paths,
            self._delay_ps,
            phases_rad,
            self._contrast,
        )

    def _phases_rad(self, channels: tuple[str, ...], time_ps: int) -> NDArray[np.float64]:
        """(C, 2) float64: of the Z and the X analyser; worked out when a setting has changed."""
        settings = self._encoding.settings_at(time_ps)
        known = self._known.get(channels)
        if known is None or known[0] != settings:
            phases_rad = [
                [self._encoding.phase_rad(detector, int(name[1:]), time_ps) for detector in PLUS]
                for name in channels
            ]
            known = self._known[channels] = settings, np.array(phases_rad)
        return known[1]

    def _pair_phases_rad(self, channels: tuple[str, ...]) -> NDArray[np.float64]:
        """(C, P, 2) float64: residual phases by the ledger's index and the second photon's basis.

        The phase of a bunch is that of its first channel less that of its second.
        """
        if channels not in self._pair_phase_rad:
            phases_rad = [
                [
                    *(self._by_basis(pairs) for pairs in self._source.processes),
                    *(
                        [each.phase_rad if each.channels[0] == name else -each.phase_rad] * 2
                        for each in self._source.bunchings
                    ),
                ]
                for name in channels
            ]
            self._pair_phase_rad[channels] = np.array(phases_rad, dtype=np.float64).reshape(
                len(channels), -1, 2
            )
        return self._pair_phase_rad[channels]

    def _by_basis(self, pairs: Coherence) -> list[float]:
        """Phase of a pair whose second photon is seen in Z, and in X."""
        shifts_rad = (shift_rad(pairs.sum_shift_hz, late_ps) for late_ps in self._delay_ps.tolist())
        return [pairs.phase_rad + each_rad for each_rad in shifts_rad]


def _is_own(frame: PhotonFrame) -> bool:
    """Whether somebody on the way has sent it."""
    return frame.prepared is not None or frame.fired is not None


def _pair_contrast(source: PairSource, delay_ps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, 2) float64: V0 by the ledger's index and the basis of the second photon measured."""
    contrast = [
        [
            process.contrast
            * drift_contrast(frequency_noise_hz=process.frequency_noise_hz, delay_ps=late_ps)
            for late_ps in delay_ps.tolist()
        ]
        for process in (*source.processes, *source.bunchings)
    ]
    return np.array(contrast, dtype=np.float64).reshape(-1, 2)
