"""The map of a network: how wide its arcs are."""

import re

import pytest

from netsim.report.map import LEAST_WIDTH, MANY_LINKS, MOST_WIDTH, svg_map
from netsim.topology.load import load_topology


@pytest.mark.parametrize(("name", "links"), [("fan2025_four_user", 6), ("liu2022", 780)])
def test_many_arcs_are_thin_and_faint(name: str, links: int) -> None:
    """All cover as much as the most that are wide; each is seen still."""
    topology = load_topology(name)
    users = [user.name for user in topology.users]
    pairs = [(one, other) for k, one in enumerate(users) for other in users[k + 1 :]]
    drawn = svg_map(topology, dict.fromkeys(pairs, 100.0), "key")
    arcs = re.findall(r'<path class="([a-z ]+)" stroke-width="([0-9.]+)"', drawn)
    is_many = links > MANY_LINKS
    widest = max(LEAST_WIDTH, MOST_WIDTH * MANY_LINKS / links) if is_many else MOST_WIDTH
    assert len(arcs) == links
    assert {kind for kind, _ in arcs} == {"link many" if is_many else "link"}
    assert [float(width) for _, width in arcs] == pytest.approx([widest] * links, abs=0.005)
