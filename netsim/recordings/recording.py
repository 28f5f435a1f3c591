"""From two recordings and what is known of them to the tags and the description of one link."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError, Fault
from netsim.recordings.packing import packed_tags
from netsim.recordings.reading import read_recording
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.link import link_config
from netsim.units import PS_PER_S, s_from_ps
from protocols.clockprior import LEAST_ROUND_PS, MAX_SEARCH_BINS, search_bins
from protocols.link import LinkConfig
from protocols.messages import MAX_MESSAGE_BYTES
from protocols.tags import DETECTOR_BITS

USERS = ("alice", "bob")
PROTOCOL_OF = "two_user"
"""The shipped topology whose section `protocol` gives the variant; `sets` change it."""
SECURITY = "asymptotic"
FOUR_DETECTORS: Mapping[int, int] = {0: 0, 1: 1, 2: 2, 3: 3}
MIN_UMI_DELAY_PS, MAX_UMI_DELAY_PS = 6_000, 16_000
"""The search takes the three peaks for apart by more than its fits reach, and for near enough to
lie in two neighbouring bins of its first histogram."""
MAX_LIGHT_PS = 86_400 * PS_PER_S
HEAD_BYTES = 1024
"""Of an announcement, more than it has: all but its times."""
CLICK_BYTES, CLICK_BITS = 3, 21
"""A time is announced as its distance from the one before: three bytes where that is below 2^21
ticks. Few can be longer: all of them together are as long as the announcement."""


@dataclass(frozen=True, slots=True)
class EndOptions:
    """One recording and what is known of its recorder."""

    path: Path
    tick_ps: int = 10
    detector_map: Mapping[int, int] = field(default_factory=lambda: FOUR_DETECTORS)
    """Recorder's number to 2 * basis + bit (Z0, Z1, X0, X1); see `netsim.recordings.packing`."""
    detector_delays_ps: Mapping[int, int] = field(default_factory=dict)
    """Recorder's number to how late that detector is."""


@dataclass(frozen=True, slots=True)
class DistilOptions:
    """What both ends know of the link; times in ps unless said otherwise."""

    window_ps: int = 2000
    umi_delay_ps: int = 10_000
    linewidth_hz: float = 200e6
    lane_delays_ps: tuple[int, ...] = (0,)
    offset_ps: int = 0
    """Bob's clock less alice's as far as known; taken off bob's times."""
    offset_bound_ps: int = 2_000_000_000
    rate_bound_ppm: float = 1.0
    round_ps: int = 30 * PS_PER_S
    flip_x: bool = True
    """Whether X outcomes of the two ends are opposite, as those of two interferometers at pi/2."""
    sets: Sequence[str] = ()
    """Changes of the protocol variant, ``name=value``."""
    seed: int = 1

    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the values."""
        low, high = MIN_UMI_DELAY_PS, MAX_UMI_DELAY_PS
        delays_ps = self.lane_delays_ps
        rules = (
            ("--window", f"lies between 2 and {2 * low} ps", 2 <= self.window_ps <= 2 * low),
            (
                "--umi-delay",
                f"is 0 or lies between {low} and {high} ps",
                self.umi_delay_ps == 0 or low <= self.umi_delay_ps <= high,
            ),
            ("--linewidth", "lies between 1e3 and 1e12 Hz", 1e3 <= self.linewidth_hz <= 1e12),
            ("--delay", "comes 1 to 64 times", 1 <= len(delays_ps) <= 64),
            ("--delay", "has no repeats", len(set(delays_ps)) == len(delays_ps)),
            ("--delay", "is below 1e9 ps", all(abs(delay_ps) < 10**9 for delay_ps in delays_ps)),
            ("--offset", "is below 2^60 ps", abs(self.offset_ps) < 2**60),
            ("--offset-bound", "is at most 1 s", 0 <= self.offset_bound_ps <= PS_PER_S),
            ("--rate-bound", "lies between 0 and 1000 ppm", 0 <= self.rate_bound_ppm <= 1000),
            (
                "--round",
                "is at least 250 ms, for the clocks to be found in",
                self.round_ps >= LEAST_ROUND_PS,
            ),
            ("--seed", "is not negative", self.seed >= 0),
        )
        faults = tuple(Fault(option, rule) for option, rule, is_met in rules if not is_met)
        bins = search_bins(self.offset_bound_ps, self.rate_bound_ppm)
        if not faults and bins > MAX_SEARCH_BINS:
            found = f"{bins:.0e} bins would take long to search: narrow it, or --rate-bound"
            faults = (Fault("--offset-bound", found),)
        return faults


@dataclass(frozen=True, slots=True)
class LinkTags:
    """Both ends' tags on a common time axis, and the part of it that both have recorded."""

    config: LinkConfig
    paths: tuple[Path, Path]
    packed: tuple[NDArray[np.int64], NDArray[np.int64]]
    start_ps: int
    """In alice's clock: her first tag that may have a partner."""
    stop_ps: int
    """The last one."""
    margin_ps: int
    """How much earlier and later bob's partners may be by his clock."""

    @property
    def light_ps(self) -> int:
        """Common to both recordings."""
        return self.stop_ps - self.start_ps

    @property
    def ticks_ps(self) -> tuple[int, int]:
        """Of alice's and bob's recorder."""
        return self.config.announcer_tick_ps, self.config.responder_tick_ps


def load_link_tags(ends: tuple[EndOptions, EndOptions], options: DistilOptions) -> LinkTags:
    """Read both files and build the description of their link.

    Raises
    ------
    ConfigError
        Everything that is wrong with options, variant and files, at once.
    """
    faults = list(options.faults())
    config: LinkConfig | None = None
    packed: list[NDArray[np.int64]] = []
    try:
        config = _config(ends, options)
    except ConfigError as error:
        faults += error.faults
    for end in ends:
        try:
            packed.append(_read(end))
        except ConfigError as error:
            faults += error.faults
    if faults or config is None:
        raise ConfigError(tuple(dict.fromkeys(faults)))
    return _on_common_axis(config, (packed[0], packed[1]), ends, options)


def _read(end: EndOptions) -> NDArray[np.int64]:
    if not 1 <= end.tick_ps <= 1_000_000:
        raise ConfigError.of(end.path, f"a tick of {end.tick_ps} ps is not between 1 and 1e6 ps")
    tags = packed_tags(
        read_recording(end.path),
        source=str(end.path),
        tick_ps=end.tick_ps,
        detector_map=end.detector_map,
        delays_ps=end.detector_delays_ps,
    )
    if not tags.size:
        raise ConfigError.of(end.path, "holds no tag of a detector that is not ignored")
    return tags


def _config(ends: tuple[EndOptions, EndOptions], options: DistilOptions) -> LinkConfig:
    """Describe the link: the variant from a shipped topology, the rest from the recordings."""
    sets = [text if "." in text.partition("=")[0] else f"protocol.{text}" for text in options.sets]
    topology = load_topology(PROTOCOL_OF, overrides=sets)
    if topology.protocol.security != SECURITY:
        raise ConfigError.of(
            f"security={topology.protocol.security}",
            "its thresholds are fixed beforehand by the analytic twin of a topology, "
            f"which recordings have not: only {SECURITY}",
        )
    network = build_network(topology)
    config = link_config(network, USERS)
    frames = max(1, round(options.round_ps / config.frame_ps))
    return replace(
        config,
        announcer_tick_ps=ends[0].tick_ps,
        responder_tick_ps=ends[1].tick_ps,
        window_ps=options.window_ps,
        umi_delay_ps=options.umi_delay_ps,
        coherence_rate_per_s=2 * math.pi * options.linewidth_hz,
        lane_delays_ps=tuple(sorted(options.lane_delays_ps)),
        offset_bound_ps=options.offset_bound_ps,
        rate_bound_ppm=options.rate_bound_ppm,
        frames_per_round=frames,
        frames_per_announcement=min(frames, config.frames_per_announcement),
    )


def _on_common_axis(
    config: LinkConfig,
    packed: tuple[NDArray[np.int64], NDArray[np.int64]],
    ends: tuple[EndOptions, EndOptions],
    options: DistilOptions,
) -> LinkTags:
    """Take the known offset off bob's times, flip X if need be, find what both have recorded."""
    alice, bob = packed
    bob -= round(options.offset_ps / ends[1].tick_ps) << DETECTOR_BITS
    if not options.flip_x:
        # The responder flips its X bits; where nothing is to be flipped, that is undone here.
        bob = np.sort(bob ^ ((bob >> 1) & 1))
    (first_ps, last_ps), (bob_first_ps, bob_last_ps) = (
        _span_ps(tags, end.tick_ps) for tags, end in zip((alice, bob), ends, strict=True)
    )
    margin_ps = options.offset_bound_ps + max(abs(d) for d in options.lane_delays_ps)
    start_ps = max(first_ps, bob_first_ps - margin_ps)
    stop_ps = min(last_ps, bob_last_ps + margin_ps)
    if stop_ps < start_ps:
        apart = f"{s_from_ps(start_ps - stop_ps):.3g} s between it and {ends[0].path}"
        raise ConfigError.of(ends[1].path, f"no time in common, {apart}: give --offset")
    if stop_ps - start_ps > MAX_LIGHT_PS:
        raise ConfigError.of(
            ends[0].path, "more than a day in common with the other; cut it in pieces"
        )
    _refuse_crowds(alice, config, str(ends[0].path))
    paths = (ends[0].path, ends[1].path)
    config = replace(config, clock_zero_ps=start_ps)
    return LinkTags(config, paths, (alice, bob), start_ps, stop_ps, margin_ps)


def most_announced(config: LinkConfig) -> int:
    """Clicks that fit into one announcement wherever they lie in it."""
    longest_ticks = _announcement_ps(config) // config.announcer_tick_ps
    spare_bytes = HEAD_BYTES + 2 * (longest_ticks >> CLICK_BITS)
    return (MAX_MESSAGE_BYTES - spare_bytes) // CLICK_BYTES


def _announcement_ps(config: LinkConfig) -> int:
    """Longest: a frame more for clicks held back at its beginning."""
    return (config.frames_per_announcement + 1) * config.frame_ps


def _refuse_crowds(tags: NDArray[np.int64], config: LinkConfig, source: str) -> None:
    """Refuse what no announcement could carry."""
    most, longest_ps = most_announced(config), _announcement_ps(config)
    spans_ticks = (tags[most:] >> DETECTOR_BITS) - (tags[:-most] >> DETECTOR_BITS)
    crowded = np.flatnonzero(spans_ticks < longest_ps // config.announcer_tick_ps)
    if crowded.size:
        raise ConfigError.of(
            source,
            f"more than {most} tags in {s_from_ps(longest_ps):.3g} s, from entry {crowded[0]}: "
            "more than one announcement can carry",
        )


def _span_ps(tags: NDArray[np.int64], tick_ps: int) -> tuple[int, int]:
    first, last = int(tags[0]) >> DETECTOR_BITS, int(tags[-1]) >> DETECTOR_BITS
    return first * tick_ps, last * tick_ps
