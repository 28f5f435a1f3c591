"""A plan as a topology file, every number with where it comes from; written only if it reads back.

It knows the specs of a topology by their keys, and how a plan came about by its request.
"""

from pathlib import Path
from typing import Any

from netsim.errors import ConfigError, Fault
from netsim.plan.planner import Plan
from netsim.plan.request import Objective
from netsim.plan.toml import toml_text
from netsim.plan.topology import Hardware
from netsim.topology.checks import topology_warnings
from netsim.topology.load import parse_topology

PLANNED = {
    ("protocol", "round_s"): "[plan] 1000 bits of key or more on the poorest link",
    ("qnsp", "channels", "channel"): "[plan]",
    ("qnsp", "channels", "user"): "[plan]",
    ("qnsp", "channels", "patch_delay_ps"): "[plan] tells the lanes of a link apart",
    ("qnsp", "source", "pumps", "channel"): "[plan]",
    ("users", "name"): "",
    ("name",): "",
    ("description",): "",
}
"""Comments by key path."""


def write_topology(plan: Plan, hardware: Hardware, path: Path, *, given_power: bool) -> None:
    """Write the topology of a plan.

    Raises
    ------
    ConfigError
        If there is none: topologies refuse self-paired labels.
    """
    path.write_text(topology_text(plan, hardware, given_power=given_power), encoding="utf-8")


def topology_text(plan: Plan, hardware: Hardware, *, given_power: bool) -> str:
    """The topology file of a plan, which says the same as its topology when it is read.

    Parameters
    ----------
    given_power : bool
        Whether the power was given, not chosen.
    """
    if plan.topology is None:
        raise ConfigError((Fault("--self-paired", "topologies refuse self-paired labels"),))
    comments = _Comments(plan, hardware, given_power=given_power)
    raw = plan.topology.model_dump(exclude_defaults=True, exclude_none=True)
    text = comments.head() + toml_text(raw, comments.of)
    if parse_topology(text) != plan.topology:
        raise RuntimeError("the topology file does not say what was planned")
    overlapping = [w for w in topology_warnings(plan.topology) if "peaks" in w.message]
    if overlapping:
        raise ConfigError(tuple(overlapping))
    return text


class _Comments:
    """Where each number of a planned topology comes from."""

    def __init__(self, plan: Plan, hardware: Hardware, *, given_power: bool) -> None:
        self._plan, self._hardware = plan, hardware
        self._template = f"as in {hardware.template.name}"
        self._power = "[given]" if given_power else "[plan] suits it best, by the analytic twin"

    def head(self) -> str:
        """What the file is."""
        plan, template = self._plan, self._hardware.template.name
        what = "span" if plan.request.objective is Objective.SPAN else "channels"
        bound = f"{what} {plan.reached}, lower bound {plan.lower_bound}"
        proven = ": proven" if plan.is_proven else ""
        asked = f"--objective {plan.request.objective}`, seed {plan.request.seed}"
        smallest, total = min(plan.wanted_bps), sum(plan.wanted_bps)
        lines = (
            f"Planned by `netsim plan {asked}.",
            f"{bound}{proven}; span {plan.allocation.span} comb positions.",
            f"Asymptotic key of the poorest wanted pair by the twin: {smallest:.4g} bit/s,",
            f"of all wanted pairs together: {total:.5g} bit/s.",
            "",
            "Marks:  [plan] chosen by the planner   [given] an option of the command line",
            "        [assumed] the mean of the template's channels",
            f"        as in {template}: taken over, its source is said there",
        )
        return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n"

    def of(self, path: tuple[str, ...], value: Any) -> str:
        """Comment of the value at ``path``."""
        if path in PLANNED:
            return PLANNED[path]
        if path == ("qnsp", "source", "pumps", "power_mw"):
            return self._power
        if path == ("qnsp", "channels", "loss_db"):
            return "[assumed]" if self._hardware.other_loss_db is None else "[given]"
        if path == ("qnsp", "source", "comb_spacing_labels"):
            same = value == self._hardware.template.qnsp.source.comb_spacing_labels
            return self._template if same else "[assumed] --spacing"
        if path == ("users", "fibre", "length_m") and self._hardware.lengths_m:
            return "[given]" if value in self._hardware.lengths_m.values() else self._template
        return self._template
