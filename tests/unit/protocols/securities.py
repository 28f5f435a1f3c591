"""What tests of key lengths share: classes, terms, light, and a choice that all accept."""

from dataclasses import replace

from protocols.expectation import Expectation, LaneExpectation, ShannonBudget
from protocols.interfaces import (
    Choice,
    Security,
)
from protocols.profile import Terms
from protocols.security import (
    Finite,
    FiniteExact,
    TwoBasis,
)
from tests.support.links import link_config

EPSILON = 1e-10


FINITE: tuple[Finite, ...] = (Finite(), FiniteExact())


WITH_EPSILON: tuple[Security, ...] = (*FINITE, TwoBasis())


OPEN = Terms(epsilon=EPSILON)


GOOD = Choice(
    link_config(estimation="sample", epsilon=EPSILON).profile,
    is_two_way=True,
    is_measurable=True,
    is_random_sample=True,
    is_symmetric=True,
)


def refused(security: Security, **changes: bool) -> dict[str, str]:
    return dict(security.refusals(replace(GOOD, **changes)))  # type: ignore[arg-type]


def with_terms(**changes: object) -> Choice:
    """The same with other terms."""
    profile = link_config(estimation="sample", epsilon=EPSILON, **changes).profile
    return replace(GOOD, profile=profile)


def expectation(rate_hz: float, qber: float, seconds: float, z_share: float = 0.5) -> Expectation:
    bits = rate_hz * seconds
    lane = LaneExpectation(bits * z_share, qber, bits * (1 - z_share), qber)
    return Expectation((lane,), ShannonBudget(1.1))
