"""`netsim compare`: the same light under several variants, simulated once where that is enough."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import netsim
from netsim.cli import run_command
from netsim.devices.replay import FrameRecorder
from netsim.pools.ledger import Movement
from netsim.report.compare import comparison_figure, print_architectures, save_comparison
from netsim.results.directory import load_run
from netsim.results.run import Run
from netsim.studies.compare import Variant, compare, load_lineup, parse_variant
from tests.support.slow import slow_but

SHORT = ("protocol.round_s=1.0",)
SCHEDULES = ("reconciliation=cascade-original", "reconciliation=cascade-yanetal")
COMMAND = ("compare", "two_user", "--duration", "2s", "--set", *SHORT)


def figures(run: Run) -> dict[str, Any]:
    """All of a summary but how fast it went."""
    return {name: value for name, value in run.summary().items() if name != "performance"}


@pytest.mark.parametrize("crash", slow_but((True,), (False, True)))
def test_a_replay_is_the_simulation(crash: bool) -> None:
    """Recorded and replayed frames give the same figures and the same books, row by row."""
    overrides = [*SHORT]
    if crash:
        overrides.append('crashes=[{user="bob", stop_s=0.7, start_s=0.9}]')
    topology = netsim.load_topology("two_user", overrides=overrides)
    recorder = FrameRecorder(max_bytes=1 << 28)
    recorded = netsim.simulate(topology, duration_s=2, seed=3, build=recorder)
    replay = recorder.replay()
    assert replay is not None
    rows: list[Movement] = []
    plain = netsim.simulate(topology, duration_s=2, seed=3, movements=rows)
    for _ in range(2):
        again: list[Movement] = []
        replayed = netsim.simulate(topology, duration_s=2, seed=3, build=replay, movements=again)
        assert figures(replayed) == figures(plain) == figures(recorded)
        assert again == rows != []


def test_a_recording_beyond_its_bound_is_dropped() -> None:
    """Too much light to keep: nothing is kept, and nothing is replayed."""
    recorder = FrameRecorder(max_bytes=100_000)
    netsim.simulate(netsim.load_topology("two_user"), duration_s=1, seed=3, build=recorder)
    assert recorder.replay() is None
    assert recorder.size_bytes == 0


@pytest.mark.slow
def test_variants_see_the_same_photons() -> None:
    """Protocol and classical channel change no click; another fibre does, and is named."""
    variants = [
        *map(parse_variant, SCHEDULES),
        parse_variant("reconciliation=cascade-yanetal,classical.extra_length_m=1e6"),
        parse_variant("users.bob.fibre.length_m=3000"),
    ]
    found = compare(load_lineup(["two_user"], variants, SHORT), duration_s=2, seed=2)
    assert [outcome.is_replayed for outcome in found] == [False, True, True, False]
    assert [outcome.photons_of for outcome in found] == [SCHEDULES[0]] * 3 + [variants[3].label]
    singles = [[user.singles for user in outcome.run.users] for outcome in found]
    assert singles[0] == singles[1] == singles[2] != singles[3]
    # 1000 km one way are 4.9 ms: three questions and answers at the very least behind the light.
    settled_ps = [outcome.run.links[0].settle_ps for outcome in found]
    assert settled_ps[2] > settled_ps[1] + 6 * 4_896_000_000
    original, yanetal = (outcome.run.links[0] for outcome in found[:2])
    assert original.counts.sifted_bits == yanetal.counts.sifted_bits
    assert original.counts.round_trips < yanetal.counts.round_trips


@pytest.mark.slow
def test_simulated_each_time_it_is_the_same() -> None:
    """Without memory for the light each variant is simulated, with the very same figures."""
    variants = [parse_variant(text) for text in SCHEDULES]
    lineup = load_lineup(["two_user"], variants, SHORT)
    replayed = compare(lineup, duration_s=2, seed=2)
    simulated = compare(lineup, duration_s=2, seed=2, max_recorded_bytes=0)
    assert [outcome.is_replayed for outcome in simulated] == [False, False]
    assert [figures(o.run) for o in simulated] == [figures(o.run) for o in replayed]


def test_command_prints_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json is a list with one entry a topology and variant; --out keeps each run and the list."""
    out = tmp_path / "out"
    variants = [word for text in SCHEDULES for word in ("--variant", text)]
    assert run_command([*COMMAND, *variants, "--json", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    found = json.loads(text)
    assert [entry["variant"] for entry in found] == list(SCHEDULES)
    assert {entry["topology"] for entry in found} == {"two_user"}
    assert found[0]["singles_hz"] == found[1]["singles_hz"]
    assert found[0]["links"][0]["f_measured"] != found[1]["links"][0]["f_measured"]
    assert (out / "compare.json").read_text() == text
    for number, entry in enumerate(found, start=1):
        run = load_run(out / f"{number:02d}-{entry['variant']}")
        assert run.totals.net_key_bps == entry["net_key_bps"]


@pytest.mark.parametrize("columns", ["80", "200"])
def test_command_prints_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """A row a variant, its full name, and the word on the photons, on any console."""
    monkeypatch.setenv("COLUMNS", columns)
    variants = [word for text in SCHEDULES for word in ("--variant", text)]
    assert run_command([*COMMAND, *variants]) == 0
    text = capsys.readouterr().out
    assert all(variant in text for variant in SCHEDULES)
    assert "alice & bob" in text
    assert "simulated once and replayed" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= int(columns)


def test_what_must_be_said_of_a_variant_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The note of a study variant, and why a link has no key, stand below the table."""
    texts = (
        "reconciliation=modelled",
        "security=finite,estimation=sample",
    )
    variants = [word for text in texts for word in ("--variant", text)]
    assert run_command([*COMMAND, *variants]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "reconciliation=modelled: alice & bob: error correction is modelled" in text
    assert "security=finite,estimation=sample: alice & bob: one-way count" in text
    assert "no key expected from a round of 1 s" in text
    assert "rounds without key: 2 no_key" in text


def test_no_variant_is_the_topology_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --variant the topologies are compared as they are."""
    assert run_command([*COMMAND, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["variant"], entry["overrides"]) == ("as it is", [])


def test_faults_come_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown names and values of all variants, one line each, before anything is simulated."""
    out = tmp_path / "out"
    bad = ("--variant", "reconcilation=x", "--variant", "reconciliation=magic,verification_bits=3")
    assert run_command([*COMMAND, *bad, "--out", str(out)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    words = ("did you mean reconciliation", "protocol.reconciliation", "verification_bits")
    for word in words:
        assert any(word in line for line in lines)
    assert not out.exists()
    assert run_command([*COMMAND, "--variant", "magic"]) == 2
    assert "no name=value" in capsys.readouterr().err


def test_variant_texts() -> None:
    """Names get their section, values keep commas that no name follows."""
    text = "reconciliation=cascade-option8, classical.jitter_ps=5,crashes.0=[1, 2]"
    assert parse_variant(text) == Variant(
        text,
        (
            "protocol.reconciliation=cascade-option8",
            "classical.jitter_ps=5",
            "crashes.0=[1, 2]",
        ),
    )
    rounds = 'links=[{users=["alice","bob"],round_s=5}]'
    assert parse_variant(f"{rounds},protocol=bbm92,round_s=2").overrides == (
        rounds,
        "protocol.protocol=bbm92",
        "protocol.round_s=2",
    )
    for bad in ("", "a", "=3"):
        with pytest.raises(ValueError, match="no name=value"):
            parse_variant(bad)


def test_different_photons_are_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that differ under the same light are never passed over in silence."""
    module = sys.modules["netsim.studies.compare"]
    runs = iter([1, 2])
    real = netsim.simulate

    def other_light(topology: Any, *, seed: int, **arguments: Any) -> Run:
        arguments.pop("build")
        return real(topology, seed=next(runs), **arguments)

    monkeypatch.setattr(module, "simulate", other_light)
    variants = [parse_variant(text) for text in SCHEDULES]
    with pytest.raises(RuntimeError, match="different photons"):
        compare(load_lineup(["two_user"], variants, SHORT), duration_s=1, seed=1)


@pytest.mark.slow
def test_plot_shows_every_variant_and_link(tmp_path: Path) -> None:
    """A row a variant, a panel a quantity, and each figure where the summary has it."""
    variants = [parse_variant(text) for text in SCHEDULES]
    found = compare(load_lineup(["two_user"], variants, SHORT), duration_s=2, seed=1)
    figure = comparison_figure(found)
    assert {panel.rows for panel in figure.panels} == {SCHEDULES}
    labels = [panel.x_label for panel in figure.panels]
    keys = ("net_key_bps", "f_measured")
    for label, key in zip(("net key [bit/s]", "f"), keys, strict=True):
        (series,) = figure.panels[labels.index(label)].series
        assert series.name == "alice & bob"
        assert list(series.x) == [outcome.summary()["links"][0][key] for outcome in found]
    assert [path.name for path in save_comparison(found, tmp_path)] == [
        "compare.svg",
        "compare.html",
    ]
    svg = (tmp_path / "compare.svg").read_text()
    assert all(text.split("=")[1] in svg for text in (*SCHEDULES, "x=net key [bit/s]"))


def test_several_topologies_are_named_in_the_plot() -> None:
    """Rows of two topologies begin with their names; long variants take several lines."""
    variant = parse_variant("reconciliation=cascade-original,verification_bits=32")
    found = compare(load_lineup(["two_user"], [variant], SHORT), duration_s=1, seed=1)
    other = replace(found[0], topology="another")
    (rows,) = {panel.rows for panel in comparison_figure([found[0], other]).panels}
    label = "reconciliation=cascade-original,\nverification_bits=32"
    assert rows == (f"two_user\n{label}", f"another\n{label}")


@pytest.mark.slow
def test_topologies_are_set_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several networks: what each takes and gives, as table, JSON and plot."""
    monkeypatch.setenv("COLUMNS", "120")
    names = ("two_user", "fan2025_four_user")
    command = ["compare", *names, "--duration", "1s", "--set", *SHORT, "--out", str(tmp_path)]
    assert run_command(command) == 0
    printed = capsys.readouterr().out
    assert "Architectures" in printed
    two, four = json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))
    assert (two["architecture"]["channels"], four["architecture"]["channels"]) == (2, 6)
    assert two["fairness"] == 1.0
    for entry in (two, four):
        lanes = sum(entry["skr_per_channel_bps"] for _ in range(entry["architecture"]["channels"]))
        assert lanes == pytest.approx(entry["total_skr_bps"])
        assert 0 <= entry["min_skr_bps"] <= entry["total_skr_bps"]
    assert (tmp_path / "architectures.svg").is_file()
    assert (tmp_path / "architectures.html").is_file()


@pytest.mark.slow
def test_windows_are_not_said_to_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """Lane counts are called equal only where the window is; each window has its QBER."""
    texts = ("window_ps=500", "window_ps=4000", "window_ps=500,verification_bits=32")
    variants = [word for text in texts for word in ("--variant", text)]
    assert run_command([*COMMAND, *variants[:4]]) == 0
    two = " ".join(capsys.readouterr().out.split())
    assert "simulated once and replayed, singles equal; singles alice" in two
    assert run_command([*COMMAND, *variants]) == 0
    three = " ".join(capsys.readouterr().out.split())
    assert "singles equal, lane counts equal where the window is; singles alice" in three
    narrow, wide = compare(
        load_lineup(["two_user"], [*map(parse_variant, texts[:2])], SHORT), duration_s=2, seed=1
    )
    for outcome, window_ps in ((narrow, 500), (wide, 4000)):
        qber = outcome.run.lanes[0].qber
        assert qber is not None
        assert f"{100 * qber:.2f} % in a window of {window_ps} ps" in two
        assert f"{100 * qber:.2f} % in a window of {window_ps} ps" in three


def test_narrow_architectures_are_numbered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns variants with long names are numbers in the table, named whole below it."""
    monkeypatch.setenv("COLUMNS", "80")
    found = compare(load_lineup(["two_user"], [parse_variant(SCHEDULES[0])]), duration_s=1, seed=1)
    texts = [f"{schedule},verification_bits=32" for schedule in SCHEDULES]
    outcomes = [
        replace(found[0], topology=topology, variant=parse_variant(text))
        for topology in ("two_user", "another")
        for text in texts
    ]
    print_architectures(outcomes, Console())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    for number, name in enumerate((f"{o.topology}: {o.variant.label}" for o in outcomes), 1):
        assert f"{number}: {name}" in lines
        assert sum(line.startswith(f"{number} ") for line in lines) == 1


def test_a_window_of_its_own_has_a_twin_of_its_own() -> None:
    """Replayed light is predicted with the variant's window, not with that of the recording."""
    variants = [parse_variant(f"window_ps={window_ps}") for window_ps in (2000, 1000)]
    wide, narrow = compare(load_lineup(["two_user"], variants, SHORT), duration_s=1, seed=1)
    assert narrow.is_replayed
    assert narrow.run.lanes[0].twin.sifted_hz < 0.8 * wide.run.lanes[0].twin.sifted_hz
    assert narrow.run.lanes[0].sifted_hz == pytest.approx(
        narrow.run.lanes[0].twin.sifted_hz, rel=0.2
    )


@pytest.mark.parametrize("level", ["coincidence", "rate"])
def test_other_levels_draw_for_each_variant(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is replayed, nothing is said to be the same light, and the level is told."""
    variants = [part for name in SCHEDULES for part in ("--variant", name)]
    arguments = ["compare", "two_user", "--duration", "4s", "--set", "protocol.round_s=2.0"]
    assert run_command([*arguments, *variants, "--fidelity", level, "--json"]) == 0
    outcomes = json.loads(capsys.readouterr().out)
    assert [outcome["fidelity"] for outcome in outcomes] == [level] * 2
    assert [outcome["replayed"] for outcome in outcomes] == [False] * 2
    assert [outcome["photons_of"] for outcome in outcomes] == list(SCHEDULES)
    assert all(outcome["net_key_bps"] > 0 for outcome in outcomes)


def test_compare_refuses_unknown_levels() -> None:
    """As `netsim run` does."""
    lineup = load_lineup(["two_user"], [], SHORT)
    with pytest.raises(netsim.ConfigError, match="photon, coincidence, rate"):
        compare(lineup, duration_s=1, seed=1, fidelity="guess")


def test_variants_whose_frames_would_differ_see_one_light() -> None:
    """Frames that are chosen suit all variants: rounds of 1.3 s, announcements of 0.4 s."""
    variants = ["round_s=1.3", "round_s=2", "announcement_s=0.4"]
    lineup = load_lineup(["two_user"], list(map(parse_variant, variants)), ["protocol.round_s=2"])
    found = compare(lineup, duration_s=1, seed=3)
    assert [outcome.is_replayed for outcome in found] == [False, True, True]
    assert len({outcome.run.users[0].singles_hz for outcome in found}) == 1
