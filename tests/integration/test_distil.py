"""`netsim distil`: the protocol on recorded tags, from files to key, and every honest refusal."""

import json
import math
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import netsim
from netsim.cli import run_command
from netsim.pools.audit import check_balance
from netsim.pools.ledgerfile import read_ledger
from netsim.pools.store import UserStore
from netsim.recordings.recording import most_announced
from protocols.ascending import encode_ascending
from protocols.messages import MAX_TIMES_BYTES
from tests.support.light import clean_tags
from tests.support.links import link_config

Tags = NDArray[np.int64]
ROUND = ("--round", "1s")
DELAY = ("--delay", "5000000")
"""Of the synthetic tags: bob's light is 5 us late, his clock 40 us ahead and 0.1 ppm fast."""


@pytest.fixture(scope="module")
def pair() -> tuple[Tags, Tags]:
    """Correlated tags of three seconds."""
    return clean_tags(1, 3.0)


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, Tags], str]:
    """Write packed tags to a file and return its name."""

    def write(name: str, tags: Tags) -> str:
        np.save(tmp_path / f"{name}.npy", tags)
        return str(tmp_path / f"{name}.npy")

    return write


def distilled(
    capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0
) -> tuple[Any, list[str]]:
    """The JSON on stdout and the lines on stderr of one command."""
    delay = () if "--delay" in arguments else DELAY
    assert run_command(["distil", *ROUND, *delay, *arguments, "--json"]) == code
    streams = capsys.readouterr()
    assert "Traceback" not in streams.err
    return json.loads(streams.out or "null"), streams.err.splitlines()


def test_two_recordings_become_key(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Clock found, equal keys at both ends, books that balance, all kept like a run."""
    out = tmp_path / "out"
    files = (save("a", pair[0]), save("b", pair[1]))
    found, _ = distilled(capsys, *files, "--out", str(out))
    assert abs(found["lock"]["offset_ps"] - 40e6) < 1000
    assert abs(found["lock"]["rate_ppm"] - 0.1) < 0.01
    assert found["lock"]["significance_sigma"] > 20
    assert [block["round"] for block in found["blocks"]] == [0, 1, 2]
    # 6000 pairs/s, half in the central peak, half of them in equal bases, 1 - exp(-kappa W / 2) of
    # them within the window; 2 % errors. Two-sided, z = 5.
    expected = 3 * 6000 / 4 * (1 - math.exp(-2 * math.pi * 200e6 * 1e-9))
    assert abs(found["sifted_bits"] - expected) < 5 * expected**0.5
    assert abs(found["qber"] - 0.02) < 5 * (0.02 * 0.98 / found["sifted_bits"]) ** 0.5
    assert found["key_bits"] == sum(block["key_bits"] for block in found["blocks"]) > 1000
    assert found["equal_blocks"] == len(found["blocks"])
    assert found["unequal_blocks"] == found["lone_blocks"] == 0
    assert check_balance(read_ledger(out / "ledger.csv")) == []
    assert json.loads((out / "summary.json").read_text()) == found
    keys = []
    for user in ("alice", "bob"):
        with UserStore(out / "users" / f"{user}.sqlite") as store:
            keys.append(list(store.blocks("alice-bob")))
    assert keys[0] == keys[1] != []
    assert '"link_locked"' in (out / "events.jsonl").read_text()


def test_tables(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without --json the same figures come as tables, with what they assume."""
    files = (save("a", pair[0]), save("b", pair[1]))
    assert run_command(["distil", *files, *ROUND, *DELAY]) == 0
    text = capsys.readouterr().out
    for word in ("offset of bob's clock [ns]", "QBER [%]", "commit", "trusted devices"):
        assert word in text


@pytest.mark.slow
def test_same_seed_same_bytes(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two runs of one seed write the same ledger and events; another seed makes other keys."""
    files = (save("a", pair[0]), save("b", pair[1]))
    for name, seed in (("one", "1"), ("two", "1"), ("other", "2")):
        distilled(capsys, *files, "--out", str(tmp_path / name), "--seed", seed)
    for name in ("ledger.csv", "events.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with (
        UserStore(tmp_path / "one" / "users" / "alice.sqlite") as one,
        UserStore(tmp_path / "other" / "users" / "alice.sqlite") as other,
    ):
        assert list(one.blocks("alice-bob")) != list(other.blocks("alice-bob"))


def test_the_recorders_own_numbers_ticks_and_calibration(
    pair: tuple[Tags, Tags],
    tmp_path: Path,
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another numbering, another tick, a late detector and a marker channel change nothing."""
    alice, bob = pair
    late_ps = np.array([0, 7000, 0, 0])
    times = (alice >> 2) * 10 + late_ps[alice & 3]
    numbers = 8 - (alice & 3)
    order = np.argsort(times, kind="stable")
    times, numbers = times[order], numbers[order]
    markers = np.arange(0, 3 * 10**12, 10**10)
    where = np.searchsorted(times, markers)
    times, numbers = np.insert(times, where, markers), np.insert(numbers, where, 1)
    path = tmp_path / "alice.csv"
    rows = "".join(f"{t},{d}\n" for t, d in zip(times, numbers, strict=True))
    path.write_text("time,detector\n" + rows)
    options = ("--tick-a", "1", "--map", "8=Z0,7=Z1,6=X0,5=X1,1=-", "--detector-delays", "7=7000")
    plain = ("--map-b", "0=Z0,1=Z1,2=X0,3=X1", "--detector-delays-b", "")
    found, _ = distilled(capsys, str(path), save("b", bob), *options, *plain)
    reference, _ = distilled(capsys, save("a", alice), save("b", bob))
    assert found["tags"] == [alice.size, bob.size]
    assert found["qber"] == pytest.approx(reference["qber"], abs=0.005)
    # Published times are cut to 125 ps here, to 100 ps there: some 100 pairs lie at an edge.
    assert abs(found["sifted_bits"] - reference["sifted_bits"]) <= 40
    assert found["key_bits"] > 1000


def test_patterns_of_several_detectors(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One number where two detectors clicked at once is as good as a tag of each.

    A twentieth of all clicks gets a second detector, half of these one of the other basis.
    """
    rng = np.random.default_rng(4)
    files: dict[str, list[str]] = {"patterns": [], "tags": []}
    for name, tags in zip("ab", pair, strict=True):
        ticks, one = tags >> 2, tags & 3
        other = np.where(rng.random(tags.size) < 0.05, rng.integers(0, 4, tags.size), one)
        patterns = np.stack([ticks, (1 << one) | (1 << other)], axis=1)
        both = np.unique(np.concatenate([tags, (ticks << 2) | other]))
        files["patterns"].append(save(f"patterns_{name}", patterns))
        files["tags"].append(save(f"tags_{name}", both))
    singles = ("Z0", "Z1", "X0", "X1")
    meanings = {1 << k: single for k, single in enumerate(singles)}
    for first, second in combinations(range(4), 2):
        meanings[1 << first | 1 << second] = f"{singles[first]}+{singles[second]}"
    numbers = ",".join(f"{pattern}={meaning}" for pattern, meaning in meanings.items())
    found, _ = distilled(capsys, *files["patterns"], "--map", numbers)
    wanted, _ = distilled(capsys, *files["tags"])
    assert found["key_bits"] > 1000
    names = ("lock", "sifted_bits", "qber", "leaked_bits", "key_bits", "blocks", "tags")
    assert {name: found[name] for name in names} == {name: wanted[name] for name in names}
    _, said = distilled(capsys, *files["patterns"], "--map", "1=Z0,2=Z1,4=X0,8=X1", code=2)
    assert "detectors not in the map: 3, 5, 6, 9, 10, 12" in said[0]


def test_recorders_of_ticks_that_are_not_whole(
    pair: tuple[Tags, Tags], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rounded to whole picoseconds, 3.90625 and 80.955 would be 24,000 and 560 ppm off."""
    paths = []
    for name, tags, tick_ps in zip("ab", pair, (3.90625, 80.955), strict=True):
        ticks = np.round((tags >> 2) * 10 / tick_ps).astype(np.int64)
        paths.append(str(tmp_path / f"{name}.npy"))
        np.save(paths[-1], np.stack([ticks, tags & 3], axis=1))
    found, _ = distilled(capsys, *paths, "--tick-a", "3.90625", "--tick-b", "80.955")
    assert found["lock"]["rate_ppm"] == pytest.approx(0.1, abs=0.01)
    assert found["key_bits"] > 1000


def test_a_clock_that_is_known(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """--offset-bound 0: one bin to search, the offset given."""
    files = (save("a", pair[0]), save("b", pair[1]))
    found, _ = distilled(capsys, *files, "--offset", "40000000", "--offset-bound", "0")
    assert found["lock"]["offset_ps"] == pytest.approx(4e7, abs=1e6)
    assert found["key_bits"] > 1000


def test_equal_x_outcomes(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Tags whose X outcomes are equal need --no-flip-x: with it key, without it X is all errors."""
    alice, bob = pair
    equal = np.sort(bob ^ ((bob >> 1) & 1))
    files = (save("a", alice), save("b", equal))
    found, _ = distilled(capsys, *files, "--no-flip-x")
    assert found["key_bits"] > 1000
    assert found["qber_x"] < 0.05
    assert found["outcomes"]["hints"] == []
    assert found["outcomes"]["qber_x"] == pytest.approx(found["qber_x"], abs=0.005)
    found, (line,) = distilled(capsys, *files, code=1)
    assert found["key_bits"] == 0
    assert len(found["aborts"]) == 3
    assert line.startswith("netsim: no key: rounds ended without, 3 ")
    assert found["outcomes"]["qber_x"] > 0.95
    (hint,) = found["outcomes"]["hints"]
    assert hint.endswith("of the outcomes in X are equal: give --no-flip-x")
    assert run_command(["distil", *ROUND, *DELAY, *files]) == 1
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, row in zip(("Z0", "Z1", "X0", "X1"), found["outcomes"]["coincidences"], strict=True):
        assert [name, *map(str, row)] in [line[:5] for line in printed]


def test_recordings_that_began_apart(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Bob's counter an hour ahead: refused with the reason, and fine with --offset."""
    alice, bob = pair
    hour_ps = 3600 * 10**12
    files = (save("a", alice), save("b", bob + (hour_ps // 10 << 2)))
    _, (line,) = distilled(capsys, *files, code=2)
    assert "no time in common" in line
    assert "--offset" in line
    found, _ = distilled(capsys, *files, "--offset", str(hour_ps))
    assert found["lock"]["offset_ps"] == pytest.approx(hour_ps + 40e6, abs=1000)
    assert found["key_bits"] > 1000


def test_unrelated_recordings(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two recordings of different light: no lock, code 1, the best peak and the bins searched."""
    other, _ = clean_tags(2, 3.0)
    found, (line,) = distilled(capsys, save("a", pair[0]), save("c", other), code=1)
    assert "no correlation found (best peak " in line
    counts = r"\d+ pairs in the best place, [0-9.]+ by chance"
    assert re.search(rf"sigma of [0-9.]+e6 bins\): not significant: {counts}", line)
    assert found["lock"] is None
    assert found["blocks"] == []
    assert found["search"]["failed_attempts"] >= 1
    assert {abort["reason"] for abort in found["aborts"]} == {"no_lock"}


def run_fast(tags: Tags, rate: float) -> Tags:
    """The same recording by a clock that runs fast."""
    return ((tags >> 2) * (1 + rate)).astype(np.int64) << 2 | (tags & 3)


def test_a_clock_beyond_the_prior(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """50 ppm off is not found within 1 ppm, and that is what is said."""
    alice, bob = pair
    _, (line,) = distilled(capsys, save("a", alice), save("b", run_fast(bob, 50e-6)), code=1)
    assert "no correlation found" in line


@pytest.mark.parametrize(
    ("rate_ppm", "bound"), [(5, "6"), pytest.param(50, "60", marks=pytest.mark.slow)]
)
def test_a_clock_within_a_wide_prior(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
    rate_ppm: float,
    bound: str,
) -> None:
    """A clock that is far off is found if the prior allows for it; the rest is its own 0.1 ppm."""
    alice, bob = pair
    files = (save("a", alice), save("b", run_fast(bob, rate_ppm * 1e-6)))
    found, _ = distilled(capsys, *files, "--rate-bound", bound)
    assert found["lock"]["rate_ppm"] == pytest.approx(rate_ppm + 0.1, abs=0.02)
    assert found["key_bits"] > 1000


def test_too_short(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Half a second is too little to search in; that is what is said, not that nothing is there."""
    files = [save(f"short{k}", tags[tags >> 2 < 5 * 10**10]) for k, tags in enumerate(pair)]
    _, (line,) = distilled(capsys, *files, code=1)
    assert "one attempt needs 0.84 s" in line


def test_rounds_that_are_over_before_a_lock_are_refused(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Rounds of 200 ms would all be empty, and each would spend its pads."""
    files = [save("a", pair[0]), save("b", pair[1])]
    found, (line,) = distilled(capsys, *files, "--round", "200ms", code=2)
    assert found is None
    assert "--round: is at least 250 ms" in line


def test_faults_come_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options, variant and both files: one line each, code 2, nothing on stdout."""
    (tmp_path / "bad.csv").write_text("time,detector\n5,1\n4,1\n")
    arguments = (str(tmp_path / "bad.csv"), str(tmp_path), "--window", "0", "--umi-delay", "1")
    found, lines = distilled(capsys, *arguments, "--set", "reconciliation=magic", code=2)
    assert found is None
    words = ("--window", "--umi-delay", "protocol.reconciliation", "not sorted", "a directory")
    assert len(lines) == len(words)
    assert all(word in line for word, line in zip(words, lines, strict=True))


def _unsorted(path: Path, tags: Tags) -> None:
    np.save(path, tags[::-1])


def _cut_short(path: Path, tags: Tags) -> None:
    np.save(path, tags)
    path.write_bytes(path.read_bytes()[:-1000])


def _floats(path: Path, tags: Tags) -> None:
    np.save(path, tags.astype(np.float64))


def _without_tags(path: Path, tags: Tags) -> None:
    np.save(path, tags[:0])


def _without_bytes(path: Path, _tags: Tags) -> None:
    path.touch()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (_unsorted, "not sorted"),
        (_cut_short, "ends before|cut short|bytes"),
        (_floats, "float64"),
        (_without_tags, "no time tags"),
        (_without_bytes, "an empty file"),
    ],
)
def test_hostile_recordings(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    *,
    spoil: Callable[[Path, Tags], None],
    word: str,
) -> None:
    """Unsorted, truncated, of the wrong type, empty: one line that says what is wrong, code 2."""
    path = tmp_path / "spoilt.npy"
    spoil(path, pair[1])
    found, (line,) = distilled(capsys, save("a", pair[0]), str(path), code=2)
    assert found is None
    assert "spoilt.npy" in line
    assert re.search(word, line), line


def test_recordings_too_bright_to_be_announced(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """6 MHz for half a second do not fit into a message: one line that says so, code 2."""
    bright = np.sort(np.random.default_rng(1).integers(0, 6 * 10**10, 3_600_000)) << 2
    found, (line,) = distilled(capsys, save("a", bright), save("b", pair[1]), code=2)
    assert found is None
    assert re.search(r"a\.npy: more than 308\d{4} tags in 0\.55 s, from entry \d+", line), line
    assert line.endswith("if the other recording is darker, give it first")


@pytest.mark.parametrize("tick_ps", [1, 10, 10_000])
def test_the_most_that_is_accepted_can_be_announced(tick_ps: int) -> None:
    """As many clicks as are accepted fit into a message, evenly and at random."""
    config = link_config(announcer_tick_ps=tick_ps)
    longest_ticks = 6 * config.frame_ps // tick_ps
    most = most_announced(config)
    assert most > 2_500_000
    random = np.sort(np.random.default_rng(1).integers(0, longest_ticks, most))
    for times in (np.arange(most) * (longest_ticks // most), random):
        assert len(encode_ascending(times, previous=0)) <= MAX_TIMES_BYTES


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--map", "0=Z0,1=Q1"),
        ("--map-b", "0=Z0,0=Z1"),
        ("--detector-delays", "1=fast"),
        ("--round", "0"),
        ("--offset-bound", "soon"),
        ("--rate-bound", "-1"),
        ("--rate-bound", "nan"),
        ("--linewidth", "inf"),
        ("--delay", "9999999999"),
        ("--tick-a", "0"),
    ],
)
def test_bad_options(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
) -> None:
    """Every option out of range is one line that names it."""
    files = (save("a", pair[0]), save("b", pair[1]))
    _, (line,) = distilled(capsys, *files, option, value, code=2)
    assert option in line


@pytest.mark.parametrize(
    "bounds", [("--offset-bound", "1s", "--rate-bound", "1000"), ("--rate-bound", "1000")]
)
def test_a_search_without_end_is_refused(
    bounds: tuple[str, ...],
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Offset and rate bounds that would take hours, or minutes, are refused beforehand."""
    files = (save("a", pair[0]), save("b", pair[1]))
    _, (line,) = distilled(capsys, *files, *bounds, code=2)
    assert "bins" in line


def test_thresholds_that_nobody_fixed(
    pair: tuple[Tags, Tags],
    save: Callable[[str, Tags], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Finite key lengths need thresholds from a twin, which recordings have not: refused."""
    files = (save("a", pair[0]), save("b", pair[1]))
    sets = ("security=finite", "estimation=sample", "error_correction_charge=both-directions")
    options = [word for text in sets for word in ("--set", text)]
    _, (line,) = distilled(capsys, *files, *options, code=2)
    assert "twin" in line


def test_what_a_run_has_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tags saved by a simulation give, distilled, what its own parties made of them."""
    topology = netsim.load_topology("two_user", overrides=["protocol.round_s=1.0"])
    run = netsim.simulate(topology, duration_s=3, seed=4, out=tmp_path, save_tags=True)
    (link,) = run.links
    delay_ps = json.loads((tmp_path / "tags" / "alice-bob.json").read_text())["lane_delays_ps"][0]
    files = [str(tmp_path / "tags" / f"{user}.npy") for user in ("alice", "bob")]
    found, _ = distilled(capsys, *files, "--delay", str(delay_ps))
    # The dead time is read off the tags.
    assert abs(found["sifted_bits"] - link.counts.sifted_bits) <= 10
    assert found["key_bits"] == pytest.approx(link.counts.deposited_bits, rel=0.05)
    assert found["equal_blocks"] == len(found["blocks"])
    assert found["unequal_blocks"] == found["lone_blocks"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "ptu", "swabian"])
def test_files_of_recorders_give_the_same_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """What a run writes as npy or as another recorder's file ends as the same key.

    A dump has no tick but the picosecond: its run has recorders of that tick.
    """
    keys, tick_ps = [], "1" if form == "swabian" else "10"
    for name in ("npy", form):
        out = tmp_path / name
        run = ["run", "two_user", "--duration", "5s", "--seed", "4", "--out", str(out)]
        clock = "receivers.*.clock.offset_ps=2000000"  # no clock behind true time
        tick = f"receivers.*.tick_ps={tick_ps}"
        assert run_command([*run, "--set", clock, "--set", tick, f"--save-tags={name}"]) == 0
        suffix = {"swabian": "dump"}.get(name, name)
        tags = [str(out / "tags" / f"{user}.{suffix}") for user in ("alice", "bob")]
        capsys.readouterr()
        ticks = ["--tick-a", tick_ps, "--tick-b", tick_ps]
        assert run_command(["distil", *tags, *ticks, "--round", "2s", "--json"]) == 0
        keys.append(json.loads(capsys.readouterr().out)["blocks"])
    assert keys[0] == keys[1]
    assert sum(entry["key_bits"] for entry in keys[0]) > 0
