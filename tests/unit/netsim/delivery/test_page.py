"""The page of a serving folder: sums, escaped names, no key; and while it is open elsewhere."""

import datetime as dt
import json
from html import unescape
from pathlib import Path

import pytest

from netsim.cli import run_command
from netsim.delivery.journal import Journal
from netsim.delivery.page import _given, is_state, state_page
from netsim.delivery.state import State
from netsim.delivery.store import ManagerStore
from netsim.errors import ConfigError
from netsim.pools.key import KeyBlock, Piece
from tests.support.browser import beyond_px, see

KEY = bytes(range(32))
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Two users with 256 bits each, and what was asked of them."""
    state = State(tmp_path / "keys")
    for user in ("alice", "bob"):
        with ManagerStore(state.manager_path(user)) as store:
            store.take_in("alice-bob", KeyBlock(0, KEY, 256, (Piece(0, 0, 256),)))
    with Journal(state.journal) as journal:
        journal.tell("listening", undone=0, dropped=0)
        for keys, wall_ms in ((1, 5.0), (3, 7.0), (2, 30.0)):
            asked = {"user": "alice", "sae": "alice", "operation": "enc_keys"}
            journal.tell("answered", **asked, code=200, keys=keys, wall_ms=wall_ms)
        journal.tell(
            "answered", user="bob", sae=EVIL, operation="dec_keys", code=401, keys=0, wall_ms=1.0
        )
    with state.journal.open("a") as file:
        file.write('[]\n{"time": 3}\n{"time": "20')
    return state


def test_what_is_left_and_what_was_asked(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    """Bits of both users, three requests with six keys, half within 7 ms; names are text."""
    assert is_state(state.path)
    with ManagerStore(state.manager_path("alice")):  # as of a process that serves
        assert run_command(["report", str(state.path)]) == 0
    assert "report.html shows it" in capsys.readouterr().err
    text = (state.path / "report.html").read_text(encoding="utf-8")
    for cells in (
        ["alice", "alice-bob", "256"],
        ["bob", "alice-bob", "256"],
        ["alice", "alice", "enc_keys", "200", "3", "6", "7.0"],
        ["bob", EVIL, "dec_keys", "401", "1", "0", "1.0"],
    ):
        assert any(cells == _cells(line) for line in text.splitlines()), cells
    assert EVIL not in text
    assert "listening" in text
    assert KEY.hex() not in text
    assert str(json.loads((state.path / "state.json").read_text())["id"]) not in text


def _cells(line: str) -> list[str]:
    """Texts of a row of a table."""
    cells = line.removeprefix("<tr>").removesuffix("</tr>").split("</td>")[:-1]
    return [unescape(cell.partition(">")[2]) for cell in cells]


def test_nothing_is_left_beside_the_files(state: State) -> None:
    """Of a folder that is not served from: neither a log nor an index of one."""
    before = sorted(state.manager_path("alice").parent.iterdir())
    state_page(state.path)
    assert sorted(state.manager_path("alice").parent.iterdir()) == before


def test_keys_of_both_protocols_are_drawn() -> None:
    """ETSI 014 and SKIP, by side."""
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    answers = [
        {"at": at, "user": "alice", "operation": name, "keys": 1}
        for name in ("enc_keys", "key", "dec_keys", "key_by_id", "key_by_id")
    ]
    (panel,) = _given(answers).panels
    drawn = {series.name: series.y for series in panel.series}
    assert drawn == {"alice, to masters": (1.0, 2.0), "alice, to slaves": (1.0, 2.0, 3.0)}


def test_where_nobody_has_asked_the_page_says_so(state: State) -> None:
    """Neither an empty table nor an empty section."""
    (state.path / "serve.jsonl").write_text("")
    assert state_page(state.path).count("<p>None yet.</p>") == 2


def test_a_damaged_file_is_told(state: State) -> None:
    """By its name, without a traceback."""
    state.manager_path("bob").write_bytes(b"no database" * 100)
    with pytest.raises(ConfigError, match=r"bob\.sqlite"):
        state_page(state.path)


@pytest.mark.slow
def test_a_browser_draws_it(state: State, tmp_path: Path) -> None:
    """One plot, a silent console, no request."""
    pytest.importorskip("plotly")
    page = tmp_path / "page.html"
    page.write_text(state_page(state.path), encoding="utf-8")
    seen = see(page, tmp_path / "profile")
    assert seen.complaints == []
    assert seen.html.count('class="main-svg"') >= 1
    assert beyond_px(page, tmp_path / "profile") == 0
