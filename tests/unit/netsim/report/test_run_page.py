"""The page of a run: what it shows, what it escapes, what it does without plotly, and a browser."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import netsim
from netsim.cli import run_command
from netsim.errors import ConfigError
from netsim.pools.history import BOTH, PoolHistory, pool_histories
from netsim.report.page import plots
from netsim.report.page.run import run_page
from netsim.report.page.run_figures import demand_figure, pool_figure
from netsim.results.directory import books_of, load_run
from netsim.results.trace import Trace, read_trace
from netsim.topology.load import load_topology
from netsim.units import ps_from_s
from protocols.keylength.keyrate import binary_entropy
from tests.support.browser import beyond_px, see

EVIL = "<script>alert(1)</script>"
ASKED = (
    'applications=[{name="voice", users=["alice","bob"], key_bits=256, arrivals="periodic", '
    'options={every_s=4.0}, on_empty="reject"}]'
)
LEVELS = 'pools=[{users=["alice","bob"], minimum_bits=128, threshold_bits=4096}]'
CHANGE = 'events=[{kind="power", time_s=65.0, power_mw=2.5}]'


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four rounds of the rate level; the pumps get far too strong on the way."""
    path = tmp_path_factory.mktemp("run") / "kept"
    spec = netsim.load_topology("two_user", overrides=[CHANGE, ASKED, LEVELS])
    netsim.simulate(spec, duration_s=120, seed=1, fidelity="rate", out=path)
    return path


def trace(directory: Path) -> Trace:
    """What the events of a kept run tell."""
    return read_trace(books_of(directory).told(), load_run(directory).announcers)


class Page(HTMLParser):
    """Tags, loads and text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.identifiers: list[str] = []
        self.scripts = 0
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what would load something."""
        self._inside = tag
        self.scripts += tag == "script"
        known = dict(attrs)
        self.loads += [known[name] or "" for name in ("src", "href") if name in known]
        if "id" in known:
            self.identifiers.append(known["id"] or "")

    def handle_endtag(self, tag: str) -> None:
        """Text goes on outside."""
        self._inside = "" if tag in ("script", "style") else self._inside

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if self._inside not in ("script", "style"):
            self.text += data


def test_the_page_holds_the_run(directory: Path) -> None:
    """Every lane, link, reason and change, the same numbers as the tables, and how to repeat it."""
    page = Page(run_page(directory))
    run = load_run(directory)
    for lane in run.lanes:
        assert f"{lane.sifted_hz:.1f}" in page.text
        assert f"{100 * (lane.qber or 0):.2f}" in page.text
    assert str(run.links[0].counts.deposited_bits) in page.text
    assert "network_changed" in page.text
    assert '"power_mw":2.5' in page.text
    assert "netsim run topology.json --duration 120s --seed 1 --fidelity rate" in page.text
    assert run.provenance.topology_sha256 in page.text
    assert run.links[0].assumptions in page.text
    (failed,) = [one for one in trace(directory).ended() if one.block == 3]
    assert failed.reason
    assert failed.reason in page.text


def test_what_applications_asked_for_is_there(directory: Path) -> None:
    """Counts as tables, the pool with its thresholds, and a curve that ends at the keys given."""
    page, run = Page(run_page(directory)), load_run(directory)
    assert run.demand is not None
    (voice,) = run.demand.applications
    assert voice.counts.served > 10
    for number in (voice.counts.arrived, voice.counts.served):
        assert f">{number}<" in run_page(directory)
    assert "Pools that they draw from" in page.text
    assert "demand" in page.identifiers
    spec = load_topology(directory / "topology.json")
    figure = demand_figure(
        run.demand,
        histories=pool_histories(books_of(directory).movements()),
        thresholds={frozenset(each.users): each.thresholds for each in spec.pools},
        keys_s=trace(directory).keys_s,
        end_s=run.duration_s,
        moments=(),
    )
    level, given = figure.panels
    assert level.marks == ((128.0, "alice-bob minimum"), (4096.0, "alice-bob threshold"))
    assert min(level.series[0].y[1:]) >= 0
    assert given.series[0].y[-1] == voice.counts.served
    assert given.series[0].x[-1] == 120.0


def test_it_loads_nothing_and_has_all_plots(directory: Path) -> None:
    """One file: no address but the empty icon; pools, rounds and singles by name."""
    page = Page(run_page(directory))
    assert page.loads == ["data:,"]
    assert {"pools", "rounds", "singles"} <= set(page.identifiers)


def test_rounds_are_those_of_the_ledger(directory: Path) -> None:
    """Sifted bits, key and f as the books have them."""
    run, rounds = load_run(directory), trace(directory).ended()
    counts = run.links[0].counts
    assert len(rounds) == counts.blocks == 4
    assert sum(one.sifted_bits or 0 for one in rounds) == counts.sifted_bits
    assert sum(bool(one.reason) for one in rounds) == counts.blocks_failed
    assert [round(one.end_s / 30) for one in rounds] == [1, 2, 3, 4]
    first = rounds[0]
    assert first.sifted_bits is not None
    assert first.parity_bits is not None
    assert first.qber is not None
    shannon_bits = first.sifted_bits * binary_entropy(first.qber)
    assert first.efficiency == pytest.approx(first.parity_bits / shannon_bits)


def test_names_from_files_are_text(directory: Path, tmp_path: Path) -> None:
    """Markup in a result file is shown, not obeyed: as many scripts as without it."""
    harmless = Page(run_page(directory))
    for file in directory.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    summary = json.loads((tmp_path / "summary.json").read_text())
    summary["topology"] = EVIL
    summary["links"][0]["notes"] = summary["links"][0]["assumptions"] = EVIL
    summary["lanes"][0]["channels"][0] = EVIL
    summary["users"][0]["name"] = EVIL
    summary["demand"]["applications"][0]["name"] = EVIL
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"topology": EVIL}))
    with (tmp_path / "events.jsonl").open("a") as file_:
        alarm = {"time_ps": 1, "link": EVIL, "end": EVIL, "event": "alarm", "what": EVIL}
        file_.write(json.dumps(alarm) + "\n")
        file_.write('{"time_ps": 3, "event": "al')  # cut off
    text = run_page(tmp_path)
    page = Page(text)
    assert page.text.count(EVIL) >= 7
    assert page.scripts == harmless.scripts
    assert EVIL not in re.sub(r"<script>.*?</script>", "", text.replace(EVIL, "EVIL"), flags=re.S)
    assert "EVIL" not in re.sub(r"&lt;script&gt;", "", text.replace(EVIL, "EVIL"))


def test_without_the_extra_there_is_a_word(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables and map are there, and what to install."""
    monkeypatch.setattr(plots, "_drawing", lambda: None)
    page = Page(run_page(directory))
    assert page.scripts == 0
    assert "qnsp-netsim[report]" in page.text
    assert "alice & bob" in page.text


def test_the_command_writes_beside_the_run_or_where_it_is_told(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`report DIR`, `report DIR -o FILE`, `run --report`; what is no run is refused."""
    assert run_command(["report", str(directory), "-o", str(tmp_path / "page.html")]) == 0
    assert "page.html shows it" in capsys.readouterr().err
    assert (tmp_path / "page.html").stat().st_size > 1_000_000
    assert run_command(["report", str(tmp_path)]) == 2
    kept = tmp_path / "kept"
    command = ["run", "two_user", "--fidelity", "rate", "--duration", "60s", "--report"]
    assert run_command([*command, "--out", str(kept)]) == 0
    assert (kept / "report.html").is_file()
    assert run_command(command) == 2
    with pytest.raises(ConfigError):
        run_page(tmp_path / "nowhere")


@pytest.mark.slow
def test_a_browser_draws_it(directory: Path, tmp_path: Path) -> None:
    """All plots are drawn, nothing is asked of any host, silent console, as wide as a phone."""
    path = tmp_path / "page.html"
    path.write_text(run_page(directory))
    seen = see(path, tmp_path / "profile")
    assert seen.complaints == []
    assert seen.html.count('class="main-svg"') >= 3
    assert "alice &amp; bob" in seen.html or "alice-bob" in seen.html
    assert beyond_px(path, tmp_path / "profile") == 0


@pytest.mark.parametrize(
    ("end_s", "label", "last"),
    [(120.0, "time [s]", 120.0), (86_400.0, "time [h]", 24.0), (432_000.0, "time [d]", 5.0)],
)
def test_time_is_in_the_unit_of_the_run(end_s: float, label: str, last: float) -> None:
    """Hours and days of long runs, moments as well."""
    times_ps = [0, ps_from_s(end_s / 2)]
    level = PoolHistory("alice-bob", BOTH, times_ps=times_ps, levels_bits=[0, 256])
    (panel,) = pool_figure([level], end_s, (end_s / 4,)).panels
    assert panel.x_label == label
    assert panel.series[0].x[-1] == last
    assert panel.moments == (last / 4,)
