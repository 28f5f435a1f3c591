"""Numbers that the guides print are those that come out: run again, and compared as printed."""

import json
import re
import shlex

import pytest

import netsim
from netsim.cli import run_command
from netsim.topology.network import Network, build_network
from netsim.twin.agreement import agree
from netsim.twin.prediction import predict
from tests.support.pages import PAGES

VARIANTS = PAGES["docs/variants.md"]

HOUR = (
    "protocol.round_s=3600",
    'links=[{users=["alice","bob"],round_s=720},{users=["charlie","dave"],round_s=1200}]',
)
CODES = ("protocol.reconciliation=ldpc", "protocol.error_correction_charge=measured")
SAMPLED = "protocol.estimation=sample"
ROWS = {
    "`asymptotic`": ("protocol.security=asymptotic",),
    "`finite`, `ldpc`": ("protocol.security=finite", SAMPLED, *CODES),
    "`finite-exact`, `ldpc`": ("protocol.security=finite-exact", SAMPLED, *CODES),
    "`finite`, Cascade, both directions": (
        "protocol.security=finite",
        SAMPLED,
        "protocol.error_correction_charge=both-directions",
    ),
    "not covered by the proof: `finite`, Cascade, one way": ("protocol.security=finite", SAMPLED),
    "not covered by the proof: `finite-exact`, Cascade, one way": (
        "protocol.security=finite-exact",
        SAMPLED,
    ),
}
LATENCIES_M = (0, 1e5, 1e6, 2e6)
"""Beside the fibres; the columns of the table."""


def cells(label: str) -> list[str]:
    """What the row of a table that begins with ``label`` says."""
    (row,) = re.findall(rf"^\| {re.escape(label)} \|(.*)\|$", VARIANTS, re.MULTILINE)
    return [cell.strip() for cell in row.split("|")]


def _row_below(label: str) -> list[str]:
    """Cells of the row that follows the one of ``label``, but for its own label."""
    (row,) = re.findall(rf"^\| {re.escape(label)} \|.*\n\|[^|]*\|(.*)\|$", VARIANTS, re.MULTILINE)
    return [cell.strip() for cell in row.split("|")]


def hourly_bps(network: Network) -> list[float]:
    """Key of every link as the twin plans it, and of all."""
    rounds_s = [network.topology.round_s_of(users) for users in network.links]
    lanes = predict(network).lanes
    found = [
        agree(network, users, [lane for lane in lanes if lane.users == users]).expected_key_bits
        for users in network.links
    ]
    links = [(bits or 0) / round_s for bits, round_s in zip(found, rounds_s, strict=True)]
    return [*links, sum(links)]


@pytest.mark.slow
@pytest.mark.parametrize("label", ROWS)
def test_the_hour(label: str) -> None:
    """Key of an hour, link by link, as printed."""
    network = build_network(netsim.load_topology("fan2025_four_user", overrides=HOUR + ROWS[label]))
    assert [f"{bps:.1f}" for bps in hourly_bps(network)] == cells(label)


@pytest.mark.slow
@pytest.mark.parametrize("reconciliation", ["cascade-yanetal", "ldpc"])
def test_what_latency_costs(reconciliation: str) -> None:
    """Net key and f of 20 s of two users, at four lengths of the classical channel, as printed."""
    efficiency, *printed = cells(f"`{reconciliation}`: net bit/s")
    _, *waits = _row_below(f"`{reconciliation}`: net bit/s")
    for length_m, net, wait in zip(LATENCIES_M, printed, waits, strict=True):
        overrides = (
            "protocol.round_s=0.5",
            "protocol.error_correction_charge=measured",
            f"protocol.reconciliation={reconciliation}",
            f"classical.extra_length_m={length_m}",
        )
        topology = netsim.load_topology("two_user", overrides=overrides)
        (link,) = netsim.simulate(topology, duration_s=20, seed=1).links
        assert f"{link.net_key_bps:.1f}" == net
        assert f"{link.settle_ps / 1e9:.0f} ms" == wait
        if not length_m:
            assert f"{link.f_measured:.2f}" == efficiency
        if (reconciliation, length_m) == ("cascade-yanetal", 2e6):
            lost = f"loses {link.counts.blocks_failed} of {link.counts.blocks} rounds"
            assert lost in " ".join(VARIANTS.split())


@pytest.mark.slow
def test_channels_against_key(capsys: pytest.CaptureFixture[str]) -> None:
    """The curve of ten users with a tenth of the search, row by row; takes a minute."""
    assert run_command(shlex.split("plan --users 10 --tradeoff --effort 0.1 --json")) == 0
    plans = json.loads(capsys.readouterr().out)
    pumps = {1: "one", 2: "two", 3: "three"}
    rows = []
    for plan in plans:
        keys_bps = [pair["formula_bps"] for pair in plan["pairs"]]
        rows.append(
            f"| {pumps[len(plan['pumps'])]} | {plan['channels']} | {plan['span']} "
            f"| {plan['power_mw']:.3f} mW | {min(keys_bps):.1f} bit/s | {sum(keys_bps):.0f} bit/s |"
        )
    assert rows == re.findall(
        r"^\| (?:one|two|three) \|.*$", PAGES["docs/planning.md"], re.MULTILINE
    )
    dim = [plan["dim_pairs"] for plan in plans if len(plan["pumps"]) > 1]
    assert f"{min(dim)} to {max(dim)} of the 45 links are too dim" in PAGES["docs/planning.md"]


@pytest.mark.parametrize("name", ["fan2025_four_user", "fan2025_structured"])
def test_totals_of_the_twin(name: str) -> None:
    """Asymptotic key of all lanes, as the table of publications says."""
    total_bps = predict(build_network(netsim.load_topology(name))).total_skr_bps
    rows = re.findall(
        rf"^\| `{name}` \| (?!\d).*$|^\| `{name}` \| .*bit/s.*$",
        PAGES["docs/networks.md"],
        re.MULTILINE,
    )
    assert any(f"| {total_bps:.0f} bit/s" in row for row in rows), total_bps
