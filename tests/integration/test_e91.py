"""E91: S as the parties measure it, the key beside it, and what they refuse."""

import csv
import json
import math
from collections import Counter
from pathlib import Path

import pytest

import netsim
from netsim.board.bench import pair_link
from netsim.errors import ConfigError
from netsim.kernel.trace import MemorySink
from netsim.pools.ledger import Account
from netsim.results.directory import load_run
from netsim.verify import verify_run
from tests.support.bounds import assert_same_mean

BEST_S = 2 * math.sqrt(2)
E91 = ("protocol.protocol=e91", "protocol.round_s=2", "receivers.bench.bell={share=0.5}")


def moved(out: Path, debit: Account, credit: Account) -> dict[str, int]:
    """Bits that went that way, by end."""
    found = Counter[str]()
    with (out / "ledger.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if (row["debit"], row["credit"]) == (debit, credit):
                found[row["end"]] += int(row["bits"])
    return dict(found)


def test_the_parties_measure_s(tmp_path: Path) -> None:
    """S = 2 sqrt(2) V within 4 sigma, key of frames without a turn, outcomes in both books."""
    sink = MemorySink()
    topology = netsim.load_topology("two_user", overrides=E91)
    run = netsim.simulate(topology, duration_s=4.0, seed=1, out=tmp_path / "run")
    plain = netsim.simulate(
        netsim.load_topology("two_user", overrides=E91[1:]), duration_s=4.0, seed=1, sink=sink
    )
    (lane,), (link,) = run.lanes, run.links
    assert lane.chsh is not None
    assert lane.visibility is not None
    sigma_v = math.sqrt((1 - lane.visibility**2) / lane.sifted_bits)
    sigma = math.hypot(lane.chsh.sigma, BEST_S * sigma_v)
    assert abs(lane.chsh.s - BEST_S * lane.visibility) < 4 * sigma
    assert lane.chsh.is_violated
    # The same light: turned frames take nothing from the key, and give nothing to it.
    assert (lane.sifted_bits, lane.errors) == (plain.lanes[0].sifted_bits, plain.lanes[0].errors)
    assert link.counts.sifted_bits == pytest.approx(plain.links[0].counts.sifted_bits, rel=0.03)
    assert link.counts.deposited_bits > 500
    assert load_run(tmp_path / "run").lanes == run.lanes
    assert verify_run(tmp_path / "run") == ()
    disclosed = moved(tmp_path / "run", Account.TESTED, Account.WIRE)
    assert disclosed == dict.fromkeys(("alice", "bob"), sum(lane.chsh.counts))
    # The simulator, which counts by true times, finds the same but at the edges of the window.
    seen = plain.lanes[0].chsh
    assert seen is not None
    assert sum(lane.chsh.counts) == pytest.approx(sum(seen.counts), rel=0.03)


def test_hidden_bits_make_no_key(tmp_path: Path) -> None:
    """Z and X as ever, S at 2: every round ends without key, and the books and the log say why."""
    runs, told = [], []
    for hidden in ("true", "false"):
        out = tmp_path / hidden
        overrides = (*E91, f"qnsp.source.hidden_bits={hidden}")
        topology = netsim.load_topology("two_user", overrides=overrides)
        runs.append(netsim.simulate(topology, duration_s=4.0, seed=2, out=out))
        lines = map(json.loads, (out / "events.jsonl").read_text(encoding="utf-8").splitlines())
        told.append(Counter(line["event"] for line in lines if line.get("end") == "bob"))
    (fooled, honest) = (run.lanes[0] for run in runs)
    assert_same_mean(fooled.errors, honest.errors, fooled.sifted_bits / honest.sifted_bits)
    assert fooled.chsh is not None
    assert fooled.chsh.s < 2 + 4 * fooled.chsh.sigma
    disclosed = moved(tmp_path / "true", Account.TESTED, Account.WIRE)
    assert disclosed == dict.fromkeys(("alice", "bob"), sum(fooled.chsh.counts))
    assert runs[0].links[0].counts.deposited_bits == 0
    assert "rounds without key: 2 no_violation" in runs[0].links[0].notes
    assert runs[1].links[0].counts.deposited_bits > 500
    assert (told[0]["bell_fallen"], told[0]["bell_tested"]) == (2, 0)
    assert (told[1]["bell_fallen"], told[1]["bell_tested"]) == (0, 2)


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ((), "turn no analysers"),
        (("receivers.bench.bell={share=0.5, turn_rad=0.02}",), "turned by about pi/4"),
        (("receivers.bench.bell={share=0.5, turn_rad=-0.7853981633974483}",), "about pi/4"),
    ],
)
def test_receivers_that_cannot(overrides: tuple[str, ...], reason: str) -> None:
    """Nobody turns, by too little, or the other way: refused where the protocol is named."""
    with pytest.raises(ConfigError, match=reason) as raised:
        netsim.load_topology("two_user", overrides=("protocol.protocol=e91", *overrides))
    assert [fault.path for fault in raised.value.faults] == ["protocol.protocol"]


def test_one_user_alone_may_turn() -> None:
    """A quarter of the pairs for key and half for S, as Naik and Ling had it."""
    topology = pair_link(
        "one", pairs_hz=5e3, visibility=0.95, bell_share=0.5, bell_user="alice", protocol="e91"
    )
    run = netsim.simulate(topology, duration_s=6.0, seed=3)
    (lane,) = run.lanes
    assert lane.chsh is not None
    pairs = 3e4
    frames = math.sqrt(0.25 / 120)
    assert sum(lane.chsh.counts) / pairs == pytest.approx(0.5, abs=5 * frames)
    assert lane.sifted_bits / pairs == pytest.approx(0.25, abs=5 * frames)
    assert abs(lane.chsh.s - BEST_S * 0.95) < 4 * lane.chsh.sigma
