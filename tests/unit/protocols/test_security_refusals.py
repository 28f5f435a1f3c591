"""What securities refuse, and what they say of themselves."""

from dataclasses import replace

import pytest

from protocols.interfaces import (
    Security,
)
from protocols.security import (
    ONE_WAY_COUNT,
    Asymptotic,
    AsymptoticMixed,
    Finite,
    TwoBasis,
    label,
)
from tests.unit.protocols.securities import (
    FINITE,
    GOOD,
    WITH_EPSILON,
    refused,
    with_terms,
)


@pytest.mark.parametrize("security", FINITE)
def test_finite_needs_sample_and_symmetric_bases(security: Finite) -> None:
    """What the proof does not cover is named with its reason."""
    assert refused(security) == {}
    assert "published random sample" in refused(security, is_random_sample=False)["estimation"]
    assert "probability 1/2" in refused(security, is_symmetric=False)["basis"]


def test_two_basis_needs_the_reconciled_errors() -> None:
    """A sample does not go with it; any choice of basis does."""
    assert "corrected errors" in refused(TwoBasis())["estimation"]
    assert refused(TwoBasis(), is_random_sample=False, is_symmetric=False) == {}


@pytest.mark.parametrize("security", WITH_EPSILON)
def test_budget_and_leak_must_mean_something(security: Security) -> None:
    """An epsilon that the hash alone exceeds and a leak that nobody counts are refused."""
    short = replace(with_terms(verification_bits=16), is_random_sample=isinstance(security, Finite))
    fine = {"is_random_sample": isinstance(security, Finite)}
    assert "2^-16" in dict(security.refusals(short))["epsilon"]
    assert "counted" in refused(security, is_measurable=False, **fine)["reconciliation"]


def test_asymptotic_refuses_nothing() -> None:
    """It claims no epsilon, so it needs no more than its assumptions say."""
    assert refused(Asymptotic(), is_random_sample=False, is_symmetric=False) == {}


@pytest.mark.parametrize("security", [*WITH_EPSILON, Asymptotic()])
def test_one_way_count_is_labelled(security: Security) -> None:
    """Two-way error correction under a finite length says so unless both directions are booked."""
    expected = ONE_WAY_COUNT if security.has_secrecy_epsilon else ""
    assert label(GOOD, security) == expected
    assert label(replace(GOOD, is_two_way=False), security) == ""
    assert label(with_terms(charge="both-directions"), security) == ""
    assert ONE_WAY_COUNT == "one-way count, not covered by the proof"


def test_what_classes_ask_for() -> None:
    """Errors by basis where the formula needs them; error counts booked with an epsilon only."""
    by_basis = {Asymptotic: True, AsymptoticMixed: False, Finite: False, TwoBasis: True}
    for kind, is_counted in by_basis.items():
        assert kind.counts_bases is is_counted
        assert kind.books_error_counts is kind.has_secrecy_epsilon
    assert [kind.has_secrecy_epsilon for kind in by_basis] == [False, False, True, True]


def test_mixed_bases_must_be_equally_probable() -> None:
    """One error rate stands for both; all else is allowed."""
    assert "one error rate" in refused(AsymptoticMixed(), is_symmetric=False)["basis"]
    assert refused(AsymptoticMixed(), is_random_sample=False) == {}
