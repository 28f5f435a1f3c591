"""Tables of a run: the same numbers as its files, with types, and a word where they are not."""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import netsim
from netsim.results import frames
from netsim.results.run import Run
from tests.unit.netsim.runs import made_up_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two rounds of the rate level, kept."""
    out = tmp_path_factory.mktemp("run") / "kept"
    return netsim.simulate("two_user", duration_s=60, seed=1, fidelity="rate", out=out)


def test_lanes_links_and_users_are_those_of_the_run(run: Run) -> None:
    """Any run has them, kept or not."""
    arrow = pytest.importorskip("pyarrow")
    for kept in (run, made_up_run()):
        lanes = kept.to_arrow("lanes")
        assert isinstance(lanes, arrow.Table)
        assert lanes["sifted_bits"].to_pylist() == [lane.sifted_bits for lane in kept.lanes]
        assert lanes.schema.field("twin_sifted_hz").type == arrow.float64()
        assert kept.to_arrow("links")["net_key_bps"].to_pylist() == [
            link.net_key_bps for link in kept.links
        ]
        assert kept.to_arrow("users")["user"].to_pylist() == [user.name for user in kept.users]


def test_rounds_and_pools_add_up(run: Run) -> None:
    """Rounds to the counts of the link, levels to what its announcer's pool holds at last."""
    rounds = run.to_pandas("rounds")
    counts = run.links[0].counts
    assert rounds["sifted_bits"].sum() == counts.sifted_bits
    assert len(rounds) == counts.blocks
    ledger = run.rows("ledger")
    alice = [row for row in ledger if row["end"] == "alice"]
    level = sum(
        row["bits"] * ((row["credit"] == "pool") - (row["debit"] == "pool")) for row in alice
    )
    pools = run.to_pandas("pools")
    assert set(pools["end"]) == {"alice", "bob", "both"}
    assert pools[pools["end"] == "alice"]["usable_bits"].iloc[-1] == level
    assert level == sum(row["key_bits"] for row in run.rows("rounds"))


def test_a_loaded_run_has_the_same_tables(run: Run, tmp_path: Path) -> None:
    """Read back from the files; equal runs stay equal."""
    out = tmp_path / "again"
    again = netsim.simulate("two_user", duration_s=60, seed=1, fidelity="rate", out=out)
    loaded = netsim.load_run(out)
    assert replace(again, performance=run.performance) == run
    for name in ("lanes", "links", "users", "rounds", "ledger", "pools"):
        assert loaded.rows(name) == run.rows(name)
    rounds, ledger = np.load(out / "rounds.npy"), loaded.rows("ledger")
    for end in ("alice", "bob"):
        sifted = [row["bits"] for row in ledger if (row["end"], row["debit"]) == (end, "light")]
        assert sifted == rounds["sifted_bits"].tolist()
    with (out / "ledger.csv").open() as file:
        kept = list(csv.DictReader(file))
    assert {row["debit"] for row in kept} == {"preshared", "reserve"}
    assert all(
        tuple(row.values()) in {tuple(map(str, each.values())) for each in ledger} for row in kept
    )


def test_what_there_is_not_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown tables, runs that were not kept, libraries that are not installed."""
    with pytest.raises(ValueError, match="there are lanes, links, users, rounds"):
        run.rows("lane")
    with pytest.raises(ValueError, match="out=DIR"):
        made_up_run().rows("rounds")
    for library, name in (("pyarrow", "to_arrow"), ("pandas", "to_pandas")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(ImportError, match=r"qnsp-netsim\[arrow\]"):
            getattr(run, name)("lanes")


def test_empty_tables_are_tables() -> None:
    """No rows, no columns, no failure."""
    pytest.importorskip("pyarrow")
    assert frames.arrow_table([]).num_rows == 0
    assert frames.data_frame([]).empty
    assert "<tbody></tbody>" in frames.html_table([])


def test_notebooks_show_text() -> None:
    """Lanes and links, names escaped."""
    shown = made_up_run(name="<b>Bob</b>")._repr_html_()
    assert shown.count("<table>") == 2
    assert "&lt;b&gt;Bob" in shown
    assert "<b>" not in shown
