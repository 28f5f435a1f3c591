"""Arrival differences about the window of each lane, against the tags of the same run."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

import netsim
from netsim.cli import run_command
from netsim.report.page.run import run_page
from netsim.report.page.run_figures import histogram_figure
from netsim.results.histograms import LaneHistogram
from netsim.results.run import Run
from netsim.simulation.histograms import MOST_BINS, lane_differences
from netsim.topology.network import build_network

TRUE_CLOCKS = [
    "receivers.bench.tick_ps=1",
    "receivers.bench.clock={offset_ps=0, rate_ppm=0.0, allan_deviation_1s=0.0}",
]
"""Tags are the true times of the clicks, in picoseconds."""
ONE_COLOUR = [f"users.{user}.fibre.dispersion_ps_per_nm_km=0.0" for user in ("alice", "bob")]
"""Both channels are as late as the index of their fibres says."""
SHORT_FRAMES = "frame_s=0.01"
WINDOW_PS, SIDE_PS = 2000, 10_000
DELAY_PS = 1e12 * 1000 * 1.468 / 299_792_458
"""Of a kilometre of fibre: bob's is so much longer."""
LIGHT_S = 0.1


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """Ten frames with histograms and tags."""
    out = tmp_path_factory.mktemp("histograms") / "kept"
    overrides = [*TRUE_CLOCKS, *ONE_COLOUR, SHORT_FRAMES, f"protocol.window_ps={WINDOW_PS}"]
    run = netsim.simulate(
        "two_user",
        duration_s=LIGHT_S,
        seed=5,
        overrides=overrides,
        out=out,
        save_tags=True,
        histograms=True,
    )
    return run, out


def count(out: Path, low_ps: float, high_ps: float) -> int:
    """Pairs of tags so far apart, from the files."""
    alice, bob = (np.load(out / "tags" / f"{user}.npy") >> 2 for user in ("alice", "bob"))
    below = (np.searchsorted(bob, alice + round(edge)).sum() for edge in (high_ps, low_ps))
    most, least = map(int, below)
    return most - least


def between(histogram: LaneHistogram, low_ps: float, high_ps: float) -> int:
    """Counts of the bins that lie between."""
    bins = zip(histogram.edges_ps, histogram.counts, strict=True)
    return sum(pairs for (low, high), pairs in bins if low_ps <= low and high <= high_ps)


def test_every_bin_is_that_of_the_tags(kept: tuple[Run, Path]) -> None:
    """Frame by frame or all at once, clicks or tags: the same differences, where they belong."""
    run, out = kept
    (histogram,) = run.histograms
    assert histogram.users == ("alice", "bob")
    assert histogram.channels == run.lanes[0].channels
    assert abs(histogram.delay_ps - DELAY_PS) <= 1
    low_ps, high_ps = histogram.window_edges_ps
    assert (low_ps - histogram.delay_ps, high_ps - low_ps) == (-WINDOW_PS // 2, WINDOW_PS)
    expected = [count(out, low, high) for low, high in histogram.edges_ps]
    assert list(histogram.counts) == expected
    assert between(histogram, low_ps, high_ps) == count(out, low_ps, high_ps)


def test_three_peaks_are_in_view(kept: tuple[Run, Path]) -> None:
    """Both sides together hold as many as the middle, which holds what was scored; four sigma."""
    run, _ = kept
    (histogram,) = run.histograms
    low_ps, high_ps = histogram.window_edges_ps
    middle, late, early = (
        between(histogram, low_ps + at_ps, high_ps + at_ps) for at_ps in (0, SIDE_PS, -SIDE_PS)
    )
    assert run.lanes[0].coincidences > 100
    assert run.lanes[0].coincidences <= middle < 1.05 * run.lanes[0].coincidences
    assert abs(early + late - middle) < 4.0 * math.sqrt(early + late + middle)


def test_they_change_nothing_else(kept: tuple[Run, Path]) -> None:
    """Without them all is as with them, but for them."""
    run, _ = kept
    spec = netsim.load_topology(kept[1] / "topology.json")
    without = netsim.simulate(spec, duration_s=LIGHT_S, seed=5)
    assert without.histograms == ()
    assert (without.lanes, without.links, without.users) == (run.lanes, run.links, run.users)


def test_they_are_kept(kept: tuple[Run, Path], tmp_path: Path) -> None:
    """A row a bin, read back as they were; a row that is out of line is refused."""
    run, out = kept
    assert netsim.load_run(out) == run
    with (out / "histograms.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["pairs"]) for row in rows) == sum(run.histograms[0].counts)
    for name in ("manifest.json", "summary.json", "links.csv"):
        (tmp_path / name).write_bytes((out / name).read_bytes())
    head, first, _, *rest = (out / "histograms.csv").read_text().splitlines(keepends=True)
    (tmp_path / "histograms.csv").write_text("".join([head, first, *rest]))
    with pytest.raises(netsim.ConfigError, match="out of line"):
        netsim.load_run(tmp_path)


def test_the_page_draws_them(kept: tuple[Run, Path], tmp_path: Path) -> None:
    """A panel a lane about its window; without them it says how to get them."""
    run, out = kept
    page = run_page(out)
    assert 'id="differences"' in page
    assert "--seed 5 --histograms --out again" in page
    (panel,) = histogram_figure(run.histograms).panels
    assert panel.shaded == ((-1.0, 1.0),)
    (series,) = panel.series
    assert series.x[0] == pytest.approx(-series.x[-1])
    assert series.y == run.histograms[0].counts
    for file in out.iterdir():
        if file.is_file() and file.name != "histograms.csv":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    page = run_page(tmp_path)
    assert 'id="differences"' not in page
    assert "netsim run --histograms" in page


def test_a_run_that_goes_on_has_them_of_all_its_light(
    kept: tuple[Run, Path], tmp_path: Path
) -> None:
    """Stopped after some frames and resumed, it is as one that was never stopped."""
    run, out = kept
    frames = iter(range(10))
    stopped = netsim.simulate(
        netsim.load_topology(out / "topology.json"),
        duration_s=LIGHT_S,
        seed=5,
        out=tmp_path,
        histograms=True,
        should_stop=lambda: next(frames) == 3,
    )
    assert 0 < sum(stopped.histograms[0].counts) < sum(run.histograms[0].counts)
    assert netsim.resume(tmp_path).histograms == run.histograms
    files = [(path / "histograms.csv").read_bytes() for path in (out, tmp_path)]
    assert files[0] == files[1]


@pytest.mark.parametrize("fidelity", ["coincidence", "rate"])
def test_other_levels_have_none(fidelity: str) -> None:
    """There are no clicks beside the windows, or none at all."""
    with pytest.raises(netsim.ConfigError, match=f"not at the {fidelity} level") as caught:
        netsim.simulate("two_user", duration_s=60, seed=1, fidelity=fidelity, histograms=True)
    assert [fault.path for fault in caught.value.faults] == ["--histograms"]


def test_the_command_needs_a_place(capsys: pytest.CaptureFixture[str]) -> None:
    """They are not printed."""
    assert run_command(["run", "two_user", "--histograms"]) == 2
    assert "--histograms: needs --out DIR" in capsys.readouterr().err


@pytest.mark.parametrize("window_ps", [2, 7, 500, 2000, 9999])
def test_bins_suit_the_window(window_ps: int) -> None:
    """Side peaks and some of what lies beyond are in view, and a bin begins with the window."""
    spec = netsim.load_topology("two_user", overrides=[f"protocol.window_ps={window_ps}"])
    (found,) = lane_differences(build_network(spec))
    histogram = found.result
    edges_ps = list(histogram.edges_ps)
    reach_ps = SIDE_PS + window_ps / 2
    assert edges_ps[0][0] < histogram.delay_ps - reach_ps
    assert edges_ps[-1][1] > histogram.delay_ps + reach_ps
    assert histogram.window_edges_ps[0] in [low_ps for low_ps, _ in edges_ps]
    assert len(edges_ps) <= MOST_BINS + 2
