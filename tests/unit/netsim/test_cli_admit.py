"""`netsim admit`: what it prints is what the formula gives, and what it refuses."""

import math

import pytest

import netsim
from netsim.cli import run_command
from netsim.relay.admission import admit
from netsim.topology.load import load_topology
from netsim.twin.admission import admission_rates


def test_steps_and_their_sum(capsys: pytest.CaptureFixture[str]) -> None:
    """Each over whom it came; all others in the order of the file where none is given."""
    assert run_command(["admit", "fan2025_four_user", "--user", "alice", "--met", "bob"]) == 0
    out = capsys.readouterr().out
    rates = admission_rates(load_topology("fan2025_four_user"))
    steps = admit("alice", "bob", ["charlie", "dave"], rates, epsilon=1e-9)
    assert len(rates) == 6
    assert [line.split()[:1] for line in out.splitlines()[3:5]] == [["charlie"], ["dave"]]
    assert "bob + charlie" in out.splitlines()[4]
    assert f"All of it: {math.fsum(step.total_s for step in steps):.0f} s of light." in out


def test_rates_are_those_of_the_twin() -> None:
    """Both lanes of charlie and dave together; links without key are none."""
    rate = admission_rates(load_topology("fan2025_four_user"))["charlie", "dave"]
    expected = netsim.predict("fan2025_four_user")
    link = expected.link("charlie", "dave")
    assert len(link.lanes) == 2
    assert rate.key_bps == pytest.approx(sum(lane.skr_bps for lane in link.lanes))
    clicks_hz = {user.name: user.singles_hz for user in expected.users}
    assert rate.classical_bps == pytest.approx(64 * (clicks_hz["charlie"] + clicks_hz["dave"]))
    dark = load_topology("fan2025_four_user", overrides={"qnsp.source.pairs.5.factor": 1e-9})
    assert ("alice", "dave") not in admission_rates(dark)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (("--met", "eve"), "--met: unknown user 'eve'"),
        (("--met", "alice"), "somebody is named twice"),
        (("--met", "bob", "--order", "charlie,bob"), "somebody is named twice"),
        (("--met", "bob", "--order", "charlie,mallory"), "--order: unknown user 'mallory'"),
        (
            ("--met", "bob", "--set", "qnsp.source.pairs.5.factor=1e-9"),
            "alice and dave share no link that makes key",
        ),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], more: tuple[str, ...], fault: str
) -> None:
    """With the option that is to blame."""
    assert run_command(["admit", "fan2025_four_user", "--user", "alice", *more]) == 2
    assert fault in capsys.readouterr().err
