"""Frames that are counted together: as many as one by one, turned ones apart."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from netsim.frames import ClickFrame
from netsim.physics.encodings.settings import Turns
from netsim.simulation import counters
from netsim.simulation.counters import Counters
from netsim.simulation.scoring import DifferenceHistogram, LaneScorer, build_scorers
from netsim.topology.network import build_network
from tests.support.fan2025 import four_user_topology
from tests.unit.netsim.physics.helpers import generator, pack

FRAME_PS = 10**9
FRAMES = 2 * counters.FRAMES_AT_ONCE + 3


def random_frames(seed: int, clicks: int) -> list[ClickFrame]:
    """So many clicks a frame."""
    rng = generator(seed)
    return [
        ClickFrame(
            index,
            (index + 1) * FRAME_PS,
            np.sort(pack(rng.integers(0, FRAME_PS, clicks), rng.integers(0, 4, clicks)))
            + (index * FRAME_PS << 2),
        )
        for index in range(FRAMES)
    ]


class Listener:
    """Notes what it is told, as a counter of two users."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, int, int]] = []

    def add(self, user: str, frame: ClickFrame) -> None:
        """Note it."""
        self.heard.append((user, frame.index, frame.frames, frame.stop_ps))

    def finish(self) -> None:
        """Nothing more."""


def turned(seed: int) -> Turns:
    """In half of the frames."""
    return Turns(generator(seed), share=0.5, turn_rad=math.pi / 4)


@pytest.mark.parametrize("turning", [(), ("alice",), ("alice", "dave")])
@pytest.mark.parametrize("clicks", [300, counters.CLICKS_AT_ONCE // 2])
def test_joined_frames_make_the_counts_of_single_ones(turning: Iterable[str], clicks: int) -> None:
    """Few clicks or many, turned or not: lanes, tests, shares and histograms are the same."""
    topology = four_user_topology()
    network = build_network(topology)
    names = [user.name for user in topology.users]
    frames = {name: random_frames(seed, clicks) for seed, name in enumerate(names)}
    turns = {name: turned(seed) for seed, name in enumerate(turning)}
    found = []
    for is_joined in (False, True):
        scorers = build_scorers(network, topology, turns)
        histogram = DifferenceHistogram(("alice", "dave"), low_ps=-5000, bin_ps=250, bins=40)
        every: list[tuple[tuple[str, str], LaneScorer | DifferenceHistogram]]
        every = [*scorers.items(), (("alice", "dave"), histogram)]
        joining = Counters(names, every, turns)
        for index in range(FRAMES):
            for name in names:
                if is_joined:
                    joining.add(name, frames[name][index])
                    continue
                for users, counter in every:
                    if name in users:
                        counter.add(name, frames[name][index])
        joining.finish()
        found.append(
            (
                [scorer.counts for scorer in scorers.values()],
                [scorer.key_share for scorer in scorers.values()],
                [scorer.chsh for scorer in scorers.values()],
                histogram.counts.tolist(),
            )
        )
    assert found[0] == found[1]
    assert any(lane.coincidences for lanes in found[0][0] for lane in lanes)
    assert bool(turning) == any(test for tests in found[0][2] for test in tests)


def test_all_that_everybody_has_is_handed_out() -> None:
    """Once it is enough, or when asked; frames of turned analysers by themselves."""
    turns, listener = turned(1), Listener()
    counting = Counters(("a", "b"), [(("a", "b"), listener)], {"a": turns})  # type: ignore[list-item]
    frames = random_frames(0, 1)
    for frame in frames:
        counting.add("a", frame)
    assert not listener.heard
    for frame in frames[: counters.FRAMES_AT_ONCE]:
        assert not listener.heard
        counting.add("b", frame)
    told = [each for each in listener.heard if each[0] == "a"]
    assert sum(joined for _, _, joined, _ in told) == counters.FRAMES_AT_ONCE
    assert 1 < len(told) < counters.FRAMES_AT_ONCE
    for _, index, joined, stop_ps in told:
        assert len({turns.is_turned(index + k) for k in range(joined)}) == 1
        assert stop_ps == (index + joined) * FRAME_PS
    counting.add("b", frames[counters.FRAMES_AT_ONCE])
    counting.count()
    assert sum(joined for user, _, joined, _ in listener.heard if user == "b") == (
        counters.FRAMES_AT_ONCE + 1
    )
    with pytest.raises(KeyError):
        counting.add("c", frames[0])
