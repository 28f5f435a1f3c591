"""What does not go with receivers that do not tell their bases apart (`Encoding.tells_bases`)."""

from collections.abc import Iterator

from netsim.errors import Fault
from netsim.observers.kinds import OBSERVERS
from netsim.physics.encodings.registry import encoding_class
from netsim.topology.names import receivers_of
from netsim.topology.reading import has, having
from netsim.topology.specs import TopologySpec
from protocols.registry import VariantError
from protocols.variants import KINDS


def untold_faults(topology: TopologySpec) -> Iterator[Fault]:
    """Proofs that count each basis, Bell tests, and observers who would have to know it."""
    untold = [
        name
        for name, receiver in receivers_of(topology).items()
        if has(receiver, "kind") and not encoding_class(receiver.kind).tells_bases
    ]
    if untold:
        yield from _of_security(topology, untold[0])
        yield from _of_bell(topology, untold)
        yield from _of_observers(topology, untold)


def _of_security(topology: TopologySpec, receiver: str) -> Iterator[Fault]:
    if not has(topology.protocol, "security"):
        return
    try:
        security = KINDS["security"].get(topology.protocol.security)
    except VariantError:
        return
    if security.counts_bases:
        reason = f"counts errors by basis, and receiver {receiver} does not tell its bases"
        yield Fault(
            "protocol.security", f"{topology.protocol.security} {reason}; say asymptotic-mixed"
        )


def _of_bell(topology: TopologySpec, untold: list[str]) -> Iterator[Fault]:
    for name in untold:
        receiver = topology.receivers[name]
        if has(receiver, "bell") and receiver.bell is not None:
            yield Fault(f"receivers.{name}.bell", "S needs bases that are told apart")


def _of_observers(topology: TopologySpec, untold: list[str]) -> Iterator[Fault]:
    having_it = {
        user.name
        for _, user in having(topology.users, "name", "receiver")
        if user.receiver in untold
    }
    for k, observer in having(topology.observers, "kind", "user"):
        if observer.user in having_it and OBSERVERS.get(observer.kind).reads_bases:
            yield Fault(
                f"observers.{k}.kind",
                f"{observer.kind} measures with a receiver like the user's, which does not tell "
                "its bases",
            )
