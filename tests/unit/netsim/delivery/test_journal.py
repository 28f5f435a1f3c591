"""The log of a serving process."""

import json
from pathlib import Path

import pytest

from netsim.delivery.journal import Journal

FULL = Path("/dev/full")
"""Linux: every write fails with ENOSPC."""


def test_lines_follow_those_of_earlier_processes(tmp_path: Path) -> None:
    """Each is on the disk at once."""
    path = tmp_path / "serve.jsonl"
    for keys in (1, 2):
        with Journal(path) as journal:
            journal.tell("answered", user="Zoë", keys=keys)
            assert json.loads(path.read_bytes().splitlines()[-1])["keys"] == keys
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert (first["user"], first["keys"], second["keys"]) == ("Zoë", 1, 2)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_a_full_disk_stops_nobody() -> None:
    """A key that has been marked as delivered is to be answered, told or not."""
    with Journal(FULL) as journal:
        for _ in range(3):
            journal.tell("answered", keys=1)
