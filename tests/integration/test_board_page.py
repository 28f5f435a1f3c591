"""What docs/board.md prints of the board is what the board gives."""

from pathlib import Path

import pytest

from netsim.board.experiments import EXPERIMENTS
from netsim.board.experiments.adhikari2026 import SECURITIES
from netsim.board.runner import run_board
from tests.support.browser import beyond_px, see
from tests.support.pages import PAGES

# Of a row of the page: how it begins, the experiment, the quantities, and what it says of them;
# places are the value and the error of each in turn.
SAID = (
    ("Naik 2000: S", "naik2000", ("S, first of two",), "{:.3f} +- {:.3f}"),
    ("Naik 2000: raw key", "naik2000", ("raw key [bits]",), "{:.0f} +- {:.0f} bits"),
    ("Naik 2000: key", "naik2000", ("key [bits]",), "{:.0f} bits"),
    ("Naik 2000: S with", "naik2000", ("S with 58.6 % caught",), "{:.3f} +- {:.3f}"),
    ("Ling 2008: error rate", "ling2008", ("error rate [%]",), "{:.2f} +- {:.2f} %"),
    ("Ling 2008: key", "ling2008", ("secure key [bit/s]",), "{:.0f} bit/s"),
    (
        "Ling 2008: key by S",
        "ling2008",
        ("secure key by S, f = 1 [bit/s]", "secure key by S, f = 1.2 [bit/s]"),
        "{:.0f} +- {:.0f}; {:.0f} +- {:.0f} bit/s",
    ),
    (
        "Appas 2021: coincidences",
        "appas2021",
        ("coincidences of 100 GHz without fibre in 30 s",),
        "{:.0f} +- {:.0f}",
    ),
    (
        "Appas 2021: factor",
        "appas2021",
        ("coincidences without fibre over those with 25 km",),
        "{:.1f} +- {:.2f}",
    ),
    ("Neumann 2022", "neumann2022", ("asymptotic key [bit/s]",), "{:.2f} bit/s"),
    (
        "Alshowkan 2021: QBER of A-B, B-C in 10 ns",
        "alshowkan2021",
        (
            "QBER of alice-bob in 10 ns, clocks as printed [%]",
            "QBER of bob-charlie in 10 ns, clocks as printed [%]",
        ),
        "{:.1f} +- {:.1f}, {:.1f} +- {:.1f} %",
    ),
    (
        "Alshowkan 2021: the same",
        "alshowkan2021",
        (
            "QBER of alice-bob in 10 ns, clocks without error [%]",
            "QBER of bob-charlie in 10 ns, clocks without error [%]",
        ),
        "{:.1f} +- {:.1f}, {:.1f} +- {:.1f} %",
    ),
    (
        "Alshowkan 2021: QBER of A-B, B-C, A-C in 1 ns",
        "alshowkan2021",
        (
            "QBER of alice-bob in 1 ns [%]",
            "QBER of bob-charlie in 1 ns [%]",
            "QBER of alice-charlie in 1 ns [%]",
        ),
        "{:.1f} +- {:.1f}, {:.1f} +- {:.1f}, {:.1f} +- {:.1f} %",
    ),
    (
        "Wang 2026: singles of C",
        "wang2026",
        ("singles of C with 5 channels [1/s]",),
        "{:,.0f} +- {:.0f} /s",
    ),
    (
        "Wang 2026: key of",
        "wang2026",
        (
            "key of A-B [bit/s]",
            "key of D-G [bit/s]",
            "key of A-C, A with 2 channels [bit/s]",
        ),
        "{:.1f}, {:.1f}, {:.1f} bit/s",
    ),
    (
        "Wang 2026, A, B and C elsewhere",
        "wang2026",
        (
            "A, B and C placed: key of A-B [bit/s]",
            "A, B and C placed: key of A-C, A with 2 channels [bit/s]",
        ),
        "{:.1f}, {:.1f} bit/s",
    ),
    (
        "Wang 2026, the same: key of D-G",
        "wang2026",
        ("A, B and C placed: key of D-G [bit/s]",),
        "{:.1f} bit/s",
    ),
    ("Wang 2026: links with", "wang2026", ("links with 4.8 to 190 bit/s",), "{:.0f}"),
    (
        "Wang 2026, favourable: powers of six",
        "wang2026",
        ("favourable: powers of six at which the full mesh makes more",),
        "{:.0f}",
    ),
    (
        "Wang 2026, challenging: links",
        "wang2026",
        ("challenging, power 1.0: links of 15 that make more in partial meshes (printed: many)",),
        "{:.0f}",
    ),
    (
        "Wang 2026, two slices",
        "wang2026",
        ("two slices of three users: least key with A-B as well, over that without",),
        "{:.2f}",
    ),
    (
        "Wang 2026: a new user joins",
        "wang2026",
        (
            "A joins from B in the order C D F G, favourable [s]",
            "A joins from G in the order F D C B, favourable [s]",
        ),
        "{:.0f}, {:.0f} s",
    ),
    (
        "Honjo 2008: sifted, 0 km",
        "honjo2008",
        ("sifted key, 0 km, by losses [bit/s]", "sifted key, 0 km, by singles [bit/s]"),
        "{:.1f}; {:.1f} bit/s",
    ),
    (
        "Honjo 2008: QBER, 0 km",
        "honjo2008",
        ("QBER, 0 km, by losses [%]", "QBER, 0 km, by singles [%]"),
        "{:.2f}; {:.2f} %",
    ),
    (
        "Honjo 2008: sifted, 2 x 50 km",
        "honjo2008",
        ("sifted key, 2 x 50 km, by losses [bit/s]",),
        "{:.3f} bit/s",
    ),
    (
        "Honjo 2008: the same, by singles",
        "honjo2008",
        ("sifted key, 2 x 50 km, by singles [bit/s]",),
        "{:.3f} bit/s",
    ),
    (
        "Honjo 2008: QBER, 2 x 50 km",
        "honjo2008",
        ("QBER, 2 x 50 km, by losses [%]", "QBER, 2 x 50 km, by singles [%]"),
        "{:.2f}; {:.2f} %",
    ),
    (
        "Honjo 2008: secure key",
        "honjo2008",
        ("secure key, 2 x 50 km, by singles [bit/s]",),
        "{:.3f} bit/s",
    ),
    ("Joshi 2020", "joshi2020", ("links with asymptotic key",), "{:.0f}"),
    ("Adhikari 2026: coincidences", "adhikari2026", ("coincidences [1/s]",), "{:.1f} +- {:.1f} /s"),
    ("Adhikari 2026: QBER", "adhikari2026", ("QBER [%]",), "{:.1f} +- {:.1f} %"),
    ("Adhikari 2026: asymptotic", "adhikari2026", ("asymptotic key [bit/s]",), "{:.0f}"),
    (
        "Adhikari 2026, heralded: coincidences",
        "adhikari2026",
        ("heralded: coincidences net of accidentals [1/s]",),
        "{:.1f} +- {:.1f} /s",
    ),
    (
        "Adhikari 2026, heralded: QBER",
        "adhikari2026",
        ("heralded: QBER [%]",),
        "{:.2f} +- {:.2f} %",
    ),
    (
        "Adhikari 2026, heralded: key",
        "adhikari2026",
        tuple(f"heralded: key of 33 min, {bound} [bit/s]" for bound in SECURITIES),
        "{:.2f}, {:.2f}, {:.2f} bit/s",
    ),
)


def test_each_row_of_the_page_is_checked() -> None:
    """All but those whose words are not a number of the board."""
    starts = [start for start, *_ in SAID]
    others = ("Wang 2026, favourable: the partial", "Wang 2026: the same, challenging")
    for words, *_ in rows_of_page():
        assert words.startswith((*starts, *others)), words


@pytest.mark.slow
def test_a_browser_shows_the_board(tmp_path: Path) -> None:
    """A silent console, nothing asked of any host, plots no wider than a phone."""
    (naik,) = (experiment for experiment in EXPERIMENTS if experiment.name == "naik2000")
    run_board([naik], tmp_path / "board", scale=0.005)
    index = tmp_path / "board" / "index.html"
    seen = see(index, tmp_path / "profile")
    assert seen.complaints == []
    assert '<img src="naik2000.svg"' in seen.html
    assert beyond_px(index, tmp_path / "profile") == 0


@pytest.mark.slow
def test_the_page_says_what_the_board_gives(tmp_path: Path) -> None:
    """Every number of its table, in full."""
    found = {
        (experiment.name, row.quantity): row.predicted
        for experiment, rows in run_board(EXPERIMENTS, tmp_path / "board", workers=2)
        for row in rows
    }
    for start, experiment, quantities, text in SAID:
        values: list[float] = []
        for quantity in quantities:
            prediction = found[experiment, quantity]
            values += [prediction.value]
            values += [] if prediction.sigma is None else [prediction.sigma]
        said = [cells[0] for words, *cells in rows_of_page() if words.startswith(start)]
        assert text.format(*values) in said, start


def rows_of_page() -> list[list[str]]:
    """Cells of its first table."""
    lines = PAGES["docs/board.md"].splitlines()
    first = lines.index("| | predicted | published | |") + 2
    table = lines[first : lines.index("", first)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
