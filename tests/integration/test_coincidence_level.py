"""The coincidence level: the same parties and books over clicks that coincide, and no others."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netsim
from netsim.cli.app import run_command
from netsim.kernel.simulator import Simulator, Strand
from netsim.results.fidelity import Fidelity
from netsim.results.run import Run
from netsim.simulation import parties
from netsim.simulation.coincidence.depth import CoincidenceDepth
from netsim.simulation.coincidence.table import CoincidenceTable
from netsim.simulation.control import Realigner
from netsim.taps.tap import PassTap, TapPlan
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import predict
from netsim.verify import verify_run
from tests.support.levels import assert_agree, assert_counts_agree, runs_of


def two_user(*overrides: str) -> TopologySpec:
    """The smallest network, in rounds of ten seconds unless said otherwise."""
    return netsim.load_topology("two_user", overrides=("protocol.round_s=10", *overrides))


def coincidence_run(
    topology: TopologySpec, duration_s: float, *, seed: int = 1, **more: object
) -> Run:
    """A run at the coincidence level."""
    return netsim.simulate(
        topology,
        duration_s=duration_s,
        seed=seed,
        fidelity="coincidence",
        **more,  # type: ignore[arg-type]
    )


EVENTS = [
    {"time_s": 3.0, "kind": "cut", "user": "bob"},
    {"time_s": 5.5, "kind": "repair", "user": "bob"},
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "overrides", "events"),
    [
        ("two_user", ("protocol.round_s=5",), []),
        (
            "two_user",
            ("protocol.round_s=10", "protocol.security=finite", "protocol.estimation=sample"),
            [],
        ),
        ("two_user", ("protocol.round_s=5",), EVENTS),
        ("fan2025_four_user", ("protocol.round_s=5",), []),
    ],
)
def test_agrees_with_photons(name: str, overrides: tuple[str, ...], events: list[object]) -> None:
    """Twenty seeds of each, judged by their own scatter: the levels share no draw."""
    plain = netsim.load_topology(name, overrides=overrides)
    topology = plain
    if events:
        topology = TopologySpec.model_validate(plain.model_dump(mode="json") | {"events": events})
    photon, coincidence = (
        runs_of(topology, level, duration_s=10, seeds=20)
        for level in (Fidelity.PHOTON, Fidelity.COINCIDENCE)
    )
    assert_agree(photon, coincidence)


@pytest.mark.parametrize("name", ["two_user", pytest.param("liu2024", marks=pytest.mark.slow)])
def test_counts_agree_with_photons(name: str) -> None:
    """Two seeds of a second: counts of all lanes within four sigma."""
    topology = netsim.load_topology(name, overrides=("protocol.round_s=1",))
    photon, coincidence = (
        runs_of(topology, level, duration_s=1, seeds=2)
        for level in (Fidelity.PHOTON, Fidelity.COINCIDENCE)
    )
    assert_counts_agree(photon, coincidence)


@pytest.mark.parametrize("outages", [[], [{"start_s": 12.005, "stop_s": 5000.0}]])
def test_links_may_be_simulated_one_after_the_other(
    outages: list[dict[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run in the order of time but for what happens at once: here no two want one click.

    Nor does it matter when links cannot close: all go on for as long.
    """
    overrides = {"protocol.round_s": 6, "classical.outages": outages}
    topology = netsim.load_topology("fan2025_four_user", overrides=overrides)
    ways = {True: tmp_path / "apart", False: tmp_path / "in-order"}
    for are_apart, out in ways.items():
        monkeypatch.setattr(CoincidenceDepth, "ARE_LINKS_APART", are_apart)
        coincidence_run(topology, 12, seed=3, out=out)
    apart, in_order = ([_told(out, name) for name in BOOKS] for out in ways.values())
    assert apart == in_order
    assert min(len(lines) for lines in apart) > 50
    figures = [json.loads((out / "summary.json").read_text()) for out in ways.values()]
    for each in figures:
        del each["performance"]
    assert figures[0] == figures[1]


@pytest.mark.parametrize("watched", ["taps", "controller"])
def test_links_that_somebody_acts_upon_are_in_the_order_of_time(
    watched: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attacker or a controller may tie any of them together: then there are no strands."""

    def refuse(_: Simulator) -> Strand:
        raise AssertionError("a strand")

    monkeypatch.setattr(parties, "Strand", refuse)
    with pytest.raises(AssertionError, match="a strand"):
        coincidence_run(two_user(), 1)
    acting: dict[str, dict[str, Any]] = {
        "taps": {"taps": (TapPlan(PassTap),)},
        "controller": {"controller": Realigner(0.5)},
    }
    coincidence_run(two_user(), 1, **acting[watched])


def test_bounds_on_forgeries_are_those_of_the_brightest_light(tmp_path: Path) -> None:
    """A block before a loss has the bound that it has where none comes; the mean has half of it."""
    bounds = []
    for name, events in (("steady", "[]"), ("dimmed", DIMMED)):
        topology = two_user("protocol.round_s=2", f"events={events}")
        coincidence_run(topology, 10, out=tmp_path / name)
        lines = (tmp_path / name / "events.jsonl").read_text().splitlines()
        usable = (json.loads(line) for line in lines if "block_usable" in line)
        bounds.append(next(event["forgery_probability"] for event in usable))
    assert bounds[0] == bounds[1] > 0.0


DIMMED = '[{time_s=4.5, kind="attenuate", user="alice", extra_loss_db=10.0}]'
BOOKS = ("events.jsonl", "ledger.csv")


def _told(directory: Path, name: str) -> list[tuple[int, str]]:
    """Lines by time, which never goes back; those of one time in any order."""
    lines = (directory / name).read_text().splitlines()
    timed = [(int(found[0]), line) for line in lines if (found := re.search(r"\d+", line))]
    assert [time_ps for time_ps, _ in timed] == sorted(time_ps for time_ps, _ in timed)
    return sorted(timed)


def test_table_holds_what_the_twin_expects() -> None:
    """Bins of the window add up to its rates, whatever they were divided into."""
    network = build_network(netsim.load_topology("fan2025_four_user"))
    table = CoincidenceTable.of(network, 0)
    inside_hz = table.rates_hz.reshape(len(network.lanes), -1, 16)[:, 1:-1].sum(axis=(1, 2))
    expected_hz = np.array([lane.coincidences_hz for lane in predict(network).lanes])
    # Less the chance coincidences of clicks that are drawn: under a thousandth here.
    assert inside_hz == pytest.approx(expected_hz, rel=1e-3)
    assert (inside_hz < expected_hz).all()


def test_books_are_those_of_photons(tmp_path: Path) -> None:
    """Files, ledger, trace and stores; `verify` finds them in order, and both ends the same key."""
    run = coincidence_run(two_user(), 60, out=tmp_path)
    assert verify_run(tmp_path) == ()
    assert netsim.load_run(tmp_path) == run
    (link,) = run.links
    assert run.fidelity is Fidelity.COINCIDENCE
    assert (link.counts.blocks, link.pools.equal) == (6, 6)
    # Clocks, ticks and published times cost nothing that they do not bring.
    (lane,) = run.lanes
    assert link.counts.sifted_bits == pytest.approx(lane.sifted_bits, rel=0.005)


@pytest.mark.slow
def test_announcements_are_in_the_bound_on_forgeries() -> None:
    """Of all clicks, though most are not drawn: more than what drawn ones alone would come to."""
    (photon,), (coincidence,) = (
        runs_of(two_user(), level, duration_s=10, seeds=1)
        for level in (Fidelity.PHOTON, Fidelity.COINCIDENCE)
    )
    one, other = (run.links[0].counts.failure_probability for run in (photon, coincidence))
    assert one <= other <= 3 * one


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """Events, ledger and results; another seed draws others."""
    texts = []
    for place, seed in (("a", 5), ("b", 5), ("c", 6)):
        out = tmp_path / place
        coincidence_run(two_user(), 20, seed=seed, out=out)
        texts.append([(out / name).read_bytes() for name in ("events.jsonl", "ledger.csv")])
    assert texts[0] == texts[1] != texts[2]


def test_a_dark_lane_beside_a_lit_one_makes_no_bits() -> None:
    """Its chance coincidences are scored, and matched by nobody: there is no peak to find."""
    dark = "qnsp.source.pairs.1.factor=0"
    topology = netsim.load_topology("fan2025_four_user", overrides=("protocol.round_s=10", dark))
    run = coincidence_run(topology, 10)
    for link in run.links:
        lanes = [lane for lane in run.lanes if lane.users == link.users]
        lit = [lane for lane in lanes if lane.twin.qber < 0.4]
        assert all(lane.sifted_bits > 0 for lane in lanes)
        expected = math.fsum(lane.sifted_bits for lane in lit)
        assert link.counts.sifted_bits == pytest.approx(expected, rel=0.02)


def test_a_link_that_does_not_lock_waits_quietly() -> None:
    """Announcements of 24 s, over 1000 km: two rounds end for lack of a lock, and none begins.

    The announcer's clock is slow: an answer to the sixth announcement would come too late.
    """
    dim = "users.alice.fibre.extra_loss_db=30"
    topology = two_user("protocol.round_s=600", dim, "classical.extra_length_m=1e6")
    (link,) = coincidence_run(topology, 1800.0, seed=2).rows("links")
    assert "rounds without key: 2 no_lock" in link["notes"]
    assert (link["blocks"], link["sifted_bits"]) == (2, 0)


def test_a_crash_costs_the_light_of_its_time(tmp_path: Path) -> None:
    """Bob is away from 10 s to 20 s of 40 s: a quarter of the light makes no key."""
    spec = two_user().model_dump(mode="json")
    spec["crashes"] = [{"user": "bob", "stop_s": 10.0, "start_s": 20.0}]
    topology = TopologySpec.model_validate(spec)
    run = coincidence_run(topology, 40, out=tmp_path)
    assert verify_run(tmp_path) == ()
    share = run.links[0].counts.sifted_bits / run.lanes[0].sifted_bits
    assert 0.6 < share < 0.78


def test_what_has_no_meaning_is_refused(tmp_path: Path) -> None:
    """Each by its place, before anything is written."""
    with pytest.raises(netsim.ConfigError) as caught:
        coincidence_run(two_user(), 10, out=tmp_path / "out", save_tags=True)
    assert {fault.path for fault in caught.value.faults} == {"--save-tags"}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fidelity", list(Fidelity))
@pytest.mark.parametrize(("users", "twin_qber"), [("*", "-"), ("alice", "1.50")])
def test_a_link_without_light_has_no_error_rate(
    users: str, twin_qber: str, fidelity: Fidelity, capsys: pytest.CaptureFixture[str]
) -> None:
    """3180 dB in the fibre of one user or both, and no darks: a dash at every level.

    Alice's 1e-313 photons/s have the error rate of their pairs, as far as the twin is asked.
    """
    fibre = f"users.{users}.fibre"
    options = [f"{fibre}.length_m=1e7", f"{fibre}.attenuation_db_per_km=0.318"]
    options += ["receivers.*.detectors.*.dark_rate_hz=0", "protocol.round_s=1"]
    changes = [word for option in options for word in ("--set", option)]
    command = ["run", "two_user", "--duration", "2s", "--fidelity", fidelity.value, *changes]
    assert run_command(command) == 0
    lanes = capsys.readouterr().out.split("Links")[0].splitlines()
    (ran,), (twin,) = ([line for line in lanes if f" {who} " in line] for who in ("run", "twin"))
    assert ran.split()[-4:] == ["0.0", "-", "-", "0.0"]
    assert twin.split()[-2:] == [twin_qber, "0.0"]


def test_command_says_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Once, beside the figures."""
    arguments = ["run", "two_user", "--fidelity", "coincidence", "--duration", "30s"]
    assert run_command(arguments) == 0
    shown = capsys.readouterr().out
    assert "coincidence level, seed 1" in shown
    assert " ".join(shown.split()).count(Fidelity.COINCIDENCE.leaves_out) == 1
