"""Allan variances of everything that drifts, from the streams of a run, against theory: 4 sigma.

What drifts as a function of time are phases of interferometers and analysers, polarisations that a
fibre turns, and clocks. Detunings and frequencies of lasers are averages, they have no stream.
"""

import math

import numpy as np
import pytest

import netsim
from netsim.board.bench import pair_link
from netsim.devices.analysers import Analysers
from netsim.devices.history import NetworkHistory
from netsim.kernel.rng import RngTree
from netsim.physics.clock import GRID_PS, Clock
from netsim.physics.encodings.stepped import STEP_PS
from netsim.topology.changes import Realign
from netsim.topology.events import event_times
from netsim.topology.specs import TopologySpec
from netsim.topology.timeline import Timeline
from netsim.units import PS_PER_S
from protocols.tags import DETECTOR_BITS
from tests.oracles.allan import (
    Estimate,
    by_spectrum,
    held,
    measured,
    of_ornstein_uhlenbeck,
    of_walk,
    of_walk_set_back,
    walk,
    white,
)
from tests.support.slow import slow_but

STEP_S = 0.01
SIGMAS = 4.0
SECONDS = slow_but((400,), (400, 6000))
LAGS = (1, 3, 10, 40, 150, 700)
"""Steps: 10 ms to 7 s."""


def assert_is(found: float, expected: Estimate) -> None:
    """Within `SIGMAS`, on either side."""
    assert abs(found - expected.value) < SIGMAS * expected.sigma, (found, expected)


def readings(topology: TopologySpec, user: str, seconds: int, *, seed: int) -> list[np.ndarray]:
    """Phases of the Z and the X analyser of a user at every step of a run, each (N,) radians."""
    stop_ps = seconds * PS_PER_S
    history = NetworkHistory(Timeline(topology, stop_ps=stop_ps), stop_ps=stop_ps)
    for time_ps, event in event_times(topology.events, stop_ps=stop_ps):
        history.change(event, time_ps)
    analysers = Analysers(topology, history, RngTree(seed), longest_ps=stop_ps)
    return [
        sum((phase.between(0, stop_ps) for phase in phases), start=np.zeros(1))
        for phases in analysers.wandering(user)
    ]


# The oracle ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", LAGS)
def test_spectra_give_the_closed_forms(lag: int) -> None:
    """Two formulas each: a walk, and a walk that an integral lock pulls back."""
    free = by_spectrum(walk(0.3 * math.sqrt(STEP_S)), lag, 20_000, STEP_S)
    assert free.value == pytest.approx(of_walk(0.3, lag * STEP_S), rel=1e-6)
    kick, reading, gain = 0.03, 0.05, 0.05
    variance = (kick**2 + gain**2 * reading**2) / (1 - (1 - gain) ** 2)
    closed = of_ornstein_uhlenbeck(variance, 1 - gain, lag, STEP_S)
    spectral = by_spectrum(held(kick, reading, (0.0, gain, 0.0)), lag, 20_000, STEP_S)
    assert spectral.value == pytest.approx(closed, rel=1e-6)


# Phases of interferometers ---------------------------------------------------------------------

WALKS = {"z": 0.2, "x": 0.5}


def drifting(lock: str, *overrides: str) -> TopologySpec:
    """Two users, whose two phases wander unlike, under the same lock."""
    return netsim.load_topology(
        "two_user",
        overrides=[
            *(
                f"receivers.bench.{basis}.drift={{walk_rad_per_sqrt_s={sigma}, {lock}}}"
                for basis, sigma in WALKS.items()
            ),
            *overrides,
        ],
    )


@pytest.mark.parametrize("seconds", SECONDS)
def test_phases_without_lock(seconds: int) -> None:
    """White noise of the frequency: walk^2 / tau."""
    topology = drifting("reading_rad=0.1", "users.*.is_locked=false")
    found = readings(topology, "bob", seconds, seed=1)
    for phase_rad, sigma in zip(found, WALKS.values(), strict=True):
        for lag in LAGS:
            scatter = by_spectrum(walk(sigma * math.sqrt(STEP_S)), lag, phase_rad.size, STEP_S)
            expected = Estimate(of_walk(sigma, lag * STEP_S), scatter.sigma)
            assert_is(measured(phase_rad, lag, STEP_S), expected)


@pytest.mark.parametrize("seconds", SECONDS)
def test_phases_under_an_integral_lock(seconds: int) -> None:
    """Ornstein and Uhlenbeck's process; the error of the readings walks in."""
    topology = drifting("reading_rad=0.1, integral_per_s=4.0")
    found = readings(topology, "alice", seconds, seed=2)
    gain = 4.0 * STEP_S
    for phase_rad, sigma in zip(found, WALKS.values(), strict=True):
        kick = sigma * math.sqrt(STEP_S)
        variance = (kick**2 + (gain * 0.1) ** 2) / (1 - (1 - gain) ** 2)
        loop = held(kick, 0.1, (0.0, gain, 0.0))
        steady_rad = phase_rad[1000:]
        for lag in LAGS:
            expected = of_ornstein_uhlenbeck(variance, 1 - gain, lag, STEP_S)
            scatter = by_spectrum(loop, lag, steady_rad.size, STEP_S)
            assert_is(measured(steady_rad, lag, STEP_S), Estimate(expected, scatter.sigma))


@pytest.mark.parametrize("seconds", SECONDS)
def test_phases_under_a_whole_lock(seconds: int) -> None:
    """Proportional, integral and derivative, by the spectrum of the loop."""
    lock = "reading_rad=0.05, proportional=0.3, integral_per_s=8.0, derivative_s=0.001"
    found = readings(drifting(lock), "alice", seconds, seed=3)
    gains = 0.3, 8.0 * STEP_S, 0.001 / STEP_S
    for phase_rad, sigma in zip(found, WALKS.values(), strict=True):
        loop = held(sigma * math.sqrt(STEP_S), 0.05, gains)
        for lag in LAGS:
            expected = by_spectrum(loop, lag, phase_rad.size - 1000, STEP_S)
            assert_is(measured(phase_rad[1000:], lag, STEP_S), expected)


def test_a_lock_that_is_off_for_a_while() -> None:
    """Held, free and held again, on whatever fringe: each part as theory has it."""
    events = (
        'events=[{time_s=200.0, kind="unlock", user="bob"}, {time_s=500, kind="lock", user="bob"}]'
    )
    topology = drifting("reading_rad=0.1, integral_per_s=4.0", events)
    phase_rad = readings(topology, "bob", 700, seed=4)[1]
    kick, gain = WALKS["x"] * math.sqrt(STEP_S), 4.0 * STEP_S
    locked, free = held(kick, 0.1, (0.0, gain, 0.0)), walk(kick)
    for first_s, last_s, spectrum in ((10, 200, locked), (200, 500, free), (510, 700, locked)):
        part_rad = phase_rad[100 * first_s : 100 * last_s]
        for lag in LAGS:
            expected = by_spectrum(spectrum, lag, part_rad.size, STEP_S)
            assert_is(measured(part_rad, lag, STEP_S), expected)
    # It is held on another fringe than before, within what the lock leaves of it.
    turns = np.mean(phase_rad[-10_000:]) / (2.0 * math.pi)
    assert round(turns) != 0
    assert abs(turns - round(turns)) < 0.02


# Polarisations ---------------------------------------------------------------------------------

TURN = 0.3


def turning(*events: Realign) -> TopologySpec:
    """A link of which Bob's fibre turns polarisations."""
    topology = pair_link("turning", pairs_hz=1e3, visibility=0.9)
    alice, bob = topology.users
    fibre = bob.fibre.model_copy(update={"rotation_walk_rad_per_sqrt_s": TURN})
    users = (alice, bob.model_copy(update={"fibre": fibre}))
    return topology.model_copy(update={"users": users, "events": events})


@pytest.mark.parametrize("seconds", SECONDS)
def test_polarisations_that_nobody_aligns(seconds: int) -> None:
    """A walk, the same in both analysers."""
    z_rad, x_rad = readings(turning(), "bob", seconds, seed=5)
    assert np.array_equal(z_rad, x_rad)
    for lag in LAGS:
        scatter = by_spectrum(walk(TURN * math.sqrt(STEP_S)), lag, z_rad.size, STEP_S)
        expected = Estimate(of_walk(TURN, lag * STEP_S), scatter.sigma)
        assert_is(measured(z_rad, lag, STEP_S), expected)


@pytest.mark.parametrize("seconds", SECONDS)
def test_polarisations_that_are_aligned_by_schedule(seconds: int) -> None:
    """Set back every second: 3 walk^2 T / (2 tau^2) at whole periods T, less before."""
    event = Realign(time_s=1.0, kind="realign", user="bob", every_s=1.0)
    z_rad, _ = readings(turning(event), "bob", seconds, seed=6)
    for lag in (1, 10, 40, 100, 130, 300):
        expected = of_walk_set_back(TURN * math.sqrt(STEP_S), 100, lag, seconds - 7, STEP_S)
        if lag % 100 == 0:
            by_hand = 3.0 * TURN**2 * 1.01 / (2.0 * (lag * STEP_S) ** 2)
            assert expected.value == pytest.approx(by_hand, rel=1e-9)
        # Whole periods, from the first alignment on.
        part_rad = z_rad[100 : 100 * (seconds - 6) + 2 * lag]
        assert_is(measured(part_rad, lag, STEP_S), expected)


# Clocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", slow_but((1000,), (1000, 20_000)))
def test_clocks(seconds: int) -> None:
    """Of tags: white noise of the frequency and whole ticks; offset and rate do not show."""
    adev, step_s, tick_ps = 7e-11, GRID_PS / PS_PER_S, 10
    clock = Clock(
        RngTree(7).stream("alice/clock"),
        offset_bound_ps=1_000_000_000,
        rate_bound_ppm=0.5,
        allan_deviation_1s=adev,
    )
    assert abs(clock.rate_ppm) > 0.01
    times_ps = np.arange(0, seconds * PS_PER_S, GRID_PS)
    tags = clock.digitise(times_ps << DETECTOR_BITS, tick_ps=tick_ps) >> DETECTOR_BITS
    readings_s = 1e-12 * (tags * tick_ps - times_ps).astype(np.float64)
    noise, ticks = walk(adev * math.sqrt(step_s)), white(1e-12 * tick_ps / math.sqrt(12.0))
    for lag in (1, 3, 10, 60, 400):
        expected = by_spectrum(
            lambda frequencies: noise(frequencies) + ticks(frequencies),
            lag,
            readings_s.size,
            step_s,
        )
        assert_is(measured(readings_s, lag, step_s), expected)


def test_steps_are_what_the_oracles_count_in() -> None:
    """Ten milliseconds."""
    assert STEP_PS == STEP_S * PS_PER_S
