"""The recheck of a run directory: silent on sound books, precise on broken ones."""

import csv
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from netsim.cli import run_command
from netsim.errors import ConfigError
from netsim.pools.store import UserStore
from netsim.results.fidelity import Fidelity
from netsim.simulation.run import simulate
from netsim.taps.kinds import tap_maker
from netsim.taps.tap import TapPlan
from netsim.topology.load import load_topology
from netsim.verify import state_of, verify_run
from netsim.verify.stores import opened_store
from protocols.interfaces import KeyDecision, RoundFacts, Security
from protocols.profile import Terms
from tests.support.effort import lines_run
from tests.support.third_party import registered

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def sound_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rounds of the two-user network."""
    directory = tmp_path_factory.mktemp("sound")
    topology = load_topology("two_user", overrides=["protocol.round_s=1.5"])
    simulate(topology, duration_s=3, seed=3, out=directory)
    return directory


def replaced(name: str, old: str, new: str) -> Damage:
    """Change the first ``old`` of a file."""

    def damage(directory: Path) -> None:
        text = (directory / name).read_text()
        assert old in text, (name, old)
        (directory / name).write_text(text.replace(old, new, 1))

    return damage


def changed_link(**changes: object) -> Damage:
    """Change figures of the link in the summary and, alike, in the table."""

    def damage(directory: Path) -> None:
        summary = json.loads((directory / "summary.json").read_text())
        with (directory / "links.csv").open(newline="") as file:
            (cells,) = csv.DictReader(file)
        summary["links"][0] |= changes
        cells |= {name: str(value) for name, value in changes.items() if name in cells}
        (directory / "summary.json").write_text(json.dumps(summary))
        with (directory / "links.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(cells), lineterminator="\n")
            writer.writeheader()
            writer.writerow(cells)

    return damage


def sql(user: str, statement: str) -> Damage:
    """Change a user's store."""

    def damage(directory: Path) -> None:
        db = sqlite3.connect(directory / "users" / f"{user}.sqlite")
        with db:
            assert db.execute(statement).rowcount > 0 or statement.startswith("PRAGMA")
        db.close()

    return damage


def pads(user: str, index: int, changed: bytes) -> Damage:
    """Overwrite pads of a user's one link, from those of ``index`` on."""

    def damage(directory: Path) -> None:
        db = sqlite3.connect(directory / "users" / f"{user}.sqlite")
        with db, db.blobopen("pads", "bits", 1) as blob:
            blob.seek(1024 + 32 * index)
            blob.write(changed)
        db.close()

    return damage


def removed(name: str) -> Damage:
    """Delete a file."""
    return lambda directory: (directory / name).unlink()


def row(directory: Path, *parts: str) -> tuple[int, str]:
    """Number and text of the first ledger line that holds all of ``parts``."""
    lines = (directory / "ledger.csv").read_text().splitlines()
    return next(
        (k, line)
        for k, line in enumerate(lines, start=1)
        if all(f",{part}," in f",{line}," for part in parts)
    )


def without_row(*parts: str) -> Damage:
    """Remove a ledger line."""

    def damage(directory: Path) -> None:
        _, line = row(directory, *parts)
        replaced("ledger.csv", line + "\n", "")(directory)

    return damage


def repeated_row(*parts: str) -> Damage:
    """Repeat a ledger line."""

    def damage(directory: Path) -> None:
        _, line = row(directory, *parts)
        replaced("ledger.csv", line + "\n", f"{line}\n{line}\n")(directory)

    return damage


def test_sound_run_has_no_fault(sound_run: Path) -> None:
    """Exit code 0, nothing on stdout."""
    assert verify_run(sound_run) == ()
    assert state_of(sound_run) == ""
    assert run_command(["verify", str(sound_run)]) == 0


DAMAGES: list[tuple[Damage, str]] = [
    (repeated_row("alice", "0", "doubt", "pool"), "doubt falls to"),
    (repeated_row("alice", "-1", "reserve", "spent"), "summary.json, alice-bob: auth_spent_bits"),
    (without_row("bob", "0", "parities"), "bits disclosed as parities at alice, 0 at bob"),
    (without_row("alice", "0", "verification"), "verification_bits 128, the ledger of alice has"),
    (without_row("bob", "0", "doubt", "pool"), "are still doubt at bob, which has closed"),
    (without_row("bob", "-1", "preshared"), "reserve falls to"),
    (without_row("alice", "1", "light"), "open falls to"),
    (changed_link(leaked_bits=1), "leaked_bits 1, the ledger of alice has"),
    (changed_link(deposited_bits=7), "deposited_bits 7, the ledger of alice has"),
    (changed_link(net_key_bps=1.5), "links.0.net_key_bps is 1.5"),
    (changed_link(f_measured=1.0), "links.0.f_measured is 1.0"),
    (changed_link(blocks=9), "9 good blocks, the ledger of alice has 2"),
    (changed_link(failure_probability=0.5), "forgery_probability adds up to 0.5, its rounds to"),
    (replaced("links.csv", "alice,bob,2,", "alice,bob,3,"), "links.csv:2: blocks 3, 2 in summary"),
    (replaced("lanes.csv", "C38", "C36"), "lanes.csv:2: channel_a C36, C38 in summary.json"),
    (replaced("manifest.json", '"seed": 3', '"seed": 4'), "manifest.json: seed 4, 3 in"),
    (replaced("summary.json", '"qber": 0', '"qber": 1'), "lanes.0.qber is 1."),
    (replaced("events.jsonl", '"event":"block_usable"', '"event":"alarm"'), "says nothing of"),
    (replaced("events.jsonl", '"pool_bits":', '"pool_bits":1'), "pool_bits 1"),
    (replaced("events.jsonl", '{"time_ps":0,', '{"time_ps":9000000000000,'), "is older than the"),
    (
        sql("bob", "UPDATE keys SET bits = zeroblob(length(bits))"),
        "alice-bob block 0 is not the same at alice and bob",
    ),
    (sql("bob", "DELETE FROM blocks WHERE round = 1"), "block 1: 0 bits usable and 0 in doubt"),
    (sql("alice", "DELETE FROM pads"), "0 bits of pads, "),
    (pads("alice", 9, bytes(32)), "in the reserve's books"),
    (pads("alice", 9, b"\1" * 32), "two pads are the same bits"),
    (pads("alice", 0, b"\1" * 16), "pads outside of 3 to "),
    (pads("bob", 9, b"\1" * 16), "alice-bob: pad 9 differs between alice and bob"),
    (
        sql("bob", "UPDATE pads SET bits = CAST(bits || x'01' AS BLOB)"),
        "1 bytes behind the last whole pads",
    ),
    (sql("bob", "UPDATE links SET next_pad = 0"), "block 0 is settled, and its pads are not spent"),
    (sql("bob", "UPDATE blocks SET pad = 0"), "one pad has signed for two blocks"),
    (sql("bob", "UPDATE stock SET stop = stop + 8000"), "has more bits left than it has bits"),
    (changed_link(unequal_blocks=1), "1 blocks are not the same at both ends"),
    (changed_link(sampled_bits=1), "sampled_bits 1, the ledger of alice has 0"),
    (changed_link(auth_spent_bits=1), "auth_spent_bits 1, the ledger of alice has"),
    (removed("users/bob.sqlite"), "users/bob.sqlite: is missing"),
    (replaced("topology.json", '"round_s": 1.5', '"round_s": 2.5'), "topology.json: is another"),
    (removed("topology.json"), "topology.json: "),
    (replaced("events.jsonl", '"event":"run_ended"', '"event":"x"'), "not end with run_ended"),
    (changed_link(alarms=1), "alarms 1, events.jsonl tells of 0"),
    (changed_link(settle_ps=1), "settle_ps 1, "),
    (replaced("events.jsonl", '"event":"link_closed"', '"event":"x"'), "0 by the ends that close"),
    (replaced("events.jsonl", '"seed":3', '"seed":4'), "does not begin with run_started"),
    (
        replaced("manifest.json", '"duration_ps": 3000000000000', '"duration_ps": 3000000000001'),
        "manifest.json: duration_ps 3000000000001, 3.0 s in summary.json",
    ),
    (replaced("manifest.json", '"wall_s": ', '"wall_s": 1'), "manifest.json: wall_s 1"),
    (replaced("manifest.json", '"total_skr_bps": null', '"total_skr_bps": 1.0'), "another paper"),
    (replaced("summary.json", '"name": "bob"', '"name": "x"'), "other users than alice, bob"),
    (replaced("lanes.csv", "chsh_s,", "chsh_x,"), "lanes.csv:2: chsh_"),
    (sql("bob", "UPDATE links SET provisioned_pads = 70"), "17920 bits of pads have come, "),
    (
        sql("bob", "UPDATE keys SET bits = CAST(bits || x'01' AS BLOB)"),
        "and what was said of it is kept",
    ),
    (sql("bob", "PRAGMA user_version = 1"), "users/bob.sqlite: cannot be read: was made by an"),
    (sql("alice", "UPDATE blocks SET message = x'00'"), "and what was said of it is kept"),
    (changed_link(blocks=3, blocks_failed=1), "blocks_failed 1, events.jsonl tells of 0"),
    (
        sql("bob", "UPDATE keys SET bits = CAST(substr(bits, 1, 1024) || x'ff' AS TEXT)"),
        "users/bob.sqlite",
    ),
]


@pytest.mark.parametrize(("damage", "fault"), DAMAGES)
def test_each_damage_is_found(damage: Damage, fault: str, sound_run: Path, tmp_path: Path) -> None:
    """One changed figure anywhere is a fault that says where it is."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    damage(directory)
    found = [str(line) for line in verify_run(directory)]
    assert any(fault in line for line in found), found


def test_damaged_key_is_not_shown(sound_run: Path, tmp_path: Path) -> None:
    """A row that holds text in the place of key is a fault that shows none of it."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    text = "UPDATE keys SET bits = CAST(zeroblob(1024) || x'ff4d4e4f50' AS TEXT)"
    sql("alice", text)(directory)
    found = [str(fault) for fault in verify_run(directory)]
    assert any("alice.sqlite" in line for line in found)
    assert not [line for line in found if "MNOP" in line]


def test_ledger_faults_name_their_line(sound_run: Path, tmp_path: Path) -> None:
    """The number is that of the line in the file."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    number, line = row(directory, "alice", "0", "doubt", "pool")
    repeated_row("alice", "0", "doubt", "pool")(directory)
    assert line in (directory / "ledger.csv").read_text()
    assert any(fault.path == f"ledger.csv:{number + 1}" for fault in verify_run(directory))


def test_faults_are_printed_and_counted(
    sound_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 with one line per fault on stdout; 2 for what is no run directory."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    changed_link(leaked_bits=1)(directory)
    assert run_command(["verify", str(directory)]) == 1
    assert "leaked_bits 1" in capsys.readouterr().out
    assert run_command(["verify", str(tmp_path)]) == 2
    assert "no run directory" in capsys.readouterr().err


@pytest.mark.parametrize("frames", [20, 31, 44, 59])
def test_interrupted_run_may_be_open(frames: int, tmp_path: Path) -> None:
    """A run stopped in the middle of rounds, blocks in doubt and all, has no fault."""
    asked = iter(range(1000))
    topology = load_topology("two_user", overrides=["protocol.round_s=1.5", "frame_s=0.05"])
    run = simulate(
        topology,
        duration_s=4,
        seed=3,
        out=tmp_path,
        should_stop=lambda: next(asked) >= frames,
    )
    assert run.partial
    assert verify_run(tmp_path) == ()
    assert state_of(tmp_path) == "it was stopped before its time"


def test_killed_run_is_checked_as_far_as_it_went(
    sound_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a summary, cut in the middle of a line: no fault; of a broken row the fault."""
    text = (sound_run / "ledger.csv").read_text()
    (tmp_path / "ledger.csv").write_text(text[: len(text) * 2 // 3])
    lines = (sound_run / "events.jsonl").read_text()
    (tmp_path / "events.jsonl").write_text(lines[: len(lines) // 3])
    assert verify_run(tmp_path) == ()
    assert run_command(["verify", str(tmp_path)]) == 0
    assert "in order; it was killed" in capsys.readouterr().err
    repeated_row("alice", "0", "doubt", "pool")(tmp_path)
    assert any("doubt falls to" in str(fault) for fault in verify_run(tmp_path))


def test_attacked_and_crashed_run_has_no_fault(tmp_path: Path) -> None:
    """Books stay in order whatever happens on the wire and to a process."""
    overrides = ["protocol.round_s=1.5", "classical.loss_probability=0.05"]
    make = tap_maker("mixture", probability=0.02)
    simulate(
        load_topology("two_user", overrides=overrides),
        duration_s=6,
        seed=3,
        out=tmp_path,
        taps=[TapPlan(make, start_ps=10**12, stop_ps=4 * 10**12)],
    )
    assert verify_run(tmp_path) == ()


@pytest.mark.parametrize("stop_s", [1.6, 2.02, 2.04])
def test_crash_with_a_sample_has_no_fault(stop_s: float, tmp_path: Path) -> None:
    """What was published, and what was disclosed, of rounds that a crash ends is in the books."""
    crashes = f'crashes=[{{user="alice", stop_s={stop_s}, start_s={stop_s + 0.3}}}]'
    overrides = ["protocol.round_s=1.0", 'protocol.estimation="sample"', crashes]
    topology = load_topology("two_user", overrides=[*overrides, "protocol.sample_share=0.2"])
    run = simulate(topology, duration_s=4, seed=3, out=tmp_path)
    assert run.links[0].counts.blocks_failed > 0
    assert verify_run(tmp_path) == ()


def test_run_that_was_stopped_before_its_first_frame(tmp_path: Path) -> None:
    """It holds nothing, and nothing is wrong with that."""
    run = simulate(
        load_topology("two_user"), duration_s=4, seed=3, out=tmp_path, should_stop=lambda: True
    )
    assert run.duration_ps == 0
    assert verify_run(tmp_path) == ()


def test_run_that_was_killed_before_its_summary(sound_run: Path, tmp_path: Path) -> None:
    """The summary is written last: a run without one was killed, whatever else is there."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    (directory / "summary.json").unlink()
    assert verify_run(directory) == ()
    assert "killed" in state_of(directory)


def test_read_only_directories(sound_run: Path, tmp_path: Path) -> None:
    """Nothing is written beside the stores, and nothing has to be."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    before = sorted(directory.rglob("*"))
    (directory / "users").chmod(0o555)
    try:
        assert verify_run(directory) == ()
        assert sorted(directory.rglob("*")) == before
    finally:
        (directory / "users").chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fidelity", "duration_s"),
    [pytest.param(Fidelity.COINCIDENCE, 5, marks=pytest.mark.slow), (Fidelity.RATE, 8)],
)
def test_many_blocks_are_checked_in_linear_time(
    fidelity: Fidelity, duration_s: int, tmp_path: Path
) -> None:
    """Four times the rounds of a second, four times the steps; stores, or books of many rounds."""
    topology = load_topology("two_user", overrides=["protocol.round_s=1.0"])

    def steps(times: int) -> int:
        out = tmp_path / str(times)
        simulate(topology, duration_s=times * duration_s, seed=3, out=out, fidelity=fidelity)
        assert verify_run(out) == ()
        return lines_run(lambda: verify_run(out))

    few, more, most = (steps(times) for times in (1, 2, 4))
    assert most - more == pytest.approx(2 * (more - few), rel=0.2)


def test_a_store_with_its_log_is_read_whole(tmp_path: Path) -> None:
    """Of a process that was killed: what its log alone holds counts, and the log stays as it is."""
    left = tmp_path / "left"
    left.mkdir()
    with UserStore(tmp_path / "bob.sqlite") as store:
        store.open_link("alice-bob", bytes(range(64)))
        for path in tmp_path.glob("bob.sqlite*"):
            shutil.copyfile(path, left / path.name)
    log = left / "bob.sqlite-wal"
    content = log.read_bytes()
    assert content
    with opened_store(left / "bob.sqlite") as db:
        assert db.execute("SELECT link, provisioned_pads FROM links").fetchall() == [
            ("alice-bob", 2)
        ]
    assert log.read_bytes() == content
    assert sorted(path.name for path in left.iterdir()) == sorted(
        path.name for path in left.glob("bob.sqlite*")
    )


@pytest.mark.parametrize("content", [b"", None], ids=["empty", "without tables"])
def test_a_store_that_holds_nothing_yet(
    content: bytes | None, sound_run: Path, tmp_path: Path
) -> None:
    """Of a process that stopped before its first step: missing, in a run that has ended."""
    run = tmp_path / "run"
    shutil.copytree(sound_run, run)
    path = run / "users" / "bob.sqlite"
    path.unlink()
    if content is None:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = WAL")
    else:
        path.write_bytes(content)
    assert "users/bob.sqlite: is missing" in set(map(str, verify_run(run)))


def test_twin_in_table_and_summary_is_the_same(sound_run: Path, tmp_path: Path) -> None:
    """A figure of the twin that was changed in the table alone is a fault."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    with (directory / "lanes.csv").open(newline="") as file:
        (cells,) = csv.DictReader(file)
    replaced("lanes.csv", cells["twin_skr_bps"], "9999.9")(directory)
    assert any("twin_skr_bps 9999.9" in str(fault) for fault in verify_run(directory))


def test_unreadable_files_are_named(sound_run: Path, tmp_path: Path) -> None:
    """A summary that is no JSON is bad input, with its path."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    (directory / "summary.json").write_text("{")
    with pytest.raises(ConfigError, match="no JSON"):
        verify_run(directory)


class AllOfIt(Security):
    """Everything is key."""

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """As it says."""
        _ = terms
        return KeyDecision(facts.raw_bits, 0, 0.0, None)


def test_key_of_disclosed_bits_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends that believe a plug-in make more key than there is: the books show it at either end."""
    monkeypatch.setattr("protocols.bbm92.distillation._refuse_disclosed", lambda *_: None)
    with registered("security", "all", AllOfIt):
        topology = load_topology("two_user", overrides=["protocol.security=all"])
        simulate(topology, duration_s=2, seed=3, out=tmp_path)
        faults = [str(fault) for fault in verify_run(tmp_path)]
    found = [fault for fault in faults if "bits disclosed, 0 taken from its key at" in fault]
    assert [fault.rpartition(" ")[2] for fault in found] == ["alice", "bob"]


@pytest.mark.parametrize(("alarms", "is_sound"), [(127, False), (128, True), (255, True)])
def test_floods_of_alarms(alarms: int, *, is_sound: bool, sound_run: Path, tmp_path: Path) -> None:
    """Of 128 alarms and up to as many again the last line is the 128th, and says what it skips."""
    directory = tmp_path / "run"
    shutil.copytree(sound_run, directory)
    *lines, last = (directory / "events.jsonl").read_text().splitlines()
    time_ps = json.loads(last)["time_ps"]
    alarm = {"time_ps": time_ps, "link": "alice-bob", "end": "bob", "event": "alarm", "block": 0}
    lines += [json.dumps(alarm)] * 64 + [json.dumps(alarm | {"untold": 63}), last]
    (directory / "events.jsonl").write_text("\n".join(lines) + "\n")
    changed_link(alarms=alarms)(directory)
    found = [str(fault) for fault in verify_run(directory)]
    assert (found == []) is is_sound, found
    assert is_sound or any("alarms 127, events.jsonl tells of 128" in fault for fault in found)
