"""From two recordings and what is known of them to the tags and the description of one link."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsim.errors import ConfigError, Fault
from netsim.recordings.packing import MAX_TICK_PS, DetectorMap, grid_ps, packed_tags
from netsim.recordings.reading import Recording, read_recording
from netsim.results.distilled import USERS
from netsim.topology.load import load_topology
from netsim.topology.network import build_network
from netsim.twin.cadence import round_cadence
from netsim.twin.link import link_config
from netsim.units import PS_PER_S, ps_from_s, s_from_ps
from protocols.ascending import most_values
from protocols.clockprior import LEAST_ROUND_PS, MAX_SEARCH_BINS, search_bins
from protocols.deadtime import apparent_dead_ticks, dead_ticks
from protocols.link import LinkConfig
from protocols.messages import MAX_TIMES_BYTES
from protocols.tags import DETECTOR_BITS

PROTOCOL_OF = "two_user"
"""The shipped topology whose section `protocol` gives the variant; `sets` change it."""
SECURITY = "asymptotic"
USUAL_TICK_PS = Fraction(10)
FOUR_DETECTORS: DetectorMap = {0: (0,), 1: (1,), 2: (2,), 3: (3,)}
MIN_UMI_DELAY_PS, MAX_UMI_DELAY_PS = 6_000, 16_000
"""The search takes the three peaks for apart by more than its fits reach, and for near enough to
lie in two neighbouring bins of its first histogram."""
ANNOUNCEMENT_S = 0.5
"""Unless said: how the clocks wander is not known."""
MAX_LIGHT_PS = 86_400 * PS_PER_S
MAX_DEAD_TIME_PS = PS_PER_S


@dataclass(frozen=True, slots=True)
class EndOptions:
    """One recording and what is known of its recorder."""

    path: Path
    tick_ps: Fraction | None = None
    """Of the times in the file; None for what the file says, or `USUAL_TICK_PS`."""
    detector_map: DetectorMap = field(default_factory=lambda: FOUR_DETECTORS)
    detector_delays_ps: Mapping[int, int] = field(default_factory=dict)
    """Recorder's number to how late that detector is."""
    sort: bool = False
    """Whether the times of the file may be in any order."""
    dead_time_ps: int | None = None
    """The longest of any detector; None to take what the recording shows."""

    @property
    def grid_ps(self) -> int:
        """Unit of the times that a protocol is told."""
        return grid_ps(self.known_tick_ps)

    @property
    def known_tick_ps(self) -> Fraction:
        """As given, or the usual one."""
        return USUAL_TICK_PS if self.tick_ps is None else self.tick_ps

    def beside(self, recording: Recording) -> "EndOptions":
        """The same with the tick that the file says, if none was given."""
        return self if self.tick_ps is not None else replace(self, tick_ps=recording.tick_ps)


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
            found = f"{bins:.1e} bins would take minutes to search: narrow it, or --rate-bound"
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
    dead_ticks: tuple[int, int]
    """So long after a click of an end none of its other clicks counts, see `protocols.deadtime`."""

    @property
    def light_ps(self) -> int:
        """Common to both recordings."""
        return self.stop_ps - self.start_ps

    @property
    def ticks_ps(self) -> tuple[int, int]:
        """Of the times of alice's and bob's tags."""
        return self.config.announcer_tick_ps, self.config.responder_tick_ps

    @property
    def dead_times_ps(self) -> tuple[int, int]:
        """Of alice and bob: so long after a click no other one counts."""
        (alice, bob), (tick_a_ps, tick_b_ps) = self.dead_ticks, self.ticks_ps
        return alice * tick_a_ps, bob * tick_b_ps


def load_link_tags(ends: tuple[EndOptions, EndOptions], options: DistilOptions) -> LinkTags:
    """Read both files and build the description of their link.

    Raises
    ------
    ConfigError
        Everything that is wrong with options, variant and files, at once.
    """
    faults: list[Fault] = []
    config: LinkConfig | None = None
    known: list[EndOptions] = []
    packed: list[NDArray[np.int64]] = []
    for end in ends:
        try:
            recording = read_recording(end.path)
            known.append(end.beside(recording))
            packed.append(_packed(known[-1], recording))
        except ConfigError as error:
            faults += error.faults
    both = (known[0], known[1]) if len(known) == len(ends) else ends
    try:
        config = _config(both, options)
    except ConfigError as error:
        faults = [*error.faults, *faults]
    faults = [*options.faults(), *faults]
    if faults or config is None:
        raise ConfigError(tuple(dict.fromkeys(faults)))
    return _on_common_axis(config, (packed[0], packed[1]), both, options)


def _packed(end: EndOptions, recording: Recording) -> NDArray[np.int64]:
    tick_ps = end.known_tick_ps
    if not 1 <= tick_ps <= MAX_TICK_PS:
        raise ConfigError.of(end.path, f"a tick of {tick_ps} ps is not between 1 and 1e6 ps")
    if not 0 <= (end.dead_time_ps or 0) <= MAX_DEAD_TIME_PS:
        raise ConfigError.of(end.path, "a dead time lies between 0 and 1e12 ps")
    tags = packed_tags(
        recording,
        source=str(end.path),
        tick_ps=tick_ps,
        detector_map=end.detector_map,
        delays_ps=end.detector_delays_ps,
        sort=end.sort,
    )
    if not tags.size:
        raise ConfigError.of(end.path, "holds no tag of a detector that is not ignored")
    return tags


def _config(ends: tuple[EndOptions, EndOptions], options: DistilOptions) -> LinkConfig:
    """Describe the link: the variant from a shipped topology, the rest from the recordings."""
    topology = load_topology(PROTOCOL_OF, overrides=options.sets)
    if topology.protocol.security != SECURITY:
        raise ConfigError.of(
            f"security={topology.protocol.security}",
            "its thresholds are fixed beforehand by the analytic twin of a topology, "
            f"which recordings have not: only {SECURITY}",
        )
    network = build_network(topology)
    config = link_config(network, USERS, round_cadence(topology, [USERS]))
    frames = max(1, round(options.round_ps / config.frame_ps))
    announcement_ps = ps_from_s(topology.protocol.announcement_s or ANNOUNCEMENT_S)
    return replace(
        config,
        announcer_tick_ps=ends[0].grid_ps,
        responder_tick_ps=ends[1].grid_ps,
        window_ps=options.window_ps,
        umi_delay_ps=options.umi_delay_ps,
        coherence_rate_per_s=2 * math.pi * options.linewidth_hz,
        lane_delays_ps=tuple(sorted(options.lane_delays_ps)),
        offset_bound_ps=options.offset_bound_ps,
        rate_bound_ppm=options.rate_bound_ppm,
        frames_per_round=frames,
        frames_per_announcement=min(frames, max(1, round(announcement_ps / config.frame_ps))),
        match_rate_hz=0.0,
    )


def _on_common_axis(
    config: LinkConfig,
    packed: tuple[NDArray[np.int64], NDArray[np.int64]],
    ends: tuple[EndOptions, EndOptions],
    options: DistilOptions,
) -> LinkTags:
    """Take the known offset off bob's times, flip X if need be, find what both have recorded."""
    alice, bob = packed
    bob -= round(options.offset_ps / ends[1].grid_ps) << DETECTOR_BITS
    if not options.flip_x:
        # The responder flips its X bits; where nothing is to be flipped, that is undone here.
        bob = np.sort(bob ^ ((bob >> 1) & 1))
    (first_ps, last_ps), (bob_first_ps, bob_last_ps) = (
        _span_ps(tags, end.grid_ps) for tags, end in zip((alice, bob), ends, strict=True)
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
    dead = _dead_ticks(alice, ends[0]), _dead_ticks(bob, ends[1])
    return LinkTags(config, paths, (alice, bob), start_ps, stop_ps, margin_ps, dead)


def _dead_ticks(tags: NDArray[np.int64], end: EndOptions) -> int:
    if end.dead_time_ps is None:
        return apparent_dead_ticks(tags)
    return dead_ticks(end.dead_time_ps, end.grid_ps)


def most_announced(config: LinkConfig) -> int:
    """Clicks that fit into one announcement wherever they lie in it."""
    return most_values(MAX_TIMES_BYTES, _announcement_ps(config) // config.announcer_tick_ps)


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
            "more than one announcement can carry; if the other recording is darker, give it first",
        )


def _span_ps(tags: NDArray[np.int64], unit_ps: int) -> tuple[int, int]:
    first, last = int(tags[0]) >> DETECTOR_BITS, int(tags[-1]) >> DETECTOR_BITS
    return first * unit_ps, last * unit_ps
