"""Tables of measurements: what is read, and what is refused with its line."""

from pathlib import Path

import pytest

from netsim.errors import ConfigError
from netsim.fit.measured import Figure, read_measured


def written(tmp_path: Path, text: str, name: str = "m.csv") -> Path:
    """Write a table."""
    path = tmp_path / name
    path.write_text(text)
    return path


def faults(*paths: Path) -> list[str]:
    """Faults of tables that must be refused, without their directory."""
    with pytest.raises(ConfigError) as error:
        read_measured(paths)
    return [str(fault).replace(f"{path.parent}/", "") for fault in error.value.faults
        for path in paths[:1]]  # fmt: skip


def test_all_three_kinds_of_table(tmp_path: Path) -> None:
    """Comments, blank cells, short rows, blank lines and spaces are fine; digits are kept."""
    lanes = written(
        tmp_path,
        "# source: us\nusers,channels,n_sift_hz,qber,qber_sigma\n\nA&B, C38&C42 ,1613.9,0.014,\n"
        "A&C,C38&C54,260,0.078,0.002\nA&D,C30&C38\n",
    )
    users = written(tmp_path, "user,singles_hz,singles_sigma_hz\nalice,193000,1e3\n", "u.csv")
    channels = written(tmp_path, "channel,relative_singles\nC38,1.00\n", "c.csv")
    rows = read_measured([lanes, users, channels])
    assert [row.kind for row in rows] == ["channels", "channels", "channels", "user", "channel"]
    assert rows[0].where == f"{lanes}:4"
    assert (rows[0].users, rows[0].names) == (("A", "B"), ("C38", "C42"))
    assert rows[0].figures["qber"] == Figure(0.014, None, 0.0005)
    assert rows[1].figures["qber"].sigma == 0.002
    assert rows[1].figures["n_sift_hz"].rounding == 0.5
    assert rows[2].figures == {}
    assert rows[3].figures["singles_hz"] == Figure(193000.0, 1000.0, 0.5)
    assert rows[4].figures["relative_singles"].rounding == pytest.approx(0.005)


NO_NAMES = "the header needs one of the columns channels, channel, user: what a row is of"
HEAD = "channels,n_sift_hz,qber,visibility,qber_sigma\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{HEAD}C38&C42,-5,,,", "m.csv:2: n_sift_hz: '-5' is below 0"),
        (f"{HEAD}C38&C42,,1.4,,", "m.csv:2: qber: '1.4' is above 1; shares are not in per cent"),
        (f"{HEAD}C38&C42,,-0.1,,", "m.csv:2: qber: '-0.1' is below 0; shares are not in per cent"),
        (
            f"{HEAD}C38&C42,,,97.1,",
            "m.csv:2: visibility: '97.1' is above 1; shares are not in per cent",
        ),
        (f"{HEAD}C38&C42,nan,,,", "m.csv:2: n_sift_hz: 'nan' is no finite number"),
        (f"{HEAD}C38&C42,1e999,,,", "m.csv:2: n_sift_hz: '1e999' is no finite number"),
        (f"{HEAD}C38&C42,many,,,", "m.csv:2: n_sift_hz: 'many' is no finite number"),
        (f"{HEAD}C38&C42,1,0.1,,0", "m.csv:2: qber_sigma: '0' is not above 0"),
        (f"{HEAD}C38&C42,1,,,0.1", "m.csv:2: qber_sigma: of what? qber is blank"),
        (f"{HEAD}C38,1,,,", "m.csv:2: channels: 'C38' are not two, as in X&Y"),
        (f"{HEAD},1,,,", "m.csv:2: channels: '' are not two, as in X&Y"),
        (f"{HEAD}C38&C42,1,,,,7", "m.csv:2: 6 cells, the header has 5"),
        (f"{HEAD}C38&C42,,,,", "m.csv: nothing is measured in there"),
        ("channels,n_sift\nC38&C42,1", "m.csv:1: unknown column 'n_sift'; did you mean n_sift_hz?"),
        ("channels,qber,qber\n", "m.csv:1: column 'qber' is there twice"),
        ("n_sift_hz\n1", f"m.csv:1: {NO_NAMES}"),
        ("", f"m.csv: {NO_NAMES}"),
        ("user,singles_hz\n,1", "m.csv:2: user: missing"),
    ],
)
def test_each_fault_is_one_line_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    """Whatever is wrong with a cell, a row or the header."""
    assert faults(written(tmp_path, text)) == [fault]


def test_all_faults_of_all_files_at_once(tmp_path: Path) -> None:
    """Nobody mends a table line by line."""
    first = written(tmp_path, f"{HEAD}C38&C42,-1,2,,\nC38,1,,,\n")
    missing = tmp_path / "none.csv"
    found = faults(first, missing)
    assert len(found) == 4
    assert "none.csv: cannot be read: No such file or directory" in found


def test_a_file_that_cannot_be_read_is_one_fault(tmp_path: Path) -> None:
    """Of a table that is not there or not UTF-8 nothing is said of its header."""
    path = tmp_path / "m.csv"
    assert faults(path) == ["m.csv: cannot be read: No such file or directory"]
    path.write_bytes(b"\xff\xfe\x00")
    assert faults(path) == ["m.csv: not UTF-8"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"channels\n\x00\n", b'channels\n"', b"\r\r"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes that are no text, no CSV or nothing at all end in faults, never in another error."""
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    assert faults(path)
