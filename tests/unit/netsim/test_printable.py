"""What others have written reaches the terminal as text, whichever command shows it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.cli import run_command
from netsim.pools.counts import LinkCounts, net_notes
from netsim.pools.ledger import Account, Movement
from netsim.pools.ledgerfile import LedgerFile
from netsim.pools.pool import Comparison
from netsim.printable import count_text, printable
from netsim.topology.shipped import shipped_bytes
from protocols.interfaces import KeyDecision, RoundFacts
from protocols.profile import Terms
from protocols.security import Asymptotic
from tests.support.third_party import registered

EVIL = "\x1b]0;owned\x1b[2J\x9b31m\u202e"
SHOWN = r"\x1b]0;owned\x1b[2J\x9b31m\u202e"


@given(st.text())
def test_nothing_is_left_that_acts(text: str) -> None:
    """Every character is printable or ends a line; what was printable is as it was."""
    shown = printable(text)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert text.isprintable() <= (shown == text)


def seen(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command has put on both streams, of which nothing acts on a terminal."""
    run_command(arguments)
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\u202e" not in text
    return text


def test_sources_of_topologies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stand under the tables of a run."""
    path = tmp_path / "evil.toml"
    text = shipped_bytes("two_user").decode()
    path.write_text(f"{text}\n[paper]\nsource = {json.dumps(EVIL)}\n", encoding="utf-8")
    assert SHOWN in seen(capsys, "run", str(path), "--duration", "0.2s")


def test_names_in_ledgers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of links, in the table of pools."""
    with LedgerFile(tmp_path / "ledger.csv") as ledger:
        ledger.append(Movement(1, EVIL, "alice", 0, Account.LIGHT, Account.OPEN, 10))
    assert r"\x1b" in seen(capsys, "pools", str(tmp_path))


class Loud(Asymptotic):
    """Says what it assumes, and more."""

    assumptions = EVIL

    def key(self, facts: RoundFacts, terms: Terms) -> KeyDecision:
        """As its base."""
        return super().key(facts, terms)


def test_assumptions_of_plug_ins(capsys: pytest.CaptureFixture[str]) -> None:
    """They are printed under the tables."""
    with registered("security", "loud", Loud):
        arguments = ("--duration", "0.2s", "--set", "protocol.security=loud")
        assert SHOWN in seen(capsys, "run", "two_user", *arguments)


def test_counts_stand_with_their_nouns() -> None:
    """One thing is no plural; of no thing there is one."""
    assert count_text(1, "link") == "1 link"
    assert count_text(0, "link") == "0 links"
    assert count_text(1200, "round") == "1200 rounds"


def test_one_of_a_kind_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A round whose authentication costs more than it makes, its block, and a file for two users.

    "1 rounds made", "1 blocks in the pools" and "2 users, 1 links" were said.
    """
    (note,) = net_notes(LinkCounts(blocks=1, deposited_bits=100, auth_spent_bits=256))
    assert "more than 1 round made" in note
    assert str(Comparison(1, 0, 0)) == "1 block in the pools of both ends"
    assert run_command(["new", "lab"]) == 0
    assert 'description = "2 users, 1 link"' in capsys.readouterr().out
