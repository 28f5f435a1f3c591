"""Patch fibres that tell the lanes of a link apart.

It knows topologies, and nothing of plans.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, combinations, count

from netsim.topology.checks import MIN_PEAK_DISTANCE_PS
from netsim.topology.network import LanePart, build_network
from netsim.topology.specs import TopologySpec

PATCH_STEP_PS = 20_000
"""Patch fibres are multiples of this: 4 m of fibre."""

Rivals = tuple[LanePart, LanePart, tuple[float, ...]]
"""Two lanes of a link, and the distances that their peaks may not have."""


def with_patches(topology: TopologySpec) -> TopologySpec:
    """The same with patch fibres that keep the peaks of links with several lanes apart.

    Label after label gets the shortest patch with which the peaks (centres, and side peaks one
    interferometer delay away) of all pairs of lanes settled with it are `MIN_PEAK_DISTANCE_PS`
    apart. A label that two lanes share delays both and settles nothing between them.
    """
    rivals = _rivals(topology)
    patches_ps: dict[str, int] = {}
    for channel in dict.fromkeys(name for pair in rivals for name in sorted(_between(pair))):
        settled = {channel, *patches_ps}
        concerned = [p for p in rivals if channel in _between(p) and _between(p) <= settled]
        patches_ps[channel] = _patch_ps(channel, concerned, patches_ps)
    channels = tuple(
        spec.model_copy(update={"patch_delay_ps": patches_ps.get(spec.channel, 0)})
        for spec in topology.qnsp.channels
    )
    qnsp = topology.qnsp.model_copy(update={"channels": channels})
    return topology.model_copy(update={"qnsp": qnsp})


def _rivals(topology: TopologySpec) -> list[Rivals]:
    """All pairs of lanes of one link."""
    network = build_network(topology)
    found = []
    for link in network.links:
        receivers = [topology.receiver_of(topology.user(user)) for user in link]
        sides_ps = (receiver.encoding.side_peaks_ps.values() for receiver in receivers)
        distances_ps = (0.0, *chain.from_iterable(sides_ps))
        parts = [part for lane in network.lanes_of(link) for part in lane.parts]
        found += [(one, other, distances_ps) for one, other in combinations(parts, 2)]
    return found


def _between(rivals: Rivals) -> set[str]:
    """Channels whose patches move two lanes against each other."""
    return set(rivals[0].channels) ^ set(rivals[1].channels)


def _patch_ps(channel: str, rivals: Sequence[Rivals], patches_ps: Mapping[str, int]) -> int:
    for step in count():  # Each pair of lanes excludes a few steps, so there is an end.
        tried_ps = {**patches_ps, channel: step * PATCH_STEP_PS}
        if all(_are_apart(pair, tried_ps) for pair in rivals):
            break
    return step * PATCH_STEP_PS


def _are_apart(rivals: Rivals, patches_ps: Mapping[str, int]) -> bool:
    """Whether no peak of one lane lies at the centre of the other."""
    one_ps, other_ps = (
        part.delay_ps + patches_ps.get(part.channels[1], 0) - patches_ps.get(part.channels[0], 0)
        for part in rivals[:2]
    )
    apart_ps = abs(one_ps - other_ps)
    return all(abs(apart_ps - distance) >= MIN_PEAK_DISTANCE_PS for distance in rivals[2])
