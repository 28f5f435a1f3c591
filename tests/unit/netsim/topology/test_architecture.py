"""What a network takes to build, counted."""

import pytest

from netsim.topology.architecture import architecture_of, fairness
from netsim.topology.load import load_topology


def test_four_users_take_six_channels_and_eight_filters() -> None:
    """Fan et al. 2025: six filters to demultiplex, two to join the channels of Charlie and Dave."""
    found = architecture_of(load_topology("fan2025_four_user"))
    assert (found.users, found.links, found.lanes) == (4, 6, 7)
    assert (found.channels, found.filters, found.splitters) == (6, 8, 0)
    assert found.lanes_per_channel == pytest.approx(7 / 6)


def test_split_and_dropped_channels() -> None:
    """A channel to two users is one channel and one splitter; a dropped one is none."""
    overrides = [
        (
            'qnsp.channels=[{channel="C38", users=["alice", "bob"], loss_db=1},'
            '{channel="C42", user="charlie", loss_db=1}, {channel="C54", users=[], loss_db=1},'
            '{channel="C30", user="dave", loss_db=1}]'
        ),
        "paper={source='none'}",
        "qnsp.source.pairs=[]",
    ]
    found = architecture_of(load_topology("fan2025_four_user", overrides=overrides))
    assert (found.channels, found.filters, found.splitters) == (3, 3, 1)
    assert found.links == 4


def test_links_of_all_states_count() -> None:
    """A switch that serves one link at a time makes six links of its two channels."""
    found = architecture_of(load_topology("time_sharing"))
    assert (found.links, found.lanes, found.channels) == (6, 6, 2)


def test_fairness_is_jains_index() -> None:
    """Equal shares give 1, one winner of n gives 1/n, nothing at all gives no figure."""
    assert fairness([3.0, 3.0, 3.0]) == pytest.approx(1.0)
    assert fairness([5.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)
    assert fairness([0.0, 0.0]) is None
