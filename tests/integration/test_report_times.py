"""When the light of a reported round was, for controllers that judge a change by it."""

from collections.abc import Iterable

import pytest

import netsim
from netsim.simulation.control import Controller, RoundReport
from netsim.topology.changes import Change


class Listener(Controller):
    """Changes nothing and keeps what it is told."""

    def __init__(self) -> None:
        self.reports: list[RoundReport] = []

    def report(self, report: RoundReport, now_s: float) -> Iterable[Change]:  # noqa: ARG002
        """Keep it."""
        self.reports.append(report)
        return ()


@pytest.mark.parametrize(("frame_s", "announcement_s"), [(0.05, 1.5), (1.0, 0.5), (0.05, 0.01)])
def test_rounds_are_reported_with_the_time_of_their_light(
    frame_s: float, announcement_s: float
) -> None:
    """An announcement is whole frames: of frames of 1 s, rounds were told half a second late."""
    listener = Listener()
    netsim.simulate(
        "two_user",
        duration_s=6,
        seed=1,
        overrides={
            "frame_s": frame_s,
            "protocol.round_s": 2,
            "protocol.announcement_s": announcement_s,
        },
        controller=listener,
    )
    starts_s = [report.start_s for report in listener.reports]
    assert starts_s[:2] == pytest.approx([0.0, 2.0], abs=0.02)
