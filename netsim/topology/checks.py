"""What must hold between the sections of a topology; all of it is asked of every topology.

A check is a function of a topology that yields faults, and stands in `CHECKS`. It may be given a
topology of which only a part is valid: it asks for what it needs by `has` and `having`, and says
nothing where that is absent (`netsim.topology.reading`). What a single section may say is in its
spec; what is allowed but unwise, in `netsim.topology.unwise`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from netsim.errors import Fault
from netsim.physics.encodings.interface import Encoding
from netsim.physics.encodings.registry import encoding_class
from netsim.physics.rates import kappa_per_ps
from netsim.physics.shapes import PairShape
from netsim.topology.bell import bell_faults
from netsim.topology.combinations import combination_faults
from netsim.topology.labels import label_of
from netsim.topology.names import name_faults, outlet_of, receivers_of
from netsim.topology.perfect import perfect_encodings
from netsim.topology.processes import PairRule, pair_rule
from netsim.topology.pulsed import pulsed_faults
from netsim.topology.reading import has, having
from netsim.topology.source import PumpSpec, RingSourceSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.state import QnspSpec
from netsim.topology.untold import untold_faults
from netsim.topology.unwise import topology_warnings
from netsim.units import ps_from_s
from protocols.clockprior import LEAST_ROUND_PS, MAX_SEARCH_BINS, search_bins

MIN_DELAY_LIFETIMES = 9.0
"""An interferometer delays by at least this many photon lifetimes 1 / kappa. A photon by itself has
a fringe of (1 + kappa T / 2) exp(-kappa T / 2) there, which is not simulated: 28 % at 5 lifetimes,
6 % at 9, 1.4 % at 12.6 (10 ns and 200 MHz)."""

ROTATION = "rotation_walk_rad_per_sqrt_s"
MIN_MISMATCH_CONTRAST = 0.5
"""Two interferometers whose delays leave less contrast than this cannot be meant to match."""


@dataclass(frozen=True, slots=True)
class Checks:
    """Outcome of all checks between specs."""

    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def check_topology(topology: TopologySpec) -> Checks:
    """Check a topology that did not come from `netsim.topology.load`; warnings if no errors."""
    errors = find_faults(topology)
    return Checks(errors, () if errors else topology_warnings(topology))


def find_faults(topology: TopologySpec) -> tuple[Fault, ...]:
    """All faults between the sections of a topology, or of the valid part of one."""
    return tuple(fault for check in CHECKS for fault in check(topology))


# The light ----------------------------------------------------------------------------------------


def _pump_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Pumps that are given twice, or do not lie on the comb of the ring."""
    rule, seen = _rule(topology.qnsp), set[str]()
    for index, pump in having(_pumps(topology.qnsp), "channel"):
        path = f"qnsp.source.pumps.{index}.channel"
        if pump.channel in seen:
            yield Fault(path, f"{pump.channel} is pumped twice")
        seen.add(pump.channel)
        if rule is not None and (reason := rule.off_comb(label_of(pump.channel))):
            yield Fault(path, reason)


def _label_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Channels in which no photon can be used."""
    rule = _rule(topology.qnsp)
    for index, entry in having(topology.qnsp.channels, "channel"):
        reason = None if rule is None else rule.fault(label_of(entry.channel))
        if reason is not None:
            yield Fault(f"qnsp.channels.{index}.channel", reason)


def _repeated_channels(topology: TopologySpec) -> Iterator[Fault]:
    """Channels that are delivered twice."""
    owners: dict[str, tuple[str, ...] | None] = {}
    for index, entry in having(topology.qnsp.channels, "channel"):
        name, path, users = entry.channel, f"qnsp.channels.{index}.channel", outlet_of(entry)
        if name not in owners:
            owners[name] = users
        elif (owner := owners[name]) and users and owner != users:
            names = f"{owner[0]} and {users[0]}"
            yield Fault(path, f"{name} is given to two users, {names}; split it by users")
        else:
            yield Fault(path, f"{name} is given twice")


def _pair_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Pair processes that are described twice, or that do not exist."""
    processes = _processes(topology.qnsp)
    seen = Counter[tuple[int, ...]]()
    for index, pair in having(topology.qnsp.source.pairs, "channels"):
        labels, path = _labels(pair.channels), f"qnsp.source.pairs.{index}.channels"
        seen[labels] += 1
        if seen[labels] > 1:
            yield Fault(path, f"{'&'.join(pair.channels)} is given twice")
        elif processes is not None and labels not in processes:
            yield Fault(
                path,
                f"{'&'.join(pair.channels)} is no pair process with a delivered channel: labels "
                "must add up to those of two pumps",
            )


def _paper_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Published lanes whose channels go elsewhere, or make no pairs."""
    processes = _processes(topology.qnsp)
    owners = {c.channel: outlet_of(c) for _, c in having(topology.qnsp.channels, "channel")}
    lanes = () if topology.paper is None else topology.paper.lanes
    for index, lane in having(lanes, "channels"):
        path = f"paper.lanes.{index}.channels"
        for position, channel in enumerate(lane.channels):
            owner, user = owners.get(channel), lane.users[position] if has(lane, "users") else None
            if channel not in owners and processes is not None:
                yield Fault(f"{path}.{position}", f"{channel} is not delivered")
            elif owner and user is not None and user not in owner:
                reason = f"{channel} goes to {' and '.join(owner)}, not to {user}"
                yield Fault(f"{path}.{position}", reason)
        is_made = not processes or _labels(lane.channels) in processes
        if owners.keys() >= set(lane.channels) and not is_made:
            yield Fault(path, f"{'&'.join(lane.channels)} is no pair process")


def _pumps(qnsp: QnspSpec) -> tuple[PumpSpec, ...]:
    """Pumps on the comb; a crystal has none there."""
    return qnsp.source.pumps if isinstance(qnsp.source, RingSourceSpec) else ()


def _rule(qnsp: QnspSpec) -> PairRule | None:
    """Which labels pair by what is valid of the source; None if that is not enough."""
    source = qnsp.source
    if not isinstance(source, RingSourceSpec):
        return pair_rule(source) if has(source, "sum_labels", "self_pairs") else None
    pumps = tuple(pump for _, pump in having(source.pumps, "channel"))
    if not pumps or not has(source, "comb_spacing_labels", "self_pairs"):
        return None
    return pair_rule(source.model_copy(update={"pumps": pumps}))


def _processes(qnsp: QnspSpec) -> set[tuple[int, ...]] | None:
    """Labels of all pair processes; None where source or channels are not all sound."""
    rule, pumps = _rule(qnsp), _pumps(qnsp)
    if rule is None or not all(has(entry, "channel") for entry in (*pumps, *qnsp.channels)):
        return None
    if not qnsp.channels or any(rule.off_comb(label_of(pump.channel)) for pump in pumps):
        return None
    return set(rule.pairs(label_of(entry.channel) for entry in qnsp.channels))


def _labels(channels: tuple[str, str]) -> tuple[int, ...]:
    return tuple(sorted(map(label_of, channels)))


# Hardware -----------------------------------------------------------------------------------------


def _short_delays(topology: TopologySpec) -> Iterator[Fault]:
    """Interferometers too short for the photons of the source."""
    linewidth_hz = _linewidth_hz(topology)
    if linewidth_hz is None:
        return
    shortest_ps = MIN_DELAY_LIFETIMES / kappa_per_ps(linewidth_hz)
    for (name, basis), encoding in perfect_encodings(topology).items():
        side_ps = encoding.side_peaks_ps.get(basis)
        if not any(encoding.joint(0, encoding, 0).late_ps):
            continue
        if side_ps is not None and side_ps < shortest_ps:
            yield Fault(
                f"receivers.{name}.{basis}.delay_ps",
                f"{side_ps:g} is below {shortest_ps:.0f}, {MIN_DELAY_LIFETIMES:g} photon "
                "lifetimes: single photons would interfere with themselves",
            )


def _mismatched_delays(topology: TopologySpec) -> Iterator[Fault]:
    """Receivers in use whose analysers do not interfere with each other."""
    linewidth_hz, encodings = _linewidth_hz(topology), perfect_encodings(topology)
    if linewidth_hz is None or not has(topology.qnsp.source, "filter_shape"):
        return
    shape = PairShape(linewidth_hz, topology.qnsp.source.filter_shape)
    used = dict.fromkeys(user.receiver for _, user in having(topology.users, "receiver"))
    for first, second in combinations(used, 2):
        both = [b for b in ("z", "x") if {(first, b), (second, b)} <= encodings.keys()]
        if any(encodings[first, b].carrier != encodings[second, b].carrier for b in both):
            kinds = " and ".join(topology.receivers[name].kind for name in (first, second))
            message = f"receivers of kind {kinds} ({first}, {second}) share no basis"
            yield Fault(f"receivers.{second}.kind", f"{message}: all users of a network have one")
            continue
        for basis in both:
            one, other = ((name, encodings[name, basis]) for name in (first, second))
            yield from _unlike(basis, one, other, shape)


def _unlike(
    basis: str, one: tuple[str, Encoding], other: tuple[str, Encoding], shape: PairShape
) -> Iterator[Fault]:
    """Two receivers that do not interfere."""
    (first, own), (second, its) = one, other
    if not own.tells_bases and own.longest_ps != its.longest_ps:
        yield Fault(
            f"receivers.{second}.{basis}.delay_ps",
            f"{its.longest_ps:g} is not {own.longest_ps:g} as of receiver {first}: one basis "
            "would leave the window, and nobody could tell",
        )
        return
    joint = own.joint(0, its, 0)
    own_ps, its_ps = joint.late_ps
    if own_ps != its_ps and shape.filter_shape != "lorentzian":
        yield Fault(
            f"receivers.{second}.{basis}.delay_ps",
            f"{its.longest_ps:g} against {own.longest_ps:g} of receiver {first}: what is left "
            "of the fringe is known of lorentzian filters only",
        )
        return
    contrast = joint.visibility(1.0, frequency_noise_hz=0.0) * shape.contrast(its_ps - own_ps)
    if contrast < MIN_MISMATCH_CONTRAST:
        yield Fault(
            f"receivers.{second}.{basis}.delay_ps",
            f"{its.longest_ps:g} against {own.longest_ps:g} of receiver {first} leaves a contrast "
            f"of {contrast:.2f} only",
        )


def _linewidth_hz(topology: TopologySpec) -> float | None:
    """Width of the photons' line; None where it does not follow from what is valid."""
    source = topology.qnsp.source
    if not has(source, "linewidth_hz"):
        return None
    if source.linewidth_hz is not None:
        return source.linewidth_hz
    if not isinstance(source, RingSourceSpec) or not has(source, "quality_factor"):
        return None
    is_given = source.quality_factor is not None and any(having(source.pumps[:1], "channel"))
    return source.bandwidth_hz if is_given else None


def _unseen_rotations(topology: TopologySpec) -> Iterator[Fault]:
    """Fibres that turn polarisations in front of receivers that do not look at them."""
    receivers = receivers_of(topology)
    for index, user in having(topology.users, "fibre", "receiver"):
        receiver = receivers.get(user.receiver)
        if receiver is None or not has(receiver, "kind"):
            continue
        walks = has(user.fibre, ROTATION) and user.fibre.rotation_walk_rad_per_sqrt_s
        encoding = encoding_class(receiver.kind)
        if walks and not encoding.is_turned:
            reason = f"receiver {user.receiver} reads {encoding.carrier}, which it does not turn"
            yield Fault(f"users.{index}.fibre.{ROTATION}", reason)


# Times and clocks ---------------------------------------------------------------------------------


def _window_faults(topology: TopologySpec) -> Iterator[Fault]:
    """A coincidence window that holds side peaks."""
    encodings = perfect_encodings(topology).values()
    sides_ps = (side_ps for encoding in encodings for side_ps in encoding.side_peaks_ps.values())
    shortest_ps = min(sides_ps, default=None)
    if shortest_ps is None or not has(topology.protocol, "window_ps"):
        return
    if (window_ps := topology.protocol.window_ps) >= 2 * shortest_ps:
        reason = f"{window_ps:g} reaches the side peaks, {shortest_ps:g} from the centre"
        yield Fault("protocol.window_ps", reason)


def _short_rounds(topology: TopologySpec) -> Iterator[Fault]:
    """Rounds below one frame, of all links or of one."""
    if not has(topology, "frame_s"):
        return
    rounds_s = {f"links.{k}": link.round_s for k, link in having(topology.links, "round_s")}
    if has(topology.protocol, "round_s"):
        rounds_s = {"protocol": topology.protocol.round_s, **rounds_s}
    for path, round_s in rounds_s.items():
        if topology.frame_s is not None and round_s < topology.frame_s:
            reason = f"{round_s:g} is shorter than one frame of {topology.frame_s:g}"
            yield Fault(f"{path}.round_s", reason)
        elif ps_from_s(round_s) < LEAST_ROUND_PS:
            reason = f"{round_s:g} is too short for the clocks to be found in: at least 0.25"
            yield Fault(f"{path}.round_s", reason)


def _overlapping_crashes(topology: TopologySpec) -> Iterator[Fault]:
    """Crashes of a user whose process is down already."""
    down: dict[str, list[tuple[float, float]]] = {}
    for index, crash in having(topology.crashes, "user", "stop_s", "start_s"):
        for since_s, until_s in down.setdefault(crash.user, []):
            if crash.stop_s < until_s and since_s < crash.start_s:
                reason = f"{crash.user} is down already from {since_s:g} to {until_s:g} s"
                yield Fault(f"crashes.{index}", reason)
        down[crash.user].append((crash.stop_s, crash.start_s))


@dataclass(frozen=True, slots=True)
class _Clock:
    """What a user's clock may be off by, and the path of the key that says so."""

    path: str
    user: str
    offset_bound_ps: float
    rate_bound_ppm: float

    @property
    def bins(self) -> float:
        """About as many as the search for it fills, made by a perfect clock."""
        return search_bins(self.offset_bound_ps, self.rate_bound_ppm)


def _clock_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Clock priors too wide to search in any reasonable time; one fault a clock."""
    blamed: set[str] = set()
    for one, other in combinations(_clocks(topology), 2):
        bins = search_bins(
            one.offset_bound_ps + other.offset_bound_ps, one.rate_bound_ppm + other.rate_bound_ppm
        )
        if bins <= MAX_SEARCH_BINS:
            continue
        path = max(one, other, key=lambda clock: clock.bins).path
        if path not in blamed:
            blamed.add(path)
            yield Fault(
                path,
                f"{one.user} and {other.user} would have {bins:.1e} bins to search for each "
                f"other's clock, more than {MAX_SEARCH_BINS:.1e}: narrow offset_bound_ps or "
                "rate_bound_ppm",
            )


def _clocks(topology: TopologySpec) -> Iterator[_Clock]:
    """Clock priors of all users, their own or their receivers', where they are valid."""
    receivers = receivers_of(topology)
    for index, user in having(topology.users, "name", "clock"):
        path, clock = f"users.{index}.clock", user.clock
        if clock is None and has(user, "receiver") and user.receiver in receivers:
            path, clock = f"receivers.{user.receiver}.clock", receivers[user.receiver].clock
        if clock is not None and has(clock, "offset_bound_ps", "rate_bound_ppm"):
            yield _Clock(path, user.name, clock.offset_bound_ps, clock.rate_bound_ppm)


CHECKS: tuple[Callable[[TopologySpec], Iterator[Fault]], ...] = (
    _pump_faults,
    _label_faults,
    _repeated_channels,
    name_faults,
    _pair_faults,
    _short_delays,
    _mismatched_delays,
    bell_faults,
    _unseen_rotations,
    _window_faults,
    _short_rounds,
    _clock_faults,
    _paper_faults,
    _overlapping_crashes,
    combination_faults,
    untold_faults,
    pulsed_faults,
)
"""All checks, in the order in which their faults are shown."""
