"""Whether receivers can test Bell's inequality: by themselves, and as the protocol wants it.

As every check, it asks for what it needs of a topology that may be valid in part only
(`netsim.topology.reading`).
"""

from collections.abc import Iterator
from itertools import combinations

from netsim.errors import Fault
from netsim.topology.names import receivers_of
from netsim.topology.reading import has, having
from netsim.topology.receiver import ReceiverSpec
from netsim.topology.specs import TopologySpec
from protocols.chsh import NOMINAL_SIGNS, signs_of
from protocols.variants import PROTOCOLS


def bell_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Bell tests with turns that differ, and links that are to be tested and cannot be."""
    yield from _different_turns(topology)
    yield from _untested_links(topology)


def _different_turns(topology: TopologySpec) -> Iterator[Fault]:
    """Two users' tests would mix settings."""
    turned = [
        (name, receiver.bell.turn_rad)
        for name, receiver in receivers_of(topology).items()
        if has(receiver, "bell") and receiver.bell is not None and has(receiver.bell, "turn_rad")
    ]
    for name, turn_rad in turned[1:]:
        if turn_rad != turned[0][1]:
            reason = f"all receivers turn by the same, {turned[0][0]} by {turned[0][1]:g}"
            yield Fault(f"receivers.{name}.bell.turn_rad", reason)


def _untested_links(topology: TopologySpec) -> Iterator[Fault]:
    """Links whose users are to test Bell's inequality and have no receivers for it."""
    protocol = topology.protocol
    if not has(protocol, "protocol") or not PROTOCOLS.get(protocol.protocol).tests_bell:
        return
    receivers = receivers_of(topology)
    known = [user.receiver for _, user in having(topology.users, "receiver")]
    for pair in dict.fromkeys(combinations((name for name in known if name in receivers), 2)):
        one, other = (receivers[name] for name in pair)
        if not all(has(each, "bell", "z", "x") for each in (one, other)):
            continue
        if (reason := _why_untested(one, other)) is not None:
            named = " and ".join(dict.fromkeys(pair))
            yield Fault("protocol.protocol", f"{protocol.protocol}: receivers {named} {reason}")


def _why_untested(one: ReceiverSpec, other: ReceiverSpec) -> str | None:
    """Why two receivers cannot test Bell's inequality as the protocol does; None if they can."""
    turns = [each.bell for each in (one, other) if each.bell is not None]
    if not turns:
        return "turn no analysers: say receivers.*.bell"
    turned = tuple(analyser.phase_rad + turns[0].turn_rad for analyser in one.analysers)
    still = tuple(analyser.phase_rad for analyser in other.analysers)
    if signs_of((turned, still)) != NOMINAL_SIGNS:
        return "need analysers near 0 and pi/2, turned by about pi/4"
    return None
