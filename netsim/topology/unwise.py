"""What is unwise about a topology though it is allowed: no lane, peaks that overlap, delays left.

It looks at topologies without faults, worked out; what is not allowed is in
`netsim.topology.checks`.
"""

import math
from collections.abc import Iterator
from itertools import combinations

from netsim.errors import Fault
from netsim.physics.rates import window_share
from netsim.topology.network import Lane, Network
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import network_of_all_states
from netsim.units import FWHM_PER_SIGMA, ps_from_s, s_from_ps

MAX_UNCALIBRATED_PS = 3.0
"""With 70 ps of jitter (FWHM) exact times then tell less than 0.002 bit of each bit
(A. Lamas-Linares and C. Kurtsiefer, Opt. Express 15, 9388 (2007))."""
SPREAD_SHARE = 0.25
"""Pairs that arrive within this share of the window of each other lose little in one."""
MIN_PEAK_DISTANCE_PS = 8_000.0
"""Distance of a peak from the centre of another lane, or of its own: at 10 ns of the 200 MHz ring
1e-5 of a peak leaks into a window of 2 ns."""
MAX_SIDE_PEAK_PS = 100_000.0
"""Clocks of `two_user` were found with side peaks up to here; at 1 us they never are."""


MIN_WINDOW_SHARE = 0.5
"""Of the coincidences of the two detectors with most jitter that the window should hold."""

MAX_PHOTONS_PER_BUNCH = 0.1
"""Photons within the time of a bunch up to which correlations of three of them are small."""


def topology_warnings(topology: TopologySpec) -> tuple[Fault, ...]:
    """Warnings of a valid topology: missing lanes, peaks that overlap, faults without effect.

    Lanes count that are there in any state which its events lead to.
    """
    network = network_of_all_states(topology)
    return (
        *_missing_lanes(network),
        *_overlapping_peaks(network),
        *_spread_lanes(network),
        *_idle_events(network),
        *_coarse_ticks(topology),
        *_distant_side_peaks(topology),
        *_wide_jitter(topology),
        *_uncalibrated(topology),
        *_unknown_observers(topology),
        *_bright_channels(network),
    )


def _bright_channels(network: Network) -> Iterator[Fault]:
    """Channels of a Gaussian source in which bunches of three photons are not rare."""
    span_s = network.topology.qnsp.source.bunch_shape.span_s
    for channel in dict.fromkeys(found.channels[0] for found in network.bunchings):
        born_hz = math.fsum(
            process.rate_hz * process.channels.count(channel) for process in network.processes
        )
        if born_hz * span_s > MAX_PHOTONS_PER_BUNCH:
            yield Fault(
                "qnsp.source.statistics",
                f"gaussian: {born_hz * span_s:.2f} photons of {channel} are born within the "
                f"{1e12 * span_s:.0f} ps in which they bunch; more than two at once are left out",
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


def _distant_side_peaks(topology: TopologySpec) -> Iterator[Fault]:
    """Interferometers so long that the search for the clocks does not see three peaks in one."""
    for name, receiver in topology.receivers.items():
        for basis, far_ps in receiver.encoding.side_peaks_ps.items():
            if far_ps > MAX_SIDE_PEAK_PS:
                yield Fault(
                    f"receivers.{name}.{basis.lower()}.delay_ps",
                    f"{far_ps:g} ps: clocks are found with side peaks up to {MAX_SIDE_PEAK_PS:g} "
                    "ps from the central one; links may never lock",
                )


def _wide_jitter(topology: TopologySpec) -> Iterator[Fault]:
    """Photons too long for the window, or detectors that smear coincidences out of it."""
    window_ps = topology.protocol.window_ps
    linewidth_hz = topology.qnsp.source.bandwidth_hz
    photons = window_share(
        window_ps=window_ps, offset_ps=0.0, linewidth_hz=linewidth_hz, spread_ps=0.0
    )
    if photons < MIN_WINDOW_SHARE:
        yield Fault(
            "qnsp.source",
            f"photons with a linewidth of {linewidth_hz:g} Hz are so long that protocol.window_ps "
            f"= {window_ps} holds {100 * photons:.0f} % of their coincidences, however good the "
            "detectors",
        )
        return
    for name in dict.fromkeys(user.receiver for user in topology.users):
        detectors = topology.receivers[name].each_detector
        jitter_ps = max(detector.jitter_fwhm_ps for detector in detectors)
        share = window_share(
            window_ps=window_ps,
            offset_ps=0.0,
            linewidth_hz=linewidth_hz,
            spread_ps=math.sqrt(2.0) * jitter_ps / FWHM_PER_SIGMA,
        )
        if share < MIN_WINDOW_SHARE:
            yield Fault(
                f"receivers.{name}.detectors",
                f"protocol.window_ps = {window_ps} holds {100 * share:.0f} % of the coincidences "
                f"of two detectors with a jitter of {jitter_ps:g} ps",
            )


def late_warnings(topology: TopologySpec, duration_ps: int) -> tuple[Fault, ...]:
    """Events, crashes, faults and taps that begin when the light of a run is over."""
    classical = topology.classical
    starts_s = {f"events.{k}": event.time_s for k, event in enumerate(topology.events)}
    starts_s |= {f"crashes.{k}": crash.stop_s for k, crash in enumerate(topology.crashes)}
    starts_s |= {f"classical.outages.{k}": out.start_s for k, out in enumerate(classical.outages)}
    starts_s |= {
        f"classical.bandwidth_changes.{k}": change.time_s
        for k, change in enumerate(classical.bandwidth_changes)
    }
    light_s = s_from_ps(duration_ps)
    starts_s |= {f"taps.{k}": tap.start_s for k, tap in enumerate(topology.taps)}
    return tuple(
        Fault(path, f"{start_s:g} s is not before the end of the light, {light_s:g} s")
        for path, start_s in starts_s.items()
        if ps_from_s(start_s) >= duration_ps
    )


def _uncalibrated(topology: TopologySpec) -> Iterator[Fault]:
    """Delays of detectors that the user does not take off, so that times tell which one clicked."""
    for name, receiver in topology.receivers.items():
        left_ps = [detector.uncalibrated_ps for detector in receiver.detectors]
        apart_ps = max(left_ps) - min(left_ps)
        if apart_ps > MAX_UNCALIBRATED_PS:
            yield Fault(
                f"receivers.{name}.detectors",
                f"calibration leaves delays that differ by {apart_ps:g} ps: published times tell "
                "which detector clicked, and no key length is charged for it",
            )


def _missing_lanes(network: Network) -> Iterator[Fault]:
    linked = {frozenset(link) for link in network.links}
    with_link = set().union(*linked)
    users = network.topology.users
    for index, user in enumerate(users):
        if user.name not in with_link:
            yield Fault(
                f"users.{index}",
                f"{user.name} has no link: no channels of its own and anybody's make pairs",
            )
    for (_, first), (index, second) in combinations(enumerate(users), 2):
        pair = frozenset((first.name, second.name))
        if pair <= with_link and pair not in linked:
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
    """Peaks of one link that windows cannot tell apart."""
    index = {c.channel: i for i, c in enumerate(network.topology.qnsp.channels)}
    for link, lanes in _lanes_by_link(network).items():
        sides_ps = _side_peaks_ps(network.topology, link)
        path, closest_ps = min(sides_ps, key=lambda side: abs(side[1]), default=("", math.inf))
        if abs(closest_ps) < MIN_PEAK_DISTANCE_PS:
            yield Fault(path, _too_close("the central and the side peak", link, abs(closest_ps)))
        offsets_ps = [0.0, *(side_ps for _, side_ps in sides_ps)]
        for one, other in combinations(lanes, 2):
            distance_ps = _distance_ps(other.delay_ps - one.delay_ps, offsets_ps)
            if distance_ps < MIN_PEAK_DISTANCE_PS:
                peaks = f"peaks of {'&'.join(one.channels)} and {'&'.join(other.channels)}"
                path = f"qnsp.channels.{index[other.parts[0].channels[1]]}.patch_delay_ps"
                yield Fault(path, _too_close(peaks, link, distance_ps))


def _spread_lanes(network: Network) -> Iterator[Fault]:
    """Lanes of several pairs of channels that do not arrive together: one window takes them all."""
    index = {c.channel: i for i, c in enumerate(network.topology.qnsp.channels)}
    window_ps = network.topology.protocol.window_ps
    for lane in network.lanes:
        spread_ps = lane.parts[-1].delay_ps - lane.parts[0].delay_ps
        if spread_ps > SPREAD_SHARE * window_ps:
            path = f"qnsp.channels.{index[lane.parts[-1].channels[1]]}.patch_delay_ps"
            link, channels = " & ".join(lane.users), "&".join(lane.channels)
            yield Fault(
                path,
                f"{channels} of {link} arrive up to {spread_ps:.0f} ps apart, their windows of "
                f"{window_ps} ps overlap: one window takes both, and loses what lies beside it",
            )


def _lanes_by_link(network: Network) -> dict[tuple[str, str], list[Lane]]:
    """Lanes of every link by ascending delay, all links at once."""
    found: dict[tuple[str, str], list[Lane]] = {}
    for lane in network.lanes:
        found.setdefault(lane.users, []).append(lane)
    return {link: sorted(lanes, key=lambda lane: lane.delay_ps) for link, lanes in found.items()}


def _distance_ps(apart_ps: float, offsets_ps: list[float]) -> float:
    """Between the nearest peaks of two lanes whose centres lie ``apart_ps`` apart."""
    return min(abs(sign * apart_ps + offset_ps) for sign in (1, -1) for offset_ps in offsets_ps)


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
