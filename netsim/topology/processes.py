"""Which photon pairs the ring makes, and at what rate.

A pair (a, b) is born where a + b = p_i + p_j for two pumps i <= j [1]; its rate is
R = B m P_i P_j g with m = 1 for i = j and 4 for i != j [2].

References
----------
.. [1] Fan et al., Light Sci. Appl. 14 (2025), section "Network scheme".
.. [2] The field (E1 + E2)^2 holds the cross term 2 E1 E2: four times the rate at equal powers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from netsim.topology.specs import PairFactorSpec, TopologySpec, channel_of, label_of
from netsim.units import transmittance_from_db


@dataclass(frozen=True, slots=True)
class PairProcess:
    """One SFWM process with at least one delivered channel."""

    channels: tuple[str, str]
    """In ascending label order."""
    pumps: tuple[str, str]
    rate_hz: float
    """Pairs born in the ring per second."""
    contrast: float
    phase_rad: float


def chip_power_mw(topology: TopologySpec, channel: str) -> float:
    """Pump power in the chip: that in the fibre less one facet."""
    source = topology.qnsp.source
    power_mw = next(pump.power_mw for pump in source.pumps if pump.channel == channel)
    return power_mw * transmittance_from_db(source.facet_loss_db)


def unusable_labels(pumps: Sequence[int]) -> dict[int, str]:
    """Labels that carry classical light (pumps, stimulated lines 2 p_i - p_j), with the reason."""
    reasons = {
        2 * p - q: f"the stimulated line 2 C{p} - C{q}" for p in pumps for q in pumps if p != q
    }
    return reasons | dict.fromkeys(pumps, "a pump")


def pair_labels(
    labels: Iterable[int], pumps: Sequence[int], spacing_labels: int
) -> dict[tuple[int, int], tuple[int, int]]:
    """Pairs of labels born with at least one photon in ``labels``, and the two pumps of each.

    Partners that are pumps or stimulated lines are left out: a photon there drowns in classical
    light, and so would its partner's twin. A self-paired label (2 a = p_i + p_j) and labels off
    the comb are left out too.

    Parameters
    ----------
    labels : iterable of int
        ITU labels of interest.
    pumps : sequence of int
        ITU labels of the pumps, all on one comb.
    spacing_labels : int
        Free spectral range of the ring in labels.

    Returns
    -------
    dict
        ``(a, b) -> (p_i, p_j)`` with a < b, a + b = p_i + p_j; in ascending order.
    """
    unusable = unusable_labels(pumps)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for label in labels:
        for p, q in combinations_with_replacement(pumps, 2):
            partner = p + q - label
            on_comb = (label - p) % spacing_labels == 0
            if partner < 0 or partner == label or not on_comb or unusable.keys() & {label, partner}:
                continue
            found.setdefault((min(label, partner), max(label, partner)), (p, q))
    return dict(sorted(found.items()))


def pair_processes(topology: TopologySpec) -> tuple[PairProcess, ...]:
    """All processes with at least one delivered channel, ordered by their labels."""
    source = topology.qnsp.source
    found = pair_labels(
        [label_of(delivered.channel) for delivered in topology.qnsp.channels],
        [label_of(pump.channel) for pump in source.pumps],
        source.comb_spacing_labels,
    )
    special = {tuple(sorted(map(label_of, pair.channels))): pair for pair in source.pairs}
    return tuple(
        _process(topology, labels, pumps, special.get(labels)) for labels, pumps in found.items()
    )


def _process(
    topology: TopologySpec,
    labels: tuple[int, int],
    pumps: tuple[int, int],
    special: PairFactorSpec | None,
) -> PairProcess:
    source = topology.qnsp.source
    first, second = channel_of(pumps[0]), channel_of(pumps[1])
    power_mw2 = chip_power_mw(topology, first) * chip_power_mw(topology, second)
    rate_hz = source.brightness_hz_per_mw2 * (1 if first == second else 4) * power_mw2
    contrast = source.contrast if special is None else special.contrast
    return PairProcess(
        channels=(channel_of(labels[0]), channel_of(labels[1])),
        pumps=(first, second),
        rate_hz=rate_hz if special is None else rate_hz * special.factor,
        contrast=source.contrast if contrast is None else contrast,
        phase_rad=0.0 if special is None else special.phase_rad,
    )
