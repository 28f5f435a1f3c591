"""A controller that sends users away: the same happens as by an event of the file."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

import netsim
from netsim.simulation.control import Controller, RoundReport
from netsim.topology.changes import Change, Join, Leave
from netsim.verify import verify_run


class Once(Controller):
    """Sends a user away at the first report, and another one back."""

    def __init__(self, user: str, returning: str) -> None:
        self._changes: list[Change] = [
            Leave(time_s=0.0, user=user),
            Join(time_s=0.0, user=returning),
        ]

    def report(self, report: RoundReport, now_s: float) -> Iterable[Change]:
        """Both changes with the first report, then none."""
        _ = report, now_s
        changes, self._changes = self._changes, []
        return changes


@pytest.mark.slow
@pytest.mark.parametrize("user", [pytest.param("alice", marks=pytest.mark.slow), "bob"])
def test_user_sent_away_by_a_controller_stops(tmp_path: Path, user: str) -> None:
    """No more light, and no more process: of who reported the round, too. Dave's starts."""
    topology = netsim.load_topology(
        "fan2025_four_user", overrides=["protocol.round_s=1", "users.dave.is_present=false"]
    )
    netsim.simulate(
        topology, duration_s=3, seed=1, out=tmp_path, controller=Once(user, returning="dave")
    )
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    trace = [json.loads(line) for line in lines]
    times_ps = {e["change"]: e["time_ps"] for e in trace if e["event"] == "network_changed"}
    stopped = [(e["end"], e["time_ps"]) for e in trace if e["event"] == "process_stopped"]
    started = [(e["end"], e["time_ps"]) for e in trace if e["event"] == "process_started"]
    assert stopped == [("dave", 0), (user, times_ps["leave"])]
    assert started == [("dave", times_ps["join"])]
    late = [e for e in trace if e["time_ps"] > times_ps["leave"] and e.get("end") == user]
    assert late == []
    assert verify_run(tmp_path) == ()
