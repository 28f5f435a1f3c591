"""A plan as a topology file, every number with where it comes from; written only if it reads back.

It knows the specs of a topology by their keys, and how a plan came about by its request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from netsim.errors import ConfigError
from netsim.plan.hardware import Hardware
from netsim.plan.planner import Plan
from netsim.plan.request import Objective
from netsim.plan.toml import Path, toml_text
from netsim.results.files import write_whole
from netsim.topology.load import parse_topology
from netsim.topology.shipped import shipped_bytes, shipped_topologies
from netsim.topology.specs import TopologySpec
from netsim.topology.unwise import topology_warnings

PLANNED = "[calc] planned"
TOLD = {
    ("protocol", "round_s"): "[calc] 1000 bits of key or more on the poorest link",
    ("qnsp", "channels", "channel"): PLANNED,
    ("qnsp", "channels", "user"): PLANNED,
    ("qnsp", "channels", "patch_delay_ps"): "[calc] tells the lanes of a link apart",
    ("qnsp", "source", "pumps", "channel"): PLANNED,
    ("users", "name"): "",
    ("name",): "",
    ("description",): "",
}
"""Comments by key path."""
GIVEN = "[assumed] given on the command line"

_MARK = re.compile(r"#.*?(\[[a-z]+\])")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the numbers of a plan come from.

    Attributes
    ----------
    hardware : Hardware
    source : TopologySpec
        The hardware's template before anything in it was changed.
    marks : mapping
        By key path, the mark of origin of the template's numbers, such as ``[paper]``.
    is_power_given : bool
        Whether the power was given, not chosen.
    """

    hardware: Hardware
    source: TopologySpec
    marks: Mapping[Path, str]
    is_power_given: bool = False


def origin_of(hardware: Hardware, template: str, *, is_power_given: bool = False) -> Origin:
    """The origin of what was planned with a template, by its shipped name or its path."""
    if template in shipped_topologies():
        text = shipped_bytes(template).decode("utf-8")
    else:
        text = FilePath(template).read_text(encoding="utf-8-sig")
    return Origin(hardware, parse_topology(text), marks_in(text), is_power_given)


def marks_in(text: str) -> dict[Path, str]:
    """The mark in the comment behind each value of a TOML file, by key path without indices.

    Of several values at one path the first one with a mark counts.
    """
    marks: dict[Path, str] = {}
    table: Path = ()
    for line in text.splitlines():
        if line.startswith("["):
            table = tuple(line.partition("#")[0].strip(" []").split("."))
        key, equals, rest = line.partition("=")
        found = _MARK.search(rest)
        if equals and found:
            marks.setdefault((*table, key.strip()), found.group(1))
    return marks


def write_topology(plan: Plan, origin: Origin, path: FilePath) -> None:
    """Write the topology of a plan."""
    write_whole(path, topology_text(plan, origin))


def topology_text(plan: Plan, origin: Origin) -> str:
    """The topology file of a plan, which says the same as its topology when it is read."""
    raw = plan.topology.model_dump(exclude_defaults=True, exclude_none=True)
    text = _head(plan, origin) + toml_text(raw, _Comments(origin).of)
    if parse_topology(text) != plan.topology:
        raise RuntimeError("the topology file does not say what was planned")
    overlapping = [w for w in topology_warnings(plan.topology) if "peaks" in w.message]
    if overlapping:
        raise ConfigError(tuple(overlapping))
    return text


def _head(plan: Plan, origin: Origin) -> str:
    """What the file is, as comments."""
    request, template = plan.request, origin.source.name
    promised_bps = plan.promised_bps
    borrowed = sorted(set(origin.marks.values()) - {"[calc]", "[assumed]"})
    what = "span" if request.objective is Objective.SPAN else "channels"
    proven = ", reached" if plan.is_proven else ""
    lines = (
        f"Planned by `netsim plan --objective {request.objective}`, seed {request.seed}.",
        *(["Partial: the search was stopped before its end."] if plan.is_partial else []),
        f"{plan.allocation.channels} channels, span {plan.allocation.span} comb positions.",
        f"Lower bound of the {what}: {plan.lower_bound}{proven}.",
        f"Asymptotic key of the poorest wanted pair by the twin: {min(promised_bps):.4g} bit/s,",
        f"of all wanted pairs together: {sum(promised_bps):.5g} bit/s.",
        "",
        "Marks:  [calc] follows by calculation: chosen by the planner",
        "        [assumed] an option of the command line, or chosen where nothing was said",
        *(f"        {mark:<9} as {template} says" for mark in borrowed),
        f"        as in {template}: taken over with its mark; sources are said there",
    )
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n"


class _Comments:
    """Where each number of a planned topology comes from."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._known: dict[Path, list[Any]] = {}
        self._collect(origin.source.model_dump(), ())

    def _collect(self, value: Any, path: Path) -> None:
        """Keep the values of the template by key path, without indices."""
        if isinstance(value, Mapping):
            for key, inner in value.items():
                self._collect(inner, (*path, key))
        elif isinstance(value, tuple) and value and isinstance(value[0], Mapping):
            for inner in value:
                self._collect(inner, path)
        else:
            self._known.setdefault(path, []).append(value)

    def of(self, path: Path, value: Any) -> str:
        """Comment of the value at ``path``."""
        if path in TOLD:
            return TOLD[path]
        name, hardware = self._origin.source.name, self._origin.hardware
        if path == ("qnsp", "source", "pumps", "power_mw"):
            given = self._origin.is_power_given
            return GIVEN if given else "[calc] suits it best, by the analytic twin"
        if path == ("qnsp", "channels", "loss_db") and value == hardware.mean_loss_db:
            return f"[assumed] the mean of {name}"
        if value in self._known.get(path, ()):
            return f"{self._origin.marks.get(path, '')} as in {name}".strip()
        if path == ("qnsp", "source", "comb_spacing_labels"):
            return "[assumed] the grid of 100 GHz" if value == 1 else GIVEN
        return GIVEN
