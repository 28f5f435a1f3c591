"""`netsim validate`: check a topology without running it."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netsim.cli.options import with_options
from netsim.cli.shared import OverrideOption, TopologyArgument, tell, warn
from netsim.printable import count_text
from netsim.units import ps_from_s

if TYPE_CHECKING:
    from netsim.topology.timeline import Epoch
    from netsim.twin.outlook import Outlook

EXAMPLES = (
    "netsim validate mine.toml --set users.alice.fibre.length_m=5000",
    (
        "netsim validate fan2025_four_user --set protocol.security=finite "
        "--set protocol.estimation=sample"
    ),
)
HOUR_S = 3600.0
MOST_NAMED = 10
"""Links that a line names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidateArguments:
    """A topology, and changes of it."""

    topology: TopologyArgument
    override: OverrideOption = ()


@with_options
def validate(options: ValidateArguments) -> None:
    """Check a topology without running it: all its faults at once, each with its key path.

    Also what its keys rest on, and which links should have none and why; with a security that
    states an epsilon, what key the analytic twin expects of each link's rounds; with biased bases,
    the best ratio.
    """
    from netsim.topology.events import followed_ps
    from netsim.topology.load import load_topology
    from netsim.topology.timeline import Timeline
    from netsim.twin.outlook import Outlook
    from protocols.variants import SECURITIES

    spec = load_topology(options.topology, overrides=options.override)
    warn(spec)
    timeline = Timeline(spec, stop_ps=max(1, followed_ps(spec.events)))
    outlook = Outlook(_told(tuple(timeline.epochs())))
    network = outlook.network
    counts = (
        (len(spec.users), "user"),
        (len(spec.qnsp.channels), "channel"),
        (len(network.links), "link"),
        (len(network.lanes), "lane"),
    )
    tell(f"{spec.name}: valid; {', '.join(count_text(*count) for count in counts)}")
    security = SECURITIES.get(spec.protocol.security)
    tell(f"Assumed: {security.assumptions}")
    for note, links in _notes(outlook).items():
        tell(f"{_named(links, len(network.links))}: {note}")
    if security.has_secrecy_epsilon:
        for users in network.links:
            tell(_plan_line(outlook, users))
    if spec.protocol.basis == "biased":
        from netsim.twin.agreement import best_basis_ratio

        best = best_basis_ratio(spec)
        tell(
            f"biased bases: the twin expects most key at z_probability {best.z_probability:.2f}, "
            f"{best.key_bps:.1f} bit/s (at 0.50: {best.symmetric_key_bps:.1f})"
        )


def _told(epochs: "tuple[Epoch, ...]") -> "tuple[Epoch, ...]":
    """Epochs as they are judged: the last, which nothing ends, lasts for the longest round."""
    *earlier, last = epochs
    topology = last.network.topology
    round_s = max(map(topology.round_s_of, last.network.links), default=0.0)
    return (*earlier, replace(last, stop_ps=last.stop_ps + ps_from_s(round_s)))


def _notes(outlook: "Outlook") -> dict[str, list[str]]:
    """What must be said of links, and of which: no proof, no key and why."""
    said: dict[str, list[str]] = {}
    for users in outlook.network.links:
        for note in outlook.agreement(users).notes:
            said.setdefault(note, []).append(" & ".join(users))
    return said


def _named(links: list[str], total: int) -> str:
    """Names of a few links, or how many there are."""
    if len(links) == total > 1:
        return "all links"
    more = f" and {len(links) - MOST_NAMED} more" if len(links) > MOST_NAMED else ""
    return ", ".join(links[:MOST_NAMED]) + more


def _plan_line(outlook: "Outlook", users: tuple[str, str]) -> str:
    """What a link's rounds should hold, and how long they should be."""
    from netsim.twin.agreement import USUAL_SHARE, enough_s

    network = outlook.network
    round_s = network.topology.round_s_of(users)
    enough = enough_s(network, users, HOUR_S, outlook.deciding_lanes(users))
    advice = (
        "no division of an hour holds any"
        if enough is None
        else f"{100 * USUAL_SHARE:.0f} % of the best hour takes rounds of {enough:.0f} s"
    )
    bits = outlook.agreement(users).expected_key_bits
    return f"{' & '.join(users)}: {bits} bits of key expected from {round_s:g} s; {advice}"
