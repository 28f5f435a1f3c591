"""No result depends on how light is cut: half a second at once against 50 ms, process by process.

What is drawn is another one with other frames; so counts are compared as Poisson ones are, on both
sides. Where frames are kept short, because something is done once a frame, all is the same.
"""

import numpy as np
import pytest

from netsim.simulation.photons import PhotonCounts, count_photons
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.twin.cadence import photon_cadence
from netsim.units import PS_PER_S
from tests.support.bounds import assert_same_mean

SHORT = "frame_s=0.05"
LIGHT_S = 10.0
EVENTS = """[
  {time_s = 1.234, kind = "cut", user = "bob"},
  {time_s = 2.345, kind = "repair", user = "bob"},
  {time_s = 3.456, kind = "power", channel = "C34", power_mw = 0.3},
  {time_s = 5.678, kind = "attenuate", user = "alice", extra_loss_db = 2.0},
  {time_s = 7.11, kind = "detectors-off", user = "alice"},
  {time_s = 8.27, kind = "detectors-on", user = "alice"}
]"""
EVE = "efficiency=0.5, dark_rate_hz=2000.0, dead_time_ps=40000, start_s=1.23, stop_s=8.77"
PROCESSES = {
    "as it is": (),
    "poisson": ("qnsp.source.statistics=poisson",),
    "events": (f"events={' '.join(EVENTS.split())}",),
    "intercept": (f'observers=[{{kind="intercept-resend", user="bob", share=0.5, {EVE}}}]',),
    "blinding": (f'observers=[{{kind="blinding", user="bob", {EVE}}}]',),
    "extra light": ('observers=[{kind="extra-light", user="bob", rate_hz=20000.0}]',),
    "afterpulses": ("receivers.bench.detectors.0.afterpulse_probability=0.05",),
}
STEPS = {
    "drift": ("receivers.bench.x.drift={walk_rad_per_sqrt_s=0.5}", "users.*.is_locked=false"),
    "lock": ("receivers.bench.x.drift={walk_rad_per_sqrt_s=0.5, integral_per_s=5.0}",),
    "bell": ("receivers.bench.bell.share=0.3",),
}


def topology(*overrides: str) -> TopologySpec:
    """Two users."""
    return load_topology("two_user", overrides=overrides)


@pytest.mark.parametrize("process", PROCESSES)
def test_counts_do_not_depend_on_frames(process: str) -> None:
    """Singles by detector, coincidences, sifted bits and errors of frames ten times as long."""
    one, other = (
        count_photons(topology(*PROCESSES[process], frame), duration_s=LIGHT_S, seed=seed)
        for frame, seed in (("frame_s=0.5", 31), (SHORT, 32))
    )
    for user, clicks in one.singles.items():
        for mine, its in zip(clicks, other.singles[user], strict=True):
            assert_same_mean(int(mine), int(its))
    for mine, its in zip(one.lanes, other.lanes, strict=True):
        assert_same_mean(mine.counts.coincidences, its.counts.coincidences)
        assert_same_mean(mine.counts.sifted_bits, its.counts.sifted_bits)
        assert_same_mean(mine.counts.errors, its.counts.errors)


@pytest.mark.parametrize("process", STEPS)
def test_analysers_that_move_are_looked_at_as_often_as_before(process: str) -> None:
    """Every click of both users is the same."""
    chosen, short = (
        count_photons(topology(*STEPS[process], *more), duration_s=2, seed=33)
        for more in ((), (SHORT,))
    )
    assert_same_counts(chosen, short)
    other = count_photons(topology(*STEPS[process], "frame_s=0.5"), duration_s=2, seed=33)
    assert any(
        not np.array_equal(other.singles[user], clicks) for user, clicks in chosen.singles.items()
    )


def assert_same_counts(one: PhotonCounts, other: PhotonCounts) -> None:
    """Of detectors and lanes."""
    for user, clicks in one.singles.items():
        assert np.array_equal(clicks, other.singles[user])
    assert [lane.counts for lane in one.lanes] == [lane.counts for lane in other.lanes]


@pytest.mark.parametrize("deviation", [5e-11, 1e-9, 3e-9])
def test_parties_lose_nothing_by_what_is_chosen(deviation: float) -> None:
    """Sifted bits where clocks wander: those of announcements of half a second."""
    wander = f"receivers.bench.clock.allan_deviation_1s={deviation}"
    chosen = topology(wander, "protocol.round_s=10")
    usual = topology(wander, "protocol.round_s=10", SHORT, "protocol.announcement_s=0.5")
    assert photon_cadence(chosen).announced_ps(("alice", "bob")) >= PS_PER_S // 2
    (one,), (other,) = (
        simulate(each, duration_s=20, seed=seed).links for each, seed in ((chosen, 34), (usual, 35))
    )
    assert one.counts.blocks == other.counts.blocks == 2
    assert_same_mean(one.counts.sifted_bits, other.counts.sifted_bits)
