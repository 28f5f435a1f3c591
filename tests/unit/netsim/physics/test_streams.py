"""Streams that are drawn together give what each gives alone."""

import copy
import gc
import pickle
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.random import MT19937, PCG64, BitGenerator, Generator, Philox

from netsim.devices.qnsp import emission_plan
from netsim.frames import PhotonFrame
from netsim.kernel.rng import RngTree
from netsim.physics.emission import sample_poisson_times
from netsim.physics.rates import kappa_per_ps
from netsim.physics.source import EmissionPlan, PairSource
from netsim.physics.streams import PAIRS, SINGLES, Outlet, Stream, Streams
from netsim.topology.load import load_topology
from netsim.topology.timeline import Timeline

FRAME_PS = 20_000_000_000


def planned(name: str, *overrides: str) -> tuple[EmissionPlan, tuple[Outlet, ...], float]:
    """What a shipped network emits, all its outlets, and kappa."""
    topology = load_topology(name, overrides=overrides)
    timeline = Timeline(topology, stop_ps=FRAME_PS)
    plan = emission_plan(timeline.network_at(0), timeline.process_indices)
    return plan, timeline.outlets, kappa_per_ps(topology.qnsp.source.bandwidth_hz)


def emitted(
    plans: Sequence[EmissionPlan], outlets: tuple[Outlet, ...], kappa: float, *, is_together: bool
) -> list[dict[Outlet, PhotonFrame]]:
    """Three frames, each in as many pieces as there are plans."""
    source = PairSource(outlets, RngTree(7).stream, kappa_per_ps=kappa)
    if not is_together:
        source._together = {id(plan): (plan, None) for plan in plans}
    frames, edges_ps = [], np.linspace(0, FRAME_PS, len(plans) + 1).astype(int).tolist()
    for index in range(3):
        pieces = [
            (index * FRAME_PS + low_ps, index * FRAME_PS + high_ps, plan)
            for low_ps, high_ps, plan in zip(edges_ps, edges_ps[1:], plans, strict=False)
        ]
        frames.append(source.emit(index, pieces))
    return frames


@pytest.mark.parametrize(
    ("name", "pieces"), [("fan2025_four_user", 1), ("fan2025_four_user", 3), ("joshi2020", 2)]
)
def test_streams_drawn_together_are_those_drawn_one_by_one(name: str, pieces: int) -> None:
    """The same photons in the same order, the same rows and the same ledger, frame after frame."""
    plan, outlets, kappa = planned(name)
    weaker = EmissionPlan(plan.pairs[::2], dict(list(plan.singles_hz.items())[1:]))
    plans = [plan, weaker, plan][:pieces]
    together, alone = (
        emitted(plans, outlets, kappa, is_together=is_together) for is_together in (True, False)
    )
    for one, other in zip(together, alone, strict=True):
        assert list(one) == list(other) == list(outlets)
        for outlet, frame in one.items():
            assert frame.times_ps.tolist() == other[outlet].times_ps.tolist()
            assert frame.pair_rows.tolist() == other[outlet].pair_rows.tolist()
            assert frame.ledger.process.tolist() == other[outlet].ledger.process.tolist()
    assert sum(frame.times_ps.size for frame in together[0].values()) > 1000


def test_what_has_no_closed_form_is_not_drawn_together() -> None:
    """Thermal light, light in pulses, and pairs that dispersion parts."""
    assert planned("fan2025_four_user")[0].streams is not None
    assert planned("honjo2008")[0].streams is None
    assert planned("fan2025_four_user", "qnsp.source.statistics=thermal")[0].streams is None


@pytest.mark.parametrize("kind", [PCG64, MT19937, Philox])
def test_streams_draw_from_whatever_kind_they_have(kind: type[BitGenerator]) -> None:
    """As the sampler alone, and on from where it is; they keep their generators alive."""
    outlet = ("C38", "alice")
    alone, rngs = Generator(kind(5)), [Generator(kind(5))]
    streams = Streams([Stream("s", SINGLES, 1e6, (outlet,))], (outlet,), lambda _: rngs.pop())
    gc.collect()
    for frame in range(2):
        span_ps = frame * 10**9, (frame + 1) * 10**9
        (times_ps,), (rows,), processes = streams.emit(*span_ps, first_row=0)
        assert times_ps.tolist() == sample_poisson_times(alone, 1e6, *span_ps).tolist()
        assert rows.tolist() == [-1] * times_ps.size
        assert times_ps.size > 500
        assert not processes.size


def test_rows_go_by_pairs_wherever_singles_stand() -> None:
    """Both photons of a pair have its row, from the first one on; singles have none."""
    here, there = ("C38", "alice"), ("C42", "bob")
    shape = load_topology("two_user").qnsp.source.pair_shape
    streams = Streams(
        [
            Stream("lone", SINGLES, 1e6, (here,)),
            Stream("some", PAIRS, 1e6, (here, there), 3, shape),
            Stream("more", SINGLES, 1e6, (there,)),
            Stream("others", PAIRS, 1e6, (there, here), 5, shape),
        ],
        (here, there),
        RngTree(1).stream,
    )
    _, rows, processes = streams.emit(0, 10**9, first_row=100)
    pairs = np.arange(100, 100 + processes.size)
    assert processes.size > 1000
    for of_outlet in rows:
        assert np.sort(of_outlet[of_outlet >= 0]).tolist() == pairs.tolist()
        assert np.count_nonzero(of_outlet < 0) > 500
    assert np.flatnonzero(np.diff(processes)).size == 1
    assert set(processes.tolist()) == {3, 5}


@pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps])
def test_streams_are_not_copied(copied: Callable[[object], object]) -> None:
    """A copy would hold the addresses of generators that are not its own."""
    outlet = ("C38", "alice")
    streams = Streams([Stream("s", SINGLES, 1e6, (outlet,))], (outlet,), RngTree(1).stream)
    with pytest.raises(TypeError, match="copied"):
        copied(streams)
