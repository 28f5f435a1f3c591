"""Rounds in columns are rechecked: whichever column of whichever round is changed, it is seen."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import netsim
from netsim.errors import ConfigError
from netsim.pools.rounds import Rounds
from netsim.verify import verify_run
from protocols.messages import AbortReason


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty rounds of two users."""
    out = tmp_path_factory.mktemp("sound") / "out"
    overrides = ("protocol.round_s=10", "protocol.reconciliation=modelled")
    netsim.simulate("two_user", overrides=overrides, duration_s=200, fidelity="rate", out=out)
    return out


def faults(sound: Path, place: Path, column: str, value: int, *, block: int = 7) -> str:
    """What is said of the run when one number in it has grown by so much."""
    out = Path(shutil.copytree(sound, place / "out"))
    rounds: Rounds = np.load(out / "rounds.npy")
    rounds[column][block] += value
    np.save(out / "rounds.npy", rounds)
    return "\n".join(map(str, verify_run(out)))


def test_what_is_sound_passes(sound: Path) -> None:
    """No fault, of as many rounds as were asked for."""
    assert verify_run(sound) == ()
    assert len(np.load(sound / "rounds.npy")) == 20


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("block", 1, "rounds.npy, alice-bob block 8: is not the next one of its link"),
        ("start_ps", -1, "block 7: begins before the end of the one before"),
        ("stop_ps", 1, "block 8: begins before the end of the one before"),
        ("stop_ps", -(10**13), "block 7: ends before it begins"),
        ("sifted_bits", 1, "sifted_bits"),
        ("sampled_bits", 1, "sampled_bits"),
        ("start_ps", 1, "block 7: lasts another time than the first"),
        ("stop_ps", -1, "block 7: lasts another time than the first"),
        ("errors", 10**9, "block 7: more errors than bits"),
        ("errors", 1, "errors are corrected, "),
        ("errors", -1, "errors are corrected, "),
        ("sifted_bits", 10**6, "bits are sifted that were not scored"),
        ("count_bits", 1, "block 7: 1 bits of error counts, which are 0 or more"),
        ("parity_bits", 1, "leaked_bits"),
        ("parity_bits", 1, "verified_leak_bits"),
        ("parity_bits", 10**6, "block 7: more bits disclosed than taken from its key"),
        ("verification_bits", 1, "verification_bits"),
        ("key_bits", 1, "block 7: the level is another one"),
        ("key_bits", 10**6, "block 7: more bits published or of key than sifted"),
        ("reserve_bits", 1, "block 7: refills no whole pads"),
        ("reserve_bits", 128, "block 7: refills no whole pads"),
        ("reserve_bits", 256, "block 7: the level is another one"),
        ("spent_bits", 1, "block 7: spends no whole pads"),
        ("spent_bits", 128, "auth_spent_bits"),
        ("spent_bits", 128 * 10**5, "block 7: spends more pads than were there"),
        ("pool_bits", -1, "block 7: the level is another one"),
        ("reason", AbortReason.NO_KEY, "block 7: key and a reason why not, or neither"),
        ("reason", 99, "block 7: ends for no reason that there is"),
        ("forgery_probability", 1e-6, "forgery_probability adds up"),
    ],
)
def test_every_column_counts(
    sound: Path, tmp_path: Path, column: str, value: int, fault: str
) -> None:
    """By the round, or by the sums of the summary."""
    assert fault in faults(sound, tmp_path, column, value)


def test_one_epsilon_among_none(sound: Path, tmp_path: Path) -> None:
    """A link of a security without one has none in any round."""
    out = Path(shutil.copytree(sound, tmp_path / "out"))
    rounds: Rounds = np.load(out / "rounds.npy")
    rounds["epsilon"][7] = 1e-10
    np.save(out / "rounds.npy", rounds)
    assert [str(fault) for fault in verify_run(out)] == [
        "summary.json, alice-bob: its rounds have an epsilon, and it has none"
    ]


def test_a_link_that_closes_at_one_end(sound: Path, tmp_path: Path) -> None:
    """At the rate level both ends close, or neither."""
    out = Path(shutil.copytree(sound, tmp_path / "out"))
    lines = (out / "events.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if "link_closed" not in line or '"end":"bob"' not in line]
    assert len(kept) == len(lines) - 1
    (out / "events.jsonl").write_text("".join(kept))
    assert any("settle_ps 0, 0 by the ends that close" in str(fault) for fault in verify_run(out))


def test_rounds_of_another_link_are_seen(sound: Path, tmp_path: Path) -> None:
    """Which the summary does not tell of: of two users the other way round, or of one."""
    rounds: Rounds = np.load(sound / "rounds.npy")
    for name, ends in (("turned", (1, 0)), ("alone", (0, 0))):
        out = Path(shutil.copytree(sound, tmp_path / name))
        others = rounds.copy()
        others["announcer"], others["responder"] = ends
        np.save(out / "rounds.npy", np.concatenate([rounds, others]))
        assert "does not tell of" in "\n".join(map(str, verify_run(out)))


def test_a_round_behind_the_run_is_seen(sound: Path, tmp_path: Path) -> None:
    """The last one, which no other follows."""
    assert "ends behind the run" in faults(sound, tmp_path, "stop_ps", 1, block=19)


@pytest.mark.parametrize("link", ["x-y", "x", "alice-bob-x"])
def test_a_ledger_of_strangers_is_told(sound: Path, tmp_path: Path, link: str) -> None:
    """Key taken from a link of nobody: a fault, not a traceback."""
    out = Path(shutil.copytree(sound, tmp_path / "out"))
    with (out / "ledger.csv").open("a", encoding="utf-8") as file:
        file.write(f"{200 * 10**12},{link},alice,0,pool,spent,5\n")
    assert f"{link} alice: pool falls to -5 bits" in "\n".join(map(str, verify_run(out)))


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose rounds are made into rows: an application has taken key."""
    out = tmp_path_factory.mktemp("taken") / "out"
    application = (
        'applications=[{name="a", users=["alice","bob"], key_bits=256, arrivals="periodic", '
        "options={every_s=7.0}}]"
    )
    overrides = ("protocol.round_s=10", "protocol.reconciliation=modelled", application)
    netsim.simulate("two_user", overrides=overrides, duration_s=100, fidelity="rate", out=out)
    return out


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"event": "x"}', "has no time"),
        ('{"event": "x", "time_ps": null}', "has no time"),
        ('{"time_ps": 0}', ""),
    ],
)
def test_lines_that_lack_something(
    sound: Path, taken: Path, tmp_path: Path, line: str, fault: str
) -> None:
    """By their own line, whatever rounds are among them; not a traceback."""
    assert verify_run(taken) == ()
    for name, run in (("sound", sound), ("taken", taken)):
        out = Path(shutil.copytree(run, tmp_path / name))
        lines = (out / "events.jsonl").read_text(encoding="utf-8").splitlines()
        number = len(lines) - 2
        lines.insert(number - 1, line)
        (out / "events.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
        found = list(map(str, verify_run(out)))
        assert not fault or f"events.jsonl:{number}: {fault}" in found


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("start_ps", 1, "block 3: lasts another time than the first"),
        ("errors", 1, "errors are corrected, "),
        ("count_bits", 1, "block 3: 1 bits of error counts, which are 0 or more"),
        ("reason", 99, "block 3: ends for no reason that there is"),
    ],
)
def test_columns_count_where_key_is_taken(
    taken: Path, tmp_path: Path, column: str, value: int, fault: str
) -> None:
    """Rounds that are made into rows are looked at as columns too."""
    assert fault in faults(taken, tmp_path, column, value, block=3)


def test_lines_of_the_ledger_are_those_of_its_file(taken: Path, tmp_path: Path) -> None:
    """Whatever rounds have been made into rows before them; a fault of a round names the round."""
    out = Path(shutil.copytree(taken, tmp_path / "out"))
    lines = (out / "ledger.csv").read_text().splitlines()
    number = next(k for k, line in enumerate(lines, start=1) if ",pool,spent," in line)
    lines[number - 1] = lines[number - 1].rpartition(",")[0] + ",100000000"
    (out / "ledger.csv").write_text("\n".join([*lines, ""]))
    found = [str(fault) for fault in verify_run(out)]
    assert any(
        line.startswith(f"ledger.csv:{number}: alice-bob alice: pool falls") for line in found
    )
    in_rounds = faults(taken, tmp_path / "rounds", "reserve_bits", 128, block=0)
    assert "rounds.npy, alice-bob block 0: 384 bits are no whole pads" in in_rounds


def test_a_round_that_is_missing_is_seen(sound: Path, tmp_path: Path) -> None:
    """In the midst by its number, at the end by the summary."""
    for name, kept in (("midst", [*range(7), *range(8, 20)]), ("end", [*range(19)])):
        out = Path(shutil.copytree(sound, tmp_path / name))
        np.save(out / "rounds.npy", np.load(sound / "rounds.npy")[kept])
        found = "\n".join(map(str, verify_run(out)))
        assert ("is not the next one" in found) is (name == "midst")
        assert "sifted_bits" in found


def test_users_that_are_not_there_are_refused(sound: Path, tmp_path: Path) -> None:
    """Their number has no name in the topology."""
    with pytest.raises(ConfigError, match="users that are not in the topology"):
        faults(sound, tmp_path, "responder", 5)
