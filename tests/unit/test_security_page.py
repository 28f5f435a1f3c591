"""docs/security.md is true: its table of assumptions and its labels are those of the code."""

import math
import re
from dataclasses import replace

import pytest

from protocols.budgets import upper_rate
from protocols.messages import AbortReason
from protocols.profile import Profile, Terms
from protocols.security import ONE_WAY_COUNT, label
from protocols.variants import RECONCILIATIONS, SECURITIES, choice_of
from tests.support.pages import PAGES

PAGE = PAGES["docs/security.md"]
VARIANTS = ("asymptotic", "asymptotic-mixed", "finite", "finite-exact", "two-basis")
CHARGES = ("paper", "measured", "both-directions")


def table(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, its first row included."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set(row[0]) <= {"-"}]


def test_lengths_name_every_variant() -> None:
    """A row for each security that is built in."""
    assert [row[0].strip("`") for row in table("Lengths")[1:]] == list(VARIANTS)
    assert set(VARIANTS) == set(SECURITIES.names())


def test_margins_of_thresholds_and_budgets_are_those_of_the_code() -> None:
    """u(N) of the page, for a hundredth of errors in 10,000 bits."""
    found = re.search(r"u\(N\) = ([\d.]+) Q \+ (\d+) sqrt\(Q \(1 - Q\) / N\)", PAGE)
    assert found
    share, sigmas = map(float, found.groups())
    assert upper_rate(0.01, 10_000) == pytest.approx(share * 0.01 + sigmas * math.sqrt(0.99) / 1000)


def test_every_reason_without_key_is_told() -> None:
    """In the guide to output files, by the name that events have."""
    page = PAGES["docs/output.md"].split("Why a round ends without key")[1].split("\n\n")[0]
    assert {reason.name.lower() for reason in AbortReason} <= set(re.findall(r"`(\w+)`", page))


@pytest.mark.parametrize("column", range(len(VARIANTS)))
def test_assumptions_are_those_of_the_code(column: int) -> None:
    """Each assumption of a variant is a yes, each yes an assumption; none is left out."""
    heads, *rows = table("Assumptions")
    assert [head.strip("`") for head in heads[1:]] == list(VARIANTS)
    named, *assumed = SECURITIES.get(VARIANTS[column]).assumptions.split("; ")
    assert named
    assert {name for name, *cells in rows if cells[column] == "yes"} == set(assumed)
    assert {cells[column] for _, *cells in rows} <= {"yes", "no"}


def profile(security: str, reconciliation: str, charge: str) -> Profile:
    """One combination, as the page has it."""
    is_sampled = security.startswith("finite")
    return Profile(
        protocol="bbm92",
        estimation="sample" if is_sampled else "reconciled",
        reconciliation=reconciliation,
        amplification="toeplitz-fft",
        security=security,
        authentication="wegman-carter",
        basis="symmetric",
        initial_qber=0.05,
        terms=replace(Terms(), charge=charge),  # type: ignore[arg-type]  # from a list of them
    )


@pytest.mark.parametrize("security", VARIANTS)
@pytest.mark.parametrize("charge", CHARGES)
@pytest.mark.parametrize(
    "reconciliation", ["cascade-yanetal", "cascade-option8", "ldpc", "modelled"]
)
def test_countings_are_those_of_the_code(security: str, charge: str, reconciliation: str) -> None:
    """Allowed, labelled and refused as the table of countings says."""
    _, *rows = table("Which countings a theorem covers")
    row = next(
        row
        for row in rows
        if (reconciliation in row[0] or reconciliation.split("-", maxsplit=1)[0].title() in row[0])
        and (charge in row[0] or "Cascade" not in row[0])
    )
    said = row[1 if security.startswith("asymptotic") else 2]
    choice = choice_of(profile(security, reconciliation, charge))
    found = SECURITIES.get(security)
    is_refused = "reconciliation" in dict(found.refusals(choice))
    assert ("refused" in said) is is_refused
    if not is_refused:
        assert (ONE_WAY_COUNT in said) is (label(choice, found) == ONE_WAY_COUNT)
    assert ("labelled as modelled" in said) is (
        not is_refused and "modelled" in RECONCILIATIONS.get(reconciliation).note
    )
