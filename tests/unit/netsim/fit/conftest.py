"""Fits that several tests look at."""

import pytest

from netsim.fit.calibrate import fit_topology
from netsim.fit.results import Fit
from tests.unit.netsim.fit import fan2025


@pytest.fixture(scope="session")
def with_858() -> Fit:
    """Eight numbers of the structured network, from the table with 858 Hz."""
    return fit_topology("fan2025_structured", [fan2025.TABLE_2], free=fan2025.EIGHT)


@pytest.fixture(scope="session")
def with_585() -> Fit:
    """The same from the table as it is printed."""
    return fit_topology("fan2025_structured", [fan2025.PRINTED], free=fan2025.EIGHT)
