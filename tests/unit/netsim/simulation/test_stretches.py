"""Parts of a run that are announced in together."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netsim
from netsim.simulation.stretches import announced_together
from netsim.twin.cadence import CHANGING_PS

edges = st.lists(st.integers(0, 40), min_size=2, max_size=12, unique=True)
"""In eighths of an announcement."""


@given(edges)
def test_parts_are_cut_where_announcements_end(edges: list[int]) -> None:
    """All of each is there, and none reaches over an edge but those that fill announcements."""
    edges_ps = [edge * CHANGING_PS // 8 for edge in sorted(edges)]
    parts = [(*span, number) for number, span in enumerate(pairwise(edges_ps))]
    groups = list(announced_together(parts))
    pieces = [piece for group in groups for piece in group]
    assert [pieces[0][0], *(stop_ps for _, stop_ps, _ in pieces)] == sorted(
        {pieces[0][0], *(edge for start, stop, _ in pieces for edge in (start, stop))}
    )
    for start_ps, stop_ps, number in parts:
        inside = [piece for piece in pieces if piece[2] == number]
        assert (inside[0][0], inside[-1][1]) == (start_ps, stop_ps)
    if len(parts) == 1:
        assert groups == [parts]
        return
    for group in groups:
        numbers = {start_ps // CHANGING_PS for start_ps, _, _ in group}
        assert len(numbers) == 1
        if len(group) > 1:
            (number,) = numbers
            assert group[-1][1] <= (number + 1) * CHANGING_PS
    firsts = [group[0][0] // CHANGING_PS for group in groups]
    assert len(set(firsts)) == len(firsts)


@pytest.mark.parametrize("fidelity", ["coincidence", "rate"])
def test_light_that_is_switched_quickly_is_matched_in_the_dark_as_well(fidelity: str) -> None:
    """Pumps of `liu2024` take turns of 20 ms: chance coincidences of the others' turns are errors.

    Left out, they made twice the key that there is photon by photon.
    """
    topology = netsim.load_topology("liu2024", overrides=("protocol.round_s=5",))
    run = netsim.simulate(topology, duration_s=15.0, seed=1, fidelity=fidelity)
    scored = {lane.users: lane for lane in run.lanes}
    for users in (("alice", "charlie"), ("alice", "erin"), ("bob", "dave")):
        (link,) = (link for link in run.links if link.users == users)
        assert link.counts.blocks == 3
        assert 0.985 < link.counts.sifted_bits / scored[users].sifted_bits < 1.015
