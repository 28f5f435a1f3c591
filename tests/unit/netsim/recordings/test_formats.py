"""Recorded tags: every documented format reads alike, everything else is one clear line."""

import pickle
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.errors import ConfigError
from netsim.recordings.formats.interface import FileTags, TagFormat
from netsim.recordings.formats.registry import FORMATS
from netsim.recordings.packing import (
    BURST_TAGS,
    packed_tags,
    parse_delays_ps,
    parse_detector_map,
    parse_tick_ps,
)
from netsim.recordings.reading import Recording, read_recording

TIMES = np.array([0, 5, 5, 900, 10**12], dtype=np.int64)
DETECTORS = np.array([3, 0, 1, 2, 3], dtype=np.int64)
PLAIN = {0: (0,), 1: (1,), 2: (2,), 3: (3,)}
TICK_PS = Fraction(10)


def written(path: Path, form: str) -> Path:
    """The sample above in one of the formats."""
    if form == "csv":
        rows = "".join(f"{t},{d}\n" for t, d in zip(TIMES, DETECTORS, strict=True))
        path.with_suffix(".csv").write_text("time,detector\n" + rows)
        return path.with_suffix(".csv")
    if form == "npz":
        np.savez_compressed(
            path.with_suffix(".npz"), time=TIMES, detector=DETECTORS.astype(np.int8)
        )
        return path.with_suffix(".npz")
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "packed": TIMES << 2 | DETECTORS,
        "columns": np.stack([TIMES, DETECTORS], axis=1).astype(np.uint64),
        "fields": np.array(
            list(zip(DETECTORS, TIMES, strict=True)), dtype=[("detector", "u1"), ("time", "<i8")]
        ),
    }
    np.save(path.with_suffix(".npy"), arrays[form])
    return path.with_suffix(".npy")


@pytest.mark.parametrize("form", ["csv", "npz", "packed", "columns", "fields"])
def test_every_format_reads_alike(tmp_path: Path, form: str) -> None:
    """The same tags come out of every documented format."""
    found = read_recording(written(tmp_path / "tags", form))
    assert np.array_equal(found.times_ticks, TIMES)
    assert np.array_equal(found.detectors, DETECTORS)
    assert found.times_ticks.dtype == found.detectors.dtype == np.int64


def test_packing_maps_calibrates_and_sorts(tmp_path: Path) -> None:
    """Numbers become bases and bits, late detectors are corrected, ignored channels go."""
    found = read_recording(written(tmp_path / "tags", "packed"))
    tags = packed_tags(
        found,
        source="tags",
        tick_ps=TICK_PS,
        detector_map=parse_detector_map("0=x1, 1=-,2=Z0,3=Z1"),
        delays_ps=parse_delays_ps("2=9000"),
    )
    assert tags.tolist() == [0 << 2 | 0, 0 << 2 | 1, 5 << 2 | 3, 10**12 << 2 | 1]


def test_packed_times_may_be_negative(tmp_path: Path) -> None:
    """As a simulation saves them, where a clock is behind."""
    np.save(tmp_path / "tags.npy", np.array([-7 << 2 | 3, 5 << 2], dtype=np.int64))
    found = read_recording(tmp_path / "tags.npy")
    assert found.times_ticks.tolist() == [-7, 5]
    assert found.detectors.tolist() == [3, 0]


@pytest.mark.parametrize("text", ["", "0=Z2", "0=Z0,0=Z1", "a=Z0", "0", "0=Z0;1=Z1", "0=Z0+"])
def test_bad_maps(text: str) -> None:
    """A map that is none is refused."""
    with pytest.raises(ValueError, match=r"entry|twice"):
        parse_detector_map(text)


@pytest.mark.parametrize("text", ["0=x", "0=1.5", "0=1,0=2", "0=", "nan=3"])
def test_bad_delays(text: str) -> None:
    """A calibration that is none is refused."""
    with pytest.raises(ValueError, match=r"entry|twice"):
        parse_delays_ps(text)


def refusal(path: Path) -> str:
    """The one line that refuses a file."""
    with pytest.raises(ConfigError) as caught:
        read_recording(path)
    (fault,) = caught.value.faults
    assert "\n" not in str(fault)
    assert str(path) in str(fault)
    return fault.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty file"),
        ("a,b\n5,1\n6,2\n", "first line is 'a,b'"),
        ("time,detector\n", "no time tags"),
        ("time,detector\n5,1\nnan,1\n", "line 3 is 'nan,1'"),
        ("time,detector\n5,1\n6.5,1\n", "line 3 is '6.5,1'"),
        ("time,detector\n5,1\n60", "line 3 is '60'"),
        ("time,detector\n5,1\n6,2,3\n", "line 3 is '6,2,3'"),
        ("time,detector\n-5,1\n", "negative time -5"),
        ("time,detector\n9999999999999999999,1\n", "do not fit int64"),
        ("time,detector\n" + "9" * 5000 + ",1\n", "line 2"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, message: str) -> None:
    """Each way in which a CSV file can be wrong is told with its place."""
    path = tmp_path / "tags.csv"
    path.write_text(text)
    assert message in refusal(path)


def test_truncated_npy(tmp_path: Path) -> None:
    """A file that ends before its header says is told so."""
    path = written(tmp_path / "tags", "packed")
    path.write_bytes(path.read_bytes()[:-9])
    assert "truncated: 40 bytes of tags promised, 31 there" in refusal(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([1.0, np.nan]), "float64"),
        (np.array([[1.0, np.nan]]), "time is float64"),
        (np.array([1, 2], dtype=np.int32), "int32"),
        (np.zeros(0, dtype=np.int64), "no time tags"),
        (np.zeros((3, 3), dtype=np.int64), "shape (3, 3)"),
        (np.int64(3), "shape ()"),
        (np.array([[-9, 0]], dtype=np.int64), "negative time -9 at entry 0"),
        (np.full((1, 2), 2**63, dtype=np.uint64), "above 2^63"),
        (np.array(["a", "b"]), "not int64"),
        (np.array([(1, 2)], dtype=[("time", "i8"), ("channel", "i8")]), "fields time, channel"),
        (np.array([(1, 0.5)], dtype=[("time", "i8"), ("detector", "f8")]), "detector is float64"),
    ],
)
def test_bad_npy(tmp_path: Path, values: np.ndarray[Any, Any], message: str) -> None:
    """Wrong types, shapes, orders and signs: each told."""
    path = tmp_path / "tags.npy"
    np.save(path, values)
    assert message in refusal(path)


def test_a_huge_promise_allocates_nothing(tmp_path: Path) -> None:
    """A header of 2^60 tags, and one of a gigabyte of header, are refused at once."""
    path = tmp_path / "tags.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<i8", "fortran_order": False, "shape": (2**60,)}
        )
    assert "truncated" in refusal(path)
    path.write_bytes(b"\x93NUMPY\x02\x00" + (2**30).to_bytes(4, "little") + b"{'descr'")
    assert "cannot be read" in refusal(path)
    path.write_bytes(b"\x93NUMPY\x02\x00" + (20_000).to_bytes(4, "little") + b" " * 20_000)
    assert "cannot be read" in refusal(path)
    path.write_bytes(b"\x93NUMPY\x09\x00" + bytes(200))
    assert refusal(path)


def test_no_pickles(tmp_path: Path) -> None:
    """Objects in a file are never unpickled."""
    path = tmp_path / "tags.npy"
    np.save(path, np.array([{}, {}], dtype=object), allow_pickle=True)
    assert "Python objects" in refusal(path)
    path.write_bytes(pickle.dumps([1, 2]))
    assert "cannot be read" in refusal(path)


def test_bad_npz(tmp_path: Path) -> None:
    """Missing arrays, unequal lengths, half an archive, no archive."""
    path = tmp_path / "tags.npz"
    np.savez(path, time=TIMES)
    assert "no array 'detector'" in refusal(path)
    np.savez(path, time=TIMES, detector=DETECTORS[:-1])
    assert "shape" in refusal(path)
    np.savez(path, time=TIMES, detector=DETECTORS)
    path.write_bytes(path.read_bytes()[:-30])
    assert "cannot be read" in refusal(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("time.npy", b"junk")
        archive.writestr("detector.npy", b"junk")
    assert "cannot be read" in refusal(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    """Directories, missing files, other formats and devices are refused by name."""
    (tmp_path / "folder.npy").mkdir()
    assert "a directory" in refusal(tmp_path / "folder.npy")
    assert "no such file" in refusal(tmp_path / "nothing.csv")
    (tmp_path / "tags.txt").write_text("1 2")
    assert "no .a1, .csv, .dump, .npy, .npz, .ptu, .qutag or .ttbin" in refusal(
        tmp_path / "tags.txt"
    )
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    assert "no .a1, .csv, .dump, .npy, .npz, .ptu, .qutag or .ttbin" in refusal(
        tmp_path / "zero.npy"
    )


def test_unknown_detectors_times_too_late_and_bursts(tmp_path: Path) -> None:
    """What is wrong with the tags of a readable file is told as well."""
    found = read_recording(written(tmp_path / "tags", "packed"))
    plain: dict[str, Any] = {"source": "tags", "delays_ps": {}}
    with pytest.raises(ConfigError, match=r"not in the map: 2, 3 \(first at entry 3\)"):
        packed_tags(found, tick_ps=TICK_PS, detector_map={0: (0,), 1: (1,)}, **plain)
    with pytest.raises(ConfigError, match="over 13 days: subtract one start"):
        packed_tags(found, tick_ps=Fraction(10**7), detector_map=PLAIN, **plain)
    np.save(tmp_path / "burst.npy", np.arange(BURST_TAGS + 1, dtype=np.int64) << 2)
    dense = read_recording(tmp_path / "burst.npy")
    with pytest.raises(ConfigError, match="in 10 ms"):
        packed_tags(dense, tick_ps=TICK_PS, detector_map=PLAIN, **plain)


def packed(
    times: list[int], detectors: list[int], text: str = "0=Z0,1=Z1,2=X0,3=X1", **options: Any
) -> list[int]:
    """Packed tags of a recording in memory."""
    recording = Recording(np.array(times, dtype=np.int64), np.array(detectors, dtype=np.int64))
    chosen: dict[str, Any] = {"tick_ps": TICK_PS, "delays_ps": {}} | options
    tags = packed_tags(recording, source="tags", detector_map=parse_detector_map(text), **chosen)
    return [int(tag) for tag in tags]


def test_ignored_channels_may_come_in_any_order() -> None:
    """Markers that a recorder writes late; a detector's click out of order is refused by entry."""
    text = "0=Z0,1=Z1,2=X0,3=X1,9=-"
    times, detectors = [10, 20, 5, 30, 2, 40], [0, 1, 9, 2, 9, 3]
    assert packed(times, detectors, text) == [10 << 2, 20 << 2 | 1, 30 << 2 | 2, 40 << 2 | 3]
    reason = "not sorted: time 30 at entry 4 comes after 40; --sort puts them in order"
    with pytest.raises(ConfigError, match=reason):
        packed([10, 9, 40, 8, 30], [0, 9, 1, 9, 2], text)


def test_any_order_with_sort() -> None:
    """The same tags as of the sorted file."""
    assert packed([40, 10, 30], [3, 0, 2], sort=True) == packed([10, 30, 40], [0, 2, 3])


def test_channels_below_zero() -> None:
    """Falling edges of some recorders; their delays are named alike."""
    delays_ps = parse_delays_ps("-2=30")
    assert packed([10, 20], [-1, -2], "-1=Z1,-2=X0", delays_ps=delays_ps) == [41, 17 << 2 | 2]
    with pytest.raises(ConfigError, match="not in the map: -3"):
        packed([10], [-3], "-1=Z1,-2=X0")


def test_patterns_of_detectors_that_clicked_at_once() -> None:
    """A tag each, at the same time: what a double click is worth is the protocol's business."""
    text = "1=Z0,2=Z1,4=X0,8=X1,3=Z0+Z1,7=z0+Z1+X0"
    assert packed([10, 20, 30], [1, 3, 7], text) == [
        *(10 << 2,),
        *(20 << 2, 20 << 2 | 1),
        *(30 << 2, 30 << 2 | 1, 30 << 2 | 2),
    ]


@pytest.mark.parametrize("text", ["3.90625", "80.955", "156.25", "1.000001", "999999.999999"])
def test_ticks_that_are_not_whole(text: str) -> None:
    """Times in picoseconds, the nearest ones, over 13 days; against exact fractions."""
    tick_ps = parse_tick_ps(text)
    assert tick_ps == Fraction(text)
    rng = np.random.default_rng(1)
    times = np.sort(rng.integers(0, int((1 << 60) / tick_ps), 1000)).tolist()
    found = [tag >> 2 for tag in packed(times, [0] * 1000, tick_ps=tick_ps)]
    assert all(abs(ps - t * tick_ps) <= Fraction(1, 2) for ps, t in zip(found, times, strict=True))


@pytest.mark.parametrize("text", ["0", "0.5", "1e3", "1000000.5", "nan", "-4", "1/3", ""])
def test_bad_ticks(text: str) -> None:
    """What is no tick is refused."""
    with pytest.raises(ValueError, match="from 1 to 1e6"):
        parse_tick_ps(text)


def test_times_of_day_say_what_to_do() -> None:
    """UTC in nanoseconds: what to subtract, and that both recordings need the same."""
    with pytest.raises(ConfigError, match="subtract one start, the same for both recordings"):
        packed([1_700_000_000_000_000_000], [0], tick_ps=Fraction(1000))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["csv", "npz", "packed", "fields"]))
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, form: str
) -> None:
    """Any bytes changed, cut or added: tags or a `ConfigError`, nothing else."""
    path = written(tmp_path_factory.mktemp("damaged") / "tags", form)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    stop = data.draw(st.integers(1, len(content)))
    path.write_bytes(bytes(content[:stop]) + data.draw(st.binary(max_size=20)))
    with suppress(ConfigError):
        found = read_recording(path)
        assert found.times_ticks.size == found.detectors.size > 0


class Ticker(TagFormat):
    """A made-up format: one byte a tag, the time; all of detector 2."""

    def read(self, path: Path) -> FileTags:
        """Bytes are times; a zero byte ends the file too early."""
        times = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        if not times.all():
            raise ConfigError.of(path, "stops in the middle")
        return FileTags(times, np.full(times.size, 2))


class Broken(TagFormat):
    """A third party's format that cannot be made."""

    def __init__(self) -> None:
        raise ImportError("no driver")

    def read(self, path: Path) -> FileTags:
        """Never asked."""
        raise NotImplementedError(path)


@pytest.fixture
def made_up() -> Iterator[None]:
    """Both formats above, for the time of a test."""
    before = dict(FORMATS._registered)
    FORMATS.register("tick", Ticker)
    FORMATS.register("broken", Broken)
    yield
    FORMATS._registered = before


@pytest.mark.usefixtures("made_up")
def test_a_registered_format_is_read_and_checked(tmp_path: Path) -> None:
    """One registration: its files are read, what they hold is checked, its faults are told."""
    path = tmp_path / "tags.TICK"
    path.write_bytes(bytes([3, 7, 7]))
    found = read_recording(path)
    assert found.times_ticks.tolist() == [3, 7, 7]
    assert found.detectors.tolist() == [2, 2, 2]
    path.write_bytes(bytes([3, 0]))
    with pytest.raises(ConfigError, match="stops in the middle"):
        read_recording(path)


@pytest.mark.usefixtures("made_up")
def test_known_suffixes_are_told_and_broken_formats_are_one_line(tmp_path: Path) -> None:
    """A file of no format names all formats; one that cannot be made is no traceback."""
    path = tmp_path / "tags.txt"
    path.write_text("x")
    with pytest.raises(
        ConfigError, match=r"no \.a1, .*, \.ptu, \.qutag, \.ttbin, \.tick or \.broken file"
    ):
        read_recording(path)
    path = tmp_path / "tags.broken"
    path.write_text("x")
    with pytest.raises(ConfigError, match="'broken': cannot be loaded: ImportError: no driver"):
        read_recording(path)
