"""Files of recorders: what we write is read by libraries and by readers of the test's own."""

import bz2
import gzip
import lzma
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import WritableFormat
from netsim.recordings.formats.ptu import MAGIC, t2_records
from netsim.recordings.formats.swabian import RECORD
from netsim.recordings.reading import read_recording
from netsim.recordings.writing import NPY, WRITTEN, check_written, convert_tags

RNG = np.random.default_rng(5)
TIMES = np.cumsum(RNG.integers(0, 3_000_000, size=4000)).astype(np.int64)
TIMES[2000:] += 40 << 25  # a silence of forty wraps
DETECTORS = RNG.integers(0, 4, size=4000).astype(np.int64)
TICK_PS = 25


def written(folder: Path, name: str) -> Path:
    """The tags of this module in a format."""
    form: WritableFormat = WRITTEN[name]
    path = folder / f"tags{form.suffix}"
    form.write(path, TIMES, DETECTORS, TICK_PS)
    return path


@pytest.mark.parametrize("name", sorted(WRITTEN.keys() - {"a1"}))
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    """The same times and detectors; what a file knows of its tick it says."""
    found = read_recording(written(tmp_path, name))
    tick_ps = found.tick_ps or Fraction(TICK_PS)
    assert np.array_equal(found.times_ticks * int(tick_ps), TIMES * TICK_PS)
    assert np.array_equal(found.detectors, DETECTORS)
    assert found.tick_ps == {"csv": None, "ptu": 25, "swabian": 1}[name]


def ptu_by_hand(content: bytes) -> tuple[float, list[tuple[int, int]]]:
    """Resolution in s, and (time, channel) of the photons: PicoQuant's demo, record by record."""
    assert content.startswith(b"PQTTTR\0\0")
    place, header = 16, {}
    while True:
        name = content[place : place + 32].rstrip(b"\0").decode()
        _, kind, value = struct.unpack_from("<iIq", content, place + 32)
        place += 48
        if kind == 0x20000008:
            value = struct.unpack("<d", struct.pack("<q", value))[0]
        if kind == 0x4001FFFF:
            place += value
        header[name] = value
        if name == "Header_End":
            break
    assert header["TTResultFormat_TTTRRecType"] == 0x01010204
    correction, photons = 0, []
    records = list(struct.iter_unpack("<I", content[place:]))
    for (record,) in records:
        special, channel, time = record >> 31, (record >> 25) & 63, record & 0x1FFFFFF
        if special and channel == 63:
            correction += 33554432 * (time or 1)
        elif not special:
            photons.append((correction + time, channel))
    assert len(records) == header["TTResult_NumberOfRecords"]
    return header["MeasDesc_GlobalResolution"], photons


def test_ptu_by_an_independent_reader_and_by_ptufile(tmp_path: Path) -> None:
    """Overflows, more than one in a record too, add up to the times; the tick is the header's."""
    path = written(tmp_path, "ptu")
    resolution_s, photons = ptu_by_hand(path.read_bytes())
    assert resolution_s == pytest.approx(25e-12)
    assert photons == list(zip(TIMES.tolist(), DETECTORS.tolist(), strict=True))
    ptufile = pytest.importorskip("ptufile")
    with ptufile.PtuFile(path) as file:
        assert not file.is_t3
        decoded = file.decode_records()
    decoded = decoded[decoded["channel"] >= 0]
    assert decoded["time"].tolist() == TIMES.tolist()


def test_swabian_by_an_independent_reader(tmp_path: Path) -> None:
    """Sixteen bytes a tag: type, nothing, missed, channel, time in ps."""
    content = written(tmp_path, "swabian").read_bytes()
    assert len(content) == 16 * TIMES.size
    rows = list(struct.iter_unpack("<BBHiq", content))
    assert {row[:3] for row in rows} == {(0, 0, 0)}
    assert [row[3] for row in rows] == DETECTORS.tolist()
    assert [row[4] for row in rows] == (TIMES * TICK_PS).tolist()


def test_s_fifteen_by_an_independent_reader(tmp_path: Path) -> None:
    """54 bits of 1/256 ns, cut and not rounded, and ten of which four are the pattern."""
    path = written(tmp_path, "a1")
    words = [word for (word,) in struct.iter_unpack("<Q", path.read_bytes())]
    ticks = [int(time) * TICK_PS * 256 // 1000 for time in TIMES]
    assert [word >> 10 for word in words] == ticks
    assert [word & 15 for word in words] == [2 ** int(detector) for detector in DETECTORS]
    found = read_recording(path)
    assert found.tick_ps == Fraction("3.90625")
    assert found.times_ticks.tolist() == ticks
    assert found.detectors.tolist() == [2 ** int(detector) for detector in DETECTORS]


def test_s_fifteen_of_exchanged_halves_and_events_without_click(tmp_path: Path) -> None:
    """Legacy files have the upper half first; what shows no detector is no tag."""
    words = [(9 << 40) | 3, (9 << 40) | (5 << 10), (10 << 40) | 8, (11 << 40) | 1]
    for name, shape in (("new", "<II"), ("old", "<II")):
        halves = [(word & 0xFFFFFFFF, word >> 32) for word in words]
        ordered = halves if name == "new" else [pair[::-1] for pair in halves]
        path = tmp_path / f"{name}.a1"
        path.write_bytes(b"".join(struct.pack(shape, *pair) for pair in ordered))
        found = read_recording(path)
        assert found.times_ticks.tolist() == [9 << 30, 10 << 30, 11 << 30]
        assert found.detectors.tolist() == [3, 8, 1]
    (tmp_path / "odd.a1").write_bytes(b"123456789")
    with pytest.raises(ConfigError, match="no words of 8"):
        read_recording(tmp_path / "odd.a1")


def test_a_qutag_is_read_behind_its_header(tmp_path: Path) -> None:
    """Ten bytes a tag behind forty; a file of another layout is refused."""
    tags = [(5, 0), (1 << 40, 3), ((1 << 40) + 1, 2)]
    content = b"\xff" * 40 + b"".join(struct.pack("<qh", *tag) for tag in tags)
    (tmp_path / "tags.qutag").write_bytes(content)
    found = read_recording(tmp_path / "tags.qutag")
    assert list(zip(found.times_ticks, found.detectors, strict=True)) == tags
    assert found.tick_ps is None
    (tmp_path / "cut.qutag").write_bytes(content[:-1])
    with pytest.raises(ConfigError, match="compressed"):
        read_recording(tmp_path / "cut.qutag")


def test_a_ttbin_needs_the_package_of_its_vendor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it one clear word, which names what is read instead."""
    monkeypatch.setattr("netsim.recordings.formats.ttbin.MODULES", ("no_such_tagger",))
    (tmp_path / "tags.ttbin").write_bytes(b"anything")
    with pytest.raises(ConfigError, match=r"Swabian-TimeTagger.*\.dump"):
        read_recording(tmp_path / "tags.ttbin")


def test_a_tagger_that_lost_clicks_says_so(tmp_path: Path) -> None:
    """Markers of overflow are no tags; falling edges have negative channels; losses add up."""
    records = np.zeros(5, dtype=RECORD)
    records["type"] = [0, 2, 4, 3, 0]
    records["missed"] = [0, 0, 77, 0, 0]
    records["channel"], records["time"] = [-3, 0, 2, 0, 1], [-5, 6, 7, 8, 9]
    records.tofile(tmp_path / "tags.dump")
    found = read_recording(tmp_path / "tags.dump")
    assert (found.times_ticks.tolist(), found.detectors.tolist()) == ([-5, 9], [-3, 1])
    assert found.lost == 77


def test_markers_of_a_harp_are_no_tags(tmp_path: Path) -> None:
    """Special records other than overflows are left out."""
    pytest.importorskip("ptufile")
    path = written(tmp_path, "ptu")
    content = bytearray(path.read_bytes())
    marker = (1 << 31) | (2 << 25) | (TIMES[0] & 0x1FFFFFF)
    content[-4:] = struct.pack("<I", int(marker))
    path.write_bytes(content)
    assert read_recording(path).times_ticks.size == TIMES.size - 1


LONG_GZIP = gzip.compress(b"time,detector\n" + b"1,2\n" * 999, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tags.dump", bytes(17), "17 bytes are no records"),
        ("tags.dump", b"\x09" * 16, "unknown type"),
        ("tags.ptu", b"PQTTTR\0\0" + bytes(40), "cannot be read"),
        ("tags.ptu", b"something else altogether", "cannot be read"),
        ("tags.ptu", MAGIC, "cannot be read"),
        ("tags.csv.gz", b"no gzip", "cannot be read"),
        ("tags.csv.xz", b"no xz", "cannot be read"),
        ("tags.csv.gz", gzip.compress(b"time,detector\n1,2\n3,x\n", mtime=0), "line 3 is '3,x'"),
        ("tags.csv.gz", LONG_GZIP[:-20], "cannot be read"),
        ("tags.npy.gz", b"1", "no .a1, .csv"),
    ],
)
def test_what_is_none_of_these(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """Is refused in one line."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_recording(path)
    assert len(caught.value.faults) == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "5,1\n7,3\n",
        "time;channel\n5;1\n7;3\n",
        "# lab 3\n% noon\nchannel\ttime\tgate\n1\t5\t0\n3\t7\t0\n",
        "5 1\n7 3\n",
        '"Timestamp","Ch"\n5,1\n7,3\n',
        "ch,note,t\n1,-,5\n3,b,7\n",
        "\ufefftime , detector\r\n5, 1\r\n7, 3\r\n",
        "5,1,9\n7,3,9\n",
    ],
)
def test_texts_of_any_make(tmp_path: Path, text: str) -> None:
    """Separators, headers, comments, columns in any order and others beside them."""
    for suffix, pack in (
        (".csv", bytes),
        (".csv.gz", gzip.compress),
        (".csv.bz2", bz2.compress),
        (".CSV.xz", lzma.compress),
    ):
        path = tmp_path / f"tags{suffix}"
        path.write_bytes(pack(text.encode()))
        found = read_recording(path)
        assert found.times_ticks.tolist() == [5, 7]
        assert found.detectors.tolist() == [1, 3]


@pytest.mark.parametrize("name", sorted(WRITTEN.keys() - {"a1"}))
def test_tags_of_a_run_are_converted_together(tmp_path: Path, name: str) -> None:
    """A clock that is behind makes all users' times later by the same whole milliseconds."""
    ticks_ps = {"alice": 10, "bob": 25}
    times = {"alice": np.array([-60_000_000, 5]), "bob": np.array([3, 90])}
    for user, of_user in times.items():
        np.save(tmp_path / f"{user}.npy", (of_user << 2) | np.array([3, 1]))
    late_ps = convert_tags(tmp_path, ticks_ps, name)
    assert late_ps == 1_000_000_000
    for user, of_user in times.items():
        found = read_recording(tmp_path / f"{user}{WRITTEN[name].suffix}")
        tick_ps = int(found.tick_ps or ticks_ps[user])
        assert (found.times_ticks * tick_ps - late_ps).tolist() == (
            of_user * ticks_ps[user]
        ).tolist()
        assert found.detectors.tolist() == [3, 1]
        assert not (tmp_path / f"{user}.npy").exists()


def test_tags_above_zero_stay_where_they_are(tmp_path: Path) -> None:
    """And npy is what a run has written already; empty files are files."""
    np.save(tmp_path / "alice.npy", np.array([4 << 2], dtype=np.int64))
    np.save(tmp_path / "bob.npy", np.zeros(0, dtype=np.int64))
    assert convert_tags(tmp_path, {"alice": 1, "bob": 1}, NPY) == 0
    assert convert_tags(tmp_path, {"alice": 1, "bob": 1}, "swabian") == 0
    assert read_recording(tmp_path / "alice.dump").times_ticks.tolist() == [4]
    assert (tmp_path / "bob.dump").stat().st_size == 0
    with pytest.raises(ValueError, match="none of npy, a1, csv, ptu, swabian"):
        check_written("ttbin")


def test_a_silence_beyond_all_records_is_refused() -> None:
    """2^25 overflows of 2^25 ticks: thirteen days of picoseconds would take 2^60."""
    with pytest.raises(ValueError, match="silence"):
        t2_records(np.array([0, 1 << 51]), np.array([0, 0]))


@pytest.mark.parametrize(
    ("suffix", "head", "record"), [("a1", 0, 8), ("qutag", 40, 10), ("dump", 0, 16)]
)
def test_more_tags_than_memory_holds_are_refused(
    tmp_path: Path, suffix: str, head: int, record: int
) -> None:
    """By the size of the file, before it is read: of 2^28 + 1 records, nearly all a hole."""
    path = tmp_path / f"large.{suffix}"
    with path.open("wb") as file:
        file.truncate(head + record * (2**28 + 1))
    with pytest.raises(ConfigError, match="more than 268435456 tags; cut it in pieces"):
        read_recording(path)
