"""The photon level as a whole: times, frames, determinism, bounds."""

import tracemalloc

import numpy as np
import pytest

from netsim.devices.fibre import FibreLink
from netsim.devices.world import Stage, build_world
from netsim.frames import ClickFrame, PhotonBundle
from netsim.kernel.rng import RngTree
from netsim.kernel.simulator import Simulator
from netsim.topology.network import build_network
from netsim.topology.receiver import ClockSpec, DetectorSpec, InterferometerSpec
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.units import MAX_TIME_PS
from protocols.tags import TagFrame
from tests.support.fan2025 import four_user_topology
from tests.support.photons import PhotonRun, run_photons
from tests.support.topologies import (
    IDEAL_DETECTOR,
    PERFECT_CLOCK,
    REAL_CLOCK,
    fibre_spec,
    receiver_spec,
    two_user_topology,
)

AFTERPULSING = DetectorSpec(
    efficiency=0.9,
    dark_rate_hz=1000.0,
    jitter_fwhm_ps=100.0,
    dead_time_ps=50_000,
    afterpulse_probability=0.05,
)
FAST_CLOCK = ClockSpec(
    offset_bound_ps=1_000_000_000, rate_bound_ppm=500.0, allan_deviation_1s=1e-9, rate_ppm=400.0
)


def far_and_near(clock: ClockSpec = REAL_CLOCK, *, tick_ps: int = 100) -> TopologySpec:
    """Two users, one at 30 km and one at 100 m, with imperfect hardware."""
    receiver = receiver_spec(AFTERPULSING, tick_ps=tick_ps, clock=clock)
    return two_user_topology(
        receivers=(receiver, receiver),
        fibres=(fibre_spec(30_000.0), fibre_spec(100.0)),
        noise_hz=(1e4, 1e4),
        frame_s=0.01,
    )


def test_frames_come_without_gaps_when_the_receiver_has_them() -> None:
    """Frame k comes at its end plus the fibre's delay; the last one is short and flushes."""
    topology = far_and_near()
    timeline, sim = Timeline(topology, stop_ps=34_000_000_001), Simulator()
    seen: list[tuple[str, int, int]] = []
    world = build_world(
        Stage(
            sim,
            timeline,
            RngTree(1),
            duration_ps=34_000_000_001,
            frame_ps=10_000_000_000,
            on_tags=lambda user, frame: seen.append((user, frame.index, sim.now_ps)),
            on_clicks=lambda _user, _frame: None,
        )
    )
    finished = world.start()
    sim.run(until=finished)
    stops_ps = [10_000_000_000, 20_000_000_000, 30_000_000_000, 34_000_000_001]
    for user, channel in (("alice", "C38"), ("bob", "C42")):
        delivered = timeline.network_at(0).channel(channel, user)
        assert delivered is not None
        delay_ps = round(delivered.delay_ps)
        frames = [(index, time_ps) for name, index, time_ps in seen if name == user]
        assert frames[:3] == [(k, stops_ps[k] + delay_ps) for k in range(3)]
        index, last_ps = frames[3]
        assert (index, len(frames)) == (3, 4)
        # What the last photons can do after the light has stopped: 40 + 10 + 50 ns and a tick.
        assert 0 <= last_ps - stops_ps[3] - delay_ps <= 100_000 + 200


def test_fibre_longer_than_a_frame_keeps_the_order() -> None:
    """Frames of 0.1 ms in a fibre of 1 ms: ten are on their way, and arrive in order."""
    topology = two_user_topology(
        fibres=(fibre_spec(204_218.0), fibre_spec(0.0)), frame_s=1e-4, etas=(0.9, 0.9)
    )
    run = run_photons(topology, duration_s=0.01)
    assert [frame.index for frame in run.tags["alice"]] == list(range(100))
    assert run.all_clicks("alice").size > 1000


@pytest.mark.parametrize("clock", [REAL_CLOCK, FAST_CLOCK, PERFECT_CLOCK])
@pytest.mark.parametrize("tick_ps", [1, 100, 7_001])
def test_watermarks_part_tags_and_clicks_alike(clock: ClockSpec, tick_ps: int) -> None:
    """A frame's tags lie before its watermark and not before the last; so do its true clicks."""
    run = run_photons(far_and_near(clock, tick_ps=tick_ps), duration_s=0.05)
    for user in ("alice", "bob"):
        assert_parted(run, user)
        assert run.world.singles[user] == run.all_clicks(user).size == run.all_tags(user).size


def assert_parted(run: PhotonRun, user: str) -> None:
    """Check the watermarks of one user."""
    tag_start, click_start = -(2**60), -(2**60)
    for tags, clicks in zip(run.tags[user], run.clicks[user], strict=True):
        assert tags.index == clicks.index
        assert tags.tags.size == clicks.clicks.size > 0
        assert np.all(np.diff(tags.tags) >= 0)
        assert np.all(np.diff(clicks.clicks) >= 0)
        assert tag_start <= tags.times_ticks[0]
        assert tags.times_ticks[-1] < tags.stop_ticks
        assert click_start <= clicks.times_ps[0]
        assert clicks.times_ps[-1] < clicks.stop_ps
        tag_start, click_start = tags.stop_ticks, clicks.stop_ps


def count_photons(monkeypatch: pytest.MonkeyPatch, channels: tuple[str, ...]) -> list[int]:
    """List that will hold the number of photons in each fibre frame of some channels."""
    photons: list[int] = []
    send = FibreLink.send

    def counted(link: FibreLink, light: PhotonBundle) -> None:
        photons.extend(each.times_ps.size for each in light.frames if each.channel in channels)
        send(link, light)

    monkeypatch.setattr(FibreLink, "send", counted)
    return photons


@pytest.mark.parametrize("tick_ps", [1, 1_000_000])
def test_light_that_comes_frames_late_is_carried(
    tick_ps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With channels one and a half frames apart no photon is lost or doubled; frames still part."""
    receiver = receiver_spec(tick_ps=tick_ps, clock=FAST_CLOCK)
    topology = two_user_topology(
        rate_hz=2e6, receivers=(receiver, receiver), users=("alice", "alice"), frame_s=1e-4
    )
    near, far = topology.qnsp.channels
    channels = (near, far.model_copy(update={"patch_delay_ps": 150_000_000}))
    qnsp = topology.qnsp.model_copy(update={"channels": channels})
    photons = count_photons(monkeypatch, ("C38", "C42"))
    run = run_photons(topology.model_copy(update={"qnsp": qnsp}), duration_s=0.01)
    assert run.world.singles["alice"] == sum(photons) > 19_000
    assert_parted(run, "alice")


def test_margin_may_be_longer_than_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jitter beyond the frame length delays the tags, but loses none and keeps their order."""
    # 1 us of full width: 3.4 us of margin for 8 sigma.
    shaky = IDEAL_DETECTOR.model_copy(update={"jitter_fwhm_ps": 1e6})
    receiver = receiver_spec(shaky, clock=FAST_CLOCK, tick_ps=10_000)
    topology = two_user_topology(rate_hz=2e6, receivers=(receiver, receiver))
    # Shorter than a file may have it.
    topology = topology.model_copy(update={"frame_s": 2e-6})
    photons = count_photons(monkeypatch, ("C38",))
    run = run_photons(topology, duration_s=0.002)
    assert run.world.singles["alice"] == sum(photons) > 1_800
    stops_ps = [frame.stop_ps for frame in run.clicks["alice"]]
    assert stops_ps == sorted(stops_ps)
    assert np.all(np.diff(run.all_clicks("alice")) >= 0)


def test_tags_are_clicks_in_local_time() -> None:
    """A tag is the click's time as the user's clock shows it, cut to ticks, and no more."""
    run = run_photons(far_and_near(tick_ps=100), duration_s=0.02)
    clock = run.world.clocks["alice"]
    clicks = run.all_clicks("alice")[:500].tolist()
    tags = run.all_tags("alice")[:500].tolist()
    assert tags == [((clock.local_ps(click >> 2) // 100) << 2) | (click & 3) for click in clicks]
    assert abs(clock.offset_ps) > 1000


def test_tags_are_as_late_as_their_detectors() -> None:
    """Each as its own is, earlier ones too; in order, and none lost at the edge of a frame."""
    delays_ps = np.array([0, 900_000, -800_000, 0])
    hardware = [
        IDEAL_DETECTOR.model_copy(update={"delay_ps": int(delay_ps), "dark_rate_hz": 1e6})
        for delay_ps in delays_ps
    ]
    ends = (receiver_spec(*hardware), receiver_spec())
    run = run_photons(two_user_topology(receivers=ends, frame_s=1e-3), duration_s=0.01)
    assert all(tags.times_ticks[-1] < tags.stop_ticks for tags in run.tags["alice"])
    clicks = run.all_clicks("alice")
    late = np.sort(clicks + (delays_ps[clicks & 3] << 2))
    stop_ticks = run.tags["alice"][-1].stop_ticks
    assert run.all_tags("alice").tolist() == late[late >> 2 < stop_ticks].tolist()
    assert late.size > 30_000


def test_one_seed_gives_one_run() -> None:
    """The same seed gives the same tags, another seed gives others."""
    runs = [run_photons(far_and_near(), duration_s=0.03, seed=seed) for seed in (4, 4, 5)]
    tags = [run.all_tags("bob") for run in runs]
    assert np.array_equal(tags[0], tags[1])
    assert not np.array_equal(tags[0], tags[2])


def test_hardware_of_one_user_changes_nothing_for_the_other_singles() -> None:
    """Bob's clock and darks do not touch a single tag of Alice, who measures after him."""
    topology = far_and_near()
    worse = receiver_spec(
        AFTERPULSING.model_copy(update={"dark_rate_hz": 50_000.0}), tick_ps=7, clock=FAST_CLOCK
    )
    changed = topology.model_copy(
        update={"receivers": {"one": topology.receivers["one"], "other": worse}}
    )
    one, other = (run_photons(spec, duration_s=0.02) for spec in (topology, changed))
    assert np.array_equal(one.all_tags("alice"), other.all_tags("alice"))
    assert not np.array_equal(one.all_tags("bob"), other.all_tags("bob"))


def test_run_lasts_a_positive_time_that_fits() -> None:
    """No light, or more than packed times can hold, is refused."""
    timeline = Timeline(two_user_topology(), stop_ps=1)
    for duration_ps in (0, -1, MAX_TIME_PS + 1):
        with pytest.raises(ValueError, match="the light lasts"):
            build_world(
                Stage(
                    Simulator(),
                    timeline,
                    RngTree(1),
                    duration_ps=duration_ps,
                    frame_ps=50_000_000_000,
                    on_tags=lambda _user, _frame: None,
                    on_clicks=lambda _user, _frame: None,
                )
            )


def test_user_without_light_still_has_dark_counts() -> None:
    """Silence carries time: a user with no channel gets empty frames but for dark counts."""
    topology = two_user_topology(
        users=("alice", "alice"), receivers=(receiver_spec(AFTERPULSING),) * 2
    )
    lonely = topology.users[0].model_copy(update={"name": "bob", "receiver": "other"})
    run = run_photons(
        topology.model_copy(update={"users": (*topology.users, lonely)}), duration_s=0.5
    )
    assert [frame.index for frame in run.tags["bob"]] == list(range(10))
    assert 1600 < run.world.singles["bob"] < 2700


def test_pair_may_go_to_one_user() -> None:
    """Both photons of a pair at one receiver still agree in Z and disagree in X."""
    # One interferometer for both: a long delay keeps the peaks apart.
    z, x = (InterferometerSpec(phase_rad=phase, delay_ps=20_000.0) for phase in (0.0, np.pi / 2))
    receiver = receiver_spec(z=z, x=x)
    run = run_photons(
        two_user_topology(users=("alice", "alice"), receivers=(receiver,) * 2), duration_s=1.0
    )
    clicks = run.all_clicks("alice")
    near = np.flatnonzero(np.diff(clicks >> 2) < 5000)
    left, right = clicks[near], clicks[near + 1]
    for basis, ports_agree in ((0, True), (1, False)):
        both = ((left >> 1) & 1 == basis) & ((right >> 1) & 1 == basis)
        agree = (left[both] ^ right[both]) & 1 == 0
        assert both.sum() > 3000
        # Accidentals: 200 kHz in 5 ns, 1e-3 of the clicks against 1/8 that are such pairs.
        assert np.mean(agree == ports_agree) > 0.985


@pytest.mark.slow
def test_memory_does_not_grow_with_duration() -> None:
    """Ten times the light needs no more memory, but for the clocks' 160 bytes per second."""

    def forget(_user: str, _frame: TagFrame | ClickFrame) -> None:
        """Keep nothing."""

    def peak_bytes(duration_s: float) -> int:
        tracemalloc.start()
        run_photons(topology, duration_s=duration_s, on_tags=forget, on_clicks=forget)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    topology = four_user_topology(frame_s=0.01)
    run_photons(topology, duration_s=0.02, on_tags=forget, on_clicks=forget)
    short = peak_bytes(0.2)
    assert peak_bytes(2.0) < 1.5 * short
    assert short < 4_000_000


def test_topologies_of_tests_are_what_they_say() -> None:
    """The network of the tests has the transmittances and rates that it names."""
    network = build_network(four_user_topology())
    rates = {process.channels: process.rate_hz for process in network.processes}
    assert rates["C38", "C42"] == pytest.approx(1_639_850.0)
    assert len(rates) == 11
    channel = network.channel("C54", "charlie")
    assert channel is not None
    assert channel.transmittance == pytest.approx(0.0347114)
