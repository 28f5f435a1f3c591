"""Which pairs the ring makes, at what rate."""

import csv
from io import StringIO

import pytest

from netsim.topology.load import parse_topology
from netsim.topology.processes import pair_labels, pair_processes
from tests.unit.netsim.topology.texts import ELSEWHERE, FOUR_USERS

# Fan et al., Light Sci. Appl. 14 (2025), Table 1.
TABLE_1 = """
C32&C36 C28&C40 C24&C44 C18&C50 C14&C54 C30&C38 C26&C42 C20&C48 C16&C52 C12&C56
C44&C48 C40&C52 C36&C56 C42&C50 C38&C54 C32&C60
C36&C44 C32&C48 C28&C52 C24&C56 C38&C42 C30&C50 C26&C54 C20&C60
"""
DEGENERATE_ROWS = 16

# Pair rates per second that were fitted to Table 2 there; all processes of the four-user network.
FITTED_HZ = """channels,structured,calibrated
C14&C54,410204,314319
C18&C50,410204,599690
C26&C42,410204,400797
C26&C54,1640820,1525150
C26&C66,410204,467432
C30&C38,410204,465091
C30&C50,1640820,1680510
C30&C62,410204,360189
C38&C42,1640820,1639850
C38&C54,410204,476281
C42&C50,410204,385902
"""


def test_even_labels_give_exactly_the_pairs_of_table_1() -> None:
    """Labels 12 to 60 less pumps and stimulated lines give the 24 printed pairs and no other."""
    labels = [label for label in range(12, 61, 2) if label not in {22, 34, 46, 58}]
    pairs = {
        f"C{a}&C{b}": pumps
        for (a, b), pumps in pair_labels(labels, (34, 46), 2).items()
        if a in labels and b in labels
    }
    assert sorted(pairs) == sorted(TABLE_1.split())
    degenerate = [pair for pair, ((p, q),) in pairs.items() if p == q]
    assert sorted(degenerate) == sorted(TABLE_1.split()[:DEGENERATE_ROWS])


def test_pumps_and_stimulated_lines_make_no_pairs() -> None:
    """C46 and C22 add up to 2 C34, but drown; C40 and C40 to both pumps; C39 is off the comb."""
    assert pair_labels([46, 22, 34, 58, 39], (34, 46), 2) == {}
    assert pair_labels([40], (34, 46), 2) == {
        (28, 40): ((34, 34),),
        (40, 52): ((46, 46),),
    }


@pytest.mark.parametrize("name", ["structured", "calibrated"])
def test_pair_rates_are_the_fitted_ones(name: str) -> None:
    """Brightness, powers, losses and factors give the fitted rates to their six digits."""
    topology = parse_topology(ELSEWHERE[f"fan2025_{'four_user' if name == 'calibrated' else name}"])
    fitted = {row["channels"]: float(row[name]) for row in csv.DictReader(StringIO(FITTED_HZ))}
    processes = {"&".join(process.channels): process for process in pair_processes(topology)}
    assert processes.keys() == fitted.keys()
    for channels, process in processes.items():
        assert process.rate_hz == pytest.approx(fitted[channels], rel=3e-6)


def test_pair_entry_may_name_its_channels_in_any_order() -> None:
    """An entry for C54&C26 is one for C26&C54."""
    swapped = ['qnsp.source.pairs.C26&C54.channels=["C54","C26"]']
    assert pair_processes(parse_topology(FOUR_USERS, overrides=swapped)) == pair_processes(
        parse_topology(FOUR_USERS)
    )
