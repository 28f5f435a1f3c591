"""`netsim.simulate` as people call it: names, paths, times with units, directories as texts."""

from pathlib import Path

import pytest

import netsim
from netsim.topology.shipped import shipped_bytes

SHORT = "0.05"


def test_names_paths_and_times_with_units(tmp_path: Path) -> None:
    """All the same run, and it is kept where the text says."""
    path = tmp_path / "mine.toml"
    path.write_bytes(shipped_bytes("two_user"))
    out = str(tmp_path / "out")
    reference = netsim.simulate(netsim.load_topology("two_user"), duration_s=0.05, seed=1)
    for topology, duration_s in (("two_user", "50ms"), (path, SHORT), (str(path), "0.05 s")):
        run = netsim.simulate(topology, duration_s=duration_s, seed=1)
        assert run.duration_s == 0.05
        assert run.users == reference.users
    kept = netsim.simulate("two_user", duration_s=SHORT, seed=1, out=out, save_tags=True)
    assert netsim.load_run(out) == kept
    assert (tmp_path / "out" / "tags" / "alice.npy").is_file()


@pytest.mark.parametrize("duration_s", [0, -1.0, float("nan"), float("inf"), 3e6, "soon", "0", ""])
def test_what_is_no_time(duration_s: float | str) -> None:
    """Told before anything is simulated."""
    with pytest.raises((ValueError, netsim.ConfigError), match=r"duration|not above"):
        netsim.simulate("two_user", duration_s=duration_s, seed=1)


def test_what_is_no_topology() -> None:
    """A name that is none is told as everywhere; another type says what is wanted."""
    with pytest.raises(netsim.ConfigError, match="did you mean two_user"):
        netsim.simulate("two_usr", duration_s=1, seed=1)
    with pytest.raises(TypeError, match="wanted is TopologySpec, str or Path: "):
        netsim.simulate({"name": "x"}, duration_s=1, seed=1)  # type: ignore[arg-type]


def test_a_second_run_into_the_same_directory_replaces_the_first(tmp_path: Path) -> None:
    """It ended with an error of the store before."""
    (tmp_path / "notes.txt").write_text("mine")
    for seed in (1, 2):
        run = netsim.simulate("two_user", duration_s=SHORT, seed=seed, out=tmp_path)
        assert netsim.load_run(tmp_path) == run
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_tags_need_a_directory() -> None:
    """They were not saved, without a word."""
    with pytest.raises(ValueError, match="save_tags needs out"):
        netsim.simulate("two_user", duration_s=SHORT, seed=1, save_tags=True)
