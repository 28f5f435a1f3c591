"""`netsim validate`: check a topology without running it."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netsim.cli.options import with_options
from netsim.cli.shared import OverrideOption, TopologyArgument, counted_text, tell, warn

if TYPE_CHECKING:
    from netsim.topology.network import Network
    from netsim.twin.prediction import LanePrediction

EXAMPLES = (
    "netsim validate mine.toml --set users.alice.fibre.length_m=5000",
    (
        "netsim validate fan2025_four_user --set protocol.security=finite "
        "--set protocol.estimation=sample"
    ),
)
HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidateArguments:
    """A topology, and changes of it."""

    topology: TopologyArgument
    override: OverrideOption = ()


@with_options
def validate(options: ValidateArguments) -> None:
    """Check a topology without running it: all its faults at once, each with its key path.

    With a security that states an epsilon, also what key the analytic twin expects of each link's
    rounds; with biased bases, the best ratio.
    """
    from netsim.topology.load import load_topology
    from netsim.topology.timeline import network_of_all_states
    from protocols.variants import SECURITIES

    spec = load_topology(options.topology, overrides=options.override)
    warn(spec)
    network = network_of_all_states(spec)
    counts = (
        (len(spec.users), "user"),
        (len(spec.qnsp.channels), "channel"),
        (len(network.links), "link"),
        (len(network.lanes), "lane"),
    )
    tell(f"{spec.name}: valid; {', '.join(counted_text(*count) for count in counts)}")
    if SECURITIES.get(spec.protocol.security).has_secrecy_epsilon:
        from netsim.twin.prediction import predict

        predicted = predict(network).lanes
        for users in network.links:
            lanes = [lane for lane in predicted if lane.users == users]
            tell(_plan_line(network, users, lanes))
    if spec.protocol.basis == "biased":
        from netsim.twin.agreement import best_basis_ratio

        best = best_basis_ratio(spec)
        tell(
            f"biased bases: the twin expects most key at z_probability {best.z_probability:.2f}, "
            f"{best.key_bps:.1f} bit/s (at 0.50: {best.symmetric_key_bps:.1f})"
        )


def _plan_line(network: "Network", users: tuple[str, str], lanes: "list[LanePrediction]") -> str:
    """What a link's rounds should hold, and how long they should be."""
    from netsim.twin.agreement import USUAL_SHARE, agree, enough_s

    round_s = network.topology.round_s_of(users)
    enough = enough_s(network, users, HOUR_S, lanes)
    advice = (
        "no division of an hour holds any"
        if enough is None
        else f"{100 * USUAL_SHARE:.0f} % of the best hour takes rounds of {enough:.0f} s"
    )
    bits = agree(network, users, lanes).expected_key_bits
    return f"{' & '.join(users)}: {bits} bits of key expected from {round_s:g} s; {advice}"
