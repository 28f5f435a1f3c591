"""One page that shows an optimisation: the best, plots, every trial, and how to repeat it."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from netsim.report.optimise import (
    MOST_TRIALS,
    optimum_figure,
    optimum_notes,
    optimum_title,
    trial_cells,
)
from netsim.report.page.plots import Plots
from netsim.report.page.repeat import from_here, made_with, topology_word
from netsim.report.page.skeleton import (
    command,
    document,
    name_heads,
    number_heads,
    row,
    sentences,
    table,
)
from netsim.report.scanning import short
from netsim.studies.kept import load_optimum
from netsim.studies.measures import MEASURES
from netsim.studies.optimum import Optimum, Trial


def optimum_page(directory: Path) -> str:
    """The page of the optimisation in ``directory``, as HTML that loads nothing.

    Raises
    ------
    ConfigError
        There is no whole one.
    """
    found = load_optimum(directory)
    plots = Plots()
    return document(optimum_title(found), _body(found, plots), head=plots.script)


def _body(found: Optimum, plots: Plots) -> Iterator[str]:
    yield f"<h1>{escape(optimum_title(found))}</h1>"
    yield from sentences(list(optimum_notes(found)))
    yield from plots.hint()
    yield from plots.plot(optimum_figure(found), "trials")
    yield f"<h2>The best {min(MOST_TRIALS, len(found.ranked))} trials</h2>"
    yield from _table(found, found.ranked[:MOST_TRIALS])
    yield f"<details><summary>All {len(found.trials)} trials in their order</summary>"
    yield from _table(found, found.trials)
    yield "</details>"
    yield "<h2>How to repeat it</h2>"
    yield from from_here(found.asked)
    yield command(_words(found))
    if found.best is not None:
        yield "<p>The best by itself, simulated:</p>"
        yield command(_run_words(found, found.best))
    yield from made_with({**found.asked["versions"], "optuna": found.asked["optuna"]})


def _table(found: Optimum, trials: tuple[Trial, ...]) -> Iterator[str]:
    heads = [
        *number_heads("Trial"),
        *name_heads(*(short(one.path) for one in found.ranges)),
        *number_heads(*(measure.head for measure in MEASURES)),
        *name_heads("Failed for"),
    ]
    rows = (
        row([], numbers + names + values, [trial.reason])
        for trial in trials
        for numbers, names, values in [trial_cells(found, trial)]
    )
    yield from table(heads, rows)


def _words(found: Optimum) -> Iterator[str]:
    asked = found.asked
    yield from ("netsim", "sweep", topology_word(asked), "--optimise", found.goal.label)
    for one in found.ranges:
        yield from ("--over", one.text)
    yield from ("--trials", str(found.total), "--seed", str(asked["seed"]))
    if asked["duration_s"] is not None:
        yield from ("--duration", f"{asked['duration_s']}s", "--fidelity", str(asked["fidelity"]))
        yield from ("--seeds", str(asked["seeds"]))
    yield from _changes(found)
    yield from ("--out", "again")


def _run_words(found: Optimum, best: Trial) -> Iterator[str]:
    yield from ("netsim", "run", topology_word(found.asked))
    yield from _changes(found)
    for override in best.overrides:
        yield from ("--set", override)


def _changes(found: Optimum) -> Iterator[str]:
    for override in found.asked["overrides"]:
        yield from ("--set", str(override))
