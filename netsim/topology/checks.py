"""What must hold between the specs of a topology, and what is unwise though allowed.

Errors are found on the raw file (`find_faults`), so that they are reported together with the
faults of single fields; warnings need the topology worked out (`topology_warnings`).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

from netsim.errors import Fault
from netsim.physics.encodings.interface import Encoding
from netsim.physics.rates import kappa_per_ps
from netsim.topology.labels import channel_of
from netsim.topology.network import Network
from netsim.topology.references import crash_faults, link_faults, reference_faults
from netsim.topology.schema import suggestion
from netsim.topology.skeleton import Skeleton, read_skeleton
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import network_of_all_states
from netsim.topology.variants import variant_faults
from protocols.clockprior import MAX_SEARCH_BINS, search_bins

MIN_DELAY_LIFETIMES = 5.0
"""An interferometer delays by at least this many photon lifetimes 1 / kappa: the tail of a side
peak beyond half its distance from the centre is then exp(-2.5) / 2, 4 % of it."""

MIN_MISMATCH_CONTRAST = 0.5
"""Two interferometers whose delays leave less contrast than this cannot be meant to match."""

MIN_PEAK_DISTANCE_PS = 8_000.0
"""Distance of a peak from the centre of another lane, or of its own: at 10 ns of the 200 MHz ring
1e-5 of a peak leaks into a window of 2 ns."""


@dataclass(frozen=True, slots=True)
class Checks:
    """Outcome of all checks between specs."""

    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def check_topology(topology: TopologySpec) -> Checks:
    """Check a topology that did not come from `netsim.topology.load`; warnings if no errors."""
    errors = find_faults(topology.model_dump())
    return Checks(errors, () if errors else topology_warnings(topology))


def find_faults(raw: Mapping[str, object]) -> tuple[Fault, ...]:
    """Errors between the specs of a parsed TOML file, whatever else is wrong with it."""
    skeleton = read_skeleton(raw)
    return tuple(
        chain(
            _pump_faults(skeleton),
            _label_faults(skeleton),
            _repeated_channels(skeleton),
            _user_faults(skeleton),
            _outlet_faults(skeleton),
            _pair_faults(skeleton),
            _delay_faults(skeleton),
            _timing_faults(skeleton),
            _clock_faults(skeleton),
            _paper_faults(skeleton),
            _reference_faults(raw, skeleton),
            crash_faults(raw),
            variant_faults(raw),
        )
    )


def _reference_faults(raw: Mapping[str, object], skeleton: Skeleton) -> Iterator[Fault]:
    names = [user.name for user in skeleton.users if user.name is not None]
    if len(names) == len(skeleton.users):
        yield from reference_faults(raw, names)
        yield from link_faults(raw, names, skeleton.frame_s)


def topology_warnings(topology: TopologySpec) -> tuple[Fault, ...]:
    """Warnings of a valid topology: missing lanes, peaks that overlap, faults without effect.

    Lanes count that are there in any state which its events lead to.
    """
    network = network_of_all_states(topology)
    return (
        *_missing_lanes(network),
        *_overlapping_peaks(network),
        *_idle_events(network),
        *_coarse_ticks(topology),
        *_unknown_observers(topology),
    )


def _unknown_observers(topology: TopologySpec) -> Iterator[Fault]:
    """Observers, of whom the parties and their plans rightly know nothing."""
    for index, observer in enumerate(topology.observers):
        yield Fault(
            f"observers.{index}",
            f"the analytic twin does not know of {observer.kind} on the fibre of {observer.user}: "
            f"what it expects is what would come without",
        )


def _coarse_ticks(topology: TopologySpec) -> Iterator[Fault]:
    """Digitisers that smear coincidences out of the window of the parties."""
    window_ps = topology.protocol.window_ps
    for name, receiver in topology.receivers.items():
        if receiver.tick_ps > window_ps / 4:
            yield Fault(
                f"receivers.{name}.tick_ps",
                f"{receiver.tick_ps} ps is coarse beside protocol.window_ps = {window_ps}: links "
                f"lose coincidences; lanes, scored at true click times, do not show it",
            )


def _pump_faults(skeleton: Skeleton) -> Iterator[Fault]:
    labels = skeleton.pump_labels
    counts = Counter[int]()
    for pump in skeleton.pumps:
        if pump.label is None:
            continue
        counts[pump.label] += 1
        if counts[pump.label] > 1:
            yield Fault(f"{pump.path}.channel", f"C{pump.label} is pumped twice")
        if skeleton.spacing_labels and (pump.label - labels[0]) % skeleton.spacing_labels:
            yield Fault(
                f"{pump.path}.channel",
                f"C{pump.label} is off the comb: no multiple of {skeleton.spacing_labels} labels "
                f"away from pump C{labels[0]}",
            )


def _label_faults(skeleton: Skeleton) -> Iterator[Fault]:
    rule = skeleton.rule
    for entry in skeleton.channels:
        reason = None if rule is None or entry.label is None else rule.fault(entry.label)
        if reason is not None:
            yield Fault(f"{entry.path}.channel", reason)


def _repeated_channels(skeleton: Skeleton) -> Iterator[Fault]:
    owners: dict[int, tuple[str, ...] | None] = {}
    for entry in skeleton.channels:
        if entry.label is None:
            continue
        path, owner = f"{entry.path}.channel", owners.setdefault(entry.label, entry.users)
        if owner is entry.users:
            continue
        if owner and entry.users and owner != entry.users:
            names = f"{owner[0]} and {entry.users[0]}"
            yield Fault(path, f"C{entry.label} is given to two users, {names}; split it by users")
        else:
            yield Fault(path, f"C{entry.label} is given twice")


def _user_faults(skeleton: Skeleton) -> Iterator[Fault]:
    for index, user in enumerate(skeleton.users):
        if user.name is not None and user.name in [u.name for u in skeleton.users[:index]]:
            yield Fault(f"{user.path}.name", f"there are two users called {user.name}")
    for user in skeleton.users:
        known = skeleton.receivers
        if user.receiver is not None and known is not None and user.receiver not in known:
            path = f"{user.path}.receiver"
            yield Fault(path, _unknown("receiver", user.receiver, list(known)))


def _outlet_faults(skeleton: Skeleton) -> Iterator[Fault]:
    """Channels to users that are not there, and users without a channel."""
    names = [user.name for user in skeleton.users if user.name is not None]
    all_names_known = len(names) == len(skeleton.users)
    for entry in skeleton.channels:
        for position, name in enumerate(entry.users or ()):
            if name not in names and all_names_known:
                path = f"users.{position}" if entry.is_split else "user"
                yield Fault(f"{entry.path}.{path}", _unknown("user", name, names))
    if skeleton.channels and all(entry.users is not None for entry in skeleton.channels):
        served = {name for entry in skeleton.channels for name in entry.users or ()}
        served |= skeleton.served_later
        for user in skeleton.users:
            if user.name is not None and user.name not in served:
                yield Fault(user.path, f"{user.name} gets no channel")


def _pair_faults(skeleton: Skeleton) -> Iterator[Fault]:
    processes = _process_labels(skeleton)
    seen = Counter[tuple[int, ...]]()
    for pair in skeleton.pairs:
        if pair.labels is None:
            continue
        labels, path = tuple(sorted(pair.labels)), f"{pair.path}.channels"
        seen[labels] += 1
        if seen[labels] > 1:
            yield Fault(path, f"{_pair_text(pair.labels)} is given twice")
        elif processes is not None and labels not in processes:
            yield Fault(
                path,
                f"{_pair_text(pair.labels)} is no pair process with a delivered channel: labels "
                "must add up to those of two pumps",
            )


def _process_labels(skeleton: Skeleton) -> set[tuple[int, ...]] | None:
    """Label pairs of all processes; None where source or channels are not all sound."""
    rule, pumps = skeleton.rule, skeleton.pump_labels
    labels = [entry.label for entry in skeleton.channels if entry.label is not None]
    readable = len(pumps) == len(skeleton.pumps) and len(labels) == len(skeleton.channels)
    if rule is None or not readable or not labels:
        return None
    if skeleton.sum_labels is None and skeleton.spacing_labels is None:
        return None
    on_comb = all((pump - rule.origin) % rule.spacing_labels == 0 for pump in pumps)
    return set(rule.pairs(labels)) if on_comb else None


def _delay_faults(skeleton: Skeleton) -> Iterator[Fault]:
    linewidth_hz = skeleton.linewidth_hz
    if linewidth_hz is None:
        return
    shortest_ps = MIN_DELAY_LIFETIMES / kappa_per_ps(linewidth_hz)
    for (name, basis), encoding in skeleton.encodings.items():
        side_ps = encoding.side_peaks_ps.get(basis)
        if side_ps is not None and side_ps < shortest_ps:
            yield Fault(
                f"receivers.{name}.{basis}.delay_ps",
                f"{side_ps:g} is below {shortest_ps:.0f}, {MIN_DELAY_LIFETIMES:g} photon "
                "lifetimes: side peaks would reach the central one",
            )
    used = dict.fromkeys(user.receiver for user in skeleton.users if user.receiver is not None)
    for basis in ("z", "x"):
        ways = ((name, skeleton.encodings.get((name, basis))) for name in used)
        known = [(name, encoding) for name, encoding in ways if encoding is not None]
        for one, other in combinations(known, 2):
            yield from _unlike(basis, one, other, linewidth_hz)


def _unlike(
    basis: str, one: tuple[str, Encoding], other: tuple[str, Encoding], linewidth_hz: float
) -> Iterator[Fault]:
    """Two receivers that do not interfere."""
    (first, own), (second, its) = one, other
    if own.carrier != its.carrier:
        carriers = " and ".join(sorted((own.carrier, its.carrier)))
        yield Fault(
            f"receivers.{second}.kind",
            f"{carriers} receivers ({first}, {second}) share no basis",
        )
        return
    joint = own.joint(0, its, 0)
    contrast = joint.visibility(1.0, frequency_noise_hz=0.0, linewidth_hz=linewidth_hz)
    if contrast < MIN_MISMATCH_CONTRAST:
        yield Fault(
            f"receivers.{second}.{basis}.delay_ps",
            f"{its.longest_ps:g} against {own.longest_ps:g} of receiver {first} leaves a contrast "
            f"of {contrast:.2f} only",
        )


def _timing_faults(skeleton: Skeleton) -> Iterator[Fault]:
    window_ps, frame_s, round_s = skeleton.window_ps, skeleton.frame_s, skeleton.round_s
    sides_ps = [far for e in skeleton.encodings.values() for far in e.side_peaks_ps.values()]
    shortest_ps = min(sides_ps, default=None)
    if window_ps is not None and shortest_ps is not None and window_ps >= 2 * shortest_ps:
        yield Fault(
            "protocol.window_ps",
            f"{window_ps:g} reaches the side peaks, {shortest_ps:g} from the centre",
        )
    if frame_s is not None and round_s is not None and round_s < frame_s:
        yield Fault("protocol.round_s", f"{round_s:g} is shorter than one frame of {frame_s:g}")


def _clock_faults(skeleton: Skeleton) -> Iterator[Fault]:
    """Clock priors too wide to search in any reasonable time; one fault a clock."""
    blamed: set[str] = set()
    for one, other in combinations(skeleton.clocks, 2):
        offset_ps = one.offset_bound_ps + other.offset_bound_ps
        bins = search_bins(offset_ps, one.rate_bound_ppm + other.rate_bound_ppm)
        wider = max(one, other, key=lambda c: search_bins(c.offset_bound_ps, c.rate_bound_ppm))
        if bins > MAX_SEARCH_BINS and wider.path not in blamed:
            blamed.add(wider.path)
            yield Fault(
                wider.path,
                f"{one.user} and {other.user} would have {bins:.0e} bins to search for each "
                f"other's clock, more than {MAX_SEARCH_BINS:.0e}: narrow offset_bound_ps or "
                "rate_bound_ppm",
            )


def _paper_faults(skeleton: Skeleton) -> Iterator[Fault]:
    names = [user.name for user in skeleton.users if user.name is not None]
    processes = _process_labels(skeleton)
    owners = {entry.label: entry.users for entry in skeleton.channels if entry.label is not None}
    for lane in skeleton.lanes:
        for position, name in enumerate(lane.users or ()):
            if name not in names and len(names) == len(skeleton.users):
                path = f"{lane.path}.users.{position}"
                yield Fault(path, _unknown("user", name, names))
        for position, label in enumerate(lane.labels or ()):
            owner = owners.get(label)
            if label not in owners and processes is not None:
                yield Fault(f"{lane.path}.channels.{position}", f"C{label} is not delivered")
            elif owner and lane.users and lane.users[position] not in owner:
                yield Fault(
                    f"{lane.path}.channels.{position}",
                    f"C{label} goes to {' and '.join(owner)}, not to {lane.users[position]}",
                )
        delivered = lane.labels is not None and all(label in owners for label in lane.labels)
        if lane.labels and delivered and processes and tuple(sorted(lane.labels)) not in processes:
            yield Fault(f"{lane.path}.channels", f"{_pair_text(lane.labels)} is no pair process")


def _missing_lanes(network: Network) -> Iterator[Fault]:
    linked = {frozenset(link) for link in network.links}
    users = network.topology.users
    for (_, first), (index, second) in combinations(enumerate(users), 2):
        if frozenset((first.name, second.name)) not in linked:
            yield Fault(
                f"users.{index}",
                f"no lane between {first.name} and {second.name}: no channels of theirs add up to "
                "two pumps",
            )


def _idle_events(network: Network) -> Iterator[Fault]:
    """Faults and taps on a link that does not exist, because its users share no lane."""
    classical, taps = network.topology.classical, network.topology.taps
    links = {"-".join(link) for link in network.links} | {None}
    named = [(f"bandwidth_changes.{k}", e.link) for k, e in enumerate(classical.bandwidth_changes)]
    named += [(f"outages.{k}", outage.link) for k, outage in enumerate(classical.outages)]
    for path, link in named:
        if link not in links:
            yield Fault(f"classical.{path}.link", f"no effect: {link} shares no lane")
    for index, tap in enumerate(taps):
        if not any(tap.sits_on(link) for link in network.links):
            yield Fault(f"taps.{index}", "no effect: it sits on no link that shares a lane")


def _overlapping_peaks(network: Network) -> Iterator[Fault]:
    index = {c.channel: i for i, c in enumerate(network.topology.qnsp.channels)}
    for link in network.links:
        sides_ps = _side_peaks_ps(network.topology, link)
        path, closest_ps = min(sides_ps, key=lambda side: abs(side[1]), default=("", math.inf))
        if abs(closest_ps) < MIN_PEAK_DISTANCE_PS:
            yield Fault(path, _too_close("the central and the side peak", link, abs(closest_ps)))
        for one, other in combinations(network.lanes_of(link), 2):
            apart_ps = other.delay_ps - one.delay_ps
            offsets_ps = [0.0, *(side_ps for _, side_ps in sides_ps)]
            distance_ps = min(
                abs(sign * apart_ps + offset_ps) for sign in (1, -1) for offset_ps in offsets_ps
            )
            if distance_ps < MIN_PEAK_DISTANCE_PS:
                lanes = f"peaks of {'&'.join(one.channels)} and {'&'.join(other.channels)}"
                path = f"qnsp.channels.{index[other.parts[0].channels[1]]}.patch_delay_ps"
                yield Fault(path, _too_close(lanes, link, distance_ps))


def _side_peaks_ps(topology: TopologySpec, link: tuple[str, str]) -> list[tuple[str, float]]:
    """Where side peaks lie relative to the centre of a lane, and the key that says so."""
    return [
        (f"receivers.{user.receiver}.{basis}.delay_ps", sign * side_ps)
        for sign, user in zip((-1.0, 1.0), map(topology.user, link), strict=True)
        for basis, side_ps in topology.receiver_of(user).encoding.side_peaks_ps.items()
    ]


def _too_close(peaks: str, link: tuple[str, str], distance_ps: float) -> str:
    return (
        f"{peaks} between {link[0]} and {link[1]} lie {distance_ps:.0f} ps apart, "
        f"less than {MIN_PEAK_DISTANCE_PS:.0f}"
    )


def _unknown(kind: str, name: str, known: list[str]) -> str:
    meant = suggestion(name, known)
    return f"unknown {kind} {name}" + (f", did you mean {meant}?" if meant else "")


def _pair_text(labels: tuple[int, int]) -> str:
    return "&".join(channel_of(label) for label in labels)
