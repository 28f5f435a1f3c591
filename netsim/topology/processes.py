"""Which photon pairs a source makes, and at what rate.

A ring makes a pair (a, b) where a + b = p_i + p_j for two pumps i <= j [1]; its rate is the sum
over all such i, j of B m P_i P_j g with m = 1 for i = j and 4 for i != j [2]. (Equally spaced pumps
meet in one sum; lasers that are not locked to each other add rates, not amplitudes.) A crystal has
one sum, twice the label of its pump at half its frequency.

References
----------
.. [1] Fan et al., Light Sci. Appl. 14 (2025), section "Network scheme".
.. [2] The field (E1 + E2)^2 holds the cross term 2 E1 E2: four times the rate at equal powers.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, product

from netsim.physics.detuning import averaged, enhancement_share
from netsim.physics.pairs import (
    ring_brightness_hz_per_mw2,
    ring_radius_m,
    spectrum_factor,
    walk_off_factor,
)
from netsim.topology.labels import channel_of, label_of
from netsim.topology.source import CrystalSourceSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.units import ITU_SPACING_HZ, frequency_hz_from_label, transmittance_from_db

Labels = tuple[int, int]

SELF_PAIR_SHARE = 0.5
"""Two photons in one mode: (xi / 2) (a^dagger)^2 has half the norm of xi a^dagger b^dagger."""


@dataclass(frozen=True, slots=True)
class PairProcess:
    """One process that makes pairs, with at least one delivered channel."""

    channels: tuple[str, str]
    """In ascending label order."""
    rate_hz: float
    """Pairs born per second."""
    contrast: float
    phase_rad: float
    frequency_noise_hz: float = 0.0
    """Rms wander of the sum of the two photons' frequencies."""
    sum_shift_hz: float = 0.0
    """By how much that sum is off what the interferometers are set to."""

    @property
    def dark(self) -> "PairProcess":
        """The same process without light: what its pairs are like, however many there are."""
        return replace(self, rate_hz=0.0)


@dataclass(frozen=True, slots=True)
class PairRule:
    """Which labels a source pairs with each other, and which it cannot use.

    Attributes
    ----------
    sums : mapping
        Sum of the two labels of a pair to the pairs of pump labels that make it (none: a crystal).
    unusable : mapping
        Label to the reason why no photon of it can be used.
    spacing_labels, origin : int
        Photons are born at labels ``origin + k * spacing_labels``.
    has_self_pairs : bool
        Whether a label may be used whose two photons are born in the same channel.
    """

    sums: Mapping[int, tuple[Labels, ...]]
    unusable: Mapping[int, str]
    spacing_labels: int = 1
    origin: int = 0
    has_self_pairs: bool = False

    @classmethod
    def of_ring(
        cls, pumps: Sequence[int], spacing_labels: int, *, has_self_pairs: bool = False
    ) -> "PairRule":
        """Rule of a ring with pumps at these labels."""
        sums: dict[int, list[Labels]] = {}
        for p, q in combinations_with_replacement(pumps, 2):
            sums.setdefault(p + q, []).append((p, q))
        made_by = {total: tuple(pairs) for total, pairs in sums.items()}
        origin = pumps[0] if pumps else 0
        return cls(made_by, unusable_labels(pumps), spacing_labels, origin, has_self_pairs)

    @classmethod
    def of_crystal(cls, sum_labels: int, *, has_self_pairs: bool = False) -> "PairRule":
        """Rule of a crystal: its pump is far away, every label can be used."""
        return cls({sum_labels: ()}, {}, has_self_pairs=has_self_pairs)

    def fault(self, label: int) -> str | None:
        """Why photons of ``label`` cannot be delivered; None if they can."""
        if label in self.unusable:
            return f"C{label} is {self.unusable[label]}: classical light drowns the photons"
        if (reason := self.off_comb(label)) is not None:
            return reason
        if 2 * label in self.sums and not self.has_self_pairs:
            p, q = next(iter(self.sums[2 * label]), (label, label))
            return f"C{label} pairs with itself (2 x {label} = {p} + {q})"
        return None

    def off_comb(self, label: int) -> str | None:
        """Why ``label`` is no resonance of the source; None if it is one."""
        if (label - self.origin) % self.spacing_labels == 0:
            return None
        return (
            f"C{label} is off the comb: no multiple of {self.spacing_labels} labels "
            f"away from pump C{self.origin}"
        )

    def _is_born(self, label: int) -> bool:
        """Whether photons of ``label`` can be told from classical light, if there are any."""
        return label >= 0 and self.off_comb(label) is None and label not in self.unusable

    def pairs(self, labels: Iterable[int]) -> dict[Labels, tuple[Labels, ...]]:
        """Pairs of labels born with at least one photon in ``labels``, and the pumps of each.

        Partners that cannot be used are left out: a photon there drowns in classical light.

        Returns
        -------
        dict
            ``(a, b) -> ((p_i, p_j), ...)`` with a <= b; in ascending order.
        """
        found: dict[Labels, tuple[Labels, ...]] = {}
        for label, (total, made_by) in product(labels, self.sums.items()):
            partner = total - label
            if partner == label and not self.has_self_pairs:
                continue
            if self._is_born(label) and self._is_born(partner):
                found[min(label, partner), max(label, partner)] = made_by
        return dict(sorted(found.items()))


def unusable_labels(pumps: Sequence[int]) -> dict[int, str]:
    """Labels that carry classical light, with the reason.

    Pumps, and the lines p_i + p_j - p_k that pumps drive by stimulated four-wave mixing.
    """
    reasons: dict[int, str] = {}
    for (p, q), r in product(combinations_with_replacement(pumps, 2), pumps):
        first = f"2 C{p}" if p == q else f"C{p} + C{q}"
        if r not in (p, q):
            reasons.setdefault(p + q - r, f"the stimulated line {first} - C{r}")
    return reasons | dict.fromkeys(pumps, "a pump")


def pair_labels(
    labels: Iterable[int], pumps: Sequence[int], spacing_labels: int
) -> dict[Labels, tuple[Labels, ...]]:
    """Pairs that a ring makes with at least one photon in ``labels``; see `PairRule.pairs`."""
    return PairRule.of_ring(pumps, spacing_labels).pairs(labels)


def pair_rule(source: RingSourceSpec | CrystalSourceSpec) -> PairRule:
    """Which labels ``source`` pairs."""
    has_self_pairs = source.self_pairs == "deliver"
    if isinstance(source, CrystalSourceSpec):
        return PairRule.of_crystal(source.sum_labels, has_self_pairs=has_self_pairs)
    return PairRule.of_ring(
        [label_of(pump.channel) for pump in source.pumps],
        source.comb_spacing_labels,
        has_self_pairs=has_self_pairs,
    )


def pump_powers_mw(source: RingSourceSpec | CrystalSourceSpec) -> dict[int, float]:
    """Power of each pump where the pairs are born, by label; a crystal's one pump at label -1."""
    if isinstance(source, CrystalSourceSpec):
        return {-1: source.pump_power_mw}
    facet = transmittance_from_db(source.facet_loss_db)
    return {label_of(pump.channel): pump.power_mw * facet for pump in source.pumps}


def brightness_hz_per_mw2(source: RingSourceSpec) -> float:
    """B of a ring: as given, or from the numbers of the chip."""
    if source.ring is None:
        return source.brightness_hz_per_mw2 or 0.0
    data = source.ring
    radius_m = (
        ring_radius_m(
            free_spectral_range_hz=source.comb_spacing_labels * ITU_SPACING_HZ,
            group_index=data.group_index,
        )
        if data.radius_um is None
        else data.radius_um * 1e-6
    )
    return ring_brightness_hz_per_mw2(
        gamma_per_w_m=data.gamma_per_w_m,
        group_index=data.group_index,
        radius_m=radius_m,
        linewidth_hz=source.bandwidth_hz,
        frequency_hz=frequency_hz_from_label(label_of(source.pumps[0].channel)),
    )


def pair_processes(topology: TopologySpec) -> tuple[PairProcess, ...]:
    """All processes with at least one delivered channel, ordered by their labels."""
    source = topology.qnsp.source
    found = pair_rule(source).pairs(
        label_of(delivered.channel) for delivered in topology.qnsp.channels
    )
    special = {tuple(sorted(map(label_of, pair.channels))): pair for pair in source.pairs}
    processes = []
    for labels, made_by in found.items():
        pair = special.get(labels)
        contrast = None if pair is None else pair.contrast
        processes.append(
            PairProcess(
                channels=(channel_of(labels[0]), channel_of(labels[1])),
                rate_hz=_rate_hz(source, labels, made_by) * (1.0 if pair is None else pair.factor),
                contrast=source.contrast if contrast is None else contrast,
                phase_rad=0.0 if pair is None else pair.phase_rad,
                frequency_noise_hz=_frequency_noise_hz(source, made_by),
                sum_shift_hz=_sum_shift_hz(source),
            )
        )
    return tuple(processes)


def _rate_hz(
    source: RingSourceSpec | CrystalSourceSpec, labels: Labels, made_by: tuple[Labels, ...]
) -> float:
    scale, weights = pump_terms(source, labels, made_by)
    return scale * math.fsum(weights.values())


def pump_terms(
    source: RingSourceSpec | CrystalSourceSpec, labels: Labels, made_by: tuple[Labels, ...]
) -> tuple[float, dict[tuple[int, ...], float]]:
    """Rate of the pairs of two labels (the factor of the process apart), by the pumps behind it.

    Returns
    -------
    scale : float
    weights : dict
        The two labels of a pair of pumps (none: a crystal) to its share of the rate: scale times
        weight, in pairs per second.
    """
    spacing = labels[1] - labels[0]
    alike = SELF_PAIR_SHARE if spacing == 0 else 1.0
    if isinstance(source, CrystalSourceSpec):
        share = spectrum_factor(spacing_labels=spacing, bandwidth_labels=source.bandwidth_labels)
        return source.brightness_hz_per_mw * source.pump_power_mw * share * alike, {(): 1.0}
    powers_mw, comb = pump_powers_mw(source), source.comb_spacing_labels
    return alike * brightness_hz_per_mw2(source), {
        (p, q): (1.0 if p == q else 4.0)
        * powers_mw[p]
        * powers_mw[q]
        * _resonance_share(source, spacing_modes=spacing // comb, pump_modes=abs(q - p) // comb)
        for p, q in made_by
    }


def _resonance_share(source: RingSourceSpec, *, spacing_modes: int, pump_modes: int) -> float:
    """Share of the brightness that dispersion and the detuning of the pumps leave."""

    def share(detuning_hz: float) -> float:
        walk_off = walk_off_factor(
            dispersion_hz=source.dispersion_hz,
            spacing_modes=spacing_modes,
            pump_spacing_modes=pump_modes,
            linewidth_hz=source.bandwidth_hz,
            detuning_hz=2.0 * detuning_hz,
        )
        return enhancement_share(detuning_hz, source.bandwidth_hz) ** 2 * walk_off

    detuning = source.detuning
    if detuning is None:
        return share(0.0)
    return averaged(share, mean_hz=detuning.mean_hz, rms_hz=detuning.rms_hz)


def _sum_shift_hz(source: RingSourceSpec | CrystalSourceSpec) -> float:
    """Of two photons, by the two pumps that made them."""
    if isinstance(source, CrystalSourceSpec) or source.detuning is None:
        return 0.0
    return 2.0 * source.detuning.pump_shift_hz


def _frequency_noise_hz(
    source: RingSourceSpec | CrystalSourceSpec, made_by: tuple[Labels, ...]
) -> float:
    """Rms wander of the sum of the pumps' frequencies; of several pairs of pumps, the largest."""
    if isinstance(source, CrystalSourceSpec):
        return 0.0
    noise_hz = {label_of(pump.channel): pump.frequency_noise_hz for pump in source.pumps}
    return max(
        2.0 * noise_hz[p] if p == q else math.hypot(noise_hz[p], noise_hz[q]) for p, q in made_by
    )
