"""Shipped topologies as text and as tables, to be damaged by tests."""

import tomllib

from netsim.topology.shipped import shipped_bytes
from tests.support.fan2025 import calibrated_elsewhere, structured_elsewhere

TWO_USERS = shipped_bytes("two_user").decode()
STRUCTURED = shipped_bytes("fan2025_structured").decode()
FOUR_USERS = shipped_bytes("fan2025_four_user").decode()

ELSEWHERE = {
    "fan2025_four_user": calibrated_elsewhere(FOUR_USERS),
    "fan2025_structured": structured_elsewhere(STRUCTURED),
}
"""The same two with the numbers that an independent fit found (`tests.support.fan2025`)."""


def tables(text: str) -> dict[str, object]:
    """Parse a fresh copy."""
    return tomllib.loads(text)


def damaged(text: str, old: str, new: str) -> str:
    """Replace the first ``old``; it must be there."""
    assert old in text, old
    return text.replace(old, new, 1)
