"""What the terminal shows of a reproduction: a line an item, and what lies far from the twin."""

from rich.console import Console
from rich.text import Text

from netsim.report.text import (
    FAR_SIGMA,
    add_names,
    add_numbers,
    digits_of,
    fixed,
    plain_table,
    sigma,
    sigma_style,
)
from netsim.reproduce.runner import Outcome
from netsim.studies.comparison import Comparison, deviations, printed_count, worst_deviation


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
        worst = worst_deviation(compared)
        table.add_row(
            Text(entry.item.name),
            Text(entry.item.title),
            str(len(compared)),
            str(printed_count(compared)),
            Text(sigma(worst), style=sigma_style(worst)),
        )
    console.print(table)
    console.print()
    for line in _far(outcome):
        console.print(Text(line))


def _far(outcome: Outcome) -> list[str]:
    compared = [
        (entry.item.name, one) for entry in outcome.finished for one in entry.findings.compared
    ]
    values = deviations(one for _, one in compared)
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
        f"  {item}, {compared.quantity}: {fixed(estimate.value, digits)} +- "
        f"{fixed(estimate.sigma, digits)}, twin {fixed(estimate.twin, digits)} "
        f"({sigma(estimate.deviation)} sigma)"
    )
