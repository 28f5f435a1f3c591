"""What an optimisation found, as a table and as plots: the goal against each number."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from rich.console import Console
from rich.text import Text

from netsim.report.figure import Figure, Panel, Series, save_figure
from netsim.report.scanning import number, places, short, shown_value
from netsim.report.text import add_names, add_numbers, plain_table
from netsim.studies.estimates import Row
from netsim.studies.goal import Goal
from netsim.studies.measures import ALL_LINKS, MEASURES
from netsim.studies.optimum import Optimum, Trial

STEM = "optimise"
MOST_TRIALS = 10
TRIALS, BEST, AS_IT_IS = "trials", "the best", "as it is"


def optimum_title(found: Optimum) -> str:
    """What was looked for, where, and who judged."""
    asked = found.asked
    direction = "least" if found.goal.is_minimum else "most"
    return (
        f"{asked['topology']}: {direction} {found.goal.label}, {found.total} trials {judge(found)}"
    )


def judge(found: Optimum) -> str:
    """Who said what a trial is worth."""
    asked = found.asked
    if asked["duration_s"] is None:
        return "by the twin"
    light = f"{asked['duration_s']} s of light at the {asked['fidelity']} level"
    return f"simulated, {light}, seeds: {asked['seeds']} a trial"


def print_optimum(found: Optimum, console: Console) -> None:
    """The best trials, and what is to be said of them."""
    best = found.ranked[:MOST_TRIALS]
    table = plain_table(optimum_title(found))
    add_numbers(table, "Trial")
    add_names(table, *(short(one.path) for one in found.ranges))
    add_numbers(table, *(measure.head for measure in MEASURES))
    for trial in best:
        numbers, names, values = trial_cells(found, trial)
        table.add_row(*numbers, *names, *values)
    console.print(table)
    console.print()
    for line in optimum_notes(found):
        console.print(Text(line))


def trial_cells(found: Optimum, trial: Trial) -> tuple[list[str], list[str], list[str]]:
    """Number, settings and measures of a trial: those of the goal's link, or of all links."""
    names = [shown_setting(trial.settings[one.path]) for one in found.ranges]
    row = _row_of(trial, found.goal)
    values = [shown_value(measure, number(row[measure.name])) for measure in MEASURES]
    return [str(trial.number)], names, values


def shown_setting(value: object) -> str:
    """A setting with six digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _row_of(trial: Trial, goal: Goal) -> Row:
    wanted = goal.link if any(row["link"] == goal.link for row in trial.rows) else ALL_LINKS
    return next((row for row in trial.rows if row["link"] == wanted), trial.rows[0])


def optimum_notes(found: Optimum) -> Iterator[str]:
    """The best against what there is, ends of ranges, failures, and what the numbers rest on."""
    best, before = found.best, found.as_it_is
    if found.is_partial:
        yield f"PARTIAL: {len(found.trials)} of {found.total} trials are done."
    if best is None:
        yield "No trial has a value."
    else:
        yield f"Best: {', '.join(best.overrides)}: {_worth(found.goal, best)}."
        if before is not None:
            yield f"As it is, {', '.join(before.overrides)}: {_worth(found.goal, before)}."
    for path in found.at_ends():
        yield f"The best {path} lies at an end of its range: a wider one may hold a better."
    for reason, count in found.failures.items():
        yield f"{count} of {len(found.trials)} trials failed: {reason}"
    if found.asked["duration_s"] is None:
        yield (
            "By formula, without a photon (netsim twin); with --duration each trial is simulated. "
            "A search finds good values, not provably the best: more --trials come nearer."
        )
    else:
        yield (
            "Of simulated values the best is partly the luckiest: more --seeds say how much, "
            "and without --duration the twin judges, which has no luck."
        )


def _worth(goal: Goal, trial: Trial) -> str:
    """The goal's value in its unit."""
    unit = goal.measure.label.partition("[")[2].rstrip("]")
    if trial.value is None:
        return f"none ({trial.reason})"
    return f"{goal.label} = {shown_value(goal.measure, trial.value)} {unit}"


def save_optimum(found: Optimum, directory: Path) -> list[Path]:
    """Write ``optimise.json`` and ``.csv`` and, with the extra ``report``, plots; the plots."""
    found.save(directory)
    return save_figure(optimum_figure(found), directory / STEM)


def optimum_figure(found: Optimum) -> Figure:
    """A panel a number, its trials and the best one; and the best so far over the trials."""
    panels = (*_number_panels(found), _course(found))
    return Figure(optimum_title(found), panels, columns=min(2, len(panels)))


def _number_panels(found: Optimum) -> Iterator[Panel]:
    known = [one for one in found.trials if one.value is not None]
    marked = ((BEST, found.best), (AS_IT_IS, found.as_it_is))
    others = [(name, [one]) for name, one in marked if one is not None and one.value is not None]
    for one in found.ranges:
        words = "" if one.axis.numbers is not None else f" ({', '.join(one.axis.values)})"
        series = [Series(TRIALS, places(one.axis, _settings(known)), _values(found.goal, known))]
        series += [
            Series(
                name, places(one.axis, _settings(some)), _values(found.goal, some), style="hollow"
            )
            for name, some in others
        ]
        yield Panel(
            one.path + words,
            found.goal.words,
            tuple(series),
            from_zero=not found.goal.is_minimum,
            log_x=one.axis.is_log,
        )


def _settings(trials: Sequence[Trial]) -> list[Row]:
    return [trial.rows[0] for trial in trials]


def _values(goal: Goal, trials: Iterable[Trial]) -> tuple[float, ...]:
    return tuple(goal.measure.scale * (trial.value or 0.0) for trial in trials)


def _course(found: Optimum) -> Panel:
    """The best value that was known after each trial."""
    known = [one for one in found.trials if one.value is not None]
    better = min if found.goal.is_minimum else max
    values = _values(found.goal, known)
    numbers = tuple(float(one.number) for one in known)
    best = Series("best so far", numbers, tuple(accumulate(values, better)), style="line")
    all_of_them = Series(TRIALS, numbers, values)
    is_low = found.goal.is_minimum
    return Panel("trial", found.goal.words, (all_of_them, best), from_zero=not is_low)
