"""One page that shows a run: network, lanes, links, pools and rounds over time, how to repeat it.

It reads a run directory; what a run does not keep (photons) is not shown.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from netsim.durations import seconds_text
from netsim.pools.history import PoolHistory, pool_histories
from netsim.report.demand import demand_notes, demand_tables
from netsim.report.map import svg_map
from netsim.report.network import source_text
from netsim.report.page.plots import Plots
from netsim.report.page.run_figures import (
    MOST_LANES,
    demand_figure,
    histogram_figure,
    pool_figure,
    round_figure,
    singles_figure,
)
from netsim.report.page.run_tables import lanes_table, links_table
from netsim.report.page.skeleton import document, sentences, table, table_of
from netsim.report.tables import headline, notes
from netsim.results.directory import HISTOGRAMS, MANIFEST, TOPOLOGY, books_of, load_run
from netsim.results.fidelity import Fidelity
from netsim.results.run import Run
from netsim.results.trace import Moment, Trace, read_trace
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec

PAGE = "report.html"
MOST_MOMENTS = 200
"""Lines of the table of what happened; all are in ``events.jsonl``."""


@dataclass(frozen=True, slots=True)
class _Told:
    """All that a page tells."""

    run: Run
    topology: TopologySpec
    trace: Trace
    histories: tuple[PoolHistory, ...]
    manifest_text: str

    @property
    def changes_s(self) -> tuple[float, ...]:
        """When something happened that is worth a line."""
        return tuple(one.time_s for one in self.trace.moments if one.what != "link_locked")


def run_page(directory: Path) -> str:
    """The page of the run in ``directory``, as HTML that loads nothing.

    Raises
    ------
    ConfigError
        There is no whole run.
    """
    run, books = load_run(directory), books_of(directory)
    told = _Told(
        run=run,
        topology=load_topology(directory / TOPOLOGY),
        trace=read_trace(books.told(), run.announcers),
        histories=pool_histories(books.movements()),
        manifest_text=(directory / MANIFEST).read_text(encoding="utf-8"),
    )
    plots = Plots()
    return document(f"Run of {told.run.topology}", _body(told, plots), head=plots.script)


def _body(told: _Told, plots: Plots) -> Iterator[str]:
    run = told.run
    yield f"<h1>{escape(headline(run))}</h1>"
    yield f'<p class="faint">{escape(told.topology.description)}</p>'
    yield from sentences(list(notes(run, legend=True)))
    yield from plots.hint()
    yield from _network(told)
    yield "<h2>Lanes</h2>"
    yield from lanes_table(run)
    yield "<h2>Links</h2>"
    yield from links_table(run)
    yield from _over_time(told, plots)
    yield from _demand(told, plots)
    yield "<h2>Clicks of each detector</h2>"
    yield from plots.plot(singles_figure(run), "singles")
    yield from _differences(run, plots)
    yield from _happened(told.trace.moments)
    yield from _repeat(told)


def _network(told: _Told) -> Iterator[str]:
    yield "<h2>Network</h2>"
    yield f"<p>Source: {escape(source_text(told.topology))}.</p>"
    rates = {users: rate for users, rate in told.run.link_skr_bps.items() if _is_known(told, users)}
    picture = svg_map(told.topology, rates, "asymptotic key rate found in this run")
    yield f'<div class="map">{picture}</div>'


def _is_known(told: _Told, users: tuple[str, str]) -> bool:
    """Whether the topology that lies beside the results has these users."""
    return set(users) <= {user.name for user in told.topology.users}


def _over_time(told: _Told, plots: Plots) -> Iterator[str]:
    changes = told.changes_s
    yield "<h2>Pools over time</h2>"
    yield (
        '<p class="faint">Key that both ends of a link have in common. Thin red lines: alarms and '
        "changes, listed below.</p>"
    )
    yield from plots.plot(pool_figure(told.histories, told.run.duration_s, changes), "pools")
    yield "<h2>Rounds over time</h2>"
    rounds = told.trace.ended()
    if not rounds:
        yield "<p>No round has ended.</p>"
        return
    yield from plots.plot(round_figure(rounds, told.run.duration_s, changes), "rounds")
    reasons = Counter((one.link, one.reason) for one in rounds if one.reason)
    if reasons:
        yield "<p>Rounds without key:</p>"
        rows = (
            f'<tr><td>{escape(link)}</td><td>{escape(reason)}</td><td class="n">{count}</td></tr>'
            for (link, reason), count in reasons.items()
        )
        yield from table(["<th>Link</th>", "<th>Reason</th>", '<th class="n">Rounds</th>'], rows)


def _demand(told: _Told, plots: Plots) -> Iterator[str]:
    demand = told.run.demand
    if demand is None:
        return
    yield "<h2>Demand</h2>"
    thresholds = {frozenset(spec.users): spec.thresholds for spec in told.topology.pools}
    figure = demand_figure(
        demand,
        histories=told.histories,
        thresholds=thresholds,
        keys_s=told.trace.keys_s,
        end_s=told.run.duration_s,
        moments=told.changes_s,
    )
    yield from plots.plot(figure, "demand")
    for printed in demand_tables(demand):
        yield from table_of(printed)
    yield from sentences(list(demand_notes(demand)))


def _differences(run: Run, plots: Plots) -> Iterator[str]:
    if run.fidelity is not Fidelity.PHOTON:
        return
    yield "<h2>Arrival differences about each window</h2>"
    if not run.histograms:
        yield "<p>Not counted: <code>netsim run --histograms</code> keeps and shows them.</p>"
        return
    yield (
        '<p class="faint">Clicks of the second user after those of the first, as a time tagger '
        "counts them: each with each, and all detectors. Shaded: the coincidence window. "
        f"{_left_out(len(run.histograms))}All bins are in {HISTOGRAMS}.</p>"
    )
    yield from plots.plot(histogram_figure(run.histograms), "differences")


def _left_out(lanes: int) -> str:
    return f"{MOST_LANES} of {lanes} lanes, those with most. " if lanes > MOST_LANES else ""


def _happened(moments: Sequence[Moment]) -> Iterator[str]:
    yield "<h2>Alarms and changes</h2>"
    if not moments:
        yield "<p>None.</p>"
        return
    # Alarms first where there is no room for all.
    ranked = sorted(moments, key=lambda one: not one.is_alarm)[:MOST_MOMENTS]
    shown = sorted(ranked, key=lambda one: one.time_s)
    if len(shown) < len(moments):
        yield f"<p>{len(shown)} of {len(moments)}, alarms first; all are in events.jsonl.</p>"
    heads = ['<th class="n">Time [s]</th>', "<th>What</th>", "<th>Where</th>", "<th>It says</th>"]
    yield from table(heads, map(_moment_row, shown))


def _moment_row(one: Moment) -> str:
    kind = ' class="very-far"' if one.is_alarm else ""
    return (
        f'<tr><td class="n">{one.time_s:.6g}</td><td{kind}>{escape(one.what)}</td>'
        f'<td>{escape(one.where)}</td><td class="note">{escape(one.text)}</td></tr>'
    )


def _repeat(told: _Told) -> Iterator[str]:
    run = told.run
    level = "" if run.fidelity is Fidelity.PHOTON else f" --fidelity {run.fidelity}"
    light = seconds_text(run.duration_ps)
    counted = " --histograms" if run.histograms else ""
    yield "<h2>How to repeat it</h2>"
    yield "<p>From the directory of this run, which holds every number that was simulated:</p>"
    yield (
        f"<pre>netsim run {TOPOLOGY} --duration {light}s --seed {run.seed}{level}{counted} "
        "--out again</pre>"
    )
    yield "<details><summary>Manifest: versions, hash of the topology</summary>"
    manifest = json.dumps(json.loads(told.manifest_text), indent=2)
    yield f"<pre>{escape(manifest)}</pre></details>"
