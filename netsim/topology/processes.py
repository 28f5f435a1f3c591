"""Which photon pairs the ring makes, and at what rate.

A pair (a, b) is born where a + b = p_i + p_j for two pumps i <= j [1]; its rate is
R = B m P_i P_j g with m = 1 for i = j and 4 for i != j [2].

References
----------
.. [1] Fan et al., Light Sci. Appl. 14 (2025), section "Network scheme".
.. [2] The field (E1 + E2)^2 holds the cross term 2 E1 E2: four times the rate at equal powers.
"""

from dataclasses import dataclass

from netsim.topology.specs import TopologySpec, channel_of, label_of
from netsim.units import transmittance_from_db


@dataclass(frozen=True, slots=True)
class PairProcess:
    """One SFWM process with at least one delivered channel; ``channels`` in ascending label order."""

    channels: tuple[str, str]
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


def unusable_labels(pumps: list[int]) -> dict[int, str]:
    """Labels that carry classical light, with the reason: pumps and stimulated lines 2 p_i - p_j."""
    reasons = {
        2 * p - q: f"stimulated four-wave mixing of pumps C{p} and C{q}"
        for p in pumps
        for q in pumps
        if p != q
    }
    return reasons | {p: "pump" for p in pumps}


def pair_processes(topology: TopologySpec) -> tuple[PairProcess, ...]:
    """All processes with at least one delivered channel, ordered by their labels.

    Partners that are pumps or stimulated lines are left out: a photon there drowns in classical
    light, and so would its partner's twin. A self-paired channel (2 a = p_i + p_j) is left out too.
    """
    source = topology.qnsp.source
    pumps = [label_of(pump.channel) for pump in source.pumps]
    overrides = {tuple(sorted(pair.channels, key=label_of)): pair for pair in source.pairs}
    found: dict[tuple[int, int], PairProcess] = {}
    for delivered in topology.qnsp.channels:
        label = label_of(delivered.channel)
        for i, p in enumerate(pumps):
            for q in pumps[i:]:
                partner = p + q - label
                labels = (min(label, partner), max(label, partner))
                if partner < 0 or partner == label or labels in found:
                    continue
                if partner in unusable_labels(pumps) or (label - p) % source.comb_spacing_labels:
                    continue
                channels = (channel_of(labels[0]), channel_of(labels[1]))
                override = overrides.get(channels)
                power_mw2 = chip_power_mw(topology, channel_of(p)) * chip_power_mw(topology, channel_of(q))
                rate_hz = source.brightness_hz_per_mw2 * (1 if p == q else 4) * power_mw2
                contrast = source.contrast
                if override is not None and override.contrast is not None:
                    contrast = override.contrast
                found[labels] = PairProcess(
                    channels=channels,
                    pumps=(channel_of(p), channel_of(q)),
                    rate_hz=rate_hz * (override.factor if override else 1.0),
                    contrast=contrast,
                    phase_rad=override.phase_rad if override else 0.0,
                )
    return tuple(found[labels] for labels in sorted(found))
