"""What a pulsed source needs of everything else, and time-bin receivers of a source.

As every check, `pulsed_faults` asks for what it needs of a topology that may be valid in part only
(`netsim.topology.reading`); `mixed_slots` looks at a network that is worked out.
"""

import math
from collections.abc import Iterator

from netsim.errors import Fault
from netsim.physics.encodings.registry import encoding_class
from netsim.physics.pulses import Pulses
from netsim.physics.rates import kappa_per_ps
from netsim.topology.names import receivers_of
from netsim.topology.network import Network
from netsim.topology.reading import has, having
from netsim.topology.receiver import ReceiverSpec
from netsim.topology.source import PulsesSpec
from netsim.topology.specs import TopologySpec

MIN_SLOT_LIFETIMES = 20.0
"""A slot is at least this many photon lifetimes 1 / kappa: of two photons of a pair, one in 44,000
leaves the slot of its pulse, which neither the twin nor the fringe knows of."""
MAX_SPREAD_SLOTS = 0.05
"""Channels of a user may come apart by this, and a fibre may spread photons by so much; neither is
in what is read."""


def pulsed_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Pulses and receivers that do not know them, and the reverse."""
    source = topology.qnsp.source
    if not has(source, "pulses"):
        return
    pulses, receivers = source.pulses, receivers_of(topology)
    if pulses is not None and not has(pulses, "slot_ps", "period_ps"):
        return
    for name in dict.fromkeys(user.receiver for _, user in having(topology.users, "receiver")):
        receiver = receivers.get(name)
        if receiver is not None and has(receiver, "kind"):
            yield from _of_receiver(name, receiver, pulses)
    if pulses is not None:
        yield from _of_protocol(topology, pulses)
        yield from _of_observers(topology)


def _of_receiver(name: str, receiver: ReceiverSpec, pulses: PulsesSpec | None) -> Iterator[Fault]:
    needs_pulses = encoding_class(receiver.kind).needs_pulses
    if not needs_pulses and has(receiver, "gate_ps") and receiver.gate_ps is not None:
        yield Fault(f"receivers.{name}.gate_ps", f"{receiver.kind} has no slots to gate")
    if needs_pulses != (pulses is not None):
        reason = "needs qnsp.source.pulses" if needs_pulses else "does not read slots of pulses"
        yield Fault(f"receivers.{name}.kind", f"{receiver.kind} {reason}")
    elif pulses is not None:
        yield from _of_slots(name, receiver, pulses)


def _of_slots(name: str, receiver: ReceiverSpec, pulses: PulsesSpec) -> Iterator[Fault]:
    path, slot_ps = f"receivers.{name}", pulses.slot_ps
    if has(receiver.x, "delay_ps") and receiver.x.delay_ps != slot_ps:
        reason = f"{receiver.x.delay_ps:g} is not the {slot_ps} of qnsp.source.pulses.slot_ps"
        yield Fault(f"{path}.x.delay_ps", reason)
    if has(receiver, "bell") and receiver.bell is not None:
        yield Fault(f"{path}.bell", "slots cannot be turned: no Bell tests")
    if has(receiver, "tick_ps") and 2 * receiver.tick_ps > pulses.period_ps:
        yield Fault(f"{path}.tick_ps", f"is more than half a period of {pulses.period_ps}")
    for k, detector in having(receiver.detectors, "jitter_fwhm_ps", "delay_ps"):
        if detector.jitter_fwhm_ps > slot_ps:
            reason = f"{detector.jitter_fwhm_ps:g} is more than a slot of {slot_ps}"
            yield Fault(f"{path}.detectors.{k}.jitter_fwhm_ps", reason)
        if detector.delay_ps:
            reason = "slots are told by equal cables: say 0"
            yield Fault(f"{path}.detectors.{k}.delay_ps", reason)


def _of_protocol(topology: TopologySpec, pulses: PulsesSpec) -> Iterator[Fault]:
    if has(topology.protocol, "window_ps") and topology.protocol.window_ps >= pulses.period_ps:
        reason = f"{topology.protocol.window_ps:g} is no less than the period {pulses.period_ps}"
        yield Fault("protocol.window_ps", reason)


def _of_observers(topology: TopologySpec) -> Iterator[Fault]:
    for k, _ in having(topology.observers, "kind"):
        yield Fault(f"observers.{k}.kind", "nobody observes light in pulses (yet)")


def mixed_slots(network: Network) -> Iterator[Fault]:
    """Photons that leave the slots of their pulses, or bunch where nobody counts it."""
    source = network.topology.qnsp.source
    pulses = source.pump_pulses
    if pulses is None:
        return
    least_ps = MIN_SLOT_LIFETIMES / kappa_per_ps(source.bandwidth_hz)
    if pulses.slot_ps < least_ps:
        yield Fault(
            "qnsp.source.pulses.slot_ps",
            f"{pulses.slot_ps} is below {least_ps:.0f}, {MIN_SLOT_LIFETIMES:g} photon lifetimes",
        )
    yield from _spread_ways(network, pulses)
    if not math.isinf(pulses.modes):
        yield from _uncounted_bunches(network, pulses)


def _spread_ways(network: Network, pulses: Pulses) -> Iterator[Fault]:
    kappa, most_ps = (
        kappa_per_ps(network.topology.qnsp.source.bandwidth_hz),
        MAX_SPREAD_SLOTS * pulses.slot_ps,
    )
    for k, user in enumerate(network.topology.users):
        ways = network.channels_of(user.name)
        delays_ps = [way.delay_ps for way in ways]
        if ways and max(delays_ps) - min(delays_ps) > most_ps:
            reason = f"channels of {user.name} come further apart than {most_ps:g} ps"
            yield Fault("qnsp.channels", f"{reason}: it reads slots by one clock")
        spread_ps = max((abs(way.dispersion_ps2) * kappa for way in ways), default=0.0)
        if spread_ps > most_ps:
            yield Fault(
                f"users.{k}.fibre.dispersion_ps_per_nm_km",
                f"spreads photons over {spread_ps:.0f} ps, more than {most_ps:g}: they would leave "
                "their slots, which is not simulated",
            )


def _uncounted_bunches(network: Network, pulses: Pulses) -> Iterator[Fault]:
    path, seen = "qnsp.source.pulses.modes", dict[str, float]()
    for way in network.channels:
        if way.channel in seen:
            yield Fault(
                path, f"photons of {way.channel} would bunch behind its splitter: leave out"
            )
        seen[way.channel] = seen.get(way.channel, 0.0) + way.folded_transmittance
    for process in network.processes:
        more = pulses.gain(process.rate_hz) - 1.0
        if any(seen.get(channel, 0.0) * (1.0 + more) > 1.0 for channel in process.channels):
            yield Fault(path, f"too few photons of {process.channels[0]} are lost: more modes")
