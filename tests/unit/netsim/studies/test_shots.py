"""Shots, workers and records: seeds, keys, order, an end when asked, lines that a kill cut off."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.results.fidelity import Fidelity
from netsim.studies import workers
from netsim.studies.records import RECORDS, Records
from netsim.studies.shots import HistogramRange, ShotResult, measure
from netsim.studies.workers import Work, in_order
from tests.unit.netsim.reproduce.papers import shots

# Shots ------------------------------------------------------------------------------------------


def test_a_shot_is_seeded_by_its_name_alone() -> None:
    """Other light or another topology: the same seed; another name: another one."""
    shot, other = shots("one")
    assert shot.seed == replace(other, name=shot.name, light_s=9.0).seed
    assert shot.seed != other.seed
    assert 0 <= shot.seed < 1 << 64


def test_the_key_of_a_shot_tells_all_that_its_result_depends_on() -> None:
    """Name, light, topology, histograms, protocol and sources change it, and nothing else does."""
    shot, other = shots("one")
    changed = [
        replace(shot, name="x"),
        replace(shot, light_s=0.03),
        replace(shot, topology=other.topology),
        replace(shot, histograms=(HistogramRange(("alice", "bob"), -1000, 100, 20),)),
        replace(shot, distils_key=True),
        replace(shot, distils_key=True, fidelity=Fidelity.COINCIDENCE),
    ]
    keys = [one.key("sources") for one in changed] + [shot.key("other"), shot.key("sources")]
    assert len(set(keys)) == len(keys)
    assert shots("one")[0].key("sources") == shot.key("sources")


def test_only_parties_work_without_photons() -> None:
    """Detectors are counted photon by photon."""
    with pytest.raises(ValueError, match="the coincidence level has not"):
        replace(shots("one")[0], fidelity=Fidelity.COINCIDENCE)


def test_a_result_survives_json() -> None:
    """What is read back is what was measured, for counted and for distilled shots."""
    shot = replace(shots("one")[0], histograms=(HistogramRange(("alice", "bob"), -1000, 100, 20),))
    parties = replace(shot, distils_key=True, histograms=())
    for wanted in (shot, parties, replace(parties, fidelity=Fidelity.COINCIDENCE)):
        result = measure(wanted)
        assert ShotResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_a_range_of_a_histogram_must_be_whole_bins() -> None:
    """Edges between bins and ranges beyond the histogram are refused."""
    wanted = HistogramRange(("a", "b"), -1000, 100, 20)
    assert wanted.bins_between(-200, 200) == slice(8, 12)
    assert wanted.centres_ns[0] == pytest.approx(-0.95)
    for low_ps, high_ps in ((-150, 200), (-200, 1100), (-1100, 0), (200, -200)):
        with pytest.raises(ValueError, match="no range of bins"):
            wanted.bins_between(low_ps, high_ps)


def test_light_is_scaled_to_whole_milliseconds_and_never_to_none() -> None:
    """A shot of 20 ms becomes 2 ms, or 1 ms at least."""
    shot = shots("one")[0]
    assert [shot.scaled(s).light_s for s in (1.0, 0.1, 1e-4)] == [0.02, 0.002, 0.001]


def test_long_work_begins_first_and_figures_stay_together() -> None:
    """The group with the longest shot comes first, longest shot first."""
    one, other = shots("one")
    third, fourth = shots("two")
    groups = [[Work(one, 1.0), Work(other, 2.0)], [Work(third, 1.0), Work(fourth, 3.0)], []]
    names = [work.shot.name for work in in_order(groups)]
    assert names == ["two/0.4mW", "two/0.2mW", "one/0.4mW", "one/0.2mW"]


def test_a_shot_is_given_up_in_the_middle() -> None:
    """Asked to stop while a shot runs: it ends within a frame, and there is no result of it."""
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    works = [Work(replace(shot, light_s=5.0), 5.0) for shot in shots("one")]
    told: list[float] = []
    found = workers.run_shots(works, workers=1, on_progress=told.append, should_stop=should_stop)
    assert list(found) == []
    assert len(asked) == 4
    assert told == pytest.approx([0.5, 1.0])


# Records ----------------------------------------------------------------------------------------


def test_a_line_that_was_cut_off_is_forgotten(tmp_path: Path) -> None:
    """A kill in the middle of a line loses this line only; the next one is whole."""
    result = ShotResult(1.0, (), {"alice": [1, 2, 3, 4]})
    with Records(tmp_path, force=False) as records:
        records.add_shot("key1", "one", result)
        records.add_shot("key2", "two", result)
    path = tmp_path / RECORDS
    path.write_bytes(path.read_bytes()[:-20] + b'\n{"shot": "odd"}\n[1]\n{"task"')
    with Records(tmp_path, force=False) as records:
        assert records.shot("key1") == result
        assert records.shot("key2") is None
        records.add_shot("key3", "three", result)
    assert Records(tmp_path, force=False).shot("key3") == result


def test_other_peoples_directories_are_left_alone(tmp_path: Path) -> None:
    """A directory with other things is refused with the reason, unless forced; a file always."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="holds no study"):
        Records(tmp_path, force=False)
    Records(tmp_path, force=True)
    assert (tmp_path / "thesis.tex").exists()
    with pytest.raises(ConfigError, match="not a directory"):
        Records(tmp_path / "thesis.tex", force=True)
