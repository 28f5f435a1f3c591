"""Somebody catches photons on the fibre: what it does to the key, and what she knows of it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netsim
from netsim.frames import PhotonBundle
from netsim.observers.observer import Observer, ObserverContext, ObserverKind, ObserverOptions
from netsim.results.directory import load_run
from netsim.results.knowledge import Knowledge
from netsim.results.run import Run
from netsim.simulation.eavesdropper import Eavesdropper
from netsim.simulation.photons import count_photons
from netsim.simulation.request import RunRequest
from netsim.simulation.simulation import Simulation
from netsim.topology.observers import ObserverSpec
from netsim.topology.receiver import DetectorSpec, InterferometerSpec
from netsim.topology.specs import TopologySpec
from netsim.units import ps_from_s
from netsim.verify import verify_run
from protocols.bits import pack_bits
from tests.support.bounds import assert_binomial, assert_same_mean
from tests.support.observers import observed, registered
from tests.support.slow import slow_but
from tests.support.topologies import receiver_spec, two_user_topology

LIGHT_S = 4.0
DELAY_PS = 10_000
"""Of the interferometers of `two_user`."""


def watched(name: str, share: float, *overrides: str, user: str = "bob") -> TopologySpec:
    """A topology with somebody who catches a share of a user's photons."""
    eve = f'observers=[{{kind="intercept-resend", user="{user}", share={share}}}]'
    return netsim.load_topology(name, overrides=[eve, "protocol.round_s=2", *overrides])


def known(run: Run) -> Knowledge:
    """What is known of the first link."""
    knowledge = run.links[0].eve
    assert knowledge is not None
    return knowledge


@pytest.mark.parametrize("user", slow_but(("bob",), ("alice", "bob")))
def test_what_she_knows_of_a_key(user: str, tmp_path: Path) -> None:
    """A share of p / (4 - p) of the sifted bits, and of the final ones what chance gives.

    A caught pair makes a central coincidence in 6 of 16 cases, instead of in 8; in 4 of them both
    clicks are in the slot in which she has clicked, and in half of these the basis is hers.
    """
    share = 0.1
    topology = watched("two_user", share, user=user)
    run = netsim.simulate(topology, duration_s=LIGHT_S, seed=1, out=tmp_path / "run")
    knowledge = known(run)
    # Of the 2 % of accidentals hardly any are noted; beside 5 sigma they do not count.
    assert_binomial(knowledge.sifted_noted_bits, knowledge.sifted_bits, 0.985 * share / (4 - share))
    assert 0.95 * knowledge.noted_bits <= knowledge.right_bits <= knowledge.noted_bits
    assert knowledge.amplified_bits == knowledge.sifted_bits
    assert_guessed(knowledge, run)
    assert load_run(tmp_path / "run").links[0].eve == knowledge
    assert verify_run(tmp_path / "run") == ()


def assert_guessed(knowledge: Knowledge, run: Run) -> None:
    """Amplification removed more than is known, and what is left is known as well as a coin."""
    assert knowledge.is_covered
    assert knowledge.final_bits == run.links[0].counts.deposited_bits > 1000
    assert abs(knowledge.final_sigma) < 4
    assert abs(knowledge.words_sigma) < 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("security", "other", "share"),
    [
        ("finite", "estimation=sample", 0.01),
        ("finite-exact", "estimation=sample", 0.01),
        ("two-basis", "basis=biased", 0.002),
    ],
)
def test_what_she_knows_of_a_finite_key(security: str, other: str, share: float) -> None:
    """The same of keys with an epsilon, samples taken out.

    Her errors stay below what is tolerated; with all bits of either basis as a test that is little.
    """
    topology = watched(
        "two_user",
        share,
        f"protocol.security={security}",
        f"protocol.{other}",
        "protocol.round_s=30",
    )
    run = netsim.simulate(topology, duration_s=30.0, seed=1)
    knowledge = known(run)
    assert knowledge.amplified_bits == knowledge.sifted_bits - run.links[0].counts.sampled_bits
    assert_guessed(knowledge, run)


@pytest.mark.slow
def test_key_ends_where_the_formula_says() -> None:
    """Key while 1 - 2.2 h(Q) > 0, Q < 9.97 %: p/(4 - p) on top of 1.5 % is 6.7 % and 11 %."""
    runs = [
        netsim.simulate(watched("two_user", share), duration_s=2.0, seed=1) for share in (0.2, 0.36)
    ]
    assert [run.links[0].counts.deposited_bits > 0 for run in runs] == [True, False]
    without = known(runs[1])
    assert without.sifted_noted_bits > 0
    assert without.final_bits == 0


class Talkative(ObserverKind):
    """Whose notebook says something about every click."""

    def make(self, options: ObserverOptions, context: ObserverContext) -> Observer:
        """Him."""
        _ = options
        return _Guessing(context)


class _Guessing:
    def __init__(self, context: ObserverContext) -> None:
        self._context = context

    def observe(self, light: PhotonBundle) -> PhotonBundle:
        """Write that every photon, early or late, will be on port 0 in Z and on port 1 in X."""
        for frame in light.frames:
            times_ps = np.concatenate((frame.times_ps, frame.times_ps + DELAY_PS))
            ports = np.tile(np.array([0, 1], dtype=np.int8), (times_ps.size, 1))
            self._context.notebook.write(frame.channel, times_ps, ports)
        return light


def test_bits_and_hash_are_those_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the simulator takes for the key is what lies in the pools, bit for bit."""
    made: list[Any] = []
    hashed = Eavesdropper._amplified

    def spy(self: Eavesdropper, bits: Any, body: Any) -> Any:
        made.append(hashed(self, bits, body))
        return made[-1]

    monkeypatch.setattr(Eavesdropper, "_amplified", spy)
    with registered("talkative", Talkative):
        topology = netsim.load_topology(
            "two_user",
            overrides=['observers=[{kind="talkative", user="bob"}]', "protocol.round_s=2"],
        )
        request = RunRequest(topology=topology, duration_ps=ps_from_s(LIGHT_S), seed=2)
        with Simulation(request) as simulation:
            simulation.run()
            blocks = list(simulation.pools["alice-bob", "bob"].blocks())
            knowledge = known(simulation.result(wall_s=1.0))
    assert len(blocks) == 2
    for block, key in zip(blocks, made[1::2], strict=True):
        kept = key[key.size - block.size_bits :]
        assert block.key == pack_bits(kept)
    # A coin that lands on one side each time is right half the time, and every bit has a note.
    assert knowledge.noted_bits == pytest.approx(knowledge.amplified_bits, rel=0.02)
    assert_binomial(knowledge.right_bits, knowledge.noted_bits, 0.5)


def test_she_comes_and_goes() -> None:
    """While she is away light passes as it is; she is there for the second of two seconds."""
    times = {
        "whole": "",
        "late": ", start_s=1.0",
        "early": ", stop_s=1.0",
    }
    singles = {}
    for name, when in times.items():
        eve = f'observers=[{{kind="intercept-resend", user="bob", efficiency=0.5{when}}}]'
        topology = netsim.load_topology("two_user", overrides=[eve])
        counts = count_photons(topology, duration_s=2.0, seed=3)
        singles[name] = int(counts.singles["bob"].sum())
    assert_same_mean(singles["late"], singles["whole"], 1.5)
    assert_same_mean(singles["early"], singles["whole"], 1.5)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize(("name", "is_slotted"), [("two_user", True), ("wengerowsky2018", False)])
def test_a_minute_of_intercepting(name: str, is_slotted: bool, share: float) -> None:
    """Central rate x (1 - p/4), QBER p/(4 - p) of slots and p/4 of polarisation.

    Of pairs with the visibility V that is what comes to the undisturbed QBER: the coherent part of
    the sifted pairs is V times what was left alone and half of what she has measured in her slot.
    """
    plain, seen = (
        count_photons(topology, duration_s=60.0, seed=5).lanes[0].counts
        for topology in (netsim.load_topology(name), watched(name, share))
    )
    rate, left, limit = (
        (1 - share / 4, 1 - 3 * share / 4, share / (4 - share))
        if is_slotted
        else (1.0, 1 - share / 2, share / 4)
    )
    assert (1 - left / rate) / 2 == pytest.approx(limit)
    assert_same_mean(seen.sifted_bits, plain.sifted_bits, rate)
    qber = plain.errors / plain.sifted_bits
    coherent = (1 - 2 * qber) * left * plain.sifted_bits / seen.sifted_bits
    expected = (1 - coherent) / 2
    sigma = math.hypot(
        math.sqrt(expected * (1 - expected) / seen.sifted_bits),
        coherent / 2 * math.sqrt(1 / seen.sifted_bits + 1 / plain.sifted_bits),
        left / rate * math.sqrt(qber * (1 - qber) / plain.sifted_bits),
    )
    assert abs(seen.errors / seen.sifted_bits - expected) < 4 * sigma


def observed_run(observer: str, *overrides: str, seed: int = 1, light_s: float = LIGHT_S) -> Run:
    """A run of two users with somebody on Bob's fibre."""
    topology = netsim.load_topology(
        "two_user", overrides=[f"observers=[{observer}]", "protocol.round_s=2", *overrides]
    )
    return netsim.simulate(topology, duration_s=light_s, seed=seed)


@pytest.mark.slow
def test_what_is_tapped_tells_nothing() -> None:
    """Half of the photons, half of the sifted bits, no error more, and not one note."""
    plain = netsim.simulate("two_user", duration_s=LIGHT_S, seed=1).lanes[0]
    run = observed_run('{kind="splitter", user="bob", share=0.5}')
    assert_same_mean(run.lanes[0].sifted_bits, plain.sifted_bits, 0.5)
    assert_same_mean(run.lanes[0].errors, plain.errors, 0.5)
    assert known(run).sifted_noted_bits == 0
    assert_guessed(known(run), run)


@pytest.mark.slow
def test_extra_light_makes_accidentals() -> None:
    """Bob's singles rise by what comes through, sifted bits by the singles' product, half wrong."""
    rate_hz = 2e6
    plain = netsim.simulate("two_user", duration_s=LIGHT_S, seed=1)
    run = observed_run(f'{{kind="extra-light", user="bob", rate_hz={rate_hz}}}')
    alice, bob = (user.singles for user in run.users)
    through = 10 ** -(0.04 + 0.3) * 0.8  # 2 km of fibre, the receiver, the detector
    # 200 kHz a detector lose 0.6 % within its dead time.
    lit_hz = bob / LIGHT_S
    plain_hz = plain.users[1].singles / LIGHT_S
    added_hz = rate_hz * through
    assert lit_hz == pytest.approx(plain_hz + added_hz, rel=0.01)
    accidentals = alice / LIGHT_S * (lit_hz - plain_hz) * 2e-9 / 2 * LIGHT_S
    for found, before, share in (
        (run.lanes[0].sifted_bits, plain.lanes[0].sifted_bits, 1.0),
        (run.lanes[0].errors, plain.lanes[0].errors, 0.5),
    ):
        sigma = math.sqrt(found + before)
        assert abs(found - before - share * accidentals) < 5 * sigma + 0.01 * before


@pytest.mark.parametrize(("calibration_ps", "is_hers"), [(0.0, True), (None, False)])
def test_a_time_shift_picks_the_bit(calibration_ps: float | None, is_hers: bool) -> None:
    """Ports 1.2 ns apart in a window of 0.8 ns: the bit is hers, unless the delays are taken off.

    Errors and balance stay what they are, so no key length knows of it. With the delays taken off
    every shifted photon misses the window.
    """
    detectors = [
        DetectorSpec(
            efficiency=1.0,
            dark_rate_hz=0.0,
            jitter_fwhm_ps=70.0,
            dead_time_ps=25_000,
            delay_ps=delay_ps,
            calibration_ps=calibration_ps,
        )
        for delay_ps in (-600, 600, -600, 600)
    ]
    z, x = (InterferometerSpec(phase_rad=phase) for phase in (0.0, math.pi / 2))
    receivers = (
        receiver_spec(z=z, x=x, kind="polarisation"),
        receiver_spec(*detectors, z=z, x=x, kind="polarisation"),
    )
    topology = two_user_topology(
        rate_hz=20_000.0, linewidth_hz=1e11, receivers=receivers, window_ps=800
    )
    eve = ObserverSpec(kind="time-shift", user="bob", options={"shift_ps": 600})
    run = netsim.simulate(observed(topology, eve), duration_s=LIGHT_S, seed=1)
    knowledge, counts = known(run), run.links[0].counts
    assert counts.bias_bits == 0
    if is_hers:
        assert knowledge.sifted_noted_bits > 0.99 * knowledge.sifted_bits > 1_000
        assert knowledge.sifted_right_bits > 0.98 * knowledge.sifted_noted_bits
        assert knowledge.final_bits > 1_000
        assert not knowledge.is_covered
    else:
        assert knowledge.sifted_bits < 10


def test_blinded_detectors_give_her_bits() -> None:
    """All of Bob's sifted bits are hers, at the error rate that the link had."""
    plain = netsim.simulate("two_user", duration_s=LIGHT_S, seed=1).lanes[0]
    run = observed_run('{kind="blinding", user="bob", efficiency=0.4}')
    knowledge, (lane,) = known(run), run.lanes
    assert knowledge.sifted_noted_bits > 0.98 * knowledge.sifted_bits
    assert plain.qber is not None
    assert lane.qber is not None
    assert lane.qber < 1.5 * plain.qber
    assert knowledge.final_bits > 1000
    assert not knowledge.is_covered
