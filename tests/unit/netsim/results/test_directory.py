"""The run directory: what is written is what is read; anything else is refused with its reason."""

import csv
import json
from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.results.directory import (
    RUN_FILES,
    duration_ps_of,
    load_run,
    prepare_run_directory,
    save_run,
)
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from tests.unit.netsim.runs import DURATION_PS, made_up_run


def test_round_trip(tmp_path: Path) -> None:
    """A run comes back equal, provenance and paper's figures included."""
    run = made_up_run(partial=True)
    save_run(run, tmp_path)
    assert load_run(tmp_path) == run
    assert duration_ps_of(tmp_path) == DURATION_PS


def test_same_run_same_bytes(tmp_path: Path) -> None:
    """Saved twice, every file is the same byte by byte, and no half-written file stays."""
    written_meanwhile = {"asked.json", "events.jsonl", "ledger.csv", "rounds.npy", "topology.json"}
    names = sorted(set(RUN_FILES) - written_meanwhile)
    contents = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        save_run(made_up_run(), tmp_path / place)
        contents.append([(tmp_path / place / name).read_bytes() for name in names])
        assert sorted(path.name for path in (tmp_path / place).iterdir()) == names
    assert contents[0] == contents[1]


def test_csv_tables_hold_the_summary(tmp_path: Path) -> None:
    """Each lane and each link has one row with the figures of the summary."""
    save_run(made_up_run(), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    with (tmp_path / "lanes.csv").open() as file:
        lanes = list(csv.DictReader(file))
    with (tmp_path / "links.csv").open() as file:
        links = list(csv.DictReader(file))
    assert [lane["channel_a"] for lane in lanes] == ["C50", "C54"]
    assert float(lanes[0]["qber"]) == summary["lanes"][0]["qber"]
    assert lanes[1]["qber"] == ""
    assert float(lanes[0]["paper_sifted_hz"]) == 858.0
    assert int(links[0]["wire_bytes"]) == summary["links"][0]["wire_bytes"]


@pytest.mark.parametrize("name", ["manifest.json", "summary.json", "links.csv"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """A directory without one of its files is no run, and the message says which is missing."""
    save_run(made_up_run(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match=name):
        load_run(tmp_path)


def test_a_run_that_has_not_ended_is_called_so(tmp_path: Path) -> None:
    """What a kill leaves is a run all the same, and there is a way to its end."""
    (tmp_path / "asked.json").write_text("{}")
    (tmp_path / "topology.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"has not ended.*--resume"):
        load_run(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", '{"format": 99}', "[" * 100_000])
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever stands in the manifest, the outcome is a ConfigError."""
    save_run(made_up_run(), tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ConfigError):
        load_run(tmp_path)


@pytest.mark.parametrize("text", ["{}", '{"lanes": 3}', '{"topology": "x", "links": []}'])
def test_a_damaged_summary_is_refused(tmp_path: Path, text: str) -> None:
    """JSON that is no summary is a ConfigError, not a KeyError."""
    save_run(made_up_run(), tmp_path)
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(ConfigError, match="no whole run"):
        load_run(tmp_path)


def test_no_directory(tmp_path: Path) -> None:
    """What does not exist is said to be no run directory."""
    with pytest.raises(ConfigError, match="no run directory"):
        load_run(tmp_path / "nowhere")


def test_prepare_makes_parents(tmp_path: Path) -> None:
    """A new directory is made, with its parents."""
    prepare_run_directory(tmp_path / "a" / "b", force=False)
    assert (tmp_path / "a" / "b").is_dir()


def test_prepare_refuses_what_is_not_empty(tmp_path: Path) -> None:
    """Without force nothing is touched in a directory that is not empty."""
    (tmp_path / "summary.json").write_text("old")
    with pytest.raises(ConfigError, match="--force"):
        prepare_run_directory(tmp_path, force=False)
    assert (tmp_path / "summary.json").read_text() == "old"


def test_force_removes_the_earlier_run_only(tmp_path: Path) -> None:
    """With force the files of an earlier run go, so that none is mistaken for the new one's."""
    save_run(made_up_run(), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    prepare_run_directory(tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_prepare_refuses_a_file_and_what_lies_below_one(tmp_path: Path) -> None:
    """A file is no place for a run, nor is anything under it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        prepare_run_directory(tmp_path / "file", force=True)
    with pytest.raises(ConfigError, match="cannot be written"):
        prepare_run_directory(tmp_path / "file" / "below", force=True)


@pytest.fixture
def occupied(tmp_path: Path) -> Path:
    """A directory with a run of alice and bob in it, and things of somebody else."""
    directory = tmp_path / "run"
    simulate(load_topology("two_user"), duration_s=0.2, seed=1, out=directory, save_tags=True)
    for name in ("tags/my_recording.npy", "users/carol.sqlite", "users/alice.sqlite.backup"):
        (directory / name).write_text("mine")
    return directory


def test_force_leaves_what_is_not_of_the_runs_names(occupied: Path) -> None:
    """A recording, a store and a backup of somebody else stay; tags and stores of the run go."""
    prepare_run_directory(occupied, force=True, users=["alice", "bob"])
    left = {str(path.relative_to(occupied)) for path in occupied.rglob("*") if path.is_file()}
    mine = {"tags/my_recording.npy", "users/carol.sqlite", "users/alice.sqlite.backup"}
    assert left == mine


def test_what_lies_where_a_store_will_be_is_refused(occupied: Path) -> None:
    """It is of no run that lies there: neither removed nor written into."""
    with pytest.raises(ConfigError, match=r"carol\.sqlite: is in the way"):
        prepare_run_directory(occupied, force=True, users=["alice", "carol"])
    assert (occupied / "users" / "carol.sqlite").read_text() == "mine"


@pytest.mark.parametrize("folder", ["tags", "users"])
def test_a_folder_that_is_a_link_is_not_followed(occupied: Path, folder: str) -> None:
    """Nothing is removed on the other side of it."""
    elsewhere = occupied.parent / "elsewhere"
    (occupied / folder).rename(elsewhere)
    (occupied / folder).symlink_to(elsewhere)
    before = sorted(path.name for path in elsewhere.iterdir())
    with pytest.raises(ConfigError, match="is a link, which is not followed"):
        prepare_run_directory(occupied, force=True)
    assert sorted(path.name for path in elsewhere.iterdir()) == before


def test_a_planted_partial_file_is_not_written_through(tmp_path: Path) -> None:
    """Where a file is written first, a link that waits there is replaced, not followed."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "summary.json.partial").symlink_to(tmp_path / "precious")
    save_run(made_up_run(), tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"
    assert load_run(tmp_path).seed == made_up_run().seed
