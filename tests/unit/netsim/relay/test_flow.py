"""Who gets how much of what links make, by hand."""

import pytest

from netsim.relay.flow import Wish, share_out
from netsim.relay.terms import RelayTerms

FACTOR = 704 / 256
"""Of keys of 256 bits."""


def wish(name: str, users: str, bps: float, paths: int = 0, priority: int = 0) -> Wish:
    """Between two users of one letter each; over so many paths, 0 for none."""
    terms = RelayTerms(paths) if paths else None
    return Wish(name, (users[0], users[1]), bps, FACTOR, terms, priority)


def links(**bps: float) -> dict[tuple[str, str], float]:
    """By two letters."""
    return {(pair[0], pair[1]): rate for pair, rate in bps.items()}


def test_a_link_is_shared_alike_by_priority() -> None:
    """First the higher one all that it wants, then the others in proportion."""
    wishes = [wish("a", "xy", 6.0), wish("b", "yx", 2.0), wish("c", "xy", 3.0, priority=1)]
    found = share_out(wishes, links(xy=7.0))
    got = {name: each.key_bps for name, each in found.fulfilled.items()}
    assert got == pytest.approx({"a": 3.0, "b": 1.0, "c": 3.0})
    assert found.left_bps == pytest.approx(links(xy=0.0))


def test_what_lacks_comes_over_others() -> None:
    """After the own link is used up; each hop pays the factor."""
    found = share_out([wish("a", "xy", 3.0, 1)], links(xy=1.0, xz=100.0, zy=50.0))
    each = found.fulfilled["a"]
    assert each.direct_bps == pytest.approx(1.0)
    assert each.relayed_bps == pytest.approx({(("z",),): 2.0})
    assert found.left_bps == pytest.approx(
        links(xy=0.0, xz=100.0 - 2 * FACTOR, zy=50.0 - 2 * FACTOR)
    )


def test_no_more_than_the_narrowest_hop() -> None:
    """Two ways one after the other, each to its end; over two paths at once the narrower counts."""
    made = links(xw=10 * FACTOR, wy=4 * FACTOR, xz=3 * FACTOR, zy=9 * FACTOR)
    one = share_out([wish("a", "xy", 20.0, 1)], made).fulfilled["a"]
    assert one.relayed_bps == pytest.approx({(("w",),): 4.0, (("z",),): 3.0})
    both = share_out([wish("a", "xy", 20.0, 2)], made).fulfilled["a"]
    assert both.relayed_bps == pytest.approx({(("w",), ("z",)): 3.0})


def test_nothing_is_relayed_for_who_does_not_ask_or_may_not() -> None:
    """Nor is it taken from a link that makes less than it uses up."""
    made = links(xw=10.0, wy=10.0, xy=-5.0)
    assert share_out([wish("a", "xy", 1.0)], made).fulfilled["a"].key_bps == 0.0
    closed = Wish("a", ("x", "y"), 1.0, FACTOR, RelayTerms(through=frozenset({"z"})))
    found = share_out([closed], made)
    assert found.fulfilled["a"].key_bps == 0.0
    assert found.left_bps == links(xw=10.0, wy=10.0, xy=0.0)


def test_two_that_need_the_same_hop_get_as_much() -> None:
    """A part of each in turn."""
    made = links(xz=8 * FACTOR, zy=100.0, zw=100.0)
    found = share_out([wish("a", "xy", 8.0, 1), wish("b", "xw", 8.0, 1)], made)
    got = [each.key_bps for each in found.fulfilled.values()]
    assert got == pytest.approx([4.0, 4.0], rel=0.05)
    assert sum(got) == pytest.approx(8.0)
