"""Whatever is in a topology file: it loads and can be worked out, or it raises ConfigError."""

import math
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from netsim.errors import ConfigError
from netsim.topology.checks import check_topology
from netsim.topology.load import parse_topology, topology_from_mapping
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import predict
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS, tables

KEYS = st.sampled_from(
    [
        "name",
        "users",
        "channel",
        "channels",
        "loss_db",
        "x",
        "length_m",
        "",
        "a b",
        "\n",
        "delay_ps",
    ]
)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.integers(-2, 100),
    st.sampled_from([10**400, -(10**400), 2**63, 1e308, 5e-324, 1e15]),
    st.floats(),
    st.text(max_size=5),
    st.dates(),
    st.times(),
    st.sampled_from(["C34", "C38", "C40", "C22", "C999", "alice", "bob", "bench", "C-1"]),
)
NUMBERS = st.one_of(
    st.sampled_from([0, 1, 0.0, 1.0, 0.5, 5e-324, 1e-9, 1e3, 1_000_000, 1e6, 1e9, 1e12, 1e15]),
    st.integers(0, 100_000),
    st.floats(0, 1),
    st.floats(0, 1e15),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def topology_or_faults(load: Callable[[], TopologySpec]) -> TopologySpec | None:
    """Load a topology; if there is none, all its faults are one line each."""
    try:
        return load()
    except ConfigError as error:
        refused = error
    assert refused.faults
    assert len(str(refused).splitlines()) == len(refused.faults)
    return None


@given(st.text())
def test_any_text_loads_or_raises_config_error(text: str) -> None:
    """Nothing but a topology or a ConfigError comes out of any text."""
    topology_or_faults(lambda: parse_topology(text))


@given(st.data())
def test_any_edited_topology_text_loads_or_raises_config_error(data: st.DataObject) -> None:
    """The same for a good text with a piece replaced."""
    start = data.draw(st.integers(0, len(TWO_USERS)))
    length = data.draw(st.integers(0, 40))
    piece = data.draw(st.text(st.sampled_from("=[]{}\"'#.,\n\\0919eE-_uxC "), max_size=10))
    text = TWO_USERS[:start] + piece + TWO_USERS[start + length :]
    topology_or_faults(lambda: parse_topology(text))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_mutated_mapping_works_throughout_or_raises_config_error(data: st.DataObject) -> None:
    """One to three values replaced, dropped or added: refused, or fit for the analytic twin."""
    raw: dict[str, Any] = deepcopy(tables(data.draw(st.sampled_from([TWO_USERS, FOUR_USERS]))))
    for _ in range(data.draw(st.integers(1, 3))):
        _mutate(data, raw)
    topology = topology_or_faults(lambda: topology_from_mapping(raw))
    if topology is None:
        return
    assert check_topology(topology).errors == ()
    for lane in predict(build_network(topology)).lanes:
        assert lane.sifted_hz >= 0.0
        assert lane.skr_bps >= 0.0


@settings(max_examples=75, deadline=None)
@given(st.data())
def test_any_numbers_that_load_can_be_worked_out(data: st.DataObject) -> None:
    """Extreme but allowed numbers give finite predictions, never an overflow."""
    raw: dict[str, Any] = tables(data.draw(st.sampled_from([TWO_USERS, FOUR_USERS])))
    leaves = list(_number_leaves(raw))
    for _ in range(data.draw(st.integers(1, 3))):
        node, key = data.draw(st.sampled_from(leaves))
        node[key] = data.draw(NUMBERS)
    topology = topology_or_faults(lambda: topology_from_mapping(raw))
    event("refused" if topology is None else "loaded")
    if topology is None:
        return
    prediction = predict(build_network(topology))
    assert all(math.isfinite(lane.sifted_hz) for lane in prediction.lanes)
    assert all(0.0 <= lane.qber <= 1.0 for lane in prediction.lanes if lane.sifted_hz > 0.0)
    assert all(math.isfinite(user.singles_hz) for user in prediction.users)


def _number_leaves(node: Any) -> Iterator[tuple[Any, Any]]:
    """All places of numbers: the table or list, and the key."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(child, dict | list):
            yield from _number_leaves(child)
        elif isinstance(child, int | float):
            yield node, key


def _mutate(data: st.DataObject, raw: dict[str, Any]) -> None:
    """Go down a random way and change what is there."""
    node: Any = raw
    while True:
        keys = sorted(node) if isinstance(node, Mapping) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys)) if keys else None
        if key is None:
            return
        child = node[key]
        if isinstance(child, dict | list) and data.draw(st.integers(0, 4)):
            node = child
            continue
        action = data.draw(st.sampled_from(["replace", "replace", "drop", "add"]))
        if action == "drop":
            del node[key]
        elif action == "add" and isinstance(node, dict):
            node[data.draw(KEYS)] = data.draw(VALUES)
        else:
            node[key] = data.draw(VALUES)
        return
