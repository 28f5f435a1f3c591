"""Entries and lines of a run that are missing, or there twice, are found by the recheck."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netsim
from netsim.verify import verify_run

APPLICATION = (
    'applications=[{name="a", users=["alice","bob"], key_bits=256, arrivals="periodic", '
    "options={every_s=7.0}}]"
)
OVERRIDES = ("protocol.round_s=10", "protocol.reconciliation=modelled", APPLICATION)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five rounds of two users, whose key an application takes."""
    out = tmp_path_factory.mktemp("sound") / "out"
    netsim.simulate("two_user", overrides=OVERRIDES, duration_s=50, fidelity="rate", out=out)
    assert verify_run(out) == ()
    return out


def faults(sound: Path, place: Path, name: str, change: Callable[[str], str]) -> str:
    """What is said of the run with another text in a file."""
    out = Path(shutil.copytree(sound, place / "out"))
    text = (out / name).read_text()
    assert change(text) != text
    (out / name).write_text(change(text))
    return "\n".join(map(str, verify_run(out)))


@pytest.mark.parametrize(
    ("name", "times", "fault"),
    [
        ("applications", 2, "tells of other applications than topology.json"),
        ("pools", 2, "tells 2 times of the pool of alice-bob"),
        ("pools", 0, "tells 0 times of the pool of alice-bob"),
    ],
)
def test_entries_of_the_demand(
    name: str, times: int, fault: str, sound: Path, tmp_path: Path
) -> None:
    """One for each application, and one for each pool that was drawn from."""

    def change(text: str) -> str:
        summary: dict[str, Any] = json.loads(text)
        summary["demand"][name] *= times
        return json.dumps(summary)

    assert fault in faults(sound, tmp_path, "summary.json", change)


def test_a_run_begins_once(sound: Path, tmp_path: Path) -> None:
    """Its first line again is one too many."""
    found = faults(
        sound, tmp_path, "events.jsonl", lambda text: text.split("\n", 1)[0] + "\n" + text
    )
    assert "events.jsonl: begins a second time" in found


@pytest.mark.parametrize(
    ("row", "times", "fault"),
    [
        ("alice,-1,reserve,spent", 0, "1280 bits of pads are spent at alice, 1536 at bob"),
        ("bob,-1,reserve,spent", 0, "1536 bits of pads are spent at alice, 1280 at bob"),
        ("bob,-1,preshared,reserve", 2, "16384 bits of pads were there at alice, 32768 at bob"),
    ],
)
def test_both_ends_have_the_same_pads(
    row: str, times: int, fault: str, sound: Path, tmp_path: Path
) -> None:
    """What was there at the beginning, and what closing has spent."""

    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(line * (times if row in line else 1) for line in lines)

    assert fault in faults(sound, tmp_path, "ledger.csv", change)
