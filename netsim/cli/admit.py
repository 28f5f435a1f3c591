"""`netsim admit`: how long a new user takes to get keys with everybody."""

# ruff: noqa: PLC0415  # imported where used, so that --help is quick

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.options import with_options
from netsim.cli.shared import OverrideOption, TopologyArgument, stdout
from netsim.errors import ConfigError, Fault

if TYPE_CHECKING:
    from netsim.topology.specs import TopologySpec

EXAMPLES = (
    "netsim admit wang2026 --user alice --met bob --order charlie,dave,frank,grace",
    "netsim admit fan2025_four_user --user dave --met charlie --key-share 0.5",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdmitArguments:
    """Who joins which network, and how."""

    topology: TopologyArgument
    user: Annotated[str, typer.Option(metavar="NAME", help="Who is new.")]
    met: Annotated[str, typer.Option(metavar="NAME", help="With whom it shares a key already.")]
    order: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="The others, one after the other; all if absent."),
    ] = None
    epsilon: Annotated[
        float, typer.Option(min=1e-300, max=0.5, help="Probability of a forged message.")
    ] = 1e-9
    key_share: Annotated[
        float, typer.Option(min=1e-6, max=1.0, help="Of a link's key, for authentication.")
    ] = 1.0
    tag_bits: Annotated[int, typer.Option(min=1, max=1 << 20, help="What is said of a click.")] = 64
    override: OverrideOption = ()


@with_options
def admit(options: AdmitArguments) -> None:
    """Say how long a new user takes to get keys with everybody, from one that it has met.

    One after the other gives it a first key, over all users that it has keys with by then, XORed;
    then the link of the two makes another (Solomons et al. 2022). Sizes and times are those of
    Wang et al. 2026, rates those of the twin.
    """
    from netsim.relay import admission
    from netsim.report.admission import print_admission
    from netsim.topology.load import load_topology
    from netsim.twin.admission import admission_rates

    topology = load_topology(options.topology, overrides=options.override)
    order = _order(options, topology)
    rates = admission_rates(topology, tag_bits=options.tag_bits)
    try:
        steps = admission.admit(
            options.user,
            options.met,
            order,
            rates,
            epsilon=options.epsilon,
            key_share=options.key_share,
        )
    except ValueError as error:
        raise ConfigError.of("--order", str(error)) from error
    print_admission(options.user, options.met, steps, stdout())


def _order(options: AdmitArguments, topology: "TopologySpec") -> Sequence[str]:
    users = [user.name for user in topology.users]
    ends = {options.user, options.met}
    others = [name for name in users if name not in ends]
    order = others if options.order is None else options.order.split(",")
    if faults := tuple(_faults(options, users, order)):
        raise ConfigError(faults)
    return order


def _faults(options: AdmitArguments, users: Sequence[str], order: Sequence[str]) -> Iterator[Fault]:
    named = [("--user", options.user), ("--met", options.met)]
    for option, name in (*named, *(("--order", name) for name in order)):
        if name not in users:
            yield Fault(option, f"unknown user {name[:80]!r}")
    if len({options.user, options.met, *order}) != 2 + len(order):
        yield Fault("--order", "somebody is named twice")
