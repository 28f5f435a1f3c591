"""Columns against what was scored, by hand: on either side of each limit."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from netsim.pools.rounds import Rounds, no_rounds
from netsim.verify.columns import Columns, LinkColumns
from netsim.verify.records import Records
from netsim.verify.scored import scored_faults
from protocols.messages import AbortReason

USERS = ["alice", "bob"]
LINK = "alice-bob"
STRANGER = {"users": ["alice", "dave"], "sifted_bits": 10**6, "errors": 10**5}


def two_rounds(**changes: int) -> Rounds:
    """Two rounds of 1000 bits, 100 of them sampled and 20 wrong; the second with ``changes``."""
    rounds = no_rounds(2)
    same = {"sifted_bits": 1000, "sampled_bits": 100, "errors": 20, "parity_bits": 200}
    for name, value in (same | {"verification_bits": 64, "count_bits": 10}).items():
        rounds[name] = value
    rounds["block"] = (0, 1)
    for name, value in changes.items():
        rounds[name][1] = value
    return rounds


def faults_of(
    rounds: Rounds,
    *,
    sifted_bits: int = 2000,
    errors: int = 40,
    leak_bits: int | None = 400,
    security: str = "finite",
    lanes: int = 1,
) -> list[str]:
    """What is said of a link; the first of its lanes has all the light."""
    lane = {"users": USERS, "sifted_bits": sifted_bits, "errors": errors}
    dark = [{"users": USERS, "sifted_bits": 0, "errors": 0}] * (lanes - 1)
    summary = {
        "links": [{"users": USERS, "security": security}],
        "lanes": [STRANGER, lane, *dark],
    }
    tables = () if leak_bits is None else ({"verified_leak_bits": str(leak_bits)},)
    columns = Columns({LINK: LinkColumns((USERS[0], USERS[1]), rounds)})
    records: Any = SimpleNamespace(summary=summary, links=tables, columns=columns)
    return [fault.message for fault in scored_faults(cast("Records", records))]


@pytest.mark.parametrize(
    ("sifted_bits", "errors", "fault"),
    [
        (2000, 40, None),
        (2000, 39, "40 errors are corrected, 39 were scored"),
        (2000, 240, None),
        (2000, 241, "40 errors are corrected, 241 were scored"),
        (2005, 245, None),
        (2005, 246, "40 errors are corrected, 246 were scored"),
        (1999, 40, "1 bits are sifted that were not scored"),
    ],
)
def test_errors_are_those_scored(sifted_bits: int, errors: int, fault: str | None) -> None:
    """Any of the sampled bits and of those of no round may be wrong beside what was corrected."""
    found = faults_of(two_rounds(), sifted_bits=sifted_bits, errors=errors)
    assert found == ([] if fault is None else [fault])


@pytest.mark.parametrize(
    "changes",
    [
        {"verification_bits": 0, "reason": AbortReason.NO_KEY},
        {"verification_bits": 64, "reason": AbortReason.VERIFICATION_FAILED},
    ],
)
def test_rounds_that_did_not_verify(changes: dict[str, int]) -> None:
    """All of their bits may be wrong; their parities and error counts are not booked."""
    rounds = two_rounds(count_bits=0, **changes)
    assert faults_of(rounds, errors=20 + 100 + 1000, leak_bits=200) == []
    assert faults_of(rounds, errors=2000, leak_bits=200) == [
        "40 errors are corrected, 2000 were scored"
    ]
    (found,) = faults_of(rounds, leak_bits=400)
    assert found.endswith("verified_leak_bits 400, rounds.npy has 200")
    rounds["count_bits"][1] = 10
    assert "10 bits of error counts" in faults_of(rounds, leak_bits=200)[0]


def test_the_table_says_what_leaked() -> None:
    """A bit less, and no table at all; a round without key may have verified, by one bit even."""
    assert "verified_leak_bits 399" in faults_of(two_rounds(), leak_bits=399)[0]
    assert "verified_leak_bits None" in faults_of(two_rounds(), leak_bits=None)[0]
    assert faults_of(two_rounds(verification_bits=1, reason=AbortReason.NO_KEY)) == []


@pytest.mark.parametrize(
    ("count_bits", "lanes", "sampled_bits", "is_right"),
    [
        (10, 1, 100, True),
        (9, 1, 100, False),
        (20, 1, 100, True),
        (21, 1, 100, False),
        (40, 2, 100, True),
        (41, 2, 100, False),
        (9, 1, 500, True),
        (8, 1, 500, False),
    ],
)
def test_bits_of_error_counts(
    count_bits: int, lanes: int, sampled_bits: int, *, is_right: bool
) -> None:
    """A count below 1024 has ten bits, one below 512 nine; two of each lane, of two bases."""
    rounds = two_rounds(count_bits=count_bits, sampled_bits=sampled_bits)
    found = faults_of(rounds, lanes=lanes)
    assert [f"{count_bits} bits of error counts" in text for text in found] == [True] * (
        not is_right
    )


def test_a_security_that_books_no_error_counts() -> None:
    """Then there are none; and one that nobody knows is told."""
    rounds = two_rounds()
    rounds["count_bits"] = 0
    assert faults_of(rounds, security="asymptotic") == []
    rounds["count_bits"][1] = 1
    assert faults_of(rounds, security="asymptotic") == [
        "1 bits of error counts, which are 0 or more"
    ]
    (found,) = faults_of(two_rounds(), security="none")
    assert found.startswith("alice-bob: ")
