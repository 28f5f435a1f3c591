"""Controllers: reports in, events out; no SimPy, no photons."""

import math

import pytest

from netsim.simulation.control import PowerBalance, Realigner, RoundReport, RoundReports
from netsim.topology.changes import Power, Realign
from netsim.topology.load import parse_topology
from netsim.topology.network import build_network
from netsim.topology.specs import TopologySpec
from netsim.twin.prediction import predict
from protocols.books import RoundBooks
from protocols.events import BlockHeld, LinkLocked, RoundAborted, RoundStarted
from protocols.keylength.keyrate import LaneCounts
from protocols.messages import AbortReason
from tests.unit.netsim.topology.texts import FOUR_USERS

LINKS = (("alice", "bob"), ("bob", "dave"))
ROUND_S = 10.0


def books(bits: int, errors: int) -> RoundBooks:
    """Books of a round of one lane."""
    return RoundBooks(sifted_bits=bits, lanes=(LaneCounts(bits, errors, 0, 0),))


def test_report_is_made_of_ended_rounds_only() -> None:
    """A held block and an aborted round report, once, with the time of their light; a lock not.

    Round 3 may come at any time: numbers stand still while a link is dark.
    """
    reports = RoundReports(lambda _users: 0.5)
    held = BlockHeld(3, 3, b"", 0, b"", books(1000, 20))
    aborted = RoundAborted(4, AbortReason.NO_LOCK, RoundBooks(sifted_bits=5))
    assert reports.take(LINKS[0], ROUND_S, held, 100.0) is None
    for number, now_s in ((3, 77.5), (4, 87.5)):
        assert reports.take(LINKS[0], ROUND_S, RoundStarted(number), now_s) is None
    report = reports.take(LINKS[0], ROUND_S, held, 100.0)
    assert report is not None
    assert (report.start_s, report.stop_s, report.sifted_bits) == (77.0, 87.0, 1000)
    assert reports.take(LINKS[1], ROUND_S, aborted, 101.0) is None
    assert reports.take(LINKS[0], ROUND_S, aborted, 101.0) is not None
    assert reports.take(LINKS[0], ROUND_S, aborted, 101.0) is None
    assert reports.take(LINKS[0], ROUND_S, LinkLocked(0.0, 0.0, 9.0, 10), 101.0) is None


def test_rate_may_be_negative() -> None:
    """N [1 - 2.2 h(Q)] per lane without a floor: a link beyond the limit still shows the way."""

    def rate(errors: int) -> float:
        lanes = (LaneCounts(1000, errors, 0, 0),)
        return RoundReport(LINKS[0], 0.0, 10.0, 1000, lanes).rate_bps

    assert rate(0) == 100.0
    assert rate(95) == pytest.approx(0.0, abs=1.0)
    assert rate(200) < rate(150) < 0
    assert RoundReport(LINKS[0], 0.0, 10.0, 1000, ()).rate_bps == pytest.approx(-120.0)
    assert RoundReport(LINKS[0], 0.0, 10.0, 0, ()).rate_bps == 0.0


def play(topology: TopologySpec, rounds: int) -> PowerBalance:
    """Let a controller play against the twin instead of a network: noiseless reports."""
    links = build_network(topology).links
    controller = PowerBalance(topology, links, step=1.3, rounds=1)
    for number in range(rounds):
        pumps = tuple(
            pump.model_copy(update={"power_mw": controller.powers_mw[pump.channel]})
            for pump in topology.qnsp.source.pumps  # type: ignore[union-attr]
        )
        source = topology.qnsp.source.model_copy(update={"pumps": pumps})
        state = topology.model_copy(
            update={"qnsp": topology.qnsp.model_copy(update={"source": source})}
        )
        lanes = predict(build_network(state)).lanes
        for users in links:
            counts = tuple(
                LaneCounts(round(1e4 * x.sifted_hz), round(1e4 * x.sifted_hz * x.qber), 0, 0)
                for x in lanes
                if x.users == users
            )
            report = RoundReport(users, 1e4 * number, 1e4 * (number + 1), 0, counts)
            list(controller.report(report, now_s=1e4 * (number + 1)))
    return controller


@pytest.mark.slow
def test_power_balance_finds_the_best_powers_of_the_poorest_link() -> None:
    """From the paper's 0.4 mW it gets within 2 % of the best smallest rate on a grid of powers."""
    topology = parse_topology(FOUR_USERS)

    def poorest(first_mw: float, second_mw: float) -> float:
        overrides = [
            f"qnsp.source.pumps.C34.power_mw={first_mw}",
            f"qnsp.source.pumps.C46.power_mw={second_mw}",
        ]
        network = build_network(parse_topology(FOUR_USERS, overrides=overrides))
        lanes = predict(network).lanes
        return min(
            math.fsum(lane.skr_bps for lane in lanes if lane.users == users)
            for users in network.links
        )

    grid = [0.2 + 0.02 * k for k in range(11)]
    best = max(poorest(one, other) for one in grid for other in grid)
    found = play(topology, 60).powers_mw
    reached = poorest(found["C34"], found["C46"])
    assert reached > 0.98 * best
    assert reached > 1.8 * poorest(0.4, 0.4)


def test_reports_of_light_before_a_change_do_not_count() -> None:
    """A round that began before the last change belongs to no trial."""
    controller = PowerBalance(parse_topology(FOUR_USERS), LINKS, step=1.2, rounds=1)

    def report(number: int, users: tuple[str, str]) -> RoundReport:
        lanes = (LaneCounts(1000, 50, 0, 0),)
        return RoundReport(users, ROUND_S * number, ROUND_S * (number + 1), 1000, lanes)

    assert list(controller.report(report(0, LINKS[0]), 10.5)) == []
    changes = list(controller.report(report(0, LINKS[1]), 11.0))
    powers = [change for change in changes if isinstance(change, Power)]
    assert [change.channel for change in powers] == ["C34", "C46"]
    assert powers[0].power_mw == pytest.approx(0.4 / 1.2)
    # Round 1 began at 10 s, before the change at 11 s.
    for users in LINKS:
        assert list(controller.report(report(1, users), 20.5)) == []
    assert list(controller.report(report(2, LINKS[0]), 30.5)) == []
    assert list(controller.report(report(2, LINKS[1]), 30.6)) != []


def test_what_was_aligned_meanwhile_is_not_aligned_again() -> None:
    """A round that began before its users were aligned says nothing of how they are now."""

    def report(users: tuple[str, str], start_s: float, errors: int) -> RoundReport:
        return RoundReport(users, start_s, start_s + 10, 1000, (LaneCounts(1000, errors, 0, 0),))

    controller = Realigner(0.06)
    assert list(controller.report(report(LINKS[0], 0.0, 60), 10.5)) == []
    aligned = list(controller.report(report(LINKS[0], 10.0, 61), 20.5))
    assert aligned == [Realign(time_s=20.5, user="alice"), Realign(time_s=20.5, user="bob")]
    both = list(controller.report(report(LINKS[1], 20.0, 90), 30.5))
    assert both == [Realign(time_s=30.5, user="dave")]
    later = list(controller.report(report(LINKS[1], 31.0, 90), 41.5))
    assert [change.user for change in later if isinstance(change, Realign)] == ["bob", "dave"]
