"""How much light is too much, against what devices draw and what an announcement really takes."""

import math

import numpy as np
import pytest

import netsim
from netsim.cli import run_command
from netsim.devices.qnsp import emission_plan
from netsim.errors import ConfigError
from netsim.topology.network import Network, build_network
from netsim.topology.timeline import Timeline, networks_of
from netsim.twin.brightness import announced_bytes, photons_hz
from netsim.twin.light import MAX_FRAME_PHOTONS, check_light, light_warnings
from protocols.tagbook import TagBook
from protocols.tags import TagFrame

POISSON = "qnsp.source.statistics=poisson"
"""At such powers a Gaussian source is refused for another reason."""


def powered(power_mw: float, *more: str, topology: str = "two_user") -> Network:
    """A shipped network with both pumps at ``power_mw``, its processes Poissonian."""
    changes = [f"qnsp.source.pumps.{k}.power_mw={power_mw}" for k in (0, 1)]
    return build_network(netsim.load_topology(topology, overrides=[POISSON, *changes, *more]))


@pytest.mark.parametrize("topology", ["two_user", "joshi2020", "liu2022"])
def test_photons_are_those_that_the_source_draws(topology: str) -> None:
    """Two of each pair that arrives whole and of each bunch, one of each other, and the noise."""
    timeline = Timeline(netsim.load_topology(topology), stop_ps=1)
    network = timeline.network_at(0)
    plan = emission_plan(network, timeline.process_indices)
    both = (*plan.pairs, *plan.bunches)
    drawn_hz = math.fsum(plan.singles_hz.values()) + 2 * math.fsum(p.rate_hz for p in both)
    assert photons_hz(network) == pytest.approx(drawn_hz, rel=1e-9)


@pytest.mark.parametrize("rate_hz", [2e4, 2e5, pytest.param(3e6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("tick_ps", [1, 10])
def test_bytes_of_an_announcement_are_those_of_random_clicks(rate_hz: float, tick_ps: int) -> None:
    """The encoder itself, on a Poisson process; 5 sigma of the number of clicks."""
    rng = np.random.default_rng(1)
    clicks = 0.5 * rate_hz
    window = int(0.5e12) // tick_ps
    times = np.unique(rng.integers(0, window, rng.poisson(clicks)))
    book = TagBook(rng, window_ticks=1)
    book.append(TagFrame(0, window, times << 2))
    taken = len(book.announcement(0, 1).deltas)
    expected = announced_bytes(clicks, rate_hz, tick_ps=tick_ps)
    assert abs(taken - expected) < 5 * expected / math.sqrt(clicks)


@pytest.mark.parametrize("rate_hz", [1e-20, 1e-299, 5e-324])
def test_clicks_that_never_come_take_nothing(rate_hz: float) -> None:
    """Behind 3,000 dB their mean distance is no number of ticks, nor a float: a traceback."""
    assert 0 <= announced_bytes(rate_hz, rate_hz, tick_ps=10.0) < 1e-15


def test_light_that_no_machine_draws_is_refused_at_once() -> None:
    """400 mW for 0.4: a traceback after 38 s before."""
    with pytest.raises(ConfigError, match=r"photons would arrive in one frame of 0\.05 s"):
        check_light([powered(400.0)])
    with pytest.raises(ConfigError, match="lower pump power, brightness or frame_s"):
        netsim.simulate(powered(40.0).topology, duration_s=0.1, seed=1)


def test_a_frame_that_just_fits_is_allowed() -> None:
    """The limit counts photons of one frame, not the power."""
    bright = powered(40.0).topology
    frame_s = 0.9 * MAX_FRAME_PHOTONS / photons_hz(build_network(bright))
    check_light([build_network(bright.model_copy(update={"frame_s": frame_s}))])
    with pytest.raises(ConfigError):
        check_light([build_network(bright.model_copy(update={"frame_s": frame_s / 0.8}))])


def test_clicks_that_no_announcement_carries_are_a_warning() -> None:
    """16.5 MHz were called valid; every round ended as too_many_bits."""
    assert not light_warnings([powered(0.4)])
    assert not light_warnings([powered(2.0)])
    assert not light_warnings([powered(4.0)])  # in shorter ones
    (warning,) = light_warnings([powered(4.0, "protocol.announcement_s=0.5")])
    assert warning.path == "users.0"
    assert "16.5 million clicks/s" in warning.message
    assert "alice & bob ends as too_many_bits" in warning.message
    assert "stand first" in warning.message


@pytest.mark.parametrize(
    ("asked_s", "frame_s", "round_s", "light_s"),
    [
        (30.0, 0.05, 1.0, None),
        (30.0, 0.05, 20.0, 20),
        (0.5, 10.0, 20.0, 10),
        (2.0, 0.05, 20.0, None),
    ],
)
def test_an_announcement_is_whole_frames_of_one_round(
    asked_s: float, frame_s: float, round_s: float, light_s: float | None
) -> None:
    """At 1.1 MHz: 1 s was warned of, as 30 s were asked for, and frames of 10 s were not."""
    topology = powered(1.0).topology
    changed = topology.model_copy(
        update={
            "frame_s": frame_s,
            "protocol": topology.protocol.model_copy(
                update={"announcement_s": asked_s, "round_s": round_s}
            ),
        }
    )
    messages = [fault.message for fault in light_warnings([build_network(changed)])]
    assert len(messages) == (light_s is not None)
    assert all(f"an announcement of {light_s} s carries" in message for message in messages)


def test_later_states_count() -> None:
    """Power that an event raises."""
    raised = "events=[{time_s=1.0, kind='power', channel='C34', power_mw=300.0}]"
    networks = networks_of(netsim.load_topology("two_user", overrides=[POISSON, raised]))
    check_light(networks[:1])
    with pytest.raises(ConfigError):
        check_light(networks)


def test_commands_tell_both(capsys: pytest.CaptureFixture[str]) -> None:
    """`validate` warns and refuses as `run` does."""
    options = ["validate", "two_user", "--set", POISSON, "--set=announcement_s=0.5"]
    changes = [f"--set=qnsp.source.pumps.{k}.power_mw=" for k in (0, 1)]
    assert run_command([*options, *(f"{text}4" for text in changes)]) == 0
    assert "warning: users.0: 16.5 million clicks/s" in capsys.readouterr().err
    assert run_command([*options, *(f"{text}400" for text in changes)]) == 2
    assert "netsim: qnsp.source: " in capsys.readouterr().err
