"""Bell tests: S of the lanes of a run, beside their key, and of a source that hides two bits."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import netsim
from netsim.kernel.trace import MemorySink
from netsim.results.chsh import chsh_of
from netsim.results.directory import load_run
from netsim.results.run import Run
from netsim.verify import verify_run
from protocols.chsh import Chsh
from tests.support.bounds import assert_same_mean

BEST_S = 2 * math.sqrt(2)


def bell_of(run: Run, lane: int = 0) -> Chsh:
    """The test of a lane."""
    found = run.lanes[lane].chsh
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "bench", "light_s", "least_sigma"),
    [
        ("two_user", "bench", 4.0, 10),
        pytest.param("wengerowsky2018", "pam", 2.0, 10, marks=pytest.mark.slow),
        # Dim lanes among seven.
        pytest.param("fan2025_four_user", "bench", 20.0, 5, marks=pytest.mark.slow),
    ],
)
def test_s_beside_the_key(
    name: str, bench: str, light_s: float, least_sigma: int, tmp_path: Path
) -> None:
    """S = 2 sqrt(2) V within 4 sigma on every lane, V of the key; key only of frames without."""
    share = 0.3
    bell = (f"receivers.{bench}.bell={{share={share}}}", "protocol.round_s=2")
    run = netsim.simulate(
        netsim.load_topology(name, overrides=bell), duration_s=light_s, seed=1, out=tmp_path / "run"
    )
    plain = netsim.simulate(name, duration_s=light_s, seed=1)
    for number, (lane, without) in enumerate(zip(run.lanes, plain.lanes, strict=True)):
        chsh = bell_of(run, number)
        assert lane.visibility is not None
        sigma_v = 2 * math.sqrt(0.25 * (1 - lane.visibility**2) / lane.sifted_bits)
        sigma = math.hypot(chsh.sigma, BEST_S * sigma_v)
        assert abs(chsh.s - BEST_S * lane.visibility) < 4 * sigma
        assert chsh.s > 2 + least_sigma * chsh.sigma
        assert without.chsh is None
        # The twin is told which share was drawn; frames are few, so the file's is not it.
        assert abs(lane.sifted_bits - light_s * lane.twin.sifted_hz) < 5 * math.sqrt(
            lane.sifted_bits
        )
        drawn = lane.twin.sifted_hz / without.twin.sifted_hz
        assert drawn == pytest.approx((1 - share) ** 2, abs=5 * math.sqrt(0.25 / (20 * light_s)))
        assert_same_mean(lane.sifted_bits, without.sifted_bits, drawn)
    link = run.links[0]
    assert link.counts.deposited_bits > 500
    assert link.counts.sifted_bits == pytest.approx(run.lanes[0].sifted_bits, rel=0.03)
    assert load_run(tmp_path / "run").lanes == run.lanes
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["lanes"][0]["chsh"]["s"] == bell_of(run).s
    assert verify_run(tmp_path / "run") == ()


def test_receivers_at_the_best_angles_test_without_turning() -> None:
    """Bob at pi/4 and 3 pi/4: S of every coincidence, an error rate of 15 %, and no key."""
    angles = ("receivers.bench.z.phase_rad=0.7853981633974483",)
    turned = netsim.load_topology("two_user", overrides=angles)
    bob = turned.receivers["bench"]
    plain = netsim.load_topology("two_user")
    x = bob.x.model_copy(update={"phase_rad": 3 * math.pi / 4})
    topology = plain.model_copy(
        update={
            "receivers": {**plain.receivers, "turned": bob.model_copy(update={"x": x})},
            "users": (plain.users[0], plain.users[1].model_copy(update={"receiver": "turned"})),
        }
    )
    run = netsim.simulate(topology, duration_s=4.0, seed=1)
    (lane,) = run.lanes
    assert lane.qber is not None
    assert abs(bell_of(run).s - BEST_S * 0.97) < 4 * bell_of(run).sigma
    assert lane.qber == pytest.approx((1 - 0.97 * math.sqrt(0.5)) / 2, abs=0.02)


@pytest.mark.slow
def test_two_hidden_bits_pass_as_key_and_fail_the_test() -> None:
    """A source that tells each photon its bits: Z and X as ever, S at 2, not above."""
    bell = ("receivers.bench.bell={share=0.5}", "protocol.round_s=2")
    hidden = netsim.load_topology("two_user", overrides=[*bell, "qnsp.source.hidden_bits=true"])
    sink = MemorySink()
    run = netsim.simulate(hidden, duration_s=10.0, seed=1, sink=sink)
    honest_sink = MemorySink()
    plain = netsim.simulate(
        netsim.load_topology("two_user", overrides=bell), duration_s=10.0, seed=1, sink=honest_sink
    )
    (lane,), (honest,) = run.lanes, plain.lanes
    assert_same_mean(lane.errors, honest.errors, lane.sifted_bits / honest.sifted_bits)
    assert abs(bell_of(run).s - 2 * 0.97) < 4 * bell_of(run).sigma + 0.01
    assert bell_of(run).s < 2 + 4 * bell_of(run).sigma
    assert bell_of(plain).s > 2 + 10 * bell_of(plain).sigma
    assert run.links[0].counts.deposited_bits > 1_000
    told = [[line["event"] for line in each.events] for each in (sink, honest_sink)]
    assert told[0].count("bell_fallen") == told[1].count("bell_tested") == 1


def test_counts_of_tests_add_up() -> None:
    """Correlations and errors of counts made by hand; the usual angles of BBM92 test nothing."""
    matches = np.zeros((4, 4), dtype=np.int64)
    for i, j, equal, other in ((0, 0, 85, 15), (0, 1, 15, 85), (1, 0, 15, 85), (1, 1, 15, 85)):
        matches[2 * i, 2 * j], matches[2 * i + 1, 2 * j + 1] = equal, 0
        matches[2 * i, 2 * j + 1], matches[2 * i + 1, 2 * j] = 0, other
    angles = (math.pi / 4, 3 * math.pi / 4)
    found = chsh_of(matches, ((0.0, math.pi / 2), angles))
    assert found is not None
    assert found.signs == (1, -1, -1, -1)
    assert found.s == pytest.approx(4 * 0.7)
    assert found.sigma == pytest.approx(math.sqrt(4 * (1 - 0.49 + 0.01) / 100))
    assert (found + found).s == found.s
    assert (found + found).sigma == pytest.approx(found.sigma / math.sqrt(2), rel=0.02)
    assert chsh_of(matches, ((0.0, math.pi / 2), (0.0, math.pi / 2))) is None
