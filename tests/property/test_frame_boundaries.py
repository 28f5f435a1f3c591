"""Where time is cut into frames is invisible: in the clicks, in the scores, in the histogram."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from netsim.frames import ClickFrame
from netsim.physics.detector import DetectorSettings, DetectorState, register_clicks
from netsim.simulation.scoring import DifferenceHistogram, LaneCounts, LaneScorer
from netsim.topology.network import Network, build_network
from tests.support.topologies import fibre_spec, two_user_topology
from tests.unit.netsim.physics.helpers import detectors, generator, int64, pack

SPAN_PS = 100_000
BEFORE_PS = -(2**40)
USERS = ("alice", "bob")

clicks_of_a_user = st.lists(
    st.tuples(st.integers(0, SPAN_PS - 1), st.integers(0, 3)), max_size=60
).map(lambda found: np.sort(pack(int64(*(t for t, _ in found)), int64(*(d for _, d in found)))))
cuts_of_time = st.lists(st.integers(0, SPAN_PS), max_size=6).map(sorted)
detector_settings = st.builds(
    detectors,
    dead_time_ps=st.tuples(*[st.sampled_from([0, 1, 500, 5_000, 60_000])] * 4),
    afterpulse_probability=st.tuples(*[st.sampled_from([0.0, 0.3, 0.5])] * 4),
    afterpulse_decay_ps=st.tuples(*[st.sampled_from([10.0, 3_000.0, 40_000.0])] * 4),
)


@settings(derandomize=True, deadline=None)
@given(
    candidates=clicks_of_a_user,
    cuts=cuts_of_time,
    overhang_ps=st.sampled_from([0, 1, 10_000]),
    hardware=detector_settings,
    seed=st.integers(0, 2**32),
)
def test_cutting_candidates_changes_no_click(
    candidates: NDArray[np.int64],
    cuts: list[int],
    overhang_ps: int,
    hardware: DetectorSettings,
    seed: int,
) -> None:
    """Dead time and afterpulses, pending ones included, do not see the frames.

    Each frame brings candidates up to ``overhang_ps`` beyond its end, which are carried.
    """
    whole_state, rng = DetectorState(), generator(seed)
    whole, _ = register_clicks(rng, candidates, whole_state, hardware, stop_ps=SPAN_PS)
    state, rng = DetectorState(), generator(seed)
    parts, carried = [], int64()
    for start_ps, stop_ps in pairwise([BEFORE_PS, *cuts, SPAN_PS]):
        times_ps = candidates >> 2
        is_new = (times_ps >= start_ps + overhang_ps) & (times_ps < stop_ps + overhang_ps)
        arrived = np.sort(np.concatenate((carried, candidates[is_new])))
        clicks, used = register_clicks(rng, arrived, state, hardware, stop_ps=stop_ps)
        carried = arrived[used:]
        parts.append(clicks)
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert state.pending.tolist() == whole_state.pending.tolist()
    assert state.last_click_ps.tolist() == whole_state.last_click_ps.tolist()


def in_frames(clicks: NDArray[np.int64], cuts: list[int]) -> list[ClickFrame]:
    """Clicks cut into frames."""
    stops_ps = [BEFORE_PS, *cuts, SPAN_PS]
    times_ps = clicks >> 2
    return [
        ClickFrame(index, stop_ps, clicks[(times_ps >= start_ps) & (times_ps < stop_ps)])
        for index, (start_ps, stop_ps) in enumerate(pairwise(stops_ps))
    ]


def scored(
    network: Network, first: list[ClickFrame], second: list[ClickFrame]
) -> tuple[tuple[LaneCounts, ...], list[int]]:
    """Counts and histogram of a link; one user's frames all come before the other's."""
    scorer = LaneScorer(network, USERS)
    (lane,) = scorer.lanes
    histogram = DifferenceHistogram(USERS, low_ps=round(lane.delay_ps) - 3000, bin_ps=500, bins=12)
    for user, frames in zip(USERS, (first, second), strict=True):
        for frame in frames:
            scorer.add(user, frame)
            histogram.add(user, frame)
    scorer.finish()
    histogram.finish()
    return scorer.counts, histogram.counts.tolist()


@pytest.mark.parametrize("lengths_m", [(2.0, 0.0), (0.0, 0.0), (0.0, 4.0)])
@settings(derandomize=True, deadline=None)
@given(
    first=clicks_of_a_user,
    second=clicks_of_a_user,
    cuts=st.lists(st.tuples(st.integers(0, SPAN_PS), st.integers(0, SPAN_PS)), max_size=6),
)
def test_cutting_clicks_changes_no_count(
    lengths_m: tuple[float, float],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    cuts: list[tuple[int, int]],
) -> None:
    """Coincidences do not see the frames, whose ends differ from user to user."""
    fibres = (fibre_spec(lengths_m[0]), fibre_spec(lengths_m[1]))
    network = build_network(two_user_topology(fibres=fibres))
    whole = scored(network, in_frames(first, []), in_frames(second, []))
    cut = scored(
        network,
        in_frames(first, sorted(one for one, _ in cuts)),
        in_frames(second, sorted(other for _, other in cuts)),
    )
    assert cut == whole
