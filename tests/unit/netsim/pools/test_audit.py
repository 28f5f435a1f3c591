"""The audit finds every kind of broken book, and nothing in sound ones."""

from dataclasses import replace

import pytest

from netsim.pools.audit import check_balance
from netsim.pools.ledger import Account, Movement
from tests.unit.netsim.runs import LINK, made_up_movements


def rows_with(index: int, **changes: object) -> list[Movement]:
    """The made-up rows, row `index` changed."""
    rows = list(made_up_movements())
    rows[index] = replace(rows[index], **changes)  # type: ignore[arg-type]  # any field
    return rows


def row_of(debit: Account, credit: Account) -> int:
    """Index of the first made-up row from `debit` to `credit`."""
    rows = made_up_movements()
    return next(i for i, row in enumerate(rows) if (row.debit, row.credit) == (debit, credit))


def test_sound_books_have_no_fault() -> None:
    """A whole run, every prefix that ends a round at both ends, and no row at all balance."""
    rows = made_up_movements()
    assert check_balance(rows) == []
    assert check_balance(rows[:2]) == []
    assert check_balance([]) == []


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (rows_with(row_of(Account.LIGHT, Account.OPEN), bits=47_999), "open falls to -1"),
        (rows_with(row_of(Account.OPEN, Account.DOUBT), bits=27_999), "doubt falls to -1"),
        (rows_with(row_of(Account.DOUBT, Account.POOL), bits=27_871), "deposits differ"),
        (rows_with(row_of(Account.LIGHT, Account.OPEN), bits=-1), "-1 bits"),
        (rows_with(row_of(Account.OPEN, Account.AMPLIFIED), block=1), "block 1: open falls"),
        (rows_with(row_of(Account.LIGHT, Account.OPEN), credit=Account.POOL), "no way"),
        (rows_with(len(made_up_movements()) - 1, time_ps=0), "older"),
    ],
)
def test_each_broken_row_is_found(rows: list[Movement], fault: str) -> None:
    """One changed figure, block, account or time is a fault that says where it is."""
    assert any(fault in found for found in check_balance(rows)), check_balance(rows)


def test_a_detour_breaks_the_sum() -> None:
    """Key booked as sampled after its deposit makes the sifted bits appear twice."""
    detour = Movement(60 * 10**12, LINK, "Alice", 0, Account.POOL, Account.SAMPLED, 5)
    faults = check_balance([*made_up_movements(), detour])
    assert f"{LINK} Alice: 95000 bits sifted, 95005 accounted for" in faults


def test_open_blocks_count_as_open() -> None:
    """Bits still in a round or in doubt at one end are no fault."""
    rows = list(made_up_movements())
    middle = rows.index(next(row for row in rows if row.credit is Account.DOUBT)) + 1
    assert check_balance(rows[:middle]) == []


def test_faults_name_their_row_and_figures() -> None:
    """Rows count from one; a block deposits all its rows of an end; no bits are no fault."""
    first = rows_with(0, bits=-1)
    assert "row 1: -1 bits" in check_balance(first)
    place = row_of(Account.DOUBT, Account.POOL)
    row = made_up_movements()[place]
    less = check_balance(rows_with(place, bits=row.bits - 1))
    (told,) = (fault for fault in less if "deposits differ" in fault)
    figures = [int(word.strip(",")) for word in told.split() if word.strip(",").isdigit()][-2:]
    assert sorted(figures)[1] - sorted(figures)[0] == 1
    assert sorted(figures)[1] == sum(
        one.bits
        for one in made_up_movements()
        if (one.end, one.block, one.debit) == (row.end, row.block, Account.DOUBT)
        and one.credit in (Account.POOL, Account.RESERVE)
    )
    nothing = replace(made_up_movements()[-1], bits=0)
    assert check_balance([*made_up_movements(), nothing]) == []


def test_an_end_without_light_is_summed_up_as_well() -> None:
    """Bits that were never sifted are told in the sums, not only where they are taken."""
    stray = Movement(0, LINK, "Alice", 0, Account.POOL, Account.SAMPLED, 5)
    assert f"{LINK} Alice: 0 bits sifted, 5 accounted for" in check_balance([stray])
