"""Planned topologies: what they hold, that they are valid, and how they are written."""

import math
import re
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from netsim.errors import ConfigError
from netsim.plan.allocation import Allocation
from netsim.plan.comb import NOBODY
from netsim.plan.files import marks_in, origin_of, topology_text
from netsim.plan.hardware import Hardware
from netsim.plan.planner import make_plan
from netsim.plan.toml import toml_text
from netsim.plan.topology import planned_topology
from netsim.topology.checks import check_topology
from netsim.topology.load import load_topology, parse_topology
from netsim.topology.network import build_network
from netsim.topology.source import RingSourceSpec
from netsim.twin.prediction import predict
from tests.unit.netsim.plan.requests import bench, everyone, ladder, names

ORIGIN = origin_of(bench(), "fan2025_structured")


def test_a_planned_topology_is_valid() -> None:
    """No error, no warning, all links, the planned channels, pumps and power."""
    plan = make_plan(everyone(7), bench())
    topology = plan.topology
    checks = check_topology(topology)
    assert checks.errors == checks.warnings == ()
    assert len(build_network(topology).links) == 21
    assert (
        sorted(int(c.channel[1:]) for c in topology.qnsp.channels) == plan.allocation.used.tolist()
    )
    assert isinstance(topology.qnsp.source, RingSourceSpec)
    assert {pump.power_mw for pump in topology.qnsp.source.pumps} == {plan.power_mw}
    assert plan.prediction == predict(build_network(topology))


@pytest.mark.parametrize("length_km", [0.0, 40.0])
def test_lanes_of_a_link_are_told_apart(length_km: float) -> None:
    """Where links have up to ten lanes, patch fibres keep all peaks 8 ns apart, at any length."""
    comb = ladder()
    owners = np.full(comb.labels.size, NOBODY)
    owners[comb.components[0][:20]] = np.arange(20) % 7 % 3
    allocation = Allocation(comb, owners)
    hardware = replace(bench(), lengths_m={f"u{k}": 1e3 * k * length_km for k in range(3)})
    topology, _ = planned_topology(hardware, names(3), allocation, 0.1, name="many", description="")
    network = build_network(topology)
    assert min(len(network.lanes_of(link)) for link in network.links) > 4
    assert check_topology(topology).warnings == ()
    bare = [c.model_copy(update={"patch_delay_ps": 0}) for c in topology.qnsp.channels]
    qnsp = topology.qnsp.model_copy(update={"channels": tuple(bare)})
    unpatched = topology.model_copy(update={"qnsp": qnsp})
    lanes = build_network(unpatched).lanes
    # At no distance all lanes of a link arrive together, which makes them one.
    assert check_topology(unpatched).warnings if length_km else len(lanes) == 3


def test_a_round_holds_enough_key_for_the_poorest_link() -> None:
    """Rounds are as long as the poorest link needs for 1000 bits, and not longer than necessary."""
    near = make_plan(everyone(4), bench()).topology
    lengths_m = {f"u{k}": 30_000.0 for k in range(4)}
    plan = make_plan(everyone(4), replace(bench(), lengths_m=lengths_m))
    far = plan.topology
    assert far.protocol.round_s > near.protocol.round_s
    assert min(plan.wanted_bps) * far.protocol.round_s >= 1000.0


def test_losses_and_lengths_reach_the_topology() -> None:
    """Losses by label, for all others, and fibre lengths by user."""
    plan = make_plan(everyone(3), bench())
    label = int(plan.allocation.used[0])
    hardware = replace(
        bench(), channel_losses_db={label: 7.0}, other_loss_db=2.0, lengths_m={"u1": 9000.0}
    )
    topology = make_plan(everyone(3), hardware).topology
    losses_db = {c.channel: c.loss_db for c in topology.qnsp.channels}
    assert losses_db.pop(f"C{label}") == 7.0
    assert set(losses_db.values()) == {2.0}
    assert [user.fibre.length_m for user in topology.users] == [1000.0, 9000.0, 1500.0]


def test_a_written_topology_reads_back_and_says_where_numbers_come_from() -> None:
    """The text gives the same topology, and each value but names has a comment."""
    plan = make_plan(everyone(6), bench())
    text = topology_text(plan, ORIGIN)
    assert parse_topology(text) == plan.topology
    values = [line for line in text.splitlines() if " = " in line and not line.startswith("#")]
    silent = {line.split(" = ")[0] for line in values if " # " not in line}
    assert silent == {"name", "description"}
    marks = {line.split(" # ")[1].split()[0] for line in values if " # " in line}
    assert marks == {"[calc]", "[assumed]", "[paper]", "[fit]", "as"}
    given = topology_text(plan, replace(ORIGIN, is_power_given=True))
    assert re.search(r"^power_mw = .* # \[assumed\] given on the", given, re.MULTILINE)


def test_what_was_changed_is_not_said_to_be_the_templates() -> None:
    """Lengths, losses and numbers of the template that were given are marked so, others not."""
    template = load_topology("fan2025_structured", overrides=["receivers.bench.excess_loss_db=1.5"])
    hardware = Hardware(template, other_loss_db=2.5, lengths_m={"u1": 7000.0})
    text = topology_text(
        make_plan(everyone(3), hardware), origin_of(hardware, "fan2025_structured")
    )
    given = {line.split("#")[0].strip() for line in text.splitlines() if "given on" in line}
    assert given == {"excess_loss_db = 1.5", "loss_db = 2.5", "length_m = 7000.0"}
    assert re.search(r"length_m = 1000.0 +# \[assumed\] as in fan2025_structured", text)


def test_the_twin_of_the_written_file_is_what_was_told() -> None:
    """Key rates of a plan are those that the twin gives of its file."""
    plan = make_plan(everyone(5), bench())
    prediction = predict(build_network(parse_topology(topology_text(plan, ORIGIN))))
    told = math.fsum(plan.wanted_bps)
    assert prediction.total_skr_bps == pytest.approx(told, rel=1e-12)


def test_self_paired_labels_are_written() -> None:
    """Where they are allowed and used, the topology says that its source delivers them."""
    plan = make_plan(everyone(3, allow_self_paired=True), bench())
    assert plan.allocation.channels == 3
    assert parse_topology(topology_text(plan, ORIGIN)).qnsp.source.self_pairs == "deliver"


def test_a_crystal_is_no_ring() -> None:
    """Only rings and their pumps are planned."""
    with pytest.raises(ConfigError, match="has no ring"):
        make_plan(everyone(3), Hardware(load_topology("wengerowsky2018")))


def test_marks_of_a_template_are_found() -> None:
    """Marks stand behind values, in tables and arrays of tables; the first of a path counts."""
    text = """x = 1 # why [paper] so
[a.b] # [assumed] all of it
y = [1, 2] # none
z = "[fit]" # [calc], not [paper]
[[c]]
w = 1.5 # [fit] first
[[c]]
w = 2.5 # [calc] second
"""
    assert marks_in(text) == {("x",): "[paper]", ("a", "b", "z"): "[calc]", ("c", "w"): "[fit]"}


def test_toml_of_nested_tables() -> None:
    """Tables, arrays of tables and scalars of every kind survive, comments are behind values."""
    table = {
        "name": 'a "quoted" \\ name',
        "flag": True,
        "ratio": 1e-05,
        "pair": ("C1", "C2"),
        "inner": {"deep": {"x": 1}, "many": ({"y": 2.5, "z": {"w": 0}}, {"y": 3.0})},
        "empty": (),
    }
    text = toml_text(table, lambda path, _: "why" if path == ("inner", "many", "y") else "")
    assert tomllib.loads(text) == {
        "name": 'a "quoted" \\ name',
        "flag": True,
        "ratio": 1e-05,
        "pair": ["C1", "C2"],
        "inner": {"deep": {"x": 1}, "many": [{"y": 2.5, "z": {"w": 0}}, {"y": 3.0}]},
        "empty": [],
    }
    assert len(re.findall(r"^y = .* # why$", text, re.MULTILINE)) == 2
    assert text.count("#") == 2
