"""Axes of a grid as texts and from Python, and the points they make."""

import math

import numpy as np
import pytest

from netsim.errors import ConfigError
from netsim.studies.grid import Axis, axis_of, parse_axis, points_of


def test_ranges_hold_both_ends() -> None:
    """Linear and by a factor, written short; whole numbers suit integers."""
    assert parse_axis("protocol.window_ps=500:2000:4").values == ("500", "1000", "1500", "2000")
    axis = parse_axis("a.b=log:0.1:1:3")
    assert axis.is_log
    assert axis.values[::2] == ("0.1", "1")
    assert float(axis.values[1]) == pytest.approx(math.sqrt(0.1), rel=1e-11)
    assert parse_axis("a.b=3:1:3").values == ("3", "2", "1")
    assert parse_axis("a.b=5:9:1").values == ("5",)


def test_lists_are_cut_outside_brackets() -> None:
    """Names, numbers, and lists as values."""
    assert parse_axis("security=asymptotic, finite").values == ("asymptotic", "finite")
    assert parse_axis("security=finite").path == "protocol.security"
    assert parse_axis("links=[],[{a=1,b=2}]").values == ("[]", "[{a=1,b=2}]")


def test_numbers_of_an_axis() -> None:
    """Only where all are."""
    assert parse_axis("a.b=1,2.5").numbers == (1.0, 2.5)
    assert parse_axis("a.b=1,x").numbers is None


def test_axes_from_python_are_those_of_texts() -> None:
    """Sequences, arrays, ranges as texts."""
    assert axis_of("a.b", [0.1, 2, True, "x"]).values == ("0.1", "2", "true", "x")
    assert axis_of("a.b", np.linspace(0, 1, 3)).values == ("0", "0.5", "1")
    assert axis_of("a.b", "0:1:3") == parse_axis("a.b=0:1:3")
    with pytest.raises(ValueError, match="a sequence"):
        axis_of("a.b", [])


@pytest.mark.parametrize(
    "text",
    [
        *("a.b", "=3", "a.b=", "a.b=1:x:3", "a.b=1:2:0", "a.b=log:0:1:3", "a.b=log:3", "a.b=1,,2"),
        "a.b=0:10",
    ],
)
def test_what_is_no_axis(text: str) -> None:
    """Is refused."""
    with pytest.raises(ValueError, match=r"no |above zero"):
        parse_axis(text)


def test_a_grid_has_all_points_the_last_axis_fastest() -> None:
    """Zipped, as many as each axis has."""
    axes = (Axis("a", ("1", "2")), Axis("b", ("x", "y")))
    labels = [point.label for point in points_of(axes)]
    assert labels == ["a=1, b=x", "a=1, b=y", "a=2, b=x", "a=2, b=y"]
    assert [point.label for point in points_of(axes, zipped=True)] == ["a=1, b=x", "a=2, b=y"]
    assert [point.label for point in points_of(())] == ["as it is"]


def test_what_makes_no_grid() -> None:
    """Unequal lengths that are paired, an axis twice, more points than anybody wants."""
    one, two = Axis("a", ("1",)), Axis("b", ("1", "2"))
    for axes, zipped in (((one, two), True), ((one, one), False)):
        with pytest.raises(ConfigError):
            points_of(axes, zipped=zipped)
    many = Axis("a", ("1",) * 1000), Axis("b", ("1",) * 1000)
    with pytest.raises(ConfigError, match="more than 100000"):
        points_of(many)
