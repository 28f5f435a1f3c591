"""The recheck of what two recordings have left: silent on sound books, precise on broken ones."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from netsim.cli import run_command
from netsim.errors import ConfigError
from netsim.verify import verify_run
from tests.support.light import clean_tags
from tests.unit.netsim.test_verify import Damage, replaced, sql, without_row


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rounds of a sample each."""
    folder = tmp_path_factory.mktemp("recordings")
    for name, tags in zip("ab", clean_tags(1, 3.0), strict=True):
        np.save(folder / f"{name}.npy", tags)
    files = (str(folder / "a.npy"), str(folder / "b.npy"))
    options = ("--round=1s", "--delay=5000000", "--set=estimation=sample", "--json")
    assert run_command(["distil", *files, *options, "--out", str(folder / "out")]) == 0
    return folder / "out"


def changed(change: Callable[[dict[str, object]], object]) -> Damage:
    """Change the summary."""

    def damage(directory: Path) -> None:
        summary = json.loads((directory / "summary.json").read_text())
        change(summary)
        (directory / "summary.json").write_text(json.dumps(summary))

    return damage


def test_sound_books(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to say; rounds, samples and keys are there to be checked."""
    summary = json.loads((sound / "summary.json").read_text())
    assert len(summary["blocks"]) == 3
    assert summary["sampled_bits"] > 100
    assert run_command(["verify", str(sound)]) == 0
    streams = capsys.readouterr()
    assert not streams.out
    assert streams.err == f"netsim: the books of {sound} are in order\n"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (changed(lambda s: s.update(key_bits=1)), "deposited_bits 1, the ledger of alice has"),
        (changed(lambda s: s.update(sampled_bits=1)), "sampled_bits 1, the ledger of alice has"),
        (changed(lambda s: s.update(net_key_bps=1.5)), "net_key_bps is 1.5, "),
        (changed(lambda s: s.update(alarms=["x"])), "alarms 1, events.jsonl tells of 0"),
        (changed(lambda s: s.update(aborts=[{"round": 7, "reason": "x"}])), "blocks_failed 1"),
        (changed(lambda s: s["blocks"].pop()), "2 good blocks, the ledger of alice has 3"),  # type: ignore[attr-defined]
        (
            changed(lambda s: s["blocks"][1].update(leaked_bits=1)),  # type: ignore[index]
            "round 1: leaked_bits 1, the ledger of alice has",
        ),
        (changed(lambda s: s.update(unequal_blocks=1)), "1 blocks are not the same"),
        (changed(lambda s: s.update(partial=True)), "does not end with run_interrupted"),
        (without_row("bob", "0", "parities"), "bits disclosed as parities at alice, 0 at bob"),
        (replaced("events.jsonl", '"event":"block_usable"', '"event":"alarm"'), "says nothing of"),
        (
            sql("bob", "UPDATE keys SET bits = zeroblob(length(bits))"),
            "alice-bob block 0 is not the same at alice and bob",
        ),
    ],
)
def test_damage_is_told(sound: Path, tmp_path: Path, damage: Damage, words: str) -> None:
    """Each change of a file is a fault that names it."""
    shutil.copytree(sound, tmp_path / "out")
    damage(tmp_path / "out")
    assert any(words in str(fault) for fault in verify_run(tmp_path / "out"))


def test_what_is_no_summary(sound: Path, tmp_path: Path) -> None:
    """A summary that has lost a figure, or is of neither command, is refused with its reason."""
    shutil.copytree(sound, tmp_path / "out")
    changed(lambda s: s.pop("auth_spent_bits"))(tmp_path / "out")
    with pytest.raises(ConfigError, match="auth_spent_bits: Field required"):
        verify_run(tmp_path / "out")
    changed(lambda s: s.pop("command"))(tmp_path / "out")
    with pytest.raises(ConfigError, match=r"manifest\.json"):
        verify_run(tmp_path / "out")
