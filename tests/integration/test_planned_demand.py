"""Whether the twin expects what a run at the rate level then gives, and what would serve more."""

import re

import pytest

from netsim.cli import run_command
from netsim.results.demand import ApplicationResult
from netsim.simulation.run import simulate
from netsim.topology.load import load_topology
from netsim.topology.specs import TopologySpec
from netsim.twin.demand import expect_demand, remedies
from netsim.twin.forecast import predict

HOURS = 12
KEYS = {"key_bits": 256, "arrivals": "periodic", "on_empty": "reject"}
VOICE = KEYS | {"name": "voice", "users": ["bob", "dave"], "options": {"every_s": 8.0}}
VIDEO = KEYS | {"name": "video", "users": ["alice", "charlie"], "options": {"every_s": 20.0}}
TUNNEL = KEYS | {"name": "tunnel", "users": ["alice", "dave"], "options": {"every_s": 15.0}}
CUT = {"qnsp.source.pairs.5.factor": 1e-9}


def network(*applications: dict[str, object], **changes: object) -> TopologySpec:
    """Of four users, with rounds of two minutes."""
    rounds = {"protocol.round_s": 120, "protocol.reconciliation": "modelled"}
    overrides = {**rounds, **changes, "applications": list(applications)}
    return load_topology("fan2025_four_user", overrides=overrides)


def served(topology: TopologySpec) -> list[ApplicationResult]:
    """Half a day."""
    found = simulate(topology, duration_s=3600.0 * HOURS, seed=1, fidelity="rate")
    assert found.demand is not None
    return list(found.demand.applications)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("applications", "changes"),
    [
        ((VOICE,), {}),
        ((VOICE | {"relay": {}},), {}),
        ((TUNNEL | {"relay": {"paths": 2}}, VIDEO), CUT),
    ],
)
def test_shares_are_those_of_a_run(
    applications: tuple[dict[str, object], ...], changes: dict[str, object]
) -> None:
    """Within 3 % of all requests: the first minutes have no key, and key comes by chance."""
    topology = network(*applications, **changes)
    expected = expect_demand(topology).applications
    for each, run in zip(expected, served(topology), strict=True):
        assert each.wish.name == run.name
        assert run.counts.served / run.counts.arrived == pytest.approx(each.share, abs=0.03)


def test_remedies_serve() -> None:
    """Each as it says: a relay, another power."""
    topology = network(VOICE | {"options": {"every_s": 12.0}})
    found = expect_demand(topology)
    assert [each.wish.name for each in found.short] == ["voice"]
    lines = list(remedies(topology, found))
    assert "voice: relay = {paths = 1} would bring 100%" in lines
    assert not expect_demand(network(VOICE | {"options": {"every_s": 12.0}, "relay": {}})).short
    (factor,) = (
        float(match[1])
        for line in lines
        if (match := re.match(r"([\d.]+) times the pump power would serve all", line))
    )
    power = {"qnsp.source.pumps.*.power_mw": factor * 0.4}
    assert not expect_demand(network(VOICE | {"options": {"every_s": 12.0}}, **power)).short


def test_nothing_is_said_where_all_are_served() -> None:
    """Nor is anything tried."""
    topology = network(TUNNEL)
    assert not list(remedies(topology, expect_demand(topology)))


def test_the_command_tells(capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked for on the command line; without applications nothing of it."""
    asked = (
        'applications=[{name="v", users=["bob","dave"], key_bits=256, arrivals="poisson", '
        "options={rate_hz=1.0}}]"
    )
    assert run_command(["twin", "fan2025_four_user", "--set", asked]) == 0
    told = " ".join(capsys.readouterr().out.split())
    net_bps = predict("fan2025_four_user").link("bob", "dave").net_key_bps
    assert net_bps is not None
    assert f"v bob & dave 256.00 {net_bps:.2f} 0.00 {100 * net_bps / 256:.1f}" in told
    assert "no pump power between a quarter and four times serves all" in told
    assert "netsim plan --users bob,dave --demand bob-dave=1 --objective poorest" in told
    assert run_command(["twin", "fan2025_four_user"]) == 0
    assert "Applications" not in capsys.readouterr().out


def test_the_present_power_may_be_the_best() -> None:
    """Then no other one is named as what serves most."""
    voice = VOICE | {"options": {"every_s": 1.0}}
    shares = {
        mw: expect_demand(network(voice, **{"qnsp.source.pumps.*.power_mw": mw}))
        .applications[0]
        .share
        for mw in (0.2, 0.23, 0.26, 0.29, 0.32, 0.35)
    }
    best_mw = max(shares, key=lambda mw: shares[mw])
    assert best_mw not in (0.2, 0.35)
    topology = network(voice, **{"qnsp.source.pumps.*.power_mw": best_mw})
    (line,) = (x for x in remedies(topology, expect_demand(topology)) if "pump power" in x)
    assert f"at 1.00 times the present one the poorest gets {shares[best_mw]:.0%}" in line
