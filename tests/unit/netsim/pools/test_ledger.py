"""The ledger: only possible movements are booked."""

import pytest

from netsim.pools.ledger import ALLOWED_CREDITS, NO_BLOCK, Account, Ledger, Movement, balances
from tests.unit.netsim.runs import ENDS, LINK, made_up_movements


def sifted(bits: int, time_ps: int = 0) -> Movement:
    """`bits` from light into a round."""
    return Movement(time_ps, LINK, "Alice", 0, Account.LIGHT, Account.OPEN, bits)


def test_balances_follow_the_movements() -> None:
    """Each movement leaves one account and enters the other; all of an end add up to zero."""
    movements: list[Movement] = []
    ledger = Ledger(movements)
    ledger.append(sifted(100))
    ledger.append(Movement(1, LINK, "Alice", 0, Account.OPEN, Account.POOL, 60))
    assert ledger.balance(LINK, "Alice", Account.LIGHT) == -100
    assert ledger.balance(LINK, "Alice", Account.OPEN) == 40
    assert ledger.balance(LINK, "Alice", Account.POOL) == 60
    assert ledger.balance(LINK, "Bob", Account.POOL) == 0
    assert sum(balances(movements).values()) == 0


@pytest.mark.parametrize(
    ("movement", "reason"),
    [
        (sifted(-1), "-1 bits"),
        (Movement(0, LINK, "Alice", 0, Account.OPEN, Account.POOL, 101), "holds 100 bits"),
        (Movement(0, LINK, "Bob", 0, Account.OPEN, Account.POOL, 1), "holds 0 bits"),
        (Movement(0, LINK, "Alice", 0, Account.LIGHT, Account.POOL, 1), "no way"),
        (Movement(0, LINK, "Alice", 0, Account.FAILED, Account.OPEN, 0), "no way"),
        (Movement(-1, LINK, "Alice", 0, Account.LIGHT, Account.OPEN, 1), "older"),
        (Movement(0, "a,b", "Alice", 0, Account.LIGHT, Account.OPEN, 1), "no name"),
        (Movement(0, LINK, "", 0, Account.LIGHT, Account.OPEN, 1), "no name"),
    ],
)
def test_impossible_movements_are_refused(movement: Movement, reason: str) -> None:
    """Negative bits, overdrafts, detours, time running backwards: refused, nothing is booked."""
    movements: list[Movement] = []
    ledger = Ledger(movements)
    ledger.append(sifted(100))
    with pytest.raises(ValueError, match=reason):
        ledger.append(movement)
    assert movements == [sifted(100)]


def test_every_account_is_in_the_map() -> None:
    """Each account can be entered or is an origin; wire and spent have no way out."""
    entered = {credit for ways in ALLOWED_CREDITS.values() for credit in ways}
    memos = {Account.PARITIES, Account.VERIFICATION, Account.COUNTS, Account.TESTED}
    origins = {Account.LIGHT, Account.PRESHARED} | memos
    assert entered | origins == set(Account)
    assert not entered & origins
    assert Account.SPENT not in ALLOWED_CREDITS
    assert Account.WIRE not in ALLOWED_CREDITS


def test_the_made_up_rows_name_both_ends() -> None:
    """The rows that other tests use are those of a whole link."""
    rows = made_up_movements()
    assert {row.end for row in rows} == set(ENDS)
    assert NO_BLOCK in {row.block for row in rows}
