"""The rate level: the books of the photon level, drawn a round at a time."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import netsim
from netsim.cli.app import run_command
from netsim.results.fidelity import Fidelity
from netsim.results.run import Run
from netsim.topology.specs import TopologySpec
from netsim.verify import verify_run
from tests.support.levels import SIGMAS, assert_agree, runs_of

HOUR_S = 3600


def two_user(*overrides: str) -> TopologySpec:
    """The smallest network, in rounds of ten seconds unless said otherwise."""
    return netsim.load_topology("two_user", overrides=("protocol.round_s=10", *overrides))


def rate_run(topology: TopologySpec, duration_s: float, *, seed: int = 1, **more: object) -> Run:
    """A run at the rate level."""
    return netsim.simulate(topology, duration_s=duration_s, seed=seed, fidelity="rate", **more)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("two_user", ("protocol.round_s=5",)),
        (
            "two_user",
            ("protocol.round_s=10", "protocol.security=finite", "protocol.estimation=sample"),
        ),
        ("fan2025_four_user", ("protocol.round_s=5",)),
    ],
)
def test_agrees_with_photons(name: str, overrides: tuple[str, ...]) -> None:
    """Twenty seeds of each, judged by their own scatter: the levels share no draw."""
    topology = netsim.load_topology(name, overrides=overrides)
    photon, rate = (
        runs_of(topology, level, duration_s=10, seeds=20)
        for level in (Fidelity.PHOTON, Fidelity.RATE)
    )
    assert_agree(photon, rate)
    for one, other in zip(photon, rate, strict=True):
        for seen, bound in zip(one.links, other.links, strict=True):
            assert seen.counts.failure_probability <= bound.counts.failure_probability


def test_half_an_hour_has_the_books_of_photons(tmp_path: Path) -> None:
    """Files, ledger, trace and tables of the usual kind; `verify` finds them in order."""
    run = rate_run(two_user(), HOUR_S / 2, out=tmp_path)
    assert verify_run(tmp_path) == ()
    assert netsim.load_run(tmp_path) == run
    (link,) = run.links
    assert link.counts.blocks == 180
    assert run.fidelity is Fidelity.RATE
    with_key = link.counts.blocks - link.counts.blocks_failed
    assert link.counts.auth_spent_bits == 256 * (with_key + 1)  # each of these, and the closing
    assert link.counts.deposited_bits > 0.6 * link.counts.sifted_bits
    assert json.loads((tmp_path / "summary.json").read_text())["fidelity"] == "rate"


@pytest.mark.slow
def test_scatter_is_that_of_counting() -> None:
    """Sifted bits are Poisson: variance over mean of 200 rounds is 1 within four sigma.

    Means of bits and of errors are those of the rates.
    """
    topology = two_user()
    run = [rate_run(topology, 10, seed=seed).lanes[0] for seed in range(200)]
    sifted = np.array([lane.sifted_bits for lane in run], dtype=float)
    assert sifted.var(ddof=1) / sifted.mean() == pytest.approx(1.0, abs=SIGMAS * math.sqrt(2 / 200))
    expected = 10 * run[0].twin.sifted_hz
    assert sifted.mean() == pytest.approx(expected, abs=SIGMAS * math.sqrt(expected / 200))
    errors, expected = sum(lane.errors for lane in run), 200 * expected * run[0].twin.qber
    assert errors == pytest.approx(expected, abs=SIGMAS * math.sqrt(expected))


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """Events, ledger and results; another seed draws others."""
    texts = []
    for place, seed in (("a", 5), ("b", 5), ("c", 6)):
        out = tmp_path / place
        rate_run(two_user(), 100, seed=seed, out=out)
        texts.append([(out / name).read_bytes() for name in ("events.jsonl", "ledger.csv")])
    assert texts[0] == texts[1] != texts[2]


def test_a_cut_fibre_gives_nothing_while_it_is_cut() -> None:
    """Cut from 100 s to 200 s of 300 s: ten rounds fewer, no pads spent, two thirds of the bits.

    Pads are spent by rounds with key, and by the closing.
    """
    cut = {"time_s": 100.0, "kind": "cut", "user": "bob"}
    repair = {"time_s": 200.0, "kind": "repair", "user": "bob"}
    plain = two_user()
    events = TopologySpec.model_validate(plain.model_dump(mode="json") | {"events": [cut, repair]})
    run, whole = rate_run(events, 300), rate_run(plain, 300)
    counts = run.links[0].counts
    assert counts.blocks == 20
    assert counts.auth_spent_bits == 256 * (20 - counts.blocks_failed + 1)
    share = run.lanes[0].sifted_bits / whole.lanes[0].sifted_bits
    assert share == pytest.approx(2 / 3, abs=0.01)


def test_a_link_without_key_spends_no_pads(tmp_path: Path) -> None:
    """A threshold that nothing meets: a hundred rounds, and the closing alone is signed."""
    run = rate_run(two_user("protocol.abort_qber=0.001"), 1000, out=tmp_path)
    (link,) = run.links
    assert (link.counts.deposited_bits, link.counts.blocks) == (0, 100)
    assert link.counts.auth_spent_bits == 256
    assert "rounds_paused" not in (tmp_path / "events.jsonl").read_text()
    assert verify_run(tmp_path) == ()


def test_last_round_may_be_short() -> None:
    """25 s in rounds of ten: three blocks, all of the light."""
    run = rate_run(two_user(), 25)
    assert run.links[0].counts.blocks == 3
    assert run.links[0].counts.sifted_bits == run.lanes[0].sifted_bits


@pytest.mark.slow
def test_a_run_that_is_stopped_counts_the_light_it_names(tmp_path: Path) -> None:
    """After the fifth round of every link: rates as of a whole run, books in order."""
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 5

    topology = netsim.load_topology("fan2025_four_user", overrides=("protocol.round_s=10",))
    run = rate_run(topology, 1000, out=tmp_path, should_stop=stop)
    assert run.partial
    assert run.duration_s == 50
    assert verify_run(tmp_path) == ()
    for lane in run.lanes:
        expected = lane.twin.sifted_hz * 50
        assert abs(lane.sifted_bits - expected) <= 5 * math.sqrt(expected)


def test_what_has_no_meaning_is_refused(tmp_path: Path) -> None:
    """Each by its place, all at once."""
    spec = two_user().model_dump(mode="json")
    spec["crashes"] = [{"user": "bob", "stop_s": 1.0, "start_s": 2.0}]
    topology = TopologySpec.model_validate(spec)
    with pytest.raises(netsim.ConfigError) as caught:
        rate_run(topology, 10, out=tmp_path / "out", save_tags=True)
    assert {fault.path for fault in caught.value.faults} == {"crashes", "--save-tags"}
    assert not (tmp_path / "out").exists()


def test_unknown_level_is_refused() -> None:
    """It says which ones there are."""
    with pytest.raises(netsim.ConfigError, match="photon, coincidence, rate"):
        netsim.simulate(two_user(), duration_s=1, seed=1, fidelity="guess")


def test_command_says_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Once, beside the figures."""
    assert run_command(["run", "two_user", "--fidelity", "rate", "--duration", "10min"]) == 0
    shown = capsys.readouterr().out
    assert "rate level, seed 1" in shown
    assert " ".join(shown.split()).count(Fidelity.RATE.leaves_out) == 1
    assert "Keys compared" not in shown


def test_months_are_for_this_level_alone(tmp_path: Path) -> None:
    """Thirty days, in rounds of a day; other levels say before the start why not."""
    topology = netsim.load_topology("two_user", overrides=("protocol.round_s=86400",))
    run = rate_run(topology, 30 * 24 * HOUR_S, out=tmp_path / "rate")
    assert run.links[0].counts.blocks == 30
    assert verify_run(tmp_path / "rate") == ()
    for level in ("photon", "coincidence"):
        with pytest.raises(netsim.ConfigError, match="26 days"):
            netsim.simulate(
                topology,
                duration_s="30d",
                seed=1,
                fidelity=level,
                out=tmp_path / level,
            )
        assert not (tmp_path / level).exists()
