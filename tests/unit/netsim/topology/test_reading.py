"""What is left of a topology with faults: every field that is valid on its own, and no other."""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import Field, WrapValidator

from netsim.topology.base import Spec
from netsim.topology.checks import find_faults
from netsim.topology.load import topology_from_mapping
from netsim.topology.reading import has, having, read, valid_part
from netsim.topology.receiver import ClockSpec
from netsim.topology.source import CrystalSourceSpec, RingSourceSpec
from tests.unit.netsim.topology.texts import FOUR_USERS, TWO_USERS, damaged, tables


def raw(text: str = TWO_USERS) -> dict[str, Any]:
    """Tables of a shipped topology, to be damaged."""
    return tables(text)


def test_topology_without_faults_is_read_whole() -> None:
    """Nothing is absent, and it is the topology that loads."""
    reading = read(raw())
    assert reading.faults == ()
    assert reading.topology == topology_from_mapping(raw())


def test_a_fault_leaves_the_other_fields_of_its_section() -> None:
    """A wrong loss takes nothing but itself from its channel, and nothing from the next one."""
    wrong = raw()
    wrong["qnsp"]["channels"][0]["loss_db"] = -1.0
    reading = read(wrong)
    first, second = reading.topology.qnsp.channels
    assert [fault.path for fault in reading.faults] == ["qnsp.channels.0.loss_db"]
    assert (first.channel, first.receivers) == ("C38", ("alice",))
    assert second == read(raw()).topology.qnsp.channels[1]
    assert not has(first, "channel", "loss_db")
    with pytest.raises(AttributeError):
        assert first.loss_db
    assert list(having((first, second), "loss_db")) == [(1, second)]


def test_default_holds_for_what_is_left_out_and_not_for_what_is_wrong() -> None:
    """A frame of 99 s is no frame of 50 ms."""
    assert read(raw() | {"name": ""}).topology.frame_s is None
    assert not has(read(raw() | {"frame_s": 99.0}).topology, "frame_s")


@pytest.mark.parametrize("protocol", [None, 3, [], "x"])
def test_table_that_is_none_has_no_fields(protocol: object) -> None:
    """Not even those that have defaults; tables within it are there, and as empty."""
    wrong = {key: value for key, value in raw().items() if key != "qnsp"}
    topology = read(wrong | {"protocol": protocol}).topology
    assert not vars(topology.protocol)
    assert not has(topology.qnsp.source, "self_pairs")
    assert (topology.qnsp.channels, topology.qnsp.source.pairs) == ((), ())


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"kind": "spdc", "sum_labels": 80}, CrystalSourceSpec),
        ({"kind": "ring"}, RingSourceSpec),
        ({"kind": "laser"}, RingSourceSpec),
        ({}, RingSourceSpec),
        (None, RingSourceSpec),
    ],
)
def test_section_of_several_kinds_is_read_as_the_one_that_it_says(
    source: object, kind: type
) -> None:
    """The first kind where it says nothing valid."""
    wrong = raw()
    wrong["qnsp"]["source"] = source
    found = read(wrong).topology.qnsp.source
    assert type(found) is kind
    assert has(found, "sum_labels") is (kind is CrystalSourceSpec)


class Shape(Spec, ABC):
    """Read by its kind, as a validator of its own says."""

    kind: str

    @property
    @abstractmethod
    def area(self) -> float:
        """In square metres."""


class Square(Shape):
    """Registered nowhere."""

    kind: Literal["square"] = "square"
    side_m: float

    @property
    def area(self) -> float:
        """Its side squared."""
        return self.side_m**2


class Disc(Shape):
    """Another one."""

    kind: Literal["disc"] = "disc"
    radius_m: float
    colour: str = "red"

    @property
    def area(self) -> float:
        """Nearly."""
        return 3.14 * self.radius_m**2


def test_kinds_of_a_base_class_are_those_derived_from_it() -> None:
    """What is read as one of several classes keeps its place in the list, valid or not."""
    shapes: dict[str, type[Shape]] = {"square": Square, "disc": Disc}

    def read_shape(value: Any, _handler: Any) -> Shape:
        return shapes[value["kind"]].model_validate(value)

    class Drawing(Spec):
        shapes: Annotated[tuple[Annotated[Shape, WrapValidator(read_shape)], ...], Field()]

    square = {"kind": "square", "side_m": 2.0}
    disc = {"kind": "disc", "radius_m": 1.0, "colour": 3}
    drawing = valid_part(Drawing, {"shapes": (square, disc)})
    assert drawing.shapes[0] == Square(side_m=2.0)
    assert type(drawing.shapes[1]) is Disc
    assert vars(drawing.shapes[1]) == {"kind": "disc", "radius_m": 1.0}


def test_entries_of_tables_are_left_out_where_their_names_are_none() -> None:
    """A receiver called by a line break is no receiver to be suggested."""
    wrong = raw()
    wrong["receivers"]["a\nb"] = {}
    assert list(read(wrong).topology.receivers) == ["bench"]


def test_whole_number_in_another_form_counts() -> None:
    """1e12 is refused as a number of picoseconds, but what follows from it is told too."""
    part = valid_part(ClockSpec, {"offset_bound_ps": 1e12, "rate_bound_ppm": "none"})
    assert part.offset_bound_ps == 10**12
    assert not has(part, "rate_bound_ppm")


def test_checks_hold_with_any_single_key_missing() -> None:
    """No check asks for what is absent: whatever key is dropped, at any depth."""
    for text in (TWO_USERS, FOUR_USERS):
        for path in _paths(raw(text)):
            wrong: Any = raw(text)
            node = wrong
            for key in path[:-1]:
                node = node[key]
            del node[path[-1]]
            find_faults(read(cast("dict[str, object]", wrong)).topology)


def test_user_whose_only_event_is_a_cut_gets_no_channel() -> None:
    """An event that names a user delivers nothing unless it delivers a channel."""
    text = damaged(TWO_USERS, 'user = "bob"', "users = []")
    cut = '\n[[events]]\ntime_s = 1.0\nkind = "cut"\nuser = "bob"\n'
    move = '\n[[events]]\ntime_s = 1.0\nkind = "deliver"\nchannel = "C42"\nusers = ["bob"]\n'
    found = find_faults(read(raw(text + cut)).topology)
    assert [str(fault) for fault in found] == ["users.1: bob gets no channel"]
    assert find_faults(read(raw(text + move)).topology) == ()


def _paths(node: Any) -> list[tuple[Any, ...]]:
    """Key paths of everything in a file."""
    pairs = list(node.items() if isinstance(node, dict) else enumerate(node))
    deeper = [
        (key, *rest)
        for key, value in pairs
        if isinstance(value, dict | list)
        for rest in _paths(value)
    ]
    return [(key,) for key, _ in pairs] + deeper
