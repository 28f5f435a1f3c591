"""What the terminal shows of a reproduction: a line an item, and what lies far from the twin."""

from rich.console import Console
from rich.text import Text

from netsim.report.text import FAR_SIGMA, add_names, add_numbers, plain_table, sigma, sigma_style
from netsim.reproduce.item import Comparison
from netsim.reproduce.page import deviations, digits_of, number
from netsim.reproduce.runner import Finished, Outcome


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Print one line an item, then every quantity beyond 3 standard errors."""
    if not outcome.finished:
        console.print("No item is finished yet.")
        return
    table = plain_table(outcome.paper.title)
    add_names(table, "Item", "Title")
    add_numbers(table, "Com-\npared", "In the\ntext", "Worst\nsigma")
    for entry in outcome.finished:
        compared = entry.findings.compared
        worst = max(deviations(entry.findings), key=abs, default=None)
        table.add_row(
            Text(entry.item.name),
            Text(entry.item.title),
            str(len(compared)),
            str(sum(one.paper is not None for one in compared)),
            Text(sigma(worst), style=sigma_style(worst)),
        )
    console.print(table)
    console.print()
    for line in _far(outcome):
        console.print(Text(line))


def finished_line(finished: Finished) -> str:
    """One line about an item that has just ended."""
    worst = max(deviations(finished.findings), key=abs, default=None)
    state = "" if finished.is_new else ", was finished"
    count = len(finished.findings.compared)
    return f"{finished.item.name}: {count} quantities, worst {sigma(worst)} sigma{state}"


def _far(outcome: Outcome) -> list[str]:
    compared = [
        (entry.item.name, one) for entry in outcome.finished for one in entry.findings.compared
    ]
    values = [v for entry in outcome.finished for v in deviations(entry.findings)]
    far = [_line(name, one) for name, one in compared if _is_far(one)]
    chance = f"{0.0027 * len(values):.1f}"
    return [
        (
            f"{len(far)} of {len(values)} quantities are more than 3 sigma from the twin; "
            f"{chance} would be by chance."
        ),
        *far,
        (
            "sigma: deviation from the analytic twin in standard errors; "
            f"paper: {outcome.paper.source}"
        ),
    ]


def _is_far(compared: Comparison) -> bool:
    deviation = compared.estimate.deviation
    return deviation is not None and abs(deviation) > FAR_SIGMA


def _line(item: str, compared: Comparison) -> str:
    estimate = compared.estimate
    digits = digits_of(estimate.sigma, estimate.value)
    return (
        f"  {item}, {compared.quantity}: {number(estimate.value, digits)} +- "
        f"{number(estimate.sigma, digits)}, twin {number(estimate.twin, digits)} "
        f"({sigma(estimate.deviation)} sigma)"
    )
