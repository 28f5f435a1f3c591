"""Starter files load without a warning, and make the links that they promise."""

import tomllib

import pytest

from netsim.topology.checks import check_topology
from netsim.topology.load import parse_topology
from netsim.topology.network import build_network
from netsim.topology.starter import SHAPES, Starter, parse_length_m, starter_text
from netsim.twin.forecast import predict


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("source", ["spdc", "ring"])
def test_starters_are_sound(shape: str, source: str) -> None:
    """No fault; no warning but that a ring of users leaves some of them apart; links as asked."""
    starter = Starter(shape, users=4, source=source)
    topology = parse_topology(starter_text(starter))
    checks = check_topology(topology)
    assert checks.errors == ()
    assert all(shape == "ring" and "no lane" in fault.message for fault in checks.warnings)
    assert set(build_network(topology).links) == set(starter.links)
    assert all(link.key_bits for link in predict(topology).links)


@pytest.mark.parametrize(
    ("shape", "users", "links"), [("star", 5, 10), ("ring", 5, 5), ("ring", 2, 1), ("lab", 9, 1)]
)
def test_shapes_have_their_links(shape: str, users: int, links: int) -> None:
    """Everybody with everybody, with both neighbours, or two on the bench."""
    assert len(set(Starter(shape, users).links)) == links


def test_numbers_are_those_asked_for() -> None:
    """Distance and efficiency stand in the file; what is boring does not."""
    text = starter_text(Starter("star", 3, length_m=25_000.0, efficiency=0.35))
    raw = tomllib.loads(text)
    assert [user["fibre"]["length_m"] for user in raw["users"]] == [25_000] * 3
    assert raw["receivers"]["bench"]["detectors"][0]["efficiency"] == 0.35
    assert "classical" not in raw
    assert "clock" not in raw["receivers"]["bench"]


def test_the_largest_star_has_channels_and_the_next_has_not() -> None:
    """33 pairs of channels are 8 users; 9 take 36."""
    assert len(Starter("star", 8).links) == 28
    with pytest.raises(ValueError, match="36 links, and channels for 33"):
        Starter("star", 9)


@pytest.mark.parametrize("wrong", [{"shape": "tree"}, {"shape": "lab", "source": "lamp"}])
def test_unknown_words_are_refused(wrong: dict[str, str]) -> None:
    """The message names what there is."""
    with pytest.raises(ValueError, match="none of"):
        Starter(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "length_m"), [("25km", 25_000), ("0.5 km", 500), ("80m", 80), ("0", 0)]
)
def test_lengths(text: str, length_m: float) -> None:
    """In metres."""
    assert parse_length_m(text) == length_m


@pytest.mark.parametrize("text", ["", "km", "-3km", "3 miles", "1e3", "10"])
def test_what_is_no_length(text: str) -> None:
    """Is refused, quoted."""
    with pytest.raises(ValueError, match="no length"):
        parse_length_m(text)
