"""Which delivered channels are correlated without being partners, and how strongly.

Two channels c and d that pair with the same channels p have the correlation N_cd = sum over p of
xi_pc^* xi_pd (`netsim.physics.bunching`). |xi_pc|^2 is the rate of photons that c gets with p, and
the phase of xi_pc is the sum of those of the two pumps. With two pumps that phase is the same for
all p and drops out of |N_cd|. With more, where several pairs of pumps make one process, only terms
that move the same light from pump to pump add as amplitudes: |N_cd|^2 is the mean over the phases
of lasers that are not locked to each other. (How the rates themselves beat with those phases, over
microseconds, is left out, as it is in `netsim.topology.processes`.)
"""

import cmath
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, product

from netsim.topology.labels import channel_of, label_of
from netsim.topology.processes import PairProcess, pair_rule, pump_terms
from netsim.topology.source import CrystalSourceSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec

GAUSSIAN = "gaussian"

Transfer = tuple[tuple[int, int], ...]
"""Label of a pump to how many of its photons one amplitude has more than the other; sorted."""


@dataclass(frozen=True, slots=True)
class Bunching:
    """Photons of two channels that share partners, or of one channel."""

    channels: tuple[str, str]
    strength_hz2: float
    """What the coincidences, per second and second of delay, exceed n_c n_d by at equal times:
    |N|^2 over the number of modes."""
    contrast: float
    """Of the fringe of bunches."""
    phase_rad: float
    """What is left of the phase of the first channel less that of the second."""
    frequency_noise_hz: float
    """Rms wander of the difference of the two photons' frequencies."""
    sum_shift_hz: float = 0.0
    """None: pumps move alike, and only their difference counts here."""

    @property
    def dark(self) -> "Bunching":
        """The same without light."""
        return replace(self, strength_hz2=0.0)

    @property
    def turned(self) -> "Bunching":
        """The same with its channels in the other order."""
        return replace(self, channels=self.channels[::-1], phase_rad=-self.phase_rad)


@dataclass(frozen=True, slots=True)
class _Arm:
    """A process as one of its channels sees it."""

    process: PairProcess
    amplitudes: dict[tuple[int, ...], float]
    """|xi| by the pumps behind it."""


def bunchings(topology: TopologySpec, processes: Sequence[PairProcess]) -> tuple[Bunching, ...]:
    """All bunchings of delivered channels, in ascending order of their labels.

    Parameters
    ----------
    topology : TopologySpec
        None unless the statistics of its source are Gaussian.
    processes : sequence of PairProcess
        Of this topology.
    """
    if topology.qnsp.source.statistics != GAUSSIAN:
        return ()
    arms = _arms(topology, processes)
    delivered = sorted({label_of(spec.channel) for spec in topology.qnsp.channels})
    noise_hz = _noise_hz(topology.qnsp.source)
    modes = max((spec.encoding.modes for spec in topology.receivers.values()), default=1)
    return tuple(
        _bunching((one, other), [(arms[one][p], arms[other][p]) for p in shared], noise_hz, modes)
        for one, other in combinations_with_replacement(delivered, 2)
        if (shared := sorted(arms[one].keys() & arms[other].keys()))
    )


def _arms(
    topology: TopologySpec, processes: Sequence[PairProcess]
) -> defaultdict[int, dict[int, _Arm]]:
    """By label and label of the partner."""
    source = topology.qnsp.source
    found = pair_rule(source).pairs(label_of(spec.channel) for spec in topology.qnsp.channels)
    arms: defaultdict[int, dict[int, _Arm]] = defaultdict(dict)
    for process in processes:
        one, other = label_of(process.channels[0]), label_of(process.channels[1])
        _, weights = pump_terms(source, (one, other), found[one, other])
        total, photons = math.fsum(weights.values()), 2.0 if one == other else 1.0
        amplitudes = {
            pumps: math.sqrt(photons * process.rate_hz * weight / total) if total else 0.0
            for pumps, weight in weights.items()
        }
        arms[one][other] = arms[other][one] = _Arm(process, amplitudes)
    return arms


def _noise_hz(source: RingSourceSpec | CrystalSourceSpec) -> dict[int, float]:
    if isinstance(source, CrystalSourceSpec):
        return {}
    return {label_of(pump.channel): pump.frequency_noise_hz for pump in source.pumps}


def _bunching(
    labels: tuple[int, int],
    shared: list[tuple[_Arm, _Arm]],
    noise_hz: dict[int, float],
    modes: int,
) -> Bunching:
    """Of two labels, by the processes of either with each common partner."""
    sums: defaultdict[Transfer, float] = defaultdict(float)
    for one, other in shared:
        for transfer, amplitude in _transfers(one, other):
            sums[transfer] += amplitude
    # What is left of phase and contrast is a residue: partners count alike, so that it does not
    # depend on the power of the pumps.
    fringe = sum(
        (
            cmath.rect(
                one.process.contrast * other.process.contrast,
                one.process.phase_rad - other.process.phase_rad,
            )
            for one, other in shared
        ),
        0j,
    ) / len(shared)
    return Bunching(
        channels=(channel_of(labels[0]), channel_of(labels[1])),
        strength_hz2=math.fsum(amplitude**2 for amplitude in sums.values()) / modes,
        contrast=abs(fringe),
        phase_rad=cmath.phase(fringe),
        frequency_noise_hz=max(
            math.hypot(*(count * noise_hz[pump] for pump, count in transfer)) for transfer in sums
        ),
    )


def _transfers(one: _Arm, other: _Arm) -> Iterator[tuple[Transfer, float]]:
    """Terms of xi_pc^* xi_pd, and which phase each has."""
    terms = product(one.amplitudes.items(), other.amplitudes.items())
    for (its, amplitude), (others, factor) in terms:
        counts = Counter(others)
        counts.subtract(its)
        yield tuple(sorted((p, n) for p, n in counts.items() if n)), amplitude * factor
